"""RTSP streams and video files through FFmpeg (PyAV)."""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Literal

import av
import av.error
import cv2
import numpy as np
import structlog
from av.codec.hwaccel import HWAccel
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from inference.clock import Lag, MediaTime
from inference.errors import SourceEnded, SourceRefused, SourceUnreachable, SourceUnsupported
from inference.feeds import Decoded, DecodedGrey, redact_url
from inference.hardware import OFF, choose_device
from inference.image_size import MOST_PIXELS
from inference.scaling import scaled
from inference.types import Grey, Picture

OPEN_TIMEOUT_S = 8.0
READ_TIMEOUT_S = 5.0
# Packets may arrive and yet give no picture (encrypted, broken, a lost first key frame): longer than any usual GOP.
NO_PICTURE_S = 20.0
# Below this rate key frames alone read no traffic: the vehicle is through before the next one.
LEAST_KEY_RATE = 4.0
KEY_RATE_OVER_S = 10.0
# Longer than most cameras' GOP; a stream without key frames refreshes itself in the meantime.
KEY_WITHIN_S = 10.0
# A concealed picture is a smear of the one before; skip it while clean ones come.
CLEAN_WITHIN_S = 2.0

# A header may claim gigapixels, at the start or in mid-stream; the decoder refuses them before it takes the memory.
LIMITS = {"max_pixels": str(MOST_PIXELS)}
TOO_LARGE = (
    f"the stream claims pictures larger than any camera's ({MOST_PIXELS // 10**6} megapixels), or tells no size; choose"
    " another profile"
)
NO_STREAM = "what answers there is not a video stream; check address and path"
NO_VIDEO = "the file is no video that can be read: empty, cut off, or of another kind"

# What cameras send. Their first plane is brightness, 8 bits a pixel, and FFmpeg turns them into BGR without fail.
FULL_RANGE = frozenset({"yuvj420p", "yuvj422p", "yuvj444p", "gray"})
BRIGHTNESS_FIRST = FULL_RANGE | {"yuv420p", "yuv422p", "yuv444p", "nv12", "nv21"}

FOREIGN = (av.error.FFmpegError, OSError, ValueError)
_log = structlog.get_logger(__name__)


class Transport(StrEnum):
    """How an RTSP camera sends its pictures: in the connection itself, in datagrams, or the first that works."""

    AUTO = "auto"
    TCP = "tcp"
    UDP = "udp"

    @property
    def tried(self) -> tuple[str, ...]:
        """TCP first: it passes firewalls and loses nothing."""
        return ("tcp", "udp") if self is Transport.AUTO else (self.value,)


class AvFeed:
    """One RTSP session or one pass through a file."""

    def __init__(
        self,
        url: str,
        *,
        transport: Transport = Transport.AUTO,
        key_frames_only: bool = False,
        hardware: str = OFF,
        open_timeout_s: float = OPEN_TIMEOUT_S,
        read_timeout_s: float = READ_TIMEOUT_S,
        no_picture_s: float = NO_PICTURE_S,
    ) -> None:
        self._url = url
        self._live = "://" in url and not url.startswith("file:")
        self._transports = transport.tried if url.lower().startswith(("rtsp:", "rtsps:")) else ("",)
        self._key_frames_only = key_frames_only
        self._hardware = hardware
        self._timeouts = (open_timeout_s, read_timeout_s)
        self._no_picture_s = no_picture_s
        self._container: av.container.InputContainer | None = None
        self._packets: Iterator[av.Packet[av.VideoStream]] | None = None
        self._first: av.Packet[av.VideoStream] | None = None
        """Came while the transport was tried."""
        self._interrupted = False
        self._sent: dict[int, datetime] = {}
        self._keys = KeyRate()
        self._lag = Lag()
        self._media = MediaTime()
        self._clean_s = 0.0
        self._any = False
        self._why_none = ""
        """Why no picture comes, as far as the decoder lets us know; empty while they come."""
        # At the end of a file the decoder gives back all it held; a live stream's older pictures are no news.
        self._ready: deque[av.VideoFrame] = deque()
        self._behind = False
        self._caught_up_s: float | None = None
        """Since when all pictures are wanted again; until a key frame comes those between are smeared."""
        self.corrupt = 0
        self.transport = ""
        self.in_hardware = False
        self._device_hint = ""

    @property
    def hint(self) -> str:
        return self._device_hint or self._keys.hint

    def open(self) -> None:
        """Connect, over TCP first; a refused login is not asked again over UDP.

        A transport is reached when its first packet comes: some cameras answer on both and send on one.
        """
        for transport in self._transports:
            if self._interrupted:
                raise SourceUnreachable("the stream was closed while it was opened")
            try:
                self._connect(transport)
                if transport != self._transports[-1] and not self._interrupted:
                    self._first = self._next_packet()
            except (*FOREIGN, SourceUnreachable) as error:
                self.close()
                failure = self._translate(error)
                if isinstance(failure, SourceRefused) or transport == self._transports[-1]:
                    raise failure from error
                _log.debug("stream transport failed", url=redact_url(self._url), transport=transport)
            else:
                self.transport = transport
                self._clean_s = time.monotonic()
                return

    def _connect(self, transport: str) -> None:
        # Guessing the frame rate would cost a second of pictures; nobody here needs it.
        options = {"fflags": "nobuffer", "analyzeduration": "3000000", "fpsprobesize": "0"} if self._live else {}
        if transport:
            options |= {
                "rtsp_transport": transport,
                "timeout": str(int(self._timeouts[1] * 1e6)),
                "max_delay": "500000",
            }
        chosen = choose_device(self._hardware)
        self._device_hint = chosen.hint
        hwaccel = HWAccel(device_type=chosen.device, allow_software_fallback=True) if chosen.device else None
        self._container = av.open(self._url, options=options | LIMITS, timeout=self._timeouts, hwaccel=hwaccel)
        if not self._container.streams.video:
            raise SourceUnsupported("the stream holds no video; choose the camera's video profile")
        stream = self._container.streams.video[0]
        context = stream.codec_context
        if context.width * context.height > MOST_PIXELS:
            raise SourceUnsupported(
                f"the stream claims pictures of {context.width} x {context.height}, larger than any camera's; choose"
                " another profile"
            )
        # One thread: many cameras share the processor, and frame threads add delay.
        context.thread_count = 1
        context.options = LIMITS
        if self._key_frames_only:
            context.skip_frame = "NONKEY"
        self.in_hardware = bool(context.is_hwaccel)
        if chosen.device and not self.in_hardware:
            self._device_hint = f"{chosen.device} cannot decode {context.name}, so the processor does; choose H.264"
        self._packets = self._container.demux(stream)

    def read(self) -> Decoded | None:
        """The newest picture of the next packet; of a file every picture in turn."""
        if self._container is None or self._packets is None:
            raise SourceUnreachable("the stream is not open")
        if self._ready:
            return self._decoded(self._ready.popleft())
        asked_s = time.monotonic()
        packet, self._first = self._first or self._next_packet(), None
        waited_s = time.monotonic() - asked_s
        self._take_all_again(packet)
        try:
            frames = packet.decode()
        except av.error.EOFError:
            raise self._end() from None
        except FOREIGN as error:
            self._count_corrupt(error)
            return None
        self._note(packet, waited_s)
        now_s = time.monotonic()
        for frame in reversed(frames):
            if frame.is_corrupt and now_s - self._clean_s < CLEAN_WITHIN_S:
                self.corrupt += 1
                continue
            self._clean_s, self._why_none, self._any = now_s, "", True
            if self._live:
                return self._decoded(frame)
            self._ready.appendleft(frame)
        if self._ready:
            return self._decoded(self._ready.popleft())
        self._give_up_in_time(now_s)
        return None

    def _next_packet(self) -> av.Packet[av.VideoStream]:
        assert self._packets is not None
        try:
            return next(self._packets)
        except StopIteration:
            raise self._end() from None
        except IndexError as error:
            # PyAV counts the streams once; damage in mid-stream can look like one more.
            raise SourceUnreachable("the stream changed its parts in its middle") from error
        except FOREIGN as error:
            raise self._translate(error) from error

    def interrupt(self) -> None:
        """FFmpeg cannot be woken from outside; its time-outs bound each wait, and no other begins."""
        self._interrupted = True

    def close(self) -> None:
        self._packets = self._first = None
        self._ready.clear()
        container, self._container = self._container, None
        if container is not None:
            container.close()

    def _decoded(self, frame: av.VideoFrame) -> Decoded:
        sent_at = self._sent.get(frame.pts) if frame.pts is not None else None
        media_s = None if self._live else self._media.at(frame.time)
        interlaced = bool(frame.interlaced_frame)
        return Decoded(
            to_picture=lambda: to_bgr(frame),
            grey=decoded_grey(frame),
            sent_at=sent_at,
            media_s=media_s,
            interlaced=interlaced,
        )

    def _note(self, packet: av.Packet[av.VideoStream], waited_s: float) -> None:
        """Sender's time, key frame rate, lag: what the packet tells beside its picture."""
        if not self._live:
            return
        if packet.pts is not None and packet.has_sidedata("prft"):
            # AVProducerReferenceTime: wall clock in microseconds, from the camera's RTCP sender reports.
            (micros,) = struct.unpack_from("=q", bytes(packet.get_sidedata("prft")))
            self._sent[packet.pts] = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
            if len(self._sent) > 64:
                del self._sent[next(iter(self._sent))]
        now_s = time.monotonic()
        if self._key_frames_only:
            self._keys.count(packet.is_keyframe, now_s)
        elif packet.pts is not None and packet.time_base:
            behind = self._lag.behind(float(packet.pts * packet.time_base), now_s, waited_s)
            if behind != self._behind:
                self._behind = behind
                self._caught_up_s = None if behind else now_s
                if behind:
                    self._skip("NONKEY")
                _log.debug("decoding lags" if behind else "decoding caught up", url=redact_url(self._url))

    def _take_all_again(self, packet: av.Packet[av.VideoStream]) -> None:
        """After a lag, from the next key frame on: the decoder draws those before it upon what it has not got."""
        if self._caught_up_s is None:
            return
        if packet.is_keyframe or time.monotonic() - self._caught_up_s > KEY_WITHIN_S:
            self._caught_up_s = None
            self._skip("DEFAULT")

    def _skip(self, which: Literal["NONKEY", "DEFAULT"]) -> None:
        assert self._container is not None
        self._container.streams.video[0].codec_context.skip_frame = which

    def _count_corrupt(self, error: Exception) -> None:
        self.corrupt += 1
        assert self._container is not None
        context = self._container.streams.video[0].codec_context
        # The decoder calls a size beyond the limit an invalid argument, or has none after refusing it.
        if isinstance(error, av.error.ArgumentError) or not 0 < context.width * context.height <= MOST_PIXELS:
            self._why_none = TOO_LARGE
        self._give_up_in_time(time.monotonic())

    def _give_up_in_time(self, now_s: float) -> None:
        if self._live and now_s - self._clean_s > self._no_picture_s:
            why = f": {self._why_none}" if self._why_none else ""
            raise SourceUnreachable(f"packets arrive but none gave a picture for {self._no_picture_s:g} s{why}")

    def _end(self) -> SourceUnreachable | SourceEnded | SourceUnsupported:
        if self._live:
            return SourceUnreachable("the camera ended the stream")
        if self._why_none and not self._any:
            return SourceUnsupported(self._why_none)
        return SourceEnded("the file is over")

    def _translate(self, error: Exception) -> SourceUnreachable | SourceRefused | SourceUnsupported:
        if isinstance(error, (SourceUnreachable, SourceRefused, SourceUnsupported)):
            return error
        if isinstance(error, (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)):
            return SourceRefused("the camera refused the login; check user name and password")
        if isinstance(error, (av.error.ExitError, TimeoutError)):
            return SourceUnreachable("no answer within the time-out; check address, port and network")
        if isinstance(error, (av.error.InvalidDataError, av.error.DemuxerNotFoundError, av.error.DecoderNotFoundError)):
            return SourceUnsupported(NO_STREAM if self._live else NO_VIDEO)
        if isinstance(error, FileNotFoundError) and not self._live:
            return SourceUnsupported("there is no such file")
        text = getattr(error, "strerror", None) or type(error).__name__
        return SourceUnreachable(redact_url(str(text)))


class KeyRate:
    """Notices, once per connection, when key frames come too seldom to read traffic."""

    def __init__(self) -> None:
        self.hint = ""
        self._since: float | None = None
        self._count = 0

    def count(self, is_key: bool, now_s: float) -> None:
        self._since = now_s if self._since is None else self._since
        self._count += is_key
        elapsed = now_s - self._since
        if elapsed >= KEY_RATE_OVER_S and not self.hint and self._count / elapsed < LEAST_KEY_RATE:
            self.hint = (
                f"only {self._count / elapsed:.1f} key frames per second come and {LEAST_KEY_RATE:g} are needed;"
                " shorten the camera's GOP or switch key_frames_only off"
            )


def to_bgr(frame: av.VideoFrame) -> Picture:
    """The picture as BGR, turned as its display matrix says."""
    picture = np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8)
    return _turned(picture, _turns(frame))


def decoded_grey(frame: av.VideoFrame) -> DecodedGrey | None:
    """The brightness plane, turned as the display matrix says; None for formats that have none of 8 bits."""
    if frame.format.name not in BRIGHTNESS_FIRST or not frame.planes:
        return None
    turns = _turns(frame)
    sideways = turns % 2 == 1
    full = frame.color_range == ColorRange.JPEG or frame.format.name in FULL_RANGE

    def scaled_to(width: int, height: int) -> Grey:
        plane = frame.planes[0]
        levels = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
        small = scaled(levels, height, width) if sideways else scaled(levels, width, height)
        if not full:
            # Video from 16 to 235, as its colours would come out.
            small = np.asarray(cv2.convertScaleAbs(small, alpha=255 / 219, beta=-16 * 255 / 219), dtype=np.uint8)
        return _turned(small, turns)

    size = (frame.height, frame.width) if sideways else (frame.width, frame.height)
    return DecodedGrey(size=size, scaled_to=scaled_to)


def _turns(frame: av.VideoFrame) -> int:
    """Quarter turns to the left that the display matrix asks for."""
    return round(frame.rotation / 90) % 4


def _turned(levels: NDArray[np.uint8], turns: int) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.rot90(levels, turns)) if turns else levels


def read_file(path: Path) -> Iterator[tuple[float, Decoded]]:
    """Every picture of a video file with its time in seconds, as fast as it is asked for; raises a SourceError."""
    feed = AvFeed(str(path))
    feed.open()
    try:
        while True:
            try:
                decoded = feed.read()
            except SourceEnded:
                return
            if decoded is not None:
                yield decoded.media_s or 0.0, decoded
    finally:
        feed.close()
