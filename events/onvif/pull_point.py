"""One VMS's pull point: a bounded queue that lives until its termination time."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from events.onvif.filters import Filter
from events.onvif.messages import Message, PropertyOperation
from events.onvif.replay import Replay
from events.onvif.topics import BUFFER_BEGIN

_REMEMBERED_IDS = 4096  # how far commit and live news may lie apart before a replayed event could be told twice

_log = structlog.get_logger(__name__)


class PullPoint:
    """What is waiting for one subscriber. Overflow costs the subscriber its own oldest messages, counted.

    During a forward replay overflow turns the newest away instead: those are in the journal ahead of the cursor.
    """

    def __init__(
        self, *, subscription_id: str, wanted: Filter, changed_only: bool, life: timedelta, ends_at: datetime, size: int
    ) -> None:
        self.subscription_id = subscription_id
        self.life = life
        self.ends_at = ends_at
        self.dropped = 0
        self.pulling = False
        self.replay: Replay | None = None
        self.arrived = asyncio.Event()
        self.closed = False
        self._wanted = wanted
        self._changed_only = changed_only
        self._size = size
        self._queue: deque[Message] = deque()
        self._replayed: deque[Message] = deque()
        self._replayed_ids: OrderedDict[str, None] = OrderedDict()

    @property
    def waiting(self) -> int:
        return len(self._queue) + len(self._replayed)

    def wants(self, message: Message) -> bool:
        if self._changed_only and message.operation in {PropertyOperation.INITIALIZED, PropertyOperation.DELETED}:
            return False
        if not self._wanted.wants_topic(message.topic.path):
            return False
        return not self._wanted.contents or self._wanted.wants_content(message.content)

    def put(self, message: Message) -> None:
        """Queue a live message if it is wanted."""
        if not self.wants(message) or (_is_news(message) and message.event_id in self._replayed_ids):
            return
        if self.replay is not None and self.replay.reverse:
            return  # a reversed pull point looks back only, until the next Seek
        if len(self._queue) >= self._size:
            self._count_drop(message)
            if self.replay is not None:
                return
            self._queue.popleft()
        self._queue.append(message)
        if self.replay is None:
            self.arrived.set()

    def _count_drop(self, message: Message) -> None:
        if self.replay is not None and not self.replay.passed(message.utc_time):
            return  # not lost: the replay comes to it
        self.dropped += 1
        if self.dropped == 1:
            _log.warning("subscriber is too slow, its oldest messages are dropped", subscription=self.subscription_id)

    def take(self, limit: int) -> list[Message]:
        """Up to `limit` messages that may be told now: replayed ones first, live ones once the replay is over."""
        source = self._replayed if self._replayed or self.replay is not None else self._queue
        taken = [source.popleft() for _ in range(min(limit, len(source)))]
        if not self._replayed and (self.replay is not None or not self._queue):
            self.arrived.clear()
        return taken

    def give_back(self, messages: list[Message]) -> None:
        """Put messages back in front: the connection broke before they were sent."""
        self._replayed.extendleft(reversed(messages))
        self.arrived.set()

    def seek(self, replay: Replay) -> None:
        """Move the pull pointer. What waits is in the journal too, on one side of the pointer or the other."""
        self._queue.clear()
        self._replayed.clear()
        self._replayed_ids.clear()
        self.replay = replay
        self.arrived.set()

    def accept_page(self, page: Sequence[Message], *, last: bool) -> None:
        """Take over replayed messages; the live ones among them are not told a second time."""
        ids = {message.event_id for message in page if message.event_id}
        self._queue = deque(message for message in self._queue if not _is_news(message) or message.event_id not in ids)
        self._replayed.extend(message for message in page if message.topic is BUFFER_BEGIN or self.wants(message))
        for event_id in ids:
            self._replayed_ids[event_id] = None
        while len(self._replayed_ids) > _REMEMBERED_IDS:
            self._replayed_ids.popitem(last=False)
        if last and self.replay is not None and not self.replay.reverse:
            self.replay = None
        if self._replayed or (self._queue and self.replay is None):
            self.arrived.set()
        elif self.replay is None or self.replay.finished:
            self.arrived.clear()

    def close(self) -> None:
        """End a pull that is under way."""
        self.closed = True
        self.arrived.set()


def _is_news(message: Message) -> bool:
    """Whether it tells of a stored event; the state of a property is repeated as often as it is asked for."""
    return bool(message.event_id) and message.operation in {None, PropertyOperation.CHANGED}
