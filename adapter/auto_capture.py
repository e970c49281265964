"""Auto-capture: snapshots of the next vehicles that pass, for a person to approve later (M-168).

Each vehicle gives one picture: the one its plate was read best in, or was nearly read in. A capture ends by itself:
after so many vehicles, bytes or hours. It survives a restart, and never delays an event: one picture per camera is
written at a time, and a vehicle that passes meanwhile is left out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog
from pydantic import TypeAdapter, ValidationError

from adapter.store.errors import StoreError
from adapter.store.facts import Facts
from adapter.tasks import Tasks
from inference.snapshots import Snapshot, SnapshotsProblem
from inference.types import Passage, PassageState, Picture

log = structlog.get_logger(__name__)

AUTO = "auto"
"""The origin of a snapshot that nobody took by hand."""

MOST_VEHICLES = 50
MOST_HOURS = 7 * 24
# Fifty pictures of a 4K camera at snapshot quality are less; a disk that holds the service holds this.
MOST_BYTES = 200 * 2**20
# A vehicle is told as final and as gone; of so many the last ones are still in view.
REMEMBERED = 64

DONE = "All {wanted} vehicles are captured. Approve the snapshots, then auto-configure or validate."
LATE = "The time is over: {taken} of {wanted} vehicles passed."
LARGE = "The pictures have reached {mb} MB; start again for more."


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One camera's capture. `ended` says why it is over, and is empty while it goes on."""

    wanted: int
    until: datetime
    taken: int = 0
    bytes_kept: int = 0
    ended: str = ""


class KeepsPictures(Protocol):
    """What the captures need of `SnapshotControl`."""

    async def keep(self, camera_id: str, picture: Picture, *, origin: str) -> tuple[Snapshot, int]:
        """The snapshot and its size in bytes. Raises SnapshotsProblem."""


_CAPTURES: TypeAdapter[dict[str, Capture]] = TypeAdapter(dict[str, Capture])
FACT = "auto-captures"


class AutoCaptures:
    """The captures of all cameras."""

    def __init__(
        self,
        *,
        facts: Facts,
        snapshots: KeepsPictures,
        tasks: Tasks,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._facts = facts
        self._snapshots = snapshots
        self._tasks = tasks
        self._clock = clock
        self._captures: dict[str, Capture] = {}
        self._seen: dict[str, deque[tuple[int, datetime]]] = {}
        self._writing: set[str] = set()
        self._saving = asyncio.Lock()

    async def open(self) -> None:
        """Go on with the captures of an earlier run; what cannot be read counts as none."""
        kept = await self._facts.get(FACT)
        try:
            self._captures = _CAPTURES.validate_json(kept) if kept else {}
        except ValidationError:
            log.warning("auto-captures of an earlier run cannot be read and are over")

    def find(self, camera_id: str) -> Capture | None:
        """The last capture of a camera, over or not."""
        capture = self._captures.get(camera_id)
        if capture is None or capture.ended or self._clock() < capture.until:
            return capture
        return replace(capture, ended=LATE.format(taken=capture.taken, wanted=capture.wanted))

    async def start(self, camera_id: str, *, vehicles: int, hours: float) -> Capture:
        """Begin anew; a capture that still goes on is replaced."""
        capture = Capture(wanted=vehicles, until=self._clock() + timedelta(hours=hours))
        self._captures[camera_id] = capture
        self._seen.pop(camera_id, None)
        await self._save()
        return capture

    async def stop(self, camera_id: str) -> None:
        """End a capture and forget it; what it kept stays."""
        if self._captures.pop(camera_id, None) is not None:
            self._seen.pop(camera_id, None)
            await self._save()

    def note(self, camera_id: str, passage: Passage) -> None:
        """A vehicle was told. Returns at once; a picture is written in the background."""
        capture = self.find(camera_id)
        if capture is None or capture.ended or camera_id in self._writing:
            return
        seen = self._seen.setdefault(camera_id, deque(maxlen=REMEMBERED))
        # Object ids begin again with a connection.
        vehicle = (passage.object_id, passage.started_at)
        # A preview may still become better; what is final or lost will not.
        if passage.state is PassageState.PREVIEW or vehicle in seen:
            return
        seen.append(vehicle)
        self._writing.add(camera_id)
        self._tasks.start(self._keep(camera_id, passage.frame_picture), name=f"auto-capture {camera_id}")

    async def _keep(self, camera_id: str, picture: Picture) -> None:
        try:
            await self._change(camera_id, await self._kept(camera_id, picture))
        except StoreError as error:
            # What was counted is in memory, and stored with the next picture.
            log.warning("auto-capture not stored", camera_id=camera_id, error=str(error))
        finally:
            self._writing.discard(camera_id)

    async def _kept(self, camera_id: str, picture: Picture) -> Callable[[Capture], Capture]:
        """Keep a picture; what that makes of the capture."""
        try:
            _, size = await self._snapshots.keep(camera_id, picture, origin=AUTO)
        except SnapshotsProblem as error:
            why = str(error)
            log.warning("auto-capture ended", camera_id=camera_id, error=why)
            return lambda capture: replace(capture, ended=why)
        return lambda capture: _counted(capture, size)

    async def _change(self, camera_id: str, change: Callable[[Capture], Capture]) -> None:
        """The capture may have been stopped while a picture was written."""
        if (capture := self._captures.get(camera_id)) is not None:
            self._captures[camera_id] = change(capture)
            await self._save()

    async def _save(self) -> None:
        async with self._saving:
            await self._facts.put(FACT, _CAPTURES.dump_json(self._captures).decode())


def _counted(capture: Capture, size: int) -> Capture:
    taken, kept = capture.taken + 1, capture.bytes_kept + size
    ended = ""
    if taken >= capture.wanted:
        ended = DONE.format(wanted=capture.wanted)
    elif kept >= MOST_BYTES:
        ended = LARGE.format(mb=MOST_BYTES // 2**20)
    return replace(capture, taken=taken, bytes_kept=kept, ended=ended)
