"""A camera's watch that runs on a worker, with the face of a watch that runs here."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

from adapter.source_options import SourceOptions
from adapter.workers.messages import Assignment, CameraFigures
from inference.source import SourceState, SourceStatus
from inference.watch import FINISH_WITHIN_S, WatchSettings

# On top of what the worker itself waits for a frame in work: the way there and back.
ROUND_TRIP_S = 2.0


class Controls(Protocol):
    """What a remote watch needs of the hub."""

    def begin(self, watch: RemoteWatch) -> None: ...
    def end(self, watch: RemoteWatch) -> None: ...
    def changed(self, watch: RemoteWatch) -> None: ...
    def finish(self, watch: RemoteWatch) -> bool:
        """Ask the worker; False when it is not there."""


class RemoteSource:
    """Implements `adapter.watched.WatchedSource` with what the worker said last."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.decoded = self.dropped = 0
        self.rate: float | None = None
        self.frames_per_second = 0.0
        self.hint = ""
        # The source there may be well while nobody can tell: this is not a lost stream.
        self.state = SourceState(status=SourceStatus.CONNECTING, since=datetime.now(UTC))

    def note(self, figures: CameraFigures) -> None:
        """What the worker says of it now. Times are this host's: the clocks may differ."""
        self.decoded, self.dropped = figures.decoded, figures.dropped
        self.rate, self.frames_per_second, self.hint = figures.rate, figures.frames_per_second, figures.hint
        self._become(figures.status, figures.error, refused=figures.refused)

    def away(self, reason: str) -> None:
        """The worker cannot be asked."""
        self.rate, self.frames_per_second, self.hint = None, 0.0, reason
        self._become(SourceStatus.CONNECTING, reason)

    def _become(self, status: SourceStatus, error: str, *, refused: bool = False) -> None:
        since = self.state.since if status is self.state.status else datetime.now(UTC)
        self.state = SourceState(status=status, since=since, error=error, refused=refused)


class RemoteWatch:
    """Implements `adapter.watched.Watching`. The worker itself tries again for ever, so `run` ends when finished."""

    tracker = None
    """The worker keeps it."""

    def __init__(
        self, *, hub: Controls, server: str, camera_id: str, options: SourceOptions, settings: WatchSettings
    ) -> None:
        self.server = server
        self.camera_id = camera_id
        self.source = RemoteSource(options.name)
        self.assignment = Assignment(camera_id=camera_id, assignment_id=uuid4().hex, source=options, settings=settings)
        self._hub = hub
        self._over = asyncio.Event()

    @property
    def finished(self) -> bool:
        return self._over.is_set()

    async def run(self) -> None:
        """The camera is the worker's for as long as this runs."""
        self._hub.begin(self)
        try:
            await self._over.wait()
        finally:
            self._hub.end(self)

    def change(self, settings: WatchSettings) -> None:
        known = self.assignment
        self.assignment = Assignment(
            camera_id=known.camera_id, assignment_id=known.assignment_id, source=known.source, settings=settings
        )
        self._hub.changed(self)

    async def finish(self) -> None:
        """Have the worker tell what is in view; it has told it when this returns, unless it is away."""
        if self.finished or not self._hub.finish(self):
            return
        try:
            async with asyncio.timeout(FINISH_WITHIN_S + ROUND_TRIP_S):
                await self._over.wait()
        except TimeoutError:
            # What it tells later is told all the same.
            return

    def is_over(self) -> None:
        """The worker has finished."""
        self._over.set()
