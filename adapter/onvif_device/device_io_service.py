"""The DeviceIO service: the relays that move gates, forwarded to the cameras that have them.

The messages for relays use the Device namespace on both services (DeviceIO 5.10), so they are registered once.
"""

from __future__ import annotations

from collections.abc import Iterable

from adapter.onvif_device.call import Access, Call, Operation, not_supported
from adapter.onvif_device.ports import Cameras, FaceRelay, RelayRefused, Relays
from events import soap
from events.onvif.tokens import relay_output_token
from events.types import RelayState
from events.xmlns import Element, node, xs_duration


class DeviceIoService:
    """Answers `tmd` requests and those of `tds` about relays."""

    def __init__(self, *, relays: Relays, cameras: Cameras) -> None:
        self._relays = relays
        self._cameras = cameras

    def operations(self) -> Iterable[Operation]:
        read, act = Access.READ_MEDIA, Access.ACTUATE
        yield Operation(request="tmd:GetServiceCapabilities", access=Access.PRE_AUTH, answer=self._capabilities)
        yield Operation(request="tds:GetRelayOutputs", access=read, answer=self._outputs)
        yield Operation(request="tmd:GetRelayOutputOptions", access=Access.PRE_AUTH, answer=self._options)
        yield Operation(request="tds:SetRelayOutputState", access=act, answer=self._set_state)
        yield Operation(request="tds:SetRelayOutputSettings", access=act, answer=self._refuse_settings)
        yield Operation(request="tmd:SetRelayOutputSettings", access=act, answer=self._refuse_settings)
        yield Operation(request="tmd:GetDigitalInputs", access=Access.READ_SYSTEM, answer=self._inputs)

    def capabilities(self) -> Element:
        return node(
            "tmd:Capabilities",
            VideoSources=str(len(self._cameras.cameras())),
            VideoOutputs="0",
            AudioSources="0",
            AudioOutputs="0",
            RelayOutputs=str(len(self._relays.relays())),
            SerialPorts="0",
            DigitalInputs="0",
        )

    async def _capabilities(self, call: Call) -> Element:
        return node("tmd:GetServiceCapabilitiesResponse", self.capabilities())

    async def _outputs(self, call: Call) -> Element:
        return node("tds:GetRelayOutputsResponse", *(_relay_output(relay) for relay in self._relays.relays()))

    async def _options(self, call: Call) -> Element:
        wanted = call.optional_text("tmd:RelayOutputToken")
        answer = node("tmd:GetRelayOutputOptionsResponse")
        for relay in self._relays.relays():
            token = relay_output_token(relay.camera_id, relay.relay_token)
            if wanted and wanted != token:
                continue
            mode = node("tmd:Mode", "Monostable" if relay.monostable else "Bistable")
            answer.append(node("tmd:RelayOutputOptions", mode, token=token))
        return answer

    async def _set_state(self, call: Call) -> Element:
        token = call.text("tds:RelayOutputToken")
        asked = call.text("tds:LogicalState")
        relay = next(
            (r for r in self._relays.relays() if relay_output_token(r.camera_id, r.relay_token) == token), None
        )
        if relay is None:
            raise soap.sender_fault(
                "ter:InvalidArgVal", "ter:RelayToken", reason=f"There is no relay {token[:64]!r}; see GetRelayOutputs."
            )
        try:
            state = RelayState(asked)
        except ValueError as error:
            raise soap.sender_fault(
                "ter:InvalidArgVal", reason=f"LogicalState is active or inactive, not {asked[:32]!r}."
            ) from error
        by = call.user.name if call.user is not None else ""
        try:
            await self._relays.set_state(camera_id=relay.camera_id, relay_token=relay.relay_token, state=state, by=by)
        except RelayRefused as error:
            raise soap.receiver_fault("ter:Action", reason=f"The relay was not switched: {error}") from error
        return node("tds:SetRelayOutputStateResponse")

    async def _refuse_settings(self, call: Call) -> Element:
        raise not_supported("Changing the settings of a relay (they are set at the camera)")

    async def _inputs(self, call: Call) -> Element:
        return node("tmd:GetDigitalInputsResponse")


def _relay_output(relay: FaceRelay) -> Element:
    properties = node(
        "tt:Properties",
        node("tt:Mode", "Monostable" if relay.monostable else "Bistable"),
        node("tt:DelayTime", xs_duration(relay.pulse)),
        node("tt:IdleState", "open" if relay.idle_open else "closed"),
    )
    return node("tds:RelayOutputs", properties, token=relay_output_token(relay.camera_id, relay.relay_token))
