"""Pictures: written under the event's name, found only by a well-formed name, removed together."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import cv2
import numpy as np
import pytest

from adapter.pictures import PictureError, Pictures

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
