"""Who changed what, when. Only ever added to; retention removes the oldest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select

from adapter.store.database import Database
from adapter.store.tables import audit


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """`actor` is a user name, `token:<name>` or `system`; the detail never holds secrets."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: str = ""


class Audit:
    """The audit log."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def add(self, entry: AuditEntry) -> None:
        async with self._database.write() as connection:
            await connection.execute(
                insert(audit).values(
                    at=entry.at,
                    actor=entry.actor[:200],
                    action=entry.action,
                    subject=entry.subject[:200],
                    detail=entry.detail[:2000],
                )
            )

    async def latest(self, limit: int = 100) -> Sequence[AuditEntry]:
        """The newest entries first."""
        async with self._database.read() as connection:
            rows = await connection.execute(select(audit).order_by(audit.c.audit_id.desc()).limit(limit))
            return [
                AuditEntry(at=row.at, actor=row.actor, action=row.action, subject=row.subject, detail=row.detail)
                for row in rows
            ]

    async def purge(self, before: datetime) -> int:
        """Remove entries older than `before`; how many."""
        async with self._database.write() as connection:
            done = await connection.execute(delete(audit).where(audit.c.at < before))
            return done.rowcount
