"""A day in a minute: memory, threads and file handles stay flat, and every vehicle is told once to the last hour."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import _lru_cache_wrapper
from pathlib import Path
from typing import Any

import psutil
import pytest

from inference.av_feed import AvFeed
from inference.recognition import Recognition
from inference.source import Source
from inference.types import Frame, Passage, PassageState
from inference.watch import Watch, WatchSettings
from tests.fakes.day import FPS, LOST_EVERY, SIGN_TEXT, Day
from tests.inference.test_source import open_handles, until, write_video
from tests.inference.test_watch import PaintedPlates

HOUR = 3600 * FPS
# A sign in view is read again by the minute: what is tested is that nothing grows, not how often it looks.
SETTINGS = WatchSettings(max_fps=None, reread_s=20.0)
# By then the tracker remembers as many vehicles as it ever will, and the stream changed its size some times.
WARM_H = 6
# The funnel's hours grow to two days of them. One object kept for each vehicle would be more than this in the day.
MOST_OBJECTS = 400
# A kilobyte kept per looked-at frame would be hundreds; what the allocator gives back late, and what earlier tests
# of the same process left to it, comes to some tens.
MOST_MIB = 64


class Inline(ThreadPoolExecutor):
    """Runs at once and in this thread: handing a third of a million frames to another takes most of the time."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
        """A future of the loop that is done, which is awaited without a turn of the loop."""
        done = asyncio.get_running_loop().create_future()
        try:
            done.set_result(call(*arguments, **named))
        except BaseException as error:  # noqa: BLE001  # as a thread's executor would hand it on
            done.set_exception(error)
        return done


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What the process holds."""

    objects: int
    mib: float
    threads: int
    handles: int

    @classmethod
    def now(cls) -> Footprint:
        empty_caches()
        gc.collect()
        return cls(
            objects=len(gc.get_objects()),
            mib=psutil.Process().memory_info().rss / 2**20,
            threads=threading.active_count(),
            handles=open_handles(),
        )

    def growth(self, later: Footprint) -> list[str]:
        """In words, what a later one holds more than it may."""
        bounds = (
            ("objects", later.objects - self.objects, MOST_OBJECTS),
            ("MiB", later.mib - self.mib, MOST_MIB),
            ("threads", later.threads - self.threads, 0),
            ("file handles", later.handles - self.handles, 0),
        )
        return [f"{more:.0f} {what} more" for what, more, most in bounds if more > most]


def empty_caches() -> None:
    """Our caches with a bound fill over days; one without keeps what it has, so that its growth shows."""
    for held in gc.get_objects():
        ours = isinstance(held, _lru_cache_wrapper) and held.__module__.startswith("inference.")
        if ours and held.cache_info().maxsize is not None:
            held.cache_clear()


async def watched(
    day: Day, *, hour: int, on_passage: Callable[[Passage], None], inline: bool = True
) -> tuple[list[Footprint], Watch]:
    """Watch it to its end; what the process held after each `hour` frames."""
    held: list[Footprint] = []

    def on_frame(frame: Frame, _: Recognition | None) -> None:
        if frame.sequence // hour > len(held):
            held.append(Footprint.now())

    if inline:
        asyncio.get_running_loop().set_default_executor(Inline(1))
    with ThreadPoolExecutor(1) as executor:
        watch = Watch(
            source=day,
            recognizer=day,
            settings=SETTINGS,
            executor=executor,
            on_passage=on_passage,
            on_scene=lambda _: None,
            on_frame=on_frame,
            clock=day.clock,
        )
        await watch.run()
    held.append(Footprint.now())
    return held, watch


@pytest.mark.slow
@pytest.mark.timeout(3000)
async def test_a_day_at_a_gate_leaves_nothing_behind() -> None:
    day, told = Day(24 * HOUR), Counter[str]()

    def count(passage: Passage) -> None:
        told[passage.plate.plate_number] += passage.state is PassageState.FINAL

    held, watch = await watched(day, hour=HOUR, on_passage=count)
    assert len(held) == 24
    assert not held[WARM_H - 1].growth(held[-1])
    expected = day.expected()
    assert day.taken > 340_000
    assert day.losses == 24 * HOUR // LOST_EVERY
    vehicles = {text: times for text, times in told.items() if text.startswith("V")}
    assert set(vehicles.values()) == {1}
    assert len(vehicles) == expected.vehicles
    assert [times for text, times in told.items() if text.startswith("P")] == [1] * expected.parked
    # What stands there when the watching begins may be a car, so a sign may be told, but only then.
    assert told[SIGN_TEXT] <= 1
    assert sum(hour.frames for hour in watch.funnel.hours) == day.taken
    assert (day.opened, day.closed) == (1, 1)


async def test_what_is_kept_for_each_vehicle_would_be_noticed() -> None:
    kept: list[Passage] = []
    clean, _ = await watched(Day(HOUR // 2), hour=HOUR // 8, on_passage=lambda _: None)
    leaky, _ = await watched(Day(HOUR // 2), hour=HOUR // 8, on_passage=kept.append)
    more = [held[-1].objects - held[0].objects for held in (clean, leaky)]
    assert more[1] - more[0] > len(kept) > 30
    # Over the hours after the warm-up that is far more than the test allows.
    assert len(kept) * 2 * (24 - WARM_H) > 2 * MOST_OBJECTS


async def test_a_day_begins_the_same_through_real_threads() -> None:
    told: list[str] = []

    def keep(passage: Passage) -> None:
        if passage.state is PassageState.FINAL and passage.plate.plate_number != SIGN_TEXT:
            told.append(passage.plate.plate_number)

    day = Day(600 * FPS)
    await watched(day, hour=HOUR, on_passage=keep, inline=False)
    assert len(told) == len(set(told)) == day.expected().vehicles + day.expected().parked


def feeds(folder: Path, opened: list[str]) -> Iterator[AvFeed]:
    """What one camera sends over its connections: two sizes, a damaged stream, something that is no stream."""
    small = write_video(folder / "small.mp4", count=12)
    large = write_video(folder / "large.mp4", count=12, size=(320, 180))
    whole = bytearray(write_video(folder / "damaged.ts", count=40, size=(320, 180)).read_bytes())
    for place in range(len(whole) // 3, len(whole) - 200, 97):
        whole[place] ^= 0x5A
    (folder / "damaged.ts").write_bytes(whole)
    (folder / "login.mp4").write_text("<html>Please log in</html>", encoding="utf-8")
    for path in itertools.cycle((small, large, folder / "damaged.ts", folder / "login.mp4", folder / "gone.mp4")):
        opened.append(path.name)
        yield AvFeed(str(path), read_timeout_s=1.0)


@pytest.mark.timeout(600)
async def test_a_camera_that_comes_and_goes_leaves_nothing_behind(tmp_path: Path) -> None:
    opened: list[str] = []
    connect = feeds(tmp_path, opened)
    source = Source(url="camera", name="gate", feed=lambda: next(connect), paced=False, loop=True, first_retry_s=0.001)
    sizes: set[tuple[int, ...]] = set()
    with ThreadPoolExecutor(1) as executor:
        watch = Watch(
            source=source,
            recognizer=PaintedPlates(),
            settings=WatchSettings(max_fps=None),
            executor=executor,
            on_passage=lambda _: None,
            on_frame=lambda frame, _: sizes.add(frame.picture.shape),
        )
        task = asyncio.create_task(watch.run(), name="watch")
        await until(lambda: len(opened) > 60)
        before = Footprint.now()
        await until(lambda: len(opened) > 260)
        after = Footprint.now()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    # Between two looks at it a connection may be open or closed, with its file and its decoder's thread.
    assert after.handles <= before.handles + 4
    assert after.threads <= before.threads + 1
    assert after.objects <= before.objects + 2000
    assert after.mib <= before.mib + 48
    assert sizes == {(96, 160, 3), (180, 320, 3)}
    assert source.decoded > 500
    assert source.corrupt > 0
    assert not [thread for thread in threading.enumerate() if thread.name == "decode gate"]
