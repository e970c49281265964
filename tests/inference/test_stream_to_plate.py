"""A stream with our own pack: only the enabled countries' plates, and interlaced pictures mended."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.recognition import RecognitionSettings
from inference.recognizer import Recognizer, open_recognizer
from inference.selftest import KNOWN_TEXT, known_picture
from inference.source import open_source
from inference.types import Passage, PassageState
from inference.watch import Watch, watch_settings
from tests.adapter.test_cli_models import passing
from tests.inference.test_watch import film

WHOLE = RecognitionSettings(max_seconds_per_frame=None)


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return open_recognizer("own", threads=1)


async def finals(path: Path, recognizer: Recognizer, modules: tuple[str, ...]) -> list[Passage]:
    """What a worker that watches this stream tells."""
    told: list[Passage] = []
    with ThreadPoolExecutor(1) as executor:
        await Watch(
            source=open_source(path),
            recognizer=recognizer,
            settings=watch_settings(replace(WHOLE, modules=modules)),
            executor=executor,
            on_passage=told.append,
        ).run()
    return [passage for passage in told if passage.state is PassageState.FINAL]


@pytest.mark.requirement("M-014")
async def test_a_stream_gives_only_plates_of_the_enabled_modules(recognizer: Recognizer, tmp_path: Path) -> None:
    path = film(tmp_path / "gate.mp4", passing, 28)
    generic, brazil = await asyncio.gather(finals(path, recognizer, ("X_XX",)), finals(path, recognizer, ("BR",)))
    (passage,) = generic
    assert (passage.plate.plate_number, passage.module_code) == (KNOWN_TEXT, "X_XX")
    # Brazil writes no such plates.
    assert brazil == []


def combed(number: int) -> np.ndarray:
    """The known plate, driving: the lines of one field are a fiftieth of a second later than the others'."""
    picture = np.full((360, 640, 3), 90, np.uint8)
    car = cv2.resize(known_picture(), (400, 266), interpolation=cv2.INTER_AREA)
    for field, shift in ((0, 0), (1, 9)):
        moved = np.full_like(picture, 90)
        left = 60 + 20 * number + shift
        moved[40:306, left : left + 400] = car
        picture[field::2] = moved[field::2]
    return picture


@pytest.mark.requirement("M-205")
async def test_an_interlaced_clip_is_read_better_with_one_field_of_each_picture(
    recognizer: Recognizer, tmp_path: Path
) -> None:
    for number in range(6):
        cv2.imwrite(str(tmp_path / f"{number}.png"), combed(number))
    right = {}
    for deinterlace in (False, True):
        right[deinterlace] = 0
        async with open_source(tmp_path, photo_s=0.3, deinterlace=deinterlace) as source:
            while (frame := await source.next_frame(5.0)) is not None:
                readings = recognizer.recognize(frame.picture, replace(WHOLE, modules=("X_XX",))).readings
                right[deinterlace] += any(reading.plate.plate_number == KNOWN_TEXT for reading in readings)
    assert right[True] >= 5
    assert right[False] <= right[True] - 3
