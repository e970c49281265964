"""Pull points: lifetimes, waiting, order, overflow, Seek, and that nothing is missed between replay and live."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.onvif import messages
from events.onvif.errors import FaultName, SubscriptionFault
from events.onvif.filters import CONCRETE_SET, Filter, parse_topics
from events.onvif.subscriptions import DEFAULT_LIFE, MAX_LIFE, MAX_PULL_TIMEOUT, Subscriptions
from events.types import Event, RelayState
from inference.types import PassageState
from tests.fakes.events import (
    NOON,
    alarm_raised,
    camera_lost,
    camera_restored,
    event_id,
    plate_recognized,
    relay_changed,
)
from tests.fakes.memory_outbox import MemoryJournal

NONE = timedelta(0)
SOON = timedelta(seconds=5)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Device:
    """Subscriptions with a journal, and the commit-then-publish that the pipeline does."""

    def __init__(self, **options: int) -> None:
        self.clock = Clock()
        self.journal = MemoryJournal()
        self.subscriptions = Subscriptions(journal=self.journal, clock=self.clock, **options)

    def happen(self, *happened: Event) -> None:
        for event in happened:
            self.journal.add(event)
            self.subscriptions.publish(event)

    async def pull(self, subscription_id: str, *, timeout: timedelta = NONE, limit: int = 100) -> list[str]:
        pulled = await self.subscriptions.pull(subscription_id, timeout=timeout, limit=limit)
        return [message.event_id or message.topic.expression for message in pulled.messages]


def wanted(expression: str) -> Filter:
    return Filter(topics=parse_topics(expression, CONCRETE_SET, {}))


async def test_messages_wait_in_order_and_are_given_at_once_up_to_the_limit() -> None:
    device = Device()
    point = device.subscriptions.create().subscription_id
    device.happen(plate_recognized(1), plate_recognized(2), alarm_raised(3))
    assert await device.pull(point, limit=2) == [event_id(1), event_id(2)]
    assert await device.pull(point) == [event_id(3)]
    assert await device.pull(point) == []


async def test_a_pull_waits_until_the_first_message_comes() -> None:
    device = Device()
    point = device.subscriptions.create().subscription_id
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(device.pull(point, timeout=SOON))
        await asyncio.sleep(0)
        assert not waiting.done()
        device.happen(plate_recognized(1))
    assert waiting.result() == [event_id(1)]


async def test_a_pull_never_ends_early_without_messages() -> None:
    device = Device()
    point = device.subscriptions.create(wanted=wanted("tns1:Device/Trigger/Relay")).subscription_id
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(device.pull(point, timeout=timedelta(milliseconds=80)))
        await asyncio.sleep(0)
        device.happen(plate_recognized(1))  # not what this one asked for
    assert waiting.result() == []
    assert loop.time() - began >= 0.08


async def test_a_second_pull_while_one_waits_is_refused() -> None:
    device = Device()
    point = device.subscriptions.create().subscription_id
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(device.pull(point, timeout=SOON))
        await asyncio.sleep(0)
        with pytest.raises(SubscriptionFault) as refused:
            await device.pull(point)
        device.happen(plate_recognized(1))
    assert refused.value.name is FaultName.UNABLE_TO_GET_MESSAGES
    assert waiting.result() == [event_id(1)]


async def test_a_timeout_above_the_maximum_is_refused_with_the_maximum() -> None:
    device = Device()
    point = device.subscriptions.create().subscription_id
    with pytest.raises(SubscriptionFault) as refused:
        await device.pull(point, timeout=MAX_PULL_TIMEOUT + timedelta(seconds=1))
    assert (refused.value.name, refused.value.max_timeout) == (FaultName.PULL_MESSAGES, MAX_PULL_TIMEOUT)


async def test_a_huge_message_limit_is_not_an_error() -> None:
    device = Device()
    point = device.subscriptions.create().subscription_id
    device.happen(plate_recognized(1))
    assert await device.pull(point, limit=10**9) == [event_id(1)]


async def test_messages_stay_when_the_client_has_gone() -> None:
    device = Device()
    point = device.subscriptions.create().subscription_id
    device.happen(plate_recognized(1))
    gone = await device.subscriptions.pull(point, timeout=SOON, limit=10, connected=lambda: False)
    assert list(gone.messages) == []
    assert await device.pull(point) == [event_id(1)]


async def test_messages_that_could_not_be_sent_come_first_in_the_next_pull() -> None:
    device = Device()
    point = device.subscriptions.create().subscription_id
    device.happen(plate_recognized(1), plate_recognized(2))
    pulled = await device.subscriptions.pull(point, timeout=NONE, limit=10)
    device.happen(plate_recognized(3))
    device.subscriptions.give_back(point, pulled.messages)
    assert [*await device.pull(point), *await device.pull(point)] == [event_id(1), event_id(2), event_id(3)]


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        (None, NOON + DEFAULT_LIFE),
        ("PT120S", NOON + timedelta(seconds=120)),
        ("PT1M0.5S", NOON + timedelta(seconds=60.5)),
        ("2026-11-22T12:10:00Z", NOON + timedelta(minutes=10)),
        ("2026-11-22T13:10:00.1234567+01:00", NOON + timedelta(minutes=10, microseconds=123456)),
    ],
)
async def test_exactly_the_life_that_was_asked_for_is_granted(asked: str | None, granted: datetime) -> None:
    found = Device().subscriptions.create(initial_termination=asked)
    assert (found.current_time, found.termination_time) == (NOON, granted)


async def test_the_granted_life_is_exact_although_the_clock_runs_on() -> None:
    ticks = iter(NOON + timedelta(milliseconds=number) for number in range(100))
    subscriptions = Subscriptions(journal=MemoryJournal(), clock=lambda: next(ticks))
    created = subscriptions.create(initial_termination="PT60S")
    renewed = subscriptions.renew(created.subscription_id, "PT90S")
    assert created.termination_time - created.current_time == timedelta(seconds=60)
    assert renewed.termination_time - renewed.current_time == timedelta(seconds=90)


@pytest.mark.parametrize(
    "asked", ["PT0S", "-PT10S", "P2D", "2026-11-22T11:59:59Z", "tomorrow", "P", "PT", "9" * 100, "P99999999999D"]
)
async def test_a_life_that_cannot_be_granted_is_refused_with_the_bounds(asked: str) -> None:
    with pytest.raises(SubscriptionFault) as refused:
        Device().subscriptions.create(initial_termination=asked)
    assert refused.value.name is FaultName.UNACCEPTABLE_INITIAL_TERMINATION
    assert refused.value.maximum_time == NOON + MAX_LIFE


async def test_a_pull_point_that_is_not_used_expires() -> None:
    device = Device()
    point = device.subscriptions.create(initial_termination="PT60S").subscription_id
    device.clock.pass_by(60)
    with pytest.raises(SubscriptionFault) as refused:
        await device.pull(point)
    assert refused.value.name is FaultName.RESOURCE_UNKNOWN
    assert device.subscriptions.count == 0


async def test_every_pull_keeps_the_pull_point_alive_for_its_first_life_at_least() -> None:
    device = Device()
    point = device.subscriptions.create(initial_termination="PT60S").subscription_id
    for _ in range(5):
        device.clock.pass_by(59)
        device.happen(plate_recognized(1))
        pulled = await device.subscriptions.pull(point, timeout=SOON, limit=10)
        assert pulled.termination_time == device.clock.now + timedelta(seconds=60)


async def test_a_pull_with_a_timeout_beyond_the_life_extends_the_life_to_it() -> None:
    device = Device()
    point = device.subscriptions.create(initial_termination="PT10S").subscription_id
    device.happen(plate_recognized(1))
    pulled = await device.subscriptions.pull(point, timeout=timedelta(seconds=60), limit=10)
    assert pulled.termination_time == NOON + timedelta(seconds=60)


async def test_renew_sets_the_end_earlier_or_later() -> None:
    device = Device()
    point = device.subscriptions.create(initial_termination="PT60S").subscription_id
    assert device.subscriptions.renew(point, "PT600S").termination_time == NOON + timedelta(seconds=600)
    assert device.subscriptions.renew(point, "2026-11-22T12:00:05Z").termination_time == NOON + timedelta(seconds=5)
    with pytest.raises(SubscriptionFault) as refused:
        device.subscriptions.renew(point, "PT0S")
    assert refused.value.name is FaultName.UNACCEPTABLE_TERMINATION


async def test_unsubscribing_ends_a_pull_that_waits() -> None:
    device = Device()
    point = device.subscriptions.create().subscription_id
    waiting = asyncio.create_task(device.pull(point, timeout=SOON))
    await asyncio.sleep(0)
    device.subscriptions.unsubscribe(point)
    with pytest.raises(SubscriptionFault):
        await waiting


async def test_a_client_that_leaks_pull_points_meets_the_cap_and_the_cap_frees_itself() -> None:
    device = Device(capacity=3)
    for _ in range(3):
        device.subscriptions.create(initial_termination="PT10S")
    with pytest.raises(SubscriptionFault) as refused:
        device.subscriptions.create()
    assert refused.value.name is FaultName.CREATION_FAILED
    device.clock.pass_by(10)
    device.subscriptions.create()
    assert device.subscriptions.count == 1


async def test_a_slow_subscriber_loses_its_own_oldest_messages_and_no_one_elses() -> None:
    device = Device(queue_size=3)
    slow, quick = (device.subscriptions.create().subscription_id for _ in range(2))
    heard: list[str] = []
    for number in range(1, 7):
        device.happen(plate_recognized(number))
        heard += await device.pull(quick)
    assert heard == [event_id(number) for number in range(1, 7)]
    assert await device.pull(slow) == [event_id(4), event_id(5), event_id(6)]
    assert device.subscriptions.dropped == 3


async def test_a_new_subscriber_is_told_the_state_of_properties_and_nothing_of_past_plates() -> None:
    device = Device()
    device.happen(plate_recognized(1), relay_changed(2), relay_changed(3, state=RelayState.INACTIVE), camera_lost(4))
    point = device.subscriptions.create().subscription_id
    pulled = await device.subscriptions.pull(point, timeout=NONE, limit=10)
    assert [(message.event_id, message.operation) for message in pulled.messages] == [
        (event_id(3), messages.PropertyOperation.INITIALIZED),
        (event_id(4), messages.PropertyOperation.INITIALIZED),
    ]


async def test_a_subscriber_that_wants_changes_only_is_not_told_initial_states() -> None:
    device = Device()
    device.happen(relay_changed(1))
    point = device.subscriptions.create(changed_only=True).subscription_id
    device.happen(relay_changed(2))
    assert await device.pull(point) == [event_id(2)]


async def test_a_synchronization_point_repeats_properties_and_only_those() -> None:
    device = Device()
    point = device.subscriptions.create().subscription_id
    device.happen(plate_recognized(1), camera_lost(2), camera_restored(3))
    await device.pull(point)
    device.subscriptions.set_synchronization_point(point)
    assert await device.pull(point) == [event_id(3)]


async def test_a_property_that_is_as_an_event_told_it_is_not_told_again() -> None:
    device = Device()
    device.happen(camera_lost(1))
    point = device.subscriptions.create().subscription_id
    assert await device.pull(point) == [event_id(1)]
    device.subscriptions.remember(messages.signal_loss(camera_id="north", lost=True, utc_time=device.clock()))
    assert await device.pull(point) == []
    # Who comes later is told since when it is so.
    assert await device.pull(device.subscriptions.create().subscription_id) == [event_id(1)]


async def test_a_property_that_is_no_longer_as_it_was_told_is_told_as_it_is() -> None:
    device = Device()
    device.subscriptions.remember(messages.signal_loss(camera_id="north", lost=True, utc_time=NOON))
    early = device.subscriptions.create().subscription_id
    assert await told(device, early) == [("Initialized", "true")]
    device.subscriptions.remember(messages.signal_loss(camera_id="north", lost=False, utc_time=NOON))
    late = device.subscriptions.create().subscription_id
    assert await told(device, early) == [("Changed", "false")]
    assert await told(device, late) == [("Initialized", "false")]
    device.subscriptions.set_synchronization_point(early)
    assert await told(device, early) == [("Initialized", "false")]


async def told(device: Device, point: str) -> list[tuple[str, str]]:
    """Operation and value of each property that waits."""
    pulled = await device.subscriptions.pull(point, timeout=NONE, limit=10)
    return [(str(message.operation), message.state[0][1]) for message in pulled.messages]


async def test_the_properties_of_a_removed_camera_end() -> None:
    device = Device()
    device.happen(relay_changed(1), camera_lost(2), camera_lost(3, camera_id="south"))
    point = device.subscriptions.create().subscription_id
    await device.pull(point)
    device.subscriptions.forget_camera("north")
    pulled = await device.subscriptions.pull(point, timeout=NONE, limit=10)
    assert [(message.event_id, message.operation) for message in pulled.messages] == [
        (event_id(1), messages.PropertyOperation.DELETED),
        (event_id(2), messages.PropertyOperation.DELETED),
    ]
    assert await device.pull(device.subscriptions.create().subscription_id) == [event_id(3)]


async def test_previews_and_lost_tracks_are_not_told() -> None:
    device = Device()
    point = device.subscriptions.create().subscription_id
    device.happen(plate_recognized(1, state=PassageState.PREVIEW), plate_recognized(2, state=PassageState.LOST))
    assert await device.pull(point) == []


async def pull_everything(device: Device, point: str, limit: int = 7) -> list[str]:
    found: list[str] = []
    while page := await device.pull(point, limit=limit, timeout=timedelta(milliseconds=2)):
        found += page
    return found


async def test_seek_tells_what_was_missed_from_that_moment_on_and_then_goes_on_live() -> None:
    device = Device()
    device.happen(*(plate_recognized(number) for number in range(1, 251)))
    point = device.subscriptions.create().subscription_id
    device.subscriptions.seek(point, utc_time=NOON + timedelta(seconds=10), reverse=False)
    assert await pull_everything(device, point) == [event_id(number) for number in range(10, 251)]
    device.happen(plate_recognized(251))
    assert await device.pull(point) == [event_id(251)]


async def test_seek_before_the_oldest_event_says_first_that_the_buffer_begins() -> None:
    device = Device()
    device.happen(plate_recognized(1), plate_recognized(2))
    point = device.subscriptions.create().subscription_id
    device.subscriptions.seek(point, utc_time=NOON - timedelta(days=1), reverse=False)
    assert await pull_everything(device, point) == ["tns1:EventBuffer/Begin", event_id(1), event_id(2)]


async def test_seek_in_reverse_tells_the_newest_first_and_ends_once_with_the_begin_of_the_buffer() -> None:
    device = Device()
    device.happen(*(plate_recognized(number) for number in range(1, 251)))
    point = device.subscriptions.create().subscription_id
    device.subscriptions.seek(point, utc_time=NOON + timedelta(seconds=240), reverse=True)
    expected = [event_id(number) for number in range(240, 0, -1)]
    assert await pull_everything(device, point) == [*expected, "tns1:EventBuffer/Begin"]
    device.happen(plate_recognized(251))
    assert await pull_everything(device, point) == []
    device.subscriptions.seek(point, utc_time=NOON + timedelta(seconds=251), reverse=False)
    assert await pull_everything(device, point) == [event_id(251)]


async def test_seek_obeys_the_filter_of_the_subscription() -> None:
    device = Device()
    device.happen(*(plate_recognized(number) for number in range(1, 150)), alarm_raised(150), relay_changed(151))
    point = device.subscriptions.create(
        wanted=wanted("tns1:RuleEngine/Recognition/lpr:Alarm"), changed_only=True
    ).subscription_id
    device.subscriptions.seek(point, utc_time=NOON + timedelta(seconds=1), reverse=False)
    assert await pull_everything(device, point) == [event_id(150)]


async def test_seek_tells_no_initial_state_of_properties() -> None:
    device = Device()
    device.happen(relay_changed(1))
    point = device.subscriptions.create().subscription_id
    device.subscriptions.seek(point, utc_time=NOON + timedelta(hours=1), reverse=False)
    assert await pull_everything(device, point) == []


async def test_the_state_of_properties_can_be_asked_for_after_a_seek_that_told_their_changes() -> None:
    device = Device()
    device.happen(relay_changed(1))
    point = device.subscriptions.create().subscription_id
    device.subscriptions.seek(point, utc_time=NOON + timedelta(seconds=1), reverse=False)
    device.subscriptions.set_synchronization_point(point)
    pulled = [await device.subscriptions.pull(point, timeout=NONE, limit=10) for _ in range(2)]
    assert [message.operation for answer in pulled for message in answer.messages] == [
        messages.PropertyOperation.CHANGED,
        messages.PropertyOperation.INITIALIZED,
    ]


async def test_a_second_seek_while_a_page_is_read_wins() -> None:
    device = Device()
    device.happen(plate_recognized(1), plate_recognized(2))
    gate = asyncio.Event()

    class SlowJournal(MemoryJournal):
        async def since(self, utc_time: datetime, limit: int, after_id: str | None = None) -> Sequence[Event]:
            await gate.wait()
            return await super().since(utc_time, limit, after_id)

    slow = SlowJournal([plate_recognized(1), plate_recognized(2)])
    subscriptions = Subscriptions(journal=slow, clock=device.clock)
    point = subscriptions.create().subscription_id
    subscriptions.seek(point, utc_time=NOON, reverse=False)
    waiting = asyncio.create_task(subscriptions.pull(point, timeout=SOON, limit=10))
    await asyncio.sleep(0)
    subscriptions.seek(point, utc_time=NOON + timedelta(seconds=2), reverse=False)
    gate.set()
    pulled = await waiting
    assert [message.event_id for message in pulled.messages] == [event_id(2)]


@settings(deadline=None, max_examples=30)
@given(
    stored=st.integers(0, 230),
    live=st.integers(0, 120),
    limit=st.integers(1, 50),
    queue_size=st.integers(5, 60),
    late=st.sets(st.integers(0, 119), max_size=5),
    seed=st.integers(0, 1000),
)
def test_between_replay_and_live_nothing_is_missed_and_nothing_is_told_twice(
    stored: int, live: int, limit: int, queue_size: int, late: set[int], seed: int
) -> None:
    """Events keep coming while a subscriber catches up; some are committed late, with an older capture time."""
    asyncio.run(_catch_up(stored, live, limit, queue_size, late, random.Random(seed)))


async def _catch_up(stored: int, live: int, limit: int, queue_size: int, late: set[int], chance: random.Random) -> None:
    device = Device(queue_size=queue_size)
    device.happen(*(plate_recognized(number) for number in range(1, stored + 1)))
    point = device.subscriptions.create().subscription_id
    device.subscriptions.seek(point, utc_time=NOON, reverse=False)
    heard: list[str] = []
    published_late = 0
    number = stored
    for step in range(live):
        number += 1
        moment = NOON + timedelta(seconds=0.5) if step in late else NOON + timedelta(seconds=number)
        event = plate_recognized(number, utc_time=moment)
        published_late += step in late
        device.happen(event)
        if chance.random() < 0.5:
            heard += await device.pull(point, limit=limit)
    heard += await pull_everything(device, point, limit)
    plates = [found for found in heard if not found.startswith("tns1:")]
    assert len(plates) == len(set(plates)), "told twice"
    missing = {event_id(index) for index in range(1, number + 1)} - set(plates)
    assert len(missing) == device.subscriptions.dropped, "missed without being counted"


async def test_five_hundred_subscribers_each_get_every_event() -> None:
    device = Device(capacity=500)
    points = [device.subscriptions.create().subscription_id for _ in range(500)]
    device.happen(*(plate_recognized(number, utc_time=datetime.now(UTC)) for number in range(1, 6)))
    expected = [event_id(number) for number in range(1, 6)]
    for point in points:
        assert await device.pull(point) == expected
