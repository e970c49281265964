"""All cameras of this server: started, changed and stopped one by one, while the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from datetime import timedelta

import structlog

from adapter.lpr_camera import LprCamera
from adapter.pipeline import Pipeline
from adapter.store.cameras import CameraRecord
from adapter.tasks import Tasks
from adapter.workers.hub import Hub
from events.metadata.metadata_track import MetadataTrack
from events.metadata.rtsp_stream import Stream
from events.onvif.messages import from_event
from events.types import Event
from inference.funnel import Funnel, FunnelHour
from inference.types import Passage, Scene
from inference.watch import Reads

log = structlog.get_logger(__name__)


class Fleet:
    """Owns a task per enabled camera, among the service's tasks."""

    def __init__(
        self,
        *,
        recognizer: Reads,
        executor: Executor,
        lost_after: timedelta,
        tasks: Tasks,
        hub: Hub | None = None,
        on_drop: Callable[[str], None] = lambda camera_id: None,
        on_passage: Callable[[str, Passage], None] = lambda camera_id, passage: None,
    ) -> None:
        self._recognizer = recognizer
        self._executor = executor
        self._lost_after = lost_after
        self._owner = tasks
        self._hub = hub or Hub()
        self._hub.report_to(self.find)
        self._on_drop = on_drop
        self._on_passage = on_passage
        self._pipeline: Pipeline | None = None
        self._cameras: dict[str, LprCamera] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._tracks: dict[str, MetadataTrack] = {}
        self.streams: dict[str, Stream] = {}
        """One metadata stream per camera, by path, for the RTSP server."""
        # Two changes of one camera must not both start it.
        self._changing = asyncio.Lock()

    def report_to(self, pipeline: Pipeline) -> None:
        """Where passages go; the pipeline's relays need the fleet first, so this comes after."""
        self._pipeline = pipeline

    @property
    def cameras(self) -> Sequence[LprCamera]:
        """All cameras, disabled ones included, by name."""
        return sorted(self._cameras.values(), key=lambda camera: camera.name)

    def find(self, camera_id: str) -> LprCamera | None:
        return self._cameras.get(camera_id)

    def track(self, camera_id: str) -> MetadataTrack | None:
        return self._tracks.get(camera_id)

    @property
    def funnels(self) -> Mapping[str, Funnel]:
        """What was counted on each camera, by its id."""
        return {camera_id: camera.funnel for camera_id, camera in self._cameras.items()}

    async def put(
        self, record: CameraRecord, *, hours: Sequence[FunnelHour] = (), left_out: Sequence[str] = ()
    ) -> None:
        """Start a camera, or go on with a new record: in place where that can be. Raises SettingsRefused.

        `hours` were counted before the service was started. `left_out` are stored settings that this version cannot
        use; they are told until the next record comes.
        """
        assert self._pipeline is not None
        async with self._changing:
            known = self._cameras.get(record.camera_id)
            if known is None or not known.change(record):
                await self._start_again(record, known, hours)
            self._cameras[record.camera_id].left_out = tuple(left_out)
            track = self._tracks.setdefault(record.camera_id, MetadataTrack())
            self.streams[metadata_path(record.camera_id)] = Stream(name=f"{record.name} metadata", tracks=(track,))

    async def _start_again(self, record: CameraRecord, known: LprCamera | None, hours: Sequence[FunnelHour]) -> None:
        assert self._pipeline is not None
        camera = LprCamera(
            record=record,
            recognizer=self._recognizer,
            executor=self._executor,
            pipeline=self._pipeline,
            lost_after=self._lost_after,
            hub=self._hub,
            on_scene=self._show,
            on_passage=self._on_passage,
            funnel=known.funnel if known else None,
            rejects=known.rejects if known else None,
        )
        camera.funnel.restore(hours)
        await self._stop(record.camera_id)
        if known is not None:
            camera.take_over(known)
        self._cameras[record.camera_id] = camera
        if record.enabled:
            self._tasks[record.camera_id] = self._owner.start(camera.run(), name=f"camera {record.name}")

    async def drop(self, camera_id: str) -> None:
        """Stop a camera and forget it."""
        async with self._changing:
            await self._stop(camera_id)
            self._cameras.pop(camera_id, None)
            self.streams.pop(metadata_path(camera_id), None)
            if (track := self._tracks.pop(camera_id, None)) is not None:
                track.close()
            self._on_drop(camera_id)

    async def _stop(self, camera_id: str) -> None:
        task = self._tasks.pop(camera_id, None)
        if task is not None:
            # A vehicle in view is told before its camera goes away, not forgotten.
            await self._cameras[camera_id].finish()
            task.cancel()
            await asyncio.wait([task])

    def tell(self, event: Event, base_url_at: Callable[[str], str]) -> None:
        """Put an event of a camera into its metadata stream, if somebody plays it."""
        track = self._tracks.get(getattr(event, "camera_id", ""))
        if track is not None and track.listeners and (message := from_event(event)) is not None:
            track.tell(message, base_url_at)

    def _show(self, camera_id: str, scene: Scene) -> None:
        track = self._tracks.get(camera_id)
        if track is not None:
            track.show(scene)


def metadata_path(camera_id: str) -> str:
    """The RTSP path of one camera's metadata."""
    return f"/metadata/{camera_id}"


def modules_in_use(records: Sequence[CameraRecord]) -> int:
    """A module counts once, on however many cameras it is used (M-226)."""
    return len({code for record in records for code in record.modules})
