"""Samples for the reader: rendered plates and real crops."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.label_table import read_table
from inference.training.by_eye import read_by_eye
from inference.training.lens import camera, see
from inference.training.plates import PlatePress
from inference.training.reader_model import ALPHABET, COLUMNS, HEIGHT, LONGEST, NOTHING, ROWS, WIDTH

LABEL_COLUMNS = ("set", "file", "plate_index", "x", "y", "w", "h", "text", "split")
VIEWS_PER_PLATE = 4  # drawing costs more than spoiling
LEAST_CONTRAST = 9.0  # grey levels; darker or more glaring views show nothing to anyone
UNKNOWN = -1  # of a real plate nobody noted how many characters stand in its second line, or where they are

# Where on earth drawn families and the labelled countries belong, as an index of WORLD.
FAMILIES = {"eu": 0, "american": 1, "brazil": 2, "mercosur": 2, "asian": 3}
COUNTRIES = {
    **dict.fromkeys("RO GB DE FR NL IE DK LV ES IT CZ BG LT AT MD LU RS BE PL NO JE".split(), 0),  # noqa: SIM905
    **dict.fromkeys(("CA", "US"), 1),
    **dict.fromkeys(("BR",), 2),
    **dict.fromkeys(("CN", "PK", "IN", "MY", "SG"), 3),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A crop (grey uint8 (64, 144)) with its truth; UNKNOWN where nobody knows."""

    picture: NDArray[np.uint8]
    text: str
    lower: int
    """How many of its characters stand in a second line."""
    columns: NDArray[np.int64]
    """What each column of each row shows, (2, 36)."""
    world: int = UNKNOWN
    """Index of WORLD."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Samples side by side: pictures (n, 64, 144), columns (n, 2, 36), world (n)."""

    pictures: NDArray[np.uint8]
    texts: list[str]
    lower: list[int]
    columns: NDArray[np.int64]
    world: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RealCrop:
    """A real plate with some room around it; `box` is the plate inside `picture` (x, y, w, h)."""

    picture: NDArray[np.uint8]
    box: tuple[float, float, float, float]
    text: str
    source: str
    mask_left: float = 0.0
    one_line: bool = False
    """Whether all its characters are known to stand in one line."""
    world: int = UNKNOWN


# No plate of two lines is this wide for its height.
ONE_LINE_ASPECT = 3.0


def load_real(folder: Path, split: str) -> list[RealCrop]:
    """All labelled plates of one split. Of Chinese plates the left seventh is cut: its character is not in the text."""
    crops = []
    by_eye = read_by_eye()
    cache: dict[str, NDArray[np.uint8] | None] = {}
    for _, row in read_table(folder, *LABEL_COLUMNS):
        text, lines = by_eye.get((row["file"], row["plate_index"]), (row["text"], ""))
        if row["split"] != split or not row["x"] or not 3 <= len(text) <= LONGEST or set(text) - set(ALPHABET):
            continue
        if row["file"] not in cache:
            cache.clear()
            loaded = cv2.imread(str(folder / row["file"]), cv2.IMREAD_COLOR)
            cache[row["file"]] = None if loaded is None else np.asarray(loaded, np.uint8)
        picture = cache[row["file"]]
        x, y, w, h = (float(row[key]) for key in ("x", "y", "w", "h"))
        if picture is None or h < 9 or w < 20:
            continue
        left, top = max(0, int(x - 0.3 * w)), max(0, int(y - 0.5 * h))
        part = picture[top : int(y + 1.5 * h) + 1, left : int(x + 1.3 * w) + 1].copy()
        mask = 1 / 7 if row["set"] == "lprnet_cn" else 0.0
        world = COUNTRIES.get(row.get("country", ""), UNKNOWN)
        one_line = lines == "1" or w > ONE_LINE_ASPECT * h
        crops.append(RealCrop(part, (x - left, y - top, w, h), text, row["set"], mask, one_line, world))
    return crops


def real_view(crop: RealCrop, rng: random.Random, *, plain: bool = False) -> NDArray[np.uint8]:
    """A real plate as a detector would cut it, spoiled further unless `plain`."""
    x, y, w, h = crop.box
    margin_x, margin_y = (0.05, 0.1) if plain else (rng.uniform(-0.03, 0.18), rng.uniform(-0.05, 0.25))
    corners = np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], np.float32)
    corners += np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32) * np.array(
        [margin_x * w, margin_y * h], np.float32
    )
    if crop.mask_left:
        corners[[0, 3], 0] += crop.mask_left * w
    if not plain:
        corners += np.array([[rng.gauss(0, 0.015) * w, rng.gauss(0, 0.04) * h] for _ in range(4)], np.float32)
        corners[[0, 1], 0] += rng.gauss(0, 0.1) * h
        lift = math.tan(math.radians(rng.gauss(0, 4))) * w / 2
        corners[[0, 3], 1] -= lift
        corners[[1, 2], 1] += lift
    target = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    flags = cv2.INTER_AREA if w > WIDTH * 1.5 else cv2.INTER_LINEAR
    view = cv2.warpPerspective(crop.picture, matrix, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    if not plain and rng.random() < 0.8:
        floor = max(0.3, min(1.0, 45 / max(w, 1)))
        view = camera(view.astype(np.uint8), rng.uniform(floor, 1.3), rng)
    return np.asarray(cv2.cvtColor(view.astype(np.uint8), cv2.COLOR_BGR2GRAY), np.uint8)


class Samples:
    """An endless, seeded stream of batches.

    `variants` makes another plate of a real one, `inference.training.shuffle.Shuffle` for one.
    """

    def __init__(
        self,
        *,
        fonts: list[Path],
        real: list[RealCrop],
        seed: int,
        real_share: float,
        variants: Callable[[int, random.Random], RealCrop | None] = lambda index, rng: None,
    ) -> None:
        self._rng = random.Random(seed)
        self._press = PlatePress(fonts, self._rng)
        # The Chinese crops are many and alike: a fifth of their weight is enough.
        self._real = real
        self._weights = [0.25 if crop.source == "lprnet_cn" else 1.0 for crop in real]
        self._share = real_share if real else 0.0
        self._variants = variants
        self._waiting: list[Sample] = []

    def batch(self, count: int) -> Batch:
        """As many samples, real and rendered ones mixed."""
        drawn = [self._real_sample() if self._rng.random() < self._share else self._rendered() for _ in range(count)]
        return Batch(
            pictures=np.stack([one.picture for one in drawn]),
            texts=[one.text for one in drawn],
            lower=[one.lower for one in drawn],
            columns=np.stack([one.columns for one in drawn]),
            world=np.array([one.world for one in drawn], np.int64),
        )

    def _real_sample(self) -> Sample:
        index = self._rng.choices(range(len(self._real)), self._weights)[0]
        crop = self._variants(index, self._rng) or self._real[index]
        return Sample(
            picture=real_view(crop, self._rng),
            text=crop.text,
            lower=0 if crop.one_line else UNKNOWN,
            columns=np.full((ROWS, COLUMNS), UNKNOWN, np.int64),
            world=crop.world,
        )

    def _rendered(self) -> Sample:
        while len(self._waiting) < 48:
            background = self._rng.choice(self._real).picture if self._real and self._rng.random() < 0.6 else None
            plate = self._press.draw()
            world = FAMILIES.get(plate.family, UNKNOWN)
            for _ in range(VIEWS_PER_PLATE):
                view, places = see(plate, (WIDTH, HEIGHT), self._rng, background)
                grey = cv2.cvtColor(view, cv2.COLOR_BGR2GRAY).astype(np.uint8)
                if grey.std() < LEAST_CONTRAST:
                    continue
                columns = classes_of(plate.text, plate.lower, places)
                self._waiting.append(
                    Sample(picture=grey, text=plate.text, lower=plate.lower, columns=columns, world=world)
                )
        return self._waiting.pop(self._rng.randrange(len(self._waiting)))


def classes_of(text: str, lower: int, places: NDArray[np.float32]) -> NDArray[np.int64]:
    """What each column of each row should say: the character in its middle, NOTHING between, UNKNOWN at the sides."""
    classes = np.full((ROWS, COLUMNS), NOTHING, np.int64)
    at = (np.arange(COLUMNS) + 0.5) * WIDTH / COLUMNS
    for index, (char, place) in enumerate(zip(text, places, strict=True)):
        row = int(index >= len(text) - lower)
        left, right = float(place[0, 0]), float(place[1, 0])
        middle, half = (left + right) / 2, (right - left) / 2
        classes[row, np.abs(at - middle) < 0.9 * half] = UNKNOWN
        nearest = int(np.clip(middle * COLUMNS / WIDTH, 0, COLUMNS - 1))
        classes[row, np.abs(at - middle) < 0.35 * half] = ALPHABET.index(char)
        classes[row, nearest] = ALPHABET.index(char)
    return classes
