"""The database survives restarts, sudden deaths and its own history."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, insert, inspect, text

from adapter.store.database import MIGRATIONS, Database, sqlite_url
from adapter.store.errors import StoreUnavailable
from adapter.store.store import Store
from adapter.store.tables import events, facts, metadata
from events.codec import encode
from events.errors import OutboxUnavailable
from inference.funnel import FunnelHour
from tests.rules.examples import NOON, recognized

WRITER = """
import asyncio, sys
from pathlib import Path
from adapter.store.store import Store
from tests.rules.examples import NOON, recognized

async def main():
    async with Store.in_folder(Path(sys.argv[1])) as store:
        for number in range(100_000):
            await store.journal.commit(recognized(event_id=f"e{number:06d}"), now=NOON)
            print(number, flush=True)

asyncio.run(main())
"""


async def test_the_migrations_make_exactly_the_tables_that_the_code_uses(store):
    async with store.database.write() as connection:
        difference = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
        )
    assert difference == []


async def test_the_connection_is_durable_and_keeps_foreign_keys(store):
    async with store.database.write() as connection:
        values = [
            await connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert values == ["wal", 2, 1]


async def test_a_reader_cannot_change_anything(store):
    with pytest.raises(StoreUnavailable, match="readonly"):
        async with store.database.read() as connection:
            await connection.execute(text("DELETE FROM users"))


async def test_a_store_that_takes_nothing_is_an_outbox_to_wait_for(store):
    async with store.database.write() as connection:
        await connection.execute(text("PRAGMA query_only=ON"))
    with pytest.raises(OutboxUnavailable, match="readonly"):
        await store.outbox.delivered(1, NOON)


async def test_what_failed_half_way_is_rolled_back(store):
    with pytest.raises(RuntimeError):
        async with store.database.write() as connection:
            await connection.execute(text("INSERT INTO facts VALUES ('a', 'b')"))
            raise RuntimeError
    assert await store.facts.get("a") is None


async def test_a_database_of_a_newer_version_is_refused_with_the_cure(store, tmp_path):
    async with store.database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await store.aclose()
    with pytest.raises(StoreUnavailable, match="newer version"):
        await Store.in_folder(tmp_path).open()


async def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "onvif-lpr.db"
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await Database(url=sqlite_url(path)).open()


async def test_opening_twice_in_a_row_keeps_the_data(tmp_path):
    for round_ in range(3):
        async with Store.in_folder(tmp_path) as store:
            await store.facts.put("round", str(round_))
            assert await store.facts.get("round") == str(round_)


async def test_two_processes_may_write_to_one_database(store, tmp_path):
    async with Store.in_folder(tmp_path) as other:
        await asyncio.gather(
            *(
                one.facts.put(f"{number}{name}", "x")
                for number in range(10)
                for one, name in ((store, "a"), (other, "b"))
            )
        )
        assert await store.facts.get("9b") == "x"


async def test_nothing_that_was_committed_is_lost_when_the_process_is_killed(tmp_path: Path):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        for _ in range(20):
            await process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        last = 19 + len((await process.stdout.read()).split())
        await process.wait()
    async with Store.in_folder(tmp_path) as store:
        kept = {event.event_id for event in await store.journal.since(recognized().utc_time, 100_000)}
    assert {f"e{number:06d}" for number in range(last + 1)} <= kept
    with sqlite3.connect(tmp_path / "onvif-lpr.db") as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    raw.close()


@pytest.mark.requirement("M-318")
async def test_a_database_of_the_first_version_is_brought_up_to_date_with_all_it_holds(tmp_path: Path):
    event = recognized()
    engine = create_engine(f"sqlite:///{tmp_path / 'onvif-lpr.db'}")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        assert "funnel_hours" not in inspect(connection).get_table_names()
        connection.execute(insert(facts).values(name="server-name", value="gatehouse"))
        connection.execute(
            text(
                "INSERT INTO cameras (camera_id, name, address, user, enabled, modules, recognition, description,"
                " created_at) VALUES ('cam1', 'Gate', 'http://192.0.2.7', '', 1, '[]', '{}', '', 0)"
            )
        )
        connection.execute(
            insert(events).values(
                event_id=event.event_id,
                kind=event.kind,
                utc_time=event.utc_time,
                stored_at=event.utc_time,
                root_id=event.event_id,
                camera_id=event.camera_id,
                refusals=[],
                content=encode(event),
            )
        )
    engine.dispose()
    async with Store.in_folder(tmp_path) as store:
        assert await store.facts.get("server-name") == "gatehouse"
        assert list(await store.journal.since(event.utc_time, 10)) == [event]
        await store.funnels.save({"cam1": [FunnelHour(event.utc_time, frames=3)]}, event.utc_time)
        assert [hour.frames for hour in await store.funnels.load("cam1")] == [3]
        (camera,) = await store.cameras.all()
        assert (camera.name, camera.server, camera.verify_tls) == ("Gate", "", True)
        await store.cameras.save(replace(camera, verify_tls=False))
        assert not (await store.cameras.get("cam1")).verify_tls
