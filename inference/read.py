"""Reading plates from picture files and folders: what `onvif-lpr read` and the bench are made of."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from inference.image_size import claimed_size
from inference.packs import DEFAULT_PACK
from inference.recognition import Recognition, RecognitionSettings
from inference.recognizer import Recognizer, open_recognizer
from inference.types import Picture

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
# A still larger than this is no camera's: refusing it keeps a hostile file from filling the memory.
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 100_000_000
# A person waits for a picture, a camera does not: on files there is no time limit and all plates are shown.
FILE_SETTINGS = RecognitionSettings(max_seconds_per_frame=None, max_plates=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureResult:
    """One file: what was read in it and how long that took, or why it could not be opened."""

    path: Path
    recognition: Recognition | None
    ms: float = 0.0
    """From decoded picture to result."""
    width_px: int = 0
    height_px: int = 0
    problem: str = ""


def read_paths(
    paths: Iterable[Path],
    pack: str = DEFAULT_PACK,
    modules: Sequence[str] = (),
    *,
    settings: RecognitionSettings = FILE_SETTINGS,
    recognizer: Recognizer | None = None,
    device: str = "CPU",
    data_dir: Path | None = None,
    threads: int | None = None,
) -> Iterator[PictureResult]:
    """Every picture of these files and folders (folders with all below them), in order; raises PackError, ModuleError.

    A file that is no picture gives a result with a `problem` instead of stopping the others.
    """
    reader = recognizer or open_recognizer(pack, device=device, data_dir=data_dir, threads=threads)
    wanted = replace(settings, modules=tuple(modules)) if modules else settings
    reader.check(wanted)
    for path in _files(paths):
        yield _read_one(path, reader, wanted)


def load_picture(path: Path) -> Picture:
    """A file as a BGR picture; raises ValueError saying what is wrong with it."""
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ValueError(f"{path} has {size} bytes, more than the {MAX_FILE_BYTES} a picture may have")
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    claimed = claimed_size(data.tobytes())
    if claimed is not None and claimed[0] * claimed[1] > MAX_PIXELS:
        raise ValueError(f"{path} claims {claimed[0]} x {claimed[1]} pixels, more than {MAX_PIXELS}; scale it down")
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error as error:
        raise ValueError(f"{path} is no picture OpenCV can decode") from error
    if picture is None:
        raise ValueError(
            f"{path} is no picture that can be read: empty, cut off, or other than JPEG, PNG, BMP, WebP and TIFF"
        )
    if picture.shape[0] * picture.shape[1] > MAX_PIXELS:
        raise ValueError(f"{path} has more than {MAX_PIXELS} pixels; scale it down")
    return np.asarray(picture, dtype=np.uint8)


def _read_one(path: Path, reader: Recognizer, settings: RecognitionSettings) -> PictureResult:
    try:
        picture = load_picture(path)
    except ValueError as error:
        return PictureResult(path=path, recognition=None, problem=str(error))
    started = time.perf_counter()
    recognition = reader.recognize(picture, settings)
    ms = (time.perf_counter() - started) * 1000
    height, width = picture.shape[:2]
    return PictureResult(path=path, recognition=recognition, ms=ms, width_px=width, height_px=height)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file())
        else:
            yield path
