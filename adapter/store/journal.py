"""What happened, stored before anybody is told: one transaction per event with all that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, exists, false, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from adapter.store.database import Database
from adapter.store.lists import like_pattern
from adapter.store.tables import alarms, decisions, deliveries, events, outputs
from events.codec import decode, encode
from events.types import AlarmRaised, Event, ListMatched, PlateRecognized
from rules.alarms import AlarmState
from rules.match_lists import normalize
from rules.types import Outcome

NOTHING = Outcome()

# Parameters of one statement are bounded in every database; also keeps a purge from holding the writer for long.
PURGE_BATCH = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What to look for; empty fields do not narrow. `plate` knows `?` and `*`; newest first."""

    plate: str = ""
    list_id: str = ""
    camera_id: str = ""
    kinds: tuple[str, ...] = ("PlateRecognized",)
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100
    before_id: str = ""
    """Continue after the last event of the page before; nothing is found once retention has removed that one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event with what the rules said about it."""

    event: Event
    stored_at: datetime
    refusals: tuple[str, ...] = ()
    """Why did a gate not open?"""


class SqlJournal:
    """Implements `events.ports.Journal`, and the one commit everything begins with."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def commit(self, event: Event, outcome: Outcome = NOTHING, *, now: datetime) -> bool:
        """Store an event, its matches, alarms, relay decisions, and a delivery of each to every enabled output.

        False when the event is stored already: then nothing at all is changed, so a caller may safely ask again.
        """
        return await self._database.transact(lambda connection: _commit(connection, event, outcome, now))

    async def get(self, event_id: str) -> StoredEvent | None:
        async with self._database.read() as connection:
            row = (await connection.execute(select(events).where(events.c.event_id == event_id))).one_or_none()
        return None if row is None else _stored(row)

    async def known(self, event_ids: Sequence[str]) -> set[str]:
        """Which of these are stored."""
        found: set[str] = set()
        async with self._database.read() as connection:
            for start in range(0, len(event_ids), PURGE_BATCH):
                ids = events.c.event_id.in_(event_ids[start : start + PURGE_BATCH])
                found.update(await connection.scalars(select(events.c.event_id).where(ids)))
        return found

    async def since(self, utc_time: datetime, limit: int, after_id: str | None = None) -> Sequence[Event]:
        """Events with `event.utc_time >= utc_time`, in (utc_time, event_id) order, after the given id."""
        condition = events.c.utc_time >= utc_time
        async with self._database.read() as connection:
            if after_id is not None:
                condition &= await _beyond(connection, after_id, utc_time, newer=True)
            query = select(events.c.content).where(condition).order_by(events.c.utc_time, events.c.event_id)
            return [decode(content) for content in await connection.scalars(query.limit(limit))]

    async def until(self, utc_time: datetime, limit: int, before_id: str | None = None) -> Sequence[Event]:
        """Events with `event.utc_time <= utc_time`, newest first, before the given id."""
        condition = events.c.utc_time <= utc_time
        async with self._database.read() as connection:
            if before_id is not None:
                condition &= await _beyond(connection, before_id, utc_time, newer=False)
            query = select(events.c.content).where(condition)
            query = query.order_by(events.c.utc_time.desc(), events.c.event_id.desc())
            return [decode(content) for content in await connection.scalars(query.limit(limit))]

    async def search(self, wanted: Search) -> Sequence[StoredEvent]:
        """Stored events, newest first (M-251)."""
        async with self._database.read() as connection:
            query = select(events).where(*_conditions(wanted))
            if wanted.before_id:
                query = query.where(await _beyond(connection, wanted.before_id, None, newer=False))
            query = query.order_by(events.c.utc_time.desc(), events.c.event_id.desc()).limit(wanted.limit)
            return [_stored(row) for row in await connection.execute(query)]

    async def purge(self, before: datetime) -> Sequence[str]:
        """Forget passages older than `before`; returns the picture files to delete (M-252, M-253).

        What an enabled output is still owed stays, parked deliveries included, until the outbox forgets it.
        """
        pictures: list[str] = []
        while True:
            async with self._database.write() as connection:
                roots = (await connection.scalars(_purgeable(before))).all()
                if not roots:
                    return pictures
                mine = events.c.root_id.in_(roots)
                for content in await connection.scalars(select(events.c.content).where(mine)):
                    pictures.extend(_pictures(decode(content)))
                ids = select(events.c.event_id).where(mine)
                await connection.execute(delete(deliveries).where(deliveries.c.event_id.in_(ids)))
                await connection.execute(delete(decisions).where(decisions.c.event_id.in_(roots)))
                await connection.execute(delete(alarms).where(alarms.c.alarm_id.in_(ids)))
                await connection.execute(delete(events).where(mine))


def _commit(connection: Connection, event: Event, outcome: Outcome, now: datetime) -> bool:
    if connection.scalar(select(events.c.event_id).where(events.c.event_id == event.event_id)) is not None:
        return False
    told: list[Event] = [event, *outcome.matches, *outcome.alarms]
    root_id = _root_of(event)
    rows = [_event_row(one, root_id, now) for one in told]
    rows[0]["refusals"] = list(outcome.refusals)
    connection.execute(insert(events), rows)
    if alarm_rows := [_alarm_row(one, now) for one in told if isinstance(one, AlarmRaised)]:
        connection.execute(insert(alarms), alarm_rows)
    _decide(connection, event, outcome, now)
    _owe(connection, told, now)
    return True


def _root_of(event: Event) -> str:
    """The passage an event belongs to; events that follow from a decision stay with the event that decided."""
    if isinstance(event, ListMatched):
        return event.recognized_id
    return event.event_id


def _event_row(event: Event, root_id: str, now: datetime) -> dict[str, Any]:
    plate = event.plate.plate_number if isinstance(event, PlateRecognized | ListMatched) else None
    if isinstance(event, AlarmRaised):
        plate = event.object
    return {
        "event_id": event.event_id,
        "kind": event.kind,
        "utc_time": event.utc_time,
        "stored_at": now,
        "root_id": root_id,
        "camera_id": event.camera_id,
        "plate": None if plate is None else normalize(plate)[:64],
        "list_id": event.list_id if isinstance(event, ListMatched) else None,
        "refusals": [],
        "content": encode(event),
    }


def _alarm_row(alarm: AlarmRaised, now: datetime) -> dict[str, Any]:
    return {
        "alarm_id": alarm.event_id,
        "utc_time": alarm.utc_time,
        "state": AlarmState.NEW.value,
        "priority": alarm.priority,
        "changed_at": now,
        "changed_by": "",
        "note": "",
    }


def _decide(connection: Connection, event: Event, outcome: Outcome, now: datetime) -> None:
    rows = [
        {
            "decision_id": decision.decision_id,
            "event_id": event.event_id,
            "action_id": decision.action_id,
            "camera_id": decision.camera_id,
            "relay_token": decision.relay_token,
            "pulse_ms": round(decision.pulse.total_seconds() * 1000),
            "decided_at": now,
            "expires_at": decision.expires_at,
            "because": decision.because,
            "state": "pending",
            "detail": "",
        }
        for decision in outcome.relays
    ]
    if rows:
        connection.execute(insert(decisions), rows)


def _owe(connection: Connection, told: Sequence[Event], now: datetime) -> None:
    """Outputs are read inside the transaction: one that is deleted meanwhile cannot make the commit fail."""
    wanting = connection.execute(select(outputs.c.output_id, outputs.c.event_kinds).where(outputs.c.enabled))
    rows = [
        {
            "output_id": output_id,
            "event_id": event.event_id,
            "state": "pending",
            "attempts": 0,
            "next_attempt_at": now,
            "error": "",
        }
        for output_id, kinds in wanting
        for event in told
        if not kinds or event.kind in kinds
    ]
    if rows:
        connection.execute(insert(deliveries), rows)


async def _beyond(
    connection: AsyncConnection, event_id: str, otherwise: datetime | None, *, newer: bool
) -> ColumnElement[bool]:
    """Strictly after (or before) an event in (utc_time, event_id) order.

    `otherwise` is the time to assume for an event that retention has removed meanwhile. Without one nothing lies
    beyond it: what is older went with it.
    """
    at = await connection.scalar(select(events.c.utc_time).where(events.c.event_id == event_id)) or otherwise
    if at is None:
        return false()
    if newer:
        return or_(events.c.utc_time > at, and_(events.c.utc_time == at, events.c.event_id > event_id))
    return or_(events.c.utc_time < at, and_(events.c.utc_time == at, events.c.event_id < event_id))


def _conditions(wanted: Search) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.kinds:
        conditions.append(events.c.kind.in_(wanted.kinds))
    if wanted.plate:
        conditions.append(events.c.plate.like(like_pattern(wanted.plate), escape="\\"))
    if wanted.camera_id:
        conditions.append(events.c.camera_id == wanted.camera_id)
    if wanted.since:
        conditions.append(events.c.utc_time >= wanted.since)
    if wanted.until:
        conditions.append(events.c.utc_time <= wanted.until)
    if wanted.list_id:
        match = events.alias()
        conditions.append(exists().where(match.c.root_id == events.c.root_id, match.c.list_id == wanted.list_id))
    return conditions


def _purgeable(before: datetime) -> Select[tuple[str]]:
    kin = events.alias()
    owed = exists().where(
        kin.c.root_id == events.c.root_id,
        deliveries.c.event_id == kin.c.event_id,
        deliveries.c.state != "delivered",
        outputs.c.output_id == deliveries.c.output_id,
        outputs.c.enabled,
    )
    return (
        select(events.c.root_id)
        .where(events.c.event_id == events.c.root_id, events.c.utc_time < before, ~owed)
        .limit(PURGE_BATCH)
    )


def _pictures(event: Event) -> list[str]:
    if not isinstance(event, PlateRecognized):
        return []  # alarms show the pictures of the passage they belong to
    return [name for name in (event.frame_picture, event.plate_picture) if name]


def _stored(row: Any) -> StoredEvent:
    return StoredEvent(event=decode(row.content), stored_at=row.stored_at, refusals=tuple(row.refusals))
