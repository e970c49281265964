"""What pictures of plates measure at one camera: size, contrast, sharpness, burnt-out share, slant and place.

They are taken from the frame a vehicle's plate was read best in, and from snapshots. No text of a plate is kept.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from inference.quality import burnt_out_share, measure
from inference.rank import Candidate
from inference.recognition import Recognition
from inference.regions import Quad, Region, quad_of_box
from inference.types import Box, Direction, Frame, Passage, PassageState, Picture, Reading, Rejection, RejectionReason

# Enough vehicles that one dirty plate says nothing, few enough that an hour's traffic shows what was changed.
MOST_VIEWS = 50
# A vehicle is told soon after its best frame; of one that waited longer its kept picture is measured instead.
MOST_FRAMES = 64
# The same plate in the same frame, although the tracker may have moved its box.
SAME_PLATE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Slant:
    """How a plate lies in the picture.

    `edge_offset_px` is how much lower its right edge lies than its left one. `shear_deg` is by how much its corners
    differ from right angles: seen from the side and from above at once, a plate is a parallelogram.
    """

    edge_offset_px: float
    shear_deg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateView:
    """One plate in one picture. Sizes are pixels along the plate, contrast and brightness grey levels.

    `slant` is None where only an upright box is known.
    """

    width_px: float
    height_px: float
    picture_width_px: int
    center: tuple[float, float]
    """In shares of the picture, y down."""
    contrast: float
    sharpness: float
    brightness: float
    burnt_out: float
    """The share of its pixels at the white end, 0 to 1."""
    cut: bool = False
    slant: Slant | None = None
    direction: Direction | None = None


def view_of(find: Reading | Rejection, picture: Picture) -> PlateView:
    """Measure a find in the picture it was made in."""
    seen = find.seen
    cut = find.cut if isinstance(find, Reading) else find.reason is RejectionReason.CUT
    if not isinstance(seen, Candidate):
        return _view(picture, quad_of_box(find.box), cut=cut)
    return _view(picture, seen.region.quad, cut=cut)


class PlateViews:
    """The views of the last vehicles of one camera. Not safe from several threads."""

    def __init__(self) -> None:
        self._frames: deque[tuple[datetime, tuple[tuple[Box, PlateView], ...]]] = deque(maxlen=MOST_FRAMES)
        self._views: deque[PlateView] = deque(maxlen=MOST_VIEWS)

    def all(self) -> Sequence[PlateView]:
        """Oldest first."""
        return tuple(self._views)

    def note(self, frame: Frame, recognition: Recognition) -> None:
        """Remember what was read in a frame, until its vehicles are told."""
        if recognition.readings:
            views = tuple((one.box, view_of(one, frame.picture)) for one in recognition.readings)
            self._frames.append((frame.captured_at, views))

    def passed(self, passage: Passage) -> None:
        """Keep the best view of a vehicle, once: when it is final."""
        if passage.state is PassageState.FINAL:
            view = self._noted(passage) or _view(passage.frame_picture, quad_of_box(passage.box), cut=False)
            self._views.append(replace(view, direction=passage.direction))

    def keep(self, view: PlateView) -> None:
        """A view that was measured elsewhere."""
        self._views.append(view)

    def forget(self) -> None:
        """The camera sends other pictures now."""
        self._frames.clear()
        self._views.clear()

    def _noted(self, passage: Passage) -> PlateView | None:
        views = [pair for at, views in self._frames if at == passage.read_at for pair in views]
        best = max(views, key=lambda pair: pair[0].iou(passage.box), default=None)
        return best[1] if best is not None and best[0].iou(passage.box) >= SAME_PLATE else None


def _view(picture: Picture, quad: Quad, *, cut: bool) -> PlateView:
    quality = measure(picture, quad)
    height, width = picture.shape[:2]
    region = Region(quad=quad, likelihood=1.0)
    x, y = quad.mean(axis=0).tolist()
    return PlateView(
        width_px=region.width_px,
        height_px=region.height_px,
        picture_width_px=width,
        center=(x / width, y / height),
        contrast=quality.contrast,
        sharpness=quality.sharpness,
        brightness=quality.brightness,
        burnt_out=burnt_out_share(picture, quad),
        cut=cut,
        slant=_slant(quad),
    )


def _slant(quad: Quad) -> Slant | None:
    """None for an upright box: a detector that knows no corners says nothing about them."""
    top_left, top_right, bottom_right, bottom_left = quad.astype(float)
    along = (top_right - top_left + bottom_right - bottom_left) / 2
    down = (bottom_left - top_left + bottom_right - top_right) / 2
    if along[1] == 0.0 and down[0] == 0.0:
        return None
    shear = math.degrees(math.atan2(along[1], along[0]) + math.atan2(down[0], down[1]))
    return Slant(edge_offset_px=float(along[1]), shear_deg=shear)
