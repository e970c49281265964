"""One camera, watched: frame, motion gate, recognition, tracker, passage.

The loop never blocks: pictures come from the source's thread, and recognition runs in a bounded executor that all
cameras share. A camera has one frame in it at a time and waits its turn, so none can crowd out the others; a slow
machine lowers the rate of all.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import structlog

from inference.areas import of_few_shapes, within
from inference.funnel import Funnel
from inference.motion import MotionGate, MotionResult
from inference.recognition import Recognition, RecognitionSettings
from inference.tracker import Tracker, TrackerSettings
from inference.types import Box, Frame, Passage, Picture, Reading, Rejection, Scene

# How long to wait for a frame before looking at the state of the source again.
FRAME_TIMEOUT_S = 2.0
# The scene is looked at this much longer after motion: what stopped is read at rest, what left is seen to be gone.
LINGER_S = 1.5
# While no plate is in view, a scene at rest is looked at so often: the next look would show the same nothing.
LOOKS_AT_REST = 2
# A vehicle that came within this time is not yet part of the scene that the motion gate knows.
LATELY_S = 8.0
# Motion at the edge of a blob belongs to the same vehicle: the region looked at is wider by this share of the picture.
AROUND = 0.08
# Above this share of the picture a region saves nothing.
MOST_REGION = 0.6
# Waking this share of an interval early finds the next frame on time; the pace itself is never exceeded by it.
EARLY = 0.1
# A frame in work is done by then on any machine that can be used at all.
FINISH_WITHIN_S = 5.0

_log = structlog.get_logger(__name__)


class Pictures(Protocol):
    """Where frames come from: what `Source` offers."""

    interval_s: float

    async def open(self) -> None: ...
    async def aclose(self) -> None: ...
    async def next_frame(self, timeout_s: float) -> Frame | None: ...


class Reads(Protocol):
    """What reads them: `Recognizer`, or a remote one later."""

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        """Every plate in the picture; blocks."""


@runtime_checkable
class ReadsTogether(Protocol):
    """A reader that joins what it saw of one plate in several pictures: `Recognizer`."""

    def together(self, looks: Sequence[Reading | Rejection], settings: RecognitionSettings) -> Reading | None:
        """What these looks at one plate say together; plain computation of a few milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """How one camera is watched. Every value may change while it runs (`Watch.change`)."""

    recognition: RecognitionSettings = field(default_factory=RecognitionSettings)
    tracker: TrackerSettings = field(default_factory=TrackerSettings)
    masks: tuple[tuple[tuple[float, float], ...], ...] = ()
    """Polygons (shares of the picture) whose motion means nothing: clocks, trees, flags."""
    max_fps: float | None = 4.0
    """Analysed frames per second at other times than `moving_fps` is for; None is as many as come."""
    moving_fps: float | None = 8.0
    """Analysed frames per second while a plate in view has been read too little; never below `max_fps`."""
    limit_fps: float | None = None
    """Never more than this, whatever the two rates above say; None is no limit."""
    reread_s: float = 5.0
    """A scene without motion but with a plate in it is read again this seldom."""
    motion_gate: bool = True
    motion_sensitivity: float = 1.0
    """How little change counts as motion: above 1 less is enough."""
    look_at_motion_only: bool = False
    """Search only around motion and known plates: cheaper, for scenes with small motion in a large picture."""

    def rate(self, *, busy: bool) -> float | None:
        """Analysed frames per second; None is as many as come and the processor allows."""
        usual = math.inf if self.max_fps is None else self.max_fps
        wanted = max(usual, self.moving_fps or 0.0) if busy else usual
        rate = min(wanted, math.inf if self.limit_fps is None else self.limit_fps)
        return None if math.isinf(rate) else rate


@dataclass(slots=True)
class Plan:
    """What to do with one frame."""

    look: bool
    region: Box | None = None
    gone: bool = False
    """No look is needed to see that nothing is there any more."""


class Pace:
    """When the next frame may be taken, so that never more than the wanted rate are. Plain code."""

    def __init__(self) -> None:
        self._allowed_s = float("-inf")

    def next_s(self, taken_s: float, interval_s: float) -> float:
        """The time from which on another frame may be taken, after one was taken at `taken_s`."""
        # Each frame costs one interval; a late one leaves a credit of at most one, so that the rhythm is kept.
        self._allowed_s = max(self._allowed_s, taken_s - interval_s) + interval_s
        return max(taken_s + (1 - EARLY) * interval_s, self._allowed_s - EARLY * interval_s)


class Watch:
    """Watches one camera until cancelled. Callbacks run in the event loop and may be coroutines."""

    def __init__(
        self,
        *,
        source: Pictures,
        recognizer: Reads,
        settings: WatchSettings,
        executor: Executor,
        on_passage: Callable[[Passage], Awaitable[None] | None],
        on_scene: Callable[[Scene], Awaitable[None] | None] | None = None,
        on_frame: Callable[[Frame, Recognition | None], Awaitable[None] | None] | None = None,
        on_refused: Callable[[Frame, Sequence[Rejection]], Awaitable[None] | None] | None = None,
        name: str = "",
        funnel: Funnel | None = None,
        tracker: Tracker | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_refused` hears what a frame shows and no passage tells: finds that were not read, votes that failed.

        `tracker` goes on from an earlier watch of the same camera: it knows who was told already.

        `clock` tells the time that the frames carry.
        """
        self._clock = clock
        self.funnel = funnel or Funnel()
        self.name = name
        self._source = source
        self._recognizer = recognizer
        self._executor = executor
        self._on_passage = on_passage
        self._on_scene = on_scene
        self._on_frame = on_frame
        self._on_refused = on_refused
        self._observer = Observer(settings, tracker, recognizer=recognizer)
        self._analysing = asyncio.Lock()
        self._finished = False

    @property
    def settings(self) -> WatchSettings:
        return self._observer.settings

    @property
    def tracker(self) -> Tracker:
        """For the next watch of this camera, once this one has finished."""
        return self._observer.tracker

    def change(self, settings: WatchSettings) -> None:
        """Apply new settings from the next frame on; plates in view keep their tracks and their readings."""
        self._observer.change(settings)

    @property
    def finished(self) -> bool:
        """Everything that was in view has been told, and nothing is analysed any more."""
        return self._finished

    async def finish(self) -> None:
        """Tell what is in view as it stands and analyse no more; the owner then cancels `run`."""
        try:
            async with asyncio.timeout(FINISH_WITHIN_S):
                # A frame in work belongs to the same vehicles: it is waited for.
                async with self._analysing:
                    if not self._finished:
                        told = await asyncio.to_thread(self._observer.tracker.flush, self._observer.last_frame_s)
                        await self._tell(told)
                        self._finished = True
        except TimeoutError:
            _log.error("what was in view could not be told", camera=self.name, waited_s=FINISH_WITHIN_S)

    async def run(self) -> None:
        """Open the source, watch it, close it. Ends when a recording ends; plates in view are told then."""
        await self._source.open()
        try:
            await self._watch()
        finally:
            await self._source.aclose()

    async def _watch(self) -> None:
        due_s, pace = 0.0, Pace()
        while True:
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            frame = await self._source.next_frame(FRAME_TIMEOUT_S)
            async with self._analysing:
                if self._finished:
                    return
                if frame is None:
                    await self._miss(self._clock())
                    if _ended(self._source):
                        self._finished = True
                        return
                    continue
                rate = self.settings.rate(busy=self._observer.tracker.hungry)
                interval_s = 1.0 / rate if rate else 0.0
                self._source.interval_s = interval_s
                due_s = pace.next_s(time.monotonic(), interval_s)
                await self._analyse(frame)

    async def _miss(self, now_s: float) -> None:
        """No frame came: what waits for its time is told, and after a while everything in view."""
        tracker = self._observer.tracker
        over = self._observer.silence(now_s) or _ended(self._source)
        await self._tell(await asyncio.to_thread(tracker.flush if over else tracker.release, now_s))

    async def _analyse(self, frame: Frame) -> None:
        now = frame.captured_at
        self.funnel.count(now, "frames")
        # The gate does not queue behind other cameras' recognitions: it decides whether to queue at all.
        plan, motion, told = await asyncio.to_thread(self._glance, frame)
        if motion.moved:
            self.funnel.count(now, "motion")
        if not plan.look:
            await _call(self._on_frame, frame, None)
            await self._tell(told)
            return
        recognition, told, busy_ms = await asyncio.get_running_loop().run_in_executor(
            self._executor, self._look, frame, plan, motion
        )
        scene = self._observer.tracker.scene(frame)
        self.funnel.analysed(now, recognition, busy_ms, plates=len(scene.objects))
        if recognition.rejections:
            await _call(self._on_refused, frame, recognition.rejections)
        await _call(self._on_frame, frame, recognition)
        await _call(self._on_scene, scene)
        await self._tell(told)

    def _glance(self, frame: Frame) -> tuple[Plan, MotionResult, list[Passage]]:
        plan, motion = self._observer.plan(frame)
        # Plates that have gone may be read together now: not in the event loop.
        return plan, motion, [] if plan.look else self._observer.unseen(frame, plan, motion)

    def _look(self, frame: Frame, plan: Plan, motion: MotionResult) -> tuple[Recognition, list[Passage], float]:
        started_s = time.perf_counter()
        recognition = self._recognizer.recognize(frame.picture, self._observer.recognition, region=plan.region)
        told = self._observer.update(frame, recognition, plan, motion)
        return recognition, told, (time.perf_counter() - started_s) * 1000

    async def _tell(self, passages: Sequence[Passage]) -> None:
        """What came of a frame, or of its absence: vehicles, and votes that failed."""
        for frame, rejection in self._observer.tracker.take_refused():
            self.funnel.suppressed(frame.captured_at, (rejection,))
            await _call(self._on_refused, frame, (rejection,))
        for passage in passages:
            self.funnel.passed(passage)
            await _call(self._on_passage, passage)


class Observer:
    """The same decisions for live cameras and recordings: when to look, where, and what follows. Plain code."""

    def __init__(
        self, settings: WatchSettings, tracker: Tracker | None = None, *, recognizer: Reads | None = None
    ) -> None:
        self.settings = settings
        self.tracker = tracker or Tracker(settings.tracker)
        self.tracker.settings = settings.tracker
        self._recognizer = recognizer
        self.tracker.together = self._together if isinstance(recognizer, ReadsTogether) else None
        self._gate = MotionGate(settings.recognition.areas, settings.masks, sensitivity=settings.motion_sensitivity)
        self._last_motion_s = float("-inf")
        self._last_motion = MotionResult(False)
        self._last_look_s = float("-inf")
        self._looks_at_rest = 0
        self.last_frame_s = float("-inf")

    @property
    def recognition(self) -> RecognitionSettings:
        """How to read the next frame: what is decided takes no place from a vehicle that comes by."""
        settings = self.settings.recognition
        if settings.max_plates is None or not self.tracker.decided:
            return settings
        return replace(settings, max_plates=settings.max_plates + self.tracker.decided)

    def change(self, settings: WatchSettings) -> None:
        """New settings from the next frame on. Tracks, their readings and what was told already stay."""
        self.settings = settings
        self.tracker.settings = settings.tracker
        self._gate.change(settings.recognition.areas, settings.masks, sensitivity=settings.motion_sensitivity)

    def plan(self, frame: Frame) -> tuple[Plan, MotionResult]:
        """Whether to look at this frame; costs the motion gate."""
        now_s = frame.monotonic_s
        self.last_frame_s = now_s
        motion = self._gate.moved(frame)
        if motion.moved:
            self._last_motion_s, self._last_motion, self._looks_at_rest = now_s, motion, 0
        news = self.tracker.in_view or self._looks_at_rest < LOOKS_AT_REST
        lingers = news and now_s - self._last_motion_s <= LINGER_S
        # What is not decided by then (a plate that is cut, or too faint) is read again as seldom as a decided one.
        since_s = self.tracker.undecided_since_s
        stays_s = now_s - max(since_s, self._last_motion_s)
        waits = since_s > -math.inf and stays_s <= 2 * self.settings.tracker.decide_after_s
        rereads = self.tracker.in_view and now_s - self._last_look_s >= self.settings.reread_s
        look = lingers or waits or rereads or not self.settings.motion_gate
        lately = self.settings.motion_gate and self.tracker.came_since(now_s - LATELY_S)
        if look and not motion.moved and lately and not self._any_masked(frame) and self._gate.empty():
            return Plan(look=False, gone=True), motion
        return Plan(look, self._region(frame) if look and not rereads else None), motion

    def _any_masked(self, frame: Frame) -> bool:
        """Whether a plate in view lies where the motion gate is blind."""
        masks, (width, height) = self.settings.masks, frame.size
        centers = [box.center for box in self.tracker.where(frame.monotonic_s)] if masks else []
        return any(within((x / width, y / height), masks) for x, y in centers)

    def unseen(self, frame: Frame, plan: Plan, motion: MotionResult) -> list[Passage]:
        """What follows from a frame that nobody looked at."""
        if plan.gone:
            return self.update(frame, Recognition(), plan, motion)
        return self.tracker.release(frame.monotonic_s)

    def update(self, frame: Frame, recognition: Recognition, plan: Plan, motion: MotionResult) -> list[Passage]:
        """What the tracker makes of one recognition."""
        self._last_look_s = frame.monotonic_s
        self._looks_at_rest += not motion.moved
        return self.tracker.update(
            frame,
            recognition.readings,
            recognition.rejections,
            region=plan.region,
            motion=motion.boxes,
            stages=recognition.stages,
        )

    def _together(self, looks: Sequence[Reading | Rejection]) -> Reading | None:
        assert isinstance(self._recognizer, ReadsTogether)
        return self._recognizer.together(looks, self.settings.recognition)

    def silence(self, now_s: float) -> bool:
        """No frame has come for so long that what was in view must have gone unseen."""
        return self.tracker.in_view and now_s - self.last_frame_s > 2 * self.settings.reread_s

    def _region(self, frame: Frame) -> Box | None:
        """Around what moves, or moved last and stopped there, and the plates in view; None for the whole picture."""
        if not self.settings.look_at_motion_only or self._last_motion.whole or not self.settings.motion_gate:
            return None
        width, height = frame.size
        boxes = [*self._last_motion.boxes, *self.tracker.where(frame.monotonic_s)]
        if not boxes:
            return None
        margin = AROUND * width
        left, top = min(box.x for box in boxes) - margin, min(box.y for box in boxes) - margin
        right, bottom = max(box.right for box in boxes) + margin, max(box.bottom for box in boxes) + margin
        region = of_few_shapes(Box(x=left, y=top, width=right - left, height=bottom - top), width, height)
        return None if region.area > MOST_REGION * width * height else region


def watch_settings(recognition: RecognitionSettings, **changes: float | bool | None) -> WatchSettings:
    """Settings whose tracker shares the thresholds of recognition; a vote must not be less sure than a single frame."""
    discard_below = max(recognition.discard_below, TrackerSettings().discard_below)
    tracker = TrackerSettings(stop_above=recognition.stop_above, discard_below=discard_below)
    return replace(WatchSettings(recognition=recognition, tracker=tracker), **changes)  # type: ignore[arg-type]  # names are checked by replace()


def _ended(source: Pictures) -> bool:
    state = getattr(source, "state", None)
    return state is not None and state.status == "ended"


async def _call(callback: Callable[..., Awaitable[None] | None] | None, *values: object) -> None:
    if callback is None:
        return
    answer = callback(*values)
    if inspect.isawaitable(answer):
        await answer
