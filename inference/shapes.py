"""A network for inputs of any shape that is quickest at the shapes which come again and again.

A model compiled for open shapes prepares itself anew whenever the shape changes, and never knows the best order of its
memory: that costs as much again as a small network itself. A camera's frames keep their shape, so the shapes that come
often are compiled for themselves, which takes some tenths of a second each.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from inference.models import Network

Shape = tuple[int, ...]

# Each compiled shape holds its weights and buffers once more: 7 to 15 MB with `own`, 40 to 60 with `ppocr`.
MOST_SHAPES = 8
# A shape that came so often will come again; those of single photos do not.
OFTEN = 3
# A shape that was not asked for in so many runs may give its place to another.
IDLE_RUNS = 1000
# Shapes that are counted before they are compiled; photos of all sizes must not fill the memory.
MOST_COUNTED = 256


@dataclass(slots=True)
class _Fitted:
    network: Network
    used_at: int
    """The number of the run that asked for it last."""


class ShapedNetwork:
    """Runs what is compiled for a batch's shape, and what is compiled for all where there is none. Thread-safe."""

    def __init__(
        self, *, general: Network, compile_for: Callable[[Shape], Network], most_shapes: int = MOST_SHAPES
    ) -> None:
        self.general = general
        self._compile_for = compile_for
        self._most_shapes = most_shapes
        self._fitted: dict[Shape, _Fitted] = {}
        self._counts: dict[Shape, int] = {}
        self._runs = 0
        self._compiling = False
        self._lock = threading.Lock()

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Those that are compiled for themselves."""
        return tuple(self._fitted)

    def forget(self) -> None:
        """Give every shape up, as if no picture had come yet."""
        with self._lock:
            self._fitted.clear()
            self._counts.clear()

    def run(self, batch: NDArray[Any]) -> list[NDArray[Any]]:
        """As `Network.run`."""
        return self._network(batch.shape).run(batch)

    def _network(self, shape: Shape) -> Network:
        with self._lock:
            self._runs += 1
            fitted = self._fitted.get(shape)
            if fitted is not None:
                fitted.used_at = self._runs
                return fitted.network
            # Others run on meanwhile; two compilations at once would only slow each other down.
            if self._compiling or not self._is_due(shape):
                return self.general
            self._compiling = True
        try:
            network = self._compile_for(shape)
            with self._lock:
                self._fitted[shape] = _Fitted(network, self._runs)
        finally:
            self._compiling = False
        return network

    def _is_due(self, shape: Shape) -> bool:
        """Whether the shape came often enough and there is room, or made so, for one more."""
        if len(self._counts) >= MOST_COUNTED:
            self._counts.clear()
        self._counts[shape] = self._counts.get(shape, 0) + 1
        if self._counts[shape] < OFTEN:
            return False
        if len(self._fitted) >= self._most_shapes:
            oldest = min(self._fitted, key=lambda known: self._fitted[known].used_at)
            if self._runs - self._fitted[oldest].used_at < IDLE_RUNS:
                return False
            del self._fitted[oldest]
        del self._counts[shape]
        return True
