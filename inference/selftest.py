"""The known answer: a plate drawn here, read by every stage of a pack, before the pack may read a real one.

A device whose driver computes wrongly answers with confident nonsense; this finds it at start, by name.
"""

from __future__ import annotations

import cv2
import numpy as np

from inference.detector import Detector
from inference.errors import PackError
from inference.reader import Reader
from inference.regions import quad_of_box
from inference.types import Box, Picture

KNOWN_TEXT = "BK4729"
_PLATE = Box(x=120, y=150, width=240, height=56)
_LETTERS = Box(x=132, y=156, width=216, height=44)


def check_answers(
    *, pack: str, device: str, detector: Detector, reader: Reader, tight: bool, longest_px: int = 480
) -> None:
    """Raise PackError when the detector does not find the drawn plate or the reader does not read it."""
    picture = known_picture()
    found = [region for region in detector.detect(picture, longest_px=longest_px) if region.box.overlap(_PLATE) > 0]
    if not found:
        raise PackError(_refusal(pack, device, "its detector does not find a drawn plate"))
    slots = reader.read(picture, [quad_of_box(_LETTERS if tight else _PLATE)])[0]
    text = "".join(character for character in slots.raw_text.upper() if character.isalnum())
    if text != KNOWN_TEXT:
        raise PackError(_refusal(pack, device, f"its reader says {text!r} where {KNOWN_TEXT!r} is drawn"))


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
    return (
        f"the model pack {pack} answers wrongly on {device}: {what}; "
        "use another device (CPU), or update the device's driver, or install the pack again"
    )
