"""Near-duplicates between training and measuring are found, and misses are sorted into classes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.bench import Label
from inference.quality import Quality
from inference.training.errors import between_ground_and_ink, classes_of
from inference.training.near_duplicates import near, picture_hash, without_near
from inference.types import Box


def scene(seed: int) -> np.ndarray:
    rough = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), np.uint8)
    return cv2.resize(rough, (640, 480), interpolation=cv2.INTER_CUBIC)


def test_a_scaled_and_compressed_copy_is_near_and_another_picture_is_not() -> None:
    picture = scene(1)
    small = cv2.resize(picture, (320, 240), interpolation=cv2.INTER_AREA)
    copy = cv2.imdecode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR)
    trained = {Path("copy.jpg"): picture_hash(copy), Path("other.jpg"): picture_hash(scene(2))}
    found = near({Path("a.jpg"): picture_hash(picture)}, trained)
    assert found[Path("a.jpg")][0] == Path("copy.jpg")
    assert near({Path("a.jpg"): picture_hash(scene(3))}, trained) == {}
    assert near({Path("a.jpg"): 0}, {}) == {}


def test_photos_that_were_trained_on_are_left_out(tmp_path: Path) -> None:
    for name, seed in (("trained/x.png", 1), ("photos/same.png", 1), ("photos/new.png", 5)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), scene(seed))
    box = Box(x=0, y=0, width=10, height=5)
    labels = [
        Label(group="eu", path=tmp_path / "photos" / name, box=box, plate="AB1") for name in ("same.png", "new.png")
    ]
    kept, left_out = without_near(labels, tmp_path / "trained")
    assert [label.path.name for label in kept] == ["new.png"]
    assert [path.name for path in left_out] == ["same.png"]


@pytest.mark.parametrize(
    ("width", "height", "changes", "tilt", "between", "expected"),
    [
        (200, 50, {}, 0, 0.1, ("plain",)),
        (60, 30, {}, 0, 0.1, ("small",)),
        (200, 50, {"sharpness": 0.05}, 9, 0.1, ("tilted", "blurred")),
        (150, 100, {"contrast": 20, "dark_on_light": 0.2}, 0, 0.5, ("stacked", "faint", "stylised", "light on dark")),
    ],
)
def test_a_plate_is_of_every_class_that_makes_it_hard(width, height, changes, tilt, between, expected) -> None:
    figures = {"brightness": 120, "contrast": 120, "sharpness": 0.4, "dark_on_light": 0.8} | changes
    label = Label(group="eu", path=Path("a.jpg"), box=Box(x=0, y=0, width=width, height=height), plate="AB1")
    assert classes_of(label, Quality(**figures), tilt, between) == expected


def test_a_plain_plate_has_little_between_ground_and_ink_and_a_washed_one_much() -> None:
    plain = np.full((40, 160), 230, np.uint8)
    plain[10:30, ::4] = 20
    ramp = np.tile(np.linspace(0, 255, 160).astype(np.uint8), (40, 1))
    assert between_ground_and_ink(plain) < 0.05
    assert between_ground_and_ink(ramp) > 0.3
