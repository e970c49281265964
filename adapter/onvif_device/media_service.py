"""The Media (1) service: one fixed profile per LPR camera."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from adapter.onvif_device import configurations as conf
from adapter.onvif_device.addresses import SNAPSHOT_PATH
from adapter.onvif_device.call import Access, Call, Operation, not_supported
from adapter.onvif_device.ports import Cameras, FaceCamera
from events import soap
from events.onvif.tokens import profile_token
from events.xmlns import Element, node

_Build = Callable[[FaceCamera, str], Element]
_Answering = Awaitable[Element]

# What GetStreamUri can be asked for; everything is RTP over the RTSP connection or UDP.
_PROTOCOLS = frozenset({"UDP", "TCP", "RTSP", "HTTP"})

# Configurations that are listed, fetched by token, and named in a profile: element, token kind, builder.
_KINDS: tuple[tuple[str, str, _Build], ...] = (
    ("VideoSourceConfiguration", "vsc", conf.video_source_configuration),
    ("VideoEncoderConfiguration", "vec", conf.video_encoder_configuration),
    ("VideoAnalyticsConfiguration", "vac", conf.analytics_configuration),
    ("MetadataConfiguration", "meta", conf.metadata_configuration),
)


class MediaService:
    """Answers `trt` requests."""

    def __init__(self, *, cameras: Cameras) -> None:
        self._cameras = cameras

    def operations(self) -> Iterable[Operation]:
        read, act = Access.READ_MEDIA, Access.ACTUATE
        yield Operation(request="trt:GetServiceCapabilities", access=Access.PRE_AUTH, answer=self._capabilities)
        yield Operation(request="trt:GetProfiles", access=read, answer=self._profiles)
        yield Operation(request="trt:GetProfile", access=read, answer=self._one_profile)
        yield Operation(request="trt:GetVideoSources", access=read, answer=self._video_sources)
        for element, kind, build in _KINDS:
            yield Operation(request=f"trt:Get{element}s", access=read, answer=_listed(self._cameras, element, build))
            yield Operation(request=f"trt:Get{element}", access=read, answer=_one(self._cameras, element, kind, build))
            if element != "VideoAnalyticsConfiguration":
                yield Operation(request=f"trt:Set{element}", access=act, answer=_refuse_change)
        for nothing in ("AudioSources", "AudioSourceConfigurations", "AudioEncoderConfigurations"):
            yield Operation(request=f"trt:Get{nothing}", access=read, answer=_empty(f"trt:Get{nothing}Response"))
        yield Operation(request="trt:GetVideoEncoderConfigurationOptions", access=read, answer=self._encoder_options)
        yield Operation(request="trt:GetMetadataConfigurationOptions", access=read, answer=self._metadata_options)
        yield Operation(request="trt:GetStreamUri", access=read, answer=self._stream_uri)
        yield Operation(request="trt:GetSnapshotUri", access=read, answer=self._snapshot_uri)
        yield Operation(request="trt:SetSynchronizationPoint", access=act, answer=self._synchronize)

    def capabilities(self) -> Element:
        return node(
            "trt:Capabilities",
            node("trt:ProfileCapabilities", MaximumNumberOfProfiles=str(max(len(self._cameras.cameras()), 1))),
            node("trt:StreamingCapabilities", RTPMulticast="false", RTP_TCP="true", RTP_RTSP_TCP="true"),
            SnapshotUri="true",
            Rotation="false",
        )

    async def _capabilities(self, call: Call) -> Element:
        return node("trt:GetServiceCapabilitiesResponse", self.capabilities())

    async def _profiles(self, call: Call) -> Element:
        return node("trt:GetProfilesResponse", *(_profile(c, "trt:Profiles") for c in self._cameras.cameras()))

    async def _one_profile(self, call: Call) -> Element:
        camera = conf.by_profile(self._cameras.cameras(), call.text("trt:ProfileToken"))
        return node("trt:GetProfileResponse", _profile(camera, "trt:Profile"))

    async def _video_sources(self, call: Call) -> Element:
        sources = (conf.video_source(camera, "trt:VideoSources") for camera in self._cameras.cameras())
        return node("trt:GetVideoSourcesResponse", *sources)

    async def _encoder_options(self, call: Call) -> Element:
        """The camera is tuned by us, so each range has one value: what it is now."""
        camera = self._chosen(call)
        rate = _range("tt:FrameRateRange", max(round(camera.frame_rate), 1))
        interval = _range("tt:EncodingIntervalRange", 1)
        available = conf.resolution(camera, "tt:ResolutionsAvailable")
        if camera.encoding == "H264":
            gov = _range("tt:GovLengthRange", max(round(camera.frame_rate), 1))
            profiles = node("tt:H264ProfilesSupported", "Main")
            codec = node("tt:H264", available, gov, rate, interval, profiles)
        else:
            codec = node("tt:JPEG", available, rate, interval)
        options = node("trt:Options", _range("tt:QualityRange", 80), codec)
        return node("trt:GetVideoEncoderConfigurationOptionsResponse", options)

    async def _metadata_options(self, call: Call) -> Element:
        filter_options = node(
            "tt:PTZStatusFilterOptions",
            node("tt:PanTiltStatusSupported", "false"),
            node("tt:ZoomStatusSupported", "false"),
        )
        return node("trt:GetMetadataConfigurationOptionsResponse", node("trt:Options", filter_options))

    async def _stream_uri(self, call: Call) -> Element:
        camera = conf.by_profile(self._cameras.cameras(), call.text("trt:ProfileToken"))
        protocol = call.request.findtext("{*}StreamSetup/{*}Transport/{*}Protocol", "RTSP").strip()
        if protocol not in _PROTOCOLS:
            raise soap.sender_fault(
                "ter:InvalidArgVal", "ter:InvalidStreamSetup", reason=f"The protocol {protocol[:32]!r} is not offered."
            )
        return node("trt:GetStreamUriResponse", _media_uri(stream_uri(self._cameras, camera, call)))

    async def _snapshot_uri(self, call: Call) -> Element:
        camera = conf.by_profile(self._cameras.cameras(), call.text("trt:ProfileToken"))
        return node("trt:GetSnapshotUriResponse", _media_uri(snapshot_uri(camera, call)))

    async def _synchronize(self, call: Call) -> Element:
        """Our metadata documents are complete in themselves, at least one a second: nothing to repeat."""
        conf.by_profile(self._cameras.cameras(), call.text("trt:ProfileToken"))
        return node("trt:SetSynchronizationPointResponse")

    def _chosen(self, call: Call) -> FaceCamera:
        """The camera of the given configuration or profile, or the first."""
        cameras = self._cameras.cameras()
        configuration = call.optional_text("trt:ConfigurationToken")
        profile = call.optional_text("trt:ProfileToken")
        if configuration:
            return conf.by_configuration(cameras, "vec", configuration)
        if profile:
            return conf.by_profile(cameras, profile)
        if not cameras:
            raise soap.receiver_fault("ter:Action", "ter:NoVideoSource", reason="No LPR camera is configured yet.")
        return cameras[0]


def stream_uri(cameras: Cameras, camera: FaceCamera, call: Call) -> str:
    """The camera's stream address. Raises Fault when it has none now."""
    found = cameras.stream_uri(camera.camera_id, call.host)
    if found is None:
        raise soap.receiver_fault(
            "ter:Action", "ter:IncompleteConfiguration", reason=f"The camera {camera.name} has no stream at present."
        )
    return found


def snapshot_uri(camera: FaceCamera, call: Call) -> str:
    return f"{call.base_url}{SNAPSHOT_PATH}{profile_token(camera.camera_id)}.jpg"


def _profile(camera: FaceCamera, tag: str) -> Element:
    parts = (build(camera, f"tt:{element}") for element, _, build in _KINDS)
    return node(tag, node("tt:Name", camera.name), *parts, token=profile_token(camera.camera_id), fixed="true")


def _media_uri(uri: str) -> Element:
    return node(
        "trt:MediaUri",
        node("tt:Uri", uri),
        node("tt:InvalidAfterConnect", "false"),
        node("tt:InvalidAfterReboot", "false"),
        node("tt:Timeout", "PT0S"),
    )


def _listed(cameras: Cameras, element: str, build: _Build) -> Callable[[Call], _Answering]:
    async def answer(call: Call) -> Element:
        found = (build(camera, "trt:Configurations") for camera in cameras.cameras())
        return node(f"trt:Get{element}sResponse", *found)

    return answer


def _one(cameras: Cameras, element: str, kind: str, build: _Build) -> Callable[[Call], _Answering]:
    async def answer(call: Call) -> Element:
        camera = conf.by_configuration(cameras.cameras(), kind, call.text("trt:ConfigurationToken"))
        return node(f"trt:Get{element}Response", build(camera, "trt:Configuration"))

    return answer


def _empty(response: str) -> Callable[[Call], _Answering]:
    async def answer(call: Call) -> Element:
        return node(response)

    return answer


async def _refuse_change(call: Call) -> Element:
    raise not_supported("Changing a configuration (the camera is tuned for plates by this device)")


def _range(tag: str, value: int) -> Element:
    return node(tag, node("tt:Min", str(value)), node("tt:Max", str(value)))
