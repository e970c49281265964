"""Pictures at another size: nothing thin is lost, whatever the factor."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inference.scaling import scaled


@pytest.mark.parametrize("size", [(640, 360), (500, 281), (427, 240), (320, 180), (131, 74), (1280, 720), (1920, 1080)])
def test_a_picture_has_the_size_asked_for_and_the_same_brightness_everywhere(size: tuple[int, int]) -> None:
    ramp = np.linspace(0, 255, 1280, dtype=np.uint8)
    picture = np.ascontiguousarray(np.broadcast_to(ramp[None, :, None], (720, 1280, 3)))
    small = scaled(picture, *size)
    assert small.shape == (size[1], size[0], 3)
    wanted = np.linspace(0, 255, size[0])
    assert np.abs(small[size[1] // 2, :, 0] - wanted).max() < 4


@pytest.mark.parametrize("width", [1000, 700, 641, 640, 430, 300, 200, 100])
def test_a_fine_grid_becomes_grey_and_not_a_pattern(width: int) -> None:
    grid = np.zeros((720, 1280, 3), np.uint8)
    grid[:, ::4] = grid[:, 1::4] = 255
    small = scaled(grid, width, round(width * 720 / 1280))[..., 0]
    averaged = cv2.resize(grid, small.shape[::-1], interpolation=cv2.INTER_AREA)[..., 0]
    assert abs(float(small.mean()) - 127.5) < 4
    assert small.std() <= averaged.std() + 40


def test_odd_sides_are_halved_without_growing() -> None:
    assert scaled(np.zeros((721, 1283, 3), np.uint8), 320, 180).shape == (180, 320, 3)
