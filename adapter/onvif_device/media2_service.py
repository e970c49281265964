"""The Media2 service: the same profiles as Media, in the words of newer clients."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from adapter.onvif_device import configurations as conf
from adapter.onvif_device.call import Access, Answer, Call, Operation
from adapter.onvif_device.media_service import snapshot_uri, stream_uri
from adapter.onvif_device.ports import Cameras, FaceCamera
from events import soap
from events.onvif.tokens import profile_token
from events.xmlns import Element, node, xs_float

_Build = Callable[[FaceCamera, str], Element]

# Type name in GetProfiles, list operation, token kind, builder; the order is that of tr2:ConfigurationSet.
_KINDS: tuple[tuple[str, str, str, _Build], ...] = (
    ("VideoSource", "VideoSourceConfigurations", "vsc", conf.video_source_configuration),
    ("VideoEncoder", "VideoEncoderConfigurations", "vec", conf.video_encoder2_configuration),
    ("Analytics", "AnalyticsConfigurations", "vac", conf.analytics_configuration),
    ("Metadata", "MetadataConfigurations", "meta", conf.metadata_configuration),
)
_PROTOCOLS = frozenset({"RtspUnicast", "RTSP", "RtspOverHttp"})


class Media2Service:
    """Answers `tr2` requests."""

    def __init__(self, *, cameras: Cameras) -> None:
        self._cameras = cameras

    def operations(self) -> Iterable[Operation]:
        read = Access.READ_MEDIA
        yield Operation(request="tr2:GetServiceCapabilities", access=Access.PRE_AUTH, answer=self._capabilities)
        yield Operation(request="tr2:GetProfiles", access=read, answer=self._profiles)
        for _, listing, kind, build in _KINDS:
            yield Operation(request=f"tr2:Get{listing}", access=read, answer=self._listed(listing, kind, build))
        yield Operation(request="tr2:GetVideoEncoderConfigurationOptions", access=read, answer=self._encoder_options)
        yield Operation(request="tr2:GetStreamUri", access=read, answer=self._stream_uri)
        yield Operation(request="tr2:GetSnapshotUri", access=read, answer=self._snapshot_uri)
        yield Operation(request="tr2:SetSynchronizationPoint", access=Access.ACTUATE, answer=self._synchronize)

    def capabilities(self) -> Element:
        count = str(max(len(self._cameras.cameras()), 1))
        profile = node(
            "tr2:ProfileCapabilities",
            MaximumNumberOfProfiles=count,
            ConfigurationsSupported="VideoSource VideoEncoder Analytics Metadata",
        )
        streaming = node("tr2:StreamingCapabilities", RTSPStreaming="true", RTPMulticast="false", RTP_RTSP_TCP="true")
        return node("tr2:Capabilities", profile, streaming, SnapshotUri="true", Rotation="false")

    async def _capabilities(self, call: Call) -> Element:
        return node("tr2:GetServiceCapabilitiesResponse", self.capabilities())

    async def _profiles(self, call: Call) -> Element:
        """Only the configurations asked for by Type; none without one."""
        wanted = {(found.text or "").strip() for found in call.request.iterfind("{*}Type")}
        cameras = self._cameras.cameras()
        token = call.optional_text("tr2:Token")
        chosen = [conf.by_profile(cameras, token)] if token else cameras
        answer = node("tr2:GetProfilesResponse")
        for camera in chosen:
            profile = node(
                "tr2:Profiles", node("tr2:Name", camera.name), token=profile_token(camera.camera_id), fixed="true"
            )
            parts = [build(camera, f"tr2:{kind}") for kind, _, _, build in _KINDS if kind in wanted or "All" in wanted]
            if parts:
                profile.append(node("tr2:Configurations", *parts))
            answer.append(profile)
        return answer

    def _listed(self, listing: str, kind: str, build: _Build) -> Answer:
        async def answer(call: Call) -> Element:
            cameras = self._cameras.cameras()
            configuration = call.optional_text("tr2:ConfigurationToken")
            profile = call.optional_text("tr2:ProfileToken")
            if configuration:
                cameras = [conf.by_configuration(cameras, kind, configuration)]
            elif profile:
                cameras = [conf.by_profile(cameras, profile)]
            return node(f"tr2:Get{listing}Response", *(build(camera, "tr2:Configurations") for camera in cameras))

        return answer

    async def _encoder_options(self, call: Call) -> Element:
        """One value per range: the camera is tuned for plates by this device."""
        answer = node("tr2:GetVideoEncoderConfigurationOptionsResponse")
        for camera in self._cameras.cameras():
            options = node(
                "tr2:Options",
                node("tt:Encoding", camera.encoding),
                node("tt:QualityRange", node("tt:Min", "80"), node("tt:Max", "80")),
                conf.resolution(camera, "tt:ResolutionsAvailable"),
                node("tt:BitrateRange", node("tt:Min", "8192"), node("tt:Max", "8192")),
                FrameRatesSupported=xs_float(camera.frame_rate),
            )
            answer.append(options)
        return answer

    async def _stream_uri(self, call: Call) -> Element:
        protocol = call.optional_text("tr2:Protocol") or "RTSP"
        if protocol not in _PROTOCOLS:
            raise soap.sender_fault(
                "ter:InvalidArgVal", "ter:InvalidStreamSetup", reason=f"The protocol {protocol[:32]!r} is not offered."
            )
        camera = conf.by_profile(self._cameras.cameras(), call.text("tr2:ProfileToken"))
        return node("tr2:GetStreamUriResponse", node("tr2:Uri", stream_uri(self._cameras, camera, call)))

    async def _snapshot_uri(self, call: Call) -> Element:
        camera = conf.by_profile(self._cameras.cameras(), call.text("tr2:ProfileToken"))
        return node("tr2:GetSnapshotUriResponse", node("tr2:Uri", snapshot_uri(camera, call)))

    async def _synchronize(self, call: Call) -> Element:
        conf.by_profile(self._cameras.cameras(), call.text("tr2:ProfileToken"))
        return node("tr2:SetSynchronizationPointResponse")
