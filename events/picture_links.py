"""Where receivers fetch an event's pictures: one path for every channel.

A picture file is named `<event id>-<frame|plate>.jpg` by the event that took it; an alarm names the files of the plate
event that led to it, so the link is made from the file name and not from the event's own id.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import Literal
from urllib.parse import quote

from events.types import Event

Which = Literal["frame", "plate"]


def picture_url(event: Event, which: Which, base_url: str) -> str | None:
    """The absolute address of one picture, or None when the event has none."""
    stored: str | None = getattr(event, f"{which}_picture", None)
    if not stored:
        return None
    owner = PurePath(stored).name.removesuffix(f"-{which}.jpg")
    return f"{base_url.rstrip('/')}/onvif/images/{quote(owner, safe='')}/{which}.jpg"
