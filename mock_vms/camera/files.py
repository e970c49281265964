"""Folders of photos and clips: which files they hold, in which order they are shown, and which one a request means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mock_vms.camera.ports import VehicleRequest
from mock_vms.camera.sources import PlayMode, UnknownVehicleError


def media_files(paths: Sequence[Path], suffixes: tuple[str, ...], what: str) -> list[Path]:
    """The files among `paths` and in the folders among them, in natural order of their names."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(path.rglob("*"), key=_natural) if path.is_dir() else [path]
        found += [file for file in inside if file.is_file() and file.suffix.lower() in suffixes]
    if not found:
        listed = ", ".join(str(path) for path in paths) or "nothing"
        raise FileNotFoundError(f"no {what} in {listed}: expected files ending in {', '.join(suffixes)}")
    return found


def _natural(path: Path) -> list[tuple[bool, int | str]]:
    """Sort `car2` before `car10`."""
    parts = re.split(r"(\d+)", str(path))
    return [(not part.isdigit(), int(part) if part.isdigit() else part.lower()) for part in parts]


def playing_order(paths: Sequence[Path], mode: PlayMode) -> Iterator[Path]:
    if mode is PlayMode.ON_DEMAND:
        return
    yield from paths
    while mode is PlayMode.LOOP:
        yield from paths


def chosen_file(paths: Sequence[Path], request: VehicleRequest, plates: Mapping[str, str]) -> Path | None:
    """The file a request names, by file name or by plate; None when it names none."""
    wanted = request.photo or request.plate
    if wanted is None:
        return None
    for path in paths:
        if wanted in (path.name, path.stem, plates.get(path.name)):
            return path
    raise UnknownVehicleError(f"there is no file {wanted!r} among the {len(paths)} of this camera")
