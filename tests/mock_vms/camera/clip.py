"""Writes small video clips for tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np


def write_clip(path: Path, *, frames: int, rate: int, size: tuple[int, int], luma: Callable[[int], int]) -> None:
    """An H.264 clip whose frames are plain grey, as light as `luma(number)`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "10"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            planes = np.full((size[1] * 3 // 2, size[0]), 128, dtype=np.uint8)
            planes[: size[1]] = luma(number)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        container.mux(stream.encode())
