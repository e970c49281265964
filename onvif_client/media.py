"""Profiles and the addresses of their pictures, through Media2 where the camera has it and Media1 where it has not."""

from __future__ import annotations

from typing import Any

from lxml import etree

from onvif_client import envelope as soap
from onvif_client.encoder import encoder_from_media1, encoder_from_media2
from onvif_client.errors import CameraError, CameraMisbehaved, CameraUnsupported
from onvif_client.services import OPTIONAL, Services
from onvif_client.types import MediaVersion, Profile

# Media1's words for "RTSP with the media inside the same TCP connection", the transport that passes every firewall.
RTSP_OVER_TCP = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}


async def read_profiles(services: Services) -> tuple[Profile, ...]:
    """The profiles that have a video source; Media1 is asked when Media2 is missing, broken or empty."""
    problem: CameraError | None = None
    if services.has(soap.TR2):
        try:
            if found := await _media2_profiles(services):
                return found
        except OPTIONAL as error:
            problem = error
    if services.has(soap.TRT):
        return await _media1_profiles(services)
    raise problem or CameraUnsupported("The camera offers no media service: it has no video to give.")


def choose_profile(profiles: tuple[Profile, ...], wanted: str | None = None) -> Profile:
    """The wanted profile by token or name; else the largest picture, which plates need most."""
    if wanted is not None:
        found = next((each for each in profiles if wanted in (each.token, each.name)), None)
        if found is None:
            names = ", ".join(each.token for each in profiles) or "none"
            raise CameraUnsupported(f"The camera has no profile '{wanted}'. It has: {names}.")
        return found
    with_video = [each for each in profiles if each.encoder is not None]
    if not with_video:
        raise CameraUnsupported("No profile of the camera has a video encoder. Add one in the camera's web page.")
    return max(with_video, key=_pixels)


async def read_stream_uri(services: Services, profile: Profile) -> str:
    """The RTSP address as the camera claims it."""
    if profile.media is MediaVersion.MEDIA2:
        request = soap.element(
            "tr2:GetStreamUri",
            soap.element("tr2:Protocol", text="RTSP"),
            soap.element("tr2:ProfileToken", text=profile.token),
        )
        return _uri(soap.text(await services.ask(soap.TR2, request), "Uri"), "GetStreamUri")
    answer = await services.call("media", "GetStreamUri", StreamSetup=RTSP_OVER_TCP, ProfileToken=profile.token)
    return _uri(getattr(answer, "Uri", None), "GetStreamUri")


async def read_snapshot_uri(services: Services, profile: Profile) -> str:
    """The address of still pictures as the camera claims it."""
    if profile.media is MediaVersion.MEDIA2:
        request = soap.element("tr2:GetSnapshotUri", soap.element("tr2:ProfileToken", text=profile.token))
        return _uri(soap.text(await services.ask(soap.TR2, request), "Uri"), "GetSnapshotUri")
    answer = await services.call("media", "GetSnapshotUri", ProfileToken=profile.token)
    return _uri(getattr(answer, "Uri", None), "GetSnapshotUri")


async def _media2_profiles(services: Services) -> tuple[Profile, ...]:
    request = soap.element(
        "tr2:GetProfiles",
        soap.element("tr2:Type", text="VideoSource"),
        soap.element("tr2:Type", text="VideoEncoder"),
    )
    answer = await services.ask(soap.TR2, request)
    found = (_media2_profile(each) for each in soap.children(answer, "Profiles"))
    return tuple(each for each in found if each is not None)


def _media2_profile(element: etree._Element) -> Profile | None:
    token = element.get("token")
    source = soap.child(element, "Configurations", "VideoSource")
    encoder = soap.child(element, "Configurations", "VideoEncoder")
    if not token or source is None:
        return None
    return Profile(
        token=token,
        name=soap.text(element, "Name") or token,
        media=MediaVersion.MEDIA2,
        video_source_token=soap.text(source, "SourceToken") or None,
        encoder=encoder_from_media2(encoder) if encoder is not None else None,
        video_source_configuration=source.get("token"),
    )


async def _media1_profiles(services: Services) -> tuple[Profile, ...]:
    answer = await services.call("media", "GetProfiles")
    found = (_media1_profile(each) for each in answer or ())
    return tuple(each for each in found if each is not None)


def _media1_profile(answer: Any) -> Profile | None:
    source = answer.VideoSourceConfiguration
    if not answer.token or source is None:
        return None
    encoder = answer.VideoEncoderConfiguration
    return Profile(
        token=answer.token,
        name=answer.Name or answer.token,
        media=MediaVersion.MEDIA1,
        video_source_token=source.SourceToken,
        encoder=encoder_from_media1(encoder) if encoder is not None else None,
        video_source_configuration=source.token,
    )


def _pixels(profile: Profile) -> int:
    return profile.encoder.width_px * profile.encoder.height_px if profile.encoder is not None else 0


def _uri(value: str | None, operation: str) -> str:
    if not value or not value.strip():
        raise CameraMisbehaved(f"{operation}: the camera answered without an address.")
    return value.strip()
