"""The DeviceIO service: relay outputs, and plain answers about what else there is (nothing)."""

from __future__ import annotations

from collections.abc import Mapping

from mock_vms.camera.encoders import VIDEO_SOURCE
from mock_vms.camera.services.operation import Access, Call, Operation
from mock_vms.camera.services.relay_outputs import RelayOutputs
from mock_vms.camera.xml import TMD, Element, tmd, tt


class DeviceIOService:
    """Relay operations are those of the device service; see `RelayOutputs` for why both namespaces are served."""

    def __init__(self, *, relays: RelayOutputs) -> None:
        self._relays = relays
        rows = {
            "GetServiceCapabilities": Operation(access=Access.PRE_AUTH, handler=self._get_capabilities),
            "GetVideoSources": Operation(access=Access.READ_MEDIA, handler=self._get_video_sources),
            "GetRelayOutputOptions": Operation(access=Access.PRE_AUTH, handler=self._get_relay_options),
            "GetDigitalInputs": Operation(access=Access.READ_SYSTEM, handler=self._get_digital_inputs),
        }
        self.operations: Mapping[str, Operation] = {
            **relays.operations,
            **{f"{{{TMD}}}{name}": row for name, row in rows.items()},
        }

    def capabilities(self) -> Element:
        return tmd(
            "Capabilities",
            VideoSources=1,
            VideoOutputs=0,
            AudioSources=0,
            AudioOutputs=0,
            RelayOutputs=self._relays.count,
            SerialPorts=0,
            DigitalInputs=0,
        )

    def counters(self) -> list[Element]:
        """The five counters that GetCapabilities tells about this service."""
        names = ("VideoSources", "VideoOutputs", "AudioSources", "AudioOutputs", "RelayOutputs")
        return [tt(name, self.capabilities().get(name, "0")) for name in names]

    def _get_capabilities(self, call: Call) -> Element:
        return tmd("GetServiceCapabilitiesResponse", self.capabilities())

    def _get_video_sources(self, call: Call) -> Element:
        return tmd("GetVideoSourcesResponse", tmd("Token", VIDEO_SOURCE))

    def _get_relay_options(self, call: Call) -> Element:
        return tmd("GetRelayOutputOptionsResponse", self._relays.options(call.optional("RelayOutputToken")))

    def _get_digital_inputs(self, call: Call) -> Element:
        return tmd("GetDigitalInputsResponse")
