"""Characters drawn with strokes of constant width, near the stamped shapes of plates that no free font has."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

ROUND = "O0QCG"

Outline = list[tuple[float, ...] | list[tuple[int, int]]]

# Outlines on a 60x100 grid for the stroke font: polylines; an ellipse is (cx, cy, rx, ry, start, end) in degrees.
_OUTLINES: dict[str, Outline] = {
    "A": [[(6, 96), (30, 6), (54, 96)], [(16, 66), (44, 66)]],
    "B": [[(8, 6), (8, 94)], [(8, 6), (36, 6)], [(8, 48), (38, 48)], [(8, 94), (36, 94)],
          (36, 27, 16, 21, -90, 90), (36, 71, 18, 23, -90, 90)],
    "C": [(30, 30, 23, 24, 180, 350), (30, 70, 23, 24, 10, 180), [(7, 30), (7, 70)]],
    "D": [[(8, 6), (8, 94)], [(8, 6), (28, 6)], [(8, 94), (28, 94)],
          (28, 32, 25, 26, -90, 0), (28, 68, 25, 26, 0, 90), [(53, 32), (53, 68)]],
    "E": [[(52, 6), (8, 6), (8, 94), (52, 94)], [(8, 48), (44, 48)]],
    "F": [[(52, 6), (8, 6), (8, 94)], [(8, 48), (44, 48)]],
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


@dataclass(frozen=True, slots=True)
class Hand:
    """What makes one alphabet differ from another: strokes of `thick` pixels, corners and the flag of the 1.

    `corner` is the radius of the round characters' corners (None: the half circles of most fonts); old Brazilian plates
    are nearly square. `flag` is how far the 1 reaches to the left: with a short one it is an I but for a hook.
    `apex` is how far the middle of M and W reaches across; `upright` makes the outer strokes of the W straight.
    `square` gives stems sharp ends: that alone tells a boxy D from an O. `bar` is how far the bar of the G reaches in:
    Italian plates have none, only an upright stroke that ends at `chin`.
    """

    thick: int
    corner: int | None = None
    flag: int = 20
    apex: int = 60
    upright: bool = False
    square: bool = False
    bar: int = 19
    chin: int = 52

    @classmethod
    def random(cls, rng: random.Random, *, boxy: float = 0.5) -> Hand:
        """Any hand; `boxy` is the share with square round characters."""
        corner = rng.randrange(7, 22) if rng.random() < boxy else None
        return cls(
            thick=rng.randrange(6, 18),
            corner=corner,
            flag=rng.randrange(7, 24),
            apex=rng.randrange(40, 96),
            upright=rng.random() < 0.5,
            square=rng.random() < 0.7,
            bar=rng.choice([0, rng.randrange(24), rng.randrange(12, 26)]),
            chin=rng.randrange(48, 60),
        )


def stroke_glyph(char: str, hand: Hand) -> NDArray[np.uint8]:
    """One character, 100 px high and 60 wide."""
    canvas = np.zeros((100, 60), np.uint8)
    for part in _outline(char, hand):
        if isinstance(part, tuple):
            cx, cy, rx, ry, start, end = part
            cv2.ellipse(canvas, (int(cx), int(cy)), (int(rx), int(ry)), 0, start, end, 255, hand.thick, cv2.LINE_AA)
        else:
            cv2.polylines(canvas, [np.array(part, np.int32)], False, 255, hand.thick, cv2.LINE_AA)
            if hand.square and char not in ROUND:
                _square_ends(canvas, part, hand.thick)
    return canvas


def _square_ends(canvas: NDArray[np.uint8], line: list[tuple[int, int]], thick: int) -> None:
    """OpenCV's strokes end round; stamped stems end square."""
    half = thick // 2
    for (x, y), (to_x, to_y) in pairwise(line):
        if x == to_x:
            low, high = min(y, to_y), max(y, to_y)
            cv2.rectangle(canvas, (x - half, low - half), (x + half, high + half), 255, -1)


def _outline(char: str, hand: Hand) -> Outline:
    if char == "1":
        return [[(34 - hand.flag, 6 + hand.flag), (34, 6), (34, 94)]]
    if char == "M":
        return [[(6, 94), (6, 6), (30, hand.apex), (54, 6), (54, 94)]]
    if char == "W":
        out, lean = (4, 10) if hand.upright else (4, 16)
        return [[(out, 6), (lean, 94), (30, 100 - hand.apex), (60 - lean, 94), (60 - out, 6)]]
    spur: Outline = [[(53, 70), (53, hand.chin), (53 - hand.bar, hand.chin)]]
    r = hand.corner
    if char == "G" and r is None:
        return [*_OUTLINES["C"], *spur]
    if r is None or char not in "O0QDCGUJ":
        return _OUTLINES[char]
    left, right, top, bottom = (9, 51, 6, 94) if char == "0" else (7, 53, 6, 94)
    top_left: Outline = [(left + r, top + r, r, r, 180, 270)]
    top_right: Outline = [(right - r, top + r, r, r, 270, 360)]
    bottom_right: Outline = [(right - r, bottom - r, r, r, 0, 90)]
    bottom_left: Outline = [(left + r, bottom - r, r, r, 90, 180)]
    lid: Outline = [[(left + r, top), (right - r, top)]]
    floor: Outline = [[(left + r, bottom), (right - r, bottom)]]
    wall: Outline = [[(left, top + r), (left, bottom - r)]]
    far: Outline = [[(right, top + r), (right, bottom - r)]]
    if char == "D":
        stem: Outline = [
            [(left, top), (left, bottom)],
            [(left, top), (right - r, top)],
            [(left, bottom), (right - r, bottom)],
        ]
        return stem + top_right + bottom_right + far
    if char == "U":
        return (
            bottom_left
            + bottom_right
            + floor
            + [[(left, top), (left, bottom - r)], [(right, top), (right, bottom - r)]]
        )
    if char == "J":
        return (
            bottom_left + bottom_right + floor + [[(right, top), (right, bottom - r)], [(left, bottom - r), (left, 64)]]
        )
    ring = top_left + top_right + bottom_right + bottom_left + lid + floor + wall
    if char == "C":
        return [*ring, [(right, top + r), (right, 30)], [(right, bottom - r), (right, 70)]]
    if char == "G":
        return [*ring, [(right, top + r), (right, 28)], [(right, bottom - r), (right, 70)], *spur]
    tail: Outline = [[(34, 72), (56, 98)]] if char == "Q" else []
    return ring + far + tail


HERSHEY = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_PLAIN)


def hershey_glyph(char: str, face: int, thick: int) -> NDArray[np.uint8]:
    """One character in a plotter's strokes, 100 px high: plain round shapes, as painted test plates have them."""
    (width, height), _ = cv2.getTextSize(char, face, 1.0, 1)
    scale = (100 - thick) / max(1, height)
    canvas = np.zeros((100, int(width * scale) + thick), np.uint8)
    cv2.putText(canvas, char, (thick // 2, 100 - thick // 2), face, scale, 255, thick, cv2.LINE_AA)
    return canvas
