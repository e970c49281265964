"""What durable outputs are still owed. Filled by the journal's commit, emptied by the dispatcher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update

from adapter.store.database import Database
from adapter.store.errors import NotFound
from adapter.store.tables import deliveries, events
from events.codec import decode
from events.types import Delivery

# A receiver's answer may be a whole web page; the first lines say what is wrong.
MAX_ERROR_LENGTH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedDelivery:
    """A dead letter: given up until a person replays it."""

    delivery: Delivery
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFigures:
    """How one output's queue stands."""

    output_id: str
    pending: int
    parked: int
    delivered: int
    oldest_pending_at: datetime | None


class SqlOutbox:
    """Implements `events.ports.Outbox`, and what the console shows of the queues."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def due(
        self, output_id: str, now: datetime, limit: int, *, least_tried_first: bool = False
    ) -> Sequence[Delivery]:
        """The deliveries of one output whose time has come, oldest first, or first those with the fewest attempts."""
        oldest = deliveries.c.delivery_id
        query = (
            select(deliveries, events.c.content)
            .join(events, events.c.event_id == deliveries.c.event_id)
            .where(
                deliveries.c.output_id == output_id,
                deliveries.c.state == "pending",
                deliveries.c.next_attempt_at <= now,
            )
            .order_by(*([deliveries.c.attempts, oldest] if least_tried_first else [oldest]))
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [_delivery(row) for row in await connection.execute(query)]

    async def delivered(self, delivery_id: int, now: datetime) -> None:
        """The receiver has it; never offer it again."""
        await self._change(delivery_id, state="delivered", finished_at=now, error="")

    async def postpone(self, delivery_id: int, until: datetime, error: str) -> None:
        """Try again at `until`; one more attempt is counted."""
        await self._change(
            delivery_id,
            attempts=deliveries.c.attempts + 1,
            next_attempt_at=until,
            error=error[:MAX_ERROR_LENGTH],
        )

    async def park(self, delivery_id: int, error: str) -> None:
        """Give up until a person replays it: the dead letters."""
        await self._change(
            delivery_id, state="parked", attempts=deliveries.c.attempts + 1, error=error[:MAX_ERROR_LENGTH]
        )

    async def backlog(self, output_id: str) -> int:
        """How many deliveries the output is still owed, due or postponed; parked ones do not count."""
        query = (
            select(func.count())
            .select_from(deliveries)
            .where(deliveries.c.output_id == output_id, deliveries.c.state == "pending")
        )
        async with self._database.read() as connection:
            return int(await connection.scalar(query) or 0)

    async def parked(self, output_id: str, limit: int = 100) -> Sequence[ParkedDelivery]:
        """The dead letters of one output, oldest first."""
        query = (
            select(deliveries, events.c.content)
            .join(events, events.c.event_id == deliveries.c.event_id)
            .where(deliveries.c.output_id == output_id, deliveries.c.state == "parked")
            .order_by(deliveries.c.delivery_id)
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [ParkedDelivery(delivery=_delivery(row), error=row.error) for row in await connection.execute(query)]

    async def replay(self, output_id: str, now: datetime, delivery_id: int | None = None) -> int:
        """Owe dead letters again, one or all of an output; how many. NotFound when the one is none."""
        condition = (deliveries.c.output_id == output_id) & (deliveries.c.state == "parked")
        if delivery_id is not None:
            condition &= deliveries.c.delivery_id == delivery_id
        async with self._database.write() as connection:
            done = await connection.execute(
                update(deliveries).where(condition).values(state="pending", attempts=0, next_attempt_at=now)
            )
        if delivery_id is not None and done.rowcount == 0:
            raise NotFound(f"Delivery {delivery_id} is not among the dead letters of this output.")
        return done.rowcount

    async def forget(self, before: datetime) -> int:
        """Owe nothing any more of events older than `before`, dead letters included; how many deliveries that were."""
        old = select(events.c.event_id).where(events.c.utc_time < before)
        async with self._database.write() as connection:
            done = await connection.execute(
                delete(deliveries).where(deliveries.c.state != "delivered", deliveries.c.event_id.in_(old))
            )
        return done.rowcount

    async def figures(self) -> dict[str, QueueFigures]:
        """Every output that was ever owed anything, by output id."""
        oldest = func.min(deliveries.c.next_attempt_at).label("oldest")
        query = select(deliveries.c.output_id, deliveries.c.state, func.count().label("count"), oldest).group_by(
            deliveries.c.output_id, deliveries.c.state
        )
        counts: dict[str, dict[str, Any]] = {}
        async with self._database.read() as connection:
            for row in await connection.execute(query):
                counts.setdefault(row.output_id, {})[row.state] = (row.count, row.oldest)
        return {
            output_id: QueueFigures(
                output_id=output_id,
                pending=states.get("pending", (0, None))[0],
                parked=states.get("parked", (0, None))[0],
                delivered=states.get("delivered", (0, None))[0],
                oldest_pending_at=states.get("pending", (0, None))[1],
            )
            for output_id, states in counts.items()
        }

    async def _change(self, delivery_id: int, **values: Any) -> None:
        """Change a delivery that is still owed; one that was finished meanwhile stays as it is."""
        async with self._database.write() as connection:
            await connection.execute(
                update(deliveries)
                .where(deliveries.c.delivery_id == delivery_id, deliveries.c.state == "pending")
                .values(**values)
            )


def _delivery(row: Any) -> Delivery:
    return Delivery(
        delivery_id=row.delivery_id,
        output_id=row.output_id,
        event=decode(row.content),
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
    )
