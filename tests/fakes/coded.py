"""Pictures in the codecs of cameras, in parts as a network loses and damages them, and how RTP carries those."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from events.metadata.rtp import PAYLOAD_BYTES, h264_payloads, h264_sdp_attributes, jpeg_payloads, split_annex_b

FPS = 20
GOP = 10
SIZE = (320, 192)
_HEVC_FRAGMENT = 49
_MPEG4_LAYER, _MPEG4_PICTURE = b"\0\0\1\x20", b"\0\0\1\xb6"


def golomb(value: int) -> str:
    """ue(v) of H.264 and H.265."""
    bits = f"{value + 1:b}"
    return "0" * (len(bits) - 1) + bits


def packed(bits: str) -> bytes:
    """Bits as bytes, with zeros up to the last."""
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def escaped(raw: bytes) -> bytes:
    """The emulation prevention of H.264 and H.265: no start code inside a unit."""
    out = bytearray()
    for byte in raw:
        if out[-2:] == b"\0\0" and byte <= 3:
            out.append(3)
        out.append(byte)
    return bytes(out)


def h264_header(width: int, height: int) -> bytes:
    """A sequence parameter set for pictures of a size in whole blocks of 16."""
    bits = f"{66:08b}{0:08b}{62:08b}" + "".join(map(golomb, (0, 0, 2, 1))) + "0"
    return b"\x67" + escaped(packed(bits + golomb(width // 16 - 1) + golomb(height // 16 - 1) + "10001"))


def hevc_header(width: int, height: int) -> bytes:
    """A sequence parameter set of the main profile (ITU-T H.265, 7.3.2.2)."""
    profile = "00000001" + f"{0x60000000:032b}" + "1001" + "0" * 44 + f"{186:08b}"
    size = golomb(0) + golomb(1) + golomb(width) + golomb(height) + "0"
    depth = golomb(0) + golomb(0) + golomb(4) + "1" + golomb(4) + golomb(0) + golomb(0)
    blocks = golomb(0) + golomb(3) + golomb(0) + golomb(3) + golomb(0) + golomb(0)
    return b"\x42\x01" + escaped(packed("00000001" + profile + size + depth + blocks + "0000" + golomb(0) + "000001"))


def mpeg4_header(width: int, height: int) -> bytes:
    """A video object layer (ISO/IEC 14496-2, 6.2.3); the format has 13 bits for each side."""
    bits = "0" + "00000001" + "0" + "0001" + "0" + "00" + "1" + f"{FPS:016b}" + "101"
    bits += f"{width:013b}1{height:013b}1" + "01000" + "11000"
    return b"\0\0\1\0" + _MPEG4_LAYER + packed(bits + "0" + "1" * (-(len(bits) + 1) % 8))


def hevc_payloads(units: Sequence[bytes]) -> tuple[bytes, ...]:
    """RFC 7798: a unit that fits travels alone, a larger one in fragments."""
    payloads = []
    for unit in units:
        if len(unit) <= PAYLOAD_BYTES:
            payloads.append(unit)
            continue
        head = bytes([unit[0] & 0x81 | _HEVC_FRAGMENT << 1, unit[1]])
        step = PAYLOAD_BYTES - 3
        for begin in range(2, len(unit), step):
            edge = (0x80 if begin == 2 else 0) | (0x40 if begin + step >= len(unit) else 0)
            payloads.append(head + bytes([edge | unit[0] >> 1 & 0x3F]) + unit[begin : begin + step])
    return tuple(payloads)


def mpeg4_payloads(parts: Sequence[bytes]) -> tuple[bytes, ...]:
    """RFC 6416: the bytes as they come."""
    whole = b"".join(parts)
    return tuple(whole[at : at + PAYLOAD_BYTES] for at in range(0, len(whole), PAYLOAD_BYTES))


def _mpeg4_parts(data: bytes) -> list[bytes]:
    at = data.index(_MPEG4_PICTURE)
    return [data[:at], data[at:]] if at else [data]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """One codec. A picture's parts are NAL units, or headers and picture (MPEG-4), or RTP payloads (JPEG)."""

    name: str
    encoder: str
    options: dict[str, str]
    split: Callable[[bytes], list[bytes]]
    """An encoded picture to its parts."""
    is_header: Callable[[bytes], bool]
    """Whether a part tells how to decode others: parameter sets, a layer's header, quantisation tables."""
    payloads: Callable[[list[bytes]], tuple[bytes, ...]]
    sdp: Callable[[list[bytes]], tuple[str, ...]]
    """The SDP lines for the header parts of a first picture."""
    absurd: Callable[[], bytes]
    """A header part that claims more pixels than any camera has."""
    payload_type: int = 96

    @property
    def suffix(self) -> str:
        """Of a file that holds nothing but such pictures."""
        return {"mpeg4": ".m4v", "mjpeg": ".mjpeg"}.get(self.name, f".{self.name}")

    def joined(self, parts: Sequence[bytes]) -> bytes:
        """The parts as they stand in a file."""
        return b"".join(b"\0\0\0\1" + part if self.name in ("h264", "hevc") else part for part in parts)


class Pictures:
    """Encodes flat grey pictures, each a little lighter than the one before."""

    def __init__(self, coding: Coding, size: tuple[int, int] = SIZE) -> None:
        self.coding = coding
        self._size = size
        self._count = 0
        self._encoder = av.CodecContext.create(coding.encoder, "w")
        assert isinstance(self._encoder, av.VideoCodecContext)
        self._encoder.width, self._encoder.height = size
        self._encoder.pix_fmt = "yuvj420p" if coding.name == "mjpeg" else "yuv420p"
        self._encoder.time_base, self._encoder.gop_size = Fraction(1, FPS), GOP
        self._encoder.max_b_frames, self._encoder.thread_count = 0, 1
        self._encoder.options = coding.options

    def encoded(self) -> tuple[bytes, bool]:
        """The next picture, and whether a decoder can start at it."""
        width, height = self._size
        shade = np.full((height, width, 3), 40 + self._count % 150, np.uint8)
        picture = av.VideoFrame.from_ndarray(shade, format="bgr24")
        picture.pts = self._count
        self._count += 1
        (packet,) = self._encoder.encode(picture)
        return bytes(packet), packet.is_keyframe

    def parts(self) -> tuple[list[bytes], bool]:
        """The next picture in parts, and whether a decoder can start at it."""
        data, key = self.encoded()
        return self.coding.split(data), key


def _hevc_sdp(headers: list[bytes]) -> tuple[str, ...]:
    return ("rtpmap:96 H265/90000",)  # the parameter sets come in band


def _mpeg4_sdp(headers: list[bytes]) -> tuple[str, ...]:
    return ("rtpmap:96 MP4V-ES/90000", f"fmtp:96 profile-level-id=1;config={headers[0].hex().upper()}")


CODINGS = {
    coding.name: coding
    for coding in (
        Coding(
            name="h264",
            encoder="libx264",
            options={"preset": "ultrafast", "tune": "zerolatency", "x264-params": "scenecut=0"},
            split=split_annex_b,
            is_header=lambda unit: unit[0] & 0x1F in (7, 8),
            payloads=h264_payloads,
            sdp=lambda headers: h264_sdp_attributes(96, headers),
            absurd=lambda: h264_header(16384, 16384),
        ),
        Coding(
            name="hevc",
            encoder="libx265",
            options={
                "preset": "ultrafast",
                "tune": "zerolatency",
                "x265-params": f"log-level=none:repeat-headers=1:bframes=0:keyint={GOP}:scenecut=0:pools=none",
            },
            split=split_annex_b,
            is_header=lambda unit: unit[0] >> 1 & 0x3F in (32, 33, 34),
            payloads=hevc_payloads,
            sdp=_hevc_sdp,
            absurd=lambda: hevc_header(16384, 16384),
        ),
        Coding(
            name="mpeg4",
            encoder="mpeg4",
            options={},
            split=_mpeg4_parts,
            is_header=lambda part: not part.startswith(_MPEG4_PICTURE),
            payloads=mpeg4_payloads,
            sdp=_mpeg4_sdp,
            absurd=lambda: mpeg4_header(8191, 8191),
        ),
        Coding(
            name="mjpeg",
            encoder="mjpeg",
            options={"huffman": "default"},  # RFC 2435 sends none of its own
            split=lambda data: list(jpeg_payloads(data)),
            is_header=lambda payload: payload[1:4] == b"\0\0\0",
            payloads=tuple,
            sdp=lambda headers: (),
            # As many blocks of 8 as the RTP header can say, four megapixels, with next to nothing in them.
            absurd=lambda: bytes([0, 0, 0, 0, 1, 255, 255, 255]) + bytes([0, 0, 0, 128]) + bytes(range(1, 129)),
            payload_type=26,
        ),
    )
}
