"""One configured camera at work: found over ONVIF (or taken by its address), watched, and told to the pipeline.

What runs while the camera is enabled:

    connect (ONVIF) -> stream, or snapshots -> source -> watch -> pipeline.passage
                                                └── presence: CameraLost, CameraRestored

Source and watch run here, or on the worker that the record names as the camera's server.

A camera that fails is tried again for ever, on its own, and never disturbs another.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import uuid4

import cv2
import structlog

from adapter.api.ports import CameraHealth, CameraState
from adapter.camera_connection import connection_to
from adapter.camera_presence import CameraPresence
from adapter.camera_recognition import CameraRecognition, needs_restart
from adapter.frame_rate import FrameRate
from adapter.osd_masks import with_masks
from adapter.picture_address import PictureAddress, PictureChoice, is_onvif_address, poll_s
from adapter.picture_care import look_after
from adapter.pipeline import Pipeline
from adapter.retry import retry_forever
from adapter.setting_cost import measured_delay_s
from adapter.source_options import SourceOptions
from adapter.store.cameras import CameraRecord
from adapter.store.errors import StoreError
from adapter.untold import Untold
from adapter.watched import WatchedSource, Watching
from adapter.watching import watch_settings
from adapter.workers.remote_watch import Controls, RemoteSource, RemoteWatch
from inference.errors import InferenceError, SourceRefused
from inference.funnel import Funnel, FunnelHour
from inference.plate_views import PlateView, PlateViews
from inference.recognition import Recognition
from inference.rejects import Rejected, Rejects
from inference.source import INTERLACED, Source, SourceStatus
from inference.tracker import Tracker
from inference.types import Frame, Passage, PassageState, Picture, Scene
from inference.watch import Reads, Watch, WatchSettings
from onvif_client.camera import Camera
from onvif_client.errors import (
    REFUSED_RETRY,
    CameraError,
    CameraMisbehaved,
    CameraRefused,
    CameraRejected,
    CameraUnreachable,
    CameraUnsupported,
)
from onvif_client.types import OnScreenText, Profile, RelayOutput

log = structlog.get_logger(__name__)

T = TypeVar("T")

PRESENCE_S = 1.0
SNAPSHOT_QUALITY = 85
LEFT_OUT = "Settings of another version were left out; their defaults count until the settings are saved: {settings}."

# Another value of these is another connection, or none; everything else in a record changes in place.
RESTARTING = ("address", "user", "password", "profile_token", "enabled", "server", "verify_tls")


class LprCamera:
    """Run `run` as a task; everything else may be asked at any time."""

    def __init__(
        self,
        *,
        record: CameraRecord,
        recognizer: Reads,
        executor: Executor,
        pipeline: Pipeline,
        lost_after: timedelta,
        hub: Controls,
        on_scene: Callable[[str, Scene], None] = lambda camera_id, scene: None,
        on_passage: Callable[[str, Passage], None] = lambda camera_id, passage: None,
        funnel: Funnel | None = None,
        rejects: Rejects | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.record = record
        self.recognition = CameraRecognition.from_stored(record.recognition)
        self.detail = ""
        """The last failure in words, empty while all is well."""
        self.profile: Profile | None = None
        self.watch: Watching | None = None
        self.last_frame: Frame | None = None
        self.relays: tuple[RelayOutput, ...] = ()
        self.on_screen: tuple[OnScreenText, ...] = ()
        """What the camera writes into its picture, as far as it says."""
        self.left_out: tuple[str, ...] = ()
        """Stored settings of another version that this one cannot use, each with the reason."""
        self.recognized = 0
        self._missed_before = 0
        self._unreadable = False
        """Pictures come and nothing can read them, until something does."""
        self.funnel = funnel or Funnel()
        """Where plates get lost; kept over reconnections and changes."""
        self.rejects = rejects or Rejects()
        """The newest finds that were not read, with their pictures."""
        self.views = PlateViews()
        """What the plates of the last vehicles measured."""
        self._frame_rate = FrameRate()
        self._recognizer = recognizer
        self._executor = executor
        self._pipeline = pipeline
        self._hub = hub
        self._on_scene = on_scene
        self._on_passage = on_passage
        self._clock = clock
        self._onvif: Camera | None = None
        self._source: WatchedSource | None = None
        self._pictures = PictureChoice(clock=clock)
        self._not_allowed: set[str] = set()
        """What this login was refused to ask for, and was said to be."""
        self._untold = Untold(self._tell)
        self._presence = CameraPresence(pipeline=pipeline, lost_after=lost_after, clock=clock)
        self._event_ids: dict[int, str] = {}
        self._tracker: Tracker | None = None
        """Goes on over reconnections: it knows which vehicles were told already."""

    @property
    def camera_id(self) -> str:
        return self.record.camera_id

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def server(self) -> str:
        """The worker that watches this camera; empty when this process does."""
        return self.record.server

    @property
    def is_onvif(self) -> bool:
        """Otherwise the address is a stream, a picture address, a file or a folder."""
        return is_onvif_address(self.record.address)

    @property
    def health(self) -> CameraHealth:
        """How the camera is, for the server page (M-155)."""
        left_out = LEFT_OUT.format(settings="; ".join(self.left_out)) if self.left_out else ""
        return CameraHealth(
            camera_id=self.camera_id,
            name=self.name,
            server=self.server,
            state=self._presence.state if self.record.enabled else CameraState.DISABLED,
            detail=f"{left_out} {self.detail or self.advice}".strip(),
            frames_per_second=self._rate(),
            recognized=self.recognized,
            result_delay_s=measured_delay_s(self.funnel.hours),
            frames_missed=self.frames_missed,
        )

    @property
    def frames_missed(self) -> int:
        """Over all connections since the service was started."""
        return self._missed_before + (self._source.dropped if self._source is not None else 0)

    @property
    def stream_rate(self) -> float | None:
        """Pictures that the camera sends per second; None while none come."""
        return self._source.rate if self._source is not None else None

    @property
    def interlaced(self) -> bool:
        """Whether only half of the picture's lines are of one moment."""
        return self.recognition.deinterlace or (self._source is not None and self._source.hint == INTERLACED)

    @property
    def advice(self) -> str:
        """What could be better although the camera runs; empty when nothing could."""
        hint = self._source.hint if self._source else ""
        return " ".join(part for part in (self._pictures.note, hint) if part)

    @property
    def onvif(self) -> Camera:
        """The connected camera. Raises CameraUnsupported or CameraUnreachable."""
        if not self.is_onvif:
            raise CameraUnsupported(f"{self.name} is a plain stream: it has no ONVIF services.")
        if self._onvif is None:
            raise CameraUnreachable(f"{self.name} is not connected now. {self.detail}".strip())
        return self._onvif

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._note_presence(), name=f"presence {self.camera_id}")
            group.create_task(
                retry_forever(
                    "camera",
                    self._attempt,
                    expected=(CameraError, SourceRefused, InferenceError),
                    pause_for=self._note_failure,
                    camera_id=self.camera_id,
                ),
                name=f"camera {self.camera_id}",
            )

    def change(self, record: CameraRecord) -> bool:
        """Go on with another record; False when the camera has to be started again for it. Raises SettingsRefused."""
        chosen = CameraRecognition.from_stored(record.recognition)
        old = self.record
        if any(getattr(record, name) != getattr(old, name) for name in RESTARTING) or needs_restart(
            self.recognition, chosen
        ):
            return False
        self.record, self.recognition = record, chosen
        if self.watch is not None:
            self.watch.change(self._settings())
        return True

    async def finish(self) -> None:
        """Tell what is in view as it stands, before the task that runs this camera is cancelled."""
        if self.watch is not None:
            await self.watch.finish()

    def take_over(self, old: LprCamera) -> None:
        """Begin with what is known from before a restart: counters, who was told already, and whether it was lost."""
        self.recognized, self.last_frame = old.recognized, old.last_frame
        self._missed_before = old.frames_missed
        self._presence.take_over(old._presence)
        self._untold.take_over(old._untold)
        self._tracker, self._event_ids = old._known(), old._event_ids
        if self.record.address == old.record.address and self.recognition.rotation == old.recognition.rotation:
            self.views = old.views

    async def snapshot(self) -> bytes | None:
        """The newest analysed frame as JPEG; None before the first."""
        frame = self.last_frame
        if frame is None:
            return None
        quality = [cv2.IMWRITE_JPEG_QUALITY, SNAPSHOT_QUALITY]
        done, data = await asyncio.to_thread(lambda: cv2.imencode(".jpg", frame.picture, quality))
        return data.tobytes() if done else None

    # -- one connection ---------------------------------------------------------------------------------------------

    async def _attempt(self) -> None:
        if not self.is_onvif:
            await self._watch(PictureAddress(url=self.record.address, is_onvif=False))
            return
        async with connection_to(self.record) as camera:
            profiles = await camera.profiles()
            self.profile = camera.choose_profile(profiles, self.record.profile_token)
            pictures = await self._pictures.choose(camera, self.profile.token)
            self.relays = await self._allowed("relay outputs", camera.relay_outputs())
            self.on_screen = await self._allowed("on-screen texts", camera.on_screen_texts(self.profile.token))
            self._onvif = camera
            log.info(
                "camera connected",
                camera_id=self.camera_id,
                model=camera.information.model,
                login=camera.login,
                pictures="snapshots" if pictures.is_snapshots else "stream",
            )
            try:
                await self._watch(pictures)
            finally:
                self._onvif = None

    async def _allowed(self, what: str, asked: Awaitable[tuple[T, ...]]) -> tuple[T, ...]:
        """A camera without these, or whose login may not ask for them, is a camera all the same."""
        try:
            return await asked
        except (CameraUnsupported, CameraRejected, CameraMisbehaved):
            return ()
        except CameraRefused as error:
            level = log.debug if what in self._not_allowed else log.warning
            level("camera does without", camera_id=self.camera_id, what=what, why=str(error))
            self._not_allowed.add(what)
            return ()

    def _open(self, address: str) -> Source:
        return self._options(address).open()

    def _options(self, address: str) -> SourceOptions:
        """How to open this address, with this camera's login and options."""
        chosen = self.recognition
        return SourceOptions(
            address=address,
            name=self.name,
            username=self.record.user or None,
            password=self.record.password or None,
            poll_s=poll_s(self._settings().rate(busy=True)),
            key_frames_only=chosen.key_frames_only,
            transport=chosen.transport,
            hardware=chosen.hardware_decode,
            apart=chosen.decode_apart,
            rotation=chosen.rotation,
            deinterlace=chosen.deinterlace,
            verify_tls=self.record.verify_tls,
        )

    def _settings(self) -> WatchSettings:
        """How to watch: what its owner set, and what the camera says about its own picture."""
        chosen = self.recognition
        texts = self.on_screen if chosen.mask_osd else ()
        return with_masks(watch_settings(chosen, self.record.modules), texts, rotation=chosen.rotation)

    async def _watch(self, pictures: PictureAddress) -> None:
        """Until the recording ends or the stream stays away."""
        source, self.watch = self._remote_watch(pictures) if self.server else self._own_watch(pictures)
        self._source = source
        try:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(self.watch.run(), name=f"watch {self.camera_id}")
                looking = group.create_task(self._care(source, pictures), name=f"pictures {self.camera_id}")
                watching.add_done_callback(lambda task: looking.cancel())
                looking.add_done_callback(lambda task: watching.cancel())
        except* (CameraUnreachable, InferenceError) as away:
            raise away.exceptions[0] from None
        finally:
            self._missed_before, self._source = self.frames_missed, None

    def _remote_watch(self, pictures: PictureAddress) -> tuple[WatchedSource, Watching]:
        watch = RemoteWatch(
            hub=self._hub,
            server=self.server,
            camera_id=self.camera_id,
            options=self._options(pictures.url),
            settings=self._settings(),
        )
        return watch.source, watch

    def _own_watch(self, pictures: PictureAddress) -> tuple[WatchedSource, Watching]:
        tracker, self._tracker = self._known(), None
        if tracker is None:
            # Object ids begin again.
            self._event_ids.clear()
        source = self._open(pictures.url)
        watch = Watch(
            source=source,
            recognizer=self._recognizer,
            settings=self._settings(),
            executor=self._executor,
            on_passage=self._passed,
            on_scene=self._scene,
            on_frame=self._frame,
            on_refused=self.rejects.note,
            name=self.name,
            funnel=self.funnel,
            tracker=tracker,
        )
        return source, watch

    async def _care(self, source: WatchedSource, pictures: PictureAddress) -> None:
        """Until the camera should be asked for its pictures anew; what is in view is told first."""
        try:
            await look_after(
                source,
                pictures,
                self._pictures,
                open_source=self._open,
                on_error=self._note_error,
                clock=self._clock,
            )
        except CameraUnreachable:
            await self.finish()
            raise
        await self.finish()

    def _note_error(self, error: str) -> None:
        self.detail = error

    def _known(self) -> Tracker | None:
        """The tracker of the last watch, if that one came to its end in order; a broken one is not trusted."""
        if self.watch is None:
            return self._tracker
        return self.watch.tracker if self.watch.finished else None

    async def _passed(self, passage: Passage) -> None:
        event_id = self._event_ids.setdefault(passage.object_id, uuid4().hex)
        if passage.state is PassageState.LOST:
            del self._event_ids[passage.object_id]
        await self._untold.tell(event_id, passage)
        self.views.passed(passage)

    async def _tell(self, event_id: str, passage: Passage) -> None:
        await self._pipeline.passage(self, event_id, passage)
        self.recognized += passage.state is PassageState.FINAL
        self.funnel.told(passage, self._clock())
        self._on_passage(self.camera_id, passage)

    def _scene(self, scene: Scene) -> None:
        self._on_scene(self.camera_id, scene)

    def _frame(self, frame: Frame, recognition: Recognition | None) -> None:
        self.last_frame = frame
        if recognition is not None:
            self._unreadable = False
            self.views.note(frame, recognition)
        self._frame_rate.note(self._clock())

    def _rate(self) -> float:
        """Frames taken per second over the last few; 0 when none came lately."""
        source = self._source
        return source.frames_per_second if isinstance(source, RemoteSource) else self._frame_rate.at(self._clock())

    # -- what a worker tells ----------------------------------------------------------------------------------------

    async def passed(self, event_id: str, passage: Passage, view: PlateView | None) -> None:
        """Perhaps long ago: what a worker kept while it was alone comes when it is back."""
        await self._tell(event_id, passage)
        if view is not None:
            self.views.keep(view)

    def counted(self, hours: Sequence[FunnelHour]) -> None:
        self.funnel.add(hours)

    def shown(self, scene: Scene) -> None:
        self._scene(scene)

    def pictured(self, picture: Picture, captured_at: datetime) -> None:
        """The newest picture, every few seconds."""
        self.last_frame = Frame(picture=picture, captured_at=captured_at, monotonic_s=time.monotonic(), sequence=0)

    def turned_down(self, rejected: Rejected) -> None:
        self.rejects.keep(rejected)

    # -- lost and found ---------------------------------------------------------------------------------------------

    async def _note_presence(self) -> None:
        while True:
            await self._untold.again()
            try:
                await self._note_presence_once()
            except StoreError as error:
                # It is told once the store takes it.
                log.debug("presence not stored", camera_id=self.camera_id, error=str(error))
            await asyncio.sleep(PRESENCE_S)

    async def _note_presence_once(self) -> None:
        come = self._source is not None and self._source.state.status in {SourceStatus.RUNNING, SourceStatus.ENDED}
        if come and not self._unreadable:
            self.detail = ""
            await self._presence.running(self.camera_id, self.name)
        else:
            why = self.detail or self.advice or "No picture arrives."
            await self._presence.away(self.camera_id, self.name, why=why)

    def _note_failure(self, error: Exception) -> float | None:
        self.detail = str(error)
        self._unreadable = isinstance(error, InferenceError)
        return REFUSED_RETRY.total_seconds() if isinstance(error, CameraRefused) else None
