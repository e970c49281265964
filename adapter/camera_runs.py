"""What validation and auto-configuration leave behind per camera: past runs to compare, old values to undo to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

# Enough to compare a month of trying; older runs go first.
MOST_RUNS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One validation, without its snapshots: the figures and the settings they belong to (M-245)."""

    at: datetime
    recognition: Mapping[str, Any]
    plates: int
    detected: int
    correct: int
    wrong: int
    extra: int
    average_likelihood_percent: int | None
    average_ms: int | None
    modules: tuple[str, ...] = ()
    selected_lists: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoValues:
    """What auto-configuration chose last, and what stood there before; both name the same settings."""

    at: datetime
    old: Mapping[str, Any]
    new: Mapping[str, Any]


_RUNS = TypeAdapter(tuple[Run, ...])
_AUTO = TypeAdapter(AutoValues)


class CameraRuns:
    """Two small files in a camera's folder of snapshots. Calls block. A damaged file counts as none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> Sequence[Run]:
        """Oldest first."""
        try:
            return _RUNS.validate_json((self._folder / "runs.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return ()

    def keep(self, run: Run) -> None:
        self._write("runs.json", _RUNS.dump_json((*self.all(), run)[-MOST_RUNS:]))

    def auto(self) -> AutoValues | None:
        try:
            return _AUTO.validate_json((self._folder / "auto.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def keep_auto(self, values: AutoValues | None) -> None:
        """None after an undo: nothing is left to undo."""
        if values is None:
            (self._folder / "auto.json").unlink(missing_ok=True)
        else:
            self._write("auto.json", _AUTO.dump_json(values))

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = self._folder / (name + ".new")
        written.write_bytes(content)
        written.replace(self._folder / name)
