"""The whole of recognition on single pictures, with real weights."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Timer

import cv2
import numpy as np
import pytest

from inference.bench import Label, calibration_error, measure, read_labels, summary
from inference.detector import TextLineDetector
from inference.errors import ModuleError, PackError
from inference.packs import install_pack
from inference.read import FILE_SETTINGS, load_picture, read_paths
from inference.recognizer import RecognitionSettings, Recognizer, open_recognizer
from inference.regions import Region, quad_of_box
from inference.selftest import KNOWN_TEXT, check_answers, known_picture
from inference.turns import Turns
from inference.types import Box

ANY = RecognitionSettings(modules=("X_XX",), max_seconds_per_frame=None)


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return open_recognizer("ppocr", data_dir=tmp_path_factory.mktemp("data"), threads=1)


def test_the_known_picture_is_read(recognizer: Recognizer) -> None:
    recognition = recognizer.recognize(known_picture(), ANY)
    assert recognition.readings[0].plate.plate_number == KNOWN_TEXT
    assert recognition.stages.detect_ms > 0
    assert recognition.stages.read_ms > 0


def test_a_region_is_searched_alone_and_boxes_are_those_of_the_whole_picture(recognizer: Recognizer) -> None:
    picture = np.zeros((640, 960, 3), dtype=np.uint8)
    picture[320:, 480:] = known_picture()
    (reading,) = recognizer.recognize(picture, ANY, region=Box(x=480, y=320, width=480, height=320)).readings
    assert reading.box.x > 580
    assert reading.box.y > 440
    assert recognizer.recognize(picture, ANY, region=Box(x=0, y=0, width=400, height=300)).readings == ()


class Signs:
    """A detector that finds these boxes in pictures of 1280x720, whatever they show, and notes where it looked."""

    def __init__(self, *boxes: Box) -> None:
        self._boxes = boxes
        self.looks: list[tuple[int, int, int]] = []
        """Width and height of each picture it was given, and the size it was to be looked at."""

    def detect(self, picture: np.ndarray, *, longest_px: int) -> list[Region]:
        height, width = picture.shape[:2]
        self.looks.append((width, height, longest_px))
        return [Region(quad=quad_of_box(box), likelihood=0.9) for box in self._boxes] if width == 1280 else []


@pytest.mark.parametrize(
    ("boxes", "region", "third"),
    [
        ((), None, None),
        # A width to either side and three heights above and below, then whole quarters of the picture.
        ((Box(x=400, y=300, width=100, height=30),), None, (320, 360, 360)),
        ((Box(x=400, y=300, width=100, height=30), Box(x=700, y=310, width=100, height=30)), None, (640, 360, 640)),
        ((Box(x=400, y=10, width=100, height=30),), Box(x=0, y=320, width=1280, height=400), (320, 205, 320)),
    ],
)
def test_a_third_look_is_taken_only_around_what_was_found(
    recognizer: Recognizer, boxes: tuple[Box, ...], region: Box | None, third: tuple[int, int, int] | None
) -> None:
    signs = Signs(*boxes)
    looking = Recognizer(pack=recognizer.pack, detector=signs, reader=recognizer.reader, modules=recognizer.modules)
    recognition = looking.recognize(np.zeros((720, 1280, 3), np.uint8), ANY, region=region)
    assert recognition.readings == ()
    sizes = recognizer.pack.file.detector.longest_px.balanced
    height = 720 if region is None else 400
    everywhere = [(1280, height, size) for size in sizes[:2]]
    assert signs.looks == everywhere + ([third] if third else [])


def test_threads_share_one_recognizer(recognizer: Recognizer) -> None:
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: recognizer.recognize(known_picture(), ANY), range(3)))
    assert {answer.readings[0].plate.plate_number for answer in answers} == {KNOWN_TEXT}


def test_the_time_of_a_step_is_its_work_and_not_the_wait_for_the_device(recognizer: Recognizer) -> None:
    turns, wait_s = Turns(["request"]), 0.3

    class Behind:
        def detect(self, picture: np.ndarray, *, longest_px: int) -> list:
            turns.give_back(turns.take(30))
            return []

    other = Timer(wait_s, turns.give_back, [turns.take(0)])
    other.start()
    late = Recognizer(
        pack=recognizer.pack, detector=Behind(), reader=recognizer.reader, modules=recognizer.modules
    ).recognize(known_picture(), ANY)
    other.join()
    assert 0 <= late.stages.detect_ms < wait_s * 500


def test_opencv_starts_no_threads_of_its_own(tmp_path: Path) -> None:
    cv2.setNumThreads(2)
    open_recognizer("ppocr", data_dir=tmp_path, threads=1)
    assert cv2.getNumThreads() == 1


def test_a_country_that_does_not_write_such_plates_refuses_it(recognizer: Recognizer) -> None:
    settings = RecognitionSettings(modules=("BR",), max_seconds_per_frame=None)
    recognition = recognizer.recognize(known_picture(), settings)
    assert KNOWN_TEXT not in [reading.plate.plate_number for reading in recognition.readings]


def test_a_device_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="ABACUS"):
        open_recognizer("ppocr", device="ABACUS", data_dir=tmp_path)


def test_a_detector_that_answers_wrongly_is_refused(recognizer: Recognizer) -> None:
    class Blind:
        def detect(self, picture: np.ndarray, *, longest_px: int) -> list:
            return []

    with pytest.raises(PackError, match="answers wrongly on CPU"):
        check_answers(pack="ppocr", device="CPU", detector=Blind(), reader=recognizer.reader, tight=True)


def test_text_line_detector_returns_tilted_corners_in_reading_order(recognizer: Recognizer) -> None:
    detector = recognizer._detector
    assert isinstance(detector, TextLineDetector)
    turn = cv2.getRotationMatrix2D((240, 178), 8, 1.0)
    tilted = cv2.warpAffine(known_picture(), turn, (480, 320), borderValue=(70, 72, 75))
    region = max(detector.detect(tilted, longest_px=480), key=lambda found: found.box.area)
    along = region.quad[1] - region.quad[0]
    angle = np.degrees(np.arctan2(along[1], along[0]))
    assert angle == pytest.approx(-8, abs=3)


def test_files_that_are_no_pictures_are_named_and_the_others_are_read(recognizer: Recognizer, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), known_picture())
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    good, bad, gone = read_paths([tmp_path, tmp_path / "gone.jpg"], modules=("X_XX",), recognizer=recognizer)
    assert good.recognition is not None
    assert good.recognition.readings[0].plate.plate_number == KNOWN_TEXT
    assert "b.jpg is no picture that can be read: empty, cut off, or other than JPEG" in bad.problem
    assert "cannot be read" in gone.problem


def test_an_empty_file_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    with pytest.raises(ValueError, match="no picture"):
        load_picture(tmp_path / "a.jpg")


def test_an_unknown_module_is_refused_before_reading(recognizer: Recognizer) -> None:
    with pytest.raises(ModuleError, match="QQ"):
        list(read_paths([], modules=("QQ",), recognizer=recognizer))


def test_calibration_error_is_the_gap_between_likelihood_and_share() -> None:
    assert calibration_error([(0.95, True)] * 19 + [(0.95, False)]) == pytest.approx(0.0, abs=1e-9)
    assert calibration_error([(0.95, False)] * 10) == pytest.approx(0.95)


def us_sample(photos: Path) -> list[Label]:
    """A few photos of one size, since every new shape is compiled anew; accuracy itself is the bench's to measure."""
    return [label for label in read_labels(photos) if label.group == "us"][20:84:16]


@pytest.mark.photos
def test_a_sample_of_real_photos_is_read(recognizer: Recognizer, photos: Path) -> None:
    outcomes = measure(recognizer, us_sample(photos), settings=FILE_SETTINGS)
    assert summary(outcomes)["all"]["match"] >= 0.5


@pytest.mark.photos
@pytest.mark.models
def test_the_peers_weights_read_a_sample_of_real_photos(tmp_path: Path, photos: Path, peer_weights: Path) -> None:
    install_pack("fast-alpr", source_dir=peer_weights, data_dir=tmp_path)
    peer = open_recognizer("fast-alpr", data_dir=tmp_path, threads=1)
    assert summary(measure(peer, us_sample(photos), settings=FILE_SETTINGS))["all"]["match"] >= 0.75
