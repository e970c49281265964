"""A real RTSP session: pictures, the camera's own capture times, key frames only, coming back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Protocol

import av
import numpy as np
import pytest
import structlog

from events.metadata.rtp import AccessUnit, h264_payloads, h264_sdp_attributes, rtp_packet, split_annex_b
from events.metadata.rtsp import RtspServer
from events.metadata.rtsp_stream import Sink, Stream, Track
from inference.av_feed import AvFeed, KeyRate, Transport
from inference.hardware import choose_device
from inference.source import Source, SourceStatus, open_source
from tests.fakes.tcp import listening
from tests.fakes.waiting import WAIT_S, until

FPS = 20


class CameraTrack:
    """Flat grey pictures in H.264, a key frame every tenth, said to be taken when the test says."""

    control, media, payload_type, clock_rate = "trackID=video", "video", 96, 90_000

    def __init__(self, taken_at: Callable[[], datetime]) -> None:
        self._taken_at = taken_at
        self._sinks: list[Sink] = []
        self._count = 0
        self._encoder = av.CodecContext.create("libx264", "w")
        self._encoder.width, self._encoder.height, self._encoder.pix_fmt = 320, 192, "yuv420p"
        self._encoder.time_base, self._encoder.gop_size, self._encoder.max_b_frames = Fraction(1, FPS), 10, 0
        self._encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "scenecut=0"}
        self._sets = [unit for unit in self._encode()[0] if unit[0] & 0x1F in (7, 8)]

    def _encode(self) -> tuple[list[bytes], bool]:
        shade = 40 + self._count % 150
        picture = av.VideoFrame.from_ndarray(np.full((192, 320, 3), shade, np.uint8), format="bgr24")
        picture.pts = self._count
        self._count += 1
        (packet,) = self._encoder.encode(picture)
        return split_annex_b(bytes(packet)), packet.is_keyframe

    async def sdp_attributes(self) -> tuple[str, ...]:
        return h264_sdp_attributes(96, self._sets)

    def subscribe(self, sink: Sink) -> Callable[[], None]:
        self._sinks.append(sink)
        return lambda: self._sinks.remove(sink)

    async def film(self) -> None:
        while True:
            units, key = self._encode()
            for sink in list(self._sinks):
                sink.put(AccessUnit(payloads=h264_payloads(units), captured_at=self._taken_at(), key=key))
            await asyncio.sleep(1 / FPS)

    def hang_up(self) -> None:
        for sink in list(self._sinks):
            sink.end()


class FilmingTrack(Track, Protocol):
    """A track that makes its pictures itself until its task is cancelled."""

    async def film(self) -> None:
        """Make and send one picture after the other."""


class Camera:
    """An RTSP server with one filming track, as an async context."""

    def __init__(
        self,
        *,
        clock_off: timedelta = timedelta(0),
        delay: timedelta = timedelta(0),
        track: FilmingTrack | None = None,
    ) -> None:
        self.track = track or CameraTrack(lambda: datetime.now(UTC) + clock_off - delay)
        self.server = RtspServer(streams={"/live": Stream(name="camera", tracks=(self.track,))})

    async def __aenter__(self) -> Camera:
        await self.server.__aenter__()
        self._filming = asyncio.create_task(self.track.film(), name="film")
        return self

    async def __aexit__(self, *reason: object) -> None:
        self._filming.cancel()
        await asyncio.gather(self._filming, return_exceptions=True)
        await self.server.aclose()

    @property
    def url(self) -> str:
        return self.server.url("/live")


async def test_pictures_arrive_with_the_cameras_own_capture_time() -> None:
    delay = timedelta(seconds=1.5)
    async with Camera(delay=delay) as camera, open_source(camera.url) as source:
        frame = await source.next_frame(WAIT_S)
        assert frame is not None
        assert frame.picture.shape == (192, 320, 3)
        await until(lambda: source.clock.skew is not None)
        frame = await source.next_frame(WAIT_S)
        assert frame is not None
        # Later than 1.5 s ago is impossible for the camera's time; just now would be the arrival.
        assert datetime.now(UTC) - frame.captured_at >= delay
        assert source.clock.skew == timedelta(0)
        assert source.state.status is SourceStatus.RUNNING


async def test_a_camera_whose_clock_is_an_hour_ahead_is_told_and_not_believed() -> None:
    async with Camera(clock_off=timedelta(hours=1)) as camera, open_source(camera.url) as source:
        await until(lambda: source.clock.skew is not None)
        frame = await source.next_frame(WAIT_S)
        assert frame is not None
        assert frame.captured_at <= datetime.now(UTC)
        assert source.clock.skew is not None
        assert abs(source.clock.skew - timedelta(hours=1)) < timedelta(seconds=10)


@pytest.mark.requirement("M-160")
async def test_all_frames_are_decoded_by_default_and_key_frames_alone_on_demand() -> None:
    async with (
        Camera() as camera,
        open_source(camera.url) as every,
        open_source(camera.url, key_frames_only=True) as keys,
    ):
        await until(lambda: keys.decoded >= 3)
        assert every.decoded > 3 * keys.decoded


async def test_a_stream_that_the_camera_ends_is_opened_again() -> None:
    track = CameraTrack(lambda: datetime.now(UTC))
    async with Camera(track=track) as camera, open_source(camera.url, first_retry_s=0.01) as source:
        assert await source.next_frame(WAIT_S) is not None
        seen = source.decoded
        track.hang_up()
        await until(lambda: source.decoded > seen + 10)
        assert source.state.status is SourceStatus.RUNNING


async def test_a_path_the_camera_does_not_have_is_lost_with_a_reason() -> None:
    async with Camera() as camera, open_source(camera.server.url("/other"), first_retry_s=0.01) as source:
        await until(lambda: source.state.status is SourceStatus.LOST)
        assert source.state.error


class UdpOnlyCamera:
    """Answers 461 to interleaved TCP, or takes it and sends nothing there; sends its pictures in datagrams."""

    def __init__(self, *, refuses_tcp: bool = True) -> None:
        self._refuses_tcp = refuses_tcp
        self.track = CameraTrack(lambda: datetime.now(UTC))
        self.transports: list[str] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sending: asyncio.Task[None] | None = None
        port = 0
        try:
            while request := (await reader.readuntil(b"\r\n\r\n")).decode():
                method = request.split(" ", 1)[0]
                headers = dict(line.split(": ", 1) for line in request.split("\r\n")[1:] if ": " in line)
                answer, body = [f"CSeq: {headers['CSeq']}", "Session: 1"], ""
                status = "200 OK"
                if method == "DESCRIBE":
                    attributes = "".join(f"a={line}\r\n" for line in await self.track.sdp_attributes())
                    body = f"v=0\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n{attributes}a=control:video\r\n"
                    answer += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
                elif method == "SETUP":
                    self.transports.append(headers["Transport"])
                    if "TCP" in headers["Transport"] and self._refuses_tcp:
                        status = "461 Unsupported Transport"
                    elif "TCP" in headers["Transport"]:
                        answer.append(f"Transport: {headers['Transport']}")
                    else:
                        ports = headers["Transport"].split("client_port=")[1].split(";")[0]
                        port = int(ports.split("-")[0])
                        answer.append(f"Transport: RTP/AVP;unicast;client_port={ports};server_port=40000-40001")
                elif method == "PLAY" and port:
                    sending = asyncio.create_task(self._send(port), name="datagrams")
                writer.write(("\r\n".join([f"RTSP/1.0 {status}", *answer, "", ""]) + body).encode())
                await writer.drain()
        finally:
            if sending is not None:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    async def _send(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=("127.0.0.1", port))
        sequence = 0
        try:
            for number in range(10_000):
                payloads = h264_payloads(self.track._encode()[0])
                for place, payload in enumerate(payloads):
                    sequence += 1
                    last = place == len(payloads) - 1
                    stamp = number * 90_000 // FPS
                    transport.sendto(
                        rtp_packet(payload, payload_type=96, marker=last, sequence=sequence, timestamp=stamp, ssrc=7)
                    )
                await asyncio.sleep(1 / FPS)
        finally:
            transport.close()


@pytest.mark.parametrize("refuses", [True, False], ids=["refuses", "silent"])
async def test_a_camera_that_refuses_tcp_or_sends_nothing_over_it_is_asked_over_udp(refuses: bool) -> None:
    camera = UdpOnlyCamera(refuses_tcp=refuses)
    async with (
        listening(camera.serve) as port,
        open_source(f"rtsp://127.0.0.1:{port}/live", first_retry_s=0.01, read_timeout_s=1.0) as source,
    ):
        frame = await source.next_frame(WAIT_S)
        assert frame is not None, source.state.error
        assert frame.picture.shape == (192, 320, 3)
    assert "TCP" in camera.transports[0]
    assert "TCP" not in camera.transports[1]


@pytest.mark.parametrize(
    ("transport", "is_reached"), [(Transport.TCP, False), (Transport.UDP, True)], ids=["tcp", "udp"]
)
async def test_a_transport_that_was_chosen_is_the_only_one_asked_for(transport: Transport, is_reached: bool) -> None:
    camera = UdpOnlyCamera()
    async with (
        listening(camera.serve) as port,
        open_source(f"rtsp://127.0.0.1:{port}/live", transport=transport, first_retry_s=0.01) as source,
    ):
        if is_reached:
            assert await source.next_frame(WAIT_S) is not None, source.state.error
        else:
            await until(lambda: len(camera.transports) >= 2)
            assert source.decoded == 0
    assert {"TCP" in transport for transport in camera.transports} == {not is_reached}


@pytest.mark.requirement("M-160")
def test_too_few_key_frames_give_a_hint() -> None:
    rate = KeyRate()
    for number in range(1000):
        rate.count(number % 25 == 0, number / 25)
    assert "only 1.1 key frames per second come and 4 are needed; shorten the camera's GOP" in rate.hint
    enough = KeyRate()
    for number in range(1000):
        enough.count(number % 5 == 0, number / 25)
    assert enough.hint == ""


@pytest.mark.parametrize("wanted", ["abacus", "cuda", "auto"])
async def test_pictures_come_whatever_hardware_was_wanted_and_the_hint_says_when_it_is_not_used(wanted: str) -> None:
    async with Camera() as camera:
        feed = AvFeed(camera.url, hardware=wanted)
        source = Source(url=camera.url, name="gate", feed=lambda: feed)
        with structlog.testing.capture_logs() as logs:
            async with source:
                frame = await source.next_frame(WAIT_S)
                assert frame is not None
                assert frame.picture.shape == (192, 320, 3)
                await until(lambda: feed.in_hardware or source.hint != "")
        # On a machine whose graphics chip decodes H.264 it is used; everywhere else the processor takes over.
        assert feed.in_hardware == (choose_device(wanted).device is not None and source.hint == "")
        assert [log["hint"] for log in logs if log["event"] == "source could be better"] == [source.hint] * (
            not feed.in_hardware
        )
    if wanted == "abacus":
        assert "abacus: not built in, there are" in source.hint


def opens(*working: tuple[str, str]) -> Callable[[str, str], None]:
    def open_device(device: str, codec: str) -> None:
        if (device, codec) not in working:
            raise PermissionError(1, "Operation not permitted")

    return open_device


@pytest.mark.parametrize(
    ("wanted", "working", "device", "hint"),
    [
        ("off", [("cuda", "h264")], None, ""),
        ("auto", [("vaapi", "hevc")], "vaapi", ""),
        ("auto", [], None, "cuda: Operation not permitted; vaapi: Operation not permitted"),
        ("cuda", [("cuda", "h264")], "cuda", ""),
        ("cuda", [("vaapi", "h264")], None, "cuda: Operation not permitted"),
    ],
)
def test_a_decode_device_is_used_only_when_it_opens(
    wanted: str, working: list[tuple[str, str]], device: str | None, hint: str
) -> None:
    chosen = choose_device(wanted, built_in=lambda: ["cuda", "vaapi"], open_device=opens(*working))
    assert chosen.device == device
    assert hint in chosen.hint
    assert bool(hint) == bool(chosen.hint)
