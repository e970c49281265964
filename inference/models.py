"""OpenVINO, once per process: read a model, compile it for a device, run it from any thread."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from types import ModuleType
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

# `import openvino` reports its use to its vendor unless the package that does so cannot be found. A camera network
# must not be told about outside, and the report also delays the start without internet, so the package is hidden here.
sys.modules.setdefault("openvino_telemetry", cast(ModuleType, None))

import openvino as ov  # noqa: E402 - telemetry must be hidden first

from inference.errors import PackError  # noqa: E402 - see above

OPENVINO_ERRORS = (RuntimeError, ValueError, OSError)
"""What OpenVINO raises when a file is no model or a device cannot run it."""


class Network:
    """A compiled model with a fixed number of requests: a caller beyond that number waits for a free one."""

    def __init__(self, *, name: str, compiled: Any, requests: int) -> None:
        self.name = name
        self._compiled = compiled
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(requests):
            self._requests.put(compiled.create_infer_request())
        self._output_count = len(compiled.outputs)

    def run(self, batch: NDArray[Any]) -> list[NDArray[Any]]:
        """The outputs for one input batch, in the order the model lists them. Blocks; safe from any thread."""
        with self._borrow() as request:
            request.infer({0: batch}, share_inputs=True)
            return [np.array(request.get_output_tensor(i).data) for i in range(self._output_count)]

    @contextmanager
    def _borrow(self) -> Iterator[Any]:
        request = self._requests.get()
        try:
            yield request
        finally:
            self._requests.put(request)


class Engine:
    """One OpenVINO core bound to a device, a thread budget and a cache of compiled models."""

    def __init__(self, *, device: str, threads: int, cache_dir: Path | None) -> None:
        self.device = device
        self.threads = threads
        self._core = ov.Core()
        if cache_dir is not None:
            cache_dir.mkdir(parents=True, exist_ok=True)
            self._core.set_property({"CACHE_DIR": str(cache_dir)})

    def devices(self) -> tuple[str, ...]:
        """The devices this machine offers, as OpenVINO names them."""
        return tuple(self._core.available_devices)

    def read(self, path: Path) -> Any:
        """The uncompiled model in `path`."""
        try:
            return self._core.read_model(path)
        except OPENVINO_ERRORS as error:
            raise PackError(
                f"{path} is not a model OpenVINO can read ({_first_line(error)}); install it again"
            ) from error

    def compile(self, model: Any, *, name: str) -> Network:
        """Compile for the device: one stream per thread, since two threads on one picture waste half of the second."""
        config: dict[str, Any] = {"PERFORMANCE_HINT": "THROUGHPUT"}
        if self.device.split(".")[0] == "CPU":
            config |= {"INFERENCE_NUM_THREADS": self.threads, "NUM_STREAMS": self.threads}
        try:
            compiled = self._core.compile_model(model, self.device, config)
        except OPENVINO_ERRORS as error:
            offered = ", ".join(self.devices())
            raise PackError(
                f"{name} cannot run on {self.device} ({_first_line(error)}); this machine offers {offered}"
            ) from error
        return Network(name=name, compiled=compiled, requests=self.threads)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:200] if lines else type(error).__name__
