"""A second, closer look at a plate whose reading is in doubt: its corners from a window where it is large.

At the scale that suffices to find a plate its corners are a pixel or two off, and a pixel there is a tenth of a small
plate's height: enough to cost a reader a character. Looking again at a few hundred by a hundred pixels costs a third of
the first look, so it is done only where the reading is not sure already.

A plate that fills much of the picture is found too small instead: its ends lie further from its middle than the
detector ever learned. It is looked at again from further away, whatever was read: a cut plate may read as another's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from inference.detector import Detector
from inference.regions import Region
from inference.types import Picture

# How wide the plate is in the closer look, and how much of the scene is seen with it, in plate widths.
PLATE_PX, ROOM = 160, 2.0
# A plate this wide at the first look was seen as well as it would be: of 433 photos a closer look mended none.
CLEAR_PX = 90
# Wider ones were not taught: they come out cut.
LARGE_PX = 240
# What was found of it may be half of it.
FAR_PLATE_PX, FAR_ROOM = 110, 4.0
# The detector's coarsest cells.
CELL_PX = 32
# Only the surest finds are looked at again: a car park would cost a second.
MAX_LOOKS = 6
# Less overlap means that the closer look found something else.
SAME_PLATE = 0.3


class CloseUp:
    """The closer looks at the finds of one picture, which was first seen at `scale`."""

    def __init__(self, *, detector: Detector, picture: Picture, scale: float) -> None:
        self._detector = detector
        self._picture = picture
        self._scale = scale
        self._left = MAX_LOOKS

    def look(self, find: Region) -> Region | None:
        """The same plate with better corners; `find` itself where no look would help or none is left.

        None: what vanishes when looked at closely was no plate.
        """
        if self._left == 0 or find.box.width * self._scale >= CLEAR_PX:
            return find
        return self._again(find, room=ROOM, plate_px=PLATE_PX)

    def whole(self, find: Region) -> Region:
        """A plate so large that it was found cut, seen from further away; any other as it is."""
        if self._left == 0 or math.isinf(self._scale) or find.box.width * self._scale <= LARGE_PX:
            return find
        return self._again(find, room=FAR_ROOM, plate_px=FAR_PLATE_PX) or find

    def _again(self, find: Region, *, room: float, plate_px: float) -> Region | None:
        self._left -= 1
        box = find.box
        width = box.width * room
        height = max(box.height * room, width / 2)
        x, y = box.center
        left, top = int(max(0.0, x - width / 2)), int(max(0.0, y - height / 2))
        window = self._picture[top : top + round(height), left : left + round(width)]
        # Rounded to whole cells: looks at plates in full view are then of one size, which costs least.
        cells = round(max(window.shape[:2]) * plate_px / max(box.width, 1.0) / CELL_PX)
        regions = self._detector.detect(window, longest_px=max(1, cells) * CELL_PX)
        offset = np.array([left, top], np.float32)
        moved = [
            Region(quad=(region.quad + offset).astype(np.float32), likelihood=find.likelihood) for region in regions
        ]
        return _nearest(moved, find)


def _nearest(regions: Sequence[Region], find: Region) -> Region | None:
    """The region that shows the same plate as `find`, if any."""
    best = max(regions, key=lambda region: region.box.iou(find.box), default=None)
    return best if best is not None and best.box.iou(find.box) >= SAME_PLATE else None
