"""Vehicles, drawn from polygons in metres, so that perspective and size are right at every distance.

A vehicle's own coordinates: x to the right as the camera sees it, y up, z from its front bumper towards its tail.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np

from mock_vms.camera.lens import Lens
from mock_vms.camera.pen import Colour, Pen
from mock_vms.camera.physics import Plane

PAINTS: tuple[Colour, ...] = (
    (52, 44, 178),  # red
    (150, 92, 30),  # blue
    (206, 206, 204),  # white
    (112, 112, 116),  # grey
    (74, 120, 44),  # green
    (40, 150, 228),  # orange
    (150, 158, 70),  # teal
    (54, 52, 52),  # black
)
GLASS, TYRE, DARK, LAMP, CHROME = (92, 80, 66), (34, 34, 34), (40, 40, 42), (246, 250, 252), (176, 178, 180)
AMBER, SKIN = (40, 150, 250), (150, 180, 226)
PLATE_HEIGHT_M = 0.46


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The outline of a kind of vehicle, in metres."""

    width: float
    length: float
    bonnet_y: float
    windscreen_z: tuple[float, float]
    windscreen_y: tuple[float, float]
    roof_width: float


CAR = Body(width=1.78, length=4.3, bonnet_y=0.82, windscreen_z=(1.0, 1.75), windscreen_y=(0.98, 1.42), roof_width=1.22)
VAN = Body(width=1.95, length=5.0, bonnet_y=1.02, windscreen_z=(0.55, 1.15), windscreen_y=(1.18, 1.95), roof_width=1.7)
BODIES = (CAR, CAR, CAR, VAN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """One vehicle with everything that was rolled for it."""

    body: Body
    paint: Colour
    passenger: str
    surfboard: bool
    plate: tuple[Plane, ...]
    """The drawn plate at full size, a half, a quarter ..."""
    plate_size_m: tuple[float, float]

    @classmethod
    def rolled(cls, chance: random.Random, *, plate: list[Plane], plate_size_m: tuple[float, float]) -> Vehicle:
        return cls(
            body=chance.choice(BODIES),
            paint=chance.choice(PAINTS),
            passenger=chance.choice(("nobody", "nobody", "person", "dog")),
            surfboard=chance.random() < 0.2,
            plate=tuple(plate),
            plate_size_m=plate_size_m,
        )

    @property
    def height_m(self) -> float:
        return self.body.windscreen_y[1] + (0.22 if self.surfboard else 0.03)

    def draw(self, layer: Plane, lens: Lens, x_m: float, z_m: float, origin: tuple[int, int]) -> None:
        """Draw into a BGRA layer whose top left pixel is `origin`; colours come out multiplied by their alpha."""
        pen = Pen(layer, lens, x_m, z_m, origin)
        half = self.body.width / 2
        self._draw_shadow(pen, half)
        self._draw_wheels(pen, half)
        self._draw_cabin(pen, half)
        self._draw_bonnet(pen, half)
        self._draw_front(pen, half)
        self._draw_plate(pen)

    def _draw_shadow(self, pen: Pen, half: float) -> None:
        for growth, alpha in ((0.22, 60), (0.1, 110), (0.0, 170)):
            reach = half + growth
            ring = [(-reach, 0, -growth), (reach + 0.15, 0, -growth), (reach + 0.15, 0, 5), (-reach, 0, 5)]
            pen.shade(ring, alpha)

    def _draw_wheels(self, pen: Pen, half: float) -> None:
        for side in (-1, 1):
            inner, outer = side * (half - 0.3), side * (half - 0.04)
            pen.fill([(inner, 0, 0.5), (inner, 0.4, 0.5), (outer, 0.4, 0.5), (outer, 0, 0.5)], TYRE)

    def _draw_cabin(self, pen: Pen, half: float) -> None:
        body = self.body
        low, high = body.windscreen_y
        near, far = body.windscreen_z
        top = body.roof_width / 2
        tail = body.length - 0.5
        pen.fill(
            [(-half, low - 0.1, near), (-top, high, far), (top, high, far), (half, low - 0.1, near)], self._shade(0.7)
        )
        steps = 6
        for step in range(steps):  # the roof lightens towards the sky
            z0, z1 = (far + (tail - far) * part / steps for part in (steps - step - 1, steps - step))
            pen.fill(
                [(-top, high, z0), (-top, high, z1), (top, high, z1), (top, high, z0)], self._shade(1.0 + 0.05 * step)
            )
        if self.surfboard:
            board = [
                (0.24 * math.sin(a) + 0.1, high + 0.2, far + 1.0 + 1.1 * math.cos(a)) for a in np.linspace(0, 6.28, 28)
            ]
            pen.fill(board, (120, 210, 245))
            pen.fill(
                [
                    (0.08, high + 0.21, far),
                    (0.08, high + 0.21, far + 2),
                    (0.12, high + 0.21, far + 2),
                    (0.12, high + 0.21, far),
                ],
                (70, 70, 220),
            )

        def glass(across: float, up: float) -> tuple[float, float, float]:
            wide = (half - 0.12) + ((top - 0.06) - (half - 0.12)) * up
            return across * wide, low + (high - low) * up, near + (far - near) * up

        pen.fill([glass(-1, 0.02), glass(-1, 0.94), glass(1, 0.94), glass(1, 0.02)], GLASS)
        self._draw_people(pen)
        pen.tint([glass(-0.2, 0.02), glass(0.1, 0.94), glass(0.32, 0.94), glass(0.06, 0.02)], (128, 118, 104), 0.6)
        for side in (-1, 1):
            mirror = side * (half + 0.02)
            pen.fill(
                [
                    (mirror, low + 0.02, near + 0.25),
                    (mirror, low + 0.16, near + 0.25),
                    (mirror + side * 0.2, low + 0.16, near + 0.25),
                    (mirror + side * 0.2, low + 0.04, near + 0.25),
                ],
                self._shade(0.85),
            )

    def _draw_people(self, pen: Pen) -> None:
        low = self.body.windscreen_y[0]
        depth = self.body.windscreen_z[1]
        self._draw_person(pen, (0.36, low, depth), (120, 80, 60))
        if self.passenger == "person":
            self._draw_person(pen, (-0.36, low - 0.02, depth), (90, 60, 150))
        elif self.passenger == "dog":
            pen.disc((-0.36, low + 0.12, depth), 0.12, (60, 110, 160))
            for side in (-1, 1):
                pen.disc((-0.36 + side * 0.12, low + 0.12, depth), 0.05, (36, 70, 110))
                pen.disc((-0.36 + side * 0.045, low + 0.15, depth), 0.018, DARK)
            pen.disc((-0.36, low + 0.07, depth), 0.028, DARK)

    def _draw_person(self, pen: Pen, seat: tuple[float, float, float], coat: Colour) -> None:
        """Shoulders, a head, and a smile: the weather is fine."""
        x, y, z = seat
        pen.disc((x, y - 0.02, z), 0.17, coat)
        pen.disc((x, y + 0.17, z), 0.115, SKIN)
        smile = [
            (x + 0.06 * math.cos(a), y + 0.155 + 0.05 * math.sin(a), z) for a in np.linspace(math.pi, 2 * math.pi, 9)
        ]
        pen.fill(smile, (70, 70, 150))
        for side in (-1, 1):
            pen.disc((x + side * 0.045, y + 0.2, z), 0.015, DARK)

    def _draw_bonnet(self, pen: Pen, half: float) -> None:
        body = self.body
        back_y, back_z = body.windscreen_y[0], body.windscreen_z[0]
        strips = 8
        for step in range(strips):  # a rounded sheet: bright in the middle, darker to the sides
            a, b = (-1 + 2 * part / strips for part in (step, step + 1))
            bright = 1.12 - 0.28 * abs(a + b) / 2
            pen.fill(
                [
                    (a * half, body.bonnet_y, 0.02),
                    (a * (half - 0.06), back_y, back_z),
                    (b * (half - 0.06), back_y, back_z),
                    (b * half, body.bonnet_y, 0.02),
                ],
                self._shade(bright),
            )
        pen.fill(
            [
                (-half + 0.2, back_y + 0.01, back_z - 0.06),
                (-half + 0.2, back_y + 0.03, back_z),
                (half - 0.2, back_y + 0.03, back_z),
                (half - 0.2, back_y + 0.01, back_z - 0.06),
            ],
            DARK,
        )

    def _draw_front(self, pen: Pen, half: float) -> None:
        top = self.body.bonnet_y
        pen.front(
            [
                (-half + 0.06, 0.2),
                (-half, 0.42),
                (-half + 0.02, top - 0.06),
                (-half + 0.14, top),
                (half - 0.14, top),
                (half - 0.02, top - 0.06),
                (half, 0.42),
                (half - 0.06, 0.2),
            ],
            self._shade(0.86),
        )
        pen.front([(-half + 0.08, 0.2), (-half + 0.1, 0.34), (half - 0.1, 0.34), (half - 0.08, 0.2)], DARK)
        pen.front([(-0.5, top - 0.2), (-0.44, top - 0.06), (0.44, top - 0.06), (0.5, top - 0.2)], DARK)
        for bar in range(3):
            y = top - 0.175 + 0.04 * bar
            pen.front([(-0.45, y), (-0.45, y + 0.012), (0.45, y + 0.012), (0.45, y)], CHROME)
        for side in (-1, 1):
            inner, outer = side * 0.56, side * (half - 0.06)
            pen.front([(inner, top - 0.2), (inner, top - 0.08), (outer, top - 0.05), (outer, top - 0.18)], CHROME)
            middle = (inner + outer) / 2
            pen.disc((middle, top - 0.13, -0.01), 0.062, LAMP)
            pen.front(
                [
                    (outer - side * 0.1, top - 0.185),
                    (outer - side * 0.1, top - 0.16),
                    (outer, top - 0.15),
                    (outer, top - 0.175),
                ],
                AMBER,
            )
            pen.disc((side * (half - 0.24), 0.28, -0.01), 0.05, (210, 220, 224))

    def _draw_plate(self, pen: Pen) -> None:
        width, height = self.plate_size_m
        margin, low = 0.012, PLATE_HEIGHT_M - height / 2
        pen.front(_rectangle(width / 2 + margin, low - margin, height + 2 * margin), DARK)
        pen.picture(self.plate, _rectangle(width / 2, low, height))

    def _shade(self, factor: float) -> Colour:
        blue, green, red = (min(255, round(part * factor)) for part in self.paint)
        return blue, green, red


def _rectangle(half: float, low: float, height: float) -> list[tuple[float, float]]:
    """Corners from top left, clockwise, as the camera sees them."""
    return [(-half, low + height), (half, low + height), (half, low), (-half, low)]
