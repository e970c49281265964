"""What the plates on a camera's snapshots measure: read once per snapshot and settings, a few seconds at most."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adapter.snapshot_trials import TRY_S, most_telling
from inference.funnel import NO_PLATE
from inference.plate_views import PlateView, view_of
from inference.recognition import Recognition, RecognitionSettings
from inference.snapshots import Approval, Snapshot, SnapshotSet
from inference.turns import in_background
from inference.types import Picture, Reading, Rejection
from inference.validate import judge
from inference.watch import Reads

Key = tuple[Snapshot, RecognitionSettings]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The views of some snapshots, and how many of these showed no plate."""

    views: Sequence[PlateView]
    asked: int
    silent: int


class SnapshotViews:
    """The views of all cameras' snapshots. One camera is measured at a time, in a thread."""

    def __init__(self, *, recognizer: Reads, clock: Callable[[], float] = time.perf_counter) -> None:
        self._recognizer = recognizer
        self._clock = clock
        self._turn = asyncio.Lock()
        self._known: dict[str, dict[Key, tuple[PlateView, ...]]] = {}

    async def measure(
        self, camera_id: str, snapshots: SnapshotSet, settings: RecognitionSettings, *, discard_below: float
    ) -> Measured:
        """The plates of the most telling snapshots; those that nobody rejected. Raises SnapshotsProblem."""
        async with self._turn:
            known = self._known.get(camera_id, {})
            with in_background():
                found = await asyncio.to_thread(self._measure, known, snapshots, settings, discard_below)
            # Only what was asked for now: snapshots are removed, and settings change.
            self._known[camera_id] = found
        views = [view for each in found.values() for view in each]
        return Measured(views=views, asked=len(found), silent=sum(not each for each in found.values()))

    def forget(self, camera_id: str) -> None:
        """The camera is gone."""
        self._known.pop(camera_id, None)

    def _measure(
        self,
        known: dict[Key, tuple[PlateView, ...]],
        snapshots: SnapshotSet,
        settings: RecognitionSettings,
        discard_below: float,
    ) -> dict[Key, tuple[PlateView, ...]]:
        kept = [one for one in snapshots.all() if one.approval is not Approval.REJECTED]
        found = {}
        until_s = self._clock() + TRY_S
        for snapshot in most_telling(kept):
            views = known.get((snapshot, settings))
            if views is None:
                if self._clock() > until_s:
                    break
                picture = snapshots.picture(snapshot.name)
                finds = plates_of(snapshot, picture, self._recognizer.recognize(picture, settings), discard_below)
                views = tuple(view_of(find, picture) for find in finds)
            found[snapshot, settings] = views
        return found


def plates_of(
    snapshot: Snapshot, picture: Picture, recognition: Recognition, discard_below: float
) -> Sequence[Reading | Rejection]:
    """The finds that are plates: those read, and of an approved snapshot the likeliest find for those missed.

    Leaving out what could not be read would show every camera in its best light.
    """
    accepted = [one for one in recognition.readings if one.likelihood >= discard_below]
    if not snapshot.valid:
        return accepted
    result = judge(snapshot, picture, recognition, discard_below=discard_below, elapsed_ms=0.0)
    texts = {*result.correct, *(read for _, read in result.wrong)}
    read: list[Reading | Rejection] = [one for one in accepted if one.plate.plate_number in texts]
    # A find that no plate explains may be a sign.
    refused = [one for one in recognition.rejections if one.reason not in NO_PLATE]
    refused.sort(key=lambda one: (one.text in result.missed, one.likelihood), reverse=True)
    return [*read, *refused[: len(result.missed)]]
