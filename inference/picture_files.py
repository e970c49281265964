"""Pictures from outside: a whole JPEG or PNG of a sane size? Told from the bytes, before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from inference.feeds import decode_image
from inference.image_size import MOST_PIXELS, claimed_size
from inference.types import Picture

MOST_BYTES = 16 * 2**20
# A plate of eight characters, each six pixels wide, with its margins: less than this shows no vehicle.
LEAST_SIDE_PX = 64

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND"
_JPEG = b"\xff\xd8\xff"
_JPEG_END, _JPEG_SCAN = b"\xff\xd9", b"\xff\xda"


class PictureRefused(ValueError):
    """This file cannot be used; the message names the cause and the cure."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PictureFile:
    """A picture that decodes: its bytes as they came, and what they show."""

    content: bytes
    ending: str
    picture: Picture


def open_picture(content: bytes) -> PictureFile:
    """Check and decode. Raises PictureRefused."""
    if len(content) > MOST_BYTES:
        raise PictureRefused(f"The file is larger than {MOST_BYTES // 2**20} MB; save the picture smaller.")
    if content.startswith(_PNG):
        ending, whole = ".png", _PNG_END in content[-16:]
    elif content.startswith(_JPEG):
        ending = ".jpg"
        whole = content.rfind(_JPEG_END) > content.rfind(_JPEG_SCAN) > 0
    else:
        raise PictureRefused("The file is neither a JPEG nor a PNG picture; convert it to one of these.")
    size = claimed_size(content)
    if size is None or not whole:
        raise PictureRefused("The picture is damaged or cut off; copy the file again.")
    width, height = size
    if min(width, height) < LEAST_SIDE_PX:
        raise PictureRefused(f"The picture is {width} x {height} pixels; at least {LEAST_SIDE_PX} each way are needed.")
    if width * height > MOST_PIXELS:
        raise PictureRefused(f"The picture is {width} x {height} pixels, too large for a camera's; save it smaller.")
    picture = decode_image(content)
    if picture is None:
        raise PictureRefused("The picture cannot be decoded; save it anew as JPEG or PNG.")
    return PictureFile(content=content, ending=ending, picture=picture)
