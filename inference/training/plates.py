"""Rendered plates: the shapes, colours and layouts that plates have, then the light and lens that spoil them.

A plate is drawn flat (`draw`), then seen (`see`): placed into a crop with perspective, blur, noise and compression, the
same physics as the virtual camera's. Text is random inside the layouts of many countries, so that the reader learns
shapes and leaves syntax to the country modules.

Fonts are OFL fonts from `@fontsource` packages (`make training-fonts`), turned from woff2 to TrueType once.
"""

from __future__ import annotations

import math
import random
import string
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from fontTools.ttLib import TTFont
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Bgr = tuple[int, int, int]
LETTERS, DIGITS = string.ascii_uppercase, string.digits

# Layouts: `L` letter, `D` digit, `X` either, ` ` a gap, `/` a second line. Weighted by how often plates look so.
EU_LAYOUTS = (
    "LL DDD LL", "LL DD LLL", "DD LLL D", "LL LL DD", "LLL DDDD", "L LL DDDD", "LL L DDD", "LL LL DDDD", "D LLL DDD",
    "DDD LLL", "LLL DDD", "DDDD LLL", "LL DDDDD", "DL D DDDD", "LLLL DDD", "DD LL LL", "LL DDDD L", "LLLDDL",
    "DD L DDDDD", "L DDDD LL", "DDD DL DD", "LLDD LLL",
)  # fmt: skip
AMERICAN_LAYOUTS = (
    "LLL DDDD", "DLLLDDD", "DDD LLL", "LLL DDD", "DDDDDDD", "LL DDDDD", "DDDD LL", "LLLDDDD", "L DDDDDD", "XXXXXX",
    "XXXXXXX", "DLL DDD", "DDLDDDD", "LLDDDLL", "XXXX", "XXXXX", "LLL LLL", "D LDDDD", "DDD XXX", "DDLLDD",
)  # fmt: skip
ASIAN_LAYOUTS = (
    "LL DD LL DDDD", "LLL DDDD", "L DDDD L", "LLL DDD", "LL DDDD LL", "LXXXXX", "LDXXXX", "DDL DDDDD", "LL DD L DDDD",
    "L DDDD LL", "LLL DDDD L",
)  # fmt: skip
TWO_LINE_LAYOUTS = (
    "LLL/DDDD", "LL/DDDD", "LL DD/LL DDDD", "DD L/DDDDD", "LLL/DDD", "LL D/DDDD", "LLLDD/DDD", "LL DD/DDDD",
    "L DD/DDDD", "LL/DD LLL", "DDD/LLL", "DDLD/DDDD", "LL L/DDD", "LLLL/DDD",
)  # fmt: skip
OLD_BRAZILIAN, MERCOSUR = "LLL-DDDD", ("LLLDLDD", "LL DDD LL", "LLL DDDD")


def convert_fonts(packages: Path, out: Path) -> list[Path]:
    """Turn the latin woff2 files of the `@fontsource` packages below `packages` into TrueType files."""
    out.mkdir(parents=True, exist_ok=True)
    for source in sorted(packages.glob("*/files/*-latin-[5-7]00-normal.woff2")) + sorted(
        packages.glob("*/files/*-latin-400-normal.woff2")
    ):
        target = out / (source.stem + ".ttf")
        if not target.exists():
            font = TTFont(source)
            font.flavor = None
            font.save(target)
    return sorted(out.glob("*.ttf"))


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


class PlatePress:
    """Draws random plates."""

    def __init__(self, fonts: list[Path], rng: random.Random) -> None:
        if not fonts:
            raise ValueError("no fonts: run `make training-fonts` first")
        self._fonts = [str(path) for path in fonts]
        self._rng = rng
        self._cache: dict[tuple[str, int], ImageFont.FreeTypeFont] = {}
        self._places: list[list[tuple[float, float]]] = []

    def draw(self) -> FlatPlate:
        rng = self._rng
        self._places = []
        family = rng.choices(
            ("eu", "american", "brazil", "mercosur", "asian", "two_line", "dark"), (30, 30, 13, 5, 8, 10, 4)
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
        image = self._ground(520, 112, ground)
        band = rng.random() < 0.85
        left = 60 if band else 16
        if band:
            self._band(image, 0)
        right = 510
        if rng.random() < 0.25:
            self._band(image, 470, country=False)
            right = 462
        text = self._text(rng.choice(EU_LAYOUTS))
        if rng.random() < 0.5:
            self._seal(image, rng.randrange(left + 110, 330))
        self._line(image, text, (left + 4, 12, right, 100), ink, stretch=(0.8, 1.1))
        self._border(image, ink, rng.random() < 0.7)
        return self._done(image, text, "eu", 0)

    def _american(self) -> FlatPlate:
        rng = self._rng
        tint = tuple(rng.randrange(150, 256) for _ in range(3))
        ground: Bgr = rng.choice([(240, 240, 240), (235, 240, 245), tint, tint, (60, 190, 240), (90, 60, 20)])  # type: ignore[list-item]
        dark_ground = sum(ground) < 330
        ink = (
            (235, 235, 235)
            if dark_ground
            else rng.choice([(20, 20, 20), (90, 30, 20), (30, 30, 140), (40, 80, 20), (110, 60, 20)])
        )
        image = self._ground(312, 156, ground)
        if rng.random() < 0.7:
            self._scenery(image, ground)
        head = rng.choice([(30, 30, 170), (140, 60, 20), ink, ink, (40, 110, 30)])
        self._words(image, (20, 4, 292, 32), head, 3, 12)
        if rng.random() < 0.7:
            self._words(image, (50, 128, 262, 150), head, 4, 18)
        if rng.random() < 0.4:
            for corner in ((6, 8), (266, 8), (6, 122), (266, 122)):
                if rng.random() < 0.4:
                    self._sticker(image, corner)
        text = self._text(rng.choice(AMERICAN_LAYOUTS))
        if rng.random() < 0.25 and " " in text:
            self._emblem(image, (156, 80), rng.randrange(10, 22))
        # Characters fill about half of an American plate's height, often in thin strokes.
        area = (rng.randrange(10, 24), rng.randrange(34, 48), 312 - rng.randrange(10, 24), rng.randrange(110, 126))
        self._line(image, text, area, ink, stretch=(0.7, 1.15), stroke=rng.random() < 0.3)
        self._border(image, ink, rng.random() < 0.4)
        return self._done(image, text, "american", 0)

    def _brazilian(self, *, two_lines: bool) -> FlatPlate:
        rng = self._rng
        ground, ink = rng.choice(
            [((190, 190, 190), (25, 25, 25))] * 6
            + [((40, 40, 190), (240, 240, 240)), ((240, 240, 240), (30, 30, 170)), ((220, 220, 220), (25, 25, 25))]
        )
        text = self._text(OLD_BRAZILIAN)
        if two_lines:
            image = self._ground(200, 170, ground)
            self._words(image, (20, 4, 180, 30), ink, 6, 16)
            head, tail = text.split("-")
            self._line(image, head, (16, 34, 184, 96), ink, stroke=True)
            self._line(image, tail, (10, 100, 190, 164), ink, stroke=True)
            self._border(image, ink, True)
            return self._done(image, text, "brazil", len(tail))
        image = self._ground(400, 130, ground)
        self._words(image, (60, 4, 340, 34), ink, 8, 20)
        dot = rng.random()
        shown = text if dot < 0.4 else text.replace("-", " ")
        self._line(image, shown, (14, 40, 388, 122), ink, stroke=rng.random() < 0.7, stretch=(0.75, 1.0))
        self._border(image, ink, rng.random() < 0.6)
        return self._done(image, text, "brazil", 0)

    def _mercosur(self) -> FlatPlate:
        rng = self._rng
        image = self._ground(400, 130, (240, 240, 240))
        image[:32] = rng.choice([(150, 50, 10), (160, 60, 20), (120, 40, 10)])
        self._words(image, (120, 4, 280, 28), (240, 240, 240), 6, 9)
        text = self._text(rng.choice(MERCOSUR))
        self._line(image, text, (24, 40, 384, 122), rng.choice([(20, 20, 20), (20, 20, 20), (30, 30, 170)]))
        return self._done(image, text, "mercosur", 0)

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
        image = self._ground(width, 200, ground)
        left = 10
        if rng.random() < 0.3:
            self._band(image, 0, width=32)
            left = 40
        head, tail = self._text(rng.choice(TWO_LINE_LAYOUTS)).split("/")
        middle = rng.randrange(84, 106)
        inset = rng.randrange(0, 40)
        self._line(image, head, (left + inset, 12, width - 10 - inset, middle - 6), ink)
        self._line(image, tail, (left, middle + 6, width - 10, 188), ink)
        self._border(image, ink, rng.random() < 0.7)
        return self._done(image, head + tail, "two_line", sum(c.isalnum() for c in tail))

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
        width = rng.randrange(380, 540)
        image = self._ground(width, 112, ground)
        text = self._text(rng.choice(ASIAN_LAYOUTS if family == "asian" else EU_LAYOUTS))
        self._line(image, text, (16, 12, width - 16, 100), ink)
        self._border(image, ink, rng.random() < 0.5)
        return self._done(image, text, family, 0)

    # -- parts ------------------------------------------------------------------------------------------------------

    def _text(self, layout: str) -> str:
        draw = self._rng.choice
        return "".join(
            draw(LETTERS) if c == "L" else draw(DIGITS) if c == "D" else draw(LETTERS + DIGITS) if c == "X" else c
            for c in layout
        )

    def _ground(self, width: int, height: int, colour: Bgr) -> NDArray[np.uint8]:
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

    def _line(
        self,
        image: NDArray[np.uint8],
        text: str,
        area: tuple[int, int, int, int],
        ink: Bgr,
        *,
        stretch: tuple[float, float] = (0.75, 1.1),
        stroke: bool = False,
    ) -> None:
        """Draw characters one by one, all of one height, filling the area's width as plates do."""
        x0, y0, x1, y1 = area
        height = y1 - y0
        glyphs = self._stroke_glyphs(text, height) if stroke else self._font_glyphs(text, height)
        gap = self._rng.uniform(0.04, 0.16) * height
        space = self._rng.uniform(0.2, 0.5) * height
        natural = sum(space if g is None else g.shape[1] + gap for g in glyphs)
        squeeze = min((x1 - x0) / natural, self._rng.uniform(*stretch) * 1.3)
        x = x0 + max(0.0, (x1 - x0) - natural * squeeze) * self._rng.uniform(0.3, 0.7)
        colour = np.array(ink, np.float32)
        for char, glyph in zip(text, glyphs, strict=True):
            if glyph is None:
                x += space * squeeze
                continue
            width = max(3, round(glyph.shape[1] * squeeze))
            mask = cv2.resize(glyph, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
            left = round(x)
            part = image[y0:y1, left : left + width]
            mask = mask[: part.shape[0], : part.shape[1]]
            part[:] = (part * (1 - mask) + colour * mask).astype(np.uint8)
            if char.isalnum():
                self._places.append([(left, (y0 + y1) / 2), (left + width, (y0 + y1) / 2)])
            x += (glyph.shape[1] + gap) * squeeze

    def _font_glyphs(self, text: str, height: int) -> list[NDArray[np.uint8] | None]:
        font = self._font(96)
        weight = self._rng.choice([0, 0, 1, 2, 3])
        cap_top, cap_bottom = font.getbbox("H")[1], font.getbbox("H")[3]
        glyphs: list[NDArray[np.uint8] | None] = []
        for char in text:
            if char == " ":
                glyphs.append(None)
                continue
            left, _, right, _ = font.getbbox(char)
            canvas = Image.new("L", (right - left + 8, cap_bottom - cap_top + 4))
            ImageDraw.Draw(canvas).text((4 - left, 2 - cap_top), char, 255, font=font, stroke_width=weight)
            glyph = np.asarray(canvas, np.uint8)
            if char == "-":
                glyphs.append(glyph[:, : max(8, glyph.shape[1])])
            else:
                glyphs.append(glyph)
        return glyphs

    def _stroke_glyphs(self, text: str, height: int) -> list[NDArray[np.uint8] | None]:
        """Strokes of constant width on a grid, near the old Brazilian and other stamped shapes."""
        thick = self._rng.randrange(6, 15)
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
                glyphs.append(stroke_glyph(char, thick) if drawn is None else hershey_glyph(char, drawn, thick))
        return glyphs

    def _band(self, image: NDArray[np.uint8], x: int, *, width: int = 46, country: bool = True) -> None:
        image[:, x : x + width] = (150, 60, 10) if self._rng.random() < 0.9 else (40, 40, 40)
        centre = (x + width // 2, image.shape[0] // 3)
        for index in range(12):
            angle = index * math.pi / 6
            point = (int(centre[0] + 13 * math.cos(angle)), int(centre[1] + 13 * math.sin(angle)))
            cv2.circle(image, point, 2, (40, 210, 250), -1)
        if country:
            self._words(image, (x + 4, image.shape[0] - 42, x + width - 4, image.shape[0] - 8), (240, 240, 240), 1, 3)

    def _words(
        self, image: NDArray[np.uint8], area: tuple[int, int, int, int], ink: Bgr, shortest: int, longest: int
    ) -> None:
        """State names, slogans, cities: writing that is not the plate's number."""
        x0, y0, x1, y1 = area
        count = self._rng.randrange(shortest, longest + 1)
        word = (
            "".join(self._rng.choice(LETTERS + "    " if count > 6 else LETTERS) for _ in range(count)).strip() or "A"
        )
        font = self._font(40)
        box = font.getbbox(word)
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

    def _seal(self, image: NDArray[np.uint8], x: int) -> None:
        colour = tuple(self._rng.randrange(256) for _ in range(3))
        cv2.circle(image, (x, image.shape[0] // 3), 10, colour, -1, cv2.LINE_AA)
        cv2.circle(image, (x, image.shape[0] * 2 // 3), 11, colour, self._rng.choice([1, -1]), cv2.LINE_AA)

    def _sticker(self, image: NDArray[np.uint8], corner: tuple[int, int]) -> None:
        x, y = corner
        image[y : y + 26, x : x + 40] = [self._rng.randrange(256) for _ in range(3)]
        self._words(image, (x + 2, y + 2, x + 38, y + 24), (20, 20, 20), 2, 4)

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

    def _scenery(self, image: NDArray[np.uint8], ground: Bgr) -> None:
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

    def _border(self, image: NDArray[np.uint8], ink: Bgr, drawn: bool) -> None:
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

    def _done(self, image: NDArray[np.uint8], text: str, family: str, lower: int) -> FlatPlate:
        """Dirt and shadows on the plate itself, and a frame around it now and then."""
        rng = self._rng
        height, width = image.shape[:2]
        if rng.random() < 0.25:
            dirt = cv2.resize(
                np.random.default_rng(rng.randrange(1 << 30)).random((6, 14)).astype(np.float32),
                (width, height),
                interpolation=cv2.INTER_CUBIC,
            )[..., None]
            image = (image * (1 - 0.5 * rng.random() * dirt.clip(0, 1))).astype(np.uint8)
        if rng.random() < 0.25:
            shade = np.ones((height, width, 1), np.float32)
            edge = np.array(
                [
                    [rng.uniform(-0.3, 1.3) * width, 0],
                    [rng.uniform(-0.3, 1.3) * width, height],
                    [width * 2, height],
                    [width * 2, 0],
                ],
                np.int32,
            )
            cv2.fillPoly(shade, [edge], rng.uniform(0.35, 0.8))
            image = (image * shade).astype(np.uint8)
        places = np.array(self._places, np.float32).reshape(-1, 2, 2)
        if rng.random() < 0.35:
            rim = rng.randrange(4, 22)
            places += rim
            frame = np.empty((height + 2 * rim, width + 2 * rim, 3), np.uint8)
            frame[:] = rng.choice([(20, 20, 20), (60, 60, 60), (180, 180, 180), (30, 30, 90)])
            frame[rim:-rim, rim:-rim] = image
            if rng.random() < 0.4 and rim > 10:
                self._words(
                    frame, (width // 5, height + rim, width * 4 // 5, height + 2 * rim - 2), (220, 220, 220), 6, 18
                )
            image = frame
        return FlatPlate(image, "".join(c for c in text if c.isalnum()), family, lower, places)


# Outlines on a 60x100 grid for the stroke font: polylines; an ellipse is (cx, cy, rx, ry, start, end) in degrees.
_OUTLINES: dict[str, list[tuple[float, ...] | list[tuple[int, int]]]] = {
    "A": [[(6, 96), (30, 6), (54, 96)], [(16, 66), (44, 66)]],
    "B": [[(8, 6), (8, 94)], [(8, 6), (36, 6)], [(8, 48), (38, 48)], [(8, 94), (36, 94)],
          (36, 27, 16, 21, -90, 90), (36, 71, 18, 23, -90, 90)],
    "C": [(30, 30, 23, 24, 180, 350), (30, 70, 23, 24, 10, 180), [(7, 30), (7, 70)]],
    "D": [[(8, 6), (8, 94)], [(8, 6), (28, 6)], [(8, 94), (28, 94)],
          (28, 32, 25, 26, -90, 0), (28, 68, 25, 26, 0, 90), [(53, 32), (53, 68)]],
    "E": [[(52, 6), (8, 6), (8, 94), (52, 94)], [(8, 48), (44, 48)]],
    "F": [[(52, 6), (8, 6), (8, 94)], [(8, 48), (44, 48)]],
    "G": [(30, 30, 23, 24, 180, 350), (30, 70, 23, 24, 0, 180), [(7, 30), (7, 70)], [(53, 70), (53, 52), (34, 52)]],
    "H": [[(8, 6), (8, 94)], [(52, 6), (52, 94)], [(8, 49), (52, 49)]],
    "I": [[(30, 6), (30, 94)]],
    "J": [[(48, 6), (48, 70)], (28, 70, 20, 24, 0, 180)],
    "K": [[(8, 6), (8, 94)], [(52, 6), (10, 54)], [(22, 42), (54, 94)]],
    "L": [[(8, 6), (8, 94), (52, 94)]],
    "M": [[(6, 94), (6, 6), (30, 60), (54, 6), (54, 94)]],
    "N": [[(8, 94), (8, 6), (52, 94), (52, 6)]],
    "O": [(30, 30, 23, 24, 180, 360), (30, 70, 23, 24, 0, 180), [(7, 30), (7, 70)], [(53, 30), (53, 70)]],
    "P": [[(8, 94), (8, 6), (34, 6)], [(8, 54), (34, 54)], (34, 30, 20, 24, -90, 90)],
    "Q": [(30, 30, 23, 24, 180, 360), (30, 70, 23, 24, 0, 180), [(7, 30), (7, 70)], [(53, 30), (53, 70)],
          [(34, 72), (56, 98)]],
    "R": [[(8, 94), (8, 6), (34, 6)], [(8, 52), (34, 52)], (34, 29, 20, 23, -90, 90), [(28, 52), (54, 94)]],
    "S": [(30, 28, 22, 22, 90, 340), (30, 72, 23, 22, -90, 160)],
    "T": [[(4, 6), (56, 6)], [(30, 6), (30, 94)]],
    "U": [[(8, 6), (8, 70)], [(52, 6), (52, 70)], (30, 70, 22, 24, 0, 180)],
    "V": [[(6, 6), (30, 94), (54, 6)]],
    "W": [[(4, 6), (16, 94), (30, 36), (44, 94), (56, 6)]],
    "X": [[(6, 6), (54, 94)], [(54, 6), (6, 94)]],
    "Y": [[(6, 6), (30, 50), (54, 6)], [(30, 50), (30, 94)]],
    "Z": [[(6, 6), (54, 6), (6, 94), (54, 94)]],
    "0": [(30, 30, 21, 24, 180, 360), (30, 70, 21, 24, 0, 180), [(9, 30), (9, 70)], [(51, 30), (51, 70)]],
    "1": [[(14, 26), (34, 6), (34, 94)]],
    "2": [(30, 29, 22, 23, 180, 380), [(51, 36), (8, 94), (54, 94)]],
    "3": [(29, 28, 20, 22, 200, 450), (29, 72, 22, 22, -90, 160)],
    "4": [[(42, 94), (42, 6), (6, 68), (56, 68)]],
    "5": [[(50, 6), (12, 6), (10, 46)], (29, 66, 22, 28, -120, 150)],
    "6": [(30, 68, 22, 26, 0, 360), [(9, 62), (36, 6)]],
    "7": [[(6, 6), (54, 6), (22, 94)]],
    "8": [(30, 27, 18, 21, 0, 360), (30, 71, 22, 23, 0, 360)],
    "9": [(30, 32, 22, 26, 0, 360), [(51, 38), (24, 94)]],
}  # fmt: skip


def stroke_glyph(char: str, thick: int) -> NDArray[np.uint8]:
    """One character drawn with strokes of constant width, 100 px high."""
    canvas = np.zeros((100, 60), np.uint8)
    for part in _OUTLINES[char]:
        if isinstance(part, tuple):
            cx, cy, rx, ry, start, end = part
            cv2.ellipse(canvas, (int(cx), int(cy)), (int(rx), int(ry)), 0, start, end, 255, thick, cv2.LINE_AA)
        else:
            cv2.polylines(canvas, [np.array(part, np.int32)], False, 255, thick, cv2.LINE_AA)
    return canvas


HERSHEY = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_PLAIN)


def hershey_glyph(char: str, face: int, thick: int) -> NDArray[np.uint8]:
    """One character in a plotter's strokes, 100 px high: plain round shapes, as painted test plates have them."""
    (width, height), _ = cv2.getTextSize(char, face, 1.0, 1)
    scale = (100 - thick) / max(1, height)
    canvas = np.zeros((100, int(width * scale) + thick), np.uint8)
    cv2.putText(canvas, char, (thick // 2, 100 - thick // 2), face, scale, 255, thick, cv2.LINE_AA)
    return canvas


def see(
    drawn: FlatPlate, size: tuple[int, int], rng: random.Random, background: NDArray[np.uint8] | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The plate as a crop of `size` (width, height) shows it after a detector's box: tilted, loose, blurred, noisy.

    Also returns where its characters' left and right sides are now, (n, 2, 2).
    """
    width, height = size
    plate = drawn.picture
    flat_height, flat_width = plate.shape[:2]
    # The detector's box is a little loose or tight; the crop is stretched to the reader's input whatever its aspect.
    margin_x, margin_y = rng.uniform(-0.03, 0.18), rng.uniform(-0.05, 0.25)
    tilt, shear = math.radians(rng.gauss(0, 4)), rng.gauss(0, 0.10)
    corners = np.array([[0, 0], [flat_width, 0], [flat_width, flat_height], [0, flat_height]], np.float32)
    centred = corners - corners.mean(0)
    turned = centred @ np.array([[math.cos(tilt), math.sin(tilt)], [-math.sin(tilt), math.cos(tilt)]], np.float32)
    turned[:, 0] += shear * turned[:, 1]
    turned *= 1 + rng.gauss(0, 0.02) * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    low, high = turned.min(0), turned.max(0)
    span = (high - low) * np.array([1 + 2 * margin_x, 1 + 2 * margin_y], np.float32)
    start = low - (high - low) * np.array([margin_x, margin_y], np.float32)
    placed = (turned - start) / span * np.array([width, height], np.float32)
    placed += np.array([rng.gauss(0, 0.012) * width, rng.gauss(0, 0.02) * height], np.float32)
    # Pixels the camera really had: below 12 px of character height nobody can read, so it is not taught.
    scale = math.exp(rng.uniform(math.log(0.26), math.log(1.3)))
    matrix = cv2.getPerspectiveTransform(corners, placed.astype(np.float32))
    if background is None:
        crop = np.empty((height, width, 3), np.uint8)
        crop[:] = [rng.randrange(256) for _ in range(3)]
        if rng.random() < 0.5:
            crop = np.clip(
                crop + np.random.default_rng(rng.randrange(1 << 30)).normal(0, 25, crop.shape), 0, 255
            ).astype(np.uint8)
            crop = cv2.GaussianBlur(crop, (0, 0), 3)
    else:
        crop = cv2.resize(background, size)
    crop = cv2.warpPerspective(
        plate, matrix, size, dst=crop.copy(), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_TRANSPARENT
    )
    places = cv2.perspectiveTransform(drawn.places.reshape(1, -1, 2), matrix).reshape(-1, 2, 2)
    return camera(crop, scale, rng), places.astype(np.float32)


def camera(crop: NDArray[np.uint8], scale: float, rng: random.Random) -> NDArray[np.uint8]:
    """Lens, sensor and encoder: low resolution, blur, light, noise, compression, sharpening."""
    size = (crop.shape[1], crop.shape[0])
    if rng.random() < 0.25:
        crop = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if rng.random() < 0.3:
        length = rng.randrange(3, 12)
        kernel = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1.0 / length
        angle = rng.choice([0, 90, rng.uniform(0, 180)])
        turn = cv2.getRotationMatrix2D((length / 2 - 0.5, length / 2 - 0.5), angle, 1.0)
        kernel = cv2.warpAffine(kernel, turn, (length, length))
        crop = cv2.filter2D(crop, -1, kernel / max(kernel.sum(), 1e-3))
    if rng.random() < 0.5:
        crop = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.3, 1.9))
    if scale < 1:
        small = (max(20, round(size[0] * scale)), max(10, round(size[1] * scale)))
        crop = cv2.resize(crop, small, interpolation=cv2.INTER_AREA)
    gain, offset, gamma = rng.uniform(0.35, 1.35), rng.uniform(-30, 40), math.exp(rng.gauss(0, 0.35))
    if rng.random() < 0.1:
        gain, offset = rng.uniform(1.3, 2.2), rng.uniform(0, 60)
    table = np.clip((np.arange(256) / 255.0) ** gamma * 255 * gain + offset, 0, 255).astype(np.uint8)
    crop = cv2.LUT(crop, table)
    if rng.random() < 0.06:
        crop = 255 - crop
    if rng.random() < 0.6:
        noise = np.empty(crop.shape, np.int16)
        cv2.randn(noise, 0, rng.uniform(1, 18) * min(1.0, 0.4 + scale))
        crop = np.clip(crop.astype(np.int16) + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        _, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, rng.randrange(20, 90)])
        crop = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if crop.shape[1] != size[0]:
        crop = cv2.resize(crop, size, interpolation=rng.choice([cv2.INTER_LINEAR, cv2.INTER_LINEAR, cv2.INTER_CUBIC]))
    if rng.random() < 0.15:
        soft = cv2.GaussianBlur(crop, (0, 0), 1.5)
        crop = cv2.addWeighted(crop, 1.8, soft, -0.8, 0)
    return crop.astype(np.uint8)
