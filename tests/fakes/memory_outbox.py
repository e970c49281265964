"""The outbox and journal in memory: what the store's version must behave like. `tests/contracts` holds both to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from events.types import Delivery, Event


@dataclass(slots=True, kw_only=True)
class _Owed:
    delivery: Delivery
    parked: bool = False
    error: str = ""


class MemoryOutbox:
    """`events.ports.Outbox` without a database."""

    def __init__(self) -> None:
        self._owed: dict[int, _Owed] = {}
        self._next_id = 1
        self.delivered_ids: list[str] = []

    @property
    def parked(self) -> list[tuple[Delivery, str]]:
        return [(owed.delivery, owed.error) for owed in self._owed.values() if owed.parked]

    def owe(self, event: Event, output_id: str, now: datetime) -> int:
        delivery = Delivery(
            delivery_id=self._next_id, output_id=output_id, event=event, attempts=0, next_attempt_at=now
        )
        self._owed[self._next_id] = _Owed(delivery=delivery)
        self._next_id += 1
        return delivery.delivery_id

    def attempts_of(self, delivery_id: int) -> int:
        return self._owed[delivery_id].delivery.attempts

    async def due(
        self, output_id: str, now: datetime, limit: int, *, least_tried_first: bool = False
    ) -> Sequence[Delivery]:
        waiting = [
            owed.delivery
            for owed in self._owed.values()
            if not owed.parked and owed.delivery.output_id == output_id and owed.delivery.next_attempt_at <= now
        ]
        tried = (lambda delivery: delivery.attempts) if least_tried_first else (lambda delivery: 0)
        return sorted(waiting, key=lambda delivery: (tried(delivery), delivery.delivery_id))[:limit]

    async def delivered(self, delivery_id: int, now: datetime) -> None:
        owed = self._owed.pop(delivery_id, None)
        if owed is not None:
            self.delivered_ids.append(owed.delivery.event.event_id)

    async def postpone(self, delivery_id: int, until: datetime, error: str) -> None:
        owed = self._owed.get(delivery_id)
        if owed is not None:
            owed.delivery = replace(owed.delivery, attempts=owed.delivery.attempts + 1, next_attempt_at=until)
            owed.error = error

    async def park(self, delivery_id: int, error: str) -> None:
        owed = self._owed.get(delivery_id)
        if owed is not None:
            owed.parked = True
            owed.error = error

    async def backlog(self, output_id: str) -> int:
        return sum(1 for owed in self._owed.values() if not owed.parked and owed.delivery.output_id == output_id)


class MemoryJournal:
    """`events.ports.Journal` without a database."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._events = list(events)

    def add(self, event: Event) -> None:
        self._events.append(event)

    async def since(self, utc_time: datetime, limit: int, after_id: str | None = None) -> Sequence[Event]:
        found = sorted(self._events, key=_order)
        if after_id is not None:
            found = [event for event in found if _order(event) > (utc_time, after_id)]
        return [event for event in found if event.utc_time >= utc_time][:limit]

    async def until(self, utc_time: datetime, limit: int, before_id: str | None = None) -> Sequence[Event]:
        found = sorted(self._events, key=_order, reverse=True)
        if before_id is not None:
            found = [event for event in found if _order(event) < (utc_time, before_id)]
        return [event for event in found if event.utc_time <= utc_time][:limit]


def _order(event: Event) -> tuple[datetime, str]:
    return event.utc_time, event.event_id
