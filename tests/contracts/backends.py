"""The places where events can be kept, each opened the same way, so that one suite holds all of them to one contract.

A backend is an async context manager that yields an object with `outbox`, `journal`, and
`record(event, output_ids, now)`, which stores one event together with what is owed, in one transaction.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pytest

from events.ports import Journal, Outbox
from events.types import Event
from tests.fakes.memory_outbox import MemoryJournal, MemoryOutbox


class Backend(Protocol):
    outbox: Outbox
    journal: Journal

    async def record(self, event: Event, output_ids: Sequence[str], now: datetime) -> None: ...


class MemoryBackend:
    def __init__(self) -> None:
        self.outbox = MemoryOutbox()
        self.journal = MemoryJournal()

    async def record(self, event: Event, output_ids: Sequence[str], now: datetime) -> None:
        self.journal.add(event)
        for output_id in output_ids:
            self.outbox.owe(event, output_id, now)


@asynccontextmanager
async def open_memory(folder: Path) -> AsyncIterator[MemoryBackend]:
    yield MemoryBackend()


def opener(name: str) -> Callable[[Path], AbstractAsyncContextManager[Backend]]:
    """`memory`, or `sqlite` from `tests/contracts/sqlite_backend.py` (`open_sqlite(folder)`)."""
    if name == "memory":
        return open_memory
    try:
        module = importlib.import_module("tests.contracts.sqlite_backend")
    except ModuleNotFoundError as error:
        pytest.skip(f"no SQL backend to test: {error}")
    return module.open_sqlite
