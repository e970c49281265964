"""Relay decisions: each is claimed at most once, only in time, and never after a restart.

The claim is committed before the camera is asked. If the process dies in between, the decision is found claimed and
unfinished at the next start and recorded as left active: whether the gate moved is unknown, so the relay is
not pulsed again, only let go. That may take longer than the next run, so it is kept until it is done or given up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, select, update

from adapter.store.database import Database
from adapter.store.tables import decisions
from rules.rules import RelayKey
from rules.types import RelayDecision


class DecisionState(StrEnum):
    PENDING = "pending"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"
    LEFT_ACTIVE = "left_active"
    """Failed, and since then nothing is known to have let go of the relay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDecision:
    """A decision and what became of it."""

    decision: RelayDecision
    event_id: str
    """The PlateRecognized that led to it."""
    state: DecisionState
    decided_at: datetime
    claimed_at: datetime | None
    finished_at: datetime | None
    detail: str


class Decisions:
    """Claim, then act, then finish."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def claim(self, decision_id: str, now: datetime) -> bool:
        """True exactly once per decision, and only before it expires. Only then may the relay be touched."""
        pending = (
            update(decisions)
            .where(
                decisions.c.decision_id == decision_id,
                decisions.c.state == DecisionState.PENDING.value,
                decisions.c.expires_at > now,
            )
            .values(state=DecisionState.CLAIMED.value, claimed_at=now)
        )
        return await self._database.transact(lambda connection: connection.execute(pending).rowcount == 1)

    async def finish(self, decision_id: str, now: datetime, error: str = "") -> bool:
        """Record how a claimed decision ended; an empty error means that the relay was pulsed. False if not claimed."""
        state = DecisionState.FAILED if error else DecisionState.DONE
        return await self._end(decision_id, DecisionState.CLAIMED, state, now, error)

    async def refuse(self, decision_id: str, now: datetime, error: str) -> bool:
        """Record why a decision was never claimed; it cannot be claimed any more. False if it was."""
        return await self._end(decision_id, DecisionState.PENDING, DecisionState.FAILED, now, error)

    async def abandon_unfinished(self, now: datetime) -> Sequence[StoredDecision]:
        """At start: fail whatever an earlier process left, in time or not; returns it so that the failure is told."""
        after = {DecisionState.PENDING: DecisionState.FAILED, DecisionState.CLAIMED: DecisionState.LEFT_ACTIVE}
        detail = "The service stopped before the relay was known to be pulsed; it is not tried again."
        query = select(decisions).where(decisions.c.state.in_(after))
        async with self._database.write() as connection:
            left = [_stored(row) for row in await connection.execute(query)]
            for before, state in after.items():
                await connection.execute(
                    update(decisions)
                    .where(decisions.c.state == before.value)
                    .values(state=state.value, finished_at=now, detail=detail)
                )
        return [replace(one, state=after[one.state], finished_at=now, detail=detail) for one in left]

    async def left_active(self) -> Sequence[StoredDecision]:
        """What earlier runs left active and nothing has let go of since."""
        return await self._find(decisions.c.state == DecisionState.LEFT_ACTIVE.value)

    async def let_go(self, relay: RelayKey) -> None:
        """The relay is inactive, or was pulsed anew, or nothing more can be done: it is no longer left active."""
        camera_id, relay_token = relay
        left = (
            (decisions.c.state == DecisionState.LEFT_ACTIVE.value)
            & (decisions.c.camera_id == camera_id)
            & (decisions.c.relay_token == relay_token)
        )
        async with self._database.write() as connection:
            await connection.execute(update(decisions).where(left).values(state=DecisionState.FAILED.value))

    async def last_pulses(self, since: datetime) -> Mapping[RelayKey, datetime]:
        """When each relay was last claimed or promised since a moment, for the minimum interval."""
        at = func.max(func.coalesce(decisions.c.claimed_at, decisions.c.decided_at))
        query = (
            select(decisions.c.camera_id, decisions.c.relay_token, at.label("at"))
            .where(
                decisions.c.decided_at >= since,
                decisions.c.state.not_in([DecisionState.FAILED, DecisionState.LEFT_ACTIVE]),
            )
            .group_by(decisions.c.camera_id, decisions.c.relay_token)
        )
        async with self._database.read() as connection:
            return {(row.camera_id, row.relay_token): row.at for row in await connection.execute(query)}

    async def of_event(self, event_id: str) -> Sequence[StoredDecision]:
        """Why did it open? The decisions of one recognised plate."""
        return await self._find(decisions.c.event_id == event_id)

    async def latest(self, limit: int = 100) -> Sequence[StoredDecision]:
        """The newest decisions first."""
        query = select(decisions).order_by(decisions.c.decided_at.desc(), decisions.c.decision_id).limit(limit)
        async with self._database.read() as connection:
            return [_stored(row) for row in await connection.execute(query)]

    async def _end(
        self, decision_id: str, before: DecisionState, after: DecisionState, now: datetime, detail: str
    ) -> bool:
        mine = (decisions.c.decision_id == decision_id) & (decisions.c.state == before.value)
        async with self._database.write() as connection:
            done = await connection.execute(
                update(decisions).where(mine).values(state=after.value, finished_at=now, detail=detail[:1000])
            )
            return done.rowcount == 1

    async def _find(self, condition: ColumnElement[bool]) -> Sequence[StoredDecision]:
        async with self._database.read() as connection:
            return [_stored(row) for row in await connection.execute(select(decisions).where(condition))]


def _stored(row: Any) -> StoredDecision:
    return StoredDecision(
        decision=RelayDecision(
            decision_id=row.decision_id,
            action_id=row.action_id,
            camera_id=row.camera_id,
            relay_token=row.relay_token,
            pulse=timedelta(milliseconds=row.pulse_ms),
            expires_at=row.expires_at,
            because=row.because,
        ),
        event_id=row.event_id,
        state=DecisionState(row.state),
        decided_at=row.decided_at,
        claimed_at=row.claimed_at,
        finished_at=row.finished_at,
        detail=row.detail,
    )
