"""The known answer: a plate drawn here, read by every stage of a pack, before the pack may read a real one.

A device whose driver computes wrongly answers with confident nonsense; this finds it at start, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from inference.detector import Detector, PlateDetector
from inference.errors import PackError
from inference.models import OPENVINO_ERRORS, Network, first_line
from inference.reader import Reader
from inference.regions import quad_of_box
from inference.types import Box, Picture

OpenShape = Callable[[int, int], Network]
"""Compiles a detector for pictures of this height and width."""

# What is raised where a device cannot compute a network, or where its answer is not of the kind the pack says.
FAILURES = (*OPENVINO_ERRORS, IndexError, TypeError, cv2.error)
CURE = "use another device (CPU), or update the device's driver, or install the pack again"

KNOWN_TEXT = "BK4729"
# Half precision moves a box by a pixel or two, a garbled answer by more than half of it.
SAME_PLACE = 0.5
_PLATE = Box(x=120, y=150, width=240, height=56)
_LETTERS = Box(x=132, y=156, width=216, height=44)


def check_answers(
    *, pack: str, device: str, detector: Detector, reader: Reader, tight: bool, longest_px: int = 480
) -> None:
    """Raise PackError when the detector does not find the drawn plate or the reader does not read it."""
    picture = known_picture()
    with _failing(pack, device, "detector"):
        regions = detector.detect(picture, longest_px=longest_px)
    found = [region for region in regions if region.box.iou(_PLATE) >= SAME_PLACE]
    if not found:
        raise PackError(_refusal(pack, device, "its detector does not find a drawn plate"))
    with _failing(pack, device, "reader"):
        slots = reader.read(picture, [quad_of_box(_LETTERS if tight else _PLATE)])[0]
    text = "".join(character for character in slots.raw_text.upper() if character.isalnum())
    if text != KNOWN_TEXT:
        raise PackError(_refusal(pack, device, f"its reader says {text!r} where {KNOWN_TEXT!r} is drawn"))


def checked_shapes(opened: OpenShape, reference: OpenShape, *, pack: str, device: str) -> OpenShape:
    """Opens shapes whose answer is compared with the processor's: cameras ask for new ones long after the start."""

    def open_checked(height: int, width: int) -> Network:
        network = opened(height, width)
        picture = _known_in(height, width)
        found = PlateDetector(open_network=lambda *_: network).detect(picture, longest_px=max(height, width))
        wanted = PlateDetector(open_network=reference).detect(picture, longest_px=max(height, width))
        if any(all(one.box.iou(other.box) < SAME_PLACE for other in found) for one in wanted):
            raise PackError(
                _refusal(pack, device, f"its detector misses a drawn plate in pictures of {width}x{height}")
            )
        return network

    return open_checked


def _known_in(height: int, width: int) -> Picture:
    """The known picture, as large as it fits into this shape."""
    known = known_picture()
    scale = min(width / known.shape[1], height / known.shape[0])
    small = cv2.resize(known, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:height, :width]
    picture = np.full((height, width, 3), 60, dtype=np.uint8)
    picture[: small.shape[0], : small.shape[1]] = small
    return picture


def known_picture() -> Picture:
    """A dark car's back with a white plate."""
    picture = np.full((320, 480, 3), (70, 72, 75), dtype=np.uint8)
    cv2.rectangle(picture, (40, 60), (440, 280), (48, 40, 36), -1)
    x, y, right, bottom = (int(v) for v in (_PLATE.x, _PLATE.y, _PLATE.right, _PLATE.bottom))
    cv2.rectangle(picture, (x, y), (right, bottom), (238, 240, 240), -1)
    cv2.rectangle(picture, (x, y), (right - 1, bottom - 1), (20, 20, 20), 2)
    cv2.putText(picture, KNOWN_TEXT, (x + 18, y + 44), cv2.FONT_HERSHEY_SIMPLEX, 1.55, (20, 20, 20), 4, cv2.LINE_AA)
    return picture


def _refusal(pack: str, device: str, what: str) -> str:
    return f"the model pack {pack} answers wrongly on {device}: {what}; {CURE}"


@contextmanager
def _failing(pack: str, device: str, part: str) -> Iterator[None]:
    try:
        yield
    except FAILURES as error:
        raise PackError(f"the model pack {pack} fails on {device}: its {part} ({first_line(error)}); {CURE}") from error
