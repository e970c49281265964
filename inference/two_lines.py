"""Plates with their text on two lines, for detectors that find lines: which two lines may be one plate."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.reader import CharacterSlots
from inference.regions import Quad, Region

# Lines of one plate have characters of like height, stand one below the other without much room, and about centred.
MOST_HEIGHTS = 1.8
LEAST_PITCH, MOST_PITCH = 0.6, 1.6
MOST_SHIFT = 0.35
# The two lines together are no wider than the widest of such plates (34 x 20 cm), with room for slanted views.
MOST_ASPECT = 2.6
# A street full of text must not cost a search for each of its pairs.
MAX_PAIRS = 12


def stacked(regions: Sequence[Region]) -> list[tuple[int, int]]:
    """Which regions stand over each other like the two lines of a plate: pairs of upper and lower index."""
    pairs = []
    for upper, one in enumerate(regions):
        for lower, other in enumerate(regions):
            if upper != lower and _one_plate(one, other):
                pairs.append((upper, lower))
    return pairs[:MAX_PAIRS]


def both(upper: Region, lower: Region) -> Region:
    """The shape around two lines, along the wider one; as sure as the less sure of them."""
    along, down = _axes(upper, lower)
    points = np.concatenate([upper.quad, lower.quad]).astype(np.float64)
    x, y = points @ along, points @ down
    corners = [(x.min(), y.min()), (x.max(), y.min()), (x.max(), y.max()), (x.min(), y.max())]
    quad: Quad = np.array([a * along + b * down for a, b in corners], dtype=np.float32)
    return Region(quad=quad, likelihood=min(upper.likelihood, lower.likelihood))


def read_on(upper: CharacterSlots, lower: CharacterSlots) -> CharacterSlots:
    """What stands on the upper line and then on the lower one."""
    return CharacterSlots(
        shares=np.concatenate([upper.shares, lower.shares]),
        presence=np.concatenate([upper.presence, lower.presence]),
        positions=np.concatenate([upper.positions, lower.positions]),
        raw_text=f"{upper.raw_text} {lower.raw_text}",
    )


def _one_plate(upper: Region, lower: Region) -> bool:
    heights, widths = (upper.height_px, lower.height_px), (upper.width_px, lower.width_px)
    if max(heights) > MOST_HEIGHTS * min(heights) or max(widths) > MOST_ASPECT * sum(heights):
        return False
    along, down = _axes(upper, lower)
    between = lower.quad.mean(axis=0) - upper.quad.mean(axis=0)
    pitch = float(between @ down) / (sum(heights) / 2)
    return LEAST_PITCH <= pitch <= MOST_PITCH and abs(float(between @ along)) <= MOST_SHIFT * max(widths)


def _axes(upper: Region, lower: Region) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors along the text and down from it; the wider line shows the direction better."""
    quad = max((upper, lower), key=lambda region: region.width_px).quad.astype(np.float64)
    direction = (quad[1] + quad[2]) - (quad[0] + quad[3])
    along = direction / max(math.hypot(*direction), 1e-6)
    return along, np.array([-along[1], along[0]])
