"""Services and picture together: what is set over SOAP is what comes out of the stream, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import aiohttp
import av
import pytest

from mock_vms.camera.app import VirtualCamera, open_camera
from mock_vms.camera.scene import StreetScene
from mock_vms.camera.settings import VirtualCameraSettings
from mock_vms.camera.sources import PlayMode
from tests.mock_vms.camera.soap_client import USERS, SoapClient

CONFIGURATION = """<tr2:SetVideoEncoderConfiguration><tr2:Configuration token="encoder_main">
<tt:Encoding>JPEG</tt:Encoding><tt:Resolution><tt:Width>640</tt:Width><tt:Height>360</tt:Height></tt:Resolution>
<tt:Quality>80</tt:Quality></tr2:Configuration></tr2:SetVideoEncoderConfiguration>"""


def street() -> StreetScene:
    return StreetScene(countries=["NL"], mode=PlayMode.ON_DEMAND, seed=1)


def settings(**changes: object) -> VirtualCameraSettings:
    return VirtualCameraSettings(users=USERS, **changes)


async def test_codec_and_size_that_are_set_come_out_of_the_stream() -> None:
    async with open_camera(settings(), source=street()) as camera, aiohttp.ClientSession() as session:
        client = SoapClient(camera, session)
        assert await _stream(camera) == ("h264", 1280, 720)
        assert (await client.call(CONFIGURATION)).status == 200
        assert await _stream(camera) == ("mjpeg", 640, 360)


async def test_a_vehicle_that_is_asked_for_is_among_the_passages() -> None:
    async with open_camera(settings(relays=("gate", "light")), source=street()) as camera:
        async with aiohttp.ClientSession() as session:
            body = {"plate": "AB-12-CD", "country": "NL"}
            response = await session.post(f"{camera.control_url}/vehicles", json=body)
            assert response.status == 202, await response.text()
            wrong = await session.post(f"{camera.control_url}/vehicles", json={"country": "ATLANTIS"})
            assert wrong.status == 422
        assert set(camera.state.relays) == {"gate", "light"}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to count file handles")
async def test_opening_and_closing_leaves_no_threads_handles_or_listeners() -> None:
    counts = []
    for _ in range(3):
        async with open_camera(settings(discovery_port=0), source=street()) as camera:
            await _stream(camera)
            state = camera.state
        assert state.listeners == []
        counts.append((threading.active_count(), len(os.listdir("/proc/self/fd"))))  # noqa: PTH208  # /proc is no folder
    assert counts[-1] == counts[1], counts


async def test_closing_does_not_wait_for_a_client_that_pulls() -> None:
    async with aiohttp.ClientSession() as session:
        loop = asyncio.get_running_loop()
        async with open_camera(settings(), source=street()) as camera:
            client = SoapClient(camera, session)
            address = await client.subscribe()
            await client.pull(address)
            pull = asyncio.create_task(client.pull(address, timeout="PT60S"))
            (point,) = camera.pull_points
            async with asyncio.timeout(60):
                while not point.pulling:
                    await asyncio.sleep(0)
            closing = loop.time()
        assert loop.time() - closing < 5
        await asyncio.gather(pull, return_exceptions=True)


async def _stream(camera: VirtualCamera) -> tuple[str, int, int]:
    """Codec and size of the main stream, as FFmpeg sees them."""
    url = camera.stream_url("encoder_main").replace("rtsp://", "rtsp://admin:secret@")

    def look() -> tuple[str, int, int]:
        with av.open(url, options={"rtsp_transport": "tcp", "analyzeduration": "200000"}, timeout=10) as container:
            frame = next(container.decode(video=0))
            return container.streams.video[0].codec_context.name, frame.width, frame.height

    return await asyncio.to_thread(look)
