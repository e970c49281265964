"""Sources against files, folders and local servers: pictures, states, stopping."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from aiohttp import web

from inference.av_feed import AvFeed
from inference.errors import SourceEnded
from inference.feeds import redact_url, with_login
from inference.source import STOP_WITHIN_S, Source, SourceStatus, open_source
from tests.fakes.tcp import listening
from tests.fakes.waiting import WAIT_S, until


def picture(width: int = 160, height: int = 96, shade: int = 90) -> np.ndarray:
    frame = np.full((height, width, 3), shade, np.uint8)
    cv2.rectangle(frame, (10, 10), (60, 40), (255, 255, 255), -1)
    return frame


def jpeg(**options: int) -> bytes:
    return cv2.imencode(".jpg", picture(**options))[1].tobytes()


def write_video(path: Path, *, count: int = 30, fps: int = 25, size: tuple[int, int] = (160, 96)) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.time_base = Fraction(1, fps)
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(picture(*size, shade=40 + number), format="bgr24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def open_handles() -> int:
    """Open file descriptors of this process; 0 where the system does not tell."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


def decode_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("decode")]


@asynccontextmanager
async def served(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/"
    finally:
        await runner.cleanup()


async def test_a_file_plays_to_its_end_and_every_frame_is_taken_dropped_or_skipped(tmp_path: Path) -> None:
    source = open_source(write_video(tmp_path / "a.mp4"), paced=False)
    taken = 0
    async with source:
        while (frame := await source.next_frame(WAIT_S)) is not None:
            taken += 1
            assert frame.picture.shape == (96, 160, 3)
    assert source.state.status is SourceStatus.ENDED
    assert source.decoded == 30
    assert taken + source.dropped + source.skipped == 30
    assert taken >= 1


async def test_frames_that_nobody_takes_are_dropped_and_the_newest_one_stays(tmp_path: Path) -> None:
    source = open_source(write_video(tmp_path / "a.mp4"), paced=False)
    async with source:
        await until(lambda: source.state.status is SourceStatus.ENDED)
        frame = await source.next_frame(0)
        assert frame is not None
        assert frame.sequence == 30
        assert source.dropped == 29
        assert await source.next_frame(0) is None


@pytest.mark.requirement("M-207")
async def test_frames_within_the_interval_are_skipped_before_they_cost_a_conversion(tmp_path: Path) -> None:
    source = open_source(write_video(tmp_path / "a.mp4", count=26), interval_s=10.0, paced=False)
    async with source:
        await until(lambda: source.state.status is SourceStatus.ENDED)
    assert source.skipped == 25


async def test_a_folder_of_photos_is_shown_in_order_and_broken_ones_are_counted(tmp_path: Path) -> None:
    for number, shade in enumerate((10, 120, 240)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((20, 30, 3), shade, np.uint8))
    (tmp_path / "1b.jpg").write_bytes(b"this is no picture")
    source = open_source(tmp_path, photo_s=0.02)
    shades = []
    async with source:
        while (frame := await source.next_frame(WAIT_S)) is not None:
            shades.append(int(frame.picture[0, 0, 0]))
    assert shades == sorted(shades)
    assert shades[-1] == 240
    assert source.corrupt == 1


@pytest.mark.requirement("M-320")
async def test_a_picture_is_turned_and_combed_lines_are_mended(tmp_path: Path) -> None:
    combed = np.zeros((40, 60, 3), np.uint8)
    combed[1::2] = 255
    cv2.imwrite(str(tmp_path / "a.png"), combed)
    async with open_source(tmp_path, rotation=90, deinterlace=True) as source:
        frame = await source.next_frame(WAIT_S)
    assert frame is not None
    assert frame.picture.shape == (60, 40, 3)
    assert frame.picture.max() == 0


async def test_snapshots_are_polled_when_the_address_answers_with_an_image() -> None:
    asked = 0

    async def snapshot(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.Response(body=jpeg(), content_type="image/jpeg")

    async with served(snapshot) as url, open_source(url, poll_s=0.1) as source:
        first, second = await source.next_frame(WAIT_S), await source.next_frame(WAIT_S)
    assert first is not None and second is not None
    assert second.sequence > first.sequence
    assert asked >= 2


@pytest.mark.parametrize("with_length", [True, False])
async def test_an_mjpeg_stream_is_read_with_and_without_part_lengths(with_length: bool) -> None:
    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "multipart/x-mixed-replace;boundary=--cut"})
        await response.prepare(request)
        for shade in (50, 100, 150):
            body = jpeg(shade=shade)
            length = f"Content-Length: {len(body)}\r\n" if with_length else ""
            head = f"--cut\r\nContent-Type: image/jpeg\r\n{length}\r\n".encode()
            await response.write(head + body + b"\r\n")
        await asyncio.Event().wait()
        return response

    async with served(stream) as url:
        source = open_source(url)
        async with source:
            await until(lambda: source.decoded == 3)
            frame = await source.next_frame(WAIT_S)
    assert frame is not None
    assert abs(int(frame.picture[-1, -1, 0]) - 150) < 5
    assert source.corrupt == 0


async def test_a_camera_that_asks_for_basic_gets_the_login_and_one_that_refuses_is_not_hammered() -> None:
    asked = 0

    async def guarded(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if request.headers.get("Authorization", "").startswith("Basic ") and request.path == "/open":
            return web.Response(body=jpeg(), content_type="image/jpeg")
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="camera"'})

    async with served(guarded) as url:
        async with open_source(url + "open", username="op", password="p@ss/w:rd") as source:
            assert await source.next_frame(WAIT_S) is not None
        asked = 0
        async with open_source(url + "shut", username="op", password="wrong", first_retry_s=0.01) as source:
            await until(lambda: source.state.status is SourceStatus.LOST)
            await asyncio.sleep(0.1)
            assert asked == 2
            assert "login" in source.state.error


async def test_an_answer_in_html_is_named_and_asked_again_later() -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<html>Welcome</html>", content_type="text/html")

    async with served(page) as url, open_source(url, first_retry_s=0.01) as source:
        await until(lambda: source.state.status is SourceStatus.LOST)
        assert "text/html" in source.state.error


async def test_a_source_comes_back_when_its_camera_does() -> None:
    healthy = False

    async def snapshot(request: web.Request) -> web.Response:
        return web.Response(body=jpeg(), content_type="image/jpeg") if healthy else web.Response(status=503)

    states: list[SourceStatus] = []
    async with (
        served(snapshot) as url,
        open_source(url, first_retry_s=0.01, on_state=lambda state: states.append(state.status)) as source,
    ):
        await until(lambda: source.state.status is SourceStatus.LOST)
        assert "503" in source.state.error
        healthy = True
        assert await source.next_frame(WAIT_S) is not None
        await until(lambda: SourceStatus.RUNNING in states)
        assert source.state.error == ""


@pytest.mark.parametrize("answer", [os.urandom(4096), b"RTSP/1.0 200 OK\r\n\r\n" * 50, b"<html></html>", b""])
async def test_a_hostile_rtsp_server_gives_a_clear_state_and_is_tried_again(answer: bytes) -> None:
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read(100)
        writer.write(answer)
        await writer.drain()

    async with listening(talk) as port:
        url = f"rtsp://user:geheim@127.0.0.1:{port}/live"
        async with open_source(url, first_retry_s=0.01, read_timeout_s=0.5) as source:
            await until(lambda: source.state.status is SourceStatus.LOST and connections >= 3)
            assert source.state.error
            assert "geheim" not in source.state.error + source.url


async def test_a_random_multipart_body_is_survived() -> None:
    async def noise(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "multipart/x-mixed-replace;boundary=cut"})
        await response.prepare(request)
        await response.write(os.urandom(200_000))
        return response

    async with served(noise) as url, open_source(url, first_retry_s=0.01) as source:
        await until(lambda: source.state.status is SourceStatus.LOST)
        assert source.state.error


async def test_a_truncated_file_gives_what_it_holds_and_then_ends(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "a.ts", count=50)
    cut = tmp_path / "cut.ts"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    async with open_source(cut, paced=False) as source:
        await until(lambda: source.state.status is SourceStatus.ENDED)
    assert 10 < source.decoded < 50


async def test_bytes_that_are_no_video_say_so(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(os.urandom(5000))
    async with open_source(path, first_retry_s=0.01) as source:
        await until(lambda: source.state.status is SourceStatus.LOST)
        assert "the file is no video that can be read" in source.state.error


async def test_a_resolution_that_changes_in_mid_stream_and_damaged_packets_are_survived(tmp_path: Path) -> None:
    small = write_video(tmp_path / "small.ts", count=15, size=(160, 96)).read_bytes()
    large = write_video(tmp_path / "large.ts", count=10, size=(320, 192)).read_bytes()
    damaged = bytearray(small)
    damaged[len(small) // 2 : len(small) // 2 + 600] = os.urandom(600)
    path = tmp_path / "both.ts"
    path.write_bytes(bytes(damaged) + large)
    sizes = set()
    source = open_source(path, paced=True)
    async with source:
        while (frame := await source.next_frame(WAIT_S)) is not None:
            sizes.add(frame.picture.shape[:2])
    assert sizes == {(96, 160), (192, 320)}


async def test_closing_returns_in_time_while_a_camera_is_silent() -> None:
    connections = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read(10_000)
        await reader.read(10_000)

    async with listening(silent) as port:
        source = open_source(f"rtsp://127.0.0.1:{port}/live", name="silent", read_timeout_s=0.5)
        await source.open()
        assert decode_threads() == ["decode silent"]
        await until(lambda: connections > 0)
        started_s = time.monotonic()
        await source.aclose()
        # Each transport's read times out once; joining alone would return after STOP_WITHIN_S with the thread alive.
        assert decode_threads() == []
        assert time.monotonic() - started_s < STOP_WITHIN_S / 3


async def test_closing_a_silent_camera_takes_no_thread_from_others() -> None:
    """Motion gates of healthy cameras run in the loop's own few threads."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    released = threading.Event()

    class Silent:
        corrupt, hint = 0, ""

        def open(self) -> None:
            released.wait(WAIT_S)

        def read(self) -> None:
            raise SourceEnded("never opened")

        def interrupt(self) -> None:
            pass

        def close(self) -> None:
            pass

    sources = [Source(url=f"rtsp://192.0.2.{number}/", name=f"dead {number}", feed=Silent) for number in range(3)]
    for source in sources:
        await source.open()
    closing = [asyncio.create_task(source.aclose()) for source in sources]
    await asyncio.sleep(0)
    assert await asyncio.wait_for(asyncio.to_thread(lambda: "gate"), WAIT_S / 2) == "gate"
    assert not any(task.done() for task in closing)
    released.set()
    await asyncio.gather(*closing)
    assert decode_threads() == []


async def test_opening_and_closing_many_times_leaves_no_thread_and_no_handle(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", count=5)

    async def snapshot(request: web.Request) -> web.Response:
        return web.Response(body=jpeg(), content_type="image/jpeg")

    async with served(snapshot) as url:

        async def once() -> None:
            async with open_source(path, paced=False) as source:
                await source.next_frame(WAIT_S)
            async with open_source(url) as source:
                await source.next_frame(WAIT_S)
            async with open_source(tmp_path / "absent.mp4") as source:
                await source.next_frame(0.01)

        await once()
        handles = open_handles()
        for _ in range(8):
            await once()
        assert decode_threads() == []
        if handles:
            await until(lambda: open_handles() <= handles + 2)


def test_after_a_lag_pictures_begin_again_with_a_key_frame(tmp_path: Path) -> None:
    """Those before it refer to pictures that were left out: the decoder draws them all the same, smeared."""
    path = tmp_path / "gop.mp4"
    with av.open(str(path), "w") as container:
        options = {"g": "40", "keyint_min": "40", "bf": "0", "sc_threshold": "0", "tune": "zerolatency"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for number in range(120):
            shown = picture()
            cv2.rectangle(shown, (number, 50), (number + 40, 80), (230, 230, 230), -1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="bgr24")))
        container.mux(stream.encode(None))

    class LagsFrom45To60:
        packets = 0

        def behind(self, *_: float) -> bool:
            self.packets += 1
            return 45 <= self.packets < 60

    def pictures(lag: object | None) -> dict[int, np.ndarray]:
        feed, seen = AvFeed(str(path)), {}
        feed.open()
        feed._live = True
        feed._lag = lag or feed._lag
        for number in range(120):
            decoded = feed.read()
            if decoded is not None:
                seen[number] = decoded.to_picture()
        feed.close()
        return seen

    whole, lagging = pictures(None), pictures(LagsFrom45To60())
    assert sorted(lagging) == [*range(45), *range(80, 120)]
    assert all(np.array_equal(lagging[number], whole[number]) for number in lagging)


async def test_open_and_close_may_be_called_twice(tmp_path: Path) -> None:
    source = open_source(write_video(tmp_path / "a.mp4", count=3), paced=False)
    await source.open()
    await source.open()
    await source.aclose()
    await source.aclose()
    assert isinstance(source, Source)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://admin:pw@10.0.0.1/live", "rtsp://***@10.0.0.1/live"),
        ("rtsp://admin:p@ss/w@10.0.0.1/live", "rtsp://***@10.0.0.1/live"),
        ("http://10.0.0.1/snap?user=admin&password=secret&res=1", "http://10.0.0.1/snap?user=***&password=***&res=1"),
        ("/var/lib/clip.mp4", "/var/lib/clip.mp4"),
    ],
)
def test_a_shown_address_holds_no_login(url: str, shown: str) -> None:
    assert redact_url(url) == shown


def test_a_login_with_special_characters_is_encoded_once() -> None:
    assert with_login("rtsp://old@cam:554/s", "a@b", "p:/?#") == "rtsp://a%40b:p%3A%2F%3F%23@cam:554/s"
