"""Tells everybody inside this process what was just committed: pull points, server-sent events, metadata.

Publishing never waits. A listener that does not keep up loses its own oldest events, counted, and hurts no one else.
Nothing here is durable: what must not be lost goes through the outbox, or is read again from the journal.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

from events.types import Event

DEFAULT_MAXSIZE = 256  # a burst of a few seconds on a busy site; older news is worthless to a live view

_log = structlog.get_logger(__name__)


class Listener:
    """One subscriber's bounded queue. Iterate it; leave the `with` block to stop listening."""

    def __init__(self, *, live: Live, name: str, maxsize: int) -> None:
        self.name = name
        self.dropped = 0
        self._live = live
        self._events: deque[Event] = deque(maxlen=maxsize)
        self._arrived = asyncio.Event()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._events.popleft()

    def put(self, event: Event) -> None:
        """Queue one event; when full, the oldest goes."""
        if len(self._events) == self._events.maxlen:
            self.dropped += 1
            if self.dropped == 1:
                _log.warning("listener is too slow, its oldest events are dropped", listener=self.name)
        self._events.append(event)
        self._arrived.set()

    def close(self) -> None:
        """Stop listening; what is queued can still be read."""
        if not self._closed:
            self._closed = True
            self._arrived.set()
            self._live.forget(self)


class Live:
    """The fan-out. Call `publish` after the commit, never before it."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._callbacks: list[Callable[[Event], None]] = []

    @property
    def listeners(self) -> tuple[Listener, ...]:
        return tuple(self._listeners)

    def subscribe(self, name: str, maxsize: int = DEFAULT_MAXSIZE) -> Listener:
        """A new bounded queue, used as a context manager."""
        listener = Listener(live=self, name=name, maxsize=maxsize)
        self._listeners.append(listener)
        return listener

    def attach(self, callback: Callable[[Event], None]) -> None:
        """Call `callback` for each event, at once. It must be quick, must not block and must keep its own bound."""
        self._callbacks.append(callback)

    def forget(self, listener: Listener) -> None:
        """Called by a listener that closes."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def publish(self, event: Event) -> None:
        """Tell everybody. Returns at once."""
        for callback in self._callbacks:
            callback(event)
        for listener in self._listeners:
            listener.put(event)

    def close(self) -> None:
        """End every listener's iteration."""
        for listener in tuple(self._listeners):
            listener.close()
