"""The read funnel over restarts: counted hours are kept, and matches and deliveries are counted from stored events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, case, delete, exists, func, insert, select, type_coerce

from adapter.store.database import Database
from adapter.store.tables import deliveries, events, funnel_hours
from events.types import ListMatched, PlateRecognized
from inference.funnel import COUNTS, MOST_HOURS, TIMES, FunnelHour, Outcomes
from inference.types import RejectionReason
from rules.types import UNLISTED_LIST_ID

KEPT = timedelta(hours=MOST_HOURS)
# Hours further in the future were counted while the clock was wrong.
AHEAD = timedelta(hours=1)
_HOUR_S = 3600


class Funnels:
    """Hours by camera."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def save(self, hours: Mapping[str, Sequence[FunnelHour]], now: datetime) -> None:
        """Keep the given hours of each camera as they stand; forget what is older than two days, or of a future one."""
        oldest, newest = now - KEPT, now + AHEAD
        rows = [
            {"camera_id": camera_id, "starts_at": hour.starts_at, "counts": _to_json(hour)}
            for camera_id, of_camera in hours.items()
            for hour in of_camera
            if oldest <= hour.starts_at <= newest
        ]
        await self._database.transact(lambda connection: _save(connection, rows, oldest, newest))

    async def load(self, camera_id: str) -> Sequence[FunnelHour]:
        """The kept hours of one camera, oldest first."""
        query = select(funnel_hours).where(funnel_hours.c.camera_id == camera_id).order_by(funnel_hours.c.starts_at)
        async with self._database.read() as connection:
            return [_from_json(row.starts_at, row.counts) for row in await connection.execute(query)]

    async def outcomes(self, camera_id: str, since: datetime) -> Mapping[datetime, Outcomes]:
        """By hour: passages on a list (the Unlisted one is none), and those of which an output confirmed something."""
        return (await self.all_outcomes(since, camera_id)).get(camera_id, {})

    async def all_outcomes(
        self, since: datetime, camera_id: str | None = None
    ) -> Mapping[str, Mapping[datetime, Outcomes]]:
        """The same of every camera, or of one, by its id: one query, however many cameras there are."""
        kin = events.alias()
        same_passage = kin.c.root_id == events.c.event_id
        matched = exists().where(same_passage, kin.c.kind == ListMatched.__name__, kin.c.list_id != UNLISTED_LIST_ID)
        delivered = exists().where(
            same_passage, deliveries.c.event_id == kin.c.event_id, deliveries.c.state == "delivered"
        )
        hour = (type_coerce(events.c.utc_time, BigInteger) // (_HOUR_S * 1_000_000)).label("hour")
        query = (
            select(
                events.c.camera_id,
                hour,
                func.sum(case((matched, 1), else_=0)).label("matched"),
                func.sum(case((delivered, 1), else_=0)).label("delivered"),
            )
            .where(events.c.kind == PlateRecognized.__name__, events.c.utc_time >= since)
            .group_by(events.c.camera_id, hour)
        )
        if camera_id is not None:
            query = query.where(events.c.camera_id == camera_id)
        found: dict[str, dict[datetime, Outcomes]] = {}
        async with self._database.read() as connection:
            for row in await connection.execute(query):
                start = datetime.fromtimestamp(row.hour * _HOUR_S, UTC)
                outcomes = Outcomes(matched=int(row.matched), delivered=int(row.delivered))
                found.setdefault(row.camera_id, {})[start] = outcomes
        return found


def _save(connection: Connection, rows: Sequence[Mapping[str, Any]], oldest: datetime, newest: datetime) -> None:
    """Only what changed is written: of two days of hours that is one, and cards wear out by writing."""
    connection.execute(delete(funnel_hours).where(~funnel_hours.c.starts_at.between(oldest, newest)))
    kept = {(row.camera_id, row.starts_at): row.counts for row in connection.execute(select(funnel_hours))}
    changed = [row for row in rows if kept.get((row["camera_id"], row["starts_at"])) != row["counts"]]
    if not changed:
        return
    replaced = delete(funnel_hours).where(
        funnel_hours.c.camera_id == bindparam("old_camera_id"), funnel_hours.c.starts_at == bindparam("old_starts_at")
    )
    connection.execute(
        replaced, [{"old_camera_id": row["camera_id"], "old_starts_at": row["starts_at"]} for row in changed]
    )
    connection.execute(insert(funnel_hours), changed)


def _to_json(hour: FunnelHour) -> dict[str, Any]:
    rejected = {reason.value: count for reason, count in hour.rejected.items()}
    return {name: getattr(hour, name) for name in (*COUNTS, *TIMES)} | {"rejected": rejected}


def _from_json(starts_at: datetime, counts: Mapping[str, Any]) -> FunnelHour:
    # Another version may have known other reasons.
    known = {reason.value for reason in RejectionReason}
    rejected = Counter(
        {RejectionReason(name): int(count) for name, count in counts.get("rejected", {}).items() if name in known}
    )
    numbers: dict[str, Any] = {name: counts.get(name, 0) for name in (*COUNTS, *TIMES)}
    return FunnelHour(starts_at=starts_at, rejected=rejected, **numbers)
