"""How large does this picture claim to be? Told from its first bytes, before anything is decoded.

A few kilobytes of PNG or JPEG can claim gigapixels, which decoding would put into memory.
"""

from __future__ import annotations

import struct

# Twice the largest camera sensor.
MOST_PIXELS = 64 * 10**6

_PNG, _JPEG, _BMP, _RIFF = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"RIFF"
# Start-of-frame markers hold the size; C4, C8 and CC are tables and extensions.
_JPEG_SIZES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN = 0xDA


def claimed_size(content: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG, PNG, BMP or WebP; None for anything else and for one that hides its size."""
    if content.startswith(_PNG):
        return _png(content)
    if content.startswith(_JPEG):
        return _jpeg(content)
    if content.startswith(_BMP):
        return _bmp(content)
    if content.startswith(_RIFF) and content[8:12] == b"WEBP":
        return _webp(content)
    return None


def is_sane(content: bytes) -> bool:
    """Whether a picture of a kind we know claims no more than MOST_PIXELS."""
    size = claimed_size(content)
    return size is not None and 0 < size[0] * size[1] <= MOST_PIXELS


def refusal(content: bytes) -> str:
    """Why a picture is not decoded, for a person; empty when its size is no reason."""
    size = claimed_size(content)
    if size is None:
        return "it is no JPEG, PNG, BMP or WebP, or hides its size"
    if is_sane(content):
        return ""
    return f"it claims {size[0]} x {size[1]} pixels; at most {MOST_PIXELS // 10**6} megapixels are decoded"


def _png(content: bytes) -> tuple[int, int] | None:
    if len(content) < 33 or content[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def _jpeg(content: bytes) -> tuple[int, int] | None:
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
        if marker == _JPEG_SCAN or length < 2:
            return None
        at += 2 + length
    return None


def _bmp(content: bytes) -> tuple[int, int] | None:
    if len(content) < 26 or struct.unpack("<I", content[14:18])[0] < 40:
        return None
    width, height = struct.unpack("<ii", content[18:26])
    return abs(width), abs(height)  # a negative height says that the rows stand from top to bottom


def _webp(content: bytes) -> tuple[int, int] | None:
    """The three kinds of the container: lossy, lossless, extended."""
    kind = content[12:16]
    if len(content) < 30:
        return None
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", content[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        packed = struct.unpack("<I", content[21:25])[0]
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(content[24:27], "little") + 1, int.from_bytes(content[27:30], "little") + 1
    return None
