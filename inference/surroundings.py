"""What is around a plate in its picture: the picture's edge, the lines that cameras write into, and what moved there.

Plain code: times come in with the frames.
"""

from __future__ import annotations

from collections.abc import Sequence

from inference.tracks import Track
from inference.types import Box

# A plate this near the edge (share of the picture's width) may continue outside.
EDGE = 0.006
# Overlays are burned into the outermost lines; a plate that never leaves them was never seen whole.
OVERLAY_BAND = 0.045
# A vehicle's own motion covers much more than its plate.
COVERS = 4.0
COVERED_WITHIN_S = 2.0


class Surroundings:
    """Those of one camera's plates, from its first frame on."""

    def __init__(self) -> None:
        self.size: tuple[int, int] | None = None
        """Of the pictures, width and height; None before the first."""
        self._motion: list[tuple[float, Box]] = []

    def note(self, now_s: float, motion: Sequence[Box] | None, size: tuple[int, int]) -> None:
        """A frame of this size, and what moved in it (None: not known)."""
        if motion is None or self.size is None:
            # Nothing is known about what came before, so nothing is held against what stands here now.
            motion = (Box(x=0, y=0, width=size[0], height=size[1]),)
        self.size = size
        self._motion = [(at, box) for at, box in self._motion if 0 <= now_s - at <= COVERED_WITHIN_S]
        self._motion += [(now_s, box) for box in motion]

    def touches_edge(self, box: Box) -> bool:
        """A part of it may be outside."""
        width, height = self._known_size()
        margin = EDGE * width
        return (
            box.x <= margin or box.y <= margin or box.right >= width - margin - 1 or box.bottom >= height - margin - 1
        )

    def hurried(self, track: Track) -> bool:
        """It was only seen so near the edge that it may have come in or gone out since the look before or after."""
        width, height = self._known_size()
        return all(
            min(sight.box.x, sight.box.y, width - sight.box.right, height - sight.box.bottom) < sight.box.width
            for sight in track.sightings
        )

    def in_band(self, track: Track) -> bool:
        """It was never seen anywhere but in the outermost lines of the picture."""
        _, height = self._known_size()
        return all(
            not OVERLAY_BAND * height <= sight.box.center[1] <= (1 - OVERLAY_BAND) * height for sight in track.sightings
        )

    def moved_around(self, box: Box) -> bool:
        """Something as large as a vehicle moved where this plate is, lately."""
        width, height = self._known_size()
        # A plate that fills the picture leaves no room for a vehicle around it.
        much = min(COVERS * box.area, 0.5 * width * height)
        return any(moved.area >= much and moved.overlap(box) >= 0.5 * box.area for _, moved in self._motion)

    def _known_size(self) -> tuple[int, int]:
        assert self.size is not None, "no plate is seen before the first frame"
        return self.size
