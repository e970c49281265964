"""A text that the camera writes is not read and its clock is no motion; a plate beside it is read."""

from __future__ import annotations

from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from adapter.camera_recognition import CameraRecognition, SettingsRefused
from adapter.osd_masks import turned, with_masks
from inference.recognizer import RecognitionSettings, Recognizer, open_recognizer
from inference.selftest import KNOWN_TEXT, known_picture
from inference.types import Frame
from inference.upright import upright
from inference.watch import Observer, WatchSettings
from mock_vms.camera.overlay import write
from mock_vms.camera.state import OsdSettings
from onvif_client.types import OnScreenText

NOON = datetime(2026, 5, 27, 12, tzinfo=UTC)
WRITTEN = OsdSettings(text="SD42 KLM", position="LowerLeft")
TOLD = OnScreenText(token="name", text="SD42 KLM", left=0.0, top=0.89, right=0.4, bottom=1.0)


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return open_recognizer("ppocr", data_dir=tmp_path_factory.mktemp("data"), threads=1)


def picture_with_text() -> np.ndarray:
    """The known car in a larger picture, and a name of the camera that looks like a plate's number."""
    picture = np.full((640, 960), 70, np.uint8)
    picture[40:360, 400:880] = cv2.cvtColor(known_picture(), cv2.COLOR_BGR2GRAY)
    return cv2.cvtColor(write(picture, [WRITTEN], NOON), cv2.COLOR_GRAY2BGR)


def test_a_text_of_the_camera_is_read_without_its_mask_and_not_with_it(recognizer: Recognizer) -> None:
    bare = WatchSettings(recognition=RecognitionSettings(modules=("X_XX",), max_seconds_per_frame=None))
    masked = with_masks(bare, [TOLD], rotation=0)
    found = [
        {reading.plate.plate_number for reading in recognizer.recognize(picture_with_text(), one.recognition).readings}
        for one in (bare, masked)
    ]
    assert found == [{KNOWN_TEXT, "SD42KLM"}, {KNOWN_TEXT}]


def test_a_clock_that_ticks_is_no_motion_where_the_camera_says_it_writes() -> None:
    def looks(settings: WatchSettings) -> int:
        observer = Observer(settings)
        count = 0
        for second in range(40):
            text = OsdSettings(text=f"{second % 2 * 8888888888:010d}", position="LowerLeft")
            picture = write(np.full((640, 960), 70, np.uint8), [text], NOON)
            frame = Frame(
                picture=np.repeat(picture[:, :, None], 3, axis=2), captured_at=NOON, monotonic_s=second, sequence=second
            )
            count += observer.plan(frame)[1].moved
        return count

    assert looks(with_masks(WatchSettings(), [TOLD], rotation=0)) == 1
    assert looks(WatchSettings()) > 5


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_mask_turns_with_the_picture(rotation: int) -> None:
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[10:30, 20:100] = 255
    polygon = ((0.1, 0.1), (0.5, 0.1), (0.5, 0.3), (0.1, 0.3))
    seen = upright(picture, rotation=rotation, deinterlace=False)
    height, width = seen.shape[:2]
    drawn = np.zeros_like(seen)
    corners = np.array([(x * width, y * height) for x, y in turned(polygon, rotation)])
    (left, top), (right, bottom) = corners.min(axis=0).round().astype(int), corners.max(axis=0).round().astype(int)
    drawn[top:bottom, left:right] = 255
    assert (drawn == seen).all()


def test_how_pictures_come_is_set_per_camera_and_wrong_values_are_named() -> None:
    chosen = CameraRecognition.from_stored({"transport": "udp", "hardware_decode": "vaapi", "mask_osd": False})
    assert (chosen.transport, chosen.hardware_decode, chosen.mask_osd) == ("udp", "vaapi", False)
    for stored in ({"transport": "sctp"}, {"hardware_decode": "abacus"}):
        with pytest.raises(SettingsRefused, match=next(iter(stored))):
            CameraRecognition.from_stored(stored)
