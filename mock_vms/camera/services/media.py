"""The Media service (ver10): profiles, encoder configurations, stream and snapshot addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from mock_vms.camera import encoders
from mock_vms.camera.encoders import Profile, encoder_of, profile_of, profiles
from mock_vms.camera.quirks import Quirks
from mock_vms.camera.services.media_elements import (
    changed_encoder,
    multicast,
    osd_configuration,
    require_video_source_configuration,
    resolution,
    token_of,
    value_range,
    video_source_configuration,
    video_source_configuration_options,
)
from mock_vms.camera.services.operation import Access, Call, Handler, Operation, required_child
from mock_vms.camera.soap import SoapFault, invalid_argument, not_supported
from mock_vms.camera.state import CameraState, EncoderSettings, Encoding
from mock_vms.camera.xml import TRT, Element, trt, tt

# tt:FrameRateLimit of Media 1 is a whole number; the longest RTSP session without a sign of life.
_SESSION_TIMEOUT = timedelta(seconds=60)


class MediaService:
    """Reads and writes the encoders of `CameraState`; profiles are fixed, one per encoder."""

    def __init__(self, *, state: CameraState, quirks: Quirks) -> None:
        self._state = state
        self._quirks = quirks
        read: dict[str, Handler] = {
            "GetProfiles": self._get_profiles,
            "GetProfile": self._get_profile,
            "GetVideoSources": self._get_video_sources,
            "GetVideoSourceConfigurations": self._get_source_configurations,
            "GetCompatibleVideoSourceConfigurations": self._get_source_configurations,
            "GetVideoSourceConfiguration": self._get_source_configuration,
            "GetVideoSourceConfigurationOptions": self._get_source_options,
            "GetVideoEncoderConfigurations": self._get_encoder_configurations,
            "GetCompatibleVideoEncoderConfigurations": self._get_encoder_configurations,
            "GetVideoEncoderConfiguration": self._get_encoder_configuration,
            "GetVideoEncoderConfigurationOptions": self._get_encoder_options,
            "GetGuaranteedNumberOfVideoEncoderInstances": self._get_guaranteed_instances,
            "GetStreamUri": self._get_stream_uri,
            "GetSnapshotUri": self._get_snapshot_uri,
            "GetOSDs": self._get_osds,
        }
        self.operations: Mapping[str, Operation] = {
            f"{{{TRT}}}GetServiceCapabilities": Operation(access=Access.PRE_AUTH, handler=self._get_capabilities),
            f"{{{TRT}}}SetVideoEncoderConfiguration": Operation(access=Access.ACTUATE, handler=self._set_encoder),
            f"{{{TRT}}}SetSynchronizationPoint": Operation(access=Access.ACTUATE, handler=self._set_sync_point),
            **{
                f"{{{TRT}}}{name}": Operation(access=Access.READ_MEDIA, handler=handler)
                for name, handler in read.items()
            },
        }

    def capabilities(self) -> Element:
        return trt(
            "Capabilities",
            trt("ProfileCapabilities", MaximumNumberOfProfiles=len(self._state.encoders)),
            trt("StreamingCapabilities", RTPMulticast=False, RTP_TCP=False, RTP_RTSP_TCP=True),
            SnapshotUri=True,
            Rotation=False,
        )

    def _get_capabilities(self, call: Call) -> Element:
        return trt("GetServiceCapabilitiesResponse", self.capabilities())

    def _get_profiles(self, call: Call) -> Element:
        return trt("GetProfilesResponse", (self._profile("Profiles", profile) for profile in profiles(self._state)))

    def _get_profile(self, call: Call) -> Element:
        profile = profile_of(self._state, call.required("ProfileToken"))
        return trt("GetProfileResponse", self._profile("Profile", profile))

    def _get_video_sources(self, call: Call) -> Element:
        source = trt(
            "VideoSources",
            tt("Framerate", encoders.SENSOR_FRAME_RATE),
            resolution("Resolution", *encoders.SENSOR_SIZE),
            token=encoders.VIDEO_SOURCE,
        )
        return trt("GetVideoSourcesResponse", source)

    def _get_source_configurations(self, call: Call) -> Element:
        self._check_profile(call)
        configuration = video_source_configuration(self._state, trt, "Configurations")
        return trt(_response(call), configuration)

    def _get_source_configuration(self, call: Call) -> Element:
        require_video_source_configuration(call.required("ConfigurationToken"))
        return trt(_response(call), video_source_configuration(self._state, trt, "Configuration"))

    def _get_source_options(self, call: Call) -> Element:
        self._check_profile(call)
        token = call.optional("ConfigurationToken")
        if token is not None:
            require_video_source_configuration(token)
        return trt(_response(call), video_source_configuration_options(trt, "Options"))

    def _get_encoder_configurations(self, call: Call) -> Element:
        self._check_profile(call)
        return trt(_response(call), (self._encoder(trt("Configurations"), e) for e in self._state.encoders.values()))

    def _get_encoder_configuration(self, call: Call) -> Element:
        encoder = encoder_of(self._state, call.required("ConfigurationToken"))
        return trt(_response(call), self._encoder(trt("Configuration"), encoder))

    def _set_encoder(self, call: Call) -> Element:
        configuration = required_child(call.body, "Configuration")
        current = encoder_of(self._state, token_of(configuration))
        self._state.set_encoder(changed_encoder(current, configuration, self._quirks.ignore_fields))
        return trt(_response(call))

    def _get_encoder_options(self, call: Call) -> Element:
        self._check_profile(call)
        token = call.optional("ConfigurationToken")
        if token is not None:
            encoder_of(self._state, token)
        options = trt(
            "Options",
            value_range("QualityRange", int(encoders.QUALITY[0]), int(encoders.QUALITY[1])),
            tt("JPEG", _jpeg_options()),
            tt("H264", _h264_options()),
            tt(
                "Extension",
                tt("JPEG", _jpeg_options(), value_range("BitrateRange", *encoders.BITRATE_KBPS)),
                tt("H264", _h264_options(), value_range("BitrateRange", *encoders.BITRATE_KBPS)),
            ),
        )
        return trt(_response(call), options)

    def _get_guaranteed_instances(self, call: Call) -> Element:
        require_video_source_configuration(call.required("ConfigurationToken"))
        count = len(self._state.encoders)
        return trt(_response(call), trt("TotalNumber", count), trt("JPEG", count), trt("H264", count))

    def _get_stream_uri(self, call: Call) -> Element:
        if self._quirks.no_stream:
            raise not_supported("There is no RTSP server here")
        setup = required_child(call.body, "StreamSetup")
        if (required_child(setup, "Stream").text or "").strip() != "RTP-Unicast":
            raise invalid_argument("Only RTP-Unicast streams are offered", "InvalidStreamSetup")
        profile = profile_of(self._state, call.required("ProfileToken"))
        return trt(_response(call), _media_uri(call.addresses.stream(profile.encoder.token)))

    def _get_snapshot_uri(self, call: Call) -> Element:
        profile = profile_of(self._state, call.required("ProfileToken"))
        return trt(_response(call), _media_uri(call.addresses.snapshot(profile.token)))

    def _get_osds(self, call: Call) -> Element:
        token = call.optional("ConfigurationToken")
        if token is not None:
            require_video_source_configuration(token)
        osds = (osd_configuration(trt, name, osd) for name, osd in self._state.osds.items())
        return trt("GetOSDsResponse", osds)

    def _set_sync_point(self, call: Call) -> Element:
        """Accepted and without effect: each new RTSP session starts with a key frame anyway."""
        profile_of(self._state, call.required("ProfileToken"))
        return trt(_response(call))

    def _check_profile(self, call: Call) -> None:
        token = call.optional("ProfileToken")
        if token is not None:
            profile_of(self._state, token)

    def _profile(self, name: str, profile: Profile) -> Element:
        return trt(
            name,
            tt("Name", profile.name),
            video_source_configuration(self._state, tt, "VideoSourceConfiguration"),
            self._encoder(tt("VideoEncoderConfiguration"), profile.encoder),
            token=profile.token,
            fixed=True,
        )

    def _encoder(self, element: Element, encoder: EncoderSettings) -> Element:
        element.set("token", encoder.token)
        element.extend(_encoder_children(encoder))
        return element


def _encoder_children(encoder: EncoderSettings) -> Iterable[Element]:
    yield tt("Name", encoder.token.removeprefix("encoder_"))
    yield tt("UseCount", 1)
    yield tt("Encoding", encoder.encoding.value)
    yield resolution("Resolution", encoder.width_px, encoder.height_px)
    yield tt("Quality", encoder.quality)
    yield tt(
        "RateControl",
        tt("FrameRateLimit", round(encoder.frame_rate)),
        tt("EncodingInterval", 1),
        tt("BitrateLimit", encoder.bitrate_kbps),
    )
    if encoder.encoding is Encoding.H264:
        yield tt("H264", tt("GovLength", encoder.gov_length), tt("H264Profile", encoders.H264_PROFILE))
    yield multicast()
    yield tt("SessionTimeout", _SESSION_TIMEOUT)


def _jpeg_options() -> Iterable[Element]:
    yield from (resolution("ResolutionsAvailable", *size) for size in encoders.RESOLUTIONS)
    yield from _rate_options()


def _h264_options() -> Iterable[Element]:
    yield from (resolution("ResolutionsAvailable", *size) for size in encoders.RESOLUTIONS)
    yield value_range("GovLengthRange", *encoders.GOV_LENGTH)
    yield from _rate_options()
    yield tt("H264ProfilesSupported", encoders.H264_PROFILE)


def _rate_options() -> Iterable[Element]:
    yield value_range("FrameRateRange", int(encoders.FRAME_RATE[0]), int(encoders.FRAME_RATE[1]))
    yield value_range("EncodingIntervalRange", 1, 1)


def _media_uri(uri: str) -> Element:
    return trt(
        "MediaUri",
        tt("Uri", uri),
        tt("InvalidAfterConnect", False),
        tt("InvalidAfterReboot", False),
        tt("Timeout", timedelta(0)),
    )


def _response(call: Call) -> str:
    """The answer's name; several operations share one handler, so it follows the request's."""
    name = call.envelope.name.partition("}")[2]
    if not name:
        raise SoapFault("The operation has no namespace", "Tag")
    return f"{name}Response"
