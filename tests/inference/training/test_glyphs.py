"""Drawn characters: what tells those apart that plates draw nearly alike."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV is not installed here")

from inference.syntax import DIGITS, LETTERS
from inference.training.glyphs import Hand, stroke_glyph


def corner(glyph: np.ndarray, *, size: int = 6) -> float:
    """How much of the upper left corner of what is inked is inked too, but for the strokes' soft rim."""
    ys, xs = np.nonzero(glyph > 128)
    top, left = ys.min() + 1, xs.min() + 1
    part = glyph[top : top + size, left : left + size]
    return float((part > 128).mean())


@pytest.mark.parametrize("thick", [8, 11, 14])
def test_a_stamped_d_has_sharp_corners_where_an_o_has_none(thick: int) -> None:
    hand = Hand(thick=thick, corner=10, square=True)
    assert corner(stroke_glyph("D", hand)) > 0.95
    assert corner(stroke_glyph("O", hand)) < 0.6


@pytest.mark.parametrize(
    "hand",
    [Hand(thick=9), Hand(thick=9, bar=0), Hand(thick=12, corner=12, bar=0), Hand(thick=12, corner=12, square=True)],
)
def test_no_two_characters_are_drawn_as_the_same(hand: Hand) -> None:
    drawn = {char: stroke_glyph(char, hand) for char in LETTERS + DIGITS}
    for one, glyph in drawn.items():
        # A ring is an O and a zero by its width alone.
        twins = [other for other, its in drawn.items() if other != one and np.array_equal(glyph, its)]
        assert twins == []
