"""Pictures made smaller or larger, at the least cost that loses no detail a network needs."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.uint8]
"""A picture in colour or grey, shape (height, width, 3) or (height, width)."""


def scaled(picture: Levels, width: int, height: int) -> Levels:
    """The picture at another size.

    Averaging areas costs several times more than interpolation except for whole factors. So a picture is halved, which
    averages exactly, while it is twice as large; interpolation then looks at every pixel for what is left to go.
    """
    while picture.shape[0] >= 2 * height and picture.shape[1] >= 2 * width:
        # OpenCV averages four pixels for one here only when both sides are even.
        even = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
        picture = _resized(even, even.shape[1] // 2, even.shape[0] // 2)
    return picture if picture.shape[:2] == (height, width) else _resized(picture, width, height)


def _resized(picture: Levels, width: int, height: int) -> Levels:
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
