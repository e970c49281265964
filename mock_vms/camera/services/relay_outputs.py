"""Relay outputs over SOAP, in the three forms that clients send.

The DeviceIO WSDL defines GetRelayOutputs and SetRelayOutputState with elements of the *device* namespace even on the
DeviceIO address; only SetRelayOutputSettings has two forms. Some clients write all of them in the DeviceIO namespace.
So both namespaces are served on both addresses, and each answer is written in the namespace of its request.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from mock_vms.camera.relays import RelayBoard
from mock_vms.camera.services.operation import Access, Call, Operation, required_child
from mock_vms.camera.soap import SoapFault, invalid_argument
from mock_vms.camera.state import RelayOutput
from mock_vms.camera.times import parse_duration
from mock_vms.camera.xml import TDS, TMD, Element, Maker, name_of, tds, tmd, tt

_MAKERS = {TDS: tds, TMD: tmd}


class RelayOutputs:
    """The relay operations of Device and DeviceIO."""

    def __init__(self, *, board: RelayBoard) -> None:
        self._board = board
        rows = {
            "GetRelayOutputs": Operation(access=Access.READ_MEDIA, handler=self._get),
            "SetRelayOutputState": Operation(access=Access.ACTUATE, handler=self._set_state),
            "SetRelayOutputSettings": Operation(access=Access.ACTUATE, handler=self._set_settings),
        }
        self.operations: Mapping[str, Operation] = {
            f"{{{namespace}}}{name}": row for namespace in _MAKERS for name, row in rows.items()
        }

    @property
    def count(self) -> int:
        return len(self._board.state.relays)

    def options(self, token: str | None) -> list[Element]:
        """What may be set on the relay of that token, or on all of them."""
        tokens = list(self._board.state.relays) if token is None else [self._known(token)]
        modes = ("Monostable", "Bistable")
        return [tmd("RelayOutputOptions", (tmd("Mode", mode) for mode in modes), token=name) for name in tokens]

    def _get(self, call: Call) -> Element:
        make = _maker(call)
        return make("GetRelayOutputsResponse", (_told(make, relay) for relay in self._board.state.relays.values()))

    def _set_state(self, call: Call) -> Element:
        token = self._known(call.required("RelayOutputToken"))
        state = call.required("LogicalState")
        if state not in ("active", "inactive"):
            raise invalid_argument(f"LogicalState {state[:40]!r} is neither active nor inactive")
        self._board.switch(token, state == "active")
        return _maker(call)("SetRelayOutputStateResponse")

    def _set_settings(self, call: Call) -> Element:
        """`tds` names the token in an element beside Properties, `tmd` sends the whole RelayOutput."""
        output = call.child("RelayOutput")
        if output is not None:
            token, properties = output.get("token", ""), required_child(output, "Properties")
        else:
            token, properties = call.required("RelayOutputToken"), required_child(call.body, "Properties")
        self._configure(self._known(token), properties)
        return _maker(call)("SetRelayOutputSettingsResponse")

    def _configure(self, token: str, properties: Element) -> None:
        mode, idle, delay = (_text(properties, name) for name in ("Mode", "IdleState", "DelayTime"))
        if mode not in ("Monostable", "Bistable") or idle not in ("open", "closed"):
            raise invalid_argument("Mode is Monostable or Bistable, IdleState is open or closed", "ModeError")
        try:
            delay_s = parse_duration(delay).total_seconds()
            self._board.configure(token, monostable=mode == "Monostable", delay_s=delay_s, idle_open=idle == "open")
        except ValueError as error:
            raise invalid_argument(str(error), "ModeError") from error

    def _known(self, token: str) -> str:
        if token not in self._board.state.relays:
            raise invalid_argument(f"There is no relay output {token[:64]!r}", "RelayToken")
        return token


def _told(make: Maker, relay: RelayOutput) -> Element:
    properties = tt(
        "Properties",
        tt("Mode", "Monostable" if relay.monostable else "Bistable"),
        tt("DelayTime", timedelta(seconds=relay.delay_s)),
        tt("IdleState", "open" if relay.idle_open else "closed"),
    )
    return make("RelayOutputs", properties, token=relay.token)


def _maker(call: Call) -> Maker:
    namespace = call.envelope.name[1:].partition("}")[0]
    return _MAKERS[namespace]


def _text(parent: Element, name: str) -> str:
    child = required_child(parent, name)
    if not (child.text or "").strip():
        raise SoapFault(f"{name_of(child)} is empty", "InvalidArgs")
    return (child.text or "").strip()
