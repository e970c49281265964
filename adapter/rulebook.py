"""The rules as they stand now, in memory: read once from the store, read again after each change.

The pipeline asks it for every plate, so nothing here touches the database while a vehicle waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from adapter import garbage
from adapter.store.store import Store
from rules.match_lists import MatchIndex
from rules.rules import RelayKey
from rules.types import AlarmDefinition, RelayAction, RelayDecision

# No sensible minimum interval between two openings of a gate is longer.
LONGEST_INTERVAL = timedelta(hours=1)


class Rulebook:
    """Lists, alarm definitions and relay actions, and when each relay was last promised a pulse."""

    def __init__(self, *, store: Store) -> None:
        self._store = store
        self.index = MatchIndex()
        self.alarm_definitions: Sequence[AlarmDefinition] = ()
        self.relay_actions: Sequence[RelayAction] = ()
        self._last_pulses: dict[RelayKey, datetime] = {}
        # What was read first must not come to count last: a plate taken off a list would go on opening the gate.
        self._reading = asyncio.Lock()

    async def open(self, now: datetime) -> None:
        """Read everything, and when relays were last pulsed: a restart must not shorten a minimum interval."""
        self._last_pulses = dict(await self._store.decisions.last_pulses(now - LONGEST_INTERVAL))
        await self._store.lists.clear_away()
        await self.reload()

    @property
    def last_pulses(self) -> Mapping[RelayKey, datetime]:
        return self._last_pulses

    async def reload(self) -> None:
        """Take what the store holds now. Until it is read whole, the old rules stay in force."""
        async with self._reading:
            with garbage.search.put_off():
                index = await self._store.lists.index()
            definitions = await self._store.alarm_definitions.all()
            actions = await self._store.relay_actions.all()
            self.index, self.alarm_definitions, self.relay_actions = index, definitions, actions

    def promise(self, decision: RelayDecision, now: datetime) -> None:
        """Count the minimum interval from the decision, not from the pulse: two vehicles may be decided in between."""
        self._last_pulses[decision.camera_id, decision.relay_token] = now
