"""One camera on a worker: watched as the controller would watch it, and told to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime
from uuid import uuid4

from adapter.frame_rate import FrameRate
from adapter.retry import retry_forever
from adapter.workers.messages import (
    Assignment,
    CameraFigures,
    Counted,
    Finished,
    Pictured,
    Shown,
    Told,
    TurnedDown,
    as_jpeg,
)
from adapter.workers.outgoing import Outgoing
from inference.errors import InferenceError
from inference.feeds import redact_url
from inference.funnel import Funnel
from inference.plate_views import PlateViews
from inference.recognition import Recognition
from inference.rejects import Rejects
from inference.source import Source, SourceStatus
from inference.tracker import Tracker
from inference.types import Frame, Passage, PassageState, Rejection, Scene
from inference.watch import Reads, Watch, WatchSettings

# For the console's pictures and for snapshots; what is read is not read from these.
PICTURE_EVERY_S = 5.0
PICTURE_QUALITY = 90


class CameraAtWork:
    """Run `run` as a task. `last` is the same camera's earlier watch: who was told already is known from it."""

    def __init__(
        self,
        *,
        assignment: Assignment,
        recognizer: Reads,
        executor: Executor,
        outgoing: Outgoing,
        on_state: Callable[[], None],
        last: CameraAtWork | None = None,
    ) -> None:
        self.assignment = assignment
        self._recognizer = recognizer
        self._executor = executor
        self._outgoing = outgoing
        self._on_state = on_state
        self._funnel = Funnel()
        self._rejects = Rejects()
        self._views = PlateViews()
        self._rate = FrameRate()
        self._source: Source | None = None
        self._watch: Watch | None = None
        self._tracker: Tracker | None = last.tracker if last is not None else None
        self._passage_ids: dict[int, str] = last._passage_ids if last is not None and self._tracker else {}
        self._settings = assignment.settings
        self._error = ""
        self._dropped_before = 0
        self._pictured_s = float("-inf")

    @property
    def camera_id(self) -> str:
        return self.assignment.camera_id

    @property
    def tracker(self) -> Tracker | None:
        """Of a watch that came to its end in order; a broken one is not trusted."""
        if self._watch is None:
            return self._tracker
        return self._watch.tracker if self._watch.finished else None

    async def run(self) -> None:
        """Until cancelled."""
        await retry_forever(
            "camera", self._attempt, expected=(InferenceError,), pause_for=self._note, camera_id=self.camera_id
        )

    def change(self, settings: WatchSettings) -> None:
        """From the next frame on."""
        self._settings = settings
        if self._watch is not None:
            self._watch.change(settings)

    async def finish(self) -> None:
        """Tell what is in view and say that it was."""
        if self._watch is not None:
            await self._watch.finish()
        self.tell_counts()
        assignment = self.assignment
        self._outgoing.keep(Finished(camera_id=self.camera_id, assignment_id=assignment.assignment_id))

    def tell_counts(self) -> None:
        """What was counted since the last time."""
        if hours := self._funnel.drain():
            self._outgoing.keep(Counted(camera_id=self.camera_id, hours=hours))

    def figures(self) -> CameraFigures:
        """How the source is now."""
        source = self._source
        state = source.state if source is not None else None
        status = SourceStatus.CONNECTING if state is None else state.status
        return CameraFigures(
            camera_id=self.camera_id,
            assignment_id=self.assignment.assignment_id,
            status=SourceStatus.LOST if self._error else status,
            error=(self._error or (state.error if state else ""))[:1000],
            refused=state.refused if state else False,
            decoded=source.decoded if source else 0,
            dropped=self._dropped_before + (source.dropped if source else 0),
            rate=source.rate if source else None,
            frames_per_second=self._rate.at(datetime.now(UTC)),
            hint=source.hint[:1000] if source else "",
        )

    def _note(self, error: Exception) -> None:
        self._error = redact_url(str(error))

    async def _attempt(self) -> None:
        tracker, self._tracker = self.tracker, None
        if tracker is None:
            # Object ids begin again.
            self._passage_ids.clear()
        if self._source is not None:
            self._dropped_before += self._source.dropped
        self._source = self.assignment.source.open(lambda state: self._on_state())
        self._watch = Watch(
            source=self._source,
            recognizer=self._recognizer,
            settings=self._settings,
            executor=self._executor,
            on_passage=self._passed,
            on_scene=self._scene,
            on_frame=self._frame,
            on_refused=self._turn_down,
            name=self.assignment.source.name,
            funnel=self._funnel,
            tracker=tracker,
        )
        await self._watch.run()

    async def _passed(self, passage: Passage) -> None:
        passage_id = self._passage_ids.setdefault(passage.object_id, uuid4().hex)
        if passage.state is PassageState.LOST:
            del self._passage_ids[passage.object_id]
        self._views.passed(passage)
        view = self._views.all()[-1] if passage.state is PassageState.FINAL else None
        told = await asyncio.to_thread(
            Told.from_passage, passage, camera_id=self.camera_id, passage_id=passage_id, view=view
        )
        self._outgoing.keep(told)

    def _scene(self, scene: Scene) -> None:
        self._outgoing.show(("scene", self.camera_id), Shown(camera_id=self.camera_id, scene=scene))

    async def _frame(self, frame: Frame, recognition: Recognition | None) -> None:
        self._error = ""
        self._rate.note(datetime.now(UTC))
        if recognition is not None:
            self._views.note(frame, recognition)
        now_s = time.monotonic()
        if now_s - self._pictured_s >= PICTURE_EVERY_S:
            self._pictured_s = now_s
            jpeg = await asyncio.to_thread(lambda: as_jpeg(frame.picture, PICTURE_QUALITY))
            message = Pictured(camera_id=self.camera_id, captured_at=frame.captured_at, jpeg=jpeg)
            self._outgoing.show(("picture", self.camera_id), message)

    def _turn_down(self, frame: Frame, rejections: Sequence[Rejection]) -> None:
        known = max((one.reject_id for one in self._rejects.all()), default=0)
        self._rejects.note(frame, rejections)
        for one in self._rejects.all():
            if one.reject_id > known:
                message = TurnedDown(camera_id=self.camera_id, rejected=one)
                self._outgoing.show(("reject", self.camera_id, one.reason), message)
