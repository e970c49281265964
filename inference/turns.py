"""Whose turn is it? Requests of a device are lent to live cameras first, and to whoever can wait when those are served.

A validation asks hundreds of pictures in a row. Served in the order of asking, every live frame would wait behind it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, TypeVar

# Where live cameras keep a device busy all the time, one of those who can wait is let through this often: a validation
# is slow then and still ends, and a live request waits for at most one of them.
PATIENCE_S = 2.0

_can_wait: ContextVar[bool] = ContextVar("can_wait", default=False)

Item = TypeVar("Item")


class _Waited(threading.local):
    seconds = 0.0


_waited = _Waited()


@contextmanager
def in_background() -> Iterator[None]:
    """What this context asks of a device waits for live cameras. It goes along into `asyncio.to_thread`."""
    token = _can_wait.set(True)
    try:
        yield
    finally:
        _can_wait.reset(token)


def can_wait() -> bool:
    """Whether what is asked here waits for live cameras."""
    return _can_wait.get()


def working_s(clock: Callable[[], float] = time.perf_counter) -> float:
    """The time of a clock that stands still while this thread waits for its turns: what its own work takes."""
    return clock() - _waited.seconds


class _Waiting(Generic[Item]):
    __slots__ = ("item", "served")

    def __init__(self) -> None:
        self.served = threading.Event()
        self.item: Item | None = None


class NoneLeft(Exception):
    """Every item was lost by those who had it."""


class Turns(Generic[Item]):
    """Lends a fixed set of items, one to each caller. Safe from any thread."""

    def __init__(self, items: Iterable[Item], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = deque(items)
        self._left = len(self._free)
        self._clock = clock
        self._lock = threading.Lock()
        self._live: deque[_Waiting[Item]] = deque()
        self._background: deque[_Waiting[Item]] = deque()
        self._let_through_s = clock()

    def waiting(self) -> tuple[int, int]:
        """How many wait now: live, and in the background."""
        with self._lock:
            return len(self._live), len(self._background)

    def take(self, timeout_s: float) -> Item:
        """Raises TimeoutError when none becomes free in time, NoneLeft at once when none can."""
        line = self._background if can_wait() else self._live
        with self._lock:
            if not self._left:
                raise NoneLeft
            # One is free only while nobody waits.
            if self._free:
                self._note(line)
                return self._free.popleft()
            waiting: _Waiting[Item] = _Waiting()
            line.append(waiting)
        began_s = self._clock()
        waiting.served.wait(timeout_s)
        _waited.seconds += self._clock() - began_s
        with self._lock:
            if waiting.item is None:
                line.remove(waiting)
                raise TimeoutError if self._left else NoneLeft
            return waiting.item

    def give_back(self, item: Item) -> None:
        """To the next who waits."""
        with self._lock:
            line = self._next_line()
            if line is None:
                self._free.append(item)
                return
            self._note(line)
            waiting = line.popleft()
            waiting.item = item
            waiting.served.set()

    def lose(self) -> None:
        """An item that was lent does not come back, unless it is `found`."""
        with self._lock:
            self._left -= 1
            if not self._left:
                for waiting in (*self._live, *self._background):
                    waiting.served.set()

    def found(self, item: Item) -> None:
        """It came back after all."""
        with self._lock:
            self._left += 1
        self.give_back(item)

    def _next_line(self) -> deque[_Waiting[Item]] | None:
        overdue = self._background and self._clock() - self._let_through_s >= PATIENCE_S
        if overdue or not self._live:
            return self._background or None
        return self._live

    def _note(self, line: deque[_Waiting[Item]]) -> None:
        if line is self._background:
            self._let_through_s = self._clock()
