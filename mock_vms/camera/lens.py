"""Metres to pixels: the pinhole camera that films the rendered street.

World: x to the right of the lane's middle, y up from the road, z ahead of the camera, all in metres. The camera hangs
over the lane as an LPR camera should: plates are seen from 15 degrees above, 190 pixels wide at their nearest in a
1280 pixel picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

MOUNT_HEIGHT_M = 3.0
PITCH = math.radians(9.8)
# In picture widths: the lens of a camera that looks at one lane.
FOCAL_WIDTHS = 2.5
# Nearer than this to the lens plane a point has no place on the screen.
_NEAREST_M = 0.3
_MOUNT = np.array([0.0, MOUNT_HEIGHT_M, 0.0])
_TURN = np.array([[1.0, 0.0, 0.0], [0.0, -math.cos(PITCH), -math.sin(PITCH)], [0.0, -math.sin(PITCH), math.cos(PITCH)]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """Projects world points for one picture size."""

    width_px: int
    height_px: int
    focal_px: float

    @classmethod
    def for_size(cls, size: tuple[int, int]) -> Self:
        return cls(width_px=size[0], height_px=size[1], focal_px=FOCAL_WIDTHS * size[0])

    def project(self, points: Points) -> Points:
        """World points, shape (n, 3), to pixels, shape (n, 2)."""
        seen = (points - _MOUNT) @ _TURN  # to the right, down, and away from the camera
        across = seen[:, :2] / np.maximum(seen[:, 2:], _NEAREST_M)
        centre = np.array([self.width_px / 2, self.height_px / 2])
        return np.asarray(across * self.focal_px + centre, dtype=np.float64)

    def point(self, x_m: float, y_m: float, z_m: float) -> tuple[float, float]:
        ((x, y),) = self.project(np.array([[x_m, y_m, z_m]]))
        return float(x), float(y)

    def pixels_per_metre(self, z_m: float) -> float:
        """How large things half a metre above the road are at this distance."""
        return self.point(0.5, 0.5, z_m)[0] - self.point(-0.5, 0.5, z_m)[0]
