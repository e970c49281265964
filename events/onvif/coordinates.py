"""Pixels to ONVIF's normalised coordinates: -1 to 1, origin in the centre, y up (Analytics 5.2.2). The only place."""

from __future__ import annotations

from dataclasses import dataclass

from inference.types import Box


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalizedBox:
    """A tt:Rectangle: `top` is above `bottom`, so it is the greater."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def center(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


def normalize(box: Box, width_px: int, height_px: int) -> NormalizedBox:
    """The box of a picture of that size, cut at the picture's edges."""
    width, height = max(width_px, 1), max(height_px, 1)
    return NormalizedBox(
        left=_clamp(2 * box.x / width - 1),
        right=_clamp(2 * box.right / width - 1),
        top=_clamp(1 - 2 * box.y / height),
        bottom=_clamp(1 - 2 * box.bottom / height),
    )


def _clamp(value: float) -> float:
    return min(1.0, max(-1.0, value))
