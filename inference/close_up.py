"""A second, closer look at each plate found: corners from a window of its own, where the plate is large.

At the scale that suffices to find a plate its corners are a pixel or two off, and a pixel there is a tenth of a small
plate's height: enough to cost a reader a character. Looking again at a few hundred by a hundred pixels costs a tenth of
the first look.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inference.detector import Detector
from inference.regions import Region
from inference.types import Picture


class CloseUpDetector:
    """Finds plates with another detector and lets it look again at each that was small."""

    # How wide the plate is in the closer look, and how much of the scene is seen with it, in plate widths.
    plate_px, room = 160, 2.0
    # A plate this wide at the first look was seen as well as it would be.
    clear_px = 120
    # Only the surest finds are looked at again: a car park would cost a second.
    max_looks = 6
    # Less overlap means that the closer look found something else.
    same_plate = 0.3

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def detect(self, picture: Picture, *, longest_px: int) -> list[Region]:
        """Regions in the picture's own pixels, surest first; what vanishes when looked at closely was no plate."""
        scale = longest_px / max(picture.shape[:2])
        finds = sorted(self._detector.detect(picture, longest_px=longest_px), key=lambda r: -r.likelihood)
        near = [self._closer(picture, find, scale) for find in finds[: self.max_looks]]
        return [region for region in near if region is not None] + finds[self.max_looks :]

    def _closer(self, picture: Picture, find: Region, scale: float) -> Region | None:
        box = find.box
        if box.width * scale >= self.clear_px:
            return find
        width = box.width * self.room
        height = max(box.height * self.room, width / 2)
        x, y = box.center
        left, top = int(max(0.0, x - width / 2)), int(max(0.0, y - height / 2))
        window = picture[top : int(y + height / 2) + 1, left : int(x + width / 2) + 1]
        longest = max(window.shape[:2])
        regions = self._detector.detect(window, longest_px=round(longest * self.plate_px / max(box.width, 1.0)))
        offset = np.array([left, top], np.float32)
        moved = [
            Region(quad=(region.quad + offset).astype(np.float32), likelihood=find.likelihood) for region in regions
        ]
        return _nearest(moved, find, self.same_plate)


def _nearest(regions: Sequence[Region], find: Region, least: float) -> Region | None:
    """The region that shows the same plate as `find`, if any."""
    best = max(regions, key=lambda region: region.box.iou(find.box), default=None)
    return best if best is not None and best.box.iou(find.box) >= least else None
