"""What waits for one RTSP client: a bounded queue of access units that prefers new pictures to old ones."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from events.metadata.rtp import AccessUnit
from events.metadata.rtsp_stream import RtspCounters, Track

# About two seconds of a 12 fps camera. Older pictures are worth nothing to anyone.
QUEUE_UNITS = 24
QUEUE_BYTES = 4 * 1024 * 1024
# A few kilobytes each: pictures go as links. A client that does not take them loses the oldest, as at a pull point.
QUEUE_EVENTS = 256


@dataclass(slots=True)
class Leg:
    """One track on its way to one client. Sequence, time and source begin at random values (RFC 3550)."""

    track: Track
    channels: tuple[int, int]
    ssrc: int = field(default_factory=lambda: secrets.randbits(32))
    sequence: int = field(default_factory=lambda: secrets.randbits(15))
    offset: int = field(default_factory=lambda: secrets.randbits(31))
    packets: int = 0
    octets: int = 0
    reported_at: datetime | None = None
    waits_for_key: bool = True
    unsubscribe: Callable[[], None] | None = None


class UnitQueue:
    """Units of all tracks in the order they came, bounded. When full, a track skips to its next key unit.

    Events have room of their own: what is in the picture may be skipped, what happened may not.
    """

    def __init__(self, counters: RtspCounters) -> None:
        self._counters = counters
        self._units: deque[tuple[Leg, AccessUnit | None]] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()

    def put(self, leg: Leg, unit: AccessUnit) -> None:
        if leg.waits_for_key and not unit.key:
            self._counters.dropped_units += leg.packets > 0
            return
        if unit.event:
            self._make_room_for_event()
        elif self._skippable >= QUEUE_UNITS or self._bytes + unit.size_bytes > QUEUE_BYTES:
            self._discard(leg)
            if not unit.key:
                leg.waits_for_key = True
                self._counters.dropped_units += 1
                return
        leg.waits_for_key = False
        self._append(leg, unit)

    def end(self, leg: Leg) -> None:
        self._append(leg, None)

    async def get(self) -> tuple[Leg, AccessUnit | None]:
        """The oldest unit; None in its place when the track has ended."""
        while not self._units:
            self._filled.clear()
            await self._filled.wait()
        leg, unit = self._units.popleft()
        self._bytes -= _counted_bytes(unit)
        return leg, unit

    def clear(self) -> None:
        self._units.clear()
        self._bytes = 0

    def _append(self, leg: Leg, unit: AccessUnit | None) -> None:
        self._units.append((leg, unit))
        self._bytes += _counted_bytes(unit)
        self._filled.set()

    @property
    def _skippable(self) -> int:
        return sum(unit is None or not unit.event for _, unit in self._units)

    def _make_room_for_event(self) -> None:
        events = [number for number, (_, unit) in enumerate(self._units) if unit is not None and unit.event]
        if len(events) >= QUEUE_EVENTS:
            del self._units[events[0]]
            self._counters.dropped_units += 1

    def _discard(self, leg: Leg) -> None:
        stays = [(owner, unit) for owner, unit in self._units if owner is not leg or unit is None or unit.event]
        self._counters.dropped_units += len(self._units) - len(stays)
        self._units = deque(stays)
        self._bytes = sum(_counted_bytes(unit) for _, unit in stays)


def _counted_bytes(unit: AccessUnit | None) -> int:
    """Events are bounded by their number."""
    return 0 if unit is None or unit.event else unit.size_bytes


@dataclass(frozen=True, slots=True)
class LegSink:
    queue: UnitQueue
    leg: Leg
    host: str

    def put(self, unit: AccessUnit) -> None:
        self.queue.put(self.leg, unit)

    def end(self) -> None:
        self.queue.end(self.leg)
