"""What can happen: the events that the journal keeps and the outputs tell.

Every event has an `event_id` that is the same on every channel, so a receiver can drop what it has already seen.
Pictures travel as file names inside the data directory, never as bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, get_args

from inference.types import Box, CharacterLikelihood, Direction, LicensePlate, PassageState


class ListKind(StrEnum):
    """What a match list means: let in, keep out, or tell somebody."""

    ALLOW = "allow"
    DENY = "deny"
    WATCH = "watch"
    NEUTRAL = "neutral"


class RelayState(StrEnum):
    """ONVIF tt:RelayLogicalState."""

    ACTIVE = "active"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateRecognized:
    """A plate was read: ONVIF topic tns1:RuleEngine/Recognition/LicensePlate."""

    event_id: str
    utc_time: datetime
    """Capture time of the frame the reading is best seen in."""
    state: PassageState
    camera_id: str
    camera_name: str
    plate: LicensePlate
    likelihood: float
    country_likelihood: float
    characters: tuple[CharacterLikelihood, ...]
    module_code: str | None
    direction: Direction
    box: Box
    frame_width_px: int
    frame_height_px: int
    first_seen_at: datetime
    read_at: datetime
    """When the vote was closed (wall clock), for the latency of each hop."""
    read_count: int
    """Readings of the vehicle, whatever each of them said."""
    agreeing_reads: int = 0
    """Those of them that said exactly this text; 0 in events from before it was counted."""
    list_kinds: tuple[ListKind, ...] = ()
    plate_picture: str | None = None
    frame_picture: str | None = None
    kind: Literal["PlateRecognized"] = "PlateRecognized"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMatched:
    """A recognised plate is on a match list (or on none: the Unlisted list). M-016, M-250."""

    event_id: str
    utc_time: datetime
    recognized_id: str
    """`event_id` of the PlateRecognized this follows from."""
    camera_id: str
    camera_name: str
    plate: LicensePlate
    likelihood: float
    list_id: str
    list_name: str
    list_kind: ListKind
    pattern: str
    """The list entry that matched, as written; empty for the Unlisted list."""
    kind: Literal["ListMatched"] = "ListMatched"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised:
    """An alarm definition fired. Object, tag and type are the columns of M-303 to M-306."""

    event_id: str
    utc_time: datetime
    name: str
    priority: int
    """1 is the most urgent."""
    object: str
    """The plate number (M-304), or the camera's name for a system alarm."""
    tag: str
    """The country module code (M-305), empty when unknown."""
    type: str
    """The kind of event that led here (M-306), for example `List match`."""
    camera_id: str
    camera_name: str
    source_id: str
    """`event_id` of the event that led here."""
    list_name: str = ""
    likelihood: float = 0.0
    frame_picture: str | None = None
    plate_picture: str | None = None
    kind: Literal["AlarmRaised"] = "AlarmRaised"


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraLost:
    """`LPR camera connection lost` (M-298)."""

    event_id: str
    utc_time: datetime
    camera_id: str
    camera_name: str
    detail: str
    kind: Literal["CameraLost"] = "CameraLost"


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraRestored:
    """`LPR camera running` (M-299)."""

    event_id: str
    utc_time: datetime
    camera_id: str
    camera_name: str
    kind: Literal["CameraRestored"] = "CameraRestored"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayChanged:
    """A relay output changed: ONVIF property event tns1:Device/Trigger/Relay."""

    event_id: str
    utc_time: datetime
    camera_id: str
    relay_token: str
    state: RelayState
    decision_id: str
    """`event_id` of the event whose action drove the relay."""
    kind: Literal["RelayChanged"] = "RelayChanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFailed:
    """A physical action was not carried out inside its deadline, or not ended; it will not be tried again."""

    event_id: str
    utc_time: datetime
    camera_id: str
    action: str
    decision_id: str
    detail: str
    kind: Literal["ActionFailed"] = "ActionFailed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLost:
    """`LPR server not responding` (M-300): a worker on another host is away."""

    event_id: str
    utc_time: datetime
    server: str
    detail: str
    camera_id: str = ""
    """It is about no camera."""
    kind: Literal["ServerLost"] = "ServerLost"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRestored:
    """`LPR server responding` (M-301)."""

    event_id: str
    utc_time: datetime
    server: str
    camera_id: str = ""
    kind: Literal["ServerRestored"] = "ServerRestored"


Event = (
    PlateRecognized
    | ListMatched
    | AlarmRaised
    | CameraLost
    | CameraRestored
    | ServerLost
    | ServerRestored
    | RelayChanged
    | ActionFailed
)
EVENT_KINDS: tuple[str, ...] = tuple(one.__dataclass_fields__["kind"].default for one in get_args(Event))
"""What outputs may be limited to."""
SystemEvent = CameraLost | CameraRestored | ServerLost | ServerRestored | ActionFailed
"""About the service itself: alarms may be raised on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event's journey to one durable output."""

    delivery_id: int
    output_id: str
    event: Event
    attempts: int
    next_attempt_at: datetime
