"""An interlaced camera films a moving plate: combed it cannot be read, compensated it can, and the hint says so."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import structlog

from inference.av_feed import read_file
from inference.recognizer import Preset, RecognitionSettings, Recognizer, open_recognizer
from inference.selftest import KNOWN_TEXT, known_picture
from inference.source import open_source
from inference.types import Picture
from inference.upright import upright

WAIT_S = 60.0
PICTURES = 3
# A car at 40 km/h moves its plate by two characters' widths between the two moments of a 25 Hz picture.
BETWEEN_FIELDS_PX = 18
SETTINGS = RecognitionSettings(modules=("X_XX",), max_seconds_per_frame=None, preset=Preset.FAST)


def moved(px: int) -> Picture:
    """The known car, so much further to the right."""
    return np.roll(known_picture(), px, axis=1)


def interlaced(number: int) -> Picture:
    """Even lines of one moment, odd lines of the next."""
    at_px = (number - PICTURES // 2) * 2 * BETWEEN_FIELDS_PX // 3
    picture = moved(at_px).copy()
    picture[1::2] = moved(at_px + BETWEEN_FIELDS_PX)[1::2]
    return picture


def write_film(path: Path, *, is_interlaced: bool) -> Path:
    options = {"preset": "ultrafast", "crf": "12"} | ({"x264-params": "tff=1"} if is_interlaced else {})
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 480, 320, "yuv420p"
        stream.time_base = Fraction(1, 25)
        for number in range(PICTURES):
            picture = interlaced(number) if is_interlaced else moved(number)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return open_recognizer("ppocr", data_dir=tmp_path_factory.mktemp("data"), threads=1)


def read(film: Path, recognizer: Recognizer, *, deinterlace: bool) -> int:
    """How many pictures of the film were read rightly."""
    right = 0
    for _, decoded in read_file(film):
        picture = upright(decoded.to_picture(), rotation=0, deinterlace=deinterlace)
        readings = recognizer.recognize(picture, SETTINGS).readings
        right += bool(readings) and readings[0].plate.plate_number == KNOWN_TEXT
    return right


@pytest.mark.requirement("M-205")
def test_a_combed_moving_plate_is_read_better_with_the_compensation(recognizer: Recognizer, tmp_path: Path) -> None:
    film = write_film(tmp_path / "interlaced.mp4", is_interlaced=True)
    assert read(film, recognizer, deinterlace=False) == 0
    assert read(film, recognizer, deinterlace=True) == PICTURES


@pytest.mark.requirement("M-205")
@pytest.mark.parametrize("deinterlace", [False, True])
async def test_the_setting_compensates_and_without_it_a_hint_names_it_once(tmp_path: Path, deinterlace: bool) -> None:
    film = write_film(tmp_path / "interlaced.mp4", is_interlaced=True)
    with structlog.testing.capture_logs() as logs:
        async with open_source(film, deinterlace=deinterlace) as source:
            frame = await source.next_frame(WAIT_S)
            while await source.next_frame(WAIT_S) is not None:
                pass
    assert frame is not None
    assert is_combed(frame.picture) != deinterlace
    assert ("switch deinterlace on" in source.hint) != deinterlace
    assert len([log for log in logs if log["event"] == "source could be better"]) == (not deinterlace)


def is_combed(picture: Picture) -> bool:
    """Neighbouring lines differ more than lines of one field do."""
    grey = picture.mean(axis=2)
    return np.abs(grey[1::2] - grey[:-1:2]).mean() > 2 * np.abs(grey[2::2] - grey[:-2:2]).mean()


async def test_a_progressive_film_gives_no_hint(tmp_path: Path) -> None:
    async with open_source(write_film(tmp_path / "progressive.mp4", is_interlaced=False)) as source:
        while await source.next_frame(WAIT_S) is not None:
            pass
    assert source.hint == ""
