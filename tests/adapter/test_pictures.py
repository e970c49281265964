"""Pictures: written under the event's name, found only by a well-formed name, removed together."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import cv2
import numpy as np
import pytest

from adapter.jobs import RETENTION_EVERY, sweep
from adapter.pictures import FOLDERS, PictureError, Pictures
from adapter.store.store import Store
from tests.rules.examples import recognized

EVENT = "0123456789abcdef0123456789abcdef"
PICTURE = np.full((40, 60, 3), 128, np.uint8)


async def test_a_saved_picture_is_found_by_its_name(tmp_path: Path) -> None:
    pictures = Pictures(folder=tmp_path)
    name = await pictures.save(EVENT, "plate", PICTURE)
    path = pictures.find(name)
    assert path is not None
    assert cv2.imread(str(path)).shape == PICTURE.shape


@pytest.mark.parametrize("name", ["../../etc/passwd", "x.jpg", f"{EVENT}-other.jpg", f"..{EVENT}-plate.jpg", ""])
async def test_a_name_that_is_no_picture_name_finds_nothing(tmp_path: Path, name: str) -> None:
    assert Pictures(folder=tmp_path).find(name) is None


async def test_removing_takes_the_files_away_and_forgives_missing_ones(tmp_path: Path) -> None:
    pictures = Pictures(folder=tmp_path)
    name = await pictures.save(EVENT, "frame", PICTURE)
    await pictures.remove([name, f"{uuid4().hex}-frame.jpg", "../x"])
    assert pictures.find(name) is None


async def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("not a folder", encoding="utf-8")
    with pytest.raises(PictureError, match="cannot write pictures below"):
        await Pictures(folder=blocker).save(EVENT, "frame", PICTURE)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Writing stops in the middle of a file, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_half_a_picture_is_not_left_behind(tmp_path: Path) -> None:
    with files_of_at_most(100), pytest.raises(PictureError, match="File too large"):
        await Pictures(folder=tmp_path).save(EVENT, "frame", PICTURE)
    assert list(tmp_path.rglob("*.jpg")) == []


async def test_old_pictures_without_an_event_are_removed_folder_by_folder(tmp_path: Path) -> None:
    pictures, kept, now = Pictures(folder=tmp_path / "pictures"), timedelta(hours=48), datetime.now(UTC)
    stored, lost, waiting = "01" + "a" * 30, "01" + "b" * 30, "fe" + "c" * 30
    names = {event_id: await pictures.save(event_id, "frame", PICTURE) for event_id in (stored, lost, waiting)}
    for name, age in ((names[stored], 80), (names[lost], 80), (names[waiting], 20)):
        then = (now - timedelta(hours=age)).timestamp()
        os.utime(pictures.find(name) or "", (then, then))
    async with Store.in_folder(tmp_path) as store:
        await store.journal.commit(recognized(event_id=stored), now=now)
        removed = [await sweep(store, pictures, kept, now + run * RETENTION_EVERY) for run in range(FOLDERS)]
    assert sum(removed) == 1
    assert [pictures.find(name) is not None for name in names.values()] == [True, False, True]
