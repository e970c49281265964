"""Rendered plates: the shapes, colours and layouts that plates have, drawn flat; `lens` shows them as a camera does.

Text is random inside the layouts of many countries, so that the reader learns shapes and leaves syntax to the country
modules.
"""

from __future__ import annotations

import random
from pathlib import Path

import cv2

from inference.errors import InferenceError
from inference.syntax import DIGITS, LETTERS
from inference.training.countries import Bgr, Countries
from inference.training.layouts import (
    AMERICAN_LAYOUTS,
    ASIAN_LAYOUTS,
    EU_LAYOUTS,
    MERCOSUR,
    OLD_BRAZILIAN,
    TWO_LINE_LAYOUTS,
)
from inference.training.painter import FlatPlate, Painter

HARD_LETTERS = "MNWHDOQVGJ"
# Shares of plates whose text and colours are those of a country module; the others teach shapes in any order.
FROM_MODULES = 0.45


class PlatePress:
    """Draws random plates."""

    def __init__(self, fonts: list[Path], rng: random.Random) -> None:
        if not fonts:
            raise InferenceError("no fonts: run `make training-fonts` first")
        self._rng = rng
        self._countries = Countries(rng)
        self._paint = Painter(fonts, rng)

    def draw(self) -> FlatPlate:
        rng = self._rng
        self._paint.begin()
        family = rng.choices(
            ("eu", "american", "brazil", "mercosur", "asian", "two_line", "dark"), (24, 35, 18, 5, 6, 8, 4)
        )[0]
        if family == "eu":
            return self._european()
        if family == "american":
            return self._american()
        if family == "brazil":
            return self._brazilian(two_lines=rng.random() < 0.2)
        if family == "mercosur":
            return self._mercosur()
        if family == "two_line":
            return self._two_line()
        return self._plain(family)

    # -- families ---------------------------------------------------------------------------------------------------

    def _european(self) -> FlatPlate:
        rng = self._rng
        ground, ink = rng.choice(
            [((240, 240, 240), (20, 20, 20))] * 6
            + [((40, 190, 240), (20, 20, 20))] * 4
            + [((235, 235, 235), (30, 30, 160)), ((90, 150, 60), (20, 20, 20)), ((240, 240, 240), (60, 110, 30))]
        )
        text, ink, ground = self._number("eu", EU_LAYOUTS, ink, ground)
        image = self._paint.ground(520, 112, ground)
        band = rng.random() < 0.85
        left = 60 if band else 16
        if band:
            self._paint.band(image, 0)
        right = 510
        if rng.random() < 0.25:
            self._paint.band(image, 470, country=False)
            right = 462
        self._paint.line(image, text, (left + 4, 12, right, 100), ink, stretch=(0.8, 1.1), stroke=rng.random() < 0.2)
        if rng.random() < 0.6:
            self._paint.between(image, text)
        self._paint.border(image, ink, rng.random() < 0.7)
        return self._paint.done(image, text, "eu", 0)

    def _american(self) -> FlatPlate:
        rng = self._rng
        tint: Bgr = (rng.randrange(150, 256), rng.randrange(150, 256), rng.randrange(150, 256))
        ground: Bgr = rng.choice([(240, 240, 240), (235, 240, 245), tint, tint, (60, 190, 240), (90, 60, 20)])
        dark_ground = sum(ground) < 330
        ink = (
            (235, 235, 235)
            if dark_ground
            else rng.choice([(20, 20, 20), (90, 30, 20), (30, 30, 140), (40, 80, 20), (110, 60, 20)])
        )
        image = self._paint.ground(312, 156, ground)
        if rng.random() < 0.7:
            self._paint.scenery(image, ground)
        head = rng.choice([(30, 30, 170), (140, 60, 20), ink, ink, (40, 110, 30)])
        self._paint.words(image, (20, 4, 292, 32), head, 3, 12)
        if rng.random() < 0.7:
            self._paint.words(image, (50, 128, 262, 150), head, 4, 18)
        if rng.random() < 0.4:
            for corner in ((6, 8), (266, 8), (6, 122), (266, 122)):
                if rng.random() < 0.4:
                    self._paint.sticker(image, corner)
        text, _, _ = self._number("american", AMERICAN_LAYOUTS, ink, ground)
        # Characters fill about half of an American plate's height, often in thin strokes.
        area = (rng.randrange(10, 24), rng.randrange(34, 48), 312 - rng.randrange(10, 24), rng.randrange(110, 126))
        self._paint.line(image, text, area, ink, stretch=(0.7, 1.15), stroke=rng.random() < 0.42, widest_space=0.85)
        if rng.random() < 0.75:
            self._paint.between(image, text)
        if rng.random() < 0.22:
            self._paint.beside(image)
        self._paint.border(image, ink, rng.random() < 0.4)
        return self._paint.done(image, text, "american", 0)

    def _brazilian(self, *, two_lines: bool) -> FlatPlate:
        rng = self._rng
        ground, ink = rng.choice(
            [((190, 190, 190), (25, 25, 25))] * 6
            + [((40, 40, 190), (240, 240, 240)), ((240, 240, 240), (30, 30, 170)), ((220, 220, 220), (25, 25, 25))]
        )
        text = self._text(OLD_BRAZILIAN)
        if two_lines:
            image = self._paint.ground(200, 170, ground)
            self._paint.words(image, (20, 4, 180, 30), ink, 6, 16)
            head, tail = text.split("-")
            self._paint.line(image, head, (16, 34, 184, 96), ink, stroke=True)
            self._paint.line(image, tail, (10, 100, 190, 164), ink, stroke=True)
            self._paint.border(image, ink, True)
            return self._paint.done(image, text, "brazil", len(tail))
        image = self._paint.ground(400, 130, ground)
        # State and city stand small between the bolts, in an outline on older plates; "BA-SALVADOR".
        edge = rng.randrange(50, 100)
        self._paint.words(image, (edge, rng.randrange(4, 14), 400 - edge, rng.randrange(28, 38)), ink, 8, 20)
        if rng.random() < 0.3:
            cv2.rectangle(image, (edge - 10, 6), (410 - edge, 36), ink, 1)
        shown = text if rng.random() < 0.7 else text.replace("-", " ")
        area = (rng.randrange(12, 36), rng.randrange(38, 50), 400 - rng.randrange(12, 36), rng.randrange(104, 122))
        stroke = rng.random() < 0.85
        self._paint.line(image, shown, area, ink, stroke=stroke, stretch=(0.75, 1.15), boxy=0.75)
        self._paint.seals(image, area[3])
        self._paint.border(image, ink, rng.random() < 0.5)
        return self._paint.done(image, text, "brazil", 0)

    def _mercosur(self) -> FlatPlate:
        rng = self._rng
        image = self._paint.ground(400, 130, (240, 240, 240))
        image[:32] = rng.choice([(150, 50, 10), (160, 60, 20), (120, 40, 10)])
        self._paint.words(image, (120, 4, 280, 28), (240, 240, 240), 6, 9)
        text = self._text(rng.choice(MERCOSUR))
        self._paint.line(image, text, (24, 40, 384, 122), rng.choice([(20, 20, 20), (20, 20, 20), (30, 30, 170)]))
        return self._paint.done(image, text, "mercosur", 0)

    def _two_line(self) -> FlatPlate:
        rng = self._rng
        ground, ink = rng.choice(
            [
                ((240, 240, 240), (20, 20, 20)),
                ((40, 190, 240), (20, 20, 20)),
                ((30, 30, 30), (230, 230, 230)),
                ((150, 60, 20), (240, 240, 240)),
                ((90, 150, 60), (20, 20, 20)),
            ]
        )
        width = rng.randrange(200, 340)
        image = self._paint.ground(width, 200, ground)
        left = 10
        if rng.random() < 0.3:
            self._paint.band(image, 0, width=32)
            left = 40
        head, tail = self._text(rng.choice(TWO_LINE_LAYOUTS)).split("/")
        middle = rng.randrange(84, 106)
        inset = rng.randrange(0, 40)
        self._paint.line(image, head, (left + inset, 12, width - 10 - inset, middle - 6), ink)
        self._paint.line(image, tail, (left, middle + 6, width - 10, 188), ink)
        self._paint.border(image, ink, rng.random() < 0.7)
        return self._paint.done(image, head + tail, "two_line", sum(c.isalnum() for c in tail))

    def _plain(self, family: str) -> FlatPlate:
        rng = self._rng
        schemes = [
            ((30, 30, 30), (235, 235, 235)),
            ((150, 70, 20), (240, 240, 240)),
            ((40, 130, 30), (240, 240, 240)),
            ((30, 30, 170), (240, 240, 240)),
        ]
        if family == "asian":
            schemes = [((240, 240, 240), (20, 20, 20)), ((40, 200, 240), (20, 20, 20)), *schemes[:2]]
        ground, ink = rng.choice(schemes)
        if family == "asian":
            text, ink, ground = self._number("asian", ASIAN_LAYOUTS, ink, ground)
        else:
            text = self._text(rng.choice(EU_LAYOUTS))
        image = self._paint.ground(rng.randrange(380, 540), 112, ground)
        width = image.shape[1]
        self._paint.line(image, text, (16, 12, width - 16, 100), ink)
        self._paint.border(image, ink, rng.random() < 0.5)
        return self._paint.done(image, text, family, 0)

    # -- texts ------------------------------------------------------------------------------------------------------

    def _number(self, family: str, layouts: tuple[str, ...], ink: Bgr, ground: Bgr) -> tuple[str, Bgr, Bgr]:
        """Text and colours: of a country module now and then, else of a random layout in the colours given."""
        if self._rng.random() >= FROM_MODULES:
            return self._text(self._rng.choice(layouts)), ink, ground
        ticket = self._countries.ticket(family)
        if ticket.ink is None or ticket.ground is None:
            return ticket.text, ink, ground
        return ticket.text, ticket.ink, ticket.ground

    def _text(self, layout: str) -> str:
        draw = self._rng.choice
        # What readers confuse is drawn more often than what they do not.
        letters = LETTERS + HARD_LETTERS
        return "".join(
            draw(letters)
            if c == "L"
            else draw(DIGITS)
            if c == "D"
            else draw(letters + DIGITS + DIGITS)
            if c == "X"
            else c
            for c in layout
        )
