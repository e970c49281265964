"""What recognition on one picture is told and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from inference.types import Reading, Rejection, StageTimes

Polygon = tuple[tuple[float, float], ...]


class Preset(StrEnum):
    """How much time to spend looking."""

    FAST = "fast"
    BALANCED = "balanced"
    ACCURATE = "accurate"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionSettings:
    """What a camera's owner may set about recognition on one frame."""

    areas: tuple[Polygon, ...] = ()
    """Where to look: polygons of points in 0..1 of the picture; empty means everywhere."""
    masks: tuple[Polygon, ...] = ()
    """Where nothing is read although it lies in an area: texts that the camera itself writes into its picture."""
    character_height_min: float | None = None
    character_height_max: float | None = None
    """The band of character heights, as fractions of the picture's height."""
    stop_above: float = 0.95
    discard_below: float = 0.25
    max_plates: int | None = 5
    max_seconds_per_frame: float | None = 0.2
    modules: tuple[str, ...] = ()
    """Codes of the enabled country modules; empty means all that are installed."""
    preset: Preset = Preset.BALANCED


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What one picture gave: readings best first, and every find that did not become one."""

    readings: tuple[Reading, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    stages: StageTimes = field(default_factory=StageTimes)
