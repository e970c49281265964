"""Passages that the store did not take: kept for a while and told in their order, once it takes them again.

A full disk or a database that restarts must not lose a vehicle, nor the votes of those in view. Whether a gate may
still open for a late one is for the rules to say: a pulse has its deadline.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from adapter.store.errors import StoreError
from inference.types import Passage

log = structlog.get_logger(__name__)

# Each holds its frame: 3 MB of 720p, 25 MB of 4K.
MOST_KEPT = 16
# Every attempt may wait for the database, and the camera waits with it.
AGAIN_AFTER_S = 5.0


class Untold:
    """Those of one camera. `tell` takes an event id and a passage, and may raise StoreError."""

    def __init__(
        self, tell: Callable[[str, Passage], Awaitable[None]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._kept: deque[tuple[str, Passage]] = deque()
        self._failed_s: float | None = None
        self._lock = asyncio.Lock()

    async def tell(self, event_id: str, passage: Passage) -> None:
        """Tell it now, after those that wait, or keep it: no StoreError comes from here."""
        self._kept.append((event_id, passage))
        while len(self._kept) > MOST_KEPT:
            lost_id, lost = self._kept.popleft()
            log.error("passage lost", event_id=lost_id, plate=lost.plate.plate_number, state=lost.state)
        await self.again()

    async def again(self) -> None:
        """Try those that wait, unless that failed a moment ago."""
        async with self._lock:
            if self._failed_s is not None and self._clock() - self._failed_s < AGAIN_AFTER_S:
                return
            while self._kept:
                event_id, passage = told = self._kept[0]
                try:
                    await self._tell(event_id, passage)
                except StoreError as error:
                    if self._failed_s is None:
                        log.error("passages wait for the store", event_id=event_id, error=str(error))
                    self._failed_s = self._clock()
                    return
                self._failed_s = None
                # It may have made room for a newer one meanwhile.
                if self._kept and self._kept[0] is told:
                    self._kept.popleft()

    def take_over(self, old: Untold) -> None:
        """Go on with what an earlier one could not tell."""
        self._kept.extendleft(reversed(old._kept))
        old._kept.clear()
