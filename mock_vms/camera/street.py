"""The empty street, painted once per picture size: road, kerbs, a pavement with a cat, grass and flowers."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np

from mock_vms.camera.lens import Lens, Points
from mock_vms.camera.physics import Plane

Colour = tuple[int, int, int]

FARTHEST_M, NEAREST_M = 110.0, 4.0
ASPHALT, PAINT, KERB, SLAB = (92, 90, 88), (214, 218, 218), (150, 152, 150), (134, 140, 144)
GRASS, HEDGE, JOINT = (62, 116, 84), (46, 84, 58), (112, 118, 122)
_BITS = 4


@lru_cache(maxsize=4)
def paint_street(size: tuple[int, int]) -> Plane:
    """A quiet street on a fine day. The same picture every time, painted once and not to be painted over."""
    chance = np.random.default_rng(7)
    lens = Lens.for_size(size)
    street: Plane = np.full((size[1], size[0], 3), HEDGE, dtype=np.uint8)
    painter = _Painter(street, lens)
    painter.ground(-60, 60, GRASS)
    painter.ground(-4.6, -2.05, SLAB)
    for z in np.arange(NEAREST_M, 70, 1.2):
        painter.ground(-4.6, -2.05, JOINT, z, z + 0.04)
    painter.ground(-3.34, -3.3, JOINT)
    painter.ground(-2.05, -1.85, KERB)
    painter.ground(-1.85, 5.1, ASPHALT)
    painter.ground(5.1, 5.3, KERB)
    _roughen(street, chance)
    for z in np.arange(NEAREST_M, FARTHEST_M, 6.0):
        painter.ground(1.66, 1.78, PAINT, z, z + 3.0)
    for x in np.arange(-1.6, 4.8, 1.0):
        painter.ground(x, x + 0.5, PAINT, 33.0, 36.0)
    _shade(street, lens, chance)
    _hedge(street, lens, chance)
    _flowers(street, lens, chance)
    _cat(painter, -2.75, 19.5)
    _bollards(painter)
    street.flags.writeable = False
    return street


def fill(picture: Plane, outline: Points, colour: tuple[float, ...]) -> None:
    """A polygon in pixels, with smooth edges."""
    points = np.clip(np.round(outline * (1 << _BITS)), -(2**24), 2**24).astype(np.int32)
    cv2.fillPoly(picture, [points], colour, cv2.LINE_AA, _BITS)


class _Painter:
    """Puts flat things of the world into the picture."""

    def __init__(self, street: Plane, lens: Lens) -> None:
        self._street = street
        self._lens = lens

    def ground(
        self, left: float, right: float, colour: Colour, near: float = NEAREST_M, far: float = FARTHEST_M
    ) -> None:
        """A rectangle that lies on the ground."""
        corners = np.array([[left, 0, near], [left, 0, far], [right, 0, far], [right, 0, near]])
        fill(self._street, self._lens.project(corners), colour)

    def upright(self, x: float, z: float, outline: list[tuple[float, float]], colour: Colour) -> None:
        """Something flat that stands on the ground and faces the camera; the outline in metres from its foot."""
        fill(self._street, self._lens.project(np.array([(x + across, up, z) for across, up in outline])), colour)


def _roughen(street: Plane, chance: np.random.Generator) -> None:
    """The grain of asphalt and grass, coarser where it is nearer."""
    height, width = street.shape[:2]
    fine = chance.normal(0, 5, (height, width)).astype(np.float32)
    coarse = chance.normal(0, 9, (height // 8 + 1, width // 8 + 1)).astype(np.float32)
    grain = (
        cv2.GaussianBlur(fine, (3, 3), 0) * 1.6
        + cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * 0.5
    )
    street[:] = np.clip(street + grain[..., None], 0, 255).astype(np.uint8)


def _shade(street: Plane, lens: Lens, chance: np.random.Generator) -> None:
    """Dappled shadows of trees that stand outside the picture."""
    shadow = np.zeros(street.shape[:2], dtype=np.uint8)
    for centre_z in (14.0, 44.0, 68.0):
        for _ in range(60):
            x, z = chance.normal(3.6, 1.3), centre_z + chance.normal(0, 2.2)
            if z < NEAREST_M:
                continue
            radius = chance.uniform(0.12, 0.4)
            ring = [(x + radius * math.cos(a), 0, z + 2 * radius * math.sin(a)) for a in np.linspace(0, 6.28, 14)]
            points = np.round(lens.project(np.array(ring)) * 16).astype(np.int32)
            cv2.fillPoly(shadow, [points], 70, cv2.LINE_AA, _BITS)
    soft = cv2.GaussianBlur(shadow, (0, 0), max(1.0, street.shape[1] / 320))
    street[:] = (street * (1 - soft[..., None] / 255.0)).astype(np.uint8)


def _hedge(street: Plane, lens: Lens, chance: np.random.Generator) -> None:
    """A hedge along the pavement and one across the grass, made of leaves, far ones first."""
    for side, x in ((-1, -5.4), (1, 9.5)):
        for z in np.arange(100.0, 8.0, -0.8):
            for _ in range(5):
                leaf_x = x + side * abs(chance.normal(0, 0.3))
                radius, up = chance.uniform(0.12, 0.3), chance.uniform(0.1, 1.2)
                tint = chance.uniform(0.75, 1.3)
                colour = tuple(int(min(255, part * tint)) for part in (44, 92, 60))
                cx, cy = lens.point(leaf_x, up, z)
                pixels = max(1, round(radius * lens.pixels_per_metre(z)))
                if -pixels < cx < street.shape[1] + pixels and -pixels < cy < street.shape[0] + pixels:
                    cv2.circle(street, (round(cx), round(cy)), pixels, colour, -1, cv2.LINE_AA)


def _flowers(street: Plane, lens: Lens, chance: np.random.Generator) -> None:
    colours = ((60, 210, 250), (235, 240, 245), (190, 120, 235), (80, 90, 230))
    for _ in range(260):
        x, z = chance.uniform(5.6, 9.0), chance.uniform(18, 60)
        cx, cy = lens.point(x, 0.06, z)
        pixels = max(1, round(0.035 * lens.pixels_per_metre(z)))
        cv2.circle(street, (round(cx), round(cy)), pixels, colours[int(chance.integers(4))], -1, cv2.LINE_AA)


def _bollards(painter: _Painter) -> None:
    for z in (52.0, 44.0, 30.5, 26.0):
        painter.upright(-2.25, z, [(-0.07, 0), (-0.06, 0.9), (0, 0.97), (0.06, 0.9), (0.07, 0)], (70, 68, 66))
        painter.upright(-2.25, z, [(-0.065, 0.7), (-0.065, 0.8), (0.065, 0.8), (0.065, 0.7)], (225, 228, 230))


def _cat(painter: _Painter, x: float, z: float) -> None:
    """She watches the traffic."""
    fur, light, dark = (60, 130, 215), (190, 215, 240), (40, 45, 50)

    def oval(cx: float, cy: float, rx: float, ry: float, colour: Colour) -> None:
        ring = [(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in np.linspace(0, 6.28, 24)]
        painter.upright(x, z, ring, colour)

    tail = [(0.12 + 0.24 * math.sin(a) - 0.02, 0.06 + 0.1 * (1 - math.cos(a))) for a in np.linspace(0, 2.4, 12)]
    painter.upright(x, z, [*tail, *[(px - 0.05, py + 0.05) for px, py in reversed(tail)]], fur)
    oval(0, 0.17, 0.15, 0.19, fur)
    oval(0, 0.14, 0.07, 0.12, light)
    oval(0, 0.42, 0.12, 0.11, fur)
    for side in (-1, 1):
        painter.upright(x, z, [(side * 0.11, 0.44), (side * 0.09, 0.58), (side * 0.03, 0.51)], fur)
        oval(side * 0.045, 0.44, 0.018, 0.026, dark)
        oval(side * 0.06, 0.02, 0.05, 0.03, light)
    oval(0, 0.395, 0.016, 0.011, (120, 120, 235))
