"""Who is looking at the page, and what has changed since they last looked.

Each viewer has a set of pending changes, not a queue: what changes twice before it is sent is sent once. A viewer that
falls too far behind is told to load the page anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

MAX_PENDING = 300
MAX_VIEWERS = 50


class Topic(StrEnum):
    ALARM = "alarm"
    EVENT = "event"
    WITHDRAWN = "withdrawn"
    COUNTS = "counts"
    DEVICES = "devices"
    OUTPUTS = "outputs"
    RELOAD = "reload"


@dataclass(slots=True)
class Viewer:
    """One open page."""

    _pending: dict[tuple[Topic, str], None] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, topic: Topic, key: str) -> None:
        if len(self._pending) >= MAX_PENDING:
            self._pending = {(Topic.RELOAD, ""): None}
        else:
            self._pending[(topic, key)] = None
        self._changed.set()

    async def changes(self) -> list[tuple[Topic, str]]:
        """What has changed since the last call, oldest first; waits until there is something."""
        await self._changed.wait()
        self._changed.clear()
        pending, self._pending = self._pending, {}
        return list(pending)


class Live:
    """Tells all viewers. From the event loop only."""

    def __init__(self) -> None:
        self._viewers: list[Viewer] = []
        self.closing = False

    @property
    def full(self) -> bool:
        return len(self._viewers) >= MAX_VIEWERS

    def publish(self, topic: Topic, key: str = "") -> None:
        for viewer in self._viewers:
            viewer.add(topic, key)

    def close(self) -> None:
        """End every stream, so that the server need not wait for its viewers."""
        self.closing = True
        self.publish(Topic.RELOAD)

    @contextmanager
    def watching(self) -> Iterator[Viewer]:
        """A viewer for as long as the block lasts."""
        viewer = Viewer()
        self._viewers.append(viewer)
        try:
            yield viewer
        finally:
            self._viewers.remove(viewer)
