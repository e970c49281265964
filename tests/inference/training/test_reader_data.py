"""What the reader is shown of real plates."""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="PyTorch is not installed here (pip install '.[training]')")
cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed here")

from inference.regions import Quad, Region  # noqa: E402 - after the skip
from inference.training import reader_data  # noqa: E402
from inference.training.reader_data import RealCrop, load_real, real_view  # noqa: E402

BOX = (80, 90, 120, 40)
LEANING = np.array([[84, 100], [196, 84], [198, 118], [82, 134]], np.float32)


class FakeDetector:
    """Finds what it is told to."""

    def __init__(self, quads: Sequence[Quad]) -> None:
        self._quads = quads

    def detect(self, picture: NDArray[np.uint8], *, longest_px: int) -> list[Region]:
        return [Region(quad=quad, likelihood=0.9) for quad in self._quads]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """One street scene with a white plate that leans."""
    scene = np.full((240, 320, 3), 60, np.uint8)
    cv2.fillPoly(scene, [LEANING.astype(np.int32)], (255, 255, 255))
    cv2.imwrite(str(tmp_path / "scene.png"), scene)
    with (tmp_path / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        columns = ["set", "file", "width", "height", "plate_index", "x", "y", "w", "h", "text", "split"]
        rows = csv.writer(file)
        rows.writerow(columns)
        rows.writerow(["drawn", "scene.png", 320, 240, 0, *BOX, "ABC1234", "train"])
    return tmp_path


def crop_of(folder: Path, quads: Sequence[Quad]) -> RealCrop:
    (crop,) = load_real(folder, "train", FakeDetector(quads))
    return crop


def test_the_corners_that_a_detector_finds_go_with_the_plate(data: Path) -> None:
    elsewhere = LEANING + np.array([0, 60], np.float32)
    crop = crop_of(data, [elsewhere, LEANING])
    assert crop.quad is not None
    # Inside the crop, whose own place in the scene is that of its box.
    assert crop.quad - np.array(crop.box[:2], np.float32) == pytest.approx(LEANING - np.array(BOX[:2], np.float32))


def test_a_shape_beside_the_plate_is_not_the_plates(data: Path) -> None:
    assert crop_of(data, [LEANING + np.array([0, 60], np.float32)]).quad is None
    assert crop_of(data, []).quad is None
    (unasked,) = load_real(data, "train")
    assert unasked.quad is None


def test_a_plate_is_shown_as_the_detector_cuts_it(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crop = crop_of(data, [LEANING])
    monkeypatch.setattr(reader_data, "AS_CUT", 1.0)
    monkeypatch.setattr(reader_data, "camera", lambda view, scale, rng: view)
    levelled = [real_view(crop, random.Random(seed)) for seed in range(20)]
    # The plate that leans fills its view; of the upright box around it, two corners show the street.
    white = np.mean([np.mean(view > 200) for view in levelled])
    monkeypatch.setattr(reader_data, "AS_CUT", 0.0)
    boxed = [real_view(crop, random.Random(seed)) for seed in range(20)]
    assert white > 0.75 > np.mean([np.mean(view > 200) for view in boxed])


def test_what_scores_are_measured_on_is_the_labelled_box_as_before(data: Path) -> None:
    with_corners, without = crop_of(data, [LEANING]), crop_of(data, [])
    rng = random.Random(0)
    assert np.array_equal(real_view(with_corners, rng, plain=True), real_view(without, rng, plain=True))
