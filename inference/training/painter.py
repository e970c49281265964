"""Paints plates: grounds, characters, bands, emblems, stickers, scenery and borders, each as random as allowed."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from inference.syntax import LETTERS
from inference.training.countries import Bgr
from inference.training.glyphs import HERSHEY, Hand, hershey_glyph, stroke_glyph
from inference.training.wear import worn


@dataclass(frozen=True, slots=True)
class FlatPlate:
    """A drawn plate. `text` is A-Z0-9 in reading order, `lower` of its characters in a second line.

    `places` holds the middle of each character's left and right side, (n, 2, 2) in pixels of the picture.
    """

    picture: NDArray[np.uint8]
    text: str
    family: str
    lower: int
    places: NDArray[np.float32]


class Painter:
    """Paints one plate after another; `begin` forgets where the last one's characters stood."""

    def __init__(self, fonts: list[Path], rng: random.Random) -> None:
        self._fonts = [str(path) for path in fonts]
        self._rng = rng
        self._cache: dict[tuple[str, int], ImageFont.FreeTypeFont] = {}
        self._places: list[list[tuple[float, float]]] = []

    def begin(self) -> None:
        """A new plate."""
        self._places = []

    def ground(self, width: int, height: int, colour: Bgr) -> NDArray[np.uint8]:
        image = np.empty((height, width, 3), np.uint8)
        image[:] = colour
        if self._rng.random() < 0.3:
            ramp = np.linspace(1, self._rng.uniform(0.8, 1.0), height)[:, None, None]
            image = (image * ramp).astype(np.uint8)
        return image

    def _font(self, size: int) -> ImageFont.FreeTypeFont:
        name = self._rng.choice(self._fonts)
        key = (name, size)
        if key not in self._cache:
            if len(self._cache) > 600:
                self._cache.clear()
            self._cache[key] = ImageFont.truetype(name, size)
        return self._cache[key]

    def line(
        self,
        image: NDArray[np.uint8],
        text: str,
        area: tuple[int, int, int, int],
        ink: Bgr,
        *,
        stretch: tuple[float, float] = (0.75, 1.1),
        stroke: bool = False,
        boxy: float = 0.5,
        widest_space: float = 0.5,
    ) -> None:
        """Draw characters one by one, all of one height, filling the area's width as plates do.

        `stroke`: of strokes instead of a font, in a hand that is boxy with the share `boxy`.
        """
        x0, y0, x1, y1 = area
        height = y1 - y0
        glyphs = self._stroke_glyphs(text, boxy) if stroke else self._font_glyphs(text, height)
        gap = self._rng.uniform(0.04, 0.16) * height
        space = self._rng.uniform(0.2, widest_space) * height
        natural = sum(space if g is None else g.shape[1] + gap for g in glyphs)
        squeeze = min((x1 - x0) / natural, self._rng.uniform(*stretch) * 1.3)
        x = x0 + max(0.0, (x1 - x0) - natural * squeeze) * self._rng.uniform(0.3, 0.7)
        colour = np.array(ink, np.float32)
        raised = self._rng.choice([0, 0, 0, 0, 0, 0, 1, 2, 3]) * self._rng.choice([-1, 1])
        for char, glyph in zip(text, glyphs, strict=True):
            if glyph is None:
                x += space * squeeze
                continue
            width = max(3, round(glyph.shape[1] * squeeze))
            mask = cv2.resize(glyph, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
            left = round(x)
            part = image[y0:y1, left : left + width]
            mask = mask[: part.shape[0], : part.shape[1]]
            inked = part * (1 - mask) + colour * mask
            part[:] = _embossed(inked, mask, raised) if raised else inked.astype(np.uint8)
            if char.isalnum():
                self._places.append([(left, (y0 + y1) / 2), (left + width, (y0 + y1) / 2)])
            x += (glyph.shape[1] + gap) * squeeze

    def _font_glyphs(self, text: str, height: int) -> list[NDArray[np.uint8] | None]:
        font = self._font(96)
        weight = self._rng.choice([0, 0, 1, 2, 3])
        _, cap_top, _, cap_bottom = map(int, font.getbbox("H"))
        glyphs: list[NDArray[np.uint8] | None] = []
        for char in text:
            if char == " ":
                glyphs.append(None)
                continue
            left, _, right, _ = map(int, font.getbbox(char))
            canvas = Image.new("L", (right - left + 8, cap_bottom - cap_top + 4))
            ImageDraw.Draw(canvas).text((4 - left, 2 - cap_top), char, 255, font=font, stroke_width=weight)
            glyph = np.asarray(canvas, np.uint8)
            if char == "-":
                glyphs.append(glyph[:, : max(8, glyph.shape[1])])
            else:
                glyphs.append(glyph)
        return glyphs

    def _stroke_glyphs(self, text: str, boxy: float) -> list[NDArray[np.uint8] | None]:
        """Strokes of constant width on a grid, near the old Brazilian and other stamped shapes."""
        hand = Hand.random(self._rng, boxy=boxy)
        drawn = self._rng.choice(HERSHEY) if self._rng.random() < 0.2 else None
        glyphs: list[NDArray[np.uint8] | None] = []
        for char in text:
            if char == " ":
                glyphs.append(None)
            elif char == "-":
                canvas = np.zeros((100, 24), np.uint8)
                cv2.circle(canvas, (12, 50), 8, 255, -1, cv2.LINE_AA)
                glyphs.append(canvas)
            else:
                glyphs.append(stroke_glyph(char, hand) if drawn is None else hershey_glyph(char, drawn, hand.thick))
        return glyphs

    def band(self, image: NDArray[np.uint8], x: int, *, width: int = 46, country: bool = True) -> None:
        image[:, x : x + width] = (150, 60, 10) if self._rng.random() < 0.9 else (40, 40, 40)
        centre = (x + width // 2, image.shape[0] // 3)
        for index in range(12):
            angle = index * math.pi / 6
            point = (int(centre[0] + 13 * math.cos(angle)), int(centre[1] + 13 * math.sin(angle)))
            cv2.circle(image, point, 2, (40, 210, 250), -1)
        if country:
            self.words(image, (x + 4, image.shape[0] - 42, x + width - 4, image.shape[0] - 8), (240, 240, 240), 1, 3)

    def words(
        self, image: NDArray[np.uint8], area: tuple[int, int, int, int], ink: Bgr, shortest: int, longest: int
    ) -> None:
        """State names, slogans, cities: writing that is not the plate's number."""
        x0, y0, x1, y1 = area
        count = self._rng.randrange(shortest, longest + 1)
        word = (
            "".join(self._rng.choice(LETTERS + "    " if count > 6 else LETTERS) for _ in range(count)).strip() or "A"
        )
        font = self._font(40)
        box = [int(side) for side in font.getbbox(word)]
        canvas = Image.new("L", (max(1, box[2] - box[0]) + 4, max(1, box[3] - box[1]) + 4))
        ImageDraw.Draw(canvas).text((2 - box[0], 2 - box[1]), word, 255, font=font)
        scale = min((x1 - x0) / canvas.width, (y1 - y0) / canvas.height)
        mask = cv2.resize(
            np.asarray(canvas, np.uint8),
            (max(1, int(canvas.width * scale)), max(1, int(canvas.height * scale))),
            interpolation=cv2.INTER_AREA,
        )
        left, top = x0 + (x1 - x0 - mask.shape[1]) // 2, y0 + (y1 - y0 - mask.shape[0]) // 2
        part = image[top : top + mask.shape[0], left : left + mask.shape[1]]
        share = mask[: part.shape[0], : part.shape[1], None].astype(np.float32) / 255
        part[:] = (part * (1 - share) + np.array(ink, np.float32) * share).astype(np.uint8)

    def between(self, image: NDArray[np.uint8], text: str) -> None:
        """Seals, coats of arms and outlines of states in a gap between groups: what a reader takes for a character."""
        groups = [sum(c.isalnum() for c in group) for group in text.split(" ")]
        if len(groups) < 2:
            return
        after = sum(groups[: self._rng.randrange(1, len(groups))])
        (_, (x0, y)), ((x1, _), _) = self._places[after - 1], self._places[after]
        if x1 - x0 < 6:
            return
        x, size = round((x0 + x1) / 2), max(4, round((x1 - x0) * self._rng.uniform(0.35, 0.7)))
        kind = self._rng.random()
        if kind < 0.25:
            colour = tuple(self._rng.randrange(256) for _ in range(3))
            lift = round(size * self._rng.uniform(1.0, 1.6))
            for centre in ((x, round(y) - lift), (x, round(y) + lift)):
                cv2.circle(image, centre, size, colour, self._rng.choice([1, 2, -1]), cv2.LINE_AA)
        elif kind < 0.4:
            # A small sticker or two, stacked, with tiny letters or none.
            for drop in self._rng.choice([(0,), (-size, size)]):
                top, left = max(0, round(y) + drop - size), max(0, x - size)
                patch = image[top : top + 2 * size - 1, left : left + 2 * size]
                patch[:] = [self._rng.randrange(256) for _ in range(3)]
                if self._rng.random() < 0.6 and min(patch.shape[:2]) > 6:
                    self.words(patch, (1, 1, patch.shape[1] - 1, patch.shape[0] - 1), (20, 20, 20), 1, 3)
        elif kind < 0.65:
            self._picture(image, (x, round(y)), size, round(size * self._rng.uniform(0.8, 2.2)))
        else:
            for _ in range(self._rng.randrange(1, 4)):
                self._emblem(image, (x, round(y) + self._rng.randrange(-size, size + 1)), size)

    def beside(self, image: NDArray[np.uint8]) -> None:
        """An emblem before the first or after the last character, where there is room."""
        (left, y), (right, _) = self._places[0][0], self._places[-1][1]
        room_left, room_right = left, image.shape[1] - right
        room = max(room_left, room_right)
        if room < 12:
            return
        x = left - room / 2 if room_left >= room_right else right + room / 2
        size = max(4, round(room * 0.4))
        self._picture(image, (round(x), round(y)), size, round(size * self._rng.uniform(0.8, 2.0)))

    def seals(self, image: NDArray[np.uint8], foot: int) -> None:
        """A seal of wax in the upper left, and two slots of its wire at the characters' feet: tails for an O."""
        rng = self._rng
        if rng.random() < 0.6:
            self._emblem(image, (rng.randrange(22, 48), rng.randrange(18, 36)), rng.randrange(7, 15))
        if rng.random() < 0.5:
            dark, high = rng.randrange(20, 90), rng.randrange(3, 7)
            for x in (rng.randrange(90, 140), rng.randrange(260, 310)):
                top = foot + rng.randrange(-6, 6)
                cv2.rectangle(image, (x, top), (x + rng.randrange(10, 26), top + high), [dark] * 3, -1)

    def _picture(self, image: NDArray[np.uint8], centre: tuple[int, int], half_w: int, half_h: int) -> None:
        """A fruit, a bird, a capitol: a few strokes and blobs in two or three colours, as large as a character."""
        rng = self._rng
        colours = [tuple(rng.randrange(256) for _ in range(3)) for _ in range(rng.randrange(1, 4))]
        for _ in range(rng.randrange(2, 7)):
            x = centre[0] + round(half_w * rng.uniform(-0.7, 0.7))
            y = centre[1] + round(half_h * rng.uniform(-0.7, 0.7))
            colour, kind = rng.choice(colours), rng.random()
            axes = (max(2, round(half_w * rng.uniform(0.2, 0.7))), max(2, round(half_h * rng.uniform(0.15, 0.6))))
            if kind < 0.5:
                cv2.ellipse(
                    image, (x, y), axes, rng.uniform(0, 180), 0, 360, colour, rng.choice([-1, -1, 1]), cv2.LINE_AA
                )
            elif kind < 0.75:
                away = (x + rng.randrange(-axes[0], axes[0] + 1), y + rng.randrange(-axes[1], axes[1] + 1))
                cv2.line(image, (x, y), away, colour, rng.randrange(1, 4), cv2.LINE_AA)
            else:
                self._emblem(image, (x, y), max(3, axes[0]))

    def sticker(self, image: NDArray[np.uint8], corner: tuple[int, int]) -> None:
        x, y = corner
        image[y : y + 26, x : x + 40] = [self._rng.randrange(256) for _ in range(3)]
        self.words(image, (x + 2, y + 2, x + 38, y + 24), (20, 20, 20), 2, 4)

    def _emblem(self, image: NDArray[np.uint8], centre: tuple[int, int], size: int) -> None:
        colour = tuple(self._rng.randrange(220) for _ in range(3))
        points = np.array(
            [
                [
                    centre[0] + size * self._rng.uniform(0.3, 1) * math.cos(a),
                    centre[1] + size * self._rng.uniform(0.3, 1) * math.sin(a),
                ]
                for a in np.linspace(0, 6.28, 9)[:-1]
            ],
            np.int32,
        )
        cv2.fillPoly(image, [points], colour, cv2.LINE_AA)

    def scenery(self, image: NDArray[np.uint8], ground: Bgr) -> None:
        """Hills, suns and washes of colour as on stylised American plates, weaker than the characters."""
        height, width = image.shape[:2]
        layer = image.copy()
        for _ in range(self._rng.randrange(1, 4)):
            colour = [int(np.clip(c + self._rng.randrange(-120, 60), 0, 255)) for c in ground]
            kind = self._rng.random()
            if kind < 0.4:
                xs = np.linspace(0, width, 8)
                ys = height * self._rng.uniform(0.3, 0.9) + self._rng.uniform(5, 35) * np.sin(
                    xs / self._rng.uniform(15, 60)
                )
                shape = np.concatenate([np.stack([xs, ys], 1), [[width, height], [0, height]]]).astype(np.int32)
                cv2.fillPoly(layer, [shape], colour)
            elif kind < 0.7:
                cv2.circle(
                    layer,
                    (self._rng.randrange(width), self._rng.randrange(height)),
                    self._rng.randrange(15, 90),
                    colour,
                    -1,
                )
            else:
                ramp = np.linspace(0, 1, height)[:, None, None]
                layer = (layer * (1 - ramp) + np.array(colour) * ramp).astype(np.uint8)
        share = self._rng.uniform(0.15, 0.6)
        image[:] = cv2.addWeighted(layer, share, image, 1 - share, 0)

    def border(self, image: NDArray[np.uint8], ink: Bgr, drawn: bool) -> None:
        if drawn:
            inset = self._rng.randrange(2, 6)
            cv2.rectangle(
                image,
                (inset, inset),
                (image.shape[1] - inset - 1, image.shape[0] - inset - 1),
                ink,
                self._rng.randrange(1, 4),
            )
        if self._rng.random() < 0.4:
            for x in (0.25, 0.75) if self._rng.random() < 0.7 else (0.1, 0.9):
                centre = (
                    int(x * image.shape[1]),
                    self._rng.choice([8, image.shape[0] - 9, image.shape[0] // 2 if x in (0.1, 0.9) else 8]),
                )
                cv2.circle(
                    image, centre, self._rng.randrange(3, 7), [self._rng.randrange(40, 200)] * 3, -1, cv2.LINE_AA
                )

    def done(self, image: NDArray[np.uint8], text: str, family: str, lower: int) -> FlatPlate:
        """Dirt and shadows on the plate itself, and a frame around it now and then."""
        rng = self._rng
        height, width = image.shape[:2]
        image = worn(image, rng)
        places = np.array(self._places, np.float32).reshape(-1, 2, 2)
        if family == "american" and rng.random() < 0.45:
            image = self._dealer_frame(image, places)
        elif rng.random() < 0.35:
            image, rim = self._frame(image, rng.randrange(4, 22))
            places += rim
            if rng.random() < 0.4 and rim > 10:
                low = (width // 5, height + rim, width * 4 // 5, height + 2 * rim - 2)
                self.words(image, low, (220, 220, 220), 6, 18)
        return FlatPlate(image, "".join(c for c in text if c.isalnum()), family, lower, places)

    def _frame(self, image: NDArray[np.uint8], rim: int) -> tuple[NDArray[np.uint8], int]:
        """The plate within a frame of one colour, `rim` pixels wide."""
        colours = [(20, 20, 20), (60, 60, 60), (180, 180, 180), (30, 30, 90)]
        sides = (rim, rim, rim, rim)
        framed = cv2.copyMakeBorder(image, *sides, cv2.BORDER_CONSTANT, value=self._rng.choice(colours))
        return framed.astype(np.uint8), rim

    def _dealer_frame(self, image: NDArray[np.uint8], places: NDArray[np.float32]) -> NDArray[np.uint8]:
        """A dealer's frame, whose bold name lies over the plate's edge right below its characters, or above them.

        A reader takes its letters for the plate's and its rim for strokes of the first and last character.
        """
        rng = self._rng
        height, width = image.shape[:2]
        rim = rng.randrange(5, 14)
        image, _ = self._frame(image, rim)
        places += rim
        ground = tuple(int(value) for value in image[0, 0])
        ink = (235, 235, 235) if sum(ground) < 300 else (25, 25, 25)
        for at_top in (True, False):
            if rng.random() < 0.6:
                depth = rng.randrange(14, 30)
                top = 0 if at_top else height + 2 * rim - depth
                image[top : top + depth, rng.choice([0, rim]) : width + rim] = ground
                self.words(image, (rng.randrange(rim, 90), top + 2, width + 2 * rim - 30, top + depth - 2), ink, 5, 14)
        return image


def _embossed(inked: NDArray[np.float32], mask: NDArray[np.float32], raised_px: int) -> NDArray[np.uint8]:
    """Pressed metal: one side of each stroke catches the light, the other lies in shadow."""

    def beyond(shift: int) -> NDArray[np.float32]:
        matrix = np.array([[1, 0, shift], [0, 1, abs(shift)]], np.float32)
        moved = cv2.warpAffine(mask, matrix, (mask.shape[1], mask.shape[0]))
        return np.asarray(np.clip(moved[..., None] - mask, 0, 1), np.float32)

    shadowed = inked * (1 - 0.45 * beyond(raised_px))
    lit: NDArray[np.float32] = shadowed + (255 - shadowed) * 0.4 * np.clip(beyond(-raised_px) - beyond(raised_px), 0, 1)
    return lit.astype(np.uint8)
