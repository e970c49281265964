"""Pictures of one plate laid on each other: noise goes, what does not belong is left out, nothing breaks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inference.regions import cut, quad_of_box
from inference.stacking import HEIGHT_PX, WIDTH_PX, Patch, patch_of, plate_in_patch, stacked
from inference.types import Box

PLATE = Box(x=200, y=150, width=160, height=68)


def street(*, text: str = "43HNN2", noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """A dark street with a plate at `PLATE`, BGR."""
    picture = np.full((400, 640, 3), 60, np.uint8)
    cv2.rectangle(picture, (200, 150), (360, 218), (120, 120, 120), -1)
    cv2.putText(picture, text, (208, 200), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (80, 80, 80), 4)
    grain = np.random.default_rng(seed).normal(0, noise, picture.shape[:2])[..., None]
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def found(seed: int, *, noise: float = 14.0, text: str = "43HNN2") -> Patch:
    """What a detector finds, its corners a few pixels off."""
    off = np.random.default_rng(100 + seed).uniform(-3, 3, (4, 2)) if seed else 0.0
    quad = (quad_of_box(PLATE) + off).astype(np.float32)
    return patch_of(street(noise=noise, seed=seed, text=text), quad)


def likeness(picture: np.ndarray) -> float:
    """How alike the characters are to those of the plate without noise, -1 to 1."""
    clear = patch_of(street(), quad_of_box(PLATE))
    plates = (cut(one, plate_in_patch(), width=160, height=68).ravel() for one in (clear, picture))
    return float(np.corrcoef(*plates)[0, 1])


def test_noise_goes_and_strokes_stay() -> None:
    patches = [found(seed) for seed in range(10)]
    laid = stacked(patches, [1.0] * 10)
    assert laid.shape == (HEIGHT_PX, WIDTH_PX, 3) and laid.dtype == np.uint8
    single = max(likeness(patch) for patch in patches)
    # As found, corners are off and strokes cancel.
    as_found = likeness(np.mean([patch.astype(float) for patch in patches], axis=0).astype(np.uint8))
    assert likeness(laid[..., 0]) > max(single, as_found) + 0.03


@pytest.mark.parametrize(
    "stranger",
    [
        np.tile(np.array([[30, 30, 200, 200]], np.uint8), (HEIGHT_PX, WIDTH_PX // 4)),
        np.full((HEIGHT_PX, WIDTH_PX), 90, np.uint8),
        np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8),
    ],
    ids=["a fence", "nothing", "black"],
)
def test_what_shows_something_else_is_left_out(stranger: Patch) -> None:
    patches = [found(seed) for seed in range(5)]
    assert (stacked([*patches, stranger], [1.0] * 6) == stacked(patches, [1.0] * 5)).all()


def test_nothing_in_any_picture_is_a_picture_of_nothing() -> None:
    black = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    assert np.unique(stacked([black] * 3, [1.0] * 3)).size == 1


def test_a_larger_plate_counts_for_more() -> None:
    near, far = found(0, noise=0), found(0, noise=30)
    assert likeness(stacked([near, far], [1.0, 0.1])[..., 0]) > likeness(stacked([near, far], [1.0, 1.0])[..., 0])
