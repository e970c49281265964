"""The nouns of recognition, shared downwards by `events`, `rules` and `adapter`.

NumPy and the standard library only: importing this module never loads a model, a decoder or a database.
Coordinates are pixels of the decoded frame, origin top left, y down. Times are aware UTC.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""A BGR picture, shape (height, width, 3)."""

Grey = NDArray[np.uint8]
"""The brightness of a picture, 0 to 255, shape (height, width)."""

# Plates in Cyrillic or Greek use only the letters that look like Latin ones, and people type them on either keyboard.
_LATIN_LOOK = str.maketrans("АВЕІКМНОРСТУХΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEIKMHOPCTYXABEZHIKMNOPTYX")


def as_read(text: str) -> str:
    """A plate that a person typed in the characters of readings: Latin capitals without dots and accents.

    What no reading has, such as separators and letters of other scripts, stays: the caller drops or refuses it.
    """
    parts = unicodedata.normalize("NFKD", text)
    plain = "".join(part for part in parts if unicodedata.category(part) != "Mn")
    return plain.upper().translate(_LATIN_LOOK)


class ObjectType(StrEnum):
    """ONVIF tt:ObjectType, the values we use."""

    LICENSE_PLATE = "LicensePlate"
    VEHICLE = "Vehicle"


class PlateType(StrEnum):
    """ONVIF PlateType of tt:LicensePlateInfo (metadatastream.xsd)."""

    NORMAL = "Normal"
    POLICE = "Police"
    DIPLOMAT = "Diplomat"
    TEMPORARY = "Temporary"


class Direction(StrEnum):
    """ONVIF tt:Direction, the values a single camera can measure."""

    LEFT = "Left"
    RIGHT = "Right"
    APPROACHING = "Approaching"
    DEPARTING = "Departing"
    ANY = "Any"


class PassageState(StrEnum):
    """How far a passage has come; the event id stays the same through all of them."""

    PREVIEW = "preview"
    FINAL = "final"
    LOST = "lost"


class RejectionReason(StrEnum):
    """Why a plate that was found did not become an accepted reading."""

    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    TOO_DARK = "too_dark"
    BLURRED = "blurred"
    CUT = "cut"
    LOW_CONTRAST = "low_contrast"
    BELOW_THRESHOLD = "below_threshold"
    NO_SYNTAX = "no_syntax"
    STATIC_TEXT = "static_text"
    OUT_OF_TIME = "out_of_time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """An upright rectangle in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def center(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def area(self) -> float:
        return self.width * self.height

    def overlap(self, other: Box) -> float:
        """The shared area in square pixels, 0 when apart."""
        width = min(self.right, other.right) - max(self.x, other.x)
        height = min(self.bottom, other.bottom) - max(self.y, other.y)
        return width * height if width > 0 and height > 0 else 0.0

    def within(self, other: Box) -> Box:
        """The part that lies in another box; without width or height when they are apart."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        width, height = min(self.right, other.right) - x, min(self.bottom, other.bottom) - y
        return Box(x=x, y=y, width=max(0.0, width), height=max(0.0, height))

    def iou(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        shared = self.overlap(other)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0


class Image(Protocol):
    """A picture as its decoder holds it: its colours are worked out when first asked for, and once. Thread-safe."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""

    def in_colour(self) -> Picture:
        """The whole picture."""

    def in_grey(self, width: int, height: int) -> Grey:
        """Its brightness alone, scaled to this size; cheap, since no colours are worked out for it."""


class Frame:
    """One decoded picture. Most frames show nothing new, so that nobody asks for more than their brightness."""

    __slots__ = ("captured_at", "image", "monotonic_s", "sequence")

    def __init__(self, *, picture: Picture | Image, captured_at: datetime, monotonic_s: float, sequence: int) -> None:
        self.image = picture
        self.captured_at = captured_at
        self.monotonic_s = monotonic_s
        self.sequence = sequence

    @property
    def picture(self) -> Picture:
        return self.image if isinstance(self.image, np.ndarray) else self.image.in_colour()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        if isinstance(self.image, np.ndarray):
            return self.image.shape[1], self.image.shape[0]
        return self.image.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """One box in one frame. `corners` run clockwise from top left when the detector knows them."""

    box: Box
    object_type: ObjectType
    likelihood: float
    corners: tuple[tuple[float, float], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CharacterLikelihood:
    """One position of a reading: the character chosen, and its rivals, best first."""

    character: str
    likelihood: float
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LicensePlate:
    """ONVIF tt:LicensePlateInfo. `country_code` is ISO 3166-1 alpha-2 or None when unknown."""

    plate_number: str
    country_code: str | None = None
    issuing_entity: str | None = None
    plate_type: PlateType | None = None


class Shown(Protocol):
    """What one picture showed of a plate, so that several of one plate can be read together.

    Only who read it can use it.
    """

    def kept(self, picture: Picture) -> Shown:
        """With what is needed of the picture, which can then be let go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The characters read from one plate crop.

    `raw_text` is what the model said; `plate.plate_number` what the country syntax made of it (A-Z, 0-9).
    `spelling` has a space between printed groups. `module_code` names the country module that decided, None when no
    module matched.
    """

    plate: LicensePlate
    raw_text: str
    likelihood: float
    characters: tuple[CharacterLikelihood, ...]
    box: Box
    country_likelihood: float = 0.0
    module_code: str | None = None
    spelling: str = ""
    sharpness: float = 0.0
    contrast: float = 0.0
    cut: bool = False
    """The plate touches the border of the picture or of the recognition area, so a part of it may be outside."""
    seen: Shown | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A plate that was found and not read, with the reason a person can act on."""

    reason: RejectionReason
    box: Box
    text: str = ""
    likelihood: float = 0.0
    seen: Shown | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimes:
    """Milliseconds spent per stage for one frame."""

    detect_ms: float = 0.0
    read_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneObject:
    """One object as the metadata stream shows it."""

    object_id: int
    object_type: ObjectType
    likelihood: float
    box: Box
    parent_object_id: int | None = None
    plate: LicensePlate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The objects in one frame: what the metadata stream carries."""

    captured_at: datetime
    width_px: int
    height_px: int
    objects: tuple[SceneObject, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A finished (or previewed) track: the voted plate and the best picture of it."""

    object_id: int
    state: PassageState
    plate: LicensePlate
    likelihood: float
    country_likelihood: float
    characters: tuple[CharacterLikelihood, ...]
    module_code: str | None
    direction: Direction
    started_at: datetime
    ended_at: datetime
    read_at: datetime
    """Capture time of the frame whose picture is kept: the frame the final text is best seen in."""
    read_count: int
    """Readings of the vehicle, whatever each of them said."""
    agreeing_reads: int
    """Those of them that said exactly this text; of a text that no reading said as a whole, those behind its weakest
    character."""
    box: Box
    frame_picture: Picture = field(repr=False)
    plate_picture: Picture = field(repr=False)
    stages: StageTimes = field(default_factory=StageTimes)
