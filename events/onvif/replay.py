"""Seek: reads a pull point's past from the journal, page by page (Core 9.11).

Forward, the replay hands over to the live queue when the journal has no more; backward, it ends with a mark. Times are
capture times while commits come in another order, so an event that is committed late may lie behind the cursor: it
arrives by the live queue, which runs from the moment of the Seek. What comes both ways is told once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from events.onvif import messages
from events.onvif.messages import Message
from events.ports import Journal
from events.types import Event

_PAGE = 100


class Replay:
    """Where one pull point's replay stands. `page` until `finished`."""

    def __init__(self, *, journal: Journal, utc_time: datetime, reverse: bool) -> None:
        self.reverse = reverse
        self.finished = False
        self._journal = journal
        self._utc_time = utc_time
        self._after_id: str | None = None
        self._begun = False

    def passed(self, utc_time: datetime) -> bool:
        """Whether the forward cursor is already beyond this time."""
        return self._begun and utc_time <= self._utc_time

    async def page(self, now: datetime) -> Sequence[Message]:
        """The next messages, unfiltered; maybe none. Sets `finished` when the journal has no more."""
        if self.reverse:
            return await self._backward(now)
        begin: list[Message] = []
        if not self._begun and not await self._journal.until(self._utc_time, 1):
            begin = [messages.buffer_begin(now)]
        found = await self._journal.since(self._utc_time, _PAGE, self._after_id)
        self._advance(found)
        return [*begin, *_told(found)]

    async def _backward(self, now: datetime) -> Sequence[Message]:
        found = await self._journal.until(self._utc_time, _PAGE, self._after_id)
        self._advance(found)
        return [*_told(found), *([messages.buffer_begin(now)] if self.finished else [])]

    def _advance(self, found: Sequence[Event]) -> None:
        self._begun = True
        self.finished = len(found) < _PAGE
        if found:
            self._utc_time, self._after_id = found[-1].utc_time, found[-1].event_id


def _told(found: Sequence[Event]) -> list[Message]:
    return [message for event in found if (message := messages.from_event(event)) is not None]
