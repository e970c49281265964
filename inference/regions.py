"""A place in the picture where a plate may be: a four-sided shape, and how to cut it out upright."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.types import Box, Picture

Quad = NDArray[np.float32]
"""Four corners, clockwise from top left, shape (4, 2), pixels."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Region:
    """A shape a detector proposed, with how sure it is."""

    quad: Quad
    likelihood: float

    @property
    def box(self) -> Box:
        return bounding_box(self.quad)

    @property
    def height_px(self) -> float:
        """The mean of the two upright sides: what a character's height is measured against."""
        sides = np.linalg.norm(self.quad[3] - self.quad[0]), np.linalg.norm(self.quad[2] - self.quad[1])
        return float(sum(sides) / 2)

    @property
    def width_px(self) -> float:
        sides = np.linalg.norm(self.quad[1] - self.quad[0]), np.linalg.norm(self.quad[2] - self.quad[3])
        return float(sum(sides) / 2)


def quad_of_box(box: Box) -> Quad:
    """The corners of an upright box."""
    return np.array(
        [[box.x, box.y], [box.right, box.y], [box.right, box.bottom], [box.x, box.bottom]], dtype=np.float32
    )


def bounding_box(quad: Quad) -> Box:
    """The upright box around a shape."""
    x, y = quad.min(axis=0)
    right, bottom = quad.max(axis=0)
    return Box(x=float(x), y=float(y), width=float(right - x), height=float(bottom - y))


def grow(quad: Quad, *, left: float = 0.0, right: float = 0.0, top: float = 0.0, bottom: float = 0.0) -> Quad:
    """Move the sides outwards by fractions of the shape's own width and height (negative: inwards)."""
    top_left, top_right, bottom_right, bottom_left = quad
    along_top, along_bottom = top_right - top_left, bottom_right - bottom_left
    top_left, top_right = top_left - left * along_top, top_right + right * along_top
    bottom_left, bottom_right = bottom_left - left * along_bottom, bottom_right + right * along_bottom
    down_left, down_right = bottom_left - top_left, bottom_right - top_right
    return np.array(
        [
            top_left - top * down_left,
            top_right - top * down_right,
            bottom_right + bottom * down_right,
            bottom_left + bottom * down_left,
        ],
        dtype=np.float32,
    )


def cut(picture: Picture, quad: Quad, *, width: int, height: int) -> Picture:
    """The shape as an upright picture of the given size; what lies outside the frame repeats the frame's edge."""
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(quad, target)
    crop = cv2.warpPerspective(
        picture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(crop, dtype=np.uint8)
