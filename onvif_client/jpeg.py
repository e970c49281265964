"""How hard was this JPEG compressed? Read from its quantisation tables, whoever wrote it."""

from __future__ import annotations

# The luminance table of the JPEG standard (annex K), in zigzag order, as it stands in a file at quality 50.
STANDARD_LUMINANCE = (
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40,
    26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51,
    56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87,
    95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
)  # fmt: skip

START_OF_SCAN = 0xDA
DEFINE_TABLES = 0xDB


def jpeg_quality(data: bytes) -> int | None:
    """The quality (1 to 100, on libjpeg's scale) that comes nearest to the picture's luminance table.

    None when the bytes are no JPEG or hold no table, as some RTP streams leave it out.
    """
    table = _luminance_table(data)
    if table is None:
        return None
    return min(range(1, 101), key=lambda quality: sum(abs(a - b) for a, b in zip(table, _scaled(quality), strict=True)))


def _scaled(quality: int) -> tuple[int, ...]:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return tuple(min(255, max(1, (each * scale + 50) // 100)) for each in STANDARD_LUMINANCE)


def _luminance_table(data: bytes) -> tuple[int, ...] | None:
    if not data.startswith(b"\xff\xd8"):
        return None
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != START_OF_SCAN:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == DEFINE_TABLES:
            found = _table_zero(data[at + 4 : at + 2 + length])
            if found is not None:
                return found
        at += 2 + max(length, 2)
    return None


def _table_zero(segment: bytes) -> tuple[int, ...] | None:
    """Table 0 of a DQT segment, which is the luminance table in every file we know of."""
    at = 0
    while at < len(segment):
        wide, number = segment[at] >> 4, segment[at] & 15
        size = 128 if wide else 64
        values = segment[at + 1 : at + 1 + size]
        if len(values) < size:
            return None
        if number == 0:
            if wide:
                return tuple(int.from_bytes(values[each : each + 2], "big") for each in range(0, 128, 2))
            return tuple(values)
        at += 1 + size
    return None
