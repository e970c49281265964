"""What every outbox and journal must do, whichever room keeps it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from tests.contracts.backends import Backend, opener
from tests.fakes.events import NOON, alarm_raised, event_id, plate_recognized


@pytest_asyncio.fixture(params=["memory", "sqlite"])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    async with opener(request.param)(tmp_path) as opened:
        yield opened


async def test_what_is_owed_to_one_output_is_not_offered_to_another(backend: Backend) -> None:
    await backend.record(plate_recognized(1), ["hook"], NOON)
    assert [delivery.event.event_id for delivery in await backend.outbox.due("hook", NOON, 10)] == [event_id(1)]
    assert list(await backend.outbox.due("other", NOON, 10)) == []


async def test_an_event_comes_back_exactly_as_it_was_stored(backend: Backend) -> None:
    events = [plate_recognized(1), alarm_raised(2)]
    for event in events:
        await backend.record(event, ["hook"], NOON)
    assert [delivery.event for delivery in await backend.outbox.due("hook", NOON, 10)] == events


async def test_deliveries_are_offered_oldest_first_and_at_most_the_limit(backend: Backend) -> None:
    for number in range(1, 6):
        await backend.record(plate_recognized(number), ["hook"], NOON)
    due = await backend.outbox.due("hook", NOON, 3)
    assert [delivery.event.event_id for delivery in due] == [event_id(1), event_id(2), event_id(3)]


async def test_a_probe_is_the_delivery_with_the_fewest_attempts_and_the_oldest_of_these(backend: Backend) -> None:
    for number in range(1, 4):
        await backend.record(plate_recognized(number), ["hook"], NOON)
    (oldest,) = await backend.outbox.due("hook", NOON, 1)
    await backend.outbox.postpone(oldest.delivery_id, NOON, "HTTP 500")
    due = await backend.outbox.due("hook", NOON, 10, least_tried_first=True)
    assert [delivery.event.event_id for delivery in due] == [event_id(2), event_id(3), event_id(1)]


async def test_a_delivered_event_is_never_offered_again(backend: Backend) -> None:
    await backend.record(plate_recognized(1), ["hook", "other"], NOON)
    (delivery,) = await backend.outbox.due("hook", NOON, 10)
    await backend.outbox.delivered(delivery.delivery_id, NOON)
    assert list(await backend.outbox.due("hook", NOON + timedelta(days=1), 10)) == []
    assert len(await backend.outbox.due("other", NOON, 10)) == 1


async def test_a_postponed_delivery_waits_until_its_time_with_one_more_attempt_counted(backend: Backend) -> None:
    await backend.record(plate_recognized(1), ["hook"], NOON)
    (delivery,) = await backend.outbox.due("hook", NOON, 10)
    later = NOON + timedelta(minutes=1)
    await backend.outbox.postpone(delivery.delivery_id, later, "HTTP 503")
    assert list(await backend.outbox.due("hook", later - timedelta(microseconds=1), 10)) == []
    (again,) = await backend.outbox.due("hook", later, 10)
    assert (again.delivery_id, again.attempts, again.next_attempt_at) == (delivery.delivery_id, 1, later)


async def test_a_parked_delivery_waits_for_a_person(backend: Backend) -> None:
    await backend.record(plate_recognized(1), ["hook"], NOON)
    (delivery,) = await backend.outbox.due("hook", NOON, 10)
    await backend.outbox.park(delivery.delivery_id, "HTTP 410")
    assert list(await backend.outbox.due("hook", NOON + timedelta(days=365), 10)) == []


async def test_the_backlog_counts_what_is_due_and_postponed_but_not_what_is_parked(backend: Backend) -> None:
    for number in range(1, 5):
        await backend.record(plate_recognized(number), ["hook"], NOON)
    first, second, third, _ = await backend.outbox.due("hook", NOON, 10)
    await backend.outbox.delivered(first.delivery_id, NOON)
    await backend.outbox.postpone(second.delivery_id, NOON + timedelta(hours=1), "down")
    await backend.outbox.park(third.delivery_id, "no")
    assert await backend.outbox.backlog("hook") == 2
    assert await backend.outbox.backlog("other") == 0


async def test_settling_a_delivery_that_is_gone_is_no_error(backend: Backend) -> None:
    await backend.record(plate_recognized(1), ["hook"], NOON)
    (delivery,) = await backend.outbox.due("hook", NOON, 10)
    await backend.outbox.delivered(delivery.delivery_id, NOON)
    await backend.outbox.delivered(delivery.delivery_id, NOON)
    await backend.outbox.postpone(delivery.delivery_id, NOON, "late")
    await backend.outbox.park(delivery.delivery_id, "late")
    assert list(await backend.outbox.due("hook", NOON, 10)) == []


async def test_the_journal_reads_forward_in_time_order_including_the_given_moment(backend: Backend) -> None:
    for number in (3, 1, 2):
        await backend.record(plate_recognized(number), [], NOON)
    found = await backend.journal.since(NOON + timedelta(seconds=2), 10)
    assert [event.event_id for event in found] == [event_id(2), event_id(3)]


async def test_the_journal_reads_backward_newest_first_including_the_given_moment(backend: Backend) -> None:
    for number in (3, 1, 2):
        await backend.record(plate_recognized(number), [], NOON)
    found = await backend.journal.until(NOON + timedelta(seconds=2), 10)
    assert [event.event_id for event in found] == [event_id(2), event_id(1)]


@pytest.mark.parametrize("forward", [True, False])
async def test_pages_neither_repeat_nor_skip_events_of_the_same_moment(backend: Backend, forward: bool) -> None:
    for number in range(1, 8):
        await backend.record(plate_recognized(number, utc_time=NOON), [], NOON)
    read = backend.journal.since if forward else backend.journal.until
    found: list[str] = []
    after: str | None = None
    while page := await read(NOON, 3, after):
        found += [event.event_id for event in page]
        after = page[-1].event_id
    expected = [event_id(number) for number in range(1, 8)]
    assert found == (expected if forward else expected[::-1])


async def test_an_event_that_is_owed_to_nobody_is_still_in_the_journal(backend: Backend) -> None:
    await backend.record(plate_recognized(1), [], NOON)
    assert [event.event_id for event in await backend.journal.since(NOON, 10)] == [event_id(1)]
