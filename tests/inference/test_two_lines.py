"""Plates with their text on two lines, drawn, through every pack that ships: lines are found or the plate is."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from inference.read import FILE_SETTINGS
from inference.recognizer import Recognizer, open_recognizer
from inference.types import Box, Picture

PLATE = Box(x=240, y=180, width=160, height=94)
INK, WHITE = (20, 20, 20), (238, 240, 240)


@pytest.fixture(scope="module", params=["ppocr", "own"])
def recognizer(request: pytest.FixtureRequest) -> Recognizer:
    return open_recognizer(request.param, threads=1)


def motorcycle(upper: str, lower: str) -> Picture:
    """The back of something dark with a nearly square plate."""
    picture = np.full((480, 640, 3), (70, 72, 75), np.uint8)
    cv2.rectangle(picture, (120, 100), (520, 420), (48, 40, 36), -1)
    x, y, right, bottom = (int(v) for v in (PLATE.x, PLATE.y, PLATE.right, PLATE.bottom))
    cv2.rectangle(picture, (x, y), (right, bottom), WHITE, -1)
    cv2.rectangle(picture, (x, y), (right - 1, bottom - 1), INK, 2)
    for text, line in ((upper, y + 42), (lower, y + 84)):
        (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1.25, 4)
        at = ((x + right - width) // 2, line)
        cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 1.25, INK, 4, cv2.LINE_AA)
    return picture


@pytest.mark.parametrize(
    ("code", "upper", "lower"), [("BR", "JKG", "7251"), ("IND", "MH12", "DE1433"), ("NL", "85", "GJK4")]
)
def test_a_plate_of_two_lines_is_read_as_one(recognizer: Recognizer, code: str, upper: str, lower: str) -> None:
    recognition = recognizer.recognize(motorcycle(upper, lower), replace(FILE_SETTINGS, modules=(code,)))
    (reading,) = recognition.readings
    assert (reading.plate.plate_number, reading.module_code) == (upper + lower, code)
    assert reading.box.overlap(PLATE) > 0.8 * reading.box.area
    assert reading.box.height > 0.7 * PLATE.height


def test_two_vehicles_over_each_other_are_not_one_plate(recognizer: Recognizer) -> None:
    picture = np.full((480, 640, 3), (70, 72, 75), np.uint8)
    for text, y in (("JKG7251", 120), ("AYB9034", 330)):
        cv2.rectangle(picture, (200, y), (440, y + 56), WHITE, -1)
        cv2.putText(picture, text, (212, y + 44), cv2.FONT_HERSHEY_SIMPLEX, 1.55, INK, 4, cv2.LINE_AA)
    recognition = recognizer.recognize(picture, replace(FILE_SETTINGS, modules=("BR",)))
    assert {reading.plate.plate_number for reading in recognition.readings} == {"JKG7251", "AYB9034"}
