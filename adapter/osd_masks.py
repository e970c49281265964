"""What the camera writes into its picture is no plate: neither read nor taken for motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inference.recognition import Polygon
from inference.watch import WatchSettings
from onvif_client.types import OnScreenText


def with_masks(settings: WatchSettings, texts: Sequence[OnScreenText], *, rotation: int) -> WatchSettings:
    """The settings with these texts masked. The camera tells places in its own picture, which is turned afterwards."""
    masks = tuple(turned(text.polygon, rotation) for text in texts)
    recognition = replace(settings.recognition, masks=(*settings.recognition.masks, *masks))
    return replace(settings, recognition=recognition, masks=(*settings.masks, *masks))


def turned(polygon: Polygon, rotation: int) -> Polygon:
    """A polygon (shares, y down) in the picture turned clockwise by 0, 90, 180 or 270 degrees."""
    for _ in range(rotation // 90 % 4):
        polygon = tuple((1 - y, x) for x, y in polygon)
    return polygon
