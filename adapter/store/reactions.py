"""What shall follow from a match: alarm definitions and relay actions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from adapter.store.database import Database
from adapter.store.errors import NotFound
from adapter.store.tables import alarm_definitions, relay_actions
from rules.types import AlarmDefinition, RelayAction


class AlarmDefinitions:
    """Alarm definitions by list (M-296) or by system event (M-297)."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[AlarmDefinition]:
        async with self._database.read() as connection:
            rows = await connection.execute(select(alarm_definitions).order_by(alarm_definitions.c.name))
            return [_definition(row) for row in rows]

    async def save(self, definition: AlarmDefinition) -> None:
        """Add it, or replace the one with its id. NotFound when the list is none."""
        values = {
            "definition_id": definition.definition_id,
            "name": definition.name,
            "list_id": definition.list_id or None,
            "event_kind": definition.event_kind,
            "priority": definition.priority,
            "enabled": definition.enabled,
        }
        same = alarm_definitions.c.definition_id == definition.definition_id
        await _upsert(self._database, alarm_definitions, same, values)

    async def remove(self, definition_id: str) -> None:
        """NotFound when there is none."""
        await _remove(self._database, alarm_definitions, alarm_definitions.c.definition_id == definition_id)


class RelayActions:
    """Which relay is pulsed on which list, and under what policy."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[RelayAction]:
        async with self._database.read() as connection:
            rows = await connection.execute(select(relay_actions).order_by(relay_actions.c.action_id))
            return [_action(row) for row in rows]

    async def save(self, action: RelayAction) -> None:
        """Add it, or replace the one with its id. NotFound when the list is none."""
        values = {
            "action_id": action.action_id,
            "list_id": action.list_id,
            "camera_id": action.camera_id,
            "relay_token": action.relay_token,
            "pulse_ms": _ms(action.pulse),
            "likelihood_floor": action.likelihood_floor,
            "agreeing_reads": action.agreeing_reads,
            "minimum_interval_ms": _ms(action.minimum_interval),
            "deadline_ms": _ms(action.deadline),
            "enabled": action.enabled,
        }
        await _upsert(self._database, relay_actions, relay_actions.c.action_id == action.action_id, values)

    async def remove(self, action_id: str) -> None:
        """NotFound when there is none."""
        await _remove(self._database, relay_actions, relay_actions.c.action_id == action_id)


async def _upsert(database: Database, table: Table, same: ColumnElement[bool], values: dict[str, Any]) -> None:
    try:
        async with database.write() as connection:
            done = await connection.execute(update(table).where(same).values(values))
            if done.rowcount == 0:
                await connection.execute(insert(table).values(values))
    except IntegrityError as error:
        raise NotFound(f"There is no match list {values['list_id']!r}.") from error


async def _remove(database: Database, table: Table, same: ColumnElement[bool]) -> None:
    async with database.write() as connection:
        done = await connection.execute(delete(table).where(same))
    if done.rowcount == 0:
        raise NotFound("There is no such thing (any more).")


def _definition(row: Any) -> AlarmDefinition:
    return AlarmDefinition(
        definition_id=row.definition_id,
        name=row.name,
        list_id=row.list_id or "",
        event_kind=row.event_kind,
        priority=row.priority,
        enabled=row.enabled,
    )


def _action(row: Any) -> RelayAction:
    return RelayAction(
        action_id=row.action_id,
        list_id=row.list_id,
        camera_id=row.camera_id,
        relay_token=row.relay_token,
        pulse=timedelta(milliseconds=row.pulse_ms),
        likelihood_floor=row.likelihood_floor,
        agreeing_reads=row.agreeing_reads,
        minimum_interval=timedelta(milliseconds=row.minimum_interval_ms),
        deadline=timedelta(milliseconds=row.deadline_ms),
        enabled=row.enabled,
    )


def _ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)
