"""The part of the Media2 service (ver20) that a camera for plates needs: profiles, encoders, addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
)
from mock_vms.camera.services.operation import Access, Call, Operation, required_child
from mock_vms.camera.soap import invalid_argument, not_supported
from mock_vms.camera.state import CameraState, EncoderSettings, Encoding
from mock_vms.camera.xml import TR2, Element, children_of, name_of, tr2, tt

_UNICAST_PROTOCOLS = ("RtspUnicast", "RTSP")


class Media2Service:
    """Reads and writes the same encoders as `MediaService`, in the words of Media2."""

    def __init__(self, *, state: CameraState, quirks: Quirks) -> None:
        self._state = state
        self._quirks = quirks
        read, write = Access.READ_MEDIA, Access.ACTUATE
        rows = {
            "GetServiceCapabilities": Operation(access=Access.PRE_AUTH, handler=self._get_capabilities),
            "GetProfiles": Operation(access=read, handler=self._get_profiles),
            "GetVideoSourceConfigurations": Operation(access=read, handler=self._get_source_configurations),
            "GetVideoEncoderConfigurations": Operation(access=read, handler=self._get_encoders),
            "GetVideoEncoderConfigurationOptions": Operation(access=read, handler=self._get_encoder_options),
            "GetVideoEncoderInstances": Operation(access=read, handler=self._get_encoder_instances),
            "SetVideoEncoderConfiguration": Operation(access=write, handler=self._set_encoder),
            "GetStreamUri": Operation(access=read, handler=self._get_stream_uri),
            "GetSnapshotUri": Operation(access=read, handler=self._get_snapshot_uri),
            "GetOSDs": Operation(access=read, handler=self._get_osds),
            "SetSynchronizationPoint": Operation(access=write, handler=self._set_sync_point),
        }
        self.operations: Mapping[str, Operation] = {f"{{{TR2}}}{name}": row for name, row in rows.items()}

    def capabilities(self) -> Element:
        return tr2(
            "Capabilities",
            tr2(
                "ProfileCapabilities", MaximumNumberOfProfiles=len(self._state.encoders), ConfigurationsSupported=_TYPES
            ),
            tr2("StreamingCapabilities", RTSPStreaming=True, RTPMulticast=False, RTP_RTSP_TCP=True),
            SnapshotUri=True,
            Rotation=False,
        )

    def _get_capabilities(self, call: Call) -> Element:
        return tr2("GetServiceCapabilitiesResponse", self.capabilities())

    def _get_profiles(self, call: Call) -> Element:
        """Only the configurations whose types were asked for are told (Media2 5.2.1); none without a Type."""
        token = call.optional("Token")
        chosen = profiles(self._state) if token is None else [profile_of(self._state, token)]
        types = {(child.text or "").strip() for child in children_of(call.body) if name_of(child) == "Type"}
        return tr2("GetProfilesResponse", (self._profile(profile, types) for profile in chosen))

    def _get_source_configurations(self, call: Call) -> Element:
        self._check_profile(call)
        token = call.optional("ConfigurationToken")
        if token is not None:
            require_video_source_configuration(token)
        configuration = video_source_configuration(self._state, tr2, "Configurations")
        return tr2("GetVideoSourceConfigurationsResponse", configuration)

    def _get_encoders(self, call: Call) -> Element:
        chosen = [_configuration(tr2("Configurations"), encoder) for encoder in self._chosen(call)]
        return tr2("GetVideoEncoderConfigurationsResponse", chosen)

    def _get_encoder_options(self, call: Call) -> Element:
        self._chosen(call)
        return tr2("GetVideoEncoderConfigurationOptionsResponse", (_options(encoding) for encoding in Encoding))

    def _get_encoder_instances(self, call: Call) -> Element:
        require_video_source_configuration(call.required("ConfigurationToken"))
        count = len(self._state.encoders)
        codecs = (tr2("Codec", tr2("Encoding", encoding.value), tr2("Number", count)) for encoding in Encoding)
        return tr2("GetVideoEncoderInstancesResponse", tr2("Info", codecs, tr2("Total", count)))

    def _set_encoder(self, call: Call) -> Element:
        configuration = required_child(call.body, "Configuration")
        current = encoder_of(self._state, token_of(configuration))
        self._state.set_encoder(changed_encoder(current, configuration, self._quirks.ignore_fields))
        return tr2("SetVideoEncoderConfigurationResponse")

    def _get_stream_uri(self, call: Call) -> Element:
        if self._quirks.no_stream:
            raise not_supported("There is no RTSP server here")
        protocol = call.required("Protocol")
        if protocol not in _UNICAST_PROTOCOLS:
            raise invalid_argument(f"Protocol {protocol[:40]!r} is not offered; ask for RTSP", "InvalidStreamSetup")
        profile = profile_of(self._state, call.required("ProfileToken"))
        return tr2("GetStreamUriResponse", tr2("Uri", call.addresses.stream(profile.encoder.token)))

    def _get_snapshot_uri(self, call: Call) -> Element:
        profile = profile_of(self._state, call.required("ProfileToken"))
        return tr2("GetSnapshotUriResponse", tr2("Uri", call.addresses.snapshot(profile.token)))

    def _get_osds(self, call: Call) -> Element:
        token = call.optional("ConfigurationToken")
        if token is not None:
            require_video_source_configuration(token)
        osds = (osd_configuration(tr2, name, osd) for name, osd in self._state.osds.items())
        return tr2("GetOSDsResponse", osds)

    def _set_sync_point(self, call: Call) -> Element:
        """Accepted and without effect: each new RTSP session starts with a key frame anyway."""
        profile_of(self._state, call.required("ProfileToken"))
        return tr2("SetSynchronizationPointResponse")

    def _chosen(self, call: Call) -> list[EncoderSettings]:
        """The encoders that ConfigurationToken and ProfileToken leave over."""
        token, profile_token = call.optional("ConfigurationToken"), call.optional("ProfileToken")
        if token is not None:
            return [encoder_of(self._state, token)]
        if profile_token is not None:
            return [profile_of(self._state, profile_token).encoder]
        return list(self._state.encoders.values())

    def _check_profile(self, call: Call) -> None:
        token = call.optional("ProfileToken")
        if token is not None:
            profile_of(self._state, token)

    def _profile(self, profile: Profile, types: set[str]) -> Element:
        configurations = []
        if types & {"All", "VideoSource"}:
            configurations.append(video_source_configuration(self._state, tr2, "VideoSource"))
        if types & {"All", "VideoEncoder"}:
            configurations.append(_configuration(tr2("VideoEncoder"), profile.encoder))
        return tr2(
            "Profiles",
            tr2("Name", profile.name),
            tr2("Configurations", configurations) if configurations else None,
            token=profile.token,
            fixed=True,
        )


_TYPES = "VideoSource VideoEncoder"


def _configuration(element: Element, encoder: EncoderSettings) -> Element:
    element.set("token", encoder.token)
    if encoder.encoding is Encoding.H264:
        element.set("GovLength", str(encoder.gov_length))
        element.set("Profile", encoders.H264_PROFILE)
    element.extend(_configuration_children(encoder))
    return element


def _configuration_children(encoder: EncoderSettings) -> Iterable[Element]:
    yield tt("Name", encoder.token.removeprefix("encoder_"))
    yield tt("UseCount", 1)
    yield tt("Encoding", encoder.encoding.value)
    yield resolution("Resolution", encoder.width_px, encoder.height_px)
    yield tt("RateControl", tt("FrameRateLimit", encoder.frame_rate), tt("BitrateLimit", encoder.bitrate_kbps))
    yield multicast()
    yield tt("Quality", encoder.quality)


def _options(encoding: Encoding) -> Element:
    """One Options element per encoding (Media2 5.3.3)."""
    options = tr2(
        "Options",
        tt("Encoding", encoding.value),
        value_range("QualityRange", *encoders.QUALITY),
        (resolution("ResolutionsAvailable", *size) for size in encoders.RESOLUTIONS),
        value_range("BitrateRange", *encoders.BITRATE_KBPS),
        FrameRatesSupported=" ".join(map(str, encoders.FRAME_RATES)),
    )
    if encoding is Encoding.H264:
        options.set("GovLengthRange", " ".join(map(str, encoders.GOV_LENGTH)))
        options.set("ProfilesSupported", encoders.H264_PROFILE)
    return options
