"""Lists in the store: imports at once or not at all, with a way back; an index that knows what was stored."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select

from adapter.rulebook import Rulebook
from adapter.store.cameras import CameraRecord
from adapter.store.errors import Conflict, NotFound, Refused
from adapter.store.list_editions import STEP, lay
from adapter.store.tables import list_entries
from rules.importing import FileFormat, ImportMode, parse, preview
from rules.match_lists import PatternInvalid
from rules.types import UNLISTED_LIST_ID, ListEntry, RelayAction
from tests.rules.examples import NOON, ids, match_list, recognized


async def plan_for(store, content: bytes, mode: ImportMode = ImportMode.ADD, prefix: str = "new"):
    parsed = parse(content, FileFormat.CSV, new_id=ids(prefix))
    return preview(await store.lists.every_entry("list"), parsed, mode)


def plates(start: str, count: int) -> bytes:
    return "".join(f"{start}{number:05d}\n" for number in range(count)).encode()


@pytest.fixture
async def lists(store):
    await store.lists.add(match_list("list"), now=NOON)
    return store.lists


@pytest.mark.requirement("M-258")
async def test_the_unlisted_list_is_there_from_the_start_and_stays(store):
    (record,) = await store.lists.all()
    assert (record.match_list.list_id, record.match_list.name) == (UNLISTED_LIST_ID, "Unlisted license plates")
    with pytest.raises(Refused):
        await store.lists.remove(UNLISTED_LIST_ID)
    with pytest.raises(Refused):
        await store.lists.save_entry(UNLISTED_LIST_ID, ListEntry(entry_id="e", pattern="ABC123"))
    await store.lists.save(
        match_list(UNLISTED_LIST_ID, record.match_list.kind, name=record.match_list.name, camera_ids=frozenset({"c"}))
    )
    with pytest.raises(Refused):
        await store.lists.save(match_list(UNLISTED_LIST_ID, record.match_list.kind, name="Other"))


@pytest.mark.requirement("M-272")
async def test_a_replacing_import_keeps_the_old_list_as_a_backup(store, lists):
    await lists.apply("list", await plan_for(store, b"plate,Owner\nOLD1,=Ann\n"), now=NOON, columns=["Owner"])
    await lists.apply("list", await plan_for(store, b"NEW1\n", ImportMode.REPLACE, "x"), now=NOON)
    assert [entry.pattern for entry in await lists.every_entry("list")] == ["NEW1"]
    restored = parse(await lists.latest_backup("list"), FileFormat.CSV, new_id=ids())
    assert [(entry.pattern, entry.fields) for entry in restored.entries] == [("OLD1", {"Owner": "=Ann"})]


async def test_an_import_that_no_longer_fits_changes_nothing(store, lists):
    plan = await plan_for(store, b"ONE1\nTWO2\n")
    await lists.save_entry("list", ListEntry(entry_id="other", pattern="TWO2"))
    with pytest.raises(Conflict, match="new preview"):
        await lists.apply("list", plan, now=NOON)
    assert [entry.pattern for entry in await lists.every_entry("list")] == ["TWO2"]
    assert await laid_ready(store) == ["TWO2"]


async def test_an_import_larger_than_a_batch_arrives_whole(store, lists):
    await lists.apply("list", await plan_for(store, plates("P", 4_500)), now=NOON)
    assert (await lists.get("list")).entry_count == 4_500
    index = await lists.index()
    assert index.size == 4_500
    assert index.match("P04499", camera_id="c", at=NOON)[0].match_list.list_id == "list"


async def test_vehicles_are_stored_while_a_large_list_is_imported_and_nobody_sees_half_of_it(store, lists):
    await lists.apply("list", await plan_for(store, plates("OLD", 4_500)), now=NOON)
    plan = await plan_for(store, plates("NEW", 4_000), ImportMode.REPLACE, "x")
    importing = asyncio.create_task(lists.apply("list", plan, now=NOON))
    await asyncio.sleep(0)
    stored, seen = 0, set()
    while not importing.done():
        await store.journal.commit(recognized(event_id=f"e{stored}"), now=NOON)
        seen.add((await lists.get("list")).entry_count)
        stored += 1
    await importing
    assert stored > 4
    assert seen | {4_000} == {4_500, 4_000}


async def test_a_vehicle_waits_for_a_small_part_of_an_import_at_most(store, lists):
    await lists.apply("list", await plan_for(store, plates("OLD", 4_500)), now=NOON)
    plan = await plan_for(store, plates("NEW", 4_000), ImportMode.REPLACE, "x")

    async def changed_rows() -> int:
        return await store.database.transact(lambda connection: connection.connection.dbapi_connection.total_changes)

    importing = asyncio.create_task(lists.apply("list", plan, now=NOON))
    seen = [await changed_rows()]
    while not importing.done():
        seen.append(await changed_rows())
    await importing
    assert seen[-1] - seen[0] > 12_000
    assert max(after - before for before, after in pairwise(seen)) <= STEP + 2


async def laid_ready(store) -> list[str]:
    """What is in the table, shown or not."""
    async with store.database.read() as connection:
        return sorted(await connection.scalars(select(list_entries.c.normal)))


async def test_an_import_that_was_interrupted_changes_nothing_and_is_cleared_away_at_the_start(store, lists):
    await lists.apply("list", await plan_for(store, b"OLD1\nOLD2\n"), now=NOON)
    plan = await plan_for(store, b"plate,Owner\nOLD1,Ann\nNEW1,Ben\n", ImportMode.REPLACE, "x")
    before = await lists.every_entry("list")
    await lay(store.database, "list", plan, 2)
    assert await laid_ready(store) == ["NEW1", "OLD1", "OLD1", "OLD2"]
    assert await lists.every_entry("list") == before
    assert (await lists.entries("list"), (await lists.get("list")).entry_count) == ((before, 2), 2)
    index = await lists.index()
    assert index.size == 2
    assert index.match("NEW1", camera_id="c", at=NOON)[0].match_list.list_id == UNLISTED_LIST_ID
    await Rulebook(store=store).open(NOON)
    assert await laid_ready(store) == ["OLD1", "OLD2"]
    assert await lists.every_entry("list") == before
    await lists.save_entry("list", ListEntry(entry_id="e", pattern="NEW1"))


async def test_what_an_interrupted_import_laid_ready_comes_into_no_list(store, lists):
    await lay(store.database, "list", await plan_for(store, b"OLD1\n"), 1)
    await lists.apply("list", await plan_for(store, b"NEW1\n", prefix="x"), now=NOON)
    assert [entry.pattern for entry in await lists.every_entry("list")] == ["NEW1"]
    assert await laid_ready(store) == ["NEW1"]


async def test_entries_that_an_import_changes_keep_their_ids_and_others_stay_as_they_are(store, lists):
    await lists.apply("list", await plan_for(store, b"OLD1\nOLD2\nOLD3\n"), now=NOON)
    before = {entry.pattern: entry.entry_id for entry in await lists.every_entry("list")}
    plan = await plan_for(store, b"plate,Owner\nOLD3,\nOLD1,Ann\nNEW1,Ben\n", ImportMode.REPLACE, "x")
    await lists.apply("list", plan, now=NOON, columns=["Owner"])
    after = await lists.every_entry("list")
    assert [(entry.pattern, dict(entry.fields)) for entry in after] == [
        ("NEW1", {"Owner": "Ben"}),
        ("OLD1", {"Owner": "Ann"}),
        ("OLD3", {}),
    ]
    assert {entry.pattern: entry.entry_id for entry in after[1:]} == {name: before[name] for name in ("OLD1", "OLD3")}
    assert await laid_ready(store) == ["NEW1", "OLD1", "OLD3"]


async def test_people_change_the_list_as_it_is_while_an_import_is_laid_ready(store, lists):
    await lists.apply("list", await plan_for(store, b"OLD1\nOLD2\nOLD3\n"), now=NOON)
    await lay(store.database, "list", await plan_for(store, b"OLD3\n", ImportMode.REPLACE, "x"), 2)
    with pytest.raises(Conflict):
        await lists.save_entry("list", ListEntry(entry_id="e", pattern="OLD1"))
    one, two, _ = await lists.every_entry("list")
    assert await lists.change_entries("list", [one.entry_id], fields={"Owner": "Ann"}, dates={}) == 1
    assert await lists.remove_entries("list", [two.entry_id]) == 1
    await lists.clear_away()
    assert [(entry.pattern, dict(entry.fields)) for entry in await lists.every_entry("list")] == [
        ("OLD1", {"Owner": "Ann"}),
        ("OLD3", {}),
    ]


@pytest.mark.requirement("M-216", "M-217")
async def test_the_index_knows_each_cameras_choice_of_lists(store, lists):
    await lists.save_entry("list", ListEntry(entry_id="e", pattern="ABC123"))
    await store.cameras.add(
        CameraRecord(
            camera_id="some",
            name="Some",
            address="rtsp://x",
            selected_lists=frozenset({UNLISTED_LIST_ID}),
            created_at=NOON,
        )
    )
    index = await lists.index()
    assert index.match("ABC123", camera_id="all", at=NOON)[0].match_list.list_id == "list"
    assert index.match("ABC123", camera_id="some", at=NOON)[0].match_list.list_id == UNLISTED_LIST_ID


async def test_entries_keep_validity_and_fields(store, lists):
    entry = ListEntry(
        entry_id="e", pattern="abc 12?", valid_from=NOON, valid_until=NOON + timedelta(days=1), fields={"Owner": "Ann"}
    )
    await lists.save_entry("list", entry)
    assert await lists.every_entry("list") == [entry]
    changed = ListEntry(entry_id="e", pattern="NEW1")
    await lists.save_entry("list", changed)
    assert await lists.every_entry("list") == [changed]


async def test_the_same_plate_in_another_spelling_is_a_conflict(store, lists):
    await lists.save_entry("list", ListEntry(entry_id="a", pattern="ABC123"))
    with pytest.raises(Conflict):
        await lists.save_entry("list", ListEntry(entry_id="b", pattern="abc-123"))
    with pytest.raises(PatternInvalid):
        await lists.save_entry("list", ListEntry(entry_id="c", pattern="!!"))
    with pytest.raises(NotFound):
        await lists.save_entry("none", ListEntry(entry_id="d", pattern="ABC123"))


async def test_percent_and_underscore_in_a_search_are_letters_not_wildcards(store, lists):
    for number, pattern in enumerate(["AB_1", "ABC1"]):
        await lists.save_entry("list", ListEntry(entry_id=str(number), pattern=pattern))
    found, total = await lists.entries("list", search="AB_1")
    assert ([entry.pattern for entry in found], total) == (["AB_1"], 1)
    assert (await lists.entries("list", search="%"))[1] == 0


async def test_deleting_a_list_deletes_what_hangs_on_it(store, lists):
    await lists.save_entry("list", ListEntry(entry_id="a", pattern="ABC123"))
    await store.relay_actions.save(RelayAction(action_id="r", list_id="list", camera_id="", relay_token="gate"))
    await lists.remove("list")
    assert await store.relay_actions.all() == []
    assert (await lists.index()).size == 0
    with pytest.raises(NotFound):
        await lists.get("list")
