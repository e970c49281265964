"""Many cameras share one pool: each gets its turn beside a slow one, and the loop stays free."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from inference.recognition import Recognition, RecognitionSettings
from inference.types import Box, Picture
from inference.watch import Watch
from tests.inference.test_watch import FAST, FilmSource, scene


class InTurn:
    """Counts the looks of each camera; `settled` when all together have had enough. One of them is slow."""

    def __init__(self, *, cameras: int, enough: int) -> None:
        self.looks = [0] * cameras
        self.busy = self.busiest = 0
        self.settled = asyncio.Event()
        self.counts: list[int] = []
        self._enough = enough
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()

    def look(self, camera: int, takes_s: float) -> None:
        with self._lock:
            self.busy += 1
            self.busiest = max(self.busiest, self.busy)
        time.sleep(takes_s)
        with self._lock:
            self.busy -= 1
            self.looks[camera] += 1
            if sum(self.looks) == self._enough:
                # Counted in the middle: at the end of equal films the counts are equal under any order.
                self.counts = list(self.looks)
                self._loop.call_soon_threadsafe(self.settled.set)


class CameraInTurn:
    """The recogniser of one camera, whose pictures are always moving."""

    def __init__(self, turns: InTurn, camera: int, takes_s: float) -> None:
        self._turns, self._camera, self._takes_s = turns, camera, takes_s

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        self._turns.look(self._camera, self._takes_s)
        return Recognition()


class NewestFirst(ThreadPoolExecutor):
    """An unfair pool: who asked last is served first."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self._work_queue = queue.LifoQueue()  # type: ignore[assignment]  # the standard library's own seam is private


async def take_turns(executor: ThreadPoolExecutor, *, seconds: Sequence[float], enough: int) -> tuple[InTurn, int]:
    """Watch a camera for each of `seconds` a look takes, until together they had enough.

    Also counts how often the loop's heart beat while a look was being taken.
    """
    turns = InTurn(cameras=len(seconds), enough=enough)
    beats = 0

    async def heartbeat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.001)
            beats += turns.busy > 0

    settings = replace(FAST, motion_gate=False)
    with executor:
        watches = [
            Watch(
                source=FilmSource(lambda _: scene(), 10**9),
                recognizer=CameraInTurn(turns, camera, takes_s),
                settings=settings,
                executor=executor,
                on_passage=lambda _: None,
            )
            for camera, takes_s in enumerate(seconds)
        ]
        tasks = [asyncio.create_task(watch.run(), name="watch") for watch in watches]
        tasks.append(asyncio.create_task(heartbeat(), name="heartbeat"))
        async with asyncio.timeout(30):
            await turns.settled.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return turns, beats


GREEDY = (0.03, 0.008, 0.008, 0.008, 0.008)


async def test_the_loop_stays_free_and_every_camera_gets_its_turn_beside_a_slow_one() -> None:
    turns, beats = await take_turns(ThreadPoolExecutor(1), seconds=GREEDY, enough=60)
    assert max(turns.counts) - min(turns.counts) <= 2
    assert turns.busiest == 1
    # Were looks taken in the loop, its heart could only beat between them.
    assert beats >= len(GREEDY)


async def test_an_unfair_order_would_be_noticed() -> None:
    turns, _ = await take_turns(NewestFirst(1), seconds=GREEDY, enough=60)
    assert max(turns.counts) - min(turns.counts) > 4


async def test_no_more_looks_run_at_once_than_the_pool_has_threads() -> None:
    turns, _ = await take_turns(ThreadPoolExecutor(2), seconds=(0.005,) * 5, enough=40)
    assert turns.busiest == 2
