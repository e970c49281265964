from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from mock_vms.camera.clips import BLANK_BGR, VideoFile
from mock_vms.camera.files import media_files
from mock_vms.camera.photos import APPROACH_S, LEAVE_S, ROAD_BGR, PhotoDriveBy
from mock_vms.camera.physics import Shutter
from mock_vms.camera.ports import VehicleRequest
from mock_vms.camera.sources import (
    WAITING_LIMIT,
    Billing,
    PlayMode,
    StageFullError,
    Timeline,
    UnknownVehicleError,
)
from tests.mock_vms.camera.clip import write_clip

SIZE = (640, 360)
FAST, SLOW = Shutter(exposure_s=1 / 2000), Shutter(exposure_s=1 / 25)


def timeline(*, items=(), gap_s=1.0, duration_s=2.0, autoplay_gap_s=None):
    waiting = iter(items)
    return Timeline(
        billing=lambda item: Billing(label=item, plate=item, country=None, duration_s=duration_s),
        autoplay=lambda: next(waiting, None),
        gap_s=gap_s,
        autoplay_gap_s=autoplay_gap_s,
    )


def seen(line, times):
    return [showing.item if (showing := line.advance(time)) else None for time in times]


def test_items_follow_each_other_with_a_free_road_between_them():
    line = timeline(items=["a", "b"])
    assert seen(line, [0, 0.9, 1.0, 2.9, 3.0, 3.9, 4.0, 5.9, 6.1, 9]) == [
        None, None, "a", "a", None, None, "b", "b", None, None,
    ]  # fmt: skip
    first, second = line.passages()
    assert (first.label, first.appeared_at.timestamp(), first.left_at.timestamp()) == ("a", 1.0, 3.0)
    assert (second.number, second.left_at.timestamp()) == (2, 6.0)


def test_what_is_asked_for_comes_before_what_comes_by_itself():
    line = timeline(items=["by itself"], autoplay_gap_s=5.0)
    assert line.ask("asked") == 1
    assert seen(line, [0, 1, 4, 9]) == [None, "asked", None, "by itself"]
    assert [passage.number for passage in line.passages()] == [1, 2]


def test_a_passage_in_view_has_not_left():
    line = timeline(items=["a"])
    seen(line, [0, 1])
    assert [passage.left_at for passage in line.passages()] == [None]


def test_nothing_comes_while_nobody_looks():
    line = timeline(items=["a", "b"])
    line.advance(0)
    assert seen(line, [100, 1000]) == ["a", "b"]
    first, second = line.passages()
    assert (first.appeared_at.timestamp(), first.left_at.timestamp()) == (100, 102)
    assert second.appeared_at.timestamp() == 1000


def test_more_than_a_queue_of_vehicles_is_refused():
    line = timeline()
    for number in range(WAITING_LIMIT):
        line.ask(str(number))
    with pytest.raises(StageFullError, match="ask again"):
        line.ask("one more")


@pytest.fixture
def photo_folder(tmp_path):
    for number, (width, height) in ((10, (400, 300)), (2, (900, 500)), (1, (200, 160))):
        photo = np.full((height, width, 3), 200, dtype=np.uint8)
        photo[height // 2 - 20 : height // 2 + 20 : 4] = 20
        cv2.imwrite(str(tmp_path / f"car{number}.png"), photo)
    (tmp_path / "labels.csv").write_text("no picture")
    return tmp_path


def ages(source, *ages_s, shutter=FAST, size=SIZE):
    """The views at these ages of the first passage."""
    source.render(0, size, shutter)
    assert source.render(10, size, shutter) is not None
    return [source.render(10 + age, size, shutter) for age in ages_s]


def shown_size(view):
    covered = np.any(view.picture != np.array(ROAD_BGR, dtype=np.uint8), axis=2)
    rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
    return columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1


def test_photos_come_in_the_order_of_their_numbers_once_and_then_the_road_is_free(photo_folder):
    source = PhotoDriveBy(paths=[photo_folder], mode=PlayMode.ONCE, plates={"car2.png": "AB123"})
    for tenth in range(400):
        source.render(tenth / 10, SIZE, FAST)
    assert [passage.label for passage in source.passages()] == ["car1.png", "car2.png", "car10.png"]
    assert [passage.plate for passage in source.passages()] == [None, "AB123", None]
    gaps = [(after.appeared_at - before.left_at).total_seconds() for before, after in pairwise(source.passages())]
    assert min(gaps) >= 1.5
    assert source.render(41, SIZE, FAST).changed is None


def test_a_photo_comes_nearer_stays_whole_and_leaves(photo_folder):
    source = PhotoDriveBy(paths=[photo_folder / "car10.png"], mode=PlayMode.LOOP, legible_s=3.0)
    far, near, last, leaving = ages(source, 0.1, APPROACH_S + 0.1, APPROACH_S + 2.9, APPROACH_S + 3.0 + 0.9 * LEAVE_S)
    fitted = (400 * 360 / 300, 360)
    assert shown_size(far)[0] < 0.7 * fitted[0]
    assert shown_size(near)[0] > 0.9 * fitted[0]
    assert shown_size(last) == pytest.approx(fitted, abs=3)
    assert shown_size(leaving)[1] < 0.5 * fitted[1]


def test_a_photo_is_whole_and_moving_through_its_legible_time(photo_folder):
    source = PhotoDriveBy(paths=[photo_folder / "car2.png"], mode=PlayMode.LOOP)
    views = ages(source, *np.arange(APPROACH_S, APPROACH_S + 3.3, 0.1))
    for view in views:
        width, height = shown_size(view)
        assert width / height == pytest.approx(900 / 500, rel=0.03)
    moved = [np.abs(a.picture.astype(int) - b.picture).mean() for a, b in pairwise(views)]
    assert min(moved) > 0


def test_a_small_photo_is_not_blown_up_more_than_twice(photo_folder):
    source = PhotoDriveBy(paths=[photo_folder / "car1.png"], mode=PlayMode.LOOP)
    (view,) = ages(source, APPROACH_S + 3.3, size=(1280, 720))
    assert shown_size(view) == pytest.approx((400, 320), abs=4)


def test_a_longer_exposure_blurs_a_photo_that_moves(photo_folder):
    def detail(shutter):
        source = PhotoDriveBy(paths=[photo_folder / "car2.png"], mode=PlayMode.LOOP)
        (view,) = ages(source, 0.5, shutter=shutter)
        return np.abs(np.diff(view.picture[..., 0].astype(int), axis=0)).mean()

    assert detail(SLOW) < 0.9 * detail(FAST)


def test_a_photo_can_be_asked_for_by_its_name_or_its_plate(photo_folder):
    source = PhotoDriveBy(paths=[photo_folder], mode=PlayMode.ON_DEMAND, plates={"car2.png": "AB123"}, gap_s=0.5)
    source.drive(VehicleRequest(photo="car10.png"))
    source.drive(VehicleRequest(plate="AB123"))
    source.drive(VehicleRequest())
    for tenth in range(250):
        source.render(tenth / 10, SIZE, FAST)
    assert [passage.label for passage in source.passages()] == ["car10.png", "car2.png", "car1.png"]
    with pytest.raises(UnknownVehicleError, match=r"nobody\.jpg"):
        source.drive(VehicleRequest(photo="nobody.jpg"))


def test_a_broken_photo_leaves_the_road_empty(tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    source = PhotoDriveBy(paths=[tmp_path], mode=PlayMode.LOOP)
    (view,) = ages(source, 1.0)
    assert view.changed is None


def test_a_folder_without_media_is_refused_with_what_was_expected(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"\.mp4"):
        VideoFile(paths=[tmp_path])
    with pytest.raises(FileNotFoundError, match=r"no photos"):
        media_files([tmp_path], (".jpg",), "photos")


@pytest.fixture
def clip_folder(tmp_path):
    for name, colour in (("a.mp4", 60), ("b.mp4", 200)):
        write_clip(
            tmp_path / name, frames=20, rate=10, size=(160, 120), luma=lambda number, colour=colour: colour + number
        )
    return tmp_path


def test_clips_play_at_their_own_pace_with_blank_between(clip_folder):
    source = VideoFile(paths=[clip_folder], mode=PlayMode.ONCE)
    brightness = {}
    for tenth in range(120):
        view = source.render(tenth / 10, SIZE, FAST)
        brightness[tenth] = None if view.changed is None else float(view.picture[180, 320].mean())
    first, second = source.passages()
    assert (first.label, second.label) == ("a.mp4", "b.mp4")
    assert (first.left_at - first.appeared_at).total_seconds() == pytest.approx(2.0, abs=0.11)
    assert (second.appeared_at - first.left_at).total_seconds() >= 2.5
    began = round(first.appeared_at.timestamp() * 10)
    assert brightness[began + 1] < brightness[began + 9] < brightness[began + 18]
    assert brightness[began + 18] - brightness[began + 1] == pytest.approx(17 * 255 / 219, abs=4)
    assert brightness[round(first.left_at.timestamp() * 10) + 10] is None
    source.close()


def test_a_clip_keeps_its_shape_between_bars(clip_folder):
    source = VideoFile(paths=[clip_folder / "b.mp4"], mode=PlayMode.ON_DEMAND)
    source.drive(VehicleRequest(photo="b"))
    (view,) = ages(source, 0.5)
    assert (view.changed.width, view.changed.height) == (480, 360)
    assert tuple(view.picture[180, 40]) == BLANK_BGR
    source.close()


def test_a_broken_clip_is_passed_over(clip_folder):
    (clip_folder / "aa.mp4").write_bytes(b"no video" * 100)
    source = VideoFile(paths=[clip_folder], mode=PlayMode.ONCE, gap_s=0.5)
    for tenth in range(100):
        source.render(tenth / 10, SIZE, FAST)
    assert [passage.label for passage in source.passages()] == ["a.mp4", "aa.mp4", "b.mp4"]
    assert source.passages()[1].appeared_at == source.passages()[1].left_at
    source.close()
