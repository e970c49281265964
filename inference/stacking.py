"""One plate in several pictures, laid on each other: noise is different in each, strokes are not.

At night a single picture is mostly noise. The corners that a detector finds are a pixel or two off, so pictures are
moved onto each other first (enhanced correlation coefficient: Evangelidis and Psarakis, 2008); laid on each other as
found, strokes would cancel.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.regions import Quad, cut, grow, quad_of_box
from inference.types import Box, Picture

Patch = NDArray[np.uint8]
"""A plate cut upright with room around it: grey, shape (96, 192)."""

WIDTH_PX, HEIGHT_PX = 192, 96
# Room around the plate, in shares of its own width and height: for its neighbours to be moved by, and for looser crops.
ROOM_X, ROOM_Y = 0.1, 0.2
# Moves are found at this scale, in a third of the time and as well.
SCALE = 0.5
STEPS = cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-3
SOFTEN_PX = 5
# Pictures that correlate less show something else, or nothing.
LEAST_ALIKE = 0.85
# The second time all are laid on what the first gave, which is clearer than any one of them.
ROUNDS = 2

_Levels = NDArray[np.float32]


def patch_of(picture: Picture, quad: Quad) -> Patch:
    """The plate with its room, ready to be laid on others."""
    wide = grow(quad, left=ROOM_X, right=ROOM_X, top=ROOM_Y, bottom=ROOM_Y)
    return np.asarray(cv2.cvtColor(cut(picture, wide, width=WIDTH_PX, height=HEIGHT_PX), cv2.COLOR_BGR2GRAY), np.uint8)


def plate_in_patch() -> Quad:
    """Where the plate itself lies in a patch."""
    across, down = WIDTH_PX / (1 + 2 * ROOM_X), HEIGHT_PX / (1 + 2 * ROOM_Y)
    return quad_of_box(Box(x=ROOM_X * across, y=ROOM_Y * down, width=across, height=down))


def stacked(patches: Sequence[Patch], weights: Sequence[float]) -> Picture:
    """The patches' mean, the clearest patch first in order, as a picture that a reader can read (BGR)."""
    levels = [_standard(patch) for patch in patches]
    total, weight = levels[0] * np.float32(weights[0]), weights[0]
    for moved, share in _moved(levels[0], levels[1:], weights[1:]):
        total, weight = total + moved * np.float32(share), weight + share
    for _ in range(ROUNDS - 1):
        onto = total / np.float32(weight)
        parts = _moved(onto, levels, weights)
        if not parts:
            break
        total = np.sum([moved * np.float32(share) for moved, share in parts], axis=0)
        weight = sum(share for _, share in parts)
    return np.asarray(cv2.merge([_as_grey(total / np.float32(weight))] * 3), np.uint8)


def _moved(onto: _Levels, levels: Sequence[_Levels], weights: Sequence[float]) -> list[tuple[_Levels, float]]:
    """Those that show the same, each moved onto `onto`, with its weight."""
    small = _smaller(onto)
    parts = []
    for one, weight in zip(levels, weights, strict=True):
        way = _way(small, _smaller(one))
        if way is not None:
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            size = (WIDTH_PX, HEIGHT_PX)
            moved = cv2.warpAffine(one, way, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
            parts.append((np.asarray(moved, np.float32), weight))
    return parts


def _way(onto: _Levels, small: _Levels) -> NDArray[np.float32] | None:
    """How a patch must be moved, turned and stretched, (2, 3); None where nothing makes the two alike."""
    try:
        alike, way = cv2.findTransformECC(
            onto, small, np.eye(2, 3, dtype=np.float32), cv2.MOTION_AFFINE, STEPS, None, SOFTEN_PX
        )
    except cv2.error:
        return None  # the search left the picture: OpenCV raises what it calls an uncorrelated image
    if alike < LEAST_ALIKE:
        return None
    way = np.asarray(way, np.float32)
    way[:, 2] /= SCALE
    return way


def _smaller(levels: _Levels) -> _Levels:
    small = cv2.resize(levels, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def _standard(patch: Patch) -> _Levels:
    """Of mean 0 and deviation 1: light changes between pictures."""
    levels = patch.astype(np.float32)
    return np.asarray((levels - levels.mean()) / (levels.std() + 1.0), np.float32)


def _as_grey(levels: _Levels) -> Patch:
    low, high = np.percentile(levels, (1, 99))
    return np.asarray(np.clip((levels - low) / max(high - low, 1e-6) * 200 + 20, 0, 255), np.uint8)
