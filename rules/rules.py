"""What follows from one recognised plate: matches, alarms, and whether a relay is pulsed. Pure: event in, Outcome out.

Opening a gate is the one thing that cannot be taken back, so a relay has to pass every check of its policy, and each
decision carries the sentence that answers "why did it open?", each refusal the one for "why not?".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from events.types import (
    ActionFailed,
    AlarmRaised,
    ListKind,
    ListMatched,
    PlateRecognized,
    ServerLost,
    ServerRestored,
    SystemEvent,
)
from inference.types import PassageState
from rules.match_lists import ListHit, MatchIndex
from rules.types import AlarmDefinition, Outcome, RelayAction, RelayDecision

LIST_MATCH = "List match"  # the Type column of M-306

# The words of M-298 to M-301 for the Type column of system alarms.
SYSTEM_EVENT_NAMES: Mapping[str, str] = {
    "CameraLost": "LPR camera connection lost",
    "CameraRestored": "LPR camera running",
    "ServerLost": "LPR server not responding",
    "ServerRestored": "LPR server responding",
    "ActionFailed": "Action failed",
}

RelayKey = tuple[str, str]
"""(camera_id, relay_token): one physical relay."""

# Decision ids follow from event and action: a passage asked twice yields the same decision, not a second pulse.
_DECISIONS = UUID("6a1c2f0e-51d5-4d0c-9b39-6a0a7cf0a7f1")


def evaluate(
    event: PlateRecognized,
    *,
    index: MatchIndex,
    alarm_definitions: Iterable[AlarmDefinition],
    relay_actions: Iterable[RelayAction],
    last_pulses: Mapping[RelayKey, datetime],
    now: datetime,
    new_id: Callable[[], str],
) -> Outcome:
    """Ask lists, alarm definitions and relay actions about one plate.

    A preview may open a gate early but raises nothing; a lost passage raises but never opens: the vehicle is gone.
    `last_pulses` says when each physical relay was last pulsed or promised to be.
    """
    hits = index.match(event.plate.plate_number, camera_id=event.camera_id, at=event.utc_time)
    relays, refusals = _decide_relays(event, hits, relay_actions, last_pulses, now)
    if event.state is PassageState.PREVIEW:
        return Outcome(relays=relays, refusals=refusals)
    matches = tuple(_matched(event, hit, new_id()) for hit in hits)
    return Outcome(
        matches=matches,
        alarms=_raise_alarms(event, matches, alarm_definitions, new_id),
        relays=relays,
        refusals=refusals,
    )


def evaluate_system(
    event: SystemEvent,
    *,
    alarm_definitions: Iterable[AlarmDefinition],
    new_id: Callable[[], str],
) -> Outcome:
    """The alarms of a system event (M-297 to M-301); the alarm's object is the camera or the server, its type the
    event's name.
    """
    about, camera_name = _about(event)
    return Outcome(
        alarms=tuple(
            AlarmRaised(
                event_id=new_id(),
                utc_time=event.utc_time,
                name=definition.name,
                priority=definition.priority,
                object=about,
                tag="",
                type=SYSTEM_EVENT_NAMES[event.kind],
                camera_id=event.camera_id,
                camera_name=camera_name,
                source_id=event.event_id,
            )
            for definition in alarm_definitions
            if definition.enabled and definition.event_kind == event.kind
        )
    )


def _about(event: SystemEvent) -> tuple[str, str]:
    """What a system event is about, and the name of its camera where there is one."""
    if isinstance(event, ServerLost | ServerRestored):
        return event.server, ""
    name = event.camera_id if isinstance(event, ActionFailed) else event.camera_name
    return name, name


def with_list_kinds(event: PlateRecognized, outcome: Outcome) -> PlateRecognized:
    """The event that is stored and told: it says what kinds of lists the plate is on."""
    kinds = {match.list_kind for match in outcome.matches if match.pattern}
    return replace(event, list_kinds=tuple(kind for kind in ListKind if kind in kinds))


def _matched(event: PlateRecognized, hit: ListHit, event_id: str) -> ListMatched:
    return ListMatched(
        event_id=event_id,
        utc_time=event.utc_time,
        recognized_id=event.event_id,
        camera_id=event.camera_id,
        camera_name=event.camera_name,
        plate=event.plate,
        likelihood=event.likelihood,
        list_id=hit.match_list.list_id,
        list_name=hit.match_list.name,
        list_kind=hit.match_list.kind,
        pattern=hit.pattern,
    )


def _raise_alarms(
    event: PlateRecognized,
    matches: Sequence[ListMatched],
    definitions: Iterable[AlarmDefinition],
    new_id: Callable[[], str],
) -> tuple[AlarmRaised, ...]:
    by_list = {match.list_id: match for match in matches}
    return tuple(
        AlarmRaised(
            event_id=new_id(),
            utc_time=event.utc_time,
            name=definition.name,
            priority=definition.priority,
            object=event.plate.plate_number,
            tag=event.module_code or "",
            type=LIST_MATCH,
            camera_id=event.camera_id,
            camera_name=event.camera_name,
            source_id=match.event_id,
            list_name=match.list_name,
            likelihood=event.likelihood,
            frame_picture=event.frame_picture,
            plate_picture=event.plate_picture,
        )
        for definition in definitions
        if definition.enabled and not definition.event_kind and (match := by_list.get(definition.list_id))
    )


def _decide_relays(
    event: PlateRecognized,
    hits: Sequence[ListHit],
    actions: Iterable[RelayAction],
    last_pulses: Mapping[RelayKey, datetime],
    now: datetime,
) -> tuple[tuple[RelayDecision, ...], tuple[str, ...]]:
    by_list = {hit.match_list.list_id: hit for hit in hits}
    denied = next((hit for hit in hits if hit.match_list.kind is ListKind.DENY), None)
    decisions: list[RelayDecision] = []
    refusals: list[str] = []
    promised: set[RelayKey] = set()
    for action in actions:
        hit = by_list.get(action.list_id)
        if hit is None or not action.enabled:
            continue
        relay = (action.camera_id or event.camera_id, action.relay_token)
        if relay in promised:
            continue  # the same vehicle already opens it
        reason = (
            _reason_against_vehicle(hit, denied)
            or _reason_against_reading(event, action)
            or _reason_against_moment(event, action, last_pulses.get(relay), now)
        )
        if reason:
            refusals.append(f"{_subject(event, action)} was not pulsed: {reason}")
        else:
            promised.add(relay)
            decisions.append(_decision(event, hit, action, relay, now))
    return tuple(decisions), tuple(refusals)


def _reason_against_vehicle(hit: ListHit, denied: ListHit | None) -> str | None:
    """Why this vehicle may not pass whatever the reading, as half a sentence; None when it may."""
    if denied is not None and hit.match_list.kind is not ListKind.DENY:
        return f"the plate is also on the deny list {denied.match_list.name!r}, and deny beats everything."
    return None


def _reason_against_reading(event: PlateRecognized, action: RelayAction) -> str | None:
    """Why this reading is not good enough for a gate, as half a sentence; None when it is."""
    if event.state is PassageState.LOST:
        return "the picture was lost before the passage was finished."
    if event.likelihood < action.likelihood_floor:
        return f"the likelihood {event.likelihood:.2f} is below the floor of {action.likelihood_floor:.2f}."
    if event.agreeing_reads < action.agreeing_reads:
        return f"only {event.agreeing_reads} of the {action.agreeing_reads} required reads agreed."
    return None


def _reason_against_moment(
    event: PlateRecognized, action: RelayAction, last_pulse: datetime | None, now: datetime
) -> str | None:
    """Why it is too late or too soon, as half a sentence; None when it is neither."""
    if _expires_at(event, action, now) <= now:
        age_s = (now - event.utc_time).total_seconds()
        return f"the reading is {age_s:.1f} s old, later than the deadline of {_seconds(action.deadline)}."
    # A pulse that lies ahead was noted before the clock was set back: nobody knows how long ago it was.
    if last_pulse is not None and timedelta(0) <= now - last_pulse < action.minimum_interval:
        ago = (now - last_pulse).total_seconds()
        return f"it was pulsed {ago:.1f} s ago, and the minimum interval is {_seconds(action.minimum_interval)}."
    return None


def _decision(
    event: PlateRecognized, hit: ListHit, action: RelayAction, relay: RelayKey, now: datetime
) -> RelayDecision:
    entry = f" by the entry {hit.pattern!r}" if hit.pattern else ""
    return RelayDecision(
        decision_id=uuid5(_DECISIONS, f"{event.event_id}/{action.action_id}").hex,
        action_id=action.action_id,
        camera_id=relay[0],
        relay_token=relay[1],
        pulse=action.pulse,
        expires_at=_expires_at(event, action, now),
        because=(
            f"{_subject(event, action)} was pulsed: the plate is on the {hit.match_list.kind} list "
            f"{hit.match_list.name!r}{entry}; likelihood {event.likelihood:.2f} (floor {action.likelihood_floor:.2f}), "
            f"{event.agreeing_reads} reads agreed ({action.agreeing_reads} required)."
        ),
    )


def _expires_at(event: PlateRecognized, action: RelayAction, now: datetime) -> datetime:
    """The deadline counts from the frame; a camera clock that runs ahead must not lengthen it."""
    return min(event.utc_time, now) + action.deadline


def _subject(event: PlateRecognized, action: RelayAction) -> str:
    return f"Relay {action.relay_token!r} for {event.plate.plate_number} at {event.camera_name!r}"


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.1f} s"
