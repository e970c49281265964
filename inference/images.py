"""From what a feed decoded to what a frame holds: upright, with its colours worked out only when they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable

import cv2
import numpy as np

from inference.feeds import Decoded
from inference.scaling import scaled
from inference.types import Frame, Grey, Image, Picture
from inference.upright import sideways, upright


def image_of(decoded: Decoded, *, rotation: int = 0, deinterlace: bool = False) -> Picture | Image:
    """What a frame of this picture holds, turned clockwise by `rotation` degrees and of one moment if so wished."""
    grey = decoded.grey
    if grey is None:
        return upright(decoded.to_picture(), rotation=rotation, deinterlace=deinterlace)
    turned = sideways(rotation)

    def to_grey(width: int, height: int) -> Grey:
        # Two moments of an interlaced picture are one at the size that motion is looked for.
        size = (height, width) if turned else (width, height)
        return upright(grey.scaled_to(*size), rotation=rotation, deinterlace=False)

    return LazyImage(
        size=grey.size[::-1] if turned else grey.size,
        to_picture=lambda: upright(decoded.to_picture(), rotation=rotation, deinterlace=deinterlace),
        to_grey=to_grey,
    )


def grey_of(frame: Frame, width: int, height: int) -> Grey:
    """A frame's brightness at this size, at the least cost."""
    if isinstance(frame.image, np.ndarray):
        return _without_colours(frame.image, width, height)
    return frame.image.in_grey(width, height)


class LazyImage:
    """An `Image` that lets go of what the decoder holds once its colours are known."""

    def __init__(
        self,
        *,
        size: tuple[int, int],
        to_picture: Callable[[], Picture],
        to_grey: Callable[[int, int], Grey],
    ) -> None:
        self._size = size
        self._decoded: tuple[Callable[[], Picture], Callable[[int, int], Grey]] | None = (to_picture, to_grey)
        self._picture: Picture | None = None
        self._lock = threading.Lock()

    @property
    def size(self) -> tuple[int, int]:
        return self._size

    def in_colour(self) -> Picture:
        with self._lock:
            if self._decoded is not None:
                self._picture = self._decoded[0]()
                self._decoded = None
            assert self._picture is not None
            return self._picture

    def in_grey(self, width: int, height: int) -> Grey:
        with self._lock:
            if self._decoded is not None:
                return self._decoded[1](width, height)
        return _without_colours(self.in_colour(), width, height)


def _without_colours(picture: Picture, width: int, height: int) -> Grey:
    return np.asarray(cv2.cvtColor(scaled(picture, width, height), cv2.COLOR_BGR2GRAY), dtype=np.uint8)
