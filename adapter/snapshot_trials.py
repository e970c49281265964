"""What a camera's snapshots would read with settings that are only tried: bounded, and the newest trial wins.

A person who drags a slider asks many times a second: a newer trial of the same camera ends the one before, trials of
all cameras are made one at a time, and each reads a few snapshots for a few seconds at most.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adapter.store.errors import Conflict
from inference.recognition import RecognitionSettings
from inference.snapshots import Approval, Snapshot, SnapshotSet
from inference.turns import in_background, working_s
from inference.validate import SnapshotResult, Validation, judge, summed
from inference.watch import Reads

# A person waits and looks: a dozen pictures show what a setting does, the whole set is for validation.
MOST_TRIED = 12
TRY_S = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The figures, and how many of the camera's snapshots were not asked."""

    validation: Validation
    left_out: int


class SnapshotTrials:
    """Trials of all cameras, in a thread, one at a time."""

    def __init__(self, *, recognizer: Reads, clock: Callable[[], float] = time.perf_counter) -> None:
        self._recognizer = recognizer
        self._clock = clock
        self._newest: dict[str, threading.Event] = {}
        self._turn = asyncio.Lock()

    async def run(
        self, camera_id: str, snapshots: SnapshotSet, settings: RecognitionSettings, *, discard_below: float
    ) -> Trial:
        """Raises Conflict when a newer trial of this camera took its place."""
        if (older := self._newest.get(camera_id)) is not None:
            older.set()
        superseded = self._newest[camera_id] = threading.Event()
        try:
            async with self._turn:
                # A live camera's plate does not come again.
                with in_background():
                    trial = await asyncio.to_thread(self._read, snapshots, settings, discard_below, superseded)
        finally:
            # Whoever asked may be gone: nothing is read for nobody.
            left = superseded.is_set()
            superseded.set()
            if self._newest.get(camera_id) is superseded:
                del self._newest[camera_id]
        if left:
            raise Conflict("A newer trial of this camera's settings took the place of this one.")
        return trial

    def _read(
        self, snapshots: SnapshotSet, settings: RecognitionSettings, discard_below: float, superseded: threading.Event
    ) -> Trial:
        kept = [one for one in snapshots.all() if one.approval is not Approval.REJECTED]
        results: list[SnapshotResult] = []
        until_s = self._clock() + TRY_S
        for snapshot in most_telling(kept):
            if superseded.is_set() or self._clock() > until_s:
                break
            picture = snapshots.picture(snapshot.name)
            started_s = working_s(self._clock)
            recognition = self._recognizer.recognize(picture, settings)
            elapsed_ms = (working_s(self._clock) - started_s) * 1000
            results.append(judge(snapshot, picture, recognition, discard_below=discard_below, elapsed_ms=elapsed_ms))
        return Trial(validation=summed(results, discard_below=discard_below), left_out=len(kept) - len(results))


def most_telling(kept: Sequence[Snapshot]) -> Sequence[Snapshot]:
    """Those whose plates are known first, the newest of each first."""
    newest_first = sorted(kept, key=lambda one: one.added_at, reverse=True)
    return sorted(newest_first, key=lambda one: not one.valid)[:MOST_TRIED]
