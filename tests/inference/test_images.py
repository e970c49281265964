"""Frames of video: their colours are worked out once, when asked for, and motion is looked for without them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from inference.av_feed import decoded_grey, read_file
from inference.feeds import Decoded, DecodedGrey
from inference.images import LazyImage, grey_of, image_of
from inference.motion import MotionGate
from inference.recognition import Recognition, RecognitionSettings
from inference.types import Box, Frame, Grey, Picture
from inference.video import watch_pictures
from inference.watch import WatchSettings

START = datetime(2026, 5, 1, tzinfo=UTC)


class Film:
    """Pictures of a decoder that counts what is asked of it."""

    def __init__(self, pictures: Sequence[Picture]) -> None:
        self.coloured: list[int] = []
        self._pictures = pictures

    def decoded(self, number: int) -> Decoded:
        picture = self._pictures[number]

        def to_picture() -> Picture:
            self.coloured.append(number)
            return picture

        def to_grey(width: int, height: int) -> Grey:
            return np.asarray(cv2.cvtColor(cv2.resize(picture, (width, height)), cv2.COLOR_BGR2GRAY), np.uint8)

        size = (picture.shape[1], picture.shape[0])
        return Decoded(to_picture=to_picture, grey=DecodedGrey(size=size, scaled_to=to_grey))

    def frame(self, number: int, *, rotation: int = 0) -> Frame:
        return frame(image_of(self.decoded(number), rotation=rotation), number)


def frame(image: Picture | LazyImage | object, number: int = 0) -> Frame:
    at = START + timedelta(seconds=number / 4)
    return Frame(picture=image, captured_at=at, monotonic_s=number / 4, sequence=number)  # type: ignore[arg-type]  # either


def street(*, car_x: int | None = None, width: int = 640, height: int = 360) -> Picture:
    picture = np.full((height, width, 3), (90, 120, 110), np.uint8)
    picture[: height // 3] = (200, 180, 160)
    if car_x is not None:
        cv2.rectangle(picture, (car_x, 200), (car_x + 120, 300), (30, 30, 200), -1)
    return picture


class Sees:
    """Reads nothing, and notes which pictures it was shown."""

    def __init__(self) -> None:
        self.shown: list[Picture] = []

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        self.shown.append(picture)
        return Recognition()


def test_the_colours_of_frames_in_which_nothing_moves_are_never_worked_out() -> None:
    film = Film([street()] * 40)
    sees = Sees()
    pictures = ((number / 4, lambda number=number: image_of(film.decoded(number))) for number in range(40))
    assert list(watch_pictures(pictures, sees, WatchSettings(max_fps=4.0), epoch=START)) == []  # type: ignore[misc]  # lambda
    # The first frame is news, and a while after news is looked at too.
    assert film.coloured == list(range(len(sees.shown)))
    assert 0 < len(sees.shown) < 10


def test_the_colours_of_a_frame_are_worked_out_once() -> None:
    film = Film([street(car_x=100)])
    seen = film.frame(0)
    assert seen.size == (640, 360)
    assert film.coloured == []
    assert seen.picture is seen.picture
    assert film.coloured == [0]
    assert grey_of(seen, 320, 180).shape == (180, 320)
    assert film.coloured == [0]


@pytest.mark.parametrize(
    ("rotation", "size"), [(0, (640, 360)), (90, (360, 640)), (180, (640, 360)), (270, (360, 640))]
)
def test_brightness_is_turned_as_the_colours_are(rotation: int, size: tuple[int, int]) -> None:
    seen = Film([street(car_x=100)]).frame(0, rotation=rotation)
    assert seen.size == size
    grey = grey_of(seen, size[0] // 2, size[1] // 2)
    picture = seen.picture
    assert (picture.shape[1], picture.shape[0]) == size
    coloured = cv2.cvtColor(cv2.resize(picture, (size[0] // 2, size[1] // 2)), cv2.COLOR_BGR2GRAY)
    assert np.abs(grey.astype(int) - coloured).mean() < 2


def test_motion_is_seen_in_the_brightness_of_a_frame_where_it_is_seen_in_its_colours() -> None:
    pictures = [street()] * 3 + [street(car_x=80 * number) for number in range(1, 6)]
    film = Film(pictures)
    lazy, ready = MotionGate(), MotionGate()
    for number, picture in enumerate(pictures):
        one, other = lazy.moved(film.frame(number)), ready.moved(frame(picture, number))
        assert (one.moved, one.whole, len(one.boxes)) == (other.moved, other.whole, len(other.boxes))
        for box, same in zip(one.boxes, other.boxes, strict=True):
            assert box.iou(same) > 0.9
    assert film.coloured == []


@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "nv12", "yuv444p", "gray"])
def test_a_decoders_brightness_is_that_of_its_colours(pixels: str) -> None:
    # 642 wide: the rows in the decoder's memory are longer than the picture.
    decoded = av.VideoFrame.from_ndarray(street(car_x=100, width=642), format="bgr24").reformat(format=pixels)
    grey = decoded_grey(decoded)
    assert grey is not None
    assert grey.size == (642, 360)
    coloured = cv2.cvtColor(decoded.to_ndarray(format="bgr24"), cv2.COLOR_BGR2GRAY)
    assert np.abs(grey.scaled_to(642, 360).astype(int) - coloured).max() <= 3


@pytest.mark.parametrize("pixels", ["rgb24", "yuv420p10le", "pal8"])
def test_formats_without_a_plain_brightness_are_turned_into_colours_at_once(pixels: str) -> None:
    decoded = av.VideoFrame(64, 32, pixels)
    assert decoded_grey(decoded) is None


def test_a_frame_outlives_the_file_it_was_decoded_from(tmp_path: Path) -> None:
    path = tmp_path / "street.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("h264", rate=4)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number in range(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(street(car_x=60 * number), format="bgr24")))
        container.mux(stream.encode(None))
    frames = [frame(image_of(decoded), number) for number, (_, decoded) in enumerate(read_file(path))]
    assert all(isinstance(one.image, LazyImage) for one in frames)
    for number, one in enumerate(frames):
        assert np.abs(one.picture.astype(int) - street(car_x=60 * number)).mean() < 4
