"""Who is served next, with a clock of the test and without one sleep."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from inference.models import Network
from inference.turns import PATIENCE_S, NoneLeft, Turns, can_wait, in_background

WAIT_S = 30.0


class Counter:
    """A pool of one item, callers that wait for it one after the other, and the order they are served in."""

    def __init__(self, callers: int) -> None:
        self.now_s = 0.0
        self.turns = Turns(["request"], clock=lambda: self.now_s)
        self.served: list[str] = []
        self._pool = ThreadPoolExecutor(callers)
        self._work: list[Any] = []

    def wait_as(self, name: str, *, background: bool) -> None:
        """Returns when the caller stands in its line."""
        before = sum(self.turns.waiting())
        self._work.append(self._pool.submit(self._take, name, background))
        reached(lambda: sum(self.turns.waiting()) > before)

    def _take(self, name: str, background: bool) -> None:
        with in_background() if background else nullcontext():
            item = self.turns.take(WAIT_S)
        self.served.append(name)
        self.turns.give_back(item)

    def done(self) -> list[str]:
        for one in self._work:
            one.result(WAIT_S)
        self._pool.shutdown()
        return self.served


def reached(condition: Callable[[], bool]) -> None:
    event = threading.Event()
    for _ in range(int(WAIT_S / 0.001)):
        if condition():
            return
        event.wait(0.001)
    raise AssertionError("nobody came")


def test_a_flood_in_the_background_delays_a_live_request_by_the_one_that_runs_and_no_more() -> None:
    counter = Counter(22)
    with in_background():
        running = counter.turns.take(WAIT_S)
    for number in range(20):
        counter.wait_as(f"validation {number}", background=True)
    counter.wait_as("live 1", background=False)
    counter.wait_as("live 2", background=False)
    counter.turns.give_back(running)
    served = counter.done()
    assert served[:2] == ["live 1", "live 2"]
    assert served[2:] == [f"validation {number}" for number in range(20)]


def test_where_live_cameras_never_pause_the_background_gets_a_turn_now_and_then() -> None:
    counter = Counter(8)
    running = counter.turns.take(WAIT_S)
    for number in range(3):
        counter.wait_as(f"validation {number}", background=True)
    for number in range(3):
        counter.wait_as(f"live {number}", background=False)
    counter.now_s += PATIENCE_S
    counter.turns.give_back(running)
    # One of the background at once, and the next one only after as long a time again.
    assert counter.done() == ["validation 0", "live 0", "live 1", "live 2", "validation 1", "validation 2"]


def test_who_gave_up_waiting_is_not_served() -> None:
    turns = Turns(["request"])
    running = turns.take(WAIT_S)
    for context in (in_background(), nullcontext()):
        with context, pytest.raises(TimeoutError):
            turns.take(0.01)
    assert turns.waiting() == (0, 0)
    turns.give_back(running)
    assert turns.take(0.01) == "request"


def test_when_the_last_item_is_lost_nobody_waits_for_it_until_it_is_found() -> None:
    turns = Turns(["one", "two"])
    assert [turns.take(WAIT_S), turns.take(WAIT_S)] == ["one", "two"]
    turns.lose()
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(turns.take, WAIT_S)
        reached(lambda: turns.waiting() == (1, 0))
        turns.lose()
        with pytest.raises(NoneLeft):
            waits.result(WAIT_S)
    with pytest.raises(NoneLeft):
        turns.take(WAIT_S)
    turns.found("two")
    assert turns.take(WAIT_S) == "two"


class Device:
    """A compiled model of one request that tells what it computes, and computes only when it may."""

    outputs: tuple[()] = ()

    def __init__(self) -> None:
        self.may = threading.Semaphore(0)
        self.computed: list[int] = []

    def create_infer_request(self) -> Device:
        return self

    def start_async(self, inputs: Any, *, share_inputs: bool) -> None:
        self._asked = int(inputs[0][0])

    def wait_for(self, timeout_ms: int) -> bool:
        assert self.may.acquire(timeout=WAIT_S)
        self.computed.append(self._asked)
        return True


def test_a_live_frame_passes_a_whole_validation_at_the_device() -> None:
    device = Device()
    network = Network(name="reader", compiled=device, requests=1)
    validation = list(range(100, 110))

    def validate(picture: int) -> None:
        with in_background():
            network.run(np.array([picture]))

    with ThreadPoolExecutor(12) as pool:
        behind = [pool.submit(validate, picture) for picture in validation]
        reached(lambda: network.waiting == (0, len(validation) - 1))
        live = pool.submit(network.run, np.array([1]))
        reached(lambda: network.waiting[0] == 1)
        device.may.release(len(validation) + 1)
        for one in (live, *behind):
            one.result(WAIT_S)
    assert device.computed.index(1) == 1
    assert sorted(device.computed) == [1, *validation]


def test_a_live_frame_in_one_network_passes_a_validation_in_another_of_the_same_device() -> None:
    detector, reader, turns = Device(), Device(), Turns(range(1))
    finds = Network(name="detector", compiled=detector, requests=1, turns=turns)
    reads = Network(name="reader", compiled=reader, requests=1, turns=turns)

    def validate(picture: int) -> None:
        with in_background():
            finds.run(np.array([picture]))

    with ThreadPoolExecutor(4) as pool:
        behind = [pool.submit(validate, picture) for picture in range(3)]
        reached(lambda: finds.waiting == (0, 2))
        live = pool.submit(reads.run, np.array([1]))
        reached(lambda: reads.waiting == (1, 2))
        # One works for both networks: the other has not begun.
        reader.may.release()
        assert reader.computed == []
        detector.may.release()
        live.result(WAIT_S)
        assert len(detector.computed) == 1
        detector.may.release(2)
        for one in behind:
            one.result(WAIT_S)


async def test_what_a_context_that_can_wait_gives_to_a_thread_can_wait_too() -> None:
    with in_background():
        assert await asyncio.to_thread(can_wait)
    assert not await asyncio.to_thread(can_wait)
    assert not can_wait()
