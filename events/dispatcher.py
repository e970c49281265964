"""Carries what the outbox owes to the durable outputs: at least once, in order as far as the receiver allows.

One loop per output, so a dead receiver delays nobody else. A delivery that fails is postponed with capped exponential
backoff and jitter; when several different ones fail with no success between them, the receiver is taken to be down and
the whole output pauses, so a backlog of thousands does not become thousands of attempts. After a pause, the delivery
with the fewest attempts is the probe: events that this receiver always fails at hold up no other. After `max_attempts`,
or a refusal, a delivery is parked.

An outbox that cannot be used for a while (a full disk) pauses the output. What became of a delivery meanwhile is kept
in memory and settled before anything else is sent, so that nothing delivered is sent again while the process lives.

A process that dies between the receiver's answer and `delivered` sends again after restart: receivers dedupe on the
event id. That is the only way a duplicate can arise.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from events.errors import OutboxUnavailable, OutputRefused, OutputUnavailable
from events.ports import Outbox
from events.types import Delivery

_log = structlog.get_logger(__name__)

Commit = Callable[[], Awaitable[None]]


class Output(Protocol):
    """Something that can be told of an event. Raises OutputUnavailable (try later) or OutputRefused (never)."""

    @property
    def output_id(self) -> str: ...

    async def send(self, delivery: Delivery) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How patient we are. The defaults outlast a receiver that is down from Friday evening to Monday morning."""

    first: timedelta = timedelta(seconds=1)
    cap: timedelta = timedelta(minutes=5)
    max_attempts: int = 1000
    """At the cap, three days."""
    refused_attempts: int = 5
    """A receiver may refuse an event by mistake, while it starts: ask this often before parking."""
    down_after: int = 3
    """This many deliveries that failed, and none that did not, mean that the receiver is down."""

    def delay(self, attempts: int, jitter: float) -> timedelta:
        """Before the next attempt, after `attempts` failures. `jitter` 0 to 1 shortens it by up to a quarter."""
        doubled: timedelta = self.first * 2 ** min(max(attempts - 1, 0), 20)
        return min(doubled, self.cap) * (1 - jitter / 4)


@dataclass(slots=True, kw_only=True)
class OutputStats:
    """What an operator wants to know about one output. Counters since this process started."""

    output_id: str
    sent: int = 0
    failed: int = 0
    parked: int = 0
    consecutive_failures: int = 0
    last_success_at: datetime | None = None
    last_error: str | None = None
    """None again after a success."""
    last_error_at: datetime | None = None
    paused_until: datetime | None = None


class _Loop:
    """One output's loop: the bell wakes it, `retire` asks it to end after what it is doing."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self.bell = asyncio.Event()
        self.retired = False
        self.failing: set[int] = set()
        """Deliveries that failed since the last success."""
        self.pauses = 0
        """Since the last success."""

    def retire(self) -> None:
        self.retired = True
        self.bell.set()


class Dispatcher:
    """Runs one loop per output until cancelled."""

    def __init__(
        self,
        *,
        outbox: Outbox,
        outputs: Iterable[Output] = (),
        policy: RetryPolicy | None = None,
        concurrency: int = 4,
        batch: int = 50,
        poll: timedelta = timedelta(seconds=5),
        send_timeout: timedelta = timedelta(seconds=60),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`poll` is how often an idle loop looks without being woken: for deliveries stored by another process.

        It is as often that an outbox is asked which could not be used.
        """
        self._outbox = outbox
        self._outputs = {output.output_id: output for output in outputs}
        self._policy = policy or RetryPolicy()
        self._concurrency = concurrency
        self._batch = batch
        self._poll = poll
        self._send_timeout = send_timeout
        self._clock = clock
        self._jitter = jitter
        self._stats = {output_id: OutputStats(output_id=output_id) for output_id in self._outputs}
        self._loops: dict[str, _Loop] = {}
        self._changed = asyncio.Event()
        # By output. No more than were being sent at once: nothing is sent while something waits here.
        self._unsettled: defaultdict[str, deque[Commit]] = defaultdict(deque)
        self._without_outbox: set[str] = set()

    @property
    def stats(self) -> Sequence[OutputStats]:
        return tuple(self._stats[output_id] for output_id in self._outputs)

    def wake(self) -> None:
        """New deliveries were committed: look now instead of at the next poll."""
        for loop in self._loops.values():
            loop.bell.set()

    def replace_outputs(self, outputs: Iterable[Output]) -> None:
        """Take another set of outputs into use. A send that is under way is let finish, then its loop ends."""
        self._outputs = {output.output_id: output for output in outputs}
        for output_id in self._outputs:
            self._stats.setdefault(output_id, OutputStats(output_id=output_id))
        for output_id, loop in self._loops.items():
            if self._outputs.get(output_id) is not loop.output:
                loop.retire()
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled. An outbox that breaks in a way it does not declare ends the run: the core dies."""
        tasks: dict[str, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                retired = [output_id for output_id, loop in self._loops.items() if loop.retired]
                for output_id in retired:
                    # Bounded by the send time-out. Two loops for one output would send the same delivery twice.
                    await asyncio.wait([tasks.pop(output_id)])
                    del self._loops[output_id]
                    # What has been mended deserves a try at once.
                    self._stats[output_id].paused_until = None
                for output_id, output in self._outputs.items():
                    if output_id not in self._loops:
                        loop = self._loops[output_id] = _Loop(output)
                        tasks[output_id] = group.create_task(self._run_output(loop), name=f"dispatch {output_id}")
                await self._changed.wait()

    async def _run_output(self, loop: _Loop) -> None:
        output_id = loop.output.output_id
        while not loop.retired:
            loop.bell.clear()
            now = self._clock()
            pause = self._stats[output_id].paused_until
            if pause is not None and pause > now:
                await _ring(loop.bell, pause - now)
                continue
            due = await self._due(output_id, probe=loop.pauses > 0)
            if due:
                await self._send_batch(loop, due)
            else:
                await _ring(loop.bell, self._poll if output_id in self._without_outbox else self._idle())

    async def _due(self, output_id: str, *, probe: bool) -> Sequence[Delivery]:
        """Settle what could not be settled before, then look; nothing while the outbox cannot be used."""
        unsettled = self._unsettled[output_id]
        try:
            while unsettled:
                await _to_its_end(unsettled[0]())
                unsettled.popleft()
            now = self._clock()
            due = await self._outbox.due(output_id, now, 1 if probe else self._batch, least_tried_first=probe)
        except OutboxUnavailable as error:
            self._note_outbox(output_id, error)
            return ()
        if output_id in self._without_outbox:
            self._without_outbox.remove(output_id)
            _log.info("outbox recovered", output_id=output_id)
        return due

    async def _settle(self, output_id: str, commit: Commit) -> None:
        try:
            await _to_its_end(commit())
        except OutboxUnavailable as error:
            self._unsettled[output_id].append(commit)
            self._note_outbox(output_id, error)

    def _note_outbox(self, output_id: str, error: OutboxUnavailable) -> None:
        log = _log.debug if output_id in self._without_outbox else _log.error
        log("deliveries wait for the outbox", output_id=output_id, error=str(error))
        self._without_outbox.add(output_id)

    def _idle(self) -> timedelta:
        """A postponed delivery may be due sooner than the poll: never sleep longer than the first retry delay."""
        return min(self._poll, max(self._policy.first, timedelta(milliseconds=50)))

    async def _send_batch(self, loop: _Loop, due: Sequence[Delivery]) -> None:
        """Offer the batch oldest first, a few at a time; stop early when the receiver turns out to be down."""
        output = loop.output
        stats = self._stats[output.output_id]
        step = self._concurrency
        start = 0
        while start < len(due) and not loop.retired:
            # While failures last, probe with one at a time.
            width = 1 if loop.failing else step
            async with asyncio.TaskGroup() as group:
                for delivery in due[start : start + width]:
                    group.create_task(self._send_one(loop, delivery), name=f"send {delivery.delivery_id}")
            start += width
            if self._unsettled[output.output_id]:
                return
            if len(loop.failing) >= self._policy.down_after:
                loop.pauses += 1
                stats.paused_until = self._clock() + self._policy.delay(loop.pauses, self._jitter())
                return

    async def _send_one(self, loop: _Loop, delivery: Delivery) -> None:
        output = loop.output
        stats = self._stats[output.output_id]
        try:
            async with asyncio.timeout(self._send_timeout.total_seconds()):
                await output.send(delivery)
        except (OutputUnavailable, TimeoutError) as error:
            await self._failed(loop, delivery, error)
        except OutputRefused as error:
            await self._refused(stats, delivery, error)
        except Exception as error:  # noqa: BLE001 - where this edge is tried again: here it is a bug, and is told whole
            # The delivery stays owed, so a core that died of it would die again at every start.
            _log.error("output broke", output_id=output.output_id, event_id=delivery.event.event_id, exc_info=error)
            await self._failed(loop, delivery, OutputUnavailable(f"a bug in this output: {error!r}"))
        else:
            if stats.consecutive_failures:
                _log.info("output recovered", output_id=output.output_id)
            stats.sent += 1
            stats.consecutive_failures = 0
            loop.failing.clear()
            loop.pauses = 0
            stats.paused_until = None
            stats.last_error = None
            stats.last_success_at = self._clock()
            await self._settle(output.output_id, partial(self._outbox.delivered, delivery.delivery_id, self._clock()))

    async def _failed(self, loop: _Loop, delivery: Delivery, error: OutputUnavailable | TimeoutError) -> None:
        stats = self._stats[delivery.output_id]
        reason = str(error) or f"no answer within {self._send_timeout.total_seconds():.0f} s"
        self._note(stats, delivery, reason)
        stats.consecutive_failures += 1
        loop.failing.add(delivery.delivery_id)
        attempts = delivery.attempts + 1
        if attempts >= self._policy.max_attempts:
            await self._park(stats, delivery, f"given up after {attempts} attempts: {reason}")
            return
        delay = self._policy.delay(attempts, self._jitter())
        wish = error.retry_after if isinstance(error, OutputUnavailable) else None
        if wish is not None:
            delay = min(max(delay, wish), timedelta(hours=1))
        await self._postpone(delivery, delay, reason)

    async def _refused(self, stats: OutputStats, delivery: Delivery, error: OutputRefused) -> None:
        self._note(stats, delivery, str(error))
        attempts = delivery.attempts + 1
        if error.final or attempts >= self._policy.refused_attempts:
            await self._park(stats, delivery, str(error))
            return
        await self._postpone(delivery, self._policy.delay(attempts, self._jitter()), str(error))

    async def _postpone(self, delivery: Delivery, delay: timedelta, reason: str) -> None:
        until = self._clock() + delay
        await self._settle(delivery.output_id, partial(self._outbox.postpone, delivery.delivery_id, until, reason))

    async def _park(self, stats: OutputStats, delivery: Delivery, reason: str) -> None:
        stats.parked += 1
        _log.error(
            "delivery parked until a person replays it",
            output_id=delivery.output_id,
            event_id=delivery.event.event_id,
            reason=reason,
        )
        await self._settle(delivery.output_id, partial(self._outbox.park, delivery.delivery_id, reason))

    def _note(self, stats: OutputStats, delivery: Delivery, reason: str) -> None:
        stats.failed += 1
        stats.last_error = reason
        stats.last_error_at = self._clock()
        log = _log.debug if stats.consecutive_failures else _log.warning
        log("delivery failed", output_id=delivery.output_id, event_id=delivery.event.event_id, reason=reason)


async def _to_its_end(commit: Awaitable[None]) -> None:
    """Let a commit that has begun come to its end, then pass the cancellation on."""
    task = asyncio.ensure_future(commit)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _ring(bell: asyncio.Event, at_most: timedelta) -> None:
    try:
        async with asyncio.timeout(at_most.total_seconds()):
            await bell.wait()
    except TimeoutError:
        return
