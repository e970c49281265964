"""How good a plate's picture is: what makes reading hard, in figures a person can act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.regions import Quad, cut
from inference.types import Picture, RejectionReason

# All plates are measured at this size, so that the figures of a near and a far plate compare.
SIZE_PX = (96, 32)
# An 8-bit camera's noise and compression leave about this; a plate darker or flatter than this is a guess.
DARK_LEVEL = 40.0
FLAT_LEVELS = 15.0
"""The least difference between characters and ground that the trade's installation guides ask for."""
BLURRED = 0.08
# Compression and the way from YUV leave no plain 255 in what the sensor burnt out.
BURNT_OUT_LEVEL = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Brightness and contrast in grey levels; sharpness is the steepest edges' share of the contrast, 0 to about 1."""

    brightness: float
    contrast: float
    sharpness: float
    dark_on_light: float
    """1 when the ground is lighter than the characters, 0 when it is darker."""

    def complaint(self) -> RejectionReason | None:
        """The worst of what is wrong with the picture, None when nothing is."""
        if self.brightness + self.contrast / 2 < DARK_LEVEL:
            return RejectionReason.TOO_DARK
        if self.contrast < FLAT_LEVELS:
            return RejectionReason.LOW_CONTRAST
        if self.sharpness < BLURRED:
            return RejectionReason.BLURRED
        return None


def measure(picture: Picture, quad: Quad) -> Quality:
    """Measure one shape of a picture."""
    width, height = SIZE_PX
    grey = cv2.cvtColor(cut(picture, quad, width=width, height=height), cv2.COLOR_BGR2GRAY)
    low, middle, high = _levels(grey, 0.05, 0.5, 0.95)
    contrast = high - low
    (edge,) = _levels(cv2.absdiff(grey[:, 1:], grey[:, :-1]), 0.97)
    return Quality(
        brightness=middle,
        contrast=contrast,
        sharpness=edge / max(contrast, 1.0),
        dark_on_light=(middle - low) / max(contrast, 1.0),
    )


def burnt_out_share(picture: Picture, quad: Quad) -> float:
    """How much of a shape is at the white end, 0 to 1: what is brighter than that cannot be told apart any more."""
    width, height = SIZE_PX
    grey = cv2.cvtColor(cut(picture, quad, width=width, height=height), cv2.COLOR_BGR2GRAY)
    return float(np.mean(grey >= BURNT_OUT_LEVEL))


def _levels(grey: NDArray[Any], *shares: float) -> list[float]:
    """The grey levels that these shares of the pixels stay below; counted, at half the cost of sorting."""
    below = np.cumsum(np.bincount(grey.ravel(), minlength=256))
    places = np.array(shares) * (grey.size - 1)
    first = np.floor(places)
    low, high = np.searchsorted(below, first, side="right"), np.searchsorted(below, np.ceil(places), side="right")
    return [float(level) for level in low + (high - low) * (places - first)]
