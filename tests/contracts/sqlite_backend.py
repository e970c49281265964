"""The SQL store as a backend of the contract suite."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from adapter.store.outputs import OutputRecord
from adapter.store.store import Store
from events.types import Event


class SqliteBackend:
    def __init__(self, store: Store) -> None:
        self._store = store
        self.outbox = store.outbox
        self.journal = store.journal

    async def record(self, event: Event, output_ids: Sequence[str], now: datetime) -> None:
        """The store owes an event to every enabled output, so exactly the given ones are enabled."""
        known = {output.output_id: output for output in await self._store.outputs.all()}
        for output_id in output_ids:
            if output_id not in known:
                known[output_id] = OutputRecord(output_id=output_id, name=output_id, url="", created_at=now)
        for output in known.values():
            await self._store.outputs.save(replace(output, enabled=output.output_id in output_ids))
        assert await self._store.journal.commit(event, now=now)


@asynccontextmanager
async def open_sqlite(folder: Path) -> AsyncIterator[SqliteBackend]:
    async with Store.in_folder(folder) as store:
        yield SqliteBackend(store)
