"""The snapshot set: what it takes, what it refuses, what it keeps."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inference import picture_files
from inference.snapshots import (
    INDEX,
    Approval,
    Light,
    NoSuchSnapshot,
    SnapshotSet,
    SnapshotsProblem,
    VehicleType,
    Weather,
    coverage,
)
from tests.fakes.snapshot_scenes import NOON, add, encoded

NOISE = np.random.default_rng(7).integers(0, 256, (120, 160, 3), dtype=np.uint8)


@pytest.mark.requirement("M-233", "M-234")
def test_jpeg_and_png_are_kept_as_they_came_and_found_again_by_another_set(tmp_path: Path) -> None:
    for ending in (".jpg", ".png"):
        add(SnapshotSet(tmp_path), encoded(NOISE, ending))
    again = SnapshotSet(tmp_path)
    jpeg, png = again.all()
    assert again.path(jpeg.name).read_bytes() == encoded(NOISE, ".jpg")
    assert (again.picture(png.name) == NOISE).all()
    assert (png.width_px, png.height_px, png.added_at, png.approval) == (160, 120, NOON, Approval.NEW)


def test_the_same_file_twice_is_one_snapshot(tmp_path: Path) -> None:
    snapshots = SnapshotSet(tmp_path)
    first = add(snapshots, encoded(NOISE), "AB12")
    assert add(snapshots, encoded(NOISE)) == first
    assert len(snapshots.all()) == 1


def claims_to_be_huge() -> bytes:
    content = bytearray(encoded(NOISE))
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "neither"),
        (b"GIF89a" + bytes(200), "neither"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (encoded(NOISE, ".jpg")[:-500], "cut off"),
        (encoded(NOISE, ".png")[:-500], "cut off"),
        (claims_to_be_huge(), "60000 x 60000"),
        (encoded(NOISE[:20]), "160 x 20"),
        (encoded(NOISE)[:60] + bytes(5000) + b"IEND\xaeB`\x82", "cannot be decoded"),
    ],
)
def test_a_bad_file_is_refused_with_its_cause_and_leaves_nothing(tmp_path: Path, content: bytes, cause: str) -> None:
    with pytest.raises(SnapshotsProblem, match=cause):
        add(SnapshotSet(tmp_path), content)
    assert list(tmp_path.iterdir()) == []


def test_a_file_or_a_set_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshots = SnapshotSet(tmp_path)
    monkeypatch.setattr("inference.snapshots.MOST_SNAPSHOTS", 1)
    add(snapshots, encoded(NOISE))
    with pytest.raises(SnapshotsProblem, match="1 snapshots already"):
        add(snapshots, encoded(NOISE[::-1].copy()))
    monkeypatch.setattr(picture_files, "MOST_BYTES", 1000)
    with pytest.raises(SnapshotsProblem, match="larger than"):
        add(snapshots, encoded(NOISE))


@pytest.mark.requirement("M-170", "M-171", "M-172", "M-236")
def test_approval_truth_and_tags_are_kept(tmp_path: Path) -> None:
    snapshots = SnapshotSet(tmp_path)
    new = add(snapshots, encoded(NOISE))
    snapshots.change(
        replace(
            new,
            approval=Approval.APPROVED,
            plates=("12-bkl-3", "12 BKL 3"),
            weather=Weather.RAIN,
            light=Light.NIGHT,
            vehicle=VehicleType.TRUCK,
        )
    )
    kept = SnapshotSet(tmp_path).get(new.name)
    assert kept.plates == ("12BKL3",)
    assert (kept.weather, kept.light, kept.vehicle, kept.valid) == ("rain", "night", "truck", True)
    rejected = snapshots.change(replace(kept, approval=Approval.REJECTED))
    assert not SnapshotSet(tmp_path).get(new.name).valid
    assert rejected.plates == ("12BKL3",)


def test_approval_without_a_plate_is_refused(tmp_path: Path) -> None:
    snapshots = SnapshotSet(tmp_path)
    new = add(snapshots, encoded(NOISE))
    with pytest.raises(SnapshotsProblem, match="give its text"):
        snapshots.change(replace(new, approval=Approval.APPROVED, plates=(" - ",)))


def test_a_plate_is_the_truth_as_a_reader_tells_it_or_refused(tmp_path: Path) -> None:
    snapshots = SnapshotSet(tmp_path)
    new = add(snapshots, encoded(NOISE))
    assert snapshots.change(replace(new, plates=("WÜ AB 123", "АХТ-3147"))).plates == ("WUAB123", "AXT3147")
    with pytest.raises(SnapshotsProblem, match="Ж123"):
        snapshots.change(replace(new, plates=("Ж123",)))


def test_what_is_removed_is_gone_with_its_file(tmp_path: Path) -> None:
    snapshots = SnapshotSet(tmp_path)
    name = add(snapshots, encoded(NOISE)).name
    snapshots.remove(name)
    assert [path.name for path in tmp_path.iterdir()] == [INDEX]
    for ask in (snapshots.get, snapshots.path, snapshots.remove):
        with pytest.raises(NoSuchSnapshot):
            ask(name)


def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(encoded(NOISE, ".jpg"))
    with pytest.raises(NoSuchSnapshot):
        SnapshotSet(tmp_path / "set").path("../secret.jpg")


def test_a_damaged_index_is_told_and_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text("[{", encoding="utf-8")
    with pytest.raises(SnapshotsProblem, match="restore"):
        add(SnapshotSet(tmp_path), encoded(NOISE))
    assert (tmp_path / INDEX).read_text(encoding="utf-8") == "[{"


@pytest.mark.requirement("M-167", "M-169", "M-170", "M-171", "M-172")
def test_coverage_blocks_at_none_and_only_hints_below_five(tmp_path: Path) -> None:
    snapshots = SnapshotSet(tmp_path)
    assert not coverage(snapshots.all()).enough
    tags = [
        {"light": Light.DAY, "weather": Weather.SUN, "vehicle": VehicleType.CAR},
        {"light": Light.NIGHT, "weather": Weather.RAIN, "vehicle": VehicleType.TRUCK},
    ]
    for number in range(5):
        add(snapshots, encoded(np.full((120, 160, 3), number, np.uint8)), "AB12", **tags[number % 2] if number else {})
        now = coverage(snapshots.all())
        assert now.enough
        assert any(f"{number + 1} of the 5" in hint for hint in now.hints) == (number < 4)
        if number == 0:
            assert len(now.hints) == 4
    assert (now.valid, now.hints) == (5, ())
