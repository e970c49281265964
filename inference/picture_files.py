"""Pictures from outside: a whole JPEG or PNG of a sane size? Told from the bytes, before anything is decoded."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from inference.feeds import decode_image
from inference.types import Picture

MOST_BYTES = 16 * 2**20
# A plate of eight characters, each six pixels wide, with its margins: less than this shows no vehicle.
LEAST_SIDE_PX = 64
# Twice the largest camera sensor. A few kilobytes of PNG can claim gigapixels, which decoding would put into memory.
MOST_PIXELS = 64 * 10**6

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND"
_JPEG = b"\xff\xd8\xff"
_JPEG_END, _JPEG_SCAN = b"\xff\xd9", b"\xff\xda"
# Start-of-frame markers hold the size; C4, C8 and CC are tables and extensions.
_JPEG_SIZES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


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
        ending, size, whole = ".png", _png_size(content), _PNG_END in content[-16:]
    elif content.startswith(_JPEG):
        ending, size = ".jpg", _jpeg_size(content)
        whole = content.rfind(_JPEG_END) > content.rfind(_JPEG_SCAN) > 0
    else:
        raise PictureRefused("The file is neither a JPEG nor a PNG picture; convert it to one of these.")
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


def _png_size(content: bytes) -> tuple[int, int] | None:
    if len(content) < 33 or content[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Walk the segments to the frame header; None when there is none before the pixels."""
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # fill bytes may stand before any marker
            at += 1
            continue
        if marker in _JPEG_SIZES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        length = struct.unpack(">H", content[at + 2 : at + 4])[0]
        if marker == 0xDA or length < 2:
            return None
        at += 2 + length
    return None
