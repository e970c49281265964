"""The nouns of rules: lists, alarm definitions, actions, and the outcome of asking them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from events.types import AlarmRaised, ListKind, ListMatched

UNLISTED_LIST_ID = "unlisted"
UNLISTED_LIST_NAME = "Unlisted license plates"  # M-258: built in, undeletable, without entries


class MatchPolicy(StrEnum):
    """How exactly a plate must agree with an entry."""

    STRICT = "strict"
    LOOK_ALIKE = "look_alike"
    """O and 0, I and 1, B and 8 count as the same. Never for allow lists: a gate must not guess."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEntry:
    """One line of a match list: a plate, or a pattern with `?` (exactly one) and `*` (any number)."""

    entry_id: str
    pattern: str
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchList:
    """Plates to allow, deny or watch for. `camera_ids` empty means all cameras, present and future (M-216)."""

    list_id: str
    name: str
    kind: ListKind
    camera_ids: frozenset[str] = frozenset()
    policy: MatchPolicy = MatchPolicy.STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmDefinition:
    """Raise an alarm when a list matches (M-296) or, with `event_kind`, on a system event (M-297).

    `list_id` may be the Unlisted list's; it is empty when `event_kind` names an event such as `CameraLost`.
    """

    definition_id: str
    name: str
    list_id: str
    priority: int = 2
    enabled: bool = True
    event_kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayAction:
    """Pulse a relay when a list matches (M-007), under a gate-grade policy.

    The relay fires only when the reading's likelihood is at least `likelihood_floor`, at least `agreeing_reads`
    frames agreed, and `minimum_interval` has passed since its last pulse; all within `deadline` of the frame.
    """

    action_id: str
    list_id: str
    camera_id: str
    """The camera whose relay is pulsed; the empty string means the camera that read the plate."""
    relay_token: str
    pulse: timedelta = timedelta(seconds=2)
    likelihood_floor: float = 0.7
    agreeing_reads: int = 2
    minimum_interval: timedelta = timedelta(seconds=5)
    deadline: timedelta = timedelta(seconds=5)
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayDecision:
    """The rules' word that a relay shall be pulsed, once, before `expires_at`."""

    decision_id: str
    action_id: str
    camera_id: str
    relay_token: str
    pulse: timedelta
    expires_at: datetime
    because: str
    """A sentence that answers: why did it open?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What follows from one recognised plate. Stored with the event in one transaction."""

    matches: tuple[ListMatched, ...] = ()
    alarms: tuple[AlarmRaised, ...] = ()
    relays: tuple[RelayDecision, ...] = ()
    refusals: tuple[str, ...] = ()
    """Sentences that answer: why did it not open?"""
