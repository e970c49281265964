"""Elements that Media and Media2 share, in tt: the video source, and reading an encoder configuration."""

from __future__ import annotations

from dataclasses import replace

from mock_vms.camera.encoders import (
    SENSOR_SIZE,
    VIDEO_SOURCE,
    VIDEO_SOURCE_CONFIGURATION,
    encoding_of,
    require_modifiable,
)
from mock_vms.camera.services.operation import number, optional_child, required_child, whole_number
from mock_vms.camera.soap import SoapFault, invalid_argument
from mock_vms.camera.state import CameraState, EncoderSettings, OsdSettings
from mock_vms.camera.xml import Element, Maker, children_of, name_of, tt


def video_source_configuration(state: CameraState, make: Maker, name: str) -> Element:
    width, height = SENSOR_SIZE
    return make(
        name,
        tt("Name", "Video source"),
        tt("UseCount", len(state.encoders)),
        tt("SourceToken", VIDEO_SOURCE),
        tt("Bounds", x=0, y=0, width=width, height=height),
        token=VIDEO_SOURCE_CONFIGURATION,
    )


def video_source_configuration_options(make: Maker, name: str) -> Element:
    width, height = SENSOR_SIZE
    bounds = tt(
        "BoundsRange",
        value_range("XRange", 0, 0),
        value_range("YRange", 0, 0),
        value_range("WidthRange", width, width),
        value_range("HeightRange", height, height),
    )
    return make(name, bounds, tt("VideoSourceTokensAvailable", VIDEO_SOURCE))


def osd_configuration(make: Maker, token: str, osd: OsdSettings) -> Element:
    """A text in the picture (Media 5.16); a place of its own is told in -1 to 1 with y up."""
    clock = osd.text is None
    where = tt("Pos", x=osd.x, y=osd.y) if osd.position == "Custom" else None
    return make(
        "OSDs",
        tt("VideoSourceConfigurationToken", VIDEO_SOURCE_CONFIGURATION),
        tt("Type", "Text"),
        tt("Position", tt("Type", osd.position), where),
        tt(
            "TextString",
            tt("Type", "DateAndTime" if clock else "Plain"),
            tt("DateFormat", "yyyy-MM-dd") if clock else None,
            tt("TimeFormat", "HH:mm:ss") if clock else None,
            tt("FontSize", 32),
            None if clock else tt("PlainText", osd.text or ""),
        ),
        token=token,
    )


def multicast() -> Element:
    """Multicast is not offered; the element is required all the same, so it names no address."""
    return tt(
        "Multicast",
        tt("Address", tt("Type", "IPv4"), tt("IPv4Address", "0.0.0.0")),  # noqa: S104  # an address in XML, not a bind
        tt("Port", 0),
        tt("TTL", 1),
        tt("AutoStart", False),
    )


def resolution(name: str, width: int, height: int) -> Element:
    return tt(name, tt("Width", width), tt("Height", height))


def value_range(name: str, low: float, high: float) -> Element:
    return tt(name, tt("Min", low), tt("Max", high))


def require_video_source_configuration(token: str) -> None:
    if token != VIDEO_SOURCE_CONFIGURATION:
        raise invalid_argument(f"There is no video source configuration {token[:64]!r}", "NoConfig")


def token_of(configuration: Element) -> str:
    token = configuration.get("token", "").strip()
    if not token:
        raise SoapFault("The Configuration needs a token attribute", "InvalidArgs")
    return token


def changed_encoder(current: EncoderSettings, configuration: Element, ignored: frozenset[str]) -> EncoderSettings:
    """The encoder as the client wants it. What its configuration leaves out, or a quirk ignores, stays as it is."""
    wanted = _read(current, configuration)
    require_modifiable(wanted)
    kept = {field: getattr(current, field) for name, fields in _FIELDS.items() if name in ignored for field in fields}
    return replace(wanted, **kept)


_FIELDS = {
    "Encoding": ("encoding",),
    "Resolution": ("width_px", "height_px"),
    "Quality": ("quality",),
    "FrameRateLimit": ("frame_rate",),
    "BitrateLimit": ("bitrate_kbps",),
    "GovLength": ("gov_length",),
}


def _read(current: EncoderSettings, configuration: Element) -> EncoderSettings:
    encoding = encoding_of(required_child(configuration, "Encoding").text or "")
    size = required_child(configuration, "Resolution")
    limits = {name_of(limit): limit for limit in children_of(_or_empty(configuration, "RateControl"))}
    gov = optional_child(_or_empty(configuration, "H264"), "GovLength")
    gov_attribute = configuration.get("GovLength")
    frame_rate, bitrate = limits.get("FrameRateLimit"), limits.get("BitrateLimit")
    wanted = replace(
        current,
        encoding=encoding,
        width_px=whole_number(required_child(size, "Width")),
        height_px=whole_number(required_child(size, "Height")),
        quality=number(required_child(configuration, "Quality")),
    )
    if frame_rate is not None:
        wanted = replace(wanted, frame_rate=number(frame_rate))
    if bitrate is not None:
        wanted = replace(wanted, bitrate_kbps=whole_number(bitrate))
    if gov is not None:
        wanted = replace(wanted, gov_length=whole_number(gov))
    elif gov_attribute is not None:
        wanted = replace(wanted, gov_length=whole_number(tt("GovLength", gov_attribute)))
    return wanted


def _or_empty(parent: Element, name: str) -> Element:
    child = optional_child(parent, name)
    return child if child is not None else tt(name)
