"""Which colours does a plate have? Evidence between kinds of plates of one country that may carry the same text.

Light changes colours more than paint does, so only what survives it counts: which of ground and characters is lighter,
and hues far from each other. A grey picture (infrared, night) has no hues to tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.regions import Quad, cut, grow
from inference.types import Picture

SIZE_PX = (96, 32)
# Without frame, bolts and the edges of a box that is a little too large.
INSET = -0.08
# Closer than this in lightness, characters and ground cannot be told apart.
LEAST_STEP = 15.0
# A picture whose colours are all weaker than this was taken in infrared, or has nothing but grey in it.
GREY_CHROMA = 3.0
# Sun, shade, sodium lamps and a camera's white balance move a colour by about this much of a and b.
HUE_TOLERANCE = 18.0
# No single sign is sure: a shadow reverses lightness, a lamp turns white into yellow.
MOST_DOUBT = 4.0
# Thin characters are mixed with their ground by optics and compression.
INK_WEIGHT = 0.5

# A plate in good light has its brightest parts here; beyond this gain noise becomes colour.
FULL_LEVEL, MOST_GAIN = 230.0, 3.0

Lab = tuple[float, float, float]
# CIELAB as plates' paints and sheetings look in diffuse daylight: lightness 0 to 100, a red, b yellow.
PAINTS: dict[str, Lab] = {
    "white": (92, 0, 0),
    "yellow": (80, 5, 65),
    "black": (15, 0, 0),
    "blue": (35, 10, -45),
    "red": (45, 55, 35),
    "green": (45, -40, 25),
    "orange": (65, 35, 60),
    "grey": (70, 0, 0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateColours:
    """CIELAB of a plate's ground and characters. `has_hues` is False in a grey picture."""

    ground: Lab
    characters: Lab
    has_hues: bool = True

    def fit(self, *, background: str, characters: str) -> float:
        """How well two named colours explain what was seen: 0 at best, a log likelihood; 0 for colours not named."""
        if background not in PAINTS or characters not in PAINTS:
            return 0.0
        ground, ink = PAINTS[background], PAINTS[characters]
        reversed_ = (ground[0] > ink[0]) != (self.ground[0] > self.characters[0])
        score = -MOST_DOUBT if reversed_ else 0.0
        if self.has_hues:
            score -= _doubt(self.ground, ground) + INK_WEIGHT * _doubt(self.characters, ink)
        return score


def measure_colours(picture: Picture, quad: Quad) -> PlateColours | None:
    """The colours of one plate; None when its characters do not stand out."""
    width, height = SIZE_PX
    crop = cut(picture, grow(quad, left=INSET, right=INSET, top=INSET, bottom=INSET), width=width, height=height)
    lab = cv2.cvtColor(_exposed(crop), cv2.COLOR_BGR2LAB).reshape(-1, 3)
    lightness = lab[:, 0]
    levels = np.clip(lightness * 2.55, 0, 255).astype(np.uint8)
    threshold = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[0] / 2.55
    light, dark = lab[lightness > threshold], lab[lightness <= threshold]
    if not len(light) or not len(dark):
        return None
    ground, ink = (light, dark) if len(light) >= len(dark) else (dark, light)
    middle = np.median(ground, axis=0)
    # The half of the characters' pixels that differs most from the ground is the least mixed with it.
    apart = np.abs(ink[:, 0] - middle[0])
    core = np.median(ink[apart >= np.median(apart)], axis=0)
    if abs(float(core[0] - middle[0])) < LEAST_STEP:
        return None
    return PlateColours(ground=_lab(middle), characters=_lab(core), has_hues=_has_hues(picture))


def _exposed(crop: Picture) -> NDArray[np.float32]:
    """The crop, 0 to 1, as bright as in good light: in the shade all hues shrink towards grey."""
    brightest = float(np.percentile(crop.max(axis=2), 98))
    gain = min(MOST_GAIN, max(1.0, FULL_LEVEL / max(brightest, 1.0)))
    lit: NDArray[np.float32] = np.minimum(crop * np.float32(gain / 255), np.float32(1.0))
    return lit


def _has_hues(picture: Picture) -> bool:
    step = max(1, min(picture.shape[:2]) // 64)
    sample = np.ascontiguousarray(picture[::step, ::step]).astype(np.float32) / 255
    lab = cv2.cvtColor(sample, cv2.COLOR_BGR2LAB)
    return float(np.percentile(np.hypot(lab[..., 1], lab[..., 2]), 90)) >= GREY_CHROMA


def _lab(values: np.ndarray) -> Lab:
    return float(values[0]), float(values[1]), float(values[2])


def _doubt(seen: Lab, paint: Lab) -> float:
    distance = ((seen[1] - paint[1]) ** 2 + (seen[2] - paint[2]) ** 2) / (2 * HUE_TOLERANCE**2)
    return min(MOST_DOUBT, distance)
