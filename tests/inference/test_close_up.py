"""The closer look at small plates: where it looks, what it gives back, and what it leaves alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inference.close_up import LARGE_PX, MAX_LOOKS, PLATE_PX, CloseUp
from inference.regions import Region, quad_of_box
from inference.types import Box, Picture

WIDTH, HEIGHT = 1280, 720


class WhitePatches:
    """Finds white patches: exactly where they are drawn, but a few pixels off in a picture of full width.

    Of what is wider than `LARGE_PX` at the scale it looks at, the right end is missing.
    """

    def __init__(self, *, off: float = 4.0, only_first: bool = False) -> None:
        self._off = off
        self._only_first = only_first
        self.shown: list[tuple[int, int, int]] = []

    def detect(self, picture: Picture, *, longest_px: int) -> list[Region]:
        height, width = picture.shape[:2]
        self.shown.append((width, height, longest_px))
        whole = width == WIDTH
        if self._only_first and len(self.shown) > 1:
            return []
        count, _, stats, _ = cv2.connectedComponentsWithStats((picture[..., 0] > 128).astype(np.uint8))
        off = self._off if whole else 0.0
        widest = LARGE_PX * max(width, height) / longest_px + 40
        return [
            Region(
                quad=quad_of_box(Box(x=x + off, y=y + off, width=min(w, widest), height=h)), likelihood=0.5 + 0.001 * w
            )
            for x, y, w, h, _ in stats[1:count].tolist()
        ]


def scene(*boxes: Box) -> Picture:
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for box in boxes:
        picture[int(box.y) : int(box.bottom), int(box.x) : int(box.right)] = 255
    return picture


SMALL = Box(x=400, y=300, width=80, height=20)


def closer(inner: WhitePatches, picture: Picture, *, longest_px: int = 640) -> tuple[list[Region], CloseUp]:
    """What the first look finds, and the closer looks to be had after it."""
    finds = inner.detect(picture, longest_px=longest_px)
    return finds, CloseUp(detector=inner, picture=picture, scale=longest_px / WIDTH)


def test_a_small_plate_takes_its_corners_from_the_closer_look_and_keeps_its_likelihood() -> None:
    inner = WhitePatches()
    (find,), close_up = closer(inner, scene(SMALL))
    region = close_up.look(find)
    assert region is not None
    assert np.allclose(region.quad, quad_of_box(SMALL), atol=0.01)
    assert region.likelihood == pytest.approx(0.58)
    width, _, longest_px = inner.shown[1]
    assert width < WIDTH / 4
    assert SMALL.width * longest_px / width == pytest.approx(PLATE_PX, rel=0.02)


def test_a_plate_seen_large_enough_is_not_looked_at_again() -> None:
    inner = WhitePatches()
    (find,), close_up = closer(inner, scene(Box(x=400, y=300, width=300, height=70)))
    assert close_up.look(find) is find
    assert len(inner.shown) == 1


def test_what_vanishes_when_looked_at_closely_was_no_plate() -> None:
    (find,), close_up = closer(WhitePatches(only_first=True), scene(SMALL))
    assert close_up.look(find) is None


def test_the_neighbour_does_not_take_the_place_of_what_was_found() -> None:
    beside = Box(x=490, y=300, width=80, height=20)
    finds, close_up = closer(WhitePatches(), scene(SMALL, beside))
    seen = [close_up.look(find) for find in finds]
    assert sorted(region.box.x for region in seen if region) == [400, 490]


def test_a_car_park_costs_a_bounded_number_of_looks_and_loses_no_plate() -> None:
    inner = WhitePatches()
    boxes = [Box(x=20 + 120 * (i % 10), y=40 + 100 * (i // 10), width=60, height=16) for i in range(40)]
    finds, close_up = closer(inner, scene(*boxes))
    assert None not in [close_up.look(find) for find in finds]
    assert (len(finds), len(inner.shown)) == (40, 1 + MAX_LOOKS)


def test_a_plate_in_the_corner_is_looked_at_within_the_picture() -> None:
    corner = Box(x=0, y=0, width=60, height=15)
    (find,), close_up = closer(WhitePatches(off=2.0), scene(corner))
    region = close_up.look(find)
    assert region is not None
    assert np.allclose(region.quad, quad_of_box(corner), atol=0.01)


def test_a_plate_that_fills_the_picture_is_seen_whole_from_further_away() -> None:
    inner, huge = WhitePatches(), Box(x=100, y=200, width=1000, height=220)
    (find,), close_up = closer(inner, scene(huge))
    assert find.box.width < 0.7 * huge.width
    region = close_up.whole(find)
    assert region.box.iou(huge) > 0.95
    width, height, longest_px = inner.shown[1]
    assert huge.width * longest_px / max(width, height) < LARGE_PX * 1.5


def test_no_other_plate_is_seen_from_further_away() -> None:
    inner = WhitePatches()
    (find,), close_up = closer(inner, scene(Box(x=400, y=300, width=300, height=70)))
    assert close_up.whole(find) is find
    assert len(inner.shown) == 1


def test_the_ends_of_a_plate_that_is_lost_from_further_away_stay_as_they_were() -> None:
    inner = WhitePatches(only_first=True)
    (find,), close_up = closer(inner, scene(Box(x=600, y=200, width=660, height=150)))
    assert close_up.whole(find) is find
