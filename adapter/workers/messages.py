"""What worker and controller say to each other: frozen dataclasses, as one JSON text each. Times are aware UTC.

Pictures are bytes in base64: JPEG for the scene, PNG (lossless) for the plate. See docs/decisions/0007-workers.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

import cv2
import numpy as np
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from adapter.source_options import SourceOptions
from adapter.workers.errors import LinkBroken
from adapter.workers.names import NAME_PATTERN
from inference.funnel import COUNTS, TIMES, FunnelHour
from inference.image_size import refusal
from inference.modules import CountryModule
from inference.plate_views import PlateView
from inference.rejects import Rejected
from inference.source import SourceStatus
from inference.types import (
    Box,
    CharacterLikelihood,
    Direction,
    LicensePlate,
    Passage,
    PassageState,
    Picture,
    Scene,
    StageTimes,
)
from inference.watch import WatchSettings

# Raised when a message changes in a way that the other side could misread; both sides must say the same.
PROTOCOL = 1
JOIN_PATH = "/api/v1/workers/join"
# A whole 4K picture at the best quality, in base64, several times over; no message has reason to be larger.
MAX_MESSAGE_BYTES = 32 * 2**20
# Read again only by people and by whoever validates settings with it: losses must stay below what those can see.
FRAME_QUALITY = 95

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Text = Annotated[str, StringConstraints(max_length=1000)]
Seconds = Annotated[float, Field(ge=0)]


def _aware(moment: datetime) -> None:
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone")


def _sound_hours(hours: tuple[FunnelHour, ...]) -> tuple[FunnelHour, ...]:
    for hour in hours:
        _aware(hour.starts_at)
        if min((*(getattr(hour, name) for name in (*COUNTS, *TIMES)), *hour.rejected.values())) < 0:
            raise ValueError("a count cannot be negative")
    return hours


def _sound_scene(scene: Scene) -> Scene:
    _aware(scene.captured_at)
    if min(scene.width_px, scene.height_px) < 1:
        raise ValueError("a scene has a size")
    return scene


def _sound_reject(rejected: Rejected) -> Rejected:
    _aware(rejected.at)
    return rejected


class _Reported:
    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", ser_json_bytes="base64", val_json_bytes="base64", allow_inf_nan=False
    )


class _Ordered:
    # Infinity is a rate of frames: as many as come.
    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", ser_json_inf_nan="constants")


# -- the worker says ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello(_Reported):
    """The first message of a link. `session` is one run of the worker: numbers count within it."""

    protocol: int
    name: Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
    session: Id
    host_name: Text
    version: Text
    pack: Text
    device: Text
    started_at: AwareDatetime
    kind: Literal["hello"] = "hello"


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFigures(_Reported):
    """How one camera's source is; see `adapter.watched.WatchedSource`."""

    camera_id: Id
    assignment_id: Id
    status: SourceStatus
    error: Text = ""
    refused: bool = False
    decoded: Count = 0
    dropped: Count = 0
    rate: Seconds | None = None
    frames_per_second: Seconds = 0.0
    hint: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat(_Reported):
    """Every few seconds: the worker is there, and this busy."""

    cpu_percent: Seconds
    memory_available_mb: Seconds
    cameras: tuple[CameraFigures, ...] = ()
    kind: Literal["beat"] = "beat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(_Reported):
    """One state of one passage. `passage_id` is the same in all its states, and no other's in this session."""

    camera_id: Id
    passage_id: Id
    state: PassageState
    object_id: Count
    plate: LicensePlate
    likelihood: Share
    country_likelihood: Share
    characters: tuple[CharacterLikelihood, ...]
    module_code: Annotated[str, StringConstraints(max_length=32)] | None
    direction: Direction
    started_at: AwareDatetime
    ended_at: AwareDatetime
    read_at: AwareDatetime
    read_count: Count
    agreeing_reads: Count
    box: Box
    frame_jpeg: bytes = field(repr=False)
    plate_png: bytes = field(repr=False)
    stages: StageTimes
    view: PlateView | None = None
    number: Count = 0
    waited_s: Seconds = 0.0
    """How long the worker kept it, by a clock that nobody sets."""
    kind: Literal["told"] = "told"

    @classmethod
    def from_passage(cls, passage: Passage, *, camera_id: str, passage_id: str, view: PlateView | None) -> Self:
        """Encodes two pictures: some ten milliseconds."""
        return cls(
            camera_id=camera_id,
            passage_id=passage_id,
            view=view,
            frame_jpeg=as_jpeg(passage.frame_picture, FRAME_QUALITY),
            plate_png=_encoded(".png", passage.plate_picture, []),
            **{name: getattr(passage, name) for name in _PLAIN},
        )

    def passage(self) -> Passage:
        """Decodes two pictures; raises LinkBroken for what is none."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        return Passage(frame_picture=picture_of(self.frame_jpeg), plate_picture=picture_of(self.plate_png), **plain)


_PLAIN = tuple(one.name for one in fields(Passage) if one.name not in {"frame_picture", "plate_picture"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted(_Reported):
    """What a camera's funnel counted since the last time this was said."""

    camera_id: Id
    hours: Annotated[tuple[FunnelHour, ...], Field(max_length=100), AfterValidator(_sound_hours)]
    number: Count = 0
    kind: Literal["counted"] = "counted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished(_Reported):
    """Everything in view of a camera was told, and nothing is analysed any more."""

    camera_id: Id
    assignment_id: Id
    number: Count = 0
    kind: Literal["finished"] = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown(_Reported):
    """The newest scene of a camera."""

    camera_id: Id
    scene: Annotated[Scene, AfterValidator(_sound_scene)]
    kind: Literal["shown"] = "shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictured(_Reported):
    """The newest picture of a camera."""

    camera_id: Id
    captured_at: AwareDatetime
    jpeg: bytes = field(repr=False)
    kind: Literal["pictured"] = "pictured"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedDown(_Reported):
    """A find that was not read, with its picture."""

    camera_id: Id
    rejected: Annotated[Rejected, AfterValidator(_sound_reject)]
    kind: Literal["turned-down"] = "turned-down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bye(_Reported):
    """The worker stops because it was told to."""

    kind: Literal["bye"] = "bye"


# -- the controller says -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome(_Ordered):
    """The worker is in. `modules` are the country modules that both decide by."""

    version: str
    modules: tuple[CountryModule, ...]
    kind: Literal["welcome"] = "welcome"


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedAway(_Ordered):
    """The worker is not let in; `reason` says why and what to do."""

    reason: str
    kind: Literal["turned-away"] = "turned-away"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment(_Ordered):
    """One camera to watch. Another `assignment_id` is another watch, other settings are the same one changed."""

    camera_id: str
    assignment_id: str
    source: SourceOptions
    settings: WatchSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignments(_Ordered):
    """All cameras of this worker: any other is to be stopped."""

    cameras: tuple[Assignment, ...]
    kind: Literal["assignments"] = "assignments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish(_Ordered):
    """Tell what is in view as it stands and analyse no more."""

    camera_id: str
    assignment_id: str
    kind: Literal["finish"] = "finish"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard(_Ordered):
    """The controller is there, and has dealt with everything up to this number."""

    number: int
    kind: Literal["heard"] = "heard"


Kept = Told | Counted | Finished
"""Numbered, and kept by the worker until they are acknowledged."""
FromWorker = Hello | Beat | Told | Counted | Finished | Shown | Pictured | TurnedDown | Bye
FromController = Welcome | TurnedAway | Assignments | Finish | Heard

_Kind = Field(discriminator="kind")
FROM_WORKER: TypeAdapter[FromWorker] = TypeAdapter(Annotated[FromWorker, _Kind])
FROM_CONTROLLER: TypeAdapter[FromController] = TypeAdapter(Annotated[FromController, _Kind])
# How infinity is written is asked of the outermost type, and a union says nothing about it.
_BY_KIND: dict[Any, TypeAdapter[Any]] = {
    kind: TypeAdapter(kind) for kind in (*get_args(FromWorker), *get_args(FromController))
}


def encode(message: FromWorker | FromController) -> str:
    """One JSON text."""
    return _BY_KIND[type(message)].dump_json(message).decode()


def decode(adapter: TypeAdapter[Any], text: str) -> Any:
    """The message; raises LinkBroken naming what is wrong with it."""
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise LinkBroken(
            f"a message makes no sense ({where}: {first['msg']}); run the same version on both hosts"
        ) from error


def as_jpeg(picture: Picture, quality: int) -> bytes:
    """Some ten milliseconds for a large picture."""
    return _encoded(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])


def picture_of(content: bytes) -> Picture:
    """A picture of shape (height, width, 3); raises LinkBroken for what is none, or claims to be enormous."""
    reason = refusal(content)
    decoded = None if reason else cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise LinkBroken(f"a picture cannot be decoded: {reason or 'it is damaged'}")
    return np.asarray(decoded, dtype=np.uint8)


def _encoded(kind: str, picture: Picture, options: list[int]) -> bytes:
    done, data = cv2.imencode(kind, picture, options)
    if not done:
        raise ValueError(f"a picture of shape {picture.shape} cannot be encoded")
    return data.tobytes()
