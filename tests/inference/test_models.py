"""The request pool: as many pictures at once as the settings say, a bounded wait, and a cache that may be missing."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

import inference.models as models
from inference.errors import DeviceStuck, PackError
from inference.models import Engine, Network, PerformanceHint

WAIT_S = 60.0
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tiny() -> Any:
    """A model that costs nothing: the larger of x and 0."""
    operators = models.ov.opset13
    given = operators.parameter([1, 3], np.float32)
    return models.ov.Model([operators.relu(given)], [given], "tiny")


class Gate:
    """A compiled model whose requests answer once `together` of them work at the same time."""

    outputs = (0,)

    def __init__(self, together: int) -> None:
        self.barrier = threading.Barrier(together)
        self.busy = self.busiest = 0
        self._lock = threading.Lock()

    def create_infer_request(self) -> Gate:
        return self

    def start_async(self, inputs: Any, *, share_inputs: bool) -> None:
        with self._lock:
            self.busy += 1
            self.busiest = max(self.busiest, self.busy)

    def wait_for(self, timeout_ms: int) -> bool:
        self.barrier.wait(WAIT_S)
        with self._lock:
            self.busy -= 1
        return True

    def get_output_tensor(self, index: int) -> Any:
        return type("Tensor", (), {"data": [1.0]})


class Hanging:
    """A compiled model whose requests give no answer until the test lets them."""

    outputs = (0,)

    def __init__(self, *, fails: bool = False) -> None:
        self.started = 0
        self.may_answer = threading.Event()
        self._fails = fails

    def create_infer_request(self) -> Hanging:
        return self

    def start_async(self, inputs: Any, *, share_inputs: bool) -> None:
        self.started += 1

    def wait_for(self, timeout_ms: int) -> bool:
        return self.may_answer.wait(timeout_ms / 1000)

    def wait(self) -> None:
        self.may_answer.wait()
        if self._fails:
            raise RuntimeError("the driver gave up")

    def get_output_tensor(self, index: int) -> Any:
        return type("Tensor", (), {"data": [1.0]})


@pytest.mark.parametrize(
    ("hint", "threads", "streams", "requests"),
    [
        (PerformanceHint.THROUGHPUT, 1, 1, 1),
        (PerformanceHint.THROUGHPUT, 2, 2, 2),
        (PerformanceHint.LATENCY, 2, 1, 1),
    ],
)
def test_threads_set_the_streams_and_the_requests(
    tiny: Any, hint: PerformanceHint, threads: int, streams: int, requests: int
) -> None:
    network = Engine(device="CPU", threads=threads, cache_dir=None, hint=hint).compile(tiny, name="tiny")
    assert network.property("NUM_STREAMS") == streams
    assert network.property("INFERENCE_NUM_THREADS") == threads
    assert network.property("PERFORMANCE_HINT") == hint.name
    assert network.requests == requests
    assert network.run(np.array([[-1, 0, 2]], np.float32))[0].tolist() == [[0, 0, 2]]


def test_without_a_number_the_device_says_how_many_requests_are_best(tiny: Any) -> None:
    network = Engine(device="CPU", threads=0, cache_dir=None).compile(tiny, name="tiny")
    assert network.requests == network.property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")


def test_the_networks_of_an_engine_share_its_threads() -> None:
    operators = models.ov.opset13
    given = operators.parameter([1024, 1024], np.float32)
    product = given
    for _ in range(20):
        product = operators.matmul(product, given, False, False)
    engine = Engine(device="CPU", threads=1, cache_dir=None)
    networks = [engine.compile(models.ov.Model([product], [given], name), name=name) for name in ("finds", "reads")]
    batch = np.eye(1024, dtype=np.float32)
    with ThreadPoolExecutor(2) as pool:
        working = [pool.submit(network.run, batch) for network in networks]
        while networks[0].waiting != (1, 0):
            assert not any(one.done() for one in working)
            time.sleep(0.001)
        assert all(np.array_equal(one.result(WAIT_S)[0], batch) for one in working)


def test_as_many_callers_work_at_once_as_there_are_requests_and_no_more() -> None:
    gate = Gate(together=2)
    network = Network(name="gate", compiled=gate, requests=2)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: network.run(np.zeros(1)), range(6)))
    assert len(answers) == 6
    assert gate.busiest == 2


def test_a_device_that_is_busy_for_too_long_is_named_after_a_bounded_wait() -> None:
    gate = Gate(together=2)
    network = Network(name="ppocr reader", compiled=gate, requests=1, request_timeout_s=0.05)
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(network.run, np.zeros(1))
        while not gate.busy:
            time.sleep(0.001)
        with pytest.raises(DeviceStuck, match=r"ppocr reader.*1 requests within 0\.05 s.*restart"):
            network.run(np.zeros(1))
        gate.barrier.wait(WAIT_S)
        working.result(WAIT_S)


def answer_late(device: Hanging) -> None:
    """Returns when everybody has heard it."""
    device.may_answer.set()
    for thread in threading.enumerate():
        if thread.name.startswith("late "):
            thread.join(WAIT_S)


def test_a_device_that_does_not_answer_is_named_though_nobody_waits_for_a_request() -> None:
    device = Hanging()
    network = Network(name="own reader on GPU", compiled=device, requests=2, request_timeout_s=0.05)
    for _ in range(2):
        with pytest.raises(DeviceStuck, match=r"own reader on GPU: .*no answer within 0\.05 s.*restart"):
            network.run(np.zeros(1))
    # What it was asked is still there: it is asked no more.
    with pytest.raises(DeviceStuck, match="none of the device's 2 requests"):
        network.run(np.zeros(1))
    assert device.started == 2
    answer_late(device)


@pytest.mark.parametrize("fails", [False, True])
def test_a_device_that_answers_late_is_used_again(fails: bool) -> None:
    device = Hanging(fails=fails)
    network = Network(name="own reader on GPU", compiled=device, requests=1, request_timeout_s=0.05)
    with pytest.raises(DeviceStuck):
        network.run(np.zeros(1))
    answer_late(device)
    assert network.run(np.zeros(1)) == [1.0]


def test_a_request_whose_inference_fails_is_named_and_goes_back_to_the_pool() -> None:
    class Failing(Gate):
        def wait_for(self, timeout_ms: int) -> bool:
            raise RuntimeError("the driver gave up")

    network = Network(name="failing", compiled=Failing(1), requests=1, request_timeout_s=0.05)
    for _ in range(3):
        with pytest.raises(PackError, match=r"failing fails \(the driver gave up\)"):
            network.run(np.zeros(1))


ENGINES_COME_AND_GO = """
import gc, os, signal
from inference.models import Engine
signal.signal(signal.SIGTERM, lambda *_: print("asked to stop"))
first, second = (Engine(device="CPU", threads=1, cache_dir=None) for _ in range(2))
assert "CPU" in first.devices() and "CPU" in second.devices()
del first
gc.collect()
del second
gc.collect()
os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.parametrize("fault_handler", [(), ("-X", "faulthandler")], ids=["plain", "with a fault handler"])
def test_a_process_can_still_be_stopped_after_engines_came_and_went(fault_handler: tuple[str, ...]) -> None:
    command = [sys.executable, *fault_handler, "-c", ENGINES_COME_AND_GO]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout) == (0, "asked to stop\n"), done.stderr


def test_what_was_compiled_is_kept_for_the_next_start_where_that_is_wanted(tiny: Any, tmp_path: Path) -> None:
    engine = Engine(device="CPU", threads=1, cache_dir=tmp_path / "cache")
    engine.compile(tiny, name="tiny", keep=False)
    assert list((tmp_path / "cache").iterdir()) == []
    engine.compile(tiny, name="tiny")
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_folder_that_cannot_be_written_costs_the_cache_and_not_the_start(tiny: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with capture_logs() as logs:
        engine = Engine(device="CPU", threads=1, cache_dir=tmp_path / "file" / "cache")
    assert [log["event"] for log in logs] == ["compiled models cannot be kept"]
    assert engine.compile(tiny, name="tiny").requests == 1


def test_a_device_that_is_not_there_is_refused_with_those_that_are(tiny: Any) -> None:
    with pytest.raises(PackError, match=r"tiny cannot run on ABACUS.*offers .*CPU"):
        Engine(device="ABACUS", threads=1, cache_dir=None).compile(tiny, name="tiny")
