"""Durable outputs: where events are sent, with their signing secrets encrypted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from adapter.store.database import Database
from adapter.store.errors import Conflict, NotFound
from adapter.store.tables import deliveries, outputs
from adapter.store.vault import Vault


class OutputKind(StrEnum):
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRecord:
    """One output. `event_kinds` empty means all kinds; `secret` is the webhook's signing secret (`whsec_...`)."""

    output_id: str
    kind: OutputKind = OutputKind.WEBHOOK
    name: str
    url: str
    secret: str | None = field(default=None, repr=False)
    event_kinds: frozenset[str] = frozenset()
    enabled: bool = True
    created_at: datetime


class Outputs:
    """Output records. A disabled output is owed nothing new; what it is owed goes with the events."""

    def __init__(self, *, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def all(self) -> Sequence[OutputRecord]:
        async with self._database.read() as connection:
            rows = await connection.execute(select(outputs).order_by(outputs.c.name))
            return [self._from_row(row) for row in rows]

    async def get(self, output_id: str) -> OutputRecord:
        """NotFound when there is none."""
        async with self._database.read() as connection:
            row = (await connection.execute(select(outputs).where(outputs.c.output_id == output_id))).one_or_none()
        if row is None:
            raise NotFound(f"There is no output {output_id!r}.")
        return self._from_row(row)

    async def save(self, record: OutputRecord) -> None:
        """Add an output or replace the one with its id; Conflict when the name is taken."""
        values = self._to_row(record)
        same = outputs.c.output_id == record.output_id
        try:
            async with self._database.write() as connection:
                done = await connection.execute(update(outputs).where(same).values(values))
                if done.rowcount == 0:
                    await connection.execute(insert(outputs).values(values))
        except IntegrityError as error:
            raise Conflict(f"There is an output named {record.name!r} already; choose another name.") from error

    async def remove(self, output_id: str) -> None:
        """Forget an output and what it was owed; NotFound when there is none."""
        async with self._database.write() as connection:
            await connection.execute(delete(deliveries).where(deliveries.c.output_id == output_id))
            done = await connection.execute(delete(outputs).where(outputs.c.output_id == output_id))
        if done.rowcount == 0:
            raise NotFound(f"There is no output {output_id!r}.")

    def _to_row(self, record: OutputRecord) -> dict[str, Any]:
        return {
            "output_id": record.output_id,
            "kind": record.kind.value,
            "name": record.name,
            "url": record.url,
            "secret": self._vault.encrypt(record.secret),
            "event_kinds": sorted(record.event_kinds),
            "enabled": record.enabled,
            "created_at": record.created_at,
        }

    def _from_row(self, row: Any) -> OutputRecord:
        return OutputRecord(
            output_id=row.output_id,
            kind=OutputKind(row.kind),
            name=row.name,
            url=row.url,
            secret=self._vault.decrypt(row.secret),
            event_kinds=frozenset(row.event_kinds),
            enabled=row.enabled,
            created_at=row.created_at,
        )
