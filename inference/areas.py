"""Where in a picture to look, and how large: the recognition areas and the character band decide what is searched."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from inference.recognition import Polygon, RecognitionSettings
from inference.regions import Quad
from inference.types import Box, Picture

# Less than this in either direction holds no plate a camera could read.
MIN_WINDOW_PX = 16
# A detector sees nothing smaller than its stride; less input than this costs nothing anyway.
MIN_LONGEST_PX = 160
# Enlarging beyond this adds no detail, only time.
MAX_ENLARGEMENT = 2.5
# The band is set by eye on a snapshot: finds up to a quarter outside it still count.
BAND_TOLERANCE = 1.25
# A network takes far longer for a shape that it has not met: the sides of what is searched are whole such parts.
PARTS = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """The part of a picture that is searched: `picture` is a view, `x` and `y` its top left in the whole."""

    picture: Picture
    x: int
    y: int
    whole_width: int
    whole_height: int
    polygons: tuple[Quad, ...]
    masks: tuple[Quad, ...] = ()

    def contains(self, quad: Quad) -> bool:
        """Whether the middle of a shape (in window pixels) lies in an area and in no mask."""
        center_x, center_y = quad.mean(axis=0).tolist()
        middle = (center_x + self.x, center_y + self.y)
        if _inside(middle, self.masks):
            return False
        return not self.polygons or _inside(middle, self.polygons)

    def holds(self, quad: Quad, *, margin: float) -> bool:
        """Whether a whole shape lies in what is searched: clear of its border, and in the areas with every corner."""
        height, width = self.picture.shape[:2]
        (left, top), (right, bottom) = quad.min(axis=0).tolist(), quad.max(axis=0).tolist()
        if left < margin or top < margin or right > width - margin or bottom > height - margin:
            return False
        corners = [(x + self.x, y + self.y) for x, y in quad.tolist()]
        return not self.polygons or all(_inside(corner, self.polygons) for corner in corners)

    def touches_edge(self, quad: Quad, *, margin: float) -> bool:
        """Whether a shape reaches the border of the whole picture, so that a part of it may be outside."""
        x, y = quad[:, 0] + self.x, quad[:, 1] + self.y
        return bool(
            x.min() < margin
            or y.min() < margin
            or x.max() > self.whole_width - margin
            or y.max() > self.whole_height - margin
        )


def within(point: tuple[float, float], areas: Sequence[Polygon]) -> bool:
    """Whether a point lies in a recognition area, both in shares of the picture; without areas it does."""
    return not areas or _inside(point, tuple(np.array(area, dtype=np.float32) for area in areas))


def width_share(areas: Sequence[Polygon]) -> float:
    """How much of the picture's width the recognition areas span together; all of it without areas."""
    across = [x for area in areas for x, _ in area]
    return max(across) - min(across) if across else 1.0


def _inside(point: tuple[float, float], polygons: tuple[Quad, ...]) -> bool:
    return any(cv2.pointPolygonTest(polygon, point, False) >= 0 for polygon in polygons)


def _in_pixels(polygons: tuple[Polygon, ...], width: int, height: int) -> tuple[Quad, ...]:
    scale = np.array((width, height), dtype=np.float32)
    return tuple(np.array(polygon, dtype=np.float32) * scale for polygon in polygons if len(polygon) >= 3)


def search_window(
    picture: Picture, areas: tuple[Polygon, ...], region: Box | None, *, masks: tuple[Polygon, ...] = ()
) -> Window | None:
    """The smallest rectangle that holds the areas and lies in `region`; None when nothing is left to search."""
    height, width = picture.shape[:2]
    left, top, right, bottom = 0.0, 0.0, float(width), float(height)
    polygons = _in_pixels(areas, width, height)
    if polygons:
        points = np.concatenate(polygons)
        left, top = max(left, float(points[:, 0].min())), max(top, float(points[:, 1].min()))
        right, bottom = min(right, float(points[:, 0].max())), min(bottom, float(points[:, 1].max()))
    if region is not None:
        left, top = max(left, region.x), max(top, region.y)
        right, bottom = min(right, region.right), min(bottom, region.bottom)
    x, y, x2, y2 = int(left), int(top), int(np.ceil(right)), int(np.ceil(bottom))
    if x2 - x < MIN_WINDOW_PX or y2 - y < MIN_WINDOW_PX:
        return None
    return Window(
        picture=picture[y:y2, x:x2],
        x=x,
        y=y,
        whole_width=width,
        whole_height=height,
        polygons=polygons,
        masks=_in_pixels(masks, width, height),
    )


def of_few_shapes(box: Box, width: int, height: int) -> Box:
    """The box, which may reach beyond the picture, as a part of it whose sides are whole quarters of the picture's."""
    x, wide = _grown(box.x, box.right, width)
    y, high = _grown(box.y, box.bottom, height)
    return Box(x=x, y=y, width=wide, height=high)


def _grown(start: float, end: float, length: int) -> tuple[float, float]:
    """Where a stretch begins and how long it is, once it is whole parts long and lies in the picture."""
    start, end = max(0.0, start), min(float(length), end)
    grown = max(1, math.ceil(PARTS * (end - start) / length)) * length / PARTS
    return min(max(0.0, (start + end - grown) / 2), length - grown), grown


def search_longest_px(window: Window, settings: RecognitionSettings, *, look: float, most_px: float) -> int:
    """How long the window's longer side should be for the detector.

    Without a height band `look` is the longer side of a whole picture. With one it is the height that the band's lowest
    character needs, and nothing more is spent. `most_px` is the largest that a whole picture is ever looked at.
    """
    longest = max(window.picture.shape[:2])
    whole = max(window.whole_width, window.whole_height)
    wanted = look * longest / whole
    if settings.character_height_min:
        smallest_px = settings.character_height_min * window.whole_height / BAND_TOLERANCE
        wanted = longest * min(look / smallest_px, MAX_ENLARGEMENT)
    return int(np.clip(wanted, MIN_LONGEST_PX, max(most_px, MIN_LONGEST_PX) * 2))
