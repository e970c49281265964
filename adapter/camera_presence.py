"""Whether a camera's pictures come, told once when they stay away and once when they are back (M-298, M-299).

What to do about it is the camera's business: it tries again for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

from adapter.api.ports import CameraState
from adapter.pipeline import Pipeline
from adapter.store.errors import StoreError
from events.types import CameraLost, CameraRestored


class CameraPresence:
    """Asked about every second, with what is known of the camera then.

    What the store does not take (StoreError) is told again the next time.
    """

    def __init__(self, *, pipeline: Pipeline, lost_after: timedelta, clock: Callable[[], datetime]) -> None:
        self._pipeline = pipeline
        self._lost_after = lost_after
        self._clock = clock
        self._away_since: datetime | None = clock()
        self._told_lost = False

    @property
    def state(self) -> CameraState:
        """As far as pictures tell: running, away, or away for so long that it was told."""
        if self._away_since is None:
            return CameraState.RUNNING
        return CameraState.LOST if self._told_lost else CameraState.CONNECTING

    def take_over(self, old: CameraPresence) -> None:
        """Go on from before a restart: who was told that it is lost is to be told that it is back."""
        self._told_lost, self._away_since = old._told_lost, old._away_since or self._clock()

    async def running(self, camera_id: str, name: str) -> None:
        """Pictures come."""
        self._away_since = None
        if self._told_lost:
            restored = CameraRestored(
                event_id=uuid4().hex, utc_time=self._clock(), camera_id=camera_id, camera_name=name
            )
            await self._tell(restored, lost=False)

    async def away(self, camera_id: str, name: str, *, why: str) -> None:
        """No pictures come."""
        now = self._clock()
        self._away_since = self._away_since or now
        if self._told_lost or now - self._away_since < self._lost_after:
            return
        lost = CameraLost(event_id=uuid4().hex, utc_time=now, camera_id=camera_id, camera_name=name, detail=why)
        await self._tell(lost, lost=True)

    async def _tell(self, event: CameraLost | CameraRestored, *, lost: bool) -> None:
        self._told_lost = lost
        try:
            await self._pipeline.system(event)
        except StoreError:
            self._told_lost = not lost
            raise
