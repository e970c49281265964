"""Where plates get lost: per hour, how many frames came, moved, held plates, were read and became passages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from inference.recognition import Recognition
from inference.types import Passage, PassageState, Rejection, RejectionReason

# Two days of hours: enough to see a day beside the day before.
MOST_HOURS = 48
# A vehicle may wait in view for a while before it is sure; an hour is a clock that jumped.
LONGEST_DELAY = timedelta(hours=1)

_FRAMES = ("frames", "motion", "analysed", "without_plate", "found", "read")
COUNTS = (*_FRAMES, "accepted", "matched", "delivered", "told")
TIMES = ("detect_ms", "read_ms", "busy_ms", "delay_ms")
"""The names of what an hour counts and sums, beside the reasons of rejection."""

# Texts that were found and are no plate's: a look that found nothing else was in vain.
NO_PLATE = frozenset({RejectionReason.NO_SYNTAX, RejectionReason.STATIC_TEXT})

CURES: dict[RejectionReason, str] = {
    RejectionReason.TOO_SMALL: "Zoom in, raise the resolution, or lower the smallest character height.",
    RejectionReason.TOO_LARGE: "Zoom out, or raise the largest character height.",
    RejectionReason.TOO_DARK: "Add light (infrared at night) or open the iris; lengthen the shutter as speed allows.",
    RejectionReason.BLURRED: "Shorten the shutter for moving vehicles; check the focus, day and night.",
    RejectionReason.CUT: "Turn the camera, or draw the area so that plates are whole inside it.",
    RejectionReason.LOW_CONTRAST: "Turn wide dynamic range and noise reduction down; avoid low sun and glare.",
    RejectionReason.BELOW_THRESHOLD: "Lower the least likelihood, or improve the picture and validate again.",
    RejectionReason.NO_SYNTAX: "Enable the module of the vehicle's country; other texts are rightly left out.",
    RejectionReason.OUT_OF_TIME: "Narrow the area, choose a faster preset, or allow more time per frame.",
    RejectionReason.STATIC_TEXT: "Nothing to do: it is no plate. Mask it or narrow the area to save time.",
}
"""What a person can do about each reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """What became of the passages of one hour."""

    matched: int = 0
    delivered: int = 0


@dataclass(slots=True)
class FunnelHour:
    """One hour of one camera. The first stages count in frames, those from `accepted` on in passages."""

    starts_at: datetime
    frames: int = 0
    motion: int = 0
    analysed: int = 0
    without_plate: int = 0
    """Of the analysed frames, those in which no plate was: time spent in vain (M-045)."""
    found: int = 0
    read: int = 0
    accepted: int = 0
    matched: int = 0
    delivered: int = 0
    detect_ms: float = 0.0
    read_ms: float = 0.0
    busy_ms: float = 0.0
    told: int = 0
    delay_ms: float = 0.0
    """From the first sight of a plate until its result was told, summed over the `told` passages."""
    rejected: Counter[RejectionReason] = field(default_factory=Counter)

    @property
    def average_ms(self) -> float | None:
        """Computing time of one analysed frame; None when none was analysed."""
        return self.busy_ms / self.analysed if self.analysed else None

    @property
    def average_delay_ms(self) -> float | None:
        """How long after its first sight a plate's result is told (M-232); None when none was told."""
        return self.delay_ms / self.told if self.told else None


class Funnel:
    """Counters of one camera, by the hour of the frame they belong to, and all of them since the process started."""

    def __init__(self) -> None:
        self._hours: dict[datetime, FunnelHour] = {}
        self._so_far = total(())

    @property
    def hours(self) -> tuple[FunnelHour, ...]:
        """Oldest first."""
        return tuple(self._hours[start] for start in sorted(self._hours))

    @property
    def so_far(self) -> FunnelHour:
        """What this process has counted: it never falls, and holds no hours from before a restart."""
        return total([self._so_far])

    def restore(self, hours: Sequence[FunnelHour]) -> None:
        """Take up hours counted before a restart; what was counted since is added."""
        for hour in hours:
            since = self._hours.get(hour.starts_at)
            self._hours[hour.starts_at] = total([hour, since]) if since else hour

    def drain(self) -> tuple[FunnelHour, ...]:
        """What was counted since the last call, oldest first: for counters that are added up elsewhere."""
        hours, self._hours = self.hours, {}
        return hours

    def add(self, hours: Sequence[FunnelHour]) -> None:
        """What another funnel of the same camera counted."""
        for hour in hours:
            for counter in self._counters(hour.starts_at):
                for name in (*COUNTS, *TIMES):
                    setattr(counter, name, getattr(counter, name) + getattr(hour, name))
                counter.rejected.update(hour.rejected)

    def settle(self, outcomes: Mapping[datetime, Outcomes]) -> None:
        """Take up what became of the passages, by hour, as others count it from what they keep.

        No figure falls: what was counted once is forgotten there, in time.
        """
        for start, found in outcomes.items():
            if hour := self._hours.get(start):
                for name in ("matched", "delivered"):
                    news = max(0, getattr(found, name) - getattr(hour, name))
                    for counter in (hour, self._so_far):
                        setattr(counter, name, getattr(counter, name) + news)

    def count(self, at: datetime, stage: str, number: int = 1) -> None:
        """Add to one of the counted stages, by its name."""
        for counter in self._counters(at):
            setattr(counter, stage, getattr(counter, stage) + number)

    def analysed(self, at: datetime, recognition: Recognition, busy_ms: float, *, plates: int | None = None) -> None:
        """One frame went through recognition.

        `plates` is how many plates of vehicles the tracker sees in it, signs left out; None: every reading is one.
        """
        in_view = len(recognition.readings) if plates is None else plates
        in_vain = not in_view and all(rejection.reason in NO_PLATE for rejection in recognition.rejections)
        for counter in self._counters(at):
            counter.analysed += 1
            counter.without_plate += in_vain
            counter.found += len(recognition.readings) + len(recognition.rejections)
            counter.read += len(recognition.readings)
            counter.detect_ms += recognition.stages.detect_ms
            counter.read_ms += recognition.stages.read_ms
            counter.busy_ms += busy_ms
            counter.rejected.update(rejection.reason for rejection in recognition.rejections)

    def suppressed(self, at: datetime, rejections: Sequence[Rejection]) -> None:
        """Texts that the tracker found to be no vehicle's."""
        for counter in self._counters(at):
            counter.rejected.update(rejection.reason for rejection in rejections)

    def passed(self, passage: Passage) -> None:
        """A vehicle's one final passage."""
        if passage.state is PassageState.FINAL:
            self.count(passage.read_at, "accepted")

    def told(self, passage: Passage, now: datetime) -> None:
        """A final passage is told `now`. Delays that no stream has (a clock that was set) are left out."""
        delay = now - passage.started_at
        if passage.state is PassageState.FINAL and timedelta(0) <= delay <= LONGEST_DELAY:
            for counter in self._counters(passage.read_at):
                counter.told += 1
                counter.delay_ms += delay.total_seconds() * 1000

    def _counters(self, at: datetime) -> Iterator[FunnelHour]:
        """What is counted at this time is counted in its hour, and in what the process has counted so far."""
        yield self._hour(at)
        yield self._so_far

    def _hour(self, at: datetime) -> FunnelHour:
        start = at.replace(minute=0, second=0, microsecond=0)
        # What was counted in longest ago is forgotten, whatever its date: a clock may have been wrong for days.
        hour = self._hours[start] = self._hours.pop(start) if start in self._hours else FunnelHour(start)
        while len(self._hours) > MOST_HOURS:
            del self._hours[next(iter(self._hours))]
        return hour


def total(hours: Sequence[FunnelHour]) -> FunnelHour:
    """Several hours as one; starts with the first."""
    sum_of = FunnelHour(min((hour.starts_at for hour in hours), default=datetime.min + timedelta(0)))
    for hour in hours:
        for name in (*COUNTS, *TIMES):
            setattr(sum_of, name, getattr(sum_of, name) + getattr(hour, name))
        sum_of.rejected.update(hour.rejected)
    return sum_of
