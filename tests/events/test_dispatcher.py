"""Durable delivery: at least once, patient with the receiver, and honest about what it gave up."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.dispatcher import Dispatcher, Output, RetryPolicy
from events.errors import OutboxUnavailable, OutputRefused, OutputUnavailable
from events.types import Delivery
from tests.fakes.events import event_id, plate_recognized
from tests.fakes.memory_outbox import MemoryOutbox
from tests.fakes.waiting import until

QUICK = RetryPolicy(first=timedelta(milliseconds=2), cap=timedelta(milliseconds=8), max_attempts=6, refused_attempts=3)


def now() -> datetime:
    return datetime.now(UTC)


class Receiver:
    """An output that answers as told and keeps what it got."""

    def __init__(self, output_id: str = "hook") -> None:
        self.output_id = output_id
        self.heard: list[str] = []
        self.attempts: list[str] = []
        self.answer: Callable[[Delivery], Exception | None] = lambda delivery: None
        self.at_once = 0
        self.most_at_once = 0

    async def send(self, delivery: Delivery) -> None:
        self.attempts.append(delivery.event.event_id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            error = self.answer(delivery)
            if error is not None:
                raise error
            self.heard.append(delivery.event.event_id)
        finally:
            self.at_once -= 1


@asynccontextmanager
async def running(
    outbox: MemoryOutbox, *outputs: Output, policy: RetryPolicy = QUICK, **options: object
) -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher(outbox=outbox, outputs=outputs, policy=policy, **options)  # type: ignore[arg-type]
    task = asyncio.create_task(dispatcher.run())
    await asyncio.sleep(0)
    try:
        yield dispatcher
    finally:
        task.cancel()
        await asyncio.wait([task])


def owe(outbox: MemoryOutbox, count: int, output_id: str = "hook") -> list[str]:
    for number in range(1, count + 1):
        outbox.owe(plate_recognized(number), output_id, now())
    return [event_id(number) for number in range(1, count + 1)]


async def test_what_is_owed_at_start_is_delivered_in_order() -> None:
    outbox, receiver = MemoryOutbox(), Receiver()
    expected = owe(outbox, 120)
    async with running(outbox, receiver, concurrency=1):
        await until(lambda: len(receiver.heard) == 120)
    assert receiver.heard == expected
    assert outbox.delivered_ids == expected


async def test_a_new_commit_wakes_the_dispatcher_long_before_its_next_look() -> None:
    outbox, receiver = MemoryOutbox(), Receiver()
    patient = RetryPolicy(first=timedelta(hours=1))
    async with running(outbox, receiver, policy=patient, poll=timedelta(hours=1)) as dispatcher:
        await asyncio.sleep(0.01)
        owe(outbox, 1)
        dispatcher.wake()
        await until(lambda: len(receiver.heard) == 1)


async def test_deliveries_of_another_process_are_found_without_being_woken() -> None:
    outbox, receiver = MemoryOutbox(), Receiver()
    async with running(outbox, receiver, poll=timedelta(milliseconds=5)):
        await asyncio.sleep(0.01)
        owe(outbox, 1)
        await until(lambda: len(receiver.heard) == 1)


async def test_a_receiver_that_comes_back_gets_everything_once() -> None:
    outbox, receiver = MemoryOutbox(), Receiver()
    patient = RetryPolicy(first=timedelta(milliseconds=1), cap=timedelta(milliseconds=2), max_attempts=10_000)
    receiver.answer = lambda delivery: OutputUnavailable("down")
    expected = owe(outbox, 30)
    async with running(outbox, receiver, policy=patient) as dispatcher:
        await until(lambda: len(receiver.attempts) >= 10)
        (stats,) = dispatcher.stats
        assert stats.last_error == "down" and stats.consecutive_failures >= 3
        receiver.answer = lambda delivery: None
        await until(lambda: len(receiver.heard) == 30)
        assert stats.consecutive_failures == 0 and stats.paused_until is None and stats.last_error is None
    assert sorted(receiver.heard) == expected
    assert outbox.parked == []


async def test_a_backlog_of_a_receiver_that_is_down_is_probed_and_not_hammered() -> None:
    outbox, receiver = MemoryOutbox(), Receiver()
    receiver.answer = lambda delivery: OutputUnavailable("down")
    owe(outbox, 1000)
    slow = RetryPolicy(first=timedelta(seconds=30))
    async with running(outbox, receiver, policy=slow) as dispatcher:
        await until(lambda: dispatcher.stats[0].paused_until is not None)
        dispatcher.wake()
        await asyncio.sleep(0.02)
    assert len(receiver.attempts) <= 8  # one parallel probe of four, and no more than a few single ones


async def test_one_delivery_that_always_fails_does_not_hold_up_the_others() -> None:
    outbox, receiver = MemoryOutbox(), Receiver()
    owe(outbox, 20)
    receiver.answer = lambda delivery: OutputUnavailable("HTTP 500") if delivery.event.event_id == event_id(1) else None
    async with running(outbox, receiver, concurrency=1):
        await until(lambda: len(receiver.heard) == 19)
        await until(lambda: bool(outbox.parked))
    ((delivery, reason),) = outbox.parked
    assert delivery.event.event_id == event_id(1)
    assert reason == "given up after 6 attempts: HTTP 500"


async def test_one_delivery_that_always_fails_never_means_that_the_receiver_is_down() -> None:
    outbox, receiver = MemoryOutbox(), Receiver()
    owe(outbox, 1)
    receiver.answer = lambda delivery: OutputUnavailable("HTTP 500") if delivery.event.event_id == event_id(1) else None
    patient = RetryPolicy(first=timedelta(milliseconds=1), cap=timedelta(milliseconds=1))
    async with running(outbox, receiver, policy=patient, poll=timedelta(milliseconds=1)) as dispatcher:
        await until(lambda: len(receiver.attempts) >= 10)
        assert dispatcher.stats[0].paused_until is None
        outbox.owe(plate_recognized(2), "hook", now())
        dispatcher.wake()
        await until(lambda: receiver.heard == [event_id(2)])


async def test_many_deliveries_that_always_fail_hold_up_a_new_one_for_one_pause_at_most() -> None:
    outbox, receiver = MemoryOutbox(), Receiver()
    bad = set(owe(outbox, 60))
    receiver.answer = lambda delivery: OutputUnavailable("HTTP 500") if delivery.event.event_id in bad else None
    steady = RetryPolicy(first=timedelta(milliseconds=10), cap=timedelta(milliseconds=10), max_attempts=10_000)
    async with running(outbox, receiver, policy=steady, batch=10) as dispatcher:
        await until(lambda: len(receiver.attempts) >= 70)
        assert dispatcher.stats[0].paused_until is not None
        outbox.owe(plate_recognized(61), "hook", now())
        before = len(receiver.attempts)
        await until(lambda: bool(receiver.heard))
    assert receiver.attempts[before : before + 2].count(event_id(61)) == 1


async def test_a_receiver_that_is_back_gets_the_rest_in_order_after_one_probe() -> None:
    outbox, receiver = MemoryOutbox(), Receiver()
    receiver.answer = lambda delivery: OutputUnavailable("down")
    expected = owe(outbox, 30)
    steady = RetryPolicy(first=timedelta(milliseconds=1), cap=timedelta(milliseconds=1), max_attempts=10_000)
    async with running(outbox, receiver, policy=steady, concurrency=1, jitter=lambda: 0.0) as dispatcher:
        await until(lambda: dispatcher.stats[0].failed >= 10)
        receiver.answer = lambda delivery: None
        await until(lambda: len(receiver.heard) == 30)
    probe, *rest = receiver.heard
    assert sorted(receiver.heard) == expected
    assert rest == sorted(rest), f"after {probe}"


async def test_a_refusal_is_parked_after_a_few_attempts_and_a_final_one_at_once() -> None:
    outbox, receiver = MemoryOutbox(), Receiver()
    owe(outbox, 2)
    receiver.answer = lambda delivery: OutputRefused("HTTP 400", final=delivery.event.event_id == event_id(2))
    async with running(outbox, receiver) as dispatcher:
        await until(lambda: len(outbox.parked) == 2)
        assert dispatcher.stats[0].parked == 2
    assert receiver.attempts.count(event_id(1)) == 3
    assert receiver.attempts.count(event_id(2)) == 1


async def test_the_wish_of_a_receiver_to_be_left_alone_is_respected() -> None:
    outbox, receiver = MemoryOutbox(), Receiver()
    receiver.answer = lambda delivery: OutputUnavailable("busy", retry_after=timedelta(minutes=10))
    owe(outbox, 1)
    async with running(outbox, receiver):
        await until(lambda: bool(receiver.attempts))
        await asyncio.sleep(0.03)
    assert len(receiver.attempts) == 1
    assert list(await outbox.due("hook", now() + timedelta(minutes=9), 10)) == []


async def test_a_dead_receiver_delays_no_other() -> None:
    outbox, dead, alive = MemoryOutbox(), Receiver("dead"), Receiver("alive")

    async def never(delivery: Delivery) -> None:
        await asyncio.Event().wait()

    dead.send = never  # type: ignore[method-assign]
    owe(outbox, 5, "dead")
    owe(outbox, 5, "alive")
    async with running(outbox, dead, alive):
        await until(lambda: len(alive.heard) == 5)


async def test_a_send_that_never_ends_counts_as_no_answer() -> None:
    outbox, receiver = MemoryOutbox(), Receiver()

    async def never(delivery: Delivery) -> None:
        await asyncio.Event().wait()

    receiver.send = never  # type: ignore[method-assign]
    owe(outbox, 1)
    async with running(outbox, receiver, send_timeout=timedelta(milliseconds=5)) as dispatcher:
        await until(lambda: dispatcher.stats[0].failed > 0)
        assert "no answer" in (dispatcher.stats[0].last_error or "")


async def test_no_more_are_sent_at_once_than_allowed() -> None:
    outbox, receiver = MemoryOutbox(), Receiver()
    owe(outbox, 50)
    async with running(outbox, receiver, concurrency=3):
        await until(lambda: len(receiver.heard) == 50)
    assert 1 < receiver.most_at_once <= 3


async def test_a_stop_between_the_answer_and_the_commit_lets_the_commit_end() -> None:
    committing, finish = asyncio.Event(), asyncio.Event()

    class SlowOutbox(MemoryOutbox):
        async def delivered(self, delivery_id: int, at: datetime) -> None:
            committing.set()
            await finish.wait()
            await super().delivered(delivery_id, at)

    outbox, receiver = SlowOutbox(), Receiver()
    owe(outbox, 1)
    dispatcher = Dispatcher(outbox=outbox, outputs=[receiver])
    task = asyncio.create_task(dispatcher.run())
    await committing.wait()
    task.cancel()
    await asyncio.sleep(0)
    finish.set()
    await asyncio.wait([task])
    assert task.cancelled()
    assert outbox.delivered_ids == [event_id(1)]


async def test_a_process_that_dies_before_the_commit_sends_again_after_the_restart() -> None:
    class DyingOutbox(MemoryOutbox):
        dead = True

        async def delivered(self, delivery_id: int, at: datetime) -> None:
            if self.dead:
                raise OSError("the disk is gone")
            await super().delivered(delivery_id, at)

    outbox, receiver = DyingOutbox(), Receiver()
    owe(outbox, 1)
    with pytest.raises(ExceptionGroup):
        await Dispatcher(outbox=outbox, outputs=[receiver]).run()
    outbox.dead = False
    async with running(outbox, receiver):
        await until(lambda: bool(outbox.delivered_ids))
    assert receiver.heard == [event_id(1), event_id(1)]  # the same id: the receiver drops the second


class LockedOutbox(MemoryOutbox):
    """One that can neither be read nor written, or only not written, as on a full disk."""

    writable = readable = True
    refusals = 0

    async def due(
        self, output_id: str, now: datetime, limit: int, *, least_tried_first: bool = False
    ) -> Sequence[Delivery]:
        self._check(self.readable)
        return await super().due(output_id, now, limit, least_tried_first=least_tried_first)

    async def delivered(self, delivery_id: int, at: datetime) -> None:
        self._check(self.writable)
        await super().delivered(delivery_id, at)

    async def postpone(self, delivery_id: int, until: datetime, error: str) -> None:
        self._check(self.writable)
        await super().postpone(delivery_id, until, error)

    def _check(self, usable: bool) -> None:
        if not usable:
            self.refusals += 1
            raise OutboxUnavailable("the disk is full")


async def test_an_outbox_that_cannot_be_read_for_a_while_is_asked_again() -> None:
    outbox, receiver = LockedOutbox(), Receiver()
    expected = owe(outbox, 3)
    outbox.readable = False
    async with running(outbox, receiver, concurrency=1, poll=timedelta(milliseconds=2)):
        await until(lambda: outbox.refusals >= 3)
        outbox.readable = True
        await until(lambda: len(receiver.heard) == 3)
    assert receiver.heard == expected


async def test_what_was_delivered_while_the_disk_was_full_is_settled_later_and_not_sent_again() -> None:
    outbox, receiver = LockedOutbox(), Receiver()
    expected = owe(outbox, 10)
    outbox.writable = False
    async with running(outbox, receiver, poll=timedelta(milliseconds=2)) as dispatcher:
        await until(lambda: outbox.refusals >= 20)
        assert sorted(receiver.attempts) == expected[:4]  # what was being sent at once, and nothing after it
        dispatcher.replace_outputs([again := Receiver()])
        await until(lambda: outbox.refusals >= 40)
        outbox.writable = True
        await until(lambda: len(outbox.delivered_ids) == 10)
    assert sorted(again.attempts) == expected[4:]
    assert sorted(receiver.attempts) == expected[:4]


async def test_the_patience_with_a_receiver_outlasts_a_full_disk() -> None:
    outbox, receiver = LockedOutbox(), Receiver()
    owe(outbox, 1)
    outbox.writable = False
    receiver.answer = lambda delivery: OutputUnavailable("busy", retry_after=timedelta(minutes=10))
    async with running(outbox, receiver, poll=timedelta(milliseconds=2)):
        await until(lambda: outbox.refusals >= 3)
        outbox.writable = True
        await until(lambda: outbox.attempts_of(1) == 1)
    assert len(receiver.attempts) == 1


async def test_outputs_come_and_go_while_running() -> None:
    outbox, old, new = MemoryOutbox(), Receiver("old"), Receiver("new")
    async with running(outbox, old, poll=timedelta(milliseconds=5)) as dispatcher:
        owe(outbox, 1, "old")
        await until(lambda: len(old.heard) == 1)
        dispatcher.replace_outputs([new])
        owe(outbox, 1, "old")
        owe(outbox, 1, "new")
        await until(lambda: len(new.heard) == 1)
        await asyncio.sleep(0.02)
        assert [stats.output_id for stats in dispatcher.stats] == ["new"]
    assert len(old.heard) == 1
    assert await outbox.backlog("old") == 1


async def test_replacing_an_output_while_it_sends_neither_loses_nor_repeats() -> None:
    outbox, old, new = MemoryOutbox(), Receiver(), Receiver()
    sending, finish = asyncio.Event(), asyncio.Event()

    async def slow(delivery: Delivery) -> None:
        sending.set()
        await finish.wait()
        old.heard.append(delivery.event.event_id)

    old.send = slow  # type: ignore[method-assign]
    expected = owe(outbox, 3)
    async with running(outbox, old, concurrency=1) as dispatcher:
        await sending.wait()
        dispatcher.replace_outputs([new])
        await asyncio.sleep(0.01)
        assert new.attempts == []
        finish.set()
        await until(lambda: len(outbox.delivered_ids) == 3)
    assert (old.heard, new.heard) == (expected[:1], expected[1:])


async def test_an_output_that_is_mended_during_its_pause_is_tried_at_once() -> None:
    outbox, broken, mended = MemoryOutbox(), Receiver(), Receiver()
    broken.answer = lambda delivery: OutputUnavailable("wrong address")
    owe(outbox, 4)
    patient = RetryPolicy(first=timedelta(hours=1), cap=timedelta(hours=1))
    async with running(outbox, broken, policy=patient) as dispatcher:
        await until(lambda: dispatcher.stats[0].paused_until is not None)
        owe(outbox, 1)
        dispatcher.replace_outputs([mended])
        await until(lambda: len(mended.heard) == 1)


async def test_a_bug_in_one_output_neither_ends_the_dispatcher_nor_delays_the_others() -> None:
    outbox, broken, healthy = MemoryOutbox(), Receiver("broken"), Receiver("healthy")
    broken.answer = lambda delivery: ZeroDivisionError("nobody thought of this")
    owe(outbox, 1, "broken")
    async with running(outbox, broken, healthy) as dispatcher:
        await until(lambda: len(outbox.parked) == 1)
        expected = owe(outbox, 5, "healthy")
        dispatcher.wake()
        await until(lambda: len(healthy.heard) == 5)
    assert sorted(healthy.heard) == expected
    assert len(broken.attempts) == QUICK.max_attempts  # tried as often as a receiver that is down
    assert "nobody thought of this" in outbox.parked[0][1]


async def test_an_outbox_with_a_bug_ends_the_dispatcher() -> None:
    class Broken(MemoryOutbox):
        async def delivered(self, delivery_id: int, now: datetime) -> None:
            raise RuntimeError("nobody thought of this")

    outbox = Broken()
    owe(outbox, 1)
    with pytest.raises(ExceptionGroup) as ended:
        async with asyncio.timeout(60):
            await Dispatcher(outbox=outbox, outputs=[Receiver()], policy=QUICK).run()
    assert "nobody thought of this" in "".join(traceback.format_exception(ended.value))


@given(attempts=st.integers(1, 10_000), jitter=st.floats(0, 1))
def test_the_delay_grows_to_its_cap_and_never_beyond(attempts: int, jitter: float) -> None:
    policy = RetryPolicy()
    delay = policy.delay(attempts, jitter)
    assert policy.first * 0.75 <= delay <= policy.cap
    assert policy.delay(attempts + 1, jitter) >= delay
