"""What the services of a virtual camera need from its picture. The stage offers it; tests offer a still life."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleRequest:
    """A vehicle that shall drive past the camera. What is left out, the stage chooses."""

    plate: str | None = None
    country: str | None = None
    speed_kmh: float | None = None
    photo: str | None = None
    """File name of the photo to show, when the stage plays a folder of photos."""


class PassageRecord(Protocol):
    """One vehicle that the stage has shown: the truth that readings are compared with."""

    @property
    def number(self) -> int: ...

    @property
    def plate(self) -> str | None: ...

    @property
    def label(self) -> str: ...

    @property
    def appeared_at(self) -> datetime: ...

    @property
    def left_at(self) -> datetime | None: ...


class StagePort(Protocol):
    """The picture in front of the lens."""

    def snapshot_jpeg(self) -> bytes:
        """The newest picture as JPEG."""

    async def drive(self, request: VehicleRequest) -> int:
        """Let a vehicle drive by; answers the number of its passage."""

    def passages(self) -> Sequence[PassageRecord]:
        """What has passed and is passing, oldest first."""
