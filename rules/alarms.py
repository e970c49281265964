"""The life of an alarm: new, acknowledged, in progress, on hold, closed (M-302). Pure transitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from events.types import AlarmRaised


class AlarmState(StrEnum):
    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    IN_PROGRESS = "in progress"
    ON_HOLD = "on hold"
    CLOSED = "closed"


# Closed is the end: a vehicle that comes back raises a new alarm, so reports count it.
TRANSITIONS: Mapping[AlarmState, frozenset[AlarmState]] = {
    AlarmState.NEW: frozenset({AlarmState.ACKNOWLEDGED, AlarmState.IN_PROGRESS, AlarmState.ON_HOLD, AlarmState.CLOSED}),
    AlarmState.ACKNOWLEDGED: frozenset({AlarmState.IN_PROGRESS, AlarmState.ON_HOLD, AlarmState.CLOSED}),
    AlarmState.IN_PROGRESS: frozenset({AlarmState.ACKNOWLEDGED, AlarmState.ON_HOLD, AlarmState.CLOSED}),
    AlarmState.ON_HOLD: frozenset({AlarmState.IN_PROGRESS, AlarmState.CLOSED}),
    AlarmState.CLOSED: frozenset(),
}


class TransitionRefused(ValueError):
    """The alarm cannot go from its state to the one asked for; the message names the ways that are open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One raised alarm and how far its handling has come. `alarm_id` is the event id of the AlarmRaised."""

    raised: AlarmRaised
    state: AlarmState = AlarmState.NEW
    changed_at: datetime
    changed_by: str = ""
    note: str = ""

    @property
    def alarm_id(self) -> str:
        return self.raised.event_id


def change(alarm: Alarm, state: AlarmState, *, at: datetime, by: str, note: str = "") -> Alarm:
    """The alarm in its new state. Asking for the state it is in changes nothing, so a repeated click is harmless."""
    if state is alarm.state and not note:
        return alarm
    if state is not alarm.state and state not in TRANSITIONS[alarm.state]:
        ways = ", ".join(sorted(TRANSITIONS[alarm.state])) or "none: a closed alarm stays closed"
        raise TransitionRefused(f"An alarm that is {alarm.state} cannot become {state}. Possible: {ways}.")
    return replace(alarm, state=state, changed_at=at, changed_by=by, note=note or alarm.note)
