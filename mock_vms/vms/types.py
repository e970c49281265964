"""The nouns of the judge. They are its own on purpose: it knows events only as they look on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

# A field longer than this is not a plate, a name or a tag; it is cut so that no sender can fill the page or the disk.
MAX_TEXT = 256


class Channel(StrEnum):
    """How something reached us."""

    PULL_POINT = "pull_point"
    WEBHOOK = "webhook"


class AlarmState(StrEnum):
    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class PictureKind(StrEnum):
    """`IMAGE` is what ONVIF calls ImageURI: it does not say whether it shows the plate or the whole scene."""

    PLATE = "plate"
    IMAGE = "image"
    FRAME = "frame"


class DeviceStatus(StrEnum):
    """`REFUSED` is apart from `AWAY` because it waits much longer before it tries again."""

    CONNECTING = "connecting"
    ONLINE = "online"
    AWAY = "away"
    REFUSED = "refused"
    REMOVED = "removed"


class ChangeKind(StrEnum):
    """What storing one received event changed."""

    ALARM = "alarm"
    EVENT = "event"
    UPDATED = "updated"
    WITHDRAWN = "withdrawn"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One event as a channel delivered it, reduced to what a VMS shows."""

    event_id: str
    type: str
    """PlateRecognized, ListMatched, AlarmRaised, or whatever the sender calls it."""
    utc_time: datetime
    object: str = ""
    """The plate number, or the name of what a system alarm is about."""
    tag: str = ""
    alarm_type: str = ""
    name: str = ""
    list_name: str = ""
    camera_name: str = ""
    video_source: str = ""
    priority: int | None = None
    likelihood: float | None = None
    source_id: str = ""
    """The event this one follows from."""
    picture_urls: Mapping[PictureKind, str] = field(default_factory=dict)
    pictures: Mapping[PictureKind, bytes] = field(default_factory=dict)
    """Pictures that came inside the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayReport:
    """A device says that one of its relays is in a state (property event tns1:Device/Trigger/Relay)."""

    relay_token: str
    active: bool
    utc_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one received event."""

    kind: ChangeKind
    event_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAccount:
    """An ONVIF device as it was added. The password stays in the data directory, which only its owner can read."""

    device_id: str
    address: str
    user: str
    password: str = field(repr=False)
    added_at: datetime
    seen_until: datetime | None = None
    """The newest UtcTime stored from this device: where Seek starts after a gap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport:
    """How one device is doing, for the page and for `GET /api/devices`."""

    device_id: str
    address: str
    status: DeviceStatus
    detail: str = ""
    model: str = ""
    connected_at: datetime | None = None
    retry_at: datetime | None = None
    subscriptions: int = 0
    """Pull points created since this process started."""
    seeks: int = 0
    pulls: int = 0
    messages: int = 0
    ignored: int = 0
    """Messages on topics this VMS has no use for."""


def clip(text: object) -> str:
    """Any value as one short line without control characters."""
    line = "" if text is None else str(text)
    return "".join(c for c in line[: 4 * MAX_TEXT] if c.isprintable())[:MAX_TEXT].strip()


def to_text(moment: datetime) -> str:
    """A time as stored and sent: UTC, fixed width, so that text order is time order."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def from_text(text: str) -> datetime:
    """The inverse of `to_text`, lenient about what other programs write; ValueError when it is no time."""
    moment = datetime.fromisoformat(text.strip())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
