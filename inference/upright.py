"""A picture as it should be seen: turned, and of one moment."""

from __future__ import annotations

import cv2
import numpy as np

from inference.types import Picture


def sideways(rotation: int) -> bool:
    """Whether a picture turned by so many degrees has width and height exchanged."""
    return rotation % 180 != 0


def upright(picture: Picture, *, rotation: int, deinterlace: bool) -> Picture:
    """Turned clockwise by `rotation` degrees; `deinterlace` keeps one of the two moments in an interlaced picture."""
    if deinterlace:
        # One field, stretched: half the lines, but of one moment. Combed characters cannot be read at all.
        height, width = picture.shape[:2]
        picture = np.asarray(cv2.resize(picture[::2], (width, height)), dtype=np.uint8)
    turns = (-rotation // 90) % 4
    return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture
