"""The configurations that Media, Media2 and Analytics show, each built in one place, in the schema's element order."""

from __future__ import annotations

from collections.abc import Sequence

from adapter.onvif_device.ports import FaceCamera
from events import soap
from events.onvif.messages import LPR_RULE_NAME
from events.onvif.tokens import configuration_token, profile_token, video_source_token
from events.xmlns import Element, node, xs_float

RULE_TYPE = "tt:LicensePlateRecognition"
MODULE_TYPE = "tt:LicensePlateRecognitionEngine"
MODULE_NAME = "lpr_module"

_SESSION_TIMEOUT = "PT60S"


def video_source(camera: FaceCamera, tag: str) -> Element:
    """tt:VideoSource."""
    return node(
        tag,
        node("tt:Framerate", xs_float(camera.frame_rate)),
        resolution(camera),
        token=video_source_token(camera.camera_id),
    )


def video_source_configuration(camera: FaceCamera, tag: str) -> Element:
    """tt:VideoSourceConfiguration: Name, UseCount, SourceToken, Bounds."""
    return node(
        tag,
        node("tt:Name", camera.name),
        node("tt:UseCount", "1"),
        node("tt:SourceToken", video_source_token(camera.camera_id)),
        node("tt:Bounds", x="0", y="0", width=str(camera.width_px), height=str(camera.height_px)),
        token=configuration_token("vsc", camera.camera_id),
    )


def video_encoder_configuration(camera: FaceCamera, tag: str) -> Element:
    """tt:VideoEncoderConfiguration of Media (1)."""
    codec = None
    if camera.encoding == "H264":
        codec = node("tt:H264", node("tt:GovLength", str(_gov_length(camera))), node("tt:H264Profile", "Main"))
    return node(
        tag,
        node("tt:Name", camera.name),
        node("tt:UseCount", "1"),
        node("tt:Encoding", camera.encoding),
        resolution(camera),
        node("tt:Quality", "80"),
        node(
            "tt:RateControl",
            node("tt:FrameRateLimit", str(max(round(camera.frame_rate), 1))),
            node("tt:EncodingInterval", "1"),
            node("tt:BitrateLimit", "8192"),
        ),
        codec,
        _multicast(),
        node("tt:SessionTimeout", _SESSION_TIMEOUT),
        token=configuration_token("vec", camera.camera_id),
    )


def video_encoder2_configuration(camera: FaceCamera, tag: str) -> Element:
    """tt:VideoEncoder2Configuration of Media2."""
    element = node(
        tag,
        node("tt:Name", camera.name),
        node("tt:UseCount", "1"),
        node("tt:Encoding", camera.encoding),
        resolution(camera),
        node(
            "tt:RateControl",
            node("tt:FrameRateLimit", xs_float(camera.frame_rate)),
            node("tt:BitrateLimit", "8192"),
        ),
        node("tt:Quality", "80"),
        token=configuration_token("vec", camera.camera_id),
    )
    if camera.encoding == "H264":
        element.set("GovLength", str(_gov_length(camera)))
        element.set("Profile", "Main")
    return element


def metadata_configuration(camera: FaceCamera, tag: str) -> Element:
    """tt:MetadataConfiguration: all events (Events without a filter) and the scene."""
    return node(
        tag,
        node("tt:Name", f"{camera.name} metadata"),
        node("tt:UseCount", "1"),
        node("tt:Events"),
        node("tt:Analytics", "true"),
        _multicast(),
        node("tt:SessionTimeout", _SESSION_TIMEOUT),
        token=configuration_token("meta", camera.camera_id),
    )


def analytics_configuration(camera: FaceCamera, tag: str) -> Element:
    """tt:VideoAnalyticsConfiguration with our one module and our one rule."""
    return node(
        tag,
        node("tt:Name", f"{camera.name} analytics"),
        node("tt:UseCount", "1"),
        node("tt:AnalyticsEngineConfiguration", analytics_module("tt:AnalyticsModule")),
        node("tt:RuleEngineConfiguration", rule("tt:Rule")),
        token=configuration_token("vac", camera.camera_id),
    )


def analytics_module(tag: str) -> Element:
    """The module that fills the scene."""
    return node(tag, node("tt:Parameters"), Name=MODULE_NAME, Type=MODULE_TYPE)


def rule(tag: str) -> Element:
    """The rule that recognises plates. Pictures are fetched by link, so nothing is embedded."""
    parameters = node("tt:Parameters", node("tt:SimpleItem", Name="IncludeImage", Value="LocalStorage"))
    return node(tag, parameters, Name=LPR_RULE_NAME, Type=RULE_TYPE)


def resolution(camera: FaceCamera, tag: str = "tt:Resolution") -> Element:
    return node(tag, node("tt:Width", str(camera.width_px)), node("tt:Height", str(camera.height_px)))


def by_profile(cameras: Sequence[FaceCamera], token: str) -> FaceCamera:
    """The camera of a profile. Raises Fault NoProfile."""
    for camera in cameras:
        if profile_token(camera.camera_id) == token:
            return camera
    raise soap.sender_fault(
        "ter:InvalidArgVal", "ter:NoProfile", reason=f"There is no profile {token[:64]!r}; see GetProfiles."
    )


def by_configuration(cameras: Sequence[FaceCamera], kind: str, token: str) -> FaceCamera:
    """The camera of a configuration. Raises Fault NoConfig."""
    for camera in cameras:
        if configuration_token(kind, camera.camera_id) == token:
            return camera
    raise soap.sender_fault(
        "ter:InvalidArgVal", "ter:NoConfig", reason=f"There is no configuration {token[:64]!r} of this kind."
    )


def by_video_source(cameras: Sequence[FaceCamera], token: str) -> FaceCamera:
    """The camera of a video source. Raises Fault NoSource."""
    for camera in cameras:
        if video_source_token(camera.camera_id) == token:
            return camera
    raise soap.sender_fault(
        "ter:InvalidArgVal", "ter:NoSource", reason=f"There is no video source {token[:64]!r}; see GetVideoSources."
    )


def _multicast() -> Element:
    """Multicast is not offered; the element is mandatory."""
    address = node("tt:Address", node("tt:Type", "IPv4"), node("tt:IPv4Address", "0.0.0.0"))  # noqa: S104 - no bind
    return node("tt:Multicast", address, node("tt:Port", "0"), node("tt:TTL", "1"), node("tt:AutoStart", "false"))


def _gov_length(camera: FaceCamera) -> int:
    return max(round(camera.frame_rate), 1)
