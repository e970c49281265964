"""What a camera asks of whoever watches it: a `Watch` with a `Source` here, or a remote pair."""

from __future__ import annotations

from typing import Protocol

from inference.source import SourceState
from inference.tracker import Tracker
from inference.watch import WatchSettings


class WatchedSource(Protocol):
    """Where a camera's pictures come from, as far as it is shown."""

    @property
    def name(self) -> str: ...
    @property
    def state(self) -> SourceState: ...
    @property
    def decoded(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    @property
    def rate(self) -> float | None: ...
    @property
    def hint(self) -> str: ...


class Watching(Protocol):
    """A watch at work."""

    @property
    def finished(self) -> bool: ...
    @property
    def tracker(self) -> Tracker | None:
        """For the next watch of the camera; None where it is kept elsewhere."""

    def change(self, settings: WatchSettings) -> None: ...
    async def finish(self) -> None: ...
    async def run(self) -> None: ...
