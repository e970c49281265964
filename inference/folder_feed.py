"""A folder of photos as a source: each picture is shown for a while, in the order of the names."""

from __future__ import annotations

from pathlib import Path

from inference.errors import SourceEnded, SourceUnreachable, SourceUnsupported
from inference.feeds import Decoded, decode_image

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
MOST_BYTES = 64 * 2**20


class FolderFeed:
    """One pass through the folder."""

    def __init__(self, folder: Path, *, photo_s: float = 1.0) -> None:
        self._folder = folder
        self._photo_s = photo_s
        self._paths: list[Path] = []
        self._shown = 0
        self.corrupt = 0
        self.hint = ""

    def open(self) -> None:
        try:
            self._paths = sorted(path for path in self._folder.iterdir() if path.suffix.lower() in ENDINGS)
        except OSError as error:
            raise SourceUnreachable(f"the folder cannot be read: {error.strerror}") from error
        if not self._paths:
            raise SourceUnsupported(f"the folder holds no pictures ({', '.join(ENDINGS)})")

    def read(self) -> Decoded | None:
        if self._shown >= len(self._paths):
            raise SourceEnded("all pictures were shown")
        path = self._paths[self._shown]
        media_s = self._shown * self._photo_s
        self._shown += 1
        try:
            picture = decode_image(path.read_bytes()) if path.stat().st_size <= MOST_BYTES else None
        except OSError:
            picture = None
        if picture is None:
            self.corrupt += 1
            return None
        return Decoded(to_picture=lambda: picture, media_s=media_s)

    def interrupt(self) -> None:
        """Nothing here waits."""

    def close(self) -> None:
        self._paths = []
