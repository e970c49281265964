"""Corrupt packets through live sessions, and pictures that claim gigapixels: the process survives and recovers."""

from __future__ import annotations

import asyncio
import random
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from aiohttp import web

from events.metadata.rtp import AccessUnit, h264_payloads, split_annex_b
from inference.av_feed import AvFeed
from inference.errors import SourceUnsupported
from inference.feeds import decode_image
from inference.image_size import MOST_PIXELS, claimed_size, is_sane
from inference.read import load_picture
from inference.source import SourceStatus, open_source
from tests.inference.test_rtsp_source import Camera, CameraTrack, until
from tests.inference.test_source import jpeg, served, write_video

WAIT_S = 60.0
# No test here may take more than this, whatever a header claims: a picture of MOST_PIXELS takes 200 MB.
MOST_GROWTH_BYTES = 400 * 2**20

Damage = Callable[[random.Random, list[bytes]], list[bytes]]


def golomb(value: int) -> str:
    bits = f"{value + 1:b}"
    return "0" * (len(bits) - 1) + bits


def huge_sequence_header(blocks: int = 1000) -> bytes:
    """An H.264 sequence parameter set that claims blocks x blocks of 16 x 16 pixels: 16000 x 16000."""
    bits = f"{66:08b}{0:08b}{62:08b}" + "".join(map(golomb, (0, 0, 2, 1))) + "0"
    bits += golomb(blocks - 1) + golomb(blocks - 1) + "10001"
    bits += "0" * (-len(bits) % 8)
    raw = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    return b"\x67" + raw.replace(b"\0\0\0", b"\0\0\3\0")


def flipped(dice: random.Random, units: list[bytes]) -> list[bytes]:
    """Some bytes of each unit are others."""
    damaged = []
    for unit in units:
        data = bytearray(unit)
        for _ in range(dice.randint(1, 1 + len(data) // 20)):
            data[dice.randrange(1, len(data))] = dice.randrange(256)
        damaged.append(bytes(data))
    return damaged


def cut(dice: random.Random, units: list[bytes]) -> list[bytes]:
    return [unit[: dice.randint(1, len(unit))] for unit in units]


def noise(dice: random.Random, units: list[bytes]) -> list[bytes]:
    """Units of every type with nothing sensible in them."""
    return [bytes([0x60 | dice.randrange(1, 24)]) + dice.randbytes(dice.randint(1, 3000)) for _ in range(3)]


def mixed_up(dice: random.Random, units: list[bytes]) -> list[bytes]:
    """Parameter sets swapped for slices, units twice and in another order."""
    chosen = dice.choices(units, k=len(units) + 2)
    return [bytes([unit[0] & 0xE0 | dice.choice((1, 5, 6, 7, 8, 9))]) + unit[1:] for unit in chosen]


def huge(dice: random.Random, units: list[bytes]) -> list[bytes]:
    """In mid-stream the picture is said to have 256 megapixels."""
    return [huge_sequence_header(), *(unit for unit in units if unit[0] & 0x1F != 7)]


class DamagedTrack(CameraTrack):
    """Sends its pictures damaged while the test wants it, as fast as they are made."""

    def __init__(self, damage: Damage, seed: int) -> None:
        super().__init__(lambda: datetime.now(UTC))
        self._damage = damage
        self._dice = random.Random(seed)
        self.healthy = True
        self.damaged = 0

    async def film(self) -> None:
        while True:
            units, key = self._encode()
            if not self.healthy:
                units = self._damage(self._dice, units)
                self.damaged += 1
            for sink in list(self._sinks):
                sink.put(AccessUnit(payloads=h264_payloads(units), captured_at=self._taken_at(), key=key))
            await asyncio.sleep(0.004)


@pytest.fixture
def _memory_stays() -> Iterator[None]:
    before = psutil.Process().memory_info().rss
    yield
    assert psutil.Process().memory_info().rss - before < MOST_GROWTH_BYTES


@pytest.mark.usefixtures("_memory_stays")
@pytest.mark.parametrize("damage", [flipped, cut, noise, mixed_up, huge])
async def test_corrupt_h264_through_a_live_session_is_survived_and_pictures_come_back(damage: Damage) -> None:
    track = DamagedTrack(damage, seed=3)
    async with Camera(track=track) as camera, open_source(camera.url, first_retry_s=0.01) as source:
        assert await source.next_frame(WAIT_S) is not None
        track.healthy = False
        await until(lambda: track.damaged >= 120)
        track.healthy = True
        seen = source.decoded
        await until(lambda: source.decoded > seen + 40 and source.state.status is SourceStatus.RUNNING)
        frame = await source.next_frame(WAIT_S)
        assert frame is not None
        # The picture is a flat grey again, so nothing of the damage is left in it.
        assert frame.picture.shape == (192, 320, 3)
        assert np.ptp(frame.picture) < 12
        assert [one.name for one in threading.enumerate() if one.name.startswith("decode")] == [f"decode {source.name}"]


@pytest.mark.usefixtures("_memory_stays")
def test_a_stream_that_claims_gigapixels_is_refused_before_it_takes_memory(tmp_path: Path) -> None:
    units = split_annex_b(write_video(tmp_path / "a.h264", count=3).read_bytes())
    path = tmp_path / "huge.h264"
    path.write_bytes(b"".join(b"\0\0\0\1" + (huge_sequence_header() if unit[0] & 31 == 7 else unit) for unit in units))
    with pytest.raises(SourceUnsupported, match="16000 x 16000, larger than any camera's"):
        AvFeed(str(path)).open()


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


async def test_a_camera_whose_snapshots_claim_too_much_is_named_and_comes_back() -> None:
    healthy = False

    async def snapshot(request: web.Request) -> web.Response:
        body = jpeg() if healthy else claiming("jpg", 30000, 30000)
        return web.Response(body=body, content_type="image/jpeg")

    async with served(snapshot) as url, open_source(url, poll_s=0.0, first_retry_s=0.01) as source:
        await until(lambda: source.state.status is SourceStatus.LOST)
        assert "could not be decoded" in source.state.error
        assert source.corrupt >= 25
        healthy = True
        assert await source.next_frame(WAIT_S) is not None


def test_a_file_that_claims_too_much_is_refused_with_its_claim(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(claiming("png", 30000, 30000))
    with pytest.raises(ValueError, match="claims 30000 x 30000 pixels"):
        load_picture(path)
