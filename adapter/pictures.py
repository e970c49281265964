"""The picture files of events: written before the commit that names them, removed with the row that named them.

A file's name is `<event id>-<part>.jpg`. Names come from outside (URLs), so every look-up checks the form first.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import cv2

from inference.types import Picture

# The manual calls 80 % "very little impact" (M-122); a little above leaves room for a second compression at the VMS.
JPEG_QUALITY = 88
_NAME = re.compile(r"[0-9a-f]{32}-(frame|plate)\.jpg")
# Two characters of the id spread a day's pictures over so many folders.
FOLDERS = 256


def event_of(name: str) -> str:
    """The id of the event that a picture belongs to."""
    return name.partition("-")[0]


class PictureError(OSError):
    """The picture could not be written or encoded; the message names the folder."""


class Pictures:
    """Picture files below one folder."""

    def __init__(self, *, folder: Path) -> None:
        self._folder = folder

    async def save(self, event_id: str, part: str, picture: Picture) -> str:
        """Encode and write one picture; returns its name. Raises PictureError."""
        name = f"{event_id}-{part}.jpg"
        await asyncio.to_thread(self._write, self._path(name), picture)
        return name

    def find(self, name: str) -> Path | None:
        """The file behind a name, or None when the name is malformed or the picture is gone."""
        if not _NAME.fullmatch(name):
            return None
        path = self._path(name)
        return path if path.is_file() else None

    async def remove(self, names: list[str]) -> None:
        """Remove files; those already gone are no error."""
        paths = [self._path(name) for name in names if _NAME.fullmatch(name)]
        await asyncio.to_thread(_unlink, paths)

    async def written_before(self, moment: datetime, folder: int) -> list[str]:
        """Names of the pictures in one of the folders that were written earlier than this."""
        return await asyncio.to_thread(_written_before, self._folder / f"{folder:02x}", moment.timestamp())

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name

    def _write(self, path: Path, picture: Picture) -> None:
        encoded, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if not encoded:
            raise PictureError(f"a picture of shape {picture.shape} could not be encoded")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.tobytes())
        except OSError as error:
            with suppress(OSError):  # half a picture on a full disk only makes it fuller
                path.unlink(missing_ok=True)
            raise PictureError(f"cannot write pictures below {self._folder}: {error.strerror}") from error


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _written_before(folder: Path, moment_s: float) -> list[str]:
    if not folder.is_dir():
        return []
    return [path.name for path in folder.iterdir() if _NAME.fullmatch(path.name) and path.stat().st_mtime < moment_s]
