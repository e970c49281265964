"""What this room needs from whoever keeps events. The store implements it; so does a memory version in the tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from events.types import Delivery, Event


class Outbox(Protocol):
    """Deliveries that are owed to durable outputs. Every method is one transaction, and may raise OutboxUnavailable."""

    async def due(
        self, output_id: str, now: datetime, limit: int, *, least_tried_first: bool = False
    ) -> Sequence[Delivery]:
        """The deliveries of one output whose time has come, oldest first, or first those with the fewest attempts."""

    async def delivered(self, delivery_id: int, now: datetime) -> None:
        """The receiver has it; never offer it again."""

    async def postpone(self, delivery_id: int, until: datetime, error: str) -> None:
        """Try again at `until`; one more attempt is counted."""

    async def park(self, delivery_id: int, error: str) -> None:
        """Give up until a person replays it: the dead letters."""

    async def backlog(self, output_id: str) -> int:
        """How many deliveries the output is still owed, due or postponed; parked ones do not count."""


class Journal(Protocol):
    """Stored events, for replay (ONVIF Seek)."""

    async def since(self, utc_time: datetime, limit: int, after_id: str | None = None) -> Sequence[Event]:
        """Events with `event.utc_time >= utc_time`, in (utc_time, event_id) order, after the given id."""

    async def until(self, utc_time: datetime, limit: int, before_id: str | None = None) -> Sequence[Event]:
        """Events with `event.utc_time <= utc_time`, newest first, before the given id."""
