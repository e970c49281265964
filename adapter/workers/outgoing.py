"""What a worker still has to say: passages and counts until the controller has them, everything else newest only.

Bounded in number and bytes. When it is full, the oldest preview goes first and the oldest final one last.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

import structlog

from adapter.workers.messages import Counted, FromWorker, Kept, Told
from inference.types import PassageState

# An hour of a busy gate while the controller is away; the pictures of that many fit in the bytes, mostly.
MOST_KEPT = 2000
MOST_BYTES = 256 * 2**20

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Waiting:
    message: Kept
    since_s: float
    size: int
    sent: bool = False


class Outgoing:
    """One event loop; the link takes from it with `next`."""

    def __init__(
        self, *, most: int = MOST_KEPT, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._clock = clock
        self._kept: OrderedDict[int, _Waiting] = OrderedDict()
        self._bytes = 0
        self._newest: OrderedDict[Hashable, FromWorker] = OrderedDict()
        self._number = 0
        self._news = asyncio.Event()
        self._lost: Counter[str] = Counter()

    @property
    def kept(self) -> int:
        """How many messages the controller has not acknowledged."""
        return len(self._kept)

    def keep(self, message: Kept) -> None:
        """Say it until it is acknowledged."""
        self._number += 1
        waiting = _Waiting(replace(message, number=self._number), self._clock(), _size(message))
        self._kept[self._number] = waiting
        self._bytes += waiting.size
        while len(self._kept) > self._most or self._bytes > self._most_bytes:
            self._drop()
        self._news.set()

    def show(self, key: Hashable, message: FromWorker) -> None:
        """Say it once, unless something newer comes under the same key first."""
        self._newest[key] = message
        self._news.set()

    def begin(self) -> None:
        """A new link: what was not acknowledged is said again, and what was newest then is old now."""
        for waiting in self._kept.values():
            waiting.sent = False
        self._newest.clear()
        self._news.set()
        if self._lost:
            log.warning("passages and counts were lost while the controller was away", lost=dict(self._lost))
            self._lost.clear()

    def heard(self, number: int) -> None:
        """The controller has everything up to this."""
        while self._kept and next(iter(self._kept)) <= number:
            self._bytes -= self._kept.popitem(last=False)[1].size
        self._news.set()

    async def next(self) -> FromWorker:
        """What is to be said next; waits for it."""
        while True:
            self._news.clear()
            for waiting in self._kept.values():
                if not waiting.sent:
                    waiting.sent = True
                    return self._timed(waiting)
            if self._newest:
                return self._newest.popitem(last=False)[1]
            await self._news.wait()

    async def empty(self) -> None:
        """Returns when everything kept is acknowledged."""
        while self._kept:
            self._news.clear()
            await self._news.wait()

    def _timed(self, waiting: _Waiting) -> FromWorker:
        if isinstance(waiting.message, Told):
            return replace(waiting.message, waited_s=self._clock() - waiting.since_s)
        return waiting.message

    def _drop(self) -> None:
        number = min(self._kept, key=lambda one: (_worth(self._kept[one].message), one))
        waiting = self._kept.pop(number)
        self._bytes -= waiting.size
        name = waiting.message.state.value if isinstance(waiting.message, Told) else waiting.message.kind
        self._lost[name] += 1


def _worth(message: Kept) -> int:
    """What is worth least goes first."""
    if not isinstance(message, Told):
        return 1 if isinstance(message, Counted) else 2
    return 2 if message.state is PassageState.FINAL else 0


def _size(message: Kept) -> int:
    return len(message.frame_jpeg) + len(message.plate_png) if isinstance(message, Told) else 0
