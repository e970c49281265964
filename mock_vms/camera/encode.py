"""Pictures to bytes: H.264 through libx264, JPEG through libjpeg, set as the encoder configuration says."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Protocol

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from events.metadata.rtp import h264_payloads, jpeg_payloads, split_annex_b
from mock_vms.camera.physics import Plane
from mock_vms.camera.state import EncoderSettings, Encoding

_NAL_IDR, _NAL_SPS, _NAL_PPS = 5, 7, 8


class Encoder(Protocol):
    """Turns I420 pictures into RTP payloads."""

    def encode(self, picture: Plane, *, force_key: bool) -> tuple[tuple[bytes, ...], bool]:
        """The payloads of one picture, and whether a client can start with it."""


def open_encoder(settings: EncoderSettings) -> Encoder:
    return H264Encoder(settings) if settings.encoding is Encoding.H264 else JpegEncoder(settings)


class H264Encoder:
    """libx264 without delay: a picture in, its NAL units out. Parameter sets travel with every key frame."""

    def __init__(self, settings: EncoderSettings) -> None:
        rate = Fraction(settings.frame_rate).limit_denominator(1000)
        context = av.CodecContext.create("libx264", "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height = settings.width_px & ~1, settings.height_px & ~1
        context.pix_fmt = "yuv420p"
        context.framerate = rate
        context.time_base = 1 / rate
        context.gop_size = settings.gov_length
        context.max_b_frames = 0
        context.thread_count = 1
        context.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "forced-idr": "1",
            # Quality 0 to 100 becomes a constant rate factor from 42 (blocks everywhere) to 16 (hardly a loss).
            "crf": f"{42 - 0.26 * settings.quality:.1f}",
            "maxrate": str(settings.bitrate_kbps * 1000),
            "bufsize": str(settings.bitrate_kbps * 1000),
            "x264-params": "cabac=1:scenecut=0:rc-lookahead=0:log-level=none",
        }
        self._context = context
        self._count = 0

    def encode(self, picture: Plane, *, force_key: bool) -> tuple[tuple[bytes, ...], bool]:
        units = self.nal_units(picture, force_key=force_key)
        return h264_payloads(units), any(unit[0] & 0x1F == _NAL_IDR for unit in units)

    def nal_units(self, picture: Plane, *, force_key: bool) -> list[bytes]:
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = self._count
        frame.time_base = self._context.time_base
        frame.pict_type = PictureType.I if force_key else PictureType.NONE
        self._count += 1
        return [unit for packet in self._context.encode(frame) for unit in split_annex_b(bytes(packet))]


@lru_cache(maxsize=16)
def parameter_sets(settings: EncoderSettings) -> tuple[bytes, ...]:
    """The sequence and picture parameter sets that an encoder with these settings begins with. Takes milliseconds."""
    blank = np.full((settings.height_px // 2 * 3, settings.width_px & ~1), 128, dtype=np.uint8)
    units = H264Encoder(settings).nal_units(blank, force_key=True)
    return tuple(unit for unit in units if unit[0] & 0x1F in (_NAL_SPS, _NAL_PPS))


class JpegEncoder:
    """Every picture on its own, quality 1 to 100 as libjpeg counts. The bit rate ceiling is H.264's alone."""

    def __init__(self, settings: EncoderSettings) -> None:
        self._quality = settings.quality

    def encode(self, picture: Plane, *, force_key: bool) -> tuple[tuple[bytes, ...], bool]:
        return jpeg_payloads(encode_jpeg(picture, self._quality)), True


def encode_jpeg(picture: Plane, quality: float) -> bytes:
    """A baseline 4:2:0 JPEG with standard Huffman tables, as RFC 2435 wants it."""
    colour = cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420)
    done, encoded = cv2.imencode(".jpg", colour, [cv2.IMWRITE_JPEG_QUALITY, max(1, min(100, round(quality)))])
    if not done:
        raise ValueError(f"a {picture.shape} picture could not be encoded as JPEG")
    return encoded.tobytes()
