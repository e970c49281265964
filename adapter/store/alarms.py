"""Raised alarms and how far their handling has come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, update

from adapter.store.database import Database
from adapter.store.errors import NotFound
from adapter.store.tables import alarms, events
from events.codec import decode
from events.types import AlarmRaised
from rules.alarms import Alarm, AlarmState, change


class Alarms:
    """Alarms are raised by the journal's commit; here they are looked at and handled."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def all(self, *, states: Sequence[AlarmState] = (), limit: int = 100, before_id: str = "") -> Sequence[Alarm]:
        """Newest first; `before_id` continues after the last alarm of the page before."""
        query = _QUERY.order_by(alarms.c.utc_time.desc(), alarms.c.alarm_id.desc()).limit(limit)
        if states:
            query = query.where(alarms.c.state.in_([state.value for state in states]))
        async with self._database.read() as connection:
            if before_id:
                at = await connection.scalar(select(alarms.c.utc_time).where(alarms.c.alarm_id == before_id))
                if at is None:
                    return []  # retention removed it, and with it what is older
                same = and_(alarms.c.utc_time == at, alarms.c.alarm_id < before_id)
                query = query.where(or_(alarms.c.utc_time < at, same))
            return [_alarm(row) for row in await connection.execute(query)]

    async def get(self, alarm_id: str) -> Alarm:
        """One alarm; NotFound when there is none."""
        async with self._database.read() as connection:
            row = (await connection.execute(_QUERY.where(alarms.c.alarm_id == alarm_id))).one_or_none()
        if row is None:
            raise NotFound(f"There is no alarm {alarm_id!r}.")
        return _alarm(row)

    async def change(self, alarm_id: str, state: AlarmState, *, by: str, now: datetime, note: str = "") -> Alarm:
        """Take an alarm one step on. NotFound, or TransitionRefused from the rules."""
        async with self._database.write() as connection:
            row = (await connection.execute(_QUERY.where(alarms.c.alarm_id == alarm_id))).one_or_none()
            if row is None:
                raise NotFound(f"There is no alarm {alarm_id!r}.")
            changed = change(_alarm(row), state, at=now, by=by, note=note)
            await connection.execute(
                update(alarms)
                .where(alarms.c.alarm_id == alarm_id)
                .values(
                    state=changed.state.value,
                    changed_at=changed.changed_at,
                    changed_by=changed.changed_by,
                    note=changed.note,
                )
            )
        return changed

    async def counts(self) -> dict[AlarmState, int]:
        """How many alarms are in each state."""
        query = select(alarms.c.state, func.count()).group_by(alarms.c.state)
        async with self._database.read() as connection:
            found = {AlarmState(state): count for state, count in await connection.execute(query)}
        return {state: found.get(state, 0) for state in AlarmState}


_QUERY = select(alarms, events.c.content).join(events, events.c.event_id == alarms.c.alarm_id)


def _alarm(row: Any) -> Alarm:
    raised = decode(row.content)
    assert isinstance(raised, AlarmRaised)
    return Alarm(
        raised=raised,
        state=AlarmState(row.state),
        changed_at=row.changed_at,
        changed_by=row.changed_by,
        note=row.note,
    )
