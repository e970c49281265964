"""One plate followed through frames: where it is, where it will be, what was read on it.

Plain code: times come in with the frames.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.types import Box, Direction, Frame, Picture, Reading, Rejection
from inference.voting import Verdict, elect, similarity, weigh

# Boxes older than this say nothing about where the plate goes next.
PREDICT_FROM_S = 1.2
# A prediction further ahead is a guess; the box then waits where it would be by then.
PREDICT_AT_MOST_S = 1.0
# Readings kept for the vote, and pictures kept for the passage: a parked plate must not fill the memory.
MOST_READS = 40
MOST_SIGHTINGS = 64
MOST_PICTURES = 3
# Of a frame that is kept while its vehicle stands in view.
PACKED_QUALITY = 90
# Looks kept to be read together; more than are read, as the surest of them are chosen.
MOST_LOOKS = 16
# A plate that comes this much nearer or further (natural logarithm of the scale) approaches or departs.
CLEAR_GROWTH = 0.18
# Below this growth a vertical move decides: cameras look down on roads, so what approaches moves down.
FAINT_GROWTH = 0.08
# Texts on one vehicle are this close (in widths of the wider one) and stay as they are to each other. The plate of a
# vehicle behind shows above the roof of the one before, which is further up.
SAME_VEHICLE = 2.0
# A sign sees every vehicle of a year pass; whom it met longest ago it forgets first.
MOST_MET = 128
# Letters alone or digits alone are lettering more often than a plate: they belong to a plate within a vehicle's reach.
LETTERING_ON_VEHICLE = 4.0
# Nothing but the road is so far below a vehicle's plate (in widths of the wider one): what is read there, all digits as
# it may be, is the plate of the vehicle in front.
BELOW_VEHICLE = 1.2
RIGID = 0.35
# What was never read may say anything.
UNREAD_LIKENESS = 0.6
# Lettering this much smaller than a plate beside it (natural logarithm of the scale) is on that vehicle even when its
# place jumps: a vehicle so far behind would show further up.
TINY = 1.0
# A plate that grows by this much a second (natural logarithm of the scale) is soon seen clearly better. The boxes of
# small ones jitter by as much, so coming down the picture by so many widths a second counts as well.
COMING = 0.15
COMING_DOWN = 0.5
COMING_FROM_S = 0.8
# From shorter than this nothing can be said about its way.
COMING_LEAST_S = 0.25
JITTER = 0.2
# A box that stays within this share of its width does not move; detectors jitter by less.
STILL = 0.12


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where the plate was at one time."""

    at_s: float
    box: Box
    cut: bool


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture of the plate, kept until a better one of the same text comes."""

    reading: Reading
    worth: float
    kept: Picture | NDArray[np.uint8]
    """The frame, or its JPEG once it is `packed`."""
    captured_at: datetime

    @property
    def picture(self) -> Picture:
        """The frame."""
        return self.kept if self.kept.ndim == 3 else np.asarray(cv2.imdecode(self.kept, cv2.IMREAD_COLOR), np.uint8)

    def packed(self) -> Shot:
        """With a hundredth of the memory."""
        if self.kept.ndim == 1:
            return self
        jpeg = cv2.imencode(".jpg", self.kept, [cv2.IMWRITE_JPEG_QUALITY, PACKED_QUALITY])[1]
        return replace(self, kept=np.asarray(jpeg, np.uint8).reshape(-1))


@dataclass(slots=True, kw_only=True)
class Track:
    """One object. `closed` once its final passage is out or it was found to be no vehicle's plate."""

    object_id: int
    started_at: datetime
    first_s: float
    announced: bool = False
    """Some passage of it has gone out, so its loss is to be told."""
    closed: bool = False
    final: Verdict | None = None
    previews: int = 0
    preview_text: str = ""
    looks: int = 0
    """Analysed frames since it was first seen, seen in them or not."""
    missed: int = 0
    arrived: bool = False
    """It moved, or something larger than itself moved around it: it came here on wheels."""
    parked: bool = False
    furthest: float = 0.0
    """The furthest it has been from where it was first seen, in plate widths."""
    ended_at: datetime = field(init=False)
    last_s: float = field(init=False)
    sightings: list[Sighting] = field(default_factory=list)
    reads: list[tuple[Reading, bool]] = field(default_factory=list)
    read_count: int = 0
    confirmed: int = 0
    """Readings that said the final text once more, after it was told."""
    looks_kept: list[Reading | Rejection] = field(default_factory=list)
    """What was seen of it, read or refused, the surest of it: for reading it together."""
    joint: Reading | None = None
    """What these looks say together, once they were joined."""
    shots: dict[str, Shot] = field(default_factory=dict)
    neighbours: dict[int, int] = field(default_factory=dict)
    """How often another track was seen close beside this one in the same frame."""
    seen_with: dict[int, int] = field(default_factory=dict)
    """How often another track was seen in the same frame, near or far."""
    _compared: dict[int, int] = field(default_factory=dict)
    """How often a frame told whether another track is on this one's vehicle."""
    _beside: dict[int, tuple[tuple[float, float, float], bool]] = field(default_factory=dict)
    _verdict: Verdict | None = None
    _stale: bool = True

    def __post_init__(self) -> None:
        self.ended_at = self.started_at
        self.last_s = self.first_s

    @property
    def box(self) -> Box:
        return self.sightings[-1].box

    @property
    def cut(self) -> bool:
        """The plate touched the edge when it was last seen."""
        return self.sightings[-1].cut

    def seen_whole(self) -> bool:
        """Some reading of what is told now was of the whole plate; where no reading said it, any was."""
        verdict = self.verdict()
        of_it = [reading.cut for reading, _ in self.reads if verdict and reading.plate.plate_number == verdict.text]
        return not all(of_it or [reading.cut for reading, _ in self.reads])

    def see(self, box: Box, frame: Frame, *, cut: bool) -> None:
        """The plate is here in this frame."""
        self.sightings.append(Sighting(frame.monotonic_s, box, cut))
        self.furthest = max(self.furthest, distance(self.sightings[0].box, box))
        if len(self.sightings) > MOST_SIGHTINGS:
            # Keep the start: the direction is told from it.
            del self.sightings[MOST_SIGHTINGS // 4 : MOST_SIGHTINGS // 2]
        self.last_s = frame.monotonic_s
        self.ended_at = frame.captured_at
        self.missed = 0
        if self.final is None and self.furthest > 2 * STILL:
            self.arrived = True
            # What was taken for a sign drives off: it was a vehicle that stood here.
            self.closed = False

    def read(self, reading: Reading, frame: Frame, *, cut: bool) -> None:
        """Count a reading, and keep the frame when it is the best one of its text so far."""
        self.read_count += 1
        if self.closed:
            self.confirmed += self.final is not None and reading.plate.plate_number == self.final.text
            return
        # What the picture showed is kept with the looks alone.
        heard = replace(reading, seen=None)
        self.reads.append((heard, cut))
        if len(self.reads) > MOST_READS:
            weakest = min(range(len(self.reads)), key=lambda place: self.reads[place][0].likelihood)
            del self.reads[weakest]
        self._stale = True
        self._keep(heard, frame, cut=cut)
        self.keep_look(reading, frame)

    def keep_look(self, look: Reading | Rejection, frame: Frame) -> None:
        """Remember what a picture showed of it, whatever was made of it there."""
        if look.seen is None or self.closed:
            return
        self.looks_kept.append(replace(look, seen=look.seen.kept(frame.picture)))
        if len(self.looks_kept) > MOST_LOOKS:
            self.looks_kept.remove(min(self.looks_kept, key=lambda kept: kept.likelihood))

    def close(self) -> None:
        """No more is voted; what was kept for that is let go: a car park would fill the memory."""
        self.closed = True
        self.looks_kept.clear()
        verdict = self.verdict()
        shot = self.best_shot(verdict.text) if verdict else None
        self.shots = {verdict.text: shot} if verdict and shot else {}

    def pack(self) -> None:
        """It may stand here for days: what is kept of it is made small."""
        self.shots = {text: shot.packed() for text, shot in self.shots.items()}

    def join(self, together: Callable[[Sequence[Reading | Rejection]], Reading | None]) -> None:
        """Read its looks together: from now on that is heard in its vote."""
        self.joint = together(self.looks_kept)
        self._stale = True

    def hear(self, joint: Reading, frame: Frame) -> None:
        """It was read in no picture by itself: what they say together, as `frame` shows it, is its one reading."""
        self.joint = joint
        self.read(joint, frame, cut=False)

    def _keep(self, reading: Reading, frame: Frame, *, cut: bool) -> None:
        text = reading.plate.plate_number
        worth = reading.likelihood * math.sqrt(max(reading.sharpness, 0.01) * max(reading.box.width, 1.0))
        worth *= 0.3 if cut else 1.0
        if text in self.shots and self.shots[text].worth >= worth:
            return
        self.shots[text] = Shot(reading, worth, frame.picture, frame.captured_at)
        if len(self.shots) > MOST_PICTURES:
            del self.shots[min(self.shots, key=lambda known: self.shots[known].worth)]

    def verdict(self) -> Verdict | None:
        """What the readings say so far."""
        if self.final is not None:
            return self.final
        if self._stale:
            sharpest = max((reading.sharpness for reading, _ in self.reads), default=0.0)
            widest = max((reading.box.width for reading, _ in self.reads), default=0.0)
            self._verdict = elect(
                [weigh(reading, cut=cut, best_sharpness=sharpest, widest_px=widest) for reading, cut in self.reads],
                self.joint,
            )
            self._stale = False
        return self._verdict

    def best_shot(self, text: str) -> Shot | None:
        """The picture that shows this text best, or the one whose text is most like it."""
        if text in self.shots:
            return self.shots[text]
        shots = self.shots.values()
        return max(shots, key=lambda shot: similarity(shot.reading.plate.plate_number, text) * shot.worth, default=None)

    def likeness(self, text: str) -> float:
        """How alike a text is to what was read here: 1 the same, 0 nothing in common, in between where nothing was."""
        if self.final is not None:
            return similarity(self.final.text, text)
        verdict = self.verdict()
        known = {reading.plate.plate_number for reading, _ in self.reads[-6:]}
        known |= {verdict.text} if verdict else set()
        return max((similarity(other, text) for other in known), default=UNREAD_LIKENESS)

    def steady(self) -> bool:
        """At least two readings already agree on the text."""
        verdict = self.verdict()
        return verdict is not None and verdict.support >= 2

    def predict(self, now_s: float) -> Box:
        """Where the plate should be now, from its motion over the last second."""
        latest = self.sightings[-1]
        base = next(
            (sight for sight in self.sightings if latest.at_s - sight.at_s <= PREDICT_FROM_S and not sight.cut), latest
        )
        span = latest.at_s - base.at_s
        if span <= 0 or latest.cut:
            return latest.box
        ahead = min(max(now_s - latest.at_s, 0.0), PREDICT_AT_MOST_S) / span
        (x, y), (x0, y0) = latest.box.center, base.box.center
        growth = math.exp(max(-0.7, min(0.7, growth_between(base.box, latest.box) * ahead)))
        width, height = latest.box.width * growth, latest.box.height * growth
        x, y = x + (x - x0) * ahead, y + (y - y0) * ahead
        return Box(x=x - width / 2, y=y - height / 2, width=width, height=height)

    def is_lettering(self) -> bool:
        """Mostly letters alone or digits alone were seen: a word or a telephone number more often than a plate."""
        alike = sum(_is_pure(reading.plate.plate_number) or _is_pure(reading.raw_text) for reading, _ in self.reads)
        return alike > len(self.reads) / 2

    def plate_likeness(self) -> float:
        """How much this is a plate rather than lettering beside one: sure, often read, mixed, whole, large."""
        verdict = self.verdict()
        if verdict is None:
            return 0.0
        sure = verdict.likelihood * (0.7 + 0.3 * verdict.country_likelihood)
        mixed = 0.5 if self.is_lettering() else 1.0
        whole = 1.0 - 0.5 * sum(sight.cut for sight in self.sightings) / len(self.sightings)
        height = sorted(sight.box.height for sight in self.sightings)[len(self.sightings) // 2]
        # After the final verdict readings are counted and no longer compared.
        support = verdict.support if self.final is None else max(verdict.support, self.read_count)
        return sure * mixed * whole * math.sqrt(min(support, 12) * height)

    def meet(self, other: Track) -> None:
        """Both are in this frame: close together and still as they first were, they may be on one vehicle."""
        self.seen_with[other.object_id] = self.seen_with.pop(other.object_id, 0) + 1
        if len(self.seen_with) > MOST_MET:
            oldest = next(iter(self.seen_with))
            for met in (self.seen_with, self.neighbours, self._compared, self._beside):
                met.pop(oldest, None)
        # The part that is seen of a plate cut off tells neither its size nor its middle: such a frame can only confirm.
        whole = not (self.cut or other.cut)
        beside = distance(self.box, other.box) <= self._reach(other) and self._still_beside(other, whole=whole)
        if beside:
            self.neighbours[other.object_id] = self.neighbours.get(other.object_id, 0) + 1
        if beside or whole:
            self._compared[other.object_id] = self._compared.get(other.object_id, 0) + 1

    def _reach(self, other: Track) -> float:
        """How far from each other both may be on one vehicle, in widths of the wider one."""
        lettering, others = self.is_lettering(), other.is_lettering()
        if not (lettering or others):
            return SAME_VEHICLE
        below = (self.box.center[1] - other.box.center[1]) / max(self.box.width, other.box.width, 1.0)
        in_front = below > BELOW_VEHICLE if lettering else below < -BELOW_VEHICLE
        return BELOW_VEHICLE if in_front and lettering != others else LETTERING_ON_VEHICLE

    def _still_beside(self, other: Track, *, whole: bool) -> bool:
        """The other one is placed as it first was, seen whole if it ever was."""
        (x, y), (x0, y0), width = other.box.center, self.box.center, max(self.box.width, other.box.width, 1.0)
        now = ((x - x0) / width, (y - y0) / width, growth_between(self.box, other.box))
        first, first_whole = self._beside.get(other.object_id, (now, whole))
        if whole and not first_whole:
            first = now
        self._beside[other.object_id] = first, whole or first_whole
        # The size of small lettering jitters; its place does not.
        across, down, growth = (abs(a - b) for a, b in zip(now, first, strict=True))
        return now[2] > TINY or max(across, down, growth / 2) <= RIGID

    def rides_with(self, object_id: int) -> bool:
        """The other one was close beside this one nearly whenever both were seen: on the same vehicle."""
        close = self.neighbours.get(object_id, 0)
        return close >= min(2, self.read_count) and close >= 0.7 * self._compared.get(object_id, 0)

    def still_for(self, now_s: float) -> float:
        """Seconds that the plate has not moved or grown until now."""
        since = self.sightings[-1].at_s
        for sight in reversed(self.sightings):
            if distance(sight.box, self.box) > STILL or abs(growth_between(sight.box, self.box)) > STILL:
                break
            since = sight.at_s
        return now_s - since

    def coming(self) -> bool:
        """It comes nearer at a pace that promises a better look within a second, or may do so."""
        latest = self.sightings[-1]
        recent = [sight for sight in self.sightings[:-1] if latest.at_s - sight.at_s <= COMING_FROM_S]
        first = (recent or self.sightings[-2:])[0]
        span = latest.at_s - first.at_s
        if span < COMING_LEAST_S:
            return True
        down = (latest.box.center[1] - first.box.center[1]) / max(latest.box.width, 1.0)
        grown = growth_between(first.box, latest.box)
        return grown >= COMING * span or (down >= COMING_DOWN * span and grown > -JITTER)

    def direction(self) -> Direction:
        """Approaching or departing by its size, else left or right, else by its vertical move."""
        whole = [sight.box for sight in self.sightings if not sight.cut]
        if len(whole) < 2:
            return Direction.ANY
        first, last = _middle(whole[:3]), _middle(whole[-3:])
        growth = growth_between(first, last)
        width = (first.width + last.width) / 2
        sideways = (last.center[0] - first.center[0]) / width
        downwards = (last.center[1] - first.center[1]) / width
        if abs(growth) >= CLEAR_GROWTH and abs(sideways) < 12 * abs(growth):
            return Direction.APPROACHING if growth > 0 else Direction.DEPARTING
        if abs(sideways) > 0.7 and abs(sideways) >= abs(downwards):
            return Direction.RIGHT if sideways > 0 else Direction.LEFT
        if abs(growth) >= FAINT_GROWTH:
            return Direction.APPROACHING if growth > 0 else Direction.DEPARTING
        if abs(downwards) > 0.7:
            return Direction.APPROACHING if downwards > 0 else Direction.DEPARTING
        return Direction.ANY


def distance(one: Box, other: Box) -> float:
    """Between centres, in widths of the wider box."""
    (x, y), (x0, y0) = one.center, other.center
    return math.hypot(x - x0, y - y0) / max(one.width, other.width, 1.0)


def growth_between(one: Box, other: Box) -> float:
    """The natural logarithm of how much larger the other box is, by the square root of the areas."""
    return 0.5 * math.log(max(other.area, 1.0) / max(one.area, 1.0))


def _middle(boxes: list[Box]) -> Box:
    """The box with the median area: one odd box does not turn a vehicle round."""
    return sorted(boxes, key=lambda box: box.area)[len(boxes) // 2]


def _is_pure(text: str) -> bool:
    signs = [character for character in text if character.isalnum()]
    return all(map(str.isalpha, signs)) or all(map(str.isdigit, signs))
