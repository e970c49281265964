"""A recogniser whose pictures say what is in them, and whose time is what its settings cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from inference.recognition import Preset, Recognition, RecognitionSettings
from inference.snapshots import Approval, Snapshot, SnapshotSet
from inference.types import Box, Picture, Reading, Rejection, RejectionReason, StageTimes
from tests.fakes.vehicles import reading

WIDTH, HEIGHT = 1280, 720
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
COST_MS = {Preset.FAST: 50.0, Preset.BALANCED: 100.0, Preset.ACCURATE: 200.0}


@dataclass(frozen=True)
class Seen:
    """A text at a place; `needs_accurate` ones are read by that preset alone."""

    text: str
    x: float
    y: float
    height: float = 40.0
    likelihood: float = 0.9
    needs_accurate: bool = False

    @property
    def box(self) -> Box:
        return Box(x=self.x, y=self.y, width=4 * self.height, height=self.height)


@dataclass
class Scenes:
    """Implements `inference.watch.Reads`. The grey level of a picture's first pixel is the number of its scene."""

    scenes: dict[int, list[Seen]] = field(default_factory=dict)
    now_s: float = 0.0
    calls: list[RecognitionSettings] = field(default_factory=list)

    def picture(self, number: int, *seen: Seen, quality: str = ".png") -> bytes:
        self.scenes[number] = list(seen)
        return encoded(np.full((HEIGHT, WIDTH, 3), number, np.uint8), quality)

    def clock(self) -> float:
        return self.now_s

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        self.calls.append(settings)
        share = 1.0
        if settings.areas:
            left, top, right, bottom = _extent(settings)
            share = (right - left) * (bottom - top)
        cost_ms = COST_MS[settings.preset] * share * (0.8 if settings.character_height_min else 1.0)
        self.now_s += cost_ms / 1000
        readings: list[Reading] = []
        rejections: list[Rejection] = []
        for seen in self.scenes[int(picture[0, 0, 0])]:
            answer = self._answer(seen, settings)
            if isinstance(answer, Reading):
                readings.append(answer)
            elif answer is not None:
                rejections.append(answer)
        stages = StageTimes(detect_ms=cost_ms * 0.75, read_ms=cost_ms * 0.25)
        return Recognition(readings=tuple(readings), rejections=tuple(rejections), stages=stages)

    def _answer(self, seen: Seen, settings: RecognitionSettings) -> Reading | Rejection | None:
        x, y = seen.box.center
        if settings.areas:
            left, top, right, bottom = _extent(settings)
            if not (left <= x / WIDTH <= right and top <= y / HEIGHT <= bottom):
                return None
        height = seen.height * 0.66 / HEIGHT
        reason = None
        if settings.character_height_min and height < settings.character_height_min / 1.25:
            reason = RejectionReason.TOO_SMALL
        elif settings.character_height_max and height > settings.character_height_max * 1.25:
            reason = RejectionReason.TOO_LARGE
        elif seen.needs_accurate and settings.preset is not Preset.ACCURATE:
            reason = RejectionReason.BLURRED
        elif seen.likelihood < settings.discard_below:
            reason = RejectionReason.LOW_CONTRAST
        if reason is not None:
            return Rejection(reason=reason, box=seen.box, text=seen.text, likelihood=seen.likelihood)
        return reading(seen.text, seen.box, likelihood=seen.likelihood)


def _extent(settings: RecognitionSettings) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of all areas together."""
    across, down = zip(*(point for area in settings.areas for point in area), strict=True)
    return min(across), min(down), max(across), max(down)


def encoded(picture: Picture, ending: str = ".png") -> bytes:
    return cv2.imencode(ending, picture)[1].tobytes()


def add(snapshots: SnapshotSet, content: bytes, *plates: str, **tags: object) -> Snapshot:
    """A snapshot, approved when plates are given."""
    kept = snapshots.add(content, added_at=NOON, origin="import")
    if not plates:
        return kept
    fields = {name: getattr(kept, name) for name in Snapshot.__dataclass_fields__}
    return snapshots.change(Snapshot(**(fields | tags | {"approval": Approval.APPROVED, "plates": plates})))


def snapshot_set(folder: Path) -> SnapshotSet:
    return SnapshotSet(folder / "snapshots")
