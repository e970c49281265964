"""Letters and digits as pen strokes of one width, so plates can be drawn without a font file.

A glyph stands in a box of its width by 7 units, y down. A stroke is a run of points and arcs; an arc is
(centre x, centre y, radius x, radius y, from degrees, to degrees), degrees clockwise from the right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

HEIGHT = 7.0
_SUBPIXEL_BITS = 4

_Part = tuple[float, ...]
_ROUND: list[_Part] = [(2, 2, 2, 2, -180, 0), (2, 5, 2, 2, 0, 180), (0, 2)]
_SIX: list[list[_Part]] = [[(2, 4.85, 1.95, 2.15, 0, 360)], [(3.6, 4.6, 3.55, 4.6, 180, 262)]]

STROKES: dict[str, list[list[_Part]]] = {
    "A": [[(0, 7), (2, 0), (4, 7)], [(0.75, 4.7), (3.25, 4.7)]],
    "B": [
        [(0, 3.4), (0, 0), (2.2, 1.7, 1.5, 1.7, -90, 90), (0, 3.4)],
        [(0, 3.4), (2.2, 5.2, 1.8, 1.8, -90, 90), (0, 7), (0, 3.4)],
    ],
    "C": [[(2, 2, 2, 2, -20, -180), (2, 5, 2, 2, 180, 20)]],
    "D": [[(0, 0), (1.9, 2.1, 2.1, 2.1, -90, 0), (1.9, 4.9, 2.1, 2.1, 0, 90), (0, 7), (0, 0)]],
    "E": [[(3.7, 0), (0, 0), (0, 7), (3.7, 7)], [(0, 3.4), (3.2, 3.4)]],
    "F": [[(3.7, 0), (0, 0), (0, 7)], [(0, 3.5), (3.1, 3.5)]],
    "G": [[(2, 2, 2, 2, -20, -180), (2, 5, 2, 2, 180, 0), (4, 3.8), (2.3, 3.8)]],
    "H": [[(0, 0), (0, 7)], [(4, 0), (4, 7)], [(0, 3.5), (4, 3.5)]],
    "I": [[(1.2, 0), (1.2, 7)], [(0, 0), (2.4, 0)], [(0, 7), (2.4, 7)]],
    "J": [[(3.4, 0), (3.4, 5), (1.7, 5, 1.7, 2, 0, 165)]],
    "K": [[(0, 0), (0, 7)], [(3.9, 0), (0, 4.3)], [(1.4, 2.8), (4, 7)]],
    "L": [[(0, 0), (0, 7), (3.6, 7)]],
    "M": [[(0, 7), (0, 0), (2.3, 4.2), (4.6, 0), (4.6, 7)]],
    "N": [[(0, 7), (0, 0), (4, 7), (4, 0)]],
    "O": [_ROUND],
    "P": [[(0, 7), (0, 0), (2.1, 1.95, 1.8, 1.95, -90, 90), (0, 3.9)]],
    "Q": [_ROUND, [(2.4, 5.1), (4.1, 7.2)]],
    "R": [[(0, 7), (0, 0), (2.1, 1.9, 1.8, 1.9, -90, 90), (0, 3.8)], [(1.8, 3.8), (4, 7)]],
    "S": [[(2, 1.75, 1.85, 1.75, -20, -270), (2, 5.25, 1.95, 1.75, -90, 160)]],
    "T": [[(0, 0), (4, 0)], [(2, 0), (2, 7)]],
    "U": [[(0, 0), (0, 5), (2, 5, 2, 2, 180, 0), (4, 0)]],
    "V": [[(0, 0), (2, 7), (4, 0)]],
    "W": [[(0, 0), (1.3, 7), (2.6, 1.6), (3.9, 7), (5.2, 0)]],
    "X": [[(0, 0), (4, 7)], [(4, 0), (0, 7)]],
    "Y": [[(0, 0), (2, 3.6), (4, 0)], [(2, 3.6), (2, 7)]],
    "Z": [[(0, 0), (3.9, 0), (0, 7), (3.9, 7)]],
    "0": [[(1.85, 2, 1.85, 2, -180, 0), (1.85, 5, 1.85, 2, 0, 180), (0, 2)]],
    "1": [[(0, 1.7), (1.8, 0), (1.8, 7)]],
    "2": [[(1.9, 1.95, 1.85, 1.95, -170, 32), (0.05, 7), (3.9, 7)]],
    "3": [[(1.9, 1.75, 1.75, 1.75, -155, 90), (1.2, 3.5)], [(1.2, 3.5), (1.9, 5.25, 2.0, 1.75, -90, 155)]],
    "4": [[(2.9, 7), (2.9, 0), (0, 5), (4, 5)]],
    "5": [[(3.6, 0), (0.4, 0), (0.2, 3.4), (1.9, 4.75, 2.0, 2.25, -140, 150)]],
    "6": _SIX,
    "7": [[(0, 0), (3.8, 0), (1.3, 7)]],
    "8": [[(2, 1.75, 1.7, 1.75, 0, 360)], [(2, 5.25, 2.0, 1.75, 0, 360)]],
    "9": [[(2, 2.15, 1.95, 2.15, 0, 360)], [(0.4, 2.4, 3.55, 4.6, 0, 82)]],
    "-": [[(0, 3.6), (1.6, 3.6)]],
}
SPACE_WIDTH = 1.9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A line of glyphs laid out in units: the strokes as points, and how wide they are."""

    strokes: list[NDArray[np.float64]]
    width: float


def can_write(text: str) -> bool:
    return all(character in STROKES or character == " " for character in text)


def write(
    picture: NDArray[np.uint8],
    text: str,
    *,
    box: tuple[float, float, float, float],
    stroke: float,
    colour: Sequence[float],
) -> None:
    """Write a line of text, centred in `box` (x, y, width, height in pixels), as high as the box.

    Text that is too wide is set narrower. `stroke` is the pen's width as a share of the height (a plate's is 0.13).
    """
    x, y, width, height = box
    pen = max(1, round(height * stroke))
    run = _lay_out(text, gap=1.55 + stroke * HEIGHT)
    unit = (height - pen) / HEIGHT
    across = min(unit, (width - pen) / run.width)
    left = x + (width - run.width * across) / 2
    one = 1 << _SUBPIXEL_BITS
    for points in run.strokes:
        placed = points * (across, unit) + (left, y + pen / 2)
        cv2.polylines(
            picture, [np.round(placed * one).astype(np.int32)], False, colour, pen, cv2.LINE_AA, _SUBPIXEL_BITS
        )


def _lay_out(text: str, *, gap: float) -> _Run:
    strokes: list[NDArray[np.float64]] = []
    pen_x = 0.0
    for character in text:
        if character == " ":
            pen_x += SPACE_WIDTH
            continue
        drawn = [_points(stroke) for stroke in STROKES[character]]
        strokes += [points + np.array([pen_x, 0.0]) for points in drawn]
        pen_x += max(float(points[:, 0].max()) for points in drawn) + gap
    return _Run(strokes=strokes, width=max(pen_x - gap, 1.0))


def _points(stroke: list[_Part]) -> NDArray[np.float64]:
    points: list[tuple[float, float]] = []
    for part in stroke:
        if len(part) == 2:
            points.append((part[0], part[1]))
            continue
        x, y, across, down, begin, end = part
        count = max(2, round(abs(end - begin) / 8))
        for step in range(count + 1):
            angle = math.radians(begin + (end - begin) * step / count)
            points.append((x + across * math.cos(angle), y + down * math.sin(angle)))
    return np.asarray(points, dtype=np.float64)
