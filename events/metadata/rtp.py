"""What travels in RTP packets: packetisers for H.264, JPEG and ONVIF metadata, and the packet headers.

A packetiser cuts one access unit (a picture, a document) into payloads; the packet that carries the last one gets the
marker bit. Clients compute time from the sender reports, so every unit keeps the time it was captured at.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

# An Ethernet frame carries 1500 bytes; IP, UDP and RTP headers and a tunnel must fit beside the payload.
PAYLOAD_BYTES = 1400

# The RFC 2435 header states width and height in blocks of 8 in one byte each.
JPEG_SIDE_LIMIT_PX = 2040

NTP_EPOCH = datetime(1900, 1, 1, tzinfo=UTC)
_H264_SPS, _H264_PPS, _H264_FU_A = 7, 8, 28
_JPEG_SOF0, _JPEG_DQT, _JPEG_DRI, _JPEG_SOS, _JPEG_EOI = 0xC0, 0xDB, 0xDD, 0xDA, 0xD9
_JPEG_TABLES_IN_BAND = 255
_RTCP_SENDER_REPORT, _RTCP_DESCRIPTION, _RTCP_BYE, _RTCP_CNAME = 200, 202, 203, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessUnit:
    """One picture or one document, cut into RTP payloads. The last payload carries the marker.

    `key` says that a client can start here: a key frame, any JPEG, any metadata document. `event` says that it tells
    what happened, which nothing newer replaces.
    """

    payloads: tuple[bytes, ...]
    captured_at: datetime
    key: bool = True
    event: bool = False

    @property
    def size_bytes(self) -> int:
        return sum(map(len, self.payloads))


def split_annex_b(stream: bytes) -> list[bytes]:
    """The NAL units of an H.264 byte stream, without start codes."""
    # A unit never ends in a zero byte, so zeros before a start code (of three bytes or four) are not the unit's.
    return [unit for piece in stream.split(b"\x00\x00\x01")[1:] if (unit := piece.rstrip(b"\x00"))]


def h264_payloads(nal_units: list[bytes]) -> tuple[bytes, ...]:
    """RFC 6184, packetisation mode 1: a NAL unit that fits travels alone, a larger one as FU-A fragments."""
    return tuple(payload for unit in nal_units for payload in _h264_fragments(unit))


def _h264_fragments(unit: bytes) -> Iterator[bytes]:
    if len(unit) <= PAYLOAD_BYTES:
        yield unit
        return
    indicator = bytes([unit[0] & 0xE0 | _H264_FU_A])
    kind = unit[0] & 0x1F
    step = PAYLOAD_BYTES - 2
    for begin in range(1, len(unit), step):
        first = 0x80 if begin == 1 else 0
        last = 0x40 if begin + step >= len(unit) else 0
        yield indicator + bytes([first | last | kind]) + unit[begin : begin + step]


def h264_sdp_attributes(payload_type: int, parameter_sets: list[bytes]) -> tuple[str, ...]:
    """`rtpmap` and `fmtp` with `sprop-parameter-sets`, so a client can decode from the first key frame."""
    sets = [unit for unit in parameter_sets if unit[0] & 0x1F in (_H264_SPS, _H264_PPS)]
    profile = next((unit[1:4].hex().upper() for unit in sets if unit[0] & 0x1F == _H264_SPS), "42E01F")
    encoded = ",".join(base64.b64encode(unit).decode() for unit in sets)
    return (
        f"rtpmap:{payload_type} H264/90000",
        f"fmtp:{payload_type} packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={encoded}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Jpeg:
    """The parts of a JPEG file that RFC 2435 sends: everything else the receiver rebuilds."""

    kind: int
    width_px: int
    height_px: int
    tables: bytes
    scan: bytes


def jpeg_payloads(picture: bytes) -> tuple[bytes, ...]:
    """RFC 2435 with the quantisation tables in the first packet of every picture.

    The picture must be a baseline JPEG, 4:2:0 or 4:2:2, with the standard Huffman tables and at most 2040 pixels a
    side; ValueError names what does not fit.
    """
    try:
        jpeg = _parse_jpeg(picture)
    except (struct.error, IndexError) as error:
        raise ValueError("damaged JPEG: a segment ends too early") from error
    tables = struct.pack(">BBH", 0, 0, len(jpeg.tables)) + jpeg.tables
    payloads = []
    offset = 0
    while offset < len(jpeg.scan):
        header = struct.pack(
            ">IBBBB", offset, jpeg.kind, _JPEG_TABLES_IN_BAND, (jpeg.width_px + 7) // 8, (jpeg.height_px + 7) // 8
        )
        if offset == 0:
            header += tables
        piece = jpeg.scan[offset : offset + PAYLOAD_BYTES - len(header)]
        payloads.append(header + piece)
        offset += len(piece)
    return tuple(payloads)


def _parse_jpeg(picture: bytes) -> _Jpeg:
    tables: dict[int, bytes] = {}
    width_px = height_px = 0
    kind = -1
    for marker, segment, end in _jpeg_segments(picture):
        if marker == _JPEG_DQT:
            tables |= _quantisation_tables(segment)
        elif marker == _JPEG_DRI and segment != b"\x00\x00":
            raise ValueError("this JPEG has restart intervals; encode it without them to send it over RTP")
        elif marker == _JPEG_SOF0:
            height_px, width_px = struct.unpack(">HH", segment[1:5])
            kind = {0x21: 0, 0x22: 1}.get(segment[7], -1)
        elif 0xC1 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            raise ValueError("only baseline JPEG can be sent over RTP (RFC 2435); this one is progressive or extended")
        elif marker == _JPEG_SOS:
            if kind < 0:
                raise ValueError("RFC 2435 sends 4:2:0 and 4:2:2 colour JPEG only; encode the picture so")
            if max(width_px, height_px) > JPEG_SIDE_LIMIT_PX:
                raise ValueError(f"{width_px}x{height_px} is too large for JPEG over RTP: {JPEG_SIDE_LIMIT_PX} a side")
            scan = picture[end:]
            scan = scan[: scan.rfind(b"\xff\xd9")] if b"\xff\xd9" in scan else scan
            return _Jpeg(
                kind=kind,
                width_px=width_px,
                height_px=height_px,
                tables=b"".join(tables[key] for key in sorted(tables)),
                scan=scan,
            )
    raise ValueError("not a complete JPEG picture: no scan was found")


def _jpeg_segments(picture: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Markers with their bodies and where the body ends, up to and including the start of scan."""
    if picture[:2] != b"\xff\xd8":
        raise ValueError("not a JPEG picture: the first two bytes are not FF D8")
    position = 2
    while position + 4 <= len(picture):
        if picture[position] != 0xFF:
            raise ValueError(f"damaged JPEG: no marker at byte {position}")
        marker = picture[position + 1]
        (length,) = struct.unpack_from(">H", picture, position + 2)
        end = position + 2 + length
        yield marker, picture[position + 4 : end], end
        if marker in (_JPEG_SOS, _JPEG_EOI):
            return
        position = end


def _quantisation_tables(segment: bytes) -> dict[int, bytes]:
    tables = {}
    while segment:
        if segment[0] >> 4:
            raise ValueError("16-bit quantisation tables cannot be sent over RTP (RFC 2435); encode an 8-bit JPEG")
        tables[segment[0] & 0x0F] = segment[1:65]
        segment = segment[65:]
    return tables


def metadata_payloads(document: bytes) -> tuple[bytes, ...]:
    """ONVIF Streaming 5.1.2.1.1: a plain byte split; the marker on the last packet closes the XML document."""
    edges = [*range(0, len(document), PAYLOAD_BYTES), len(document)]
    return tuple(document[begin:end] for begin, end in pairwise(edges))


def rtp_time(at: datetime, *, clock_rate: int, offset: int) -> int:
    """The RTP timestamp of a moment: the capture time on the track's clock, from a random offset."""
    return (offset + (at - NTP_EPOCH) // timedelta(microseconds=1) * clock_rate // 1_000_000) & 0xFFFFFFFF


def rtp_packet(payload: bytes, *, payload_type: int, marker: bool, sequence: int, timestamp: int, ssrc: int) -> bytes:
    """RFC 3550, the fixed header and the payload."""
    second = (0x80 if marker else 0) | payload_type
    return struct.pack(">BBHII", 0x80, second, sequence & 0xFFFF, timestamp, ssrc) + payload


def rtcp_report(*, ssrc: int, at: datetime, timestamp: int, packets: int, octets: int, cname: str) -> bytes:
    """A sender report with its description: at this wall clock time the track's clock showed `timestamp`."""
    microseconds = (at - NTP_EPOCH) // timedelta(microseconds=1)
    seconds, rest = divmod(microseconds, 1_000_000)
    report = struct.pack(
        ">BBHIIIIII",
        0x80,
        _RTCP_SENDER_REPORT,
        6,
        ssrc,
        seconds & 0xFFFFFFFF,
        (rest << 32) // 1_000_000,
        timestamp,
        packets & 0xFFFFFFFF,
        octets & 0xFFFFFFFF,
    )
    name = cname.encode()[:255]
    chunk = struct.pack(">IBB", ssrc, _RTCP_CNAME, len(name)) + name
    chunk += bytes(4 - len(chunk) % 4)
    return report + struct.pack(">BBH", 0x81, _RTCP_DESCRIPTION, len(chunk) // 4) + chunk


def rtcp_bye(ssrc: int) -> bytes:
    """The stream with this source identifier has ended."""
    return struct.pack(">BBHI", 0x81, _RTCP_BYE, 1, ssrc)
