"""The relay outputs: switched by clients, falling back by themselves when monostable."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from mock_vms.camera.state import CameraState, RelayOutput

_log = structlog.get_logger(__name__)
_SHORTEST_DELAY_S, _LONGEST_DELAY_S = 0.05, 3600.0
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayCommand:
    """What a client asked of a relay, whether or not it changed anything: a test counts these for "exactly once"."""

    relay_token: str
    active: bool
    at: datetime


@dataclass(slots=True, kw_only=True)
class RelayBoard:
    """Switches the relays of a `CameraState`, inside a running event loop; `close` forgets pending fall-backs."""

    state: CameraState
    commands: list[RelayCommand] = field(default_factory=list)
    _timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)

    def switch(self, token: str, active: bool) -> None:
        """Carry out a client's command. A monostable relay that is on already starts its delay anew."""
        relay = self.state.relays[token]
        self.commands.append(RelayCommand(relay_token=token, active=active, at=datetime.now(UTC)))
        del self.commands[:-_REMEMBERED]
        self._forget_timer(token)
        if relay.active is not active:
            self._set(relay, active)
        if active and relay.monostable:
            loop = asyncio.get_running_loop()
            self._timers[token] = loop.call_later(relay.delay_s, self._fall_back, relay)

    def configure(self, token: str, *, monostable: bool, delay_s: float, idle_open: bool) -> None:
        """Change how a relay behaves; ValueError when the delay is out of range. It starts out idle again."""
        if monostable and not _SHORTEST_DELAY_S <= delay_s <= _LONGEST_DELAY_S:
            raise ValueError(f"DelayTime must be within {_SHORTEST_DELAY_S} to {_LONGEST_DELAY_S} seconds")
        relay = self.state.relays[token]
        self._forget_timer(token)
        relay.monostable, relay.delay_s, relay.idle_open = monostable, delay_s, idle_open
        if relay.active:
            self._set(relay, False)

    def close(self) -> None:
        for token in list(self._timers):
            self._forget_timer(token)

    def _fall_back(self, relay: RelayOutput) -> None:
        self._timers.pop(relay.token, None)
        if relay.active:
            self._set(relay, False)

    def _set(self, relay: RelayOutput, active: bool) -> None:
        self.state.set_relay(relay.token, active)
        del self.state.pulses[:-_REMEMBERED]
        _log.info("relay switched", camera=self.state.name, relay=relay.token, active=active)

    def _forget_timer(self, token: str) -> None:
        timer = self._timers.pop(token, None)
        if timer is not None:
            timer.cancel()
