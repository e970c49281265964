"""Video encoder configurations, through the media service that the profile was read from.

A change starts from the structure the camera gave (cameras refuse incomplete ones), is clamped to the options, sent at
once, on a fault group by group, and read back. One attempt per change: a camera that ignores it is reported, not asked
again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

from lxml import etree
from zeep.helpers import serialize_object

from onvif_client import envelope as soap
from onvif_client.errors import CameraMisbehaved, CameraRejected, CameraUnsupported
from onvif_client.services import Services
from onvif_client.types import (
    AppliedChange,
    EncoderChange,
    EncoderConfiguration,
    EncoderOptions,
    EncodingOptions,
    MediaVersion,
    Range,
    shown,
)

# Sent together, because one is not valid without the other: a resolution belongs to an encoding, a GOP to a rate.
GROUPS = (("encoding", "width_px", "height_px"), ("frame_rate", "gov_length"), ("quality", "bitrate_kbps"))

# Required in every change, and left out of what they tell by cameras that know no multicast.
NO_ADDRESS = "0.0.0.0"  # noqa: S104  # nothing is bound: it says that the encoder sends no multicast
REQUIRED_BY_MEDIA1 = {
    "Multicast": {"Address": {"Type": "IPv4", "IPv4Address": NO_ADDRESS}, "Port": 0, "TTL": 1, "AutoStart": False},
    "SessionTimeout": timedelta(seconds=60),
}

# Cameras round rates and qualities to their own steps.
TOLERANCE = 0.05


async def read_encoder(services: Services, configuration: EncoderConfiguration) -> EncoderConfiguration:
    """The configuration as it is now."""
    if configuration.media is MediaVersion.MEDIA2:
        return encoder_from_media2(await _media2_structure(services, configuration.token))
    return encoder_from_media1(await _media1_structure(services, configuration.token))


async def read_encoder_options(services: Services, configuration: EncoderConfiguration) -> EncoderOptions:
    if configuration.media is MediaVersion.MEDIA2:
        request = soap.element(
            "tr2:GetVideoEncoderConfigurationOptions",
            soap.element("tr2:ConfigurationToken", text=configuration.token),
        )
        answer = await services.ask(soap.TR2, request)
        return EncoderOptions(encodings=tuple(_media2_options(each) for each in soap.children(answer, "Options")))
    answer = await services.call("media", "GetVideoEncoderConfigurationOptions", ConfigurationToken=configuration.token)
    return _media1_options(answer)


async def apply_encoder(
    services: Services, configuration: EncoderConfiguration, change: EncoderChange, options: EncoderOptions
) -> tuple[AppliedChange, ...]:
    """Change an encoder; the report has one line per field asked. Streams may have to be opened again afterwards."""
    before = await read_encoder(services, configuration)
    clamped = _clamp(change, before, options)
    asked = {each.name: value for each in fields(clamped) if (value := getattr(clamped, each.name)) is not None}
    wanted = {name: value for name, value in asked.items() if getattr(before, name) != value}
    send = _send_media2 if configuration.media is MediaVersion.MEDIA2 else _send_media1
    problems = await _send_in_groups(wanted, lambda values: send(services, configuration.token, values))
    after = await read_encoder(services, configuration)
    return tuple(_report(name, value, getattr(after, name), problems.get(name, "")) for name, value in asked.items())


def encoder_from_media1(answer: Any) -> EncoderConfiguration:
    """A zeep VideoEncoderConfiguration as our type."""
    rate, h264 = answer.RateControl, answer.H264 if answer.Encoding == "H264" else None
    if not answer.token or not answer.Encoding or answer.Resolution is None:
        raise CameraMisbehaved("The camera describes a video encoder without token, encoding or resolution.")
    return EncoderConfiguration(
        token=answer.token,
        name=answer.Name or answer.token,
        encoding=answer.Encoding,
        width_px=int(answer.Resolution.Width or 0),
        height_px=int(answer.Resolution.Height or 0),
        quality=float(answer.Quality or 0),
        frame_rate=float(rate.FrameRateLimit) if rate is not None and rate.FrameRateLimit is not None else None,
        bitrate_kbps=rate.BitrateLimit if rate is not None else None,
        gov_length=h264.GovLength if h264 is not None else None,
        codec_profile=h264.H264Profile if h264 is not None else None,
        use_count=answer.UseCount,
        media=MediaVersion.MEDIA1,
    )


def encoder_from_media2(element: etree._Element) -> EncoderConfiguration:
    """A tt:VideoEncoder2Configuration element as our type."""
    token, encoding = element.get("token"), soap.text(element, "Encoding")
    width = soap.number(soap.text(element, "Resolution", "Width"))
    height = soap.number(soap.text(element, "Resolution", "Height"))
    if not token or not encoding or width is None or height is None:
        raise CameraMisbehaved("The camera describes a video encoder without token, encoding or resolution.")
    return EncoderConfiguration(
        token=token,
        name=soap.text(element, "Name") or token,
        encoding=encoding,
        width_px=int(width),
        height_px=int(height),
        quality=soap.number(soap.text(element, "Quality")) or 0.0,
        frame_rate=soap.number(soap.text(element, "RateControl", "FrameRateLimit")),
        bitrate_kbps=_whole(soap.text(element, "RateControl", "BitrateLimit")),
        gov_length=_whole(element.get("GovLength")),
        codec_profile=element.get("Profile"),
        use_count=_whole(soap.text(element, "UseCount")),
        media=MediaVersion.MEDIA2,
    )


async def _send_in_groups(wanted: dict[str, Any], send: Callable[[dict[str, Any]], Awaitable[None]]) -> dict[str, str]:
    """Send all at once; when the camera rejects that, group by group. Returns what was rejected, by field."""
    if not wanted:
        return {}
    try:
        await send(wanted)
    except (CameraRejected, CameraUnsupported) as error:
        parts = [{name: wanted[name] for name in group if name in wanted} for group in GROUPS]
        parts = [part for part in parts if part]
        if len(parts) == 1:
            return dict.fromkeys(wanted, str(error))
    else:
        return {}
    problems: dict[str, str] = {}
    for part in parts:
        try:
            await send(part)
        except (CameraRejected, CameraUnsupported) as error:
            problems |= dict.fromkeys(part, str(error))
    return problems


def _clamp(change: EncoderChange, before: EncoderConfiguration, options: EncoderOptions) -> EncoderChange:
    """The change with every value moved to the nearest one the camera offers for that encoding."""
    encoding = change.encoding or before.encoding
    offered = options.of(encoding)
    if offered is None:
        return change
    values: dict[str, Any] = {}
    if (change.width_px is not None or change.height_px is not None) and offered.resolutions:
        size = (change.width_px or before.width_px, change.height_px or before.height_px)
        nearest = min(offered.resolutions, key=lambda each: abs(each[0] - size[0]) + abs(each[1] - size[1]))
        values["width_px"], values["height_px"] = nearest
    if change.quality is not None and offered.quality is not None:
        values["quality"] = offered.quality.clamp(change.quality)
    if change.frame_rate is not None:
        values["frame_rate"] = nearest_rate(change.frame_rate, offered)
    if change.bitrate_kbps is not None and offered.bitrate_kbps is not None:
        values["bitrate_kbps"] = int(offered.bitrate_kbps.clamp(change.bitrate_kbps))
    if change.gov_length is not None:
        values["gov_length"] = int(offered.gov_length.clamp(change.gov_length)) if offered.gov_length else None
    return replace(change, **values)


def nearest_rate(rate: float, offered: EncodingOptions) -> float:
    """The slowest offered rate that is not below the wanted one; the fastest offered when all are below."""
    if offered.frame_rates:
        return min((each for each in offered.frame_rates if each >= rate), default=max(offered.frame_rates))
    return offered.frame_rate.clamp(rate) if offered.frame_rate is not None else rate


def _report(name: str, asked: Any, got: Any, problem: str) -> AppliedChange:
    same = asked == got
    if isinstance(asked, (int, float)) and isinstance(got, (int, float)):
        same = abs(asked - got) <= TOLERANCE * max(abs(asked), 1.0)
    detail = problem or ("" if same else "The camera accepted the change and kept another value.")
    return AppliedChange(field=name, asked=shown(asked), got=shown(got), ok=same, detail=detail)


async def _media1_structure(services: Services, token: str) -> Any:
    answer = await services.call("media", "GetVideoEncoderConfiguration", ConfigurationToken=token)
    if answer is None:
        raise CameraMisbehaved("GetVideoEncoderConfiguration: the camera answered without a configuration.")
    return answer


async def _send_media1(services: Services, token: str, values: dict[str, Any]) -> None:
    structure = await _media1_structure(services, token)
    if "encoding" in values:
        structure.Encoding = values["encoding"]
    structure.Resolution.Width = values.get("width_px", structure.Resolution.Width)
    structure.Resolution.Height = values.get("height_px", structure.Resolution.Height)
    if "quality" in values:
        structure.Quality = values["quality"]
    rate = structure.RateControl
    if rate is not None:
        # A rate limit means what it says only when every frame is encoded.
        rate.EncodingInterval = 1 if "frame_rate" in values else rate.EncodingInterval
        rate.FrameRateLimit = round(values.get("frame_rate", rate.FrameRateLimit))
        rate.BitrateLimit = values.get("bitrate_kbps", rate.BitrateLimit)
    if structure.Encoding != "H264":
        structure.H264 = None
    elif structure.H264 is not None and "gov_length" in values:
        structure.H264.GovLength = values["gov_length"]
    if structure.Encoding != "MPEG4":
        structure.MPEG4 = None
    configuration = serialize_object(structure)
    for name, value in REQUIRED_BY_MEDIA1.items():
        configuration[name] = configuration[name] or value
    await services.call("media", "SetVideoEncoderConfiguration", Configuration=configuration, ForcePersistence=True)


async def _media2_structure(services: Services, token: str) -> etree._Element:
    request = soap.element("tr2:GetVideoEncoderConfigurations", soap.element("tr2:ConfigurationToken", text=token))
    answer = await services.ask(soap.TR2, request)
    for each in soap.children(answer, "Configurations"):
        if each.get("token") == token:
            return each
    raise CameraUnsupported(f"The camera has no video encoder '{token}' any more.")


async def _send_media2(services: Services, token: str, values: dict[str, Any]) -> None:
    structure = deepcopy(await _media2_structure(services, token))
    structure.tag = f"{{{soap.TR2}}}Configuration"
    paths = {
        "encoding": ("Encoding",),
        "width_px": ("Resolution", "Width"),
        "height_px": ("Resolution", "Height"),
        "frame_rate": ("RateControl", "FrameRateLimit"),
        "bitrate_kbps": ("RateControl", "BitrateLimit"),
        "quality": ("Quality",),
    }
    for name, path in paths.items():
        target = soap.child(structure, *path)
        if name in values and target is not None:
            target.text = f"{values[name]:g}" if isinstance(values[name], float) else str(values[name])
    encoding = soap.text(structure, "Encoding")
    if encoding == "JPEG":
        for attribute in ("GovLength", "Profile"):
            if attribute in structure.attrib:
                del structure.attrib[attribute]
    elif "gov_length" in values:
        structure.set("GovLength", str(values["gov_length"]))
    await services.ask(soap.TR2, soap.element("tr2:SetVideoEncoderConfiguration", structure))


def _media2_options(element: etree._Element) -> EncodingOptions:
    rates = tuple(rate for part in (element.get("FrameRatesSupported") or "").split() if (rate := soap.number(part)))
    gov = tuple(soap.number(part) for part in (element.get("GovLengthRange") or "").split())
    sizes = (
        (_whole(soap.text(each, "Width")), _whole(soap.text(each, "Height")))
        for each in soap.children(element, "ResolutionsAvailable")
    )
    return EncodingOptions(
        encoding=soap.text(element, "Encoding"),
        resolutions=tuple((width, height) for width, height in sizes if width and height),
        quality=range_from_element(soap.child(element, "QualityRange")),
        frame_rate=Range(minimum=min(rates), maximum=max(rates)) if rates else None,
        frame_rates=rates,
        bitrate_kbps=range_from_element(soap.child(element, "BitrateRange")),
        gov_length=Range(minimum=gov[0], maximum=gov[-1]) if gov and gov[0] is not None and gov[-1] else None,
    )


def _media1_options(answer: Any) -> EncoderOptions:
    quality = range_from_zeep(answer.QualityRange)
    extension = getattr(answer, "Extension", None)
    found = []
    for encoding in ("JPEG", "MPEG4", "H264"):
        offered = getattr(answer, encoding, None)
        if offered is None:
            continue
        more = getattr(extension, encoding, None)
        found.append(
            EncodingOptions(
                encoding=encoding,
                resolutions=tuple((each.Width, each.Height) for each in offered.ResolutionsAvailable or ()),
                quality=quality,
                frame_rate=range_from_zeep(offered.FrameRateRange),
                bitrate_kbps=range_from_zeep(getattr(more, "BitrateRange", None)),
                gov_length=range_from_zeep(getattr(offered, "GovLengthRange", None)),
            )
        )
    return EncoderOptions(encodings=tuple(found))


def range_from_zeep(answer: Any) -> Range | None:
    """A zeep IntRange or FloatRange; None when absent or half given."""
    if answer is None or answer.Min is None or answer.Max is None:
        return None
    return Range(minimum=float(answer.Min), maximum=float(answer.Max))


def range_from_element(element: etree._Element | None) -> Range | None:
    minimum, maximum = soap.number(soap.text(element, "Min")), soap.number(soap.text(element, "Max"))
    return Range(minimum=minimum, maximum=maximum) if minimum is not None and maximum is not None else None


def _whole(value: str | None) -> int | None:
    found = soap.number(value)
    return int(found) if found is not None else None
