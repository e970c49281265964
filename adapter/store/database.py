"""The database: opened, migrated, and offered as read and write transactions.

SQLite has one writer at a time. So there is one connection for writing, and waiting for it is waiting in a queue, not
polling a lock; readers have connections of their own and never wait for the writer (write-ahead log).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from adapter.store.errors import StoreUnavailable

MIGRATIONS = Path(__file__).parent / "migrations"

# Another process (the command line beside the service) may hold the write lock for a moment.
BUSY_TIMEOUT_MS = 10_000

# FULL, not NORMAL: an event is told to the world right after its commit. With NORMAL a power cut could undo a commit
# that a VMS has already heard of, and the same plate would come again under a new id. `kill -9` is survived by both.
SYNCHRONOUS = "FULL"

READERS = 4

# What a large import changes stays in memory until its commit; with the 2 MB of a fresh connection it is written twice.
WRITER_CACHE_KB = 32 * 1024

_FOREIGN = (SQLAlchemyError, OSError)

T = TypeVar("T")


def sqlite_url(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"


class Database:
    """`read()` and `write()` give a connection inside a transaction; leaving the block ends it.

    `transact(work)` is a write transaction in one hop to the database's thread, for what happens at every plate: with
    SQLite, each awaited statement costs several hops, and they cost more than the statements.
    """

    def __init__(self, *, url: str) -> None:
        self._url = make_url(url)
        self._writer: AsyncEngine | None = None
        self._reader: AsyncEngine | None = None
        self._direct: Engine | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._writing = asyncio.Lock()

    async def open(self) -> None:
        """Connect and migrate to the newest revision. Raises StoreUnavailable with cause and cure."""
        try:
            if self._is_sqlite and self._url.database:
                Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._engine(readers=0)
            self._reader = self._engine(readers=READERS) if self._is_sqlite else self._writer
            async with self._writer.begin() as connection:
                await connection.run_sync(_migrate)
            if self._is_sqlite:
                self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
                self._direct = self._direct_engine()
        except _FOREIGN as error:
            await self.aclose()
            raise StoreUnavailable(f"The database {self._url.render_as_string()} cannot be opened: {error}") from error
        except CommandError as error:
            await self.aclose()
            raise StoreUnavailable(
                f"The database was written by a newer version ({error}); install that version or restore a backup."
            ) from error

    async def aclose(self) -> None:
        """Wait for what is being written, then close."""
        async with self._writing:
            if self._thread is not None and self._direct is not None:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._direct.dispose)
                self._thread.shutdown()
            for engine in {self._writer, self._reader} - {None}:
                assert engine is not None
                await engine.dispose()
            self._writer = self._reader = self._direct = self._thread = None

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A consistent view; nothing can be changed in it."""
        assert self._reader is not None, "the database is not open"
        return _translated(self._reader.begin())

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """All or nothing. A caller that is cancelled while committing waits for the commit, then is cancelled."""
        assert self._writer is not None, "the database is not open"
        async with self._writing_alone(), _translated(self._writer.connect()) as connection:
            yield connection
            await _uninterrupted(connection.commit())

    async def transact(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one write transaction, all or nothing; `work` must only talk to the connection.

        A caller that is cancelled waits for the end of the transaction, then is cancelled.
        """
        if self._direct is None or self._thread is None:
            async with self.write() as connection:
                return await connection.run_sync(work)
        async with self._writing_alone():
            loop = asyncio.get_running_loop()
            with _translating():
                return await _uninterrupted(loop.run_in_executor(self._thread, _run, self._direct, work))

    def _writing_alone(self) -> AbstractAsyncContextManager[object]:
        """SQLite lets one write at a time: waiting in our own queue is fair and wakes at once. Others need no queue."""
        return self._writing if self._is_sqlite else nullcontext()

    @property
    def _is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    def _engine(self, *, readers: int) -> AsyncEngine:
        if not self._is_sqlite:
            return create_async_engine(self._url, pool_size=READERS + 1, pool_pre_ping=True)
        engine = create_async_engine(self._url, pool_size=readers or 1, max_overflow=0, pool_timeout=60)
        event.listen(engine.sync_engine, "connect", _prepare_reader if readers else _prepare_writer)
        event.listen(engine.sync_engine, "begin", _begin if readers else _begin_immediate)
        return engine

    def _direct_engine(self) -> Engine:
        engine = create_engine(self._url.set(drivername="sqlite"), pool_size=1, max_overflow=0)
        event.listen(engine, "connect", _prepare_writer)
        event.listen(engine, "begin", _begin_immediate)
        return engine


def _run(engine: Engine, work: Callable[[Connection], T]) -> T:
    with engine.begin() as connection:
        return work(connection)


def _prepare(connection: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute(f"PRAGMA synchronous={SYNCHRONOUS}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _prepare_writer(connection: Any, _record: Any) -> None:
    _prepare(connection)
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA cache_size=-{WRITER_CACHE_KB}")
    cursor.close()


def _prepare_reader(connection: Any, _record: Any) -> None:
    _prepare(connection)
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_immediate(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail at once when another process wrote in between.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


@asynccontextmanager
async def _translated(
    manager: AbstractAsyncContextManager[AsyncConnection],
) -> AsyncIterator[AsyncConnection]:
    with _translating():
        async with manager as connection:
            yield connection


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except (OperationalError, TimeoutError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise StoreUnavailable(
            f"The database cannot be used now: {cause}. Is the disk full or not writable?"
        ) from error


async def _uninterrupted(work: Awaitable[T]) -> T:
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
