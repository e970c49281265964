"""OpenVINO, once per process: read a model, compile it for a device, run it from any thread."""

from __future__ import annotations

import sys
import threading
from collections import deque
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, cast

import numpy as np
import structlog
from numpy.typing import NDArray

# `import openvino` reports its use to its vendor unless the package that does so cannot be found. A camera network
# must not be told about outside, and the report also delays the start without internet, so the package is hidden here.
sys.modules.setdefault("openvino_telemetry", cast(ModuleType, None))

import openvino as ov  # noqa: E402 - telemetry must be hidden first

from inference.errors import DeviceStuck, PackError  # noqa: E402 - see above
from inference.turns import NoneLeft, Turns  # noqa: E402 - see above

OPENVINO_ERRORS = (RuntimeError, ValueError, OSError)
"""What OpenVINO raises when a file is no model or a device cannot run it."""


# The slowest picture on the slowest processor takes a second or two; a device that is busy for this long hangs.
REQUEST_TIMEOUT_S = 30.0
CURE_OF_HANGING = "restart the service, or use another device"
# No device's own advice goes beyond this; each request holds buffers of its own.
MOST_REQUESTS = 64

_log = structlog.get_logger(__name__)


class PerformanceHint(StrEnum):
    """What a device's threads are for: many pictures at once, or one picture as soon as possible."""

    THROUGHPUT = "throughput"
    LATENCY = "latency"


class Runs(Protocol):
    """What detectors and readers ask of a network."""

    def run(self, batch: NDArray[Any]) -> list[NDArray[Any]]:
        """The outputs for one input batch, in the order the model lists them. Blocks; safe from any thread."""


class Network:
    """A compiled model with a fixed number of requests: a caller beyond that number waits for its turn.

    Networks that share `turns` work on no more than `requests` batches together. Live cameras come before what runs
    `in_background`.
    """

    def __init__(
        self,
        *,
        name: str,
        compiled: Any,
        requests: int,
        turns: Turns[int] | None = None,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> None:
        self.name = name
        self.requests = requests
        self._compiled = compiled
        self._request_timeout_s = request_timeout_s
        self._turns = Turns(range(requests)) if turns is None else turns
        # As many as there are turns: whoever has a turn finds one, and holds nothing that another waits for.
        self._requests = deque(compiled.create_infer_request() for _ in range(requests))
        self._output_count = len(compiled.outputs)

    def run(self, batch: NDArray[Any]) -> list[NDArray[Any]]:
        """The outputs for one input batch, in the order the model lists them. Blocks; safe from any thread.

        Raises DeviceStuck when its turn does not come in time, or the device gives no answer in time, and PackError
        when the device cannot compute it.
        """
        turn = self._turn()
        request = self._requests.popleft()
        answered = True
        try:
            request.start_async({0: batch}, share_inputs=True)
            answered = request.wait_for(round(self._request_timeout_s * 1000))
            if answered:
                return [np.array(request.get_output_tensor(i).data) for i in range(self._output_count)]
        except OPENVINO_ERRORS as error:
            raise PackError(
                f"{self.name} fails ({first_line(error)}); use another device (CPU), or update the device's driver"
            ) from error
        finally:
            if answered:
                self._requests.append(request)
                self._turns.give_back(turn)
        self._lose(turn, request)
        raise DeviceStuck(
            f"{self.name}: the device gave no answer within {self._request_timeout_s:g} s; it hangs ({CURE_OF_HANGING})"
        )

    @property
    def waiting(self) -> tuple[int, int]:
        """How many callers wait for a request: live, and in the background."""
        return self._turns.waiting()

    def property(self, name: str) -> Any:
        """What the device says about the compiled model, by OpenVINO's name for it."""
        return self._compiled.get_property(name)

    def _turn(self) -> int:
        try:
            return self._turns.take(self._request_timeout_s)
        except NoneLeft:
            raise DeviceStuck(
                f"{self.name}: none of the device's {self.requests} requests is answered any more; it hangs"
                f" ({CURE_OF_HANGING})"
            ) from None
        except TimeoutError:
            raise DeviceStuck(
                f"{self.name}: the device freed none of its {self.requests} requests within"
                f" {self._request_timeout_s:g} s; it hangs ({CURE_OF_HANGING}) or has far too much to do"
                " (lower max_fps, or raise inference_threads)"
            ) from None

    def _lose(self, turn: int, request: Any) -> None:
        """Lend them to nobody until the request is answered after all."""
        self._turns.lose()
        # A request that goes waits for its answer, and so would whoever lets it go: this thread alone holds it.
        threading.Thread(target=self._await, args=(turn, request), name=f"late {self.name}", daemon=True).start()

    def _await(self, turn: int, request: Any) -> None:
        try:
            request.wait()
        except OPENVINO_ERRORS as error:
            _log.warning("a late inference failed", network=self.name, error=first_line(error))
        else:
            _log.info("a late inference was answered", network=self.name)
        self._requests.append(request)
        self._turns.found(turn)


@cache
def _core() -> Any:
    """The process's only OpenVINO core, which lives as long as the process.

    Each core's plugin for the processor puts a stack of its own in the place where the thread takes signals, and the
    one from before back when it goes. Cores that go in another order than they came leave a stack that no longer
    exists: the next signal, like the SIGTERM that stops the service, then kills the process (seen with 2026.4).
    """
    return ov.Core()


def _can_keep(cache_dir: Path) -> bool:
    """A start without the cache is slow and not wrong, so a folder that cannot be written stops nothing."""
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _log.warning("compiled models cannot be kept", folder=str(cache_dir), error=error.strerror)
        return False
    return True


class Engine:
    """The OpenVINO core bound to a device, a thread budget and a cache of compiled models.

    `threads` is how many pictures are worked on at the same time, whichever of its networks they are in; 0 leaves it to
    the device.
    """

    def __init__(
        self,
        *,
        device: str,
        threads: int,
        cache_dir: Path | None,
        hint: PerformanceHint = PerformanceHint.THROUGHPUT,
    ) -> None:
        self.device = device
        self.threads = threads
        self.hint = hint
        self._requests = 0
        self._turns: Turns[int] | None = None
        self._core = _core()
        self._cache_dir = cache_dir if cache_dir is not None and _can_keep(cache_dir) else None

    @property
    def is_processor(self) -> bool:
        """The processor is the reference: what it computes is what the model says."""
        return self.device.split(".")[0] == "CPU"

    def processor(self) -> Engine:
        """The same models on one thread of the processor, to compare with."""
        return Engine(device="CPU", threads=1, cache_dir=self._cache_dir)

    def devices(self) -> tuple[str, ...]:
        """The devices this machine offers, as OpenVINO names them."""
        return tuple(self._core.available_devices)

    def read(self, path: Path) -> Any:
        """The uncompiled model in `path`."""
        try:
            return self._core.read_model(path)
        except OPENVINO_ERRORS as error:
            raise PackError(
                f"{path} is not a model OpenVINO can read ({first_line(error)}); install it again"
            ) from error

    def compile(self, model: Any, *, name: str, keep: bool = True) -> Network:
        """Compile for the device with as many requests as pictures shall be worked on at the same time.

        `keep` it for the next start, where there is a folder for that.
        """
        folder = str(self._cache_dir) if keep and self._cache_dir is not None else ""
        try:
            compiled = self._core.compile_model(model, self.device, self._config() | {"CACHE_DIR": folder})
            best = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        except OPENVINO_ERRORS as error:
            offered = ", ".join(self.devices())
            raise PackError(
                f"{name} cannot run on {self.device} ({first_line(error)}); this machine offers {offered}"
            ) from error
        if self._turns is None:
            # More requests than streams would only queue inside the device, where nobody sees them. What is best for
            # the first network is for all: whoever waits for one of them waits for the device.
            own = self.threads if self.hint is PerformanceHint.THROUGHPUT else 0
            self._requests = max(1, min(own or best, MOST_REQUESTS))
            self._turns = Turns(range(self._requests))
        return Network(name=f"{name} on {self.device}", compiled=compiled, requests=self._requests, turns=self._turns)

    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = {"PERFORMANCE_HINT": self.hint.name}
        if self.threads and self.is_processor:
            # Two threads on one picture waste half of the second: a stream for each, unless one picture is in a hurry.
            streams = self.threads if self.hint is PerformanceHint.THROUGHPUT else 1
            config |= {"INFERENCE_NUM_THREADS": self.threads, "NUM_STREAMS": streams}
        return config


def first_line(error: BaseException) -> str:
    """What OpenVINO says about the cause: the last line, after the places in its source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__
