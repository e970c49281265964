"""What goes into a suitability report and what comes out of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from inference.plate_views import PlateView
from inference.types import RejectionReason
from onvif_client.advice import PlateRegion, Verdict
from onvif_client.types import ExposureMode

# Fewer are measured, too, but the report says so.
FEW_PLATES = 5

MEASURE = (
    "Take snapshots of vehicles (`onvif-lpr camera take` or `auto-capture`), or wait until vehicles have been read;"
    " then look again."
)


class Factor(StrEnum):
    """The five that decide whether a camera can read plates (M-038)."""

    EXPOSURE = "exposure"
    FIELD_OF_VIEW = "field of view"
    SHUTTER = "shutter"
    RESOLUTION = "resolution"
    POSITIONING = "positioning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutter:
    """How long the camera exposes, in microseconds; for an automatic shutter the longest it may take."""

    mode: ExposureMode
    exposure_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of one camera. None: nobody said, or nothing was measured."""

    region: PlateRegion = PlateRegion.EU
    views: Sequence[PlateView] = ()
    """Only of plates in the recognition area."""
    picture_px: tuple[int, int] | None = None
    area_width: float = 1.0
    """The share of the picture's width that the recognition area spans."""
    frame_rate: float | None = None
    interlaced: bool = False
    quality_percent: float | None = None
    """How little the stream is compressed, of what the camera offers."""
    max_speed_kmh: float | None = None
    is_onvif: bool = False
    shutter: Shutter | None = None
    untuned: Sequence[str] = ()
    """Settings of the picture that a tuning would change, as `field now, not wanted`."""
    can_widen_range: bool = False
    """The camera has a wide dynamic range to switch on."""
    has_iris: bool = False
    looks: int = 0
    looks_without_plate: int = 0
    refused: Counter[RejectionReason] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One measured figure held against its limit.

    `cause` and `cure` are empty where all is well; where nothing was measured the cure says how to measure.
    """

    name: str
    verdict: Verdict
    measured: str
    limit: str
    cause: str = ""
    cure: str = ""

    @classmethod
    def of(cls, name: str, verdict: Verdict, measured: str, limit: str, *, cause: str, cure: str) -> Check:
        """A figure that was measured; its cause and cure are told where something is wrong."""
        if verdict is Verdict.OK:
            cause = cure = ""
        return cls(name=name, verdict=verdict, measured=measured, limit=limit, cause=cause, cure=cure)

    @classmethod
    def unknown(cls, name: str, limit: str, *, cause: str = "No plate was measured yet.", cure: str = MEASURE) -> Check:
        return cls(name=name, verdict=Verdict.UNKNOWN, measured="not measured", limit=limit, cause=cause, cure=cure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One factor. It is worth what its worst check is, and tells that one's figure, limit, cause and cure."""

    factor: Factor
    verdict: Verdict
    measured: str
    limit: str
    cause: str
    cure: str
    checks: Sequence[Check]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suitability:
    """How well a camera suits plates.

    `score` is 0 to 100 over the `judged` of the five factors, None when none could be judged; `basis` says what was
    measured, and `notes` what limits it.
    """

    score: int | None
    verdict: Verdict
    judged: int
    basis: str
    judgements: Sequence[Judgement]
    notes: Sequence[str] = ()
