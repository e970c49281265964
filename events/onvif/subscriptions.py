"""Pull points: every VMS that asks gets a queue of its own, for as long as it keeps asking (Core 9.1 to 9.11).

Session outputs, not durable ones: a subscriber that comes back after a gap uses Seek, which reads the journal.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from events.onvif import messages
from events.onvif.errors import FaultName, SubscriptionFault
from events.onvif.filters import EVERYTHING, Filter
from events.onvif.messages import Message, PropertyOperation
from events.onvif.pull_point import PullPoint
from events.onvif.replay import Replay
from events.onvif.terms import parse_termination
from events.ports import Journal
from events.types import Event

# Clients leak pull points (onvif-zeep makes one per camera object), so they end soon unless used.
DEFAULT_LIFE = timedelta(seconds=60)
MAX_LIFE = timedelta(days=1)
MAX_PULL_TIMEOUT = timedelta(minutes=5)
MAX_MESSAGE_LIMIT = 1000
DEFAULT_CAPACITY = 500
DEFAULT_QUEUE_SIZE = 500
# How often a waiting pull looks whether its client is still there; a dead one must not block the next pull for long.
_LOOK_EVERY_S = 1.0
# A replay may read many pages that the filter lets nothing of through; a pull gives that this long at least.
_REPLAY_PATIENCE_S = 5.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A subscription as the client is told of it."""

    subscription_id: str
    current_time: datetime
    termination_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """The answer to PullMessages."""

    current_time: datetime
    termination_time: datetime
    messages: Sequence[Message]


class Subscriptions:
    """All pull points of the device. Attach `publish` to the live fan-out; everything else answers a request."""

    def __init__(
        self,
        *,
        journal: Journal,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        capacity: int = DEFAULT_CAPACITY,
        queue_size: int = DEFAULT_QUEUE_SIZE,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._capacity = capacity
        self._queue_size = queue_size
        self._pull_points: dict[str, PullPoint] = {}
        self._properties: dict[object, Message] = {}
        self._closed_drops = 0

    @property
    def capacity(self) -> int:
        return self._capacity

    @property
    def count(self) -> int:
        """Pull points alive now."""
        self._expire()
        return len(self._pull_points)

    @property
    def points(self) -> Sequence[PullPoint]:
        """For status pages: who listens, how much waits, what was lost."""
        return tuple(self._pull_points.values())

    @property
    def dropped(self) -> int:
        """Messages that slow subscribers have lost, since this process started."""
        return self._closed_drops + sum(point.dropped for point in self._pull_points.values())

    def publish(self, event: Event) -> None:
        """Queue the event for everybody who wants it. Returns at once; call it after the commit."""
        message = messages.from_event(event)
        if message is None:
            return
        if message.operation is not None:
            self._properties[message.property_key] = message
        self._expire()
        for point in self._pull_points.values():
            point.put(message)

    def remember(self, prop: Message) -> None:
        """State a property as it is now, of which no event need have told. Whoever was told otherwise is told now."""
        known = self._properties.get(prop.property_key)
        if known is not None and known.state == prop.state:
            return
        self._properties[prop.property_key] = prop
        if known is not None:
            for point in self._pull_points.values():
                point.put(prop)

    def forget_camera(self, camera_id: str) -> None:
        """A camera was removed: its properties end, and whoever listens is told so."""
        for key, prop in tuple(self._properties.items()):
            if prop.camera_id == camera_id:
                del self._properties[key]
                for point in self._pull_points.values():
                    point.put(prop.restated(PropertyOperation.DELETED))

    def create(
        self, *, wanted: Filter = EVERYTHING, initial_termination: str | None = None, changed_only: bool = False
    ) -> Granted:
        """A new pull point; properties that it wants wait in it as Initialized. Raises SubscriptionFault."""
        self._expire()
        now = self._clock()
        ends_at = self._end(initial_termination, now, FaultName.UNACCEPTABLE_INITIAL_TERMINATION)
        if len(self._pull_points) >= self._capacity:
            raise SubscriptionFault(
                FaultName.CREATION_FAILED,
                f"All {self._capacity} pull points are in use; unsubscribe one or wait until one expires.",
            )
        point = PullPoint(
            subscription_id=secrets.token_hex(16),
            wanted=wanted,
            changed_only=changed_only,
            life=ends_at - now,
            ends_at=ends_at,
            size=self._queue_size,
        )
        self._pull_points[point.subscription_id] = point
        self._tell_properties(point)
        return _granted(point, now)

    async def pull(
        self,
        subscription_id: str,
        *,
        timeout: timedelta,
        limit: int,
        connected: Callable[[], bool] = lambda: True,
    ) -> Pulled:
        """Waiting messages at once, else the first that come, else none after `timeout`. Raises SubscriptionFault.

        When `connected` says that the client has gone, messages stay in the queue for its next pull.
        """
        point = self._find(subscription_id)
        if timeout > MAX_PULL_TIMEOUT:
            raise SubscriptionFault(
                FaultName.PULL_MESSAGES,
                f"The Timeout must not exceed {MAX_PULL_TIMEOUT.total_seconds():.0f} s.",
                max_timeout=MAX_PULL_TIMEOUT,
                max_messages=MAX_MESSAGE_LIMIT,
            )
        if point.pulling:
            raise SubscriptionFault(
                FaultName.UNABLE_TO_GET_MESSAGES, "Another PullMessages of this pull point is still waiting."
            )
        point.pulling = True
        try:
            self._keep_alive(point, timeout)
            taken = await self._wait(point, timeout, min(max(limit, 1), MAX_MESSAGE_LIMIT), connected)
        finally:
            point.pulling = False
        if point.closed:
            raise self._unknown(subscription_id)
        self._keep_alive(point, timeout)
        return Pulled(current_time=self._clock(), termination_time=point.ends_at, messages=taken)

    def give_back(self, subscription_id: str, taken: Sequence[Message]) -> None:
        """Return messages that could not be sent, to be told by the next pull."""
        point = self._pull_points.get(subscription_id)
        if point is not None:
            point.give_back(list(taken))

    def renew(self, subscription_id: str, termination: str | None) -> Granted:
        """A new termination time. Raises SubscriptionFault."""
        point = self._find(subscription_id)
        now = self._clock()
        point.ends_at = self._end(termination, now, FaultName.UNACCEPTABLE_TERMINATION)
        point.life = point.ends_at - now
        return _granted(point, now)

    def unsubscribe(self, subscription_id: str) -> None:
        """End the pull point, and the pull that waits on it. Raises SubscriptionFault."""
        self._close(self._find(subscription_id))

    def set_synchronization_point(self, subscription_id: str) -> None:
        """Tell every property once more. Raises SubscriptionFault."""
        self._tell_properties(self._find(subscription_id))

    def seek(self, subscription_id: str, *, utc_time: datetime, reverse: bool) -> None:
        """Tell stored events from (or back from) `utc_time`. Raises SubscriptionFault."""
        point = self._find(subscription_id)
        point.seek(Replay(journal=self._journal, utc_time=utc_time, reverse=reverse))

    def close(self) -> None:
        """End all pull points."""
        for point in tuple(self._pull_points.values()):
            self._close(point)

    async def _wait(
        self, point: PullPoint, timeout: timedelta, limit: int, connected: Callable[[], bool]
    ) -> list[Message]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        deadline = began + max(timeout.total_seconds(), 0.0)
        while not point.closed and connected():
            taken = point.take(limit)
            if taken:
                return taken
            replay = point.replay
            if replay is not None and not replay.finished:
                if loop.time() > max(deadline, began + _REPLAY_PATIENCE_S):
                    break
                page = await replay.page(self._clock())
                if point.replay is replay:  # no other Seek came in between
                    point.accept_page(page, last=replay.finished)
                continue
            left = deadline - loop.time()
            if left <= 0:
                break
            try:
                async with asyncio.timeout(min(left, _LOOK_EVERY_S)):
                    await point.arrived.wait()
            except TimeoutError:
                continue
        return []

    def _tell_properties(self, point: PullPoint) -> None:
        for prop in self._properties.values():
            point.put(prop.restated(PropertyOperation.INITIALIZED))

    def _keep_alive(self, point: PullPoint, timeout: timedelta) -> None:
        """Every answer leaves the pull point alive for at least the Timeout asked (Core 9.1.1)."""
        point.ends_at = max(point.ends_at, self._clock() + max(timeout, point.life))

    def _end(self, termination: str | None, now: datetime, fault: FaultName) -> datetime:
        if termination is None:
            return now + DEFAULT_LIFE
        try:
            ends_at = parse_termination(termination, now)
        except ValueError as error:
            raise SubscriptionFault(fault, str(error), minimum_time=now, maximum_time=now + MAX_LIFE) from error
        if not now < ends_at <= now + MAX_LIFE:
            raise SubscriptionFault(
                fault,
                "The termination time must lie in the future, by a day at most.",
                minimum_time=now,
                maximum_time=now + MAX_LIFE,
            )
        return ends_at

    def _find(self, subscription_id: str) -> PullPoint:
        self._expire()
        point = self._pull_points.get(subscription_id)
        if point is None:
            raise self._unknown(subscription_id)
        return point

    def _unknown(self, subscription_id: str) -> SubscriptionFault:
        return SubscriptionFault(
            FaultName.RESOURCE_UNKNOWN,
            f"There is no subscription {subscription_id[:64]!r}, or it has expired; create a new pull point.",
        )

    def _expire(self) -> None:
        now = self._clock()
        for point in [point for point in self._pull_points.values() if point.ends_at <= now and not point.pulling]:
            _log.info("subscription expired", subscription=point.subscription_id, undelivered=point.waiting)
            self._close(point)

    def _close(self, point: PullPoint) -> None:
        point.close()
        self._closed_drops += point.dropped
        self._pull_points.pop(point.subscription_id, None)


def _granted(point: PullPoint, now: datetime) -> Granted:
    """Both times from one look at the clock: clients subtract them to see whether their wish was granted."""
    return Granted(subscription_id=point.subscription_id, current_time=now, termination_time=point.ends_at)
