"""The pipeline's score on scenes kept from training; needs no PyTorch."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.recognition import Recognition, RecognitionSettings
from inference.training.held_out import measure, scenes
from inference.types import Box, Picture
from tests.fakes.vehicles import reading

HEAD = "set,file,width,height,plate_index,x,y,w,h,text,country,licence,split\n"
HERE, THERE, ELSEWHERE = (Box(x=x, y=50, width=60, height=20) for x in (10, 100, 200))


def row(file: str, index: int, x: float, text: str, *, split: str = "val", group: str = "street") -> str:
    return f"{group},{file},300,200,{index},{x},50,60,20,{text},NL,MIT,{split}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("two.png", "taught.png", "crop.png", "unknown.png"):
        cv2.imwrite(str(tmp_path / name), np.zeros((200, 300, 3), np.uint8))
    rows = [
        row("two.png", 0, 10, "AB01CD"),
        row("two.png", 1, 100, ""),
        row("taught.png", 0, 10, "AB12CD", split="train"),
        row("crop.png", 0, 10, "AB12CD", group="read_crops"),
        row("unknown.png", 0, 10, ""),
    ]
    (tmp_path / "labels.csv").write_text(HEAD + "".join(rows), encoding="utf-8")
    return tmp_path


class Answers:
    def __init__(self, *readings: tuple[str, Box]) -> None:
        self._readings = tuple(reading(text, box) for text, box in readings)

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        assert picture.shape == (200, 300, 3) and settings.max_plates > 1
        return Recognition(readings=self._readings)


def test_only_scenes_kept_from_training_with_a_known_text_count(folder: Path) -> None:
    assert {path.name: [plate.text for plate in plates] for path, plates in scenes(folder).items()} == {
        "two.png": ["AB01CD", ""]
    }


@pytest.mark.parametrize(
    ("readings", "right", "false"),
    [
        ([("AB01CD", HERE)], True, 0),
        ([("ABOICD", HERE)], True, 0),
        ([("AB02CD", HERE)], False, 0),
        ([("AB01CD", THERE)], False, 0),
        ([("AB01CD", ELSEWHERE)], False, 1),
        ([], False, 0),
    ],
)
def test_a_plate_is_right_where_it_stands_and_a_reading_of_no_plate_is_false(
    folder: Path, readings: list[tuple[str, Box]], right: bool, false: int
) -> None:
    results, counted = measure(Answers(*readings), scenes(folder))
    assert ([result.match for result in results], counted) == ([right], false)
