"""Plates that were told already, so that the same vehicle is not told twice."""

from __future__ import annotations

from dataclasses import dataclass

from inference.tracks import Track
from inference.types import Box
from inference.voting import similarity

# A text that differs in one character from the plate that was just here is a misreading of that plate. Where both were
# read surely it is one only if all that differs looks alike: fleets have plates in a row, and drive in one.
ALIKE = 0.83
SURELY_ALIKE = 0.9
# Older ones are forgotten first; a busy lane sees fewer vehicles within the longest re-arm time that matters.
MOST_PAST = 128
SAME_PLACE = 0.3
# Two characters are in many plates; three in a row of one that is just here are hardly another plate.
LEAST_PART = 3
# A plate is told even after lettering beside it was taken for one: one passage too many is better than none.
CLEARLY = 1.5


@dataclass(frozen=True, slots=True)
class Past:
    """A final passage whose plate is no longer in view."""

    text: str
    box: Box
    last_s: float
    stood: bool
    object_id: int
    seen_with: frozenset[int]
    likeness: float
    sure: bool


class Memory:
    """Who has just been here."""

    def __init__(self, *, rearm_s: float, parked_rearm_s: float) -> None:
        self.rearm_s = rearm_s
        self.parked_rearm_s = parked_rearm_s
        """Both may change at any time: they are asked for when a plate comes again."""
        self._past: list[Past] = []

    def keep(self, track: Track, *, sure: bool) -> None:
        """Remember a track that left; one without a final passage leaves no trace. `sure`: nobody doubts its text."""
        if track.final is None:
            return
        self._past.append(
            Past(
                text=track.final.text,
                box=track.box,
                last_s=track.last_s,
                stood=track.parked,
                object_id=track.object_id,
                seen_with=frozenset(track.seen_with),
                likeness=track.plate_likeness(),
                sure=sure,
            )
        )
        del self._past[:-MOST_PAST]

    def forget(self, now_s: float) -> None:
        """Drop what is too old to matter."""
        longest_s = max(self.rearm_s, self.parked_rearm_s)
        self._past = [past for past in self._past if now_s - past.last_s <= longest_s]

    def knows(self, track: Track, text: str, *, sure: bool) -> bool:
        """This text on this track, `sure` or not, is a vehicle that was told already."""
        return any(self._same(past, track, text, sure=sure and past.sure) for past in reversed(self._past))

    def resembles(self, text: str, now_s: float, least: float) -> bool:
        """A plate that shares so much with this text was here within the time in which it would be the same passage."""
        return any(now_s - past.last_s <= self.rearm_s and similarity(past.text, text) >= least for past in self._past)

    def whole_of(self, track: Track, text: str, within_s: float) -> bool:
        """A longer plate was told just before, and this text is a part of it."""
        return any(
            track.first_s - past.last_s <= within_s
            and track.object_id not in past.seen_with
            and is_part(text, past.text)
            for past in self._past
        )

    def told_beside(self, track: Track) -> bool:
        """Another text on the same vehicle was told already, and was not clearly less of a plate."""
        own = track.plate_likeness()
        return any(track.rides_with(past.object_id) and own < CLEARLY * past.likeness for past in self._past)

    def _same(self, past: Past, track: Track, text: str, *, sure: bool) -> bool:
        gap_s = track.first_s - past.last_s
        same_place = past.box.iou(track.sightings[0].box) > SAME_PLACE
        if past.text == text:
            # A parked plate hidden for a while by another vehicle never left.
            return gap_s <= (self.parked_rearm_s if past.stood and same_place else self.rearm_s)
        if track.object_id in past.seen_with:
            return False
        near = same_place or gap_s <= self.rearm_s / 3
        return near and gap_s <= self.rearm_s and alike(past.text, text, sure=sure)


def alike(one: str, other: str, *, sure: bool) -> bool:
    """Whether both texts may be one plate's; `sure` when nobody doubts either of them."""
    part = is_part(one, other) or is_part(other, one)
    return similarity(one, other) >= (SURELY_ALIKE if sure and not part else ALIKE)


def is_part(text: str, whole: str) -> bool:
    """Whether a text is a piece of a longer one, as a plate half hidden is read."""
    return LEAST_PART <= len(text) < len(whole) and text in whole
