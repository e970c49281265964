"""Corrupt packets through live sessions, and pictures that claim gigapixels: the process survives and recovers."""

from __future__ import annotations

import asyncio
import random
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from aiohttp import web

from events.metadata.rtp import AccessUnit
from events.metadata.rtsp_stream import Sink
from inference.av_feed import AvFeed
from inference.clock import BEHIND
from inference.errors import SourceEnded, SourceUnreachable, SourceUnsupported
from inference.feeds import decode_image
from inference.image_size import MOST_PIXELS, claimed_size, is_sane
from inference.read import load_picture
from inference.source import Source, SourceStatus, open_source
from tests.fakes import damage as damages
from tests.fakes.coded import CODINGS, Coding, Pictures, h264_header
from tests.fakes.damage import Damage
from tests.inference.test_rtsp_source import Camera, until
from tests.inference.test_source import jpeg, served

WAIT_S = 60.0
# No test here may take more than this, whatever a header claims: a picture of MOST_PIXELS takes 200 MB.
MOST_GROWTH_BYTES = 400 * 2**20


class DamagedTrack:
    """Sends its pictures damaged while the test wants it, as fast as they are made."""

    control, media, clock_rate = "trackID=video", "video", 90_000

    def __init__(self, coding: Coding, damage: Damage, seed: int) -> None:
        self._coding = coding
        self._damage = damage
        self._dice = random.Random(seed)
        self._sinks: list[Sink] = []
        self._pictures, self._others = Pictures(coding), Pictures(coding, (176, 144))
        self._headers = [part for part in self._pictures.parts()[0] if coding.is_header(part)]
        self.payload_type = coding.payload_type
        self.healthy = True
        self.jumps = False
        self.damaged = 0

    async def sdp_attributes(self) -> tuple[str, ...]:
        return self._coding.sdp(self._headers)

    def subscribe(self, sink: Sink) -> Callable[[], None]:
        self._sinks.append(sink)
        return lambda: self._sinks.remove(sink)

    async def film(self) -> None:
        while True:
            parts, key = self._pictures.parts()
            others, _ = self._others.parts()
            taken_at = datetime.now(UTC)
            if not self.healthy:
                parts = self._damage(self._dice, parts, others, self._coding)
                self.damaged += 1
            if self.jumps:
                taken_at += self._dice.choice((1, -1)) * timedelta(seconds=10 ** self._dice.uniform(-3, 9))
            for sink in list(self._sinks):
                sink.put(AccessUnit(payloads=self._coding.payloads(parts), captured_at=taken_at, key=key))
            await asyncio.sleep(0.004)


@pytest.fixture
def _memory_stays() -> Iterator[None]:
    before = psutil.Process().memory_info().rss
    yield
    assert psutil.Process().memory_info().rss - before < MOST_GROWTH_BYTES


async def picture_of(source: Source, shape: tuple[int, int, int]) -> None:
    """Wait for a flat picture of this shape; those on their way or damaged may come before it."""
    async with asyncio.timeout(WAIT_S):
        while True:
            frame = await source.next_frame(WAIT_S)
            if frame is not None and frame.picture.shape == shape and np.ptp(frame.picture) < 12:
                return


def hasty(url: str) -> Source:
    """Connects anew soon: damaged headers can leave a decoder in a state that only a new one mends (MPEG-4)."""
    return Source(url=url, name="gate", feed=lambda: AvFeed(url, no_picture_s=1.0), first_retry_s=0.01)


@pytest.mark.usefixtures("_memory_stays")
@pytest.mark.parametrize("damage", damages.ALL, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("coding", CODINGS.values(), ids=CODINGS)
async def test_a_hostile_live_session_is_survived_and_pictures_come_back(coding: Coding, damage: Damage) -> None:
    track = DamagedTrack(coding, damage, seed=3)
    async with Camera(track=track) as camera, hasty(camera.url) as source:
        assert await source.next_frame(WAIT_S) is not None
        track.healthy = False
        await until(lambda: track.damaged >= 60)
        track.healthy = True
        seen = source.decoded
        await until(lambda: source.decoded > seen + 20)
        # Of the size it had, and a flat grey again, so nothing of the damage is left in it.
        await picture_of(source, (192, 320, 3))
        await until(lambda: source.state.status is SourceStatus.RUNNING)
        assert [one.name for one in threading.enumerate() if one.name.startswith("decode")] == [f"decode {source.name}"]


@pytest.mark.parametrize("coding", CODINGS.values(), ids=CODINGS)
async def test_time_stamps_that_jump_by_decades_neither_stop_pictures_nor_reach_their_times(coding: Coding) -> None:
    track = DamagedTrack(coding, damages.resized, seed=5)
    track.jumps = True
    began = datetime.now(UTC)
    async with Camera(track=track) as camera, open_source(camera.url, first_retry_s=0.01) as source:
        for _ in range(20):
            frame = await source.next_frame(WAIT_S)
            assert frame is not None
            assert began - BEHIND <= frame.captured_at <= datetime.now(UTC)
        assert source.state.status is SourceStatus.RUNNING


@pytest.mark.parametrize("coding", CODINGS.values(), ids=CODINGS)
async def test_a_stream_whose_resolution_changes_goes_on_in_the_new_one(coding: Coding) -> None:
    track = DamagedTrack(coding, lambda dice, parts, other, coding: other, seed=1)
    async with Camera(track=track) as camera, open_source(camera.url, first_retry_s=0.01) as source:
        for healthy, shape in ((True, (192, 320, 3)), (False, (144, 176, 3)), (True, (192, 320, 3))):
            track.healthy = healthy
            await picture_of(source, shape)


def read_to_end(feed: AvFeed) -> int:
    """How many pictures a feed gives."""
    pictures = 0
    try:
        while True:
            pictures += feed.read() is not None
    except SourceEnded:
        return pictures
    finally:
        feed.close()


def stream_file(path: Path, coding: Coding, damage: Damage, *, sound: int) -> Path:
    """A file of `sound` pictures as they should be and six damaged ones."""
    pictures, dice = Pictures(coding), random.Random(1)
    parts = [pictures.parts()[0] for _ in range(sound + 6)]
    parts[sound:] = [damage(dice, one, one, coding) for one in parts[sound:]]
    path.write_bytes(b"".join(map(coding.joined, parts)))
    return path


# RTP says the size of a JPEG in two bytes, four megapixels at most; JPEG files have tests of their own below.
CLAIMING = [CODINGS[name] for name in ("h264", "hevc", "mpeg4")]


@pytest.mark.usefixtures("_memory_stays")
@pytest.mark.parametrize("coding", CLAIMING, ids=lambda coding: coding.name)
def test_a_stream_that_claims_an_absurd_size_is_refused_before_it_takes_memory(coding: Coding, tmp_path: Path) -> None:
    feed = AvFeed(str(stream_file(tmp_path / f"huge{coding.suffix}", coding, damages.absurd, sound=0)))
    feed.open()
    with pytest.raises(SourceUnsupported, match=r"larger than any camera's \(64 megapixels\).*choose another profile"):
        read_to_end(feed)
    assert feed.corrupt >= 6


def test_a_stream_that_claims_a_size_just_beyond_the_limit_is_refused_at_its_opening(tmp_path: Path) -> None:
    beyond = replace(CODINGS["h264"], absurd=lambda: h264_header(16000, 16000))
    with pytest.raises(SourceUnsupported, match="16000 x 16000, larger than any camera's"):
        AvFeed(str(stream_file(tmp_path / "huge.h264", beyond, damages.absurd, sound=0))).open()


@pytest.mark.usefixtures("_memory_stays")
@pytest.mark.parametrize("coding", CLAIMING, ids=lambda coding: coding.name)
def test_pictures_before_an_absurd_claim_are_kept(coding: Coding, tmp_path: Path) -> None:
    feed = AvFeed(str(stream_file(tmp_path / f"later{coding.suffix}", coding, damages.absurd, sound=4)))
    feed.open()
    assert read_to_end(feed) >= 3


@pytest.mark.parametrize("coding", [CODINGS["hevc"], CODINGS["mpeg4"]], ids=lambda coding: coding.name)
async def test_a_live_stream_that_goes_on_claiming_too_much_is_given_up_with_the_cause(coding: Coding) -> None:
    track = DamagedTrack(coding, damages.absurd, seed=1)
    async with Camera(track=track) as camera:
        feed = AvFeed(camera.url, no_picture_s=3.0)
        await asyncio.to_thread(feed.open)
        try:
            while await asyncio.to_thread(feed.read) is None:
                pass
            track.healthy = False
            with pytest.raises(
                SourceUnreachable, match=r"none gave a picture for 3 s: the stream claims pictures larger"
            ):
                await asyncio.to_thread(read_to_end, feed)
        finally:
            feed.close()


def claiming(kind: str, width: int, height: int) -> bytes:
    """A small picture file whose header says another size."""
    lossy = [cv2.IMWRITE_WEBP_QUALITY, 50]
    data = bytearray(cv2.imencode(f".{kind}", np.full((64, 64, 3), 90, np.uint8), lossy)[1].tobytes())
    if kind == "png":
        data[16:24] = struct.pack(">II", width, height)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    elif kind == "bmp":
        data[18:26] = struct.pack("<ii", width, -height)
    elif kind == "webp":
        data[26:30] = struct.pack("<HH", width, height)
    else:
        at = data.index(b"\xff\xc0")
        data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.usefixtures("_memory_stays")
@pytest.mark.parametrize(("kind", "side"), [("jpg", 30000), ("png", 30000), ("bmp", 30000), ("webp", 16383)])
def test_a_picture_that_claims_too_much_is_told_from_its_header_and_not_decoded(kind: str, side: int) -> None:
    assert claimed_size(claiming(kind, 64, 64)) == (64, 64)
    assert decode_image(claiming(kind, 64, 64)) is not None
    assert claimed_size(claiming(kind, side, side)) == (side, side)
    assert decode_image(claiming(kind, side, side)) is None


def test_the_largest_picture_that_is_decoded_is_no_larger_than_the_limit() -> None:
    assert is_sane(claiming("png", 8000, MOST_PIXELS // 8000))
    assert not is_sane(claiming("png", 8000, MOST_PIXELS // 8000 + 1))
    assert not is_sane(claiming("png", 0, 100))


@pytest.mark.parametrize("kind", [".jpg", ".png", ".bmp", ".webp"])
def test_damaged_picture_files_never_raise(kind: str) -> None:
    dice = random.Random(5)
    whole = cv2.imencode(kind, np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8))[1].tobytes()
    for _ in range(30):
        data = bytearray(whole[: dice.randint(0, len(whole))] if dice.random() < 0.3 else whole)
        for _ in range(dice.randint(1, 8) if data else 0):
            data[dice.randrange(min(len(data), 700))] = dice.randrange(256)
        picture = decode_image(bytes(data))
        assert picture is None or picture.shape[0] * picture.shape[1] <= MOST_PIXELS


def damaged_part(dice: random.Random) -> bytes:
    """One part of an MJPEG stream that is wrong in one of many ways."""
    body = bytearray(jpeg())
    for _ in range(dice.randint(0, 20)):
        body[dice.randrange(len(body))] = dice.randrange(256)
    content = dice.choice([bytes(body), body[: dice.randint(0, len(body))], claiming("jpg", 30000, 30000), b""])
    length = dice.choice([len(content), dice.randint(0, 2 * len(content) + 2), None, -1, 2**40])
    told = "" if length is None else f"Content-Length: {length}\r\n"
    head = dice.choice([f"--cut\r\nContent-Type: image/jpeg\r\n{told}\r\n".encode(), b"--cut\r\n\r\n", b"\r\n--"])
    return head + content + dice.choice([b"\r\n", b"", b"\n"])


@pytest.mark.usefixtures("_memory_stays")
@pytest.mark.parametrize("seed", range(3))
async def test_damaged_mjpeg_parts_are_survived_and_pictures_come_back(seed: int) -> None:
    dice = random.Random(seed)
    healthy = False
    connections = 0

    async def stream(request: web.Request) -> web.StreamResponse:
        nonlocal connections
        connections += 1
        response = web.StreamResponse(headers={"Content-Type": "multipart/x-mixed-replace;boundary=cut"})
        await response.prepare(request)
        try:
            for _ in range(40):
                body = jpeg()
                good = b"--cut\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(body), body)
                await response.write(good if healthy else damaged_part(dice))
                await asyncio.sleep(0.001)
        except ConnectionError:
            pass
        return response

    async with served(stream) as url, open_source(url, first_retry_s=0.001, read_timeout_s=0.2) as source:
        await until(lambda: connections >= 6)
        healthy = True
        seen = source.decoded
        await until(lambda: source.decoded > seen + 20 and source.state.status is SourceStatus.RUNNING)
        frame = await source.next_frame(WAIT_S)
    assert frame is not None
    assert frame.picture.shape == (96, 160, 3)


@pytest.mark.usefixtures("_memory_stays")
@pytest.mark.parametrize("kind", ["jpg", "png"])
async def test_a_camera_whose_snapshots_claim_too_much_is_named_and_comes_back(kind: str) -> None:
    healthy = False

    async def snapshot(request: web.Request) -> web.Response:
        body = jpeg() if healthy else claiming(kind, 30000, 30000)
        return web.Response(body=body, content_type="image/jpeg")

    async with served(snapshot) as url, open_source(url, poll_s=0.0, first_retry_s=0.01) as source:
        await until(lambda: source.state.status is SourceStatus.LOST)
        assert "it claims 30000 x 30000 pixels; at most 64 megapixels are decoded" in source.state.error
        assert source.corrupt >= 25
        healthy = True
        assert await source.next_frame(WAIT_S) is not None


def test_a_file_that_claims_too_much_is_refused_with_its_claim(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(claiming("png", 30000, 30000))
    with pytest.raises(ValueError, match="claims 30000 x 30000 pixels"):
        load_picture(path)
