"""Areas and the character band decide what is searched and at which scale."""

from __future__ import annotations

import numpy as np
import pytest

from inference.areas import of_few_shapes, search_longest_px, search_window
from inference.recognition import RecognitionSettings
from inference.regions import quad_of_box
from inference.types import Box

PICTURE = np.zeros((720, 1280, 3), dtype=np.uint8)
RIGHT_HALF = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))


def test_without_an_area_the_whole_picture_is_searched() -> None:
    window = search_window(PICTURE, (), None)
    assert window is not None
    assert window.picture.shape == PICTURE.shape


@pytest.mark.requirement("M-191")
def test_an_area_crops_and_a_plate_outside_its_polygon_is_left_out() -> None:
    triangle = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0))
    window = search_window(PICTURE, (triangle,), None)
    assert window is not None
    assert (window.x, window.picture.shape[1]) == (640, 640)
    assert window.contains(quad_of_box(Box(x=560, y=20, width=40, height=10)))
    assert not window.contains(quad_of_box(Box(x=10, y=680, width=40, height=10)))


@pytest.mark.parametrize(
    ("x", "y", "held"), [(660, 300, True), (641, 300, False), (1239, 300, False), (660, 0, False), (700, 709, False)]
)
def test_a_shape_at_the_border_of_the_picture_or_the_area_is_not_held(x: float, y: float, held: bool) -> None:
    window = search_window(PICTURE, (RIGHT_HALF,), None)
    assert window is not None
    quad = quad_of_box(Box(x=x - window.x, y=y, width=40, height=10))
    assert window.holds(quad, margin=2) is held


def test_a_shape_across_two_areas_that_meet_is_held_and_one_across_a_slanted_side_is_not() -> None:
    left_half = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    both = search_window(PICTURE, (left_half, RIGHT_HALF), None)
    triangle = search_window(PICTURE, (((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)),), None)
    assert both is not None
    assert triangle is not None
    assert both.holds(quad_of_box(Box(x=620, y=300, width=40, height=10)), margin=2)
    assert not triangle.holds(quad_of_box(Box(x=620, y=350, width=40, height=20)), margin=2)


def test_a_region_outside_the_area_leaves_nothing() -> None:
    assert search_window(PICTURE, (RIGHT_HALF,), Box(x=0, y=0, width=300, height=300)) is None


@pytest.mark.requirement("M-196")
@pytest.mark.parametrize(
    ("box", "part"),
    [
        (Box(x=500, y=300, width=100, height=30), (390, 225, 320, 180)),
        (Box(x=500, y=300, width=400, height=30), (380, 225, 640, 180)),
        # What reaches beyond the picture is cut, and the part lies in it.
        (Box(x=-50, y=600, width=100, height=300), (0, 540, 320, 180)),
        (Box(x=-50, y=-50, width=1400, height=900), (0, 0, 1280, 720)),
    ],
)
def test_parts_that_are_searched_have_few_shapes_and_hold_what_they_are_for(
    box: Box, part: tuple[float, float, float, float]
) -> None:
    around = of_few_shapes(box, 1280, 720)
    assert (around.x, around.y, around.width, around.height) == part
    assert around.overlap(box) == box.within(Box(x=0, y=0, width=1280, height=720)).area


def test_half_an_area_is_searched_at_half_the_length() -> None:
    whole = search_window(PICTURE, (), None)
    half = search_window(PICTURE, (RIGHT_HALF,), None)
    assert whole is not None
    assert half is not None
    settings = RecognitionSettings()
    full = search_longest_px(whole, settings, look=960, most_px=960)
    part = search_longest_px(half, settings, look=960, most_px=960)
    assert part < 0.6 * full


@pytest.mark.requirement("M-196")
def test_larger_characters_need_a_smaller_picture() -> None:
    window = search_window(PICTURE, (), None)
    assert window is not None
    small, large = (
        search_longest_px(window, RecognitionSettings(character_height_min=height), look=14, most_px=960)
        for height in (0.03, 0.08)
    )
    assert large < 0.5 * small
