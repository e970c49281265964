"""What may stand in front of the lens: the seam between the stage and its sources, and who is on when.

A source is a function of time: asked for the picture at a moment, it draws that moment. Times are seconds since 1970
(UTC) on a clock that never jumps.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from mock_vms.camera.physics import Shutter
from mock_vms.camera.ports import VehicleRequest
from mock_vms.camera.sensor import View

# Drives that were asked for and have not begun. A demo asks for tens.
WAITING_LIMIT = 500
HISTORY_LIMIT = 10_000


class UnknownVehicleError(Exception):
    """The source has nothing to show for this request; the message says what it has."""


class StageFullError(Exception):
    """Too many vehicles wait for their turn; ask again when some have passed."""


class PlayMode(StrEnum):
    """When vehicles come without being asked for."""

    ON_DEMAND = "on_demand"
    ONCE = "once"
    LOOP = "loop"


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageTruth:
    """One vehicle that was shown: what readings are compared with. `left_at` is None while it is in view."""

    number: int
    label: str
    plate: str | None
    country: str | None
    appeared_at: datetime
    left_at: datetime | None = None


class Source(Protocol):
    """Something to film. `render` is called from one thread at a time, the rest from any thread."""

    def render(self, now_s: float, size: tuple[int, int], shutter: Shutter) -> View:
        """The scene at this moment, `size` (width, height) pixels, motion blurred by the shutter."""

    def drive(self, request: VehicleRequest) -> int:
        """Let a vehicle come as soon as the way is free; its passage's number."""

    def passages(self) -> Sequence[PassageTruth]:
        """What has been shown and what is in view, oldest first."""

    def close(self) -> None:
        """Let go of files. Nothing is rendered afterwards."""


ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing(Generic[ItemT]):
    """The item in view and how long it has been there."""

    number: int
    item: ItemT
    age_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """How an item is announced in the list of passages, and how long it stays in view."""

    label: str
    plate: str | None
    country: str | None
    duration_s: float


class Timeline(Generic[ItemT]):
    """Puts items on one after the other, with a free road between them, and keeps the truth.

    What was asked for comes first; when nothing waits, `autoplay` is asked for the next item (None: nothing to show).
    Items only begin while somebody watches, so a folder played once is not played to an empty house.
    """

    def __init__(
        self,
        *,
        billing: Callable[[ItemT], Billing],
        autoplay: Callable[[], ItemT | None] = lambda: None,
        gap_s: float,
        autoplay_gap_s: float | None = None,
    ) -> None:
        self._billing = billing
        self._autoplay = autoplay
        self._gap_s = gap_s
        self._autoplay_gap_s = gap_s if autoplay_gap_s is None else max(gap_s, autoplay_gap_s)
        self._lock = threading.Lock()
        self._waiting: deque[tuple[int, ItemT]] = deque()
        self._numbers = 0
        self._current: tuple[int, ItemT, float, float] | None = None
        self._free_since: float | None = None
        self._passages: deque[PassageTruth] = deque(maxlen=HISTORY_LIMIT)

    def ask(self, item: ItemT) -> int:
        """Queue an item; the number its passage will have."""
        with self._lock:
            if len(self._waiting) >= WAITING_LIMIT:
                raise StageFullError(f"{WAITING_LIMIT} vehicles are waiting already; ask again when some have passed")
            self._numbers += 1
            self._waiting.append((self._numbers, item))
            return self._numbers

    def advance(self, now_s: float) -> Showing[ItemT] | None:
        """Who is in view at this moment. Called for every picture, with times that do not go back."""
        with self._lock:
            self._finish(now_s)
            if self._current is None:
                self._begin(now_s)
            if self._current is None:
                return None
            number, item, began_s, _ = self._current
            return Showing(number=number, item=item, age_s=now_s - began_s)

    def passages(self) -> list[PassageTruth]:
        with self._lock:
            return list(self._passages)

    def _finish(self, now_s: float) -> None:
        if self._current is None or now_s < self._current[3]:
            return
        ended_s = self._current[3]
        self._passages[-1] = replace(self._passages[-1], left_at=datetime.fromtimestamp(ended_s, UTC))
        self._current = None
        self._free_since = ended_s

    def _begin(self, now_s: float) -> None:
        if self._free_since is None:
            self._free_since = now_s  # the first viewer sees the empty road first
        free_s = now_s - self._free_since
        if self._waiting and free_s >= self._gap_s:
            number, item = self._waiting.popleft()
        elif not self._waiting and free_s >= self._autoplay_gap_s and (chosen := self._autoplay()) is not None:
            self._numbers += 1
            number, item = self._numbers, chosen
        else:
            return
        billing = self._billing(item)
        self._current = (number, item, now_s, now_s + billing.duration_s)
        self._passages.append(
            PassageTruth(
                number=number,
                label=billing.label,
                plate=billing.plate,
                country=billing.country,
                appeared_at=datetime.fromtimestamp(now_s, UTC),
            )
        )
