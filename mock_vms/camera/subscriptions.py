"""Pull points: who is subscribed, until when, and what waits for whom."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from mock_vms.camera.filters import Filter, Topic, wsn_fault
from mock_vms.camera.soap import SoapFault
from mock_vms.camera.xml import WSRF_R, Element, Maker

_log = structlog.get_logger(__name__)
# Well above the 20 that leaking clients need; low enough that a client which never unsubscribes is noticed.
MAX_PULL_POINTS = 50
# A pull point that nobody empties loses its oldest messages beyond this; the loss is counted and logged.
MAX_WAITING = 1000


@dataclass(frozen=True, slots=True)
class Notification:
    """One event as it goes out: its topic, and its tt:Message."""

    topic: Topic
    message: Element


@dataclass(slots=True, kw_only=True)
class PullPoint:
    """One subscription with a bounded queue of its own."""

    id: str
    passes: Filter
    life: timedelta
    expires_at_s: float
    changed_only: bool = False
    waiting: deque[Notification] = field(default_factory=deque)
    lost: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    pulling: bool = False
    gone: bool = False

    def offer(self, notification: Notification) -> None:
        if not self.passes(notification.topic, notification.message):
            return
        if len(self.waiting) >= MAX_WAITING:
            self.waiting.popleft()
            self.lost += 1
            if self.lost % MAX_WAITING == 1:
                _log.warning("pull point is full, oldest messages are dropped", pull_point=self.id, lost=self.lost)
        self.waiting.append(notification)
        self.arrived.set()

    def take(self, limit: int) -> list[Notification]:
        taken = [self.waiting.popleft() for _ in range(min(limit, len(self.waiting)))]
        if not self.waiting:
            self.arrived.clear()
        return taken

    def end(self) -> None:
        """Wake whoever pulls, so that it learns that the subscription is gone."""
        self.gone = True
        self.arrived.set()


class PullPoints:
    """All pull points of a camera. Lives in one event loop; time is monotonic, so setting the clock ends nothing."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._points: dict[str, PullPoint] = {}

    def __len__(self) -> int:
        self._drop_expired()
        return len(self._points)

    def __iter__(self) -> Iterator[PullPoint]:
        return iter(list(self._points.values()))

    def create(
        self, *, passes: Filter, life: timedelta, changed_only: bool, initial: Iterable[Notification]
    ) -> PullPoint:
        """A new pull point that already holds the properties' present values."""
        self._drop_expired()
        if len(self._points) >= MAX_PULL_POINTS:
            raise wsn_fault("SubscribeCreationFailedFault", f"All {MAX_PULL_POINTS} pull points are taken")
        point = PullPoint(
            id=secrets.token_hex(8),
            passes=passes,
            life=life,
            expires_at_s=self._monotonic() + life.total_seconds(),
            changed_only=changed_only,
        )
        self._points[point.id] = point
        self.resend(point, initial)
        return point

    def find(self, subscription_id: str | None) -> PullPoint:
        """The living pull point; a ResourceUnknownFault when it has expired or never was."""
        self._drop_expired()
        point = self._points.get(subscription_id or "")
        if point is None:
            raise unknown_subscription()
        return point

    def remaining(self, point: PullPoint) -> timedelta:
        return timedelta(seconds=max(0.0, point.expires_at_s - self._monotonic()))

    def renew(self, point: PullPoint, life: timedelta) -> None:
        point.expires_at_s = self._monotonic() + life.total_seconds()

    def keep_alive(self, point: PullPoint, at_least: timedelta) -> None:
        """Pulling extends a life but never shortens it (Core 9.1.1)."""
        wanted = self._monotonic() + max(at_least, point.life).total_seconds()
        point.expires_at_s = max(point.expires_at_s, wanted)

    def remove(self, point: PullPoint) -> None:
        point.end()
        self._points.pop(point.id, None)

    def remove_all(self) -> None:
        for point in list(self._points.values()):
            self.remove(point)

    def publish(self, notification: Notification) -> None:
        self._drop_expired()
        for point in self._points.values():
            point.offer(notification)

    def resend(self, point: PullPoint, initial: Iterable[Notification]) -> None:
        """Offer property values as Initialized, unless the client asked for changes only."""
        if not point.changed_only:
            for notification in initial:
                point.offer(notification)

    async def pull(self, point: PullPoint, *, limit: int, timeout: timedelta) -> list[Notification]:
        """What waits, at once; else what comes within the time-out; else nothing. One pull at a time."""
        if point.pulling:
            raise wsn_fault("UnableToGetMessagesFault", "Another PullMessages is waiting on this pull point")
        point.pulling = True
        self.keep_alive(point, timeout)
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                await point.arrived.wait()
        except TimeoutError:
            pass
        finally:
            point.pulling = False
        if point.gone:
            raise unknown_subscription()
        self.keep_alive(point, timeout)
        return point.take(limit)

    def _drop_expired(self) -> None:
        now = self._monotonic()
        for point in [point for point in self._points.values() if point.expires_at_s <= now and not point.pulling]:
            _log.info("pull point expired", pull_point=point.id)
            self.remove(point)


def unknown_subscription() -> SoapFault:
    return wsn_fault("ResourceUnknownFault", "There is no such subscription; it may have expired", make=Maker(WSRF_R))
