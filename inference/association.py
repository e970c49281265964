"""Which reading belongs to which track: by where the plate should be by now, and by what is written on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from inference.tracks import UNREAD_LIKENESS, Track, distance, growth_between
from inference.types import Reading, Rejection

# Before its speed is known a plate may have gone this many of its widths per second (50 km/h is 27 widths).
UNKNOWN_SPEED = 8.0
# With a known speed the prediction may be off by this many widths, and by so many more per second.
PREDICTED_WITHIN = 0.9
DRIFT = 2.0
# The same text is followed much further than geometry alone would allow, but not into the next vehicle's time.
SAME_TEXT_REACH = 4.0
SAME_TEXT_S = 3.0
SAME_TEXT = 0.72
# Texts with so little in common belong to two vehicles, unless the box did not move at all.
OTHER_TEXT = 0.45
OTHER_TEXT_REACH = 0.5
# A strong, quite different reading on a track whose text is settled is the next vehicle in the same place. Plates of
# one country often share half of their characters; a strong misreading shares more.
STRONG, OTHER_VEHICLE = 0.8, 0.6

Found = TypeVar("Found", Reading, Rejection)


def associate(
    tracks: Sequence[Track], found: Sequence[Found], now_s: float
) -> tuple[list[tuple[Track, Found]], list[Found]]:
    """Pairs, best fit first, each track and each reading at most once; and the readings that fit no track."""
    fits = [
        (fit, track_place, found_place)
        for track_place, track in enumerate(tracks)
        for found_place, one in enumerate(found)
        if (fit := _fit(track, one, now_s)) is not None
    ]
    fits.sort(reverse=True)
    pairs: list[tuple[Track, Found]] = []
    taken_tracks: set[int] = set()
    taken_found: set[int] = set()
    for _, track_place, found_place in fits:
        if track_place not in taken_tracks and found_place not in taken_found:
            taken_tracks.add(track_place)
            taken_found.add(found_place)
            pairs.append((tracks[track_place], found[found_place]))
    return pairs, [one for place, one in enumerate(found) if place not in taken_found]


def _fit(track: Track, one: Reading | Rejection, now_s: float) -> float | None:
    """How well it fits, higher is better; None when it cannot be the same plate."""
    gap_s = max(now_s - track.last_s, 0.0)
    predicted = track.predict(now_s)
    away = min(distance(predicted, one.box), distance(track.box, one.box) + 0.1)
    growth = abs(growth_between(predicted, one.box))
    text = one.plate.plate_number if isinstance(one, Reading) else one.text
    alike = track.likeness(text) if text else UNREAD_LIKENESS
    if alike < OTHER_VEHICLE and one.likelihood >= STRONG and track.steady() and isinstance(one, Reading):
        return None
    known_speed = len(track.sightings) >= 2
    reach = PREDICTED_WITHIN + (DRIFT if known_speed else UNKNOWN_SPEED) * min(gap_s, 1.5)
    if alike >= SAME_TEXT and text:
        reach = reach * SAME_TEXT_REACH if gap_s <= SAME_TEXT_S else OTHER_TEXT_REACH
    elif alike < OTHER_TEXT:
        reach = OTHER_TEXT_REACH
    if away > reach or growth > (1.1 if alike >= SAME_TEXT else 0.7):
        return None
    return 2 * alike - away / reach - 0.5 * growth
