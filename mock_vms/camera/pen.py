"""Draws polygons of the world into a transparent layer, where a vehicle is at this moment."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from mock_vms.camera.lens import Lens, Points
from mock_vms.camera.physics import Plane
from mock_vms.camera.street import fill

Colour = tuple[int, int, int]
Ring = Sequence[tuple[float, float, float]]
"""The corners of a polygon, in metres from the middle of the vehicle's front bumper."""


class Pen:
    """Draws a vehicle's polygons where the vehicle is."""

    def __init__(self, layer: Plane, lens: Lens, x_m: float, z_m: float, origin: tuple[int, int]) -> None:
        self._layer = layer
        self._lens = lens
        self._at = np.array([x_m, 0.0, z_m])
        self._origin = np.array(origin, dtype=np.float64)

    def fill(self, ring: Ring, colour: Colour) -> None:
        fill(self._layer, self._place(ring), (*colour, 255))

    def shade(self, ring: Ring, alpha: int) -> None:
        """A shadow on the ground: nearly black, as opaque as `alpha` says. Replaces what is below it."""
        fill(self._layer, self._place(ring), (8, 8, 8, alpha))

    def front(self, ring: Sequence[tuple[float, float]], colour: Colour) -> None:
        self.fill([(x, y, 0.0) for x, y in ring], colour)

    def disc(self, centre: tuple[float, float, float], radius: float, colour: Colour) -> None:
        x, y, z = centre
        ring = [(x + radius * math.cos(a), y + radius * math.sin(a), z) for a in np.linspace(0, 2 * math.pi, 18)]
        self.fill(ring, colour)

    def picture(self, mips: tuple[Plane, ...], ring: Sequence[tuple[float, float]]) -> None:
        """Warp a picture onto a rectangle of the front (its corners from top left, clockwise)."""
        corners = self._place([(x, y, -0.01) for x, y in ring]).astype(np.float32)
        left, top = np.floor(corners.min(axis=0)).astype(int)
        right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 1
        height, width = self._layer.shape[:2]
        if right <= 0 or bottom <= 0 or left >= width or top >= height or right - left < 2:
            return
        wanted = right - left
        source = next((mip for mip in reversed(mips) if mip.shape[1] >= wanted), mips[0])
        edges = np.array([[0, 0], [source.shape[1], 0], [source.shape[1], source.shape[0]], [0, source.shape[0]]]) - 0.5
        matrix = cv2.getPerspectiveTransform(
            edges.astype(np.float32), corners - np.array([left, top], dtype=np.float32)
        )
        size = (int(right - left), int(bottom - top))
        warped = cv2.warpPerspective(source, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        mask = np.zeros((size[1], size[0]), dtype=np.uint8)
        fill(mask, corners.astype(np.float64) - (left, top), (255,))
        x0, y0, x1, y1 = max(0, left), max(0, top), min(width, right), min(height, bottom)
        inside = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        target = self._layer[y0:y1, x0:x1, :3]
        share = (mask[inside].astype(np.uint16))[..., None]
        target[:] = ((warped[inside] * share + target * (255 - share)) // 255).astype(np.uint8)

    def tint(self, ring: Ring, colour: Colour, share: float) -> None:
        """A translucent polygon over what is there, for example the sky's reflection in glass."""
        outline = self._place(ring)
        x0, y0 = np.maximum(np.floor(outline.min(axis=0)).astype(int), 0)
        x1, y1 = np.ceil(outline.max(axis=0)).astype(int) + 1
        patch = self._layer[y0:y1, x0:x1]
        if patch.size == 0:
            return
        over = patch.copy()
        fill(over, outline - (x0, y0), (*colour, 255))
        cv2.addWeighted(over, share, patch, 1 - share, 0, dst=over)
        patch[:] = over

    def _place(self, ring: Ring) -> Points:
        return self._lens.project(np.asarray(ring, dtype=np.float64) + self._at) - self._origin
