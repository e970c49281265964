"""What goes into a tuning plan and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from onvif_client.advice import PlateRegion
from onvif_client.types import EncoderChange, ImagingSettings


class Part(StrEnum):
    """What a change belongs to."""

    IMAGING = "imaging"
    ENCODER = "encoder"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteProfile:
    """What only the installer knows. `area_width_cm` is the width of what the picture shows at the plate's distance.

    `retro_reflective` says whether the plates of the site throw light back to the lamp; None when nobody knows.
    """

    max_speed_kmh: float
    plate_region: PlateRegion = PlateRegion.EU
    area_width_cm: float | None = None
    moving_interlaced: bool = False
    key_frames_only: bool = False
    retro_reflective: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field to change, and a sentence that says why."""

    part: Part
    field: str
    current: str
    desired: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """One of the three ways to a brighter picture: what it is set to in the camera's unit, what it does and costs."""

    name: str
    now: str
    does: str
    costs: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """`imaging` and `encoder` are ready for `Camera.apply_imaging` and `Camera.apply_encoder`.

    `knobs` stand in the order in which they are turned; `checklist` is what no setting can mend.
    """

    changes: tuple[Change, ...]
    imaging: ImagingSettings
    encoder: EncoderChange
    warnings: tuple[str, ...] = ()
    knobs: tuple[Knob, ...] = ()
    checklist: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A field, its value and the reason, before it is compared with what is set."""

    field: str
    value: Any
    reason: str
