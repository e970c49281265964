"""Pictures made smaller or larger, at the least cost that loses no detail a network needs."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.uint8]
"""A picture in colour or grey, shape (height, width, 3) or (height, width)."""


def scaled(picture: Levels, width: int, height: int) -> Levels:
    """The picture at another size."""
    target = np.empty((height, width, *picture.shape[2:]), dtype=np.uint8)
    scale_into(target, picture)
    return target


def scale_into(target: Levels, picture: Levels) -> None:
    """Fill `target`, which may be a part of a larger picture, with the picture at its size.

    Averaging areas costs several times more than interpolation except for whole factors. So a picture is halved, which
    averages exactly, while it is twice as large; interpolation then looks at every pixel for what is left to go.
    """
    height, width = target.shape[:2]
    while picture.shape[0] >= 2 * height and picture.shape[1] >= 2 * width:
        # OpenCV averages four pixels for one here only when both sides are even.
        even = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
        half = even.shape[0] // 2, even.shape[1] // 2
        # New memory costs more than the averaging.
        picture = _resize(target if half == (height, width) else np.empty((*half, *even.shape[2:]), np.uint8), even)
    if picture is not target:
        _resize(target, picture)


def _resize(target: Levels, picture: Levels) -> Levels:
    size = target.shape[1], target.shape[0]
    done = cv2.resize(picture, size, dst=target, interpolation=cv2.INTER_LINEAR)
    if done is not target:
        target[...] = done
    return target
