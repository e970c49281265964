"""What makes a plate's picture hard to read is measured on the plate alone, and the worst of it named."""

from __future__ import annotations

import numpy as np
import pytest

from inference.funnel import CURES
from inference.quality import DARK_LEVEL, FLAT_LEVELS, measure
from inference.regions import quad_of_box
from inference.types import Box, Picture, RejectionReason

PLATE = Box(x=200, y=150, width=192, height=64)


def seen(*, background: int, characters: int, around: int = 128) -> Picture:
    """A plate of eight strokes in a scene of another brightness."""
    picture = np.full((360, 640, 3), around, np.uint8)
    plate = picture[150:214, 200:392]
    plate[:] = background
    for x in range(12, 188, 22):
        plate[12:52, x : x + 8] = characters
    return picture


@pytest.mark.requirement("M-082", "M-087")
@pytest.mark.parametrize("around", [0, 255])
@pytest.mark.parametrize(
    ("plate", "complaint", "advice"),
    [
        ({"background": 200, "characters": 40}, None, ""),
        ({"background": 24, "characters": 4}, RejectionReason.TOO_DARK, "Add light"),
        ({"background": 130, "characters": 120}, RejectionReason.LOW_CONTRAST, "glare"),
    ],
    ids=["clear", "under-exposed", "flat"],
)
def test_an_under_exposed_and_a_flat_plate_are_told_with_advice_whatever_the_scene_is_like(
    plate, complaint, advice, around
):
    found = measure(seen(**plate, around=around), quad_of_box(PLATE)).complaint()
    assert found is complaint
    assert found is None or advice in CURES[found]


@pytest.mark.requirement("M-087")
def test_brightness_and_contrast_are_in_grey_levels_of_the_plate():
    quality = measure(seen(background=180, characters=30), quad_of_box(PLATE))
    assert quality.brightness == pytest.approx(180, abs=3)
    assert quality.contrast == pytest.approx(150, abs=8)
    dark = measure(seen(background=22, characters=2), quad_of_box(PLATE))
    assert dark.brightness + dark.contrast / 2 < DARK_LEVEL
    assert measure(seen(background=100, characters=94), quad_of_box(PLATE)).contrast < FLAT_LEVELS
