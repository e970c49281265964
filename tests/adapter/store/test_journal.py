"""One transaction per event, idempotent, searchable, purged as a whole."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from adapter.jobs import purge
from adapter.pictures import Pictures
from adapter.store.journal import Search
from adapter.store.outputs import OutputRecord
from adapter.store.store import Store
from events.types import AlarmRaised, ListKind, ListMatched
from rules.rules import evaluate
from rules.types import UNLISTED_LIST_ID, AlarmDefinition, ListEntry, Outcome, RelayAction
from tests.rules.examples import NOON, ids, match_list, recognized


async def fill(store: Store) -> None:
    await store.lists.add(match_list("residents"), now=NOON)
    await store.lists.save_entry("residents", ListEntry(entry_id="e1", pattern="ABC123"))
    await store.alarm_definitions.save(AlarmDefinition(definition_id="d1", name="Resident", list_id="residents"))
    await store.relay_actions.save(RelayAction(action_id="a1", list_id="residents", camera_id="", relay_token="gate"))
    await store.outputs.save(
        OutputRecord(output_id="hook", name="Hook", url="https://vms.example/", secret="whsec_x", created_at=NOON)
    )


async def outcome_of(store: Store, event) -> Outcome:
    return evaluate(
        event,
        index=await store.lists.index(),
        alarm_definitions=await store.alarm_definitions.all(),
        relay_actions=await store.relay_actions.all(),
        last_pulses=await store.decisions.last_pulses(NOON - timedelta(hours=1)),
        now=event.utc_time,
        new_id=ids(f"{event.event_id}-"),
    )


async def test_a_commit_stores_event_match_alarm_decision_and_deliveries_together(store):
    await fill(store)
    event = recognized()
    outcome = await outcome_of(store, event)

    assert await store.journal.commit(event, outcome, now=NOON)

    stored = await store.journal.since(NOON, 10)
    assert {type(one) for one in stored} == {type(event), ListMatched, AlarmRaised}
    assert event in stored
    assert [alarm.raised.object for alarm in await store.alarms.all()] == ["ABC123"]
    assert len(await store.decisions.of_event(event.event_id)) == 1
    due = await store.outbox.due("hook", NOON, 10)
    assert [delivery.event.kind for delivery in due] == ["PlateRecognized", "ListMatched", "AlarmRaised"]


async def test_a_second_commit_of_the_same_event_changes_nothing(store):
    await fill(store)
    event = recognized()
    outcome = await outcome_of(store, event)
    await store.journal.commit(event, outcome, now=NOON)

    assert not await store.journal.commit(event, outcome, now=NOON)
    assert await store.outbox.backlog("hook") == 3


async def test_a_commit_that_fails_half_way_leaves_nothing(store):
    await fill(store)
    first = recognized()
    outcome = await outcome_of(store, first)
    await store.journal.commit(first, outcome, now=NOON)
    second = recognized(event_id="event2")

    with pytest.raises(Exception, match="UNIQUE"):
        await store.journal.commit(second, Outcome(relays=outcome.relays), now=NOON)

    assert await store.journal.get("event2") is None
    assert await store.outbox.backlog("hook") == 3


async def test_events_survive_a_new_start(store, tmp_path):
    await store.journal.commit(recognized(), now=NOON)
    await store.aclose()

    async with Store.in_folder(tmp_path) as again:
        assert await again.journal.since(NOON, 10) == [recognized()]


@pytest.mark.requirement("M-251")
async def test_events_are_found_by_plate_list_camera_and_time(store):
    await fill(store)
    for number, plate in enumerate(["ABC123", "XYZ789", "ABD123"]):
        event = recognized(plate, event_id=f"e{number}", at=NOON + timedelta(minutes=number), camera_id=f"cam{number}")
        await store.journal.commit(event, await outcome_of(store, event), now=NOON)

    async def found(**wanted) -> list[str]:
        return [one.event.event_id for one in await store.journal.search(Search(**wanted))]

    assert await found() == ["e2", "e1", "e0"]
    assert await found(plate="AB?123") == ["e2", "e0"]
    assert await found(plate="*78*") == ["e1"]
    assert await found(plate="ab c-1_3") == []
    assert await found(list_id="residents") == ["e0"]
    assert await found(list_id=UNLISTED_LIST_ID) == ["e2", "e1"]
    assert await found(camera_id="cam1") == ["e1"]
    assert await found(since=NOON + timedelta(minutes=1), until=NOON + timedelta(minutes=1)) == ["e1"]
    assert await found(limit=1) == ["e2"]
    assert await found(limit=1, before_id="e2") == ["e1"]


async def test_the_reasons_for_not_opening_are_kept_with_the_event(store):
    await fill(store)
    event = recognized(agreeing_reads=1)
    await store.journal.commit(event, await outcome_of(store, event), now=NOON)

    stored = await store.journal.get(event.event_id)

    assert stored is not None
    assert "only 1 of the 2 required reads" in stored.refusals[0]


@pytest.mark.requirement("M-252", "M-253")
async def test_a_purge_removes_old_passages_and_names_their_pictures(store):
    await fill(store)
    await store.outputs.remove("hook")
    for number in range(3):
        event = recognized(event_id=f"e{number}", at=NOON + timedelta(hours=number))
        await store.journal.commit(event, await outcome_of(store, event), now=NOON)

    pictures = await store.journal.purge(NOON + timedelta(hours=2))

    assert sorted(pictures) == ["e0-frame.jpg", "e0-plate.jpg", "e1-frame.jpg", "e1-plate.jpg"]
    left = await store.journal.search(Search(kinds=()))
    assert {one.event.event_id.split("-")[0] for one in left} == {"e2"}
    assert len(await store.alarms.all()) == 1
    assert await store.decisions.of_event("e0") == []


async def test_paging_comes_to_its_end_when_the_last_one_shown_is_purged_meanwhile(store):
    await fill(store)
    await store.outputs.remove("hook")
    for number in range(3):
        event = recognized(event_id=f"e{number}", at=NOON + timedelta(hours=number))
        await store.journal.commit(event, await outcome_of(store, event), now=NOON)
    events = await store.journal.search(Search(limit=2))
    alarms = await store.alarms.all(limit=2)

    await store.journal.purge(NOON + timedelta(hours=2))

    gone = events[-1].event.event_id
    assert await store.journal.search(Search(before_id=gone)) == []
    assert await store.journal.search(Search(before_id=gone, until=NOON + timedelta(days=1))) == []
    assert await store.alarms.all(before_id=alarms[-1].alarm_id) == []


async def test_a_purge_keeps_what_an_output_is_still_owed(store):
    await fill(store)
    event = recognized()
    await store.journal.commit(event, await outcome_of(store, event), now=NOON)
    deliveries = await store.outbox.due("hook", NOON, 10)
    for delivery in deliveries[:-1]:
        await store.outbox.delivered(delivery.delivery_id, NOON)
    await store.outbox.park(deliveries[-1].delivery_id, "410 Gone")

    assert await store.journal.purge(NOON + timedelta(days=2)) == []
    assert await store.outbox.replay("hook", NOON) == 1
    await store.outbox.delivered(deliveries[-1].delivery_id, NOON)
    assert len(await store.journal.purge(NOON + timedelta(days=2))) == 2


async def test_a_disabled_output_keeps_no_event(store):
    await fill(store)
    event = recognized()
    await store.journal.commit(event, await outcome_of(store, event), now=NOON)
    parked, *_ = await store.outbox.due("hook", NOON, 10)
    await store.outbox.park(parked.delivery_id, "410 Gone")

    await store.outputs.save(replace(await store.outputs.get("hook"), enabled=False))

    assert len(await store.journal.purge(NOON + timedelta(days=2))) == 2
    assert await store.outbox.figures() == {}


@pytest.mark.requirement("M-252")
@pytest.mark.parametrize("parked", [False, True])
@pytest.mark.parametrize(("kept_days", "undelivered_days", "forgotten_after"), [(1, 7, 7), (9, 7, 9)])
async def test_what_an_output_is_owed_outlives_retention_by_days_and_not_for_ever(
    store, tmp_path, parked, kept_days, undelivered_days, forgotten_after
):
    await fill(store)
    event = recognized()
    await store.journal.commit(event, await outcome_of(store, event), now=NOON)
    if parked:
        for delivery in await store.outbox.due("hook", NOON, 10):
            await store.outbox.park(delivery.delivery_id, "410 Gone")

    async def purged_after(days: int) -> int:
        kept, undelivered = timedelta(days=kept_days), timedelta(days=undelivered_days)
        later = NOON + timedelta(days=days, seconds=1)
        return await purge(store, Pictures(folder=tmp_path), kept, undelivered, later)

    assert await purged_after(forgotten_after - 1) == 0
    owed = (await store.outbox.figures())["hook"]
    assert owed.pending + owed.parked == 3
    assert await purged_after(forgotten_after) == 2
    assert await store.journal.get(event.event_id) is None
    assert await store.outbox.figures() == {}


async def test_an_output_gets_only_the_kinds_it_asked_for_and_nothing_while_disabled(store):
    await fill(store)
    hook = await store.outputs.get("hook")
    await store.outputs.save(
        OutputRecord(
            output_id="alarms",
            name="Alarms",
            url=hook.url,
            event_kinds=frozenset({"AlarmRaised"}),
            created_at=NOON,
        )
    )
    await store.outputs.save(OutputRecord(output_id="off", name="Off", url=hook.url, enabled=False, created_at=NOON))
    event = recognized()
    await store.journal.commit(event, await outcome_of(store, event), now=NOON)

    assert await store.outbox.backlog("alarms") == 1
    assert await store.outbox.backlog("off") == 0


async def test_many_commits_at_once_are_all_stored(store):
    await fill(store)
    await store.lists.add(match_list("others", ListKind.WATCH), now=NOON)
    events = [recognized(event_id=f"e{number}") for number in range(50)]

    results = await asyncio.gather(*(store.journal.commit(event, now=NOON) for event in events))

    assert all(results)
    assert await store.outbox.backlog("hook") == 50
