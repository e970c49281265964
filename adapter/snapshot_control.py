"""Snapshots of cameras, and what is measured and chosen from them. Nothing here changes a camera: its owner does."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import cv2

from adapter.api.ports import CameraProblem
from adapter.auto_capture import AUTO
from adapter.camera_recognition import CameraRecognition, SettingsRefused
from adapter.camera_runs import AutoValues, CameraRuns, Run
from adapter.snapshot_trials import SnapshotTrials
from adapter.snapshot_views import Measured, SnapshotViews
from adapter.store.cameras import CameraRecord
from adapter.store.errors import Conflict
from adapter.watching import TUNED, snapshot_settings, tuned_part, tuned_values
from inference.autoconfigure import AutoConfiguration, NothingRecognized, autoconfigure
from inference.snapshots import Approval, Snapshot, SnapshotSet, SnapshotsProblem, coverage
from inference.turns import in_background
from inference.types import Frame, Picture
from inference.validate import Validation, judge, validate
from inference.watch import Reads

T = TypeVar("T")

# Snapshots stand for the stream: compression of their own must not decide what is read.
LIVE_QUALITY = 95
# Pictures of people who only drove by: what nobody has looked at in a week is not waited for.
UNREVIEWED_KEPT = timedelta(days=7)


class SnapshotControl:
    """One folder per camera below `folder`. Long runs are done one at a time, in a thread of their own."""

    def __init__(
        self, *, folder: Path, recognizer: Reads, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._folder = folder
        self._recognizer = recognizer
        self._clock = clock
        self._files = asyncio.Lock()
        self._running = asyncio.Lock()
        self._trials = SnapshotTrials(recognizer=recognizer)
        self._views = SnapshotViews(recognizer=recognizer)

    async def all(self, camera_id: str) -> Mapping[str, Any]:
        kept = await asyncio.to_thread(self._set(camera_id).all)
        found = coverage(kept)
        return {"snapshots": [asdict(one) for one in kept], "coverage": asdict(found) | {"enough": found.enough}}

    async def take(self, camera_id: str, frame: Frame | None) -> Snapshot:
        """The newest frame of the running camera."""
        if frame is None:
            raise CameraProblem("There is no picture yet: the camera has not sent one since the service started.")
        picture = await asyncio.to_thread(lambda: frame.picture)  # whose colours may not be worked out yet
        kept, _ = await self.keep(camera_id, picture, origin="live")
        return kept

    async def keep(self, camera_id: str, picture: Picture, *, origin: str) -> tuple[Snapshot, int]:
        """A picture of the camera as a snapshot, and its size in bytes. Raises SnapshotsProblem."""
        quality = [cv2.IMWRITE_JPEG_QUALITY, LIVE_QUALITY]
        done, data = await asyncio.to_thread(cv2.imencode, ".jpg", picture, quality)
        if not done:
            raise SnapshotsProblem("The camera's picture cannot be kept as JPEG.")
        return await self.add(camera_id, data.tobytes(), origin=origin), data.size

    async def add(self, camera_id: str, content: bytes, *, origin: str = "import") -> Snapshot:
        async with self._files:
            added = self._clock()
            return await asyncio.to_thread(self._set(camera_id).add, content, added_at=added, origin=origin)

    async def path(self, camera_id: str, name: str) -> Path:
        return await asyncio.to_thread(self._set(camera_id).path, name)

    async def change(self, record: CameraRecord, name: str, changes: Mapping[str, Any]) -> Snapshot:
        """Approve, reject, correct, tag. Approving without a plate takes what is read there as the truth."""
        snapshots = self._set(record.camera_id)
        async with self._files:
            snapshot = replace(await asyncio.to_thread(snapshots.get, name), **changes)
            if snapshot.approval is Approval.APPROVED and not snapshot.plates:
                result = await self.analyse(record, name)
                texts = tuple(one["text"] for one in result["candidates"] if one["accepted"])
                snapshot = replace(snapshot, plates=texts)
            return await asyncio.to_thread(snapshots.change, snapshot)

    async def remove(self, camera_id: str, name: str) -> None:
        async with self._files:
            await asyncio.to_thread(self._set(camera_id).remove, name)

    async def forget(self, camera_id: str) -> None:
        """All pictures of a camera that is removed."""
        async with self._files:
            await asyncio.to_thread(shutil.rmtree, self._folder / camera_id, ignore_errors=True)
        self._views.forget(camera_id)

    async def forget_unreviewed(self, before: datetime) -> int:
        """Remove auto-captured snapshots from before this time that nobody approved or rejected; how many."""
        async with self._files:
            return await asyncio.to_thread(_forget_unreviewed, self._folder, before)

    async def analyse(self, record: CameraRecord, name: str) -> dict[str, Any]:
        """What is read on one snapshot with the camera's settings, approved or not (M-235, M-237)."""
        snapshots, chosen = self._set(record.camera_id), _chosen(record.recognition)
        settings = snapshot_settings(chosen, record.modules)
        snapshot = await asyncio.to_thread(snapshots.get, name)
        picture = await asyncio.to_thread(snapshots.picture, name)
        with in_background():
            recognition = await asyncio.to_thread(self._recognizer.recognize, picture, settings)
        spent_ms = recognition.stages.detect_ms + recognition.stages.read_ms
        result = judge(snapshot, picture, recognition, discard_below=chosen.discard_below, elapsed_ms=spent_ms)
        candidates = [asdict(one) | {"accepted": one.likelihood >= chosen.discard_below} for one in result.candidates]
        return asdict(result) | {"reason": result.reason, "candidates": candidates}

    async def validate(self, record: CameraRecord, recognition: Mapping[str, Any] | None) -> Mapping[str, Any]:
        """A run with the camera's settings, or with others that are only tried (M-245)."""
        tried = record.recognition if recognition is None else recognition
        chosen = _chosen(tried)
        snapshots = self._set(record.camera_id)
        settings = snapshot_settings(chosen, record.modules)

        def run(stopped: Callable[[], bool]) -> Validation:
            return validate(
                snapshots.all(),
                snapshots.picture,
                self._recognizer,
                settings,
                discard_below=chosen.discard_below,
                stopped=stopped,
            )

        result = await self._one_at_a_time(run)
        if not result.results:
            raise SnapshotsProblem("No snapshot is approved with its plate; approve at least one.")
        names = ("plates", "detected", "correct", "wrong", "extra", "average_likelihood_percent", "average_ms")
        figures = {name: getattr(result, name) for name in names}
        kept = CameraRuns(self._folder / record.camera_id)
        run_kept = Run(
            at=self._clock(),
            recognition=dict(tried),
            modules=record.modules,
            selected_lists=None if record.selected_lists is None else tuple(sorted(record.selected_lists)),
            **figures,
        )
        await asyncio.to_thread(kept.keep, run_kept)
        advice = [*result.advice, *_cut_short(result, chosen)]
        return _as_json(result) | {"advice": advice, "runs": [asdict(one) for one in await asyncio.to_thread(kept.all)]}

    async def try_out(self, record: CameraRecord, chosen: CameraRecognition) -> Mapping[str, Any]:
        """What the snapshots would read with settings that are not stored (M-166); nothing is kept of it."""
        settings = snapshot_settings(chosen, record.modules)
        snapshots = self._set(record.camera_id)
        trial = await self._trials.run(record.camera_id, snapshots, settings, discard_below=chosen.discard_below)
        answer = _as_json(trial.validation) | {"left_out": trial.left_out}
        for one in (candidate for result in answer["results"] for candidate in result["candidates"]):
            one["accepted"] = one["likelihood"] >= chosen.discard_below
        return answer

    async def plate_views(self, record: CameraRecord, chosen: CameraRecognition) -> Measured:
        """What the plates of the snapshots measure, as far as these settings look at them."""
        settings = snapshot_settings(chosen, record.modules)
        snapshots = self._set(record.camera_id)
        return await self._views.measure(record.camera_id, snapshots, settings, discard_below=chosen.discard_below)

    async def autoconfigure(self, record: CameraRecord) -> tuple[Mapping[str, Any], dict[str, Any]]:
        """The report for a person, and the settings to store."""
        chosen = _chosen(record.recognition)
        snapshots = self._set(record.camera_id)
        settings = snapshot_settings(chosen, record.modules)
        old = tuned_part(chosen)

        def run(stopped: Callable[[], bool]) -> AutoConfiguration:
            kept = snapshots.all()
            return autoconfigure(kept, snapshots.picture, self._recognizer, settings, old=old, stopped=stopped)

        try:
            found = await self._one_at_a_time(run)
        except NothingRecognized as error:
            raise SnapshotsProblem(str(error)) from error
        report = {
            "changed": found.changed,
            "old": tuned_values(found.old),
            "new": tuned_values(found.new),
            "before": _as_json(found.before),
            "after": _as_json(found.after),
            "trials": [asdict(trial) | {"values": tuned_values(trial.values)} for trial in found.trials],
            "notes": [*found.notes, *_cut_short(found.after, chosen)],
        }
        return report, CameraRecognition.from_stored({**record.recognition, **tuned_values(found.new)}).stored()

    async def keep_auto(self, record: CameraRecord, new: Mapping[str, Any]) -> None:
        """Remember what stood in the settings that are about to be overwritten (M-247)."""
        values = AutoValues(
            at=self._clock(),
            old={name: value for name, value in record.recognition.items() if name in TUNED},
            new={name: value for name, value in new.items() if name in TUNED},
        )
        await asyncio.to_thread(CameraRuns(self._folder / record.camera_id).keep_auto, values)

    async def auto(self, camera_id: str) -> AutoValues | None:
        return await asyncio.to_thread(CameraRuns(self._folder / camera_id).auto)

    async def last_run(self, camera_id: str) -> Run | None:
        """The newest validation, to tell what was changed since."""
        runs = await asyncio.to_thread(CameraRuns(self._folder / camera_id).all)
        return runs[-1] if runs else None

    async def before_auto(self, record: CameraRecord) -> dict[str, Any]:
        """The settings with the old values back in place; what else was changed since stays changed."""
        values = await self.auto(record.camera_id)
        if values is None:
            raise Conflict("There is nothing to undo: no auto-configuration was applied since the last undo.")
        others = {name: one for name, one in record.recognition.items() if name not in TUNED}
        return others | dict(values.old)

    async def forget_auto(self, camera_id: str) -> None:
        await asyncio.to_thread(CameraRuns(self._folder / camera_id).keep_auto, None)

    def _set(self, camera_id: str) -> SnapshotSet:
        return SnapshotSet(self._folder / camera_id)

    async def _one_at_a_time(self, work: Callable[[Callable[[], bool]], T]) -> T:
        if self._running.locked():
            raise Conflict("Another validation or auto-configuration is running; try again when it is done.")
        stop = threading.Event()
        async with self._running:
            try:
                with in_background():
                    return await asyncio.to_thread(work, stop.is_set)
            finally:
                stop.set()


def _forget_unreviewed(folder: Path, before: datetime) -> int:
    forgotten = 0
    for camera in folder.iterdir() if folder.is_dir() else ():
        snapshots = SnapshotSet(camera)
        for one in snapshots.all():
            if one.origin == AUTO and one.approval is Approval.NEW and one.added_at < before:
                snapshots.remove(one.name)
                forgotten += 1
    return forgotten


def _chosen(recognition: Mapping[str, Any]) -> CameraRecognition:
    try:
        return CameraRecognition.from_stored(recognition)
    except SettingsRefused as error:
        raise SnapshotsProblem(f"The recognition settings cannot be used: {error}") from error


def _cut_short(validation: Validation, chosen: CameraRecognition) -> list[str]:
    """What snapshots do not show: they are read without the limit of time that live frames have."""
    limit, average_ms = chosen.max_seconds_per_frame, validation.average_ms
    if limit == "unlimited" or average_ms is None or average_ms <= limit * 1000:
        return []
    return [
        f"A snapshot takes {average_ms} ms and is read to its end; live frames are cut short after {limit:g} s"
        " (max_seconds_per_frame)."
    ]


def _as_json(validation: Validation) -> dict[str, Any]:
    results = [asdict(one) | {"reason": one.reason} for one in validation.results]
    return asdict(validation) | {"summary": validation.summary, "advice": validation.advice, "results": results}
