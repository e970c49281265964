"""What the virtual camera writes into its own picture: where the texts stand, in the picture and in ONVIF's words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import cv2

from mock_vms.camera.physics import Plane
from mock_vms.camera.state import CORNERS, OsdSettings

# The height of a line of text as a share of the picture's.
LINE_HEIGHT = 0.045
MARGIN = 0.02
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def write(picture: Plane, osds: Iterable[OsdSettings], now: datetime) -> Plane:
    """The picture with its texts: white with a dark outline, as cameras write them."""
    written = picture
    for osd in osds:
        if written is picture:
            written = picture.copy()
        text = osd.text if osd.text is not None else f"{now:%Y-%m-%d %H:%M:%S}"
        _put(written, text, osd)
    return written


def _put(picture: Plane, text: str, osd: OsdSettings) -> None:
    height, width = picture.shape[:2]
    line_px = LINE_HEIGHT * height
    scale = line_px / cv2.getTextSize("0", _FONT, 1.0, 1)[0][1]
    text_px = cv2.getTextSize(text, _FONT, scale, 2)[0][0]
    if osd.position in CORNERS:
        lower, right = CORNERS[osd.position]
        left = width * (1 - MARGIN) - text_px if right else width * MARGIN
        top = height * (1 - MARGIN) - line_px if lower else height * MARGIN
    else:
        left, top = (osd.x + 1) / 2 * width, (1 - osd.y) / 2 * height
    foot = (round(left), round(top + line_px))
    for shade, thickness in ((20, 6), (245, 2)):
        cv2.putText(picture, text, foot, _FONT, scale, (shade,), thickness, cv2.LINE_AA)
