"""One camera watched by a fake source and a fake recogniser; recordings through the same eyes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from inference.errors import SourceUnsupported
from inference.funnel import total
from inference.recognition import Recognition, RecognitionSettings
from inference.source import SourceState, SourceStatus
from inference.tracker import TrackerSettings
from inference.types import Box, Direction, Frame, Passage, PassageState, Picture, Rejection, RejectionReason, Scene
from inference.video import read_video
from inference.watch import LOOKS_AT_REST, Observer, Pace, Watch, WatchSettings, watch_settings
from tests.fakes.vehicles import reading

START = datetime(2026, 5, 1, tzinfo=UTC)
FAST = WatchSettings(max_fps=None)


def scene(number: int = 0, *, car_x: int | None = None) -> np.ndarray:
    picture = np.full((360, 640, 3), 90, np.uint8)
    if car_x is not None:
        cv2.rectangle(picture, (car_x, 120), (car_x + 160, 260), (200, 60, 40), -1)
        cv2.rectangle(picture, (car_x + 40, 220), (car_x + 110, 236), (255, 255, 255), -1)
    return picture


def plate_at(picture: Picture) -> Box | None:
    """Where the white plate of the painted car is."""
    ys, xs = np.nonzero(picture.min(axis=2) > 230)
    if len(xs) < 50:
        return None
    return Box(x=float(xs.min()), y=float(ys.min()), width=float(np.ptp(xs) + 1), height=float(np.ptp(ys) + 1))


class PaintedPlates:
    """Reads every painted plate as the same text; counts, and can be slow."""

    def __init__(
        self,
        *,
        takes_s: float = 0.0,
        text: str = "43HNN2",
        sees: bool = True,
        likelihood: float = 0.9,
        cut: bool = False,
    ) -> None:
        self.calls = 0
        self.regions: list[Box | None] = []
        self.busy = 0
        self.busiest = 0
        self._takes_s = takes_s
        self._text = text
        self._sees = sees
        self._likelihood, self._cut = likelihood, cut
        self._lock = threading.Lock()

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        with self._lock:
            self.calls += 1
            self.regions.append(region)
            self.busy += 1
            self.busiest = max(self.busiest, self.busy)
        time.sleep(self._takes_s)
        with self._lock:
            self.busy -= 1
        where = plate_at(picture) if self._sees else None
        if where is None:
            return Recognition()
        return Recognition(readings=(replace(reading(self._text, where, likelihood=self._likelihood), cut=self._cut),))


class FilmSource:
    """Frames made by a function of their number, as fast as they are taken, with times of a steady camera."""

    def __init__(self, film: Callable[[int], np.ndarray], count: int, *, fps: float = 8.0) -> None:
        self.interval_s = 0.0
        self.state = SourceState(status=SourceStatus.RUNNING, since=START)
        self.opened = self.closed = 0
        self._film, self._count, self._fps, self._number = film, count, fps, 0

    async def open(self) -> None:
        self.opened += 1

    async def aclose(self) -> None:
        self.closed += 1

    async def next_frame(self, timeout_s: float) -> Frame | None:
        await asyncio.sleep(0)
        if self._number >= self._count:
            self.state = replace(self.state, status=SourceStatus.ENDED)
            return None
        at_s = self._number / self._fps
        self._number += 1
        return Frame(
            picture=self._film(self._number - 1),
            captured_at=START + timedelta(seconds=at_s),
            monotonic_s=at_s,
            sequence=self._number,
        )


async def watched(
    film: Callable[[int], np.ndarray],
    count: int,
    *,
    settings: WatchSettings = FAST,
    reader: PaintedPlates | None = None,
    scenes: list[Scene] | None = None,
) -> tuple[list[Passage], Watch, PaintedPlates, FilmSource]:
    told: list[Passage] = []
    reader = reader or PaintedPlates()
    source = FilmSource(film, count)
    with ThreadPoolExecutor(1) as executor:
        watch = Watch(
            source=source,
            recognizer=reader,
            settings=settings,
            executor=executor,
            on_passage=told.append,
            on_scene=scenes.append if scenes is not None else None,
        )
        await watch.run()
    return told, watch, reader, source


def drive_by(number: int) -> np.ndarray:
    """Nothing for a second, a car for three, nothing for four."""
    return scene(car_x=(number - 8) * 18 if 8 <= number < 32 else None)


def finals(passages: Sequence[Passage]) -> list[str]:
    return [passage.plate.plate_number for passage in passages if passage.state is PassageState.FINAL]


async def test_a_car_that_drives_by_is_told_once_and_the_empty_road_costs_nothing() -> None:
    scenes: list[Scene] = []
    told, watch, reader, source = await watched(drive_by, 80, scenes=scenes)
    assert finals(told) == ["43HNN2"]
    assert told[-1].state is PassageState.LOST
    assert told[-1].direction is Direction.RIGHT
    hour = total(watch.funnel.hours)
    assert hour.frames == 80
    assert hour.analysed == reader.calls < 60
    assert hour.accepted == 1
    assert len(scenes) == reader.calls
    assert any(one.objects for one in scenes)
    assert (source.opened, source.closed) == (1, 1)


async def test_an_empty_road_is_not_looked_at() -> None:
    _, watch, reader, _ = await watched(lambda _: scene(), 200)
    # The first frame, since nothing is known before, and the scene at rest.
    assert reader.calls == 1 + LOOKS_AT_REST
    assert total(watch.funnel.hours).motion == 1


@pytest.mark.requirement("M-044")
async def test_what_moves_outside_the_area_is_never_looked_at() -> None:
    upper_left = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.3), (0.0, 0.3))
    aside = replace(FAST, recognition=replace(FAST.recognition, areas=(upper_left,)))
    told, watch, reader, _ = await watched(drive_by, 80, settings=aside)
    # As often as an empty road, though a car drives by below the area.
    assert reader.calls == 1 + LOOKS_AT_REST
    assert (finals(told), total(watch.funnel.hours).motion) == ([], 1)


async def test_looks_at_a_vehicle_without_plate_and_at_a_burned_in_line_are_counted_as_such() -> None:
    _, watch, reader, _ = await watched(drive_by, 80, reader=PaintedPlates(sees=False))
    assert watch.funnel.so_far.without_plate == watch.funnel.so_far.analysed == reader.calls > 10
    _, watch, _, _ = await watched(drive_by, 80)
    counted = watch.funnel.so_far
    assert counted.without_plate == counted.analysed - counted.read

    def written_on(number: int) -> np.ndarray:
        """A line that the camera writes at the top; below it something comes and goes all the time."""
        picture = scene()
        cv2.rectangle(picture, (300, 2), (370, 12), (255, 255, 255), -1)
        cv2.rectangle(picture, ((number * 40) % 500, 240), ((number * 40) % 500 + 100, 300), (60, 60, 160), -1)
        return picture

    told, watch, _, _ = await watched(written_on, 80)
    assert finals(told) == []
    counted = watch.funnel.so_far
    assert counted.rejected[RejectionReason.STATIC_TEXT] >= 1
    assert counted.without_plate > counted.analysed / 2


async def test_a_scene_at_rest_is_looked_at_longer_while_a_plate_is_in_view() -> None:
    def stops(number: int) -> np.ndarray:
        return scene(car_x=min(40 + 20 * number, 240))

    _, _, reader, _ = await watched(stops, 60, settings=replace(FAST, moving_fps=None))
    _, _, blind, _ = await watched(stops, 60, settings=replace(FAST, moving_fps=None), reader=PaintedPlates(sees=False))
    assert reader.calls > blind.calls + LOOKS_AT_REST


@pytest.mark.parametrize(
    ("faint", "reason"),
    [({"cut": True}, RejectionReason.CUT), ({"likelihood": 0.3}, RejectionReason.BELOW_THRESHOLD)],
)
@pytest.mark.parametrize("quiet", [0, 8 * 30])
async def test_a_vote_that_failed_is_counted_once_and_shown(faint: dict, reason: RejectionReason, quiet: int) -> None:
    """Whether looks saw the vehicle leave, or the known scene alone did."""
    shown: list[tuple[Frame, Sequence[Rejection]]] = []
    reader = PaintedPlates(**faint)
    source = FilmSource(lambda number: drive_by(number - quiet), quiet + 80)
    with ThreadPoolExecutor(1) as executor:
        watch = Watch(
            source=source,
            recognizer=reader,
            settings=FAST,
            executor=executor,
            on_passage=lambda _: None,
            on_refused=lambda frame, refused: shown.append((frame, refused)),
        )
        await watch.run()
    counted = total(watch.funnel.hours)
    assert (counted.read > 0, counted.accepted, counted.rejected) == (True, 0, {reason: 1})
    ((frame, (rejection,)),) = shown
    assert (rejection.reason, rejection.text) == (reason, "43HNN2")
    assert plate_at(frame.picture) == rejection.box


async def test_where_the_scene_is_known_nobody_looks_for_a_vehicle_that_has_left() -> None:
    quiet = 8 * 30

    def later(number: int) -> np.ndarray:
        return drive_by(number - quiet)

    told, watch, reader, _ = await watched(later, quiet + 80)
    assert finals(told) == ["43HNN2"]
    assert told[-1].state is PassageState.LOST
    # It is gone as soon as with looks, and what was seen of it is all that was looked at.
    with_looks, _, more, _ = await watched(drive_by, 80)
    assert [passage.ended_at - passage.started_at for passage in told] == [
        passage.ended_at - passage.started_at for passage in with_looks
    ]
    assert reader.calls <= 1 + LOOKS_AT_REST + 24 < more.calls
    assert total(watch.funnel.hours).analysed == reader.calls


async def test_a_region_follows_the_motion_when_asked_to() -> None:
    settings = replace(FAST, look_at_motion_only=True)
    told, _, reader, _ = await watched(drive_by, 80, settings=settings)
    assert finals(told) == ["43HNN2"]
    regions = [region for region in reader.regions if region is not None]
    assert regions
    assert all(region.area < 0.65 * 640 * 360 and region.right <= 640 and region.bottom <= 360 for region in regions)


async def test_callbacks_may_be_coroutines_and_their_failure_is_not_hidden() -> None:
    async def broken(_: Passage) -> None:
        raise RuntimeError("the store is gone")

    source = FilmSource(drive_by, 80)
    with ThreadPoolExecutor(1) as executor:
        watch = Watch(source=source, recognizer=PaintedPlates(), settings=FAST, executor=executor, on_passage=broken)
        with pytest.raises(RuntimeError, match="the store is gone"):
            await watch.run()
    assert source.closed == 1


async def test_a_cancelled_watch_closes_its_source() -> None:
    source = FilmSource(drive_by, 10**9)
    with ThreadPoolExecutor(1) as executor:
        watch = Watch(
            source=source, recognizer=PaintedPlates(), settings=FAST, executor=executor, on_passage=lambda _: None
        )
        task = asyncio.create_task(watch.run(), name="watch")
        async with asyncio.timeout(60):
            while total(watch.funnel.hours).frames < 3:
                await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert source.closed == 1


def test_new_settings_apply_to_the_next_frame() -> None:
    observer = Observer(watch_settings(RecognitionSettings(stop_above=0.9)))
    assert observer.tracker.settings.stop_above == 0.9
    observer.change(watch_settings(RecognitionSettings(stop_above=0.5, areas=(((0, 0), (0.2, 0), (0.2, 0.2)),))))
    assert observer.tracker.settings.stop_above == 0.5
    for number in range(3):
        frame = Frame(picture=scene(car_x=300), captured_at=START, monotonic_s=number * 5, sequence=number)
        plan, motion = observer.plan(frame)
    moved = Frame(picture=scene(car_x=400), captured_at=START, monotonic_s=20, sequence=9)
    plan, motion = observer.plan(moved)
    assert not motion.moved
    assert not plan.look


@pytest.mark.requirement("M-161")
def test_the_rate_rises_only_while_a_plate_waits_for_its_result() -> None:
    assert WatchSettings().rate(busy=False) == 4.0
    assert WatchSettings().rate(busy=True) == 8.0
    assert WatchSettings(max_fps=12.0).rate(busy=True) == 12.0
    assert WatchSettings(max_fps=None).rate(busy=True) is None


def test_no_rate_is_higher_than_the_limit() -> None:
    for limit in (0.5, 3.0, 6.0):
        settings = WatchSettings(limit_fps=limit, moving_fps=float("inf"))
        assert settings.rate(busy=True) == limit
        assert settings.rate(busy=False) == min(limit, 4.0)
    assert WatchSettings(max_fps=None, limit_fps=6.0).rate(busy=False) == 6.0


@pytest.mark.parametrize("camera_fps", [3.0, 7.9, 8.0, 10.0, 25.0, 60.0])
@pytest.mark.parametrize("hitch_s", [0.0, 0.4])
def test_the_pace_is_kept_and_never_exceeded(camera_fps: float, hitch_s: float) -> None:
    pace, interval_s, due_s, taken = Pace(), 1 / 8, 0.0, []
    newest = -1
    while due_s < 20:
        # The newest frame waits in its slot; when it was taken already, the next one is waited for.
        arrived = int(due_s * camera_fps + 1e-9)
        newest = max(arrived, newest + 1)
        taken.append(max(due_s, newest / camera_fps))
        # Now and then the processor is busy elsewhere.
        due_s = pace.next_s(taken[-1], interval_s) + (hitch_s if len(taken) % 10 == 9 else 0.0)
    for first in range(0, len(taken), 7):
        for last in range(first + 1, len(taken)):
            assert last - first <= (taken[last] - taken[first]) / interval_s + 1.2
    if not hitch_s:
        assert len(taken) >= 0.9 * 20 * min(camera_fps, 8.0)


CHANGES = [
    {"tracker": TrackerSettings(rearm_s=60.0, stop_above=0.8)},
    {"tracker": TrackerSettings(partial_span_s=1.0, lost_after_s=2.0)},
    {"recognition": RecognitionSettings(areas=(((0, 0), (1, 0), (1, 1), (0, 1)),), modules=("NL",))},
    {"masks": (((0, 0), (0.1, 0), (0.1, 0.1)),), "motion_sensitivity": 2.0},
    {"look_at_motion_only": True, "reread_s": 1.0, "motion_gate": False},
]


@pytest.mark.parametrize("change", CHANGES, ids="-".join)
@pytest.mark.parametrize("at", [14, 30])
async def test_a_change_in_mid_passage_gives_exactly_one_passage(change: dict, at: int) -> None:
    told: list[Passage] = []
    source = FilmSource(drive_by, 80)

    def meddle(frame: Frame, _: Recognition | None) -> None:
        if frame.sequence == at:
            watch.change(replace(FAST, **change))

    with ThreadPoolExecutor(1) as executor:
        watch = Watch(
            source=source,
            recognizer=PaintedPlates(),
            settings=FAST,
            executor=executor,
            on_passage=told.append,
            on_frame=meddle,
        )
        await watch.run()
    assert finals(told) == ["43HNN2"]
    assert [passage.state for passage in told].count(PassageState.LOST) == 1
    assert (source.opened, watch.settings) == (1, replace(FAST, **change))


async def test_a_changed_area_moves_nothing() -> None:
    observer = Observer(FAST)
    for number in range(40):
        observer.plan(Frame(picture=scene(), captured_at=START, monotonic_s=number / 8, sequence=number))
    area = ((0, 0), (0.9, 0), (0.9, 0.9), (0, 0.9))
    observer.change(replace(FAST, recognition=RecognitionSettings(areas=(area,))))
    plan, motion = observer.plan(Frame(picture=scene(), captured_at=START, monotonic_s=6, sequence=50))
    assert not motion.moved
    assert not plan.look


async def test_what_is_in_view_is_told_before_a_watch_ends_and_not_again_by_the_next() -> None:
    told: list[Passage] = []
    slow = replace(FAST, tracker=TrackerSettings(stop_above=1.0, previews=False))

    def make(source: FilmSource, **given) -> Watch:
        return Watch(
            source=source,
            recognizer=PaintedPlates(),
            settings=slow,
            executor=executor,
            on_passage=told.append,
            **given,
        )

    with ThreadPoolExecutor(1) as executor:
        first = make(FilmSource(lambda number: drive_by(min(number, 24)), 10**9))
        task = asyncio.create_task(first.run(), name="watch")
        async with asyncio.timeout(60):
            while total(first.funnel.hours).read < 5:
                await asyncio.sleep(0)
        assert not told
        await first.finish()
        assert [passage.state for passage in told] == [PassageState.FINAL, PassageState.LOST]
        async with asyncio.timeout(60):
            await task
        second = make(FilmSource(drive_by, 80), tracker=first.tracker)
        await second.run()
    assert finals(told) == ["43HNN2"]


def film(path: Path, make: Callable[[int], np.ndarray], count: int, fps: int = 8) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.time_base = Fraction(1, fps)
        for number in range(count):
            picture = av.VideoFrame.from_ndarray(make(number), format="bgr24")
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def test_a_recording_gives_one_object_per_vehicle(tmp_path: Path) -> None:
    def two(number: int) -> np.ndarray:
        return drive_by(number if number < 60 else number - 120)

    path = film(tmp_path / "two.mp4", two, 200)
    found = list(read_video(path, PaintedPlates(), RecognitionSettings()))
    assert [one.text for one in found] == ["43HNN2", "43HNN2"]
    first = found[0].as_json()
    assert list(first) == ["file", "start_s", "end_s", "text", "likelihood", "country", "direction", "reads"]
    assert first["direction"] == "Right"
    assert 0.8 <= found[0].start_s <= 2.0
    assert 3.0 <= found[0].end_s <= 4.2
    assert 15.8 <= found[1].start_s <= 17.2


@pytest.mark.parametrize("content", [b"", b"not a film", bytes([0, 0, 0, 32]) + b"ftypisom" + bytes(500)])
def test_a_file_that_is_no_recording_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "note.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceUnsupported, match="the file is no video that can be read"):
        list(read_video(path, PaintedPlates(), RecognitionSettings()))
