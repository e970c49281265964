"""The console script as a process: what it prints, what can then be reached, how it ends, what it refuses."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator

import aiohttp
import av
import pytest
from typer.testing import CliRunner

from mock_vms.camera.cli import app
from mock_vms.camera.quirks import QUIRKS

ARGUMENTS = ("--no-multicast", "--password", "secret", "--autoplay", "0", "--name", "Test gate")


@contextlib.asynccontextmanager
async def started(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mock_vms.camera.cli",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_started_camera_says_where_it_is_and_ends_on_sigterm() -> None:
    async with started(*ARGUMENTS) as process:
        assert process.stdout is not None
        told = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        assert told["name"] == "Test gate"
        assert "password" not in told, "a password that was given is not repeated"
        root = told["device"].removesuffix("/device_service")
        digest = aiohttp.DigestAuthMiddleware("admin", "secret")
        async with aiohttp.ClientSession(middlewares=(digest,)) as session:
            async with session.get(f"{root}/snapshot/profile_main") as response:
                assert response.status == 200
                assert (await response.read()).startswith(b"\xff\xd8")
            async with session.post(f"{told['control']}/vehicles", json={"plate": "AB-12-CD"}) as response:
                assert response.status == 202, await response.text()
        size = await asyncio.to_thread(_first_frame_size, told["rtsp"].replace("rtsp://", "rtsp://admin:secret@"))
        assert size == (1280, 720)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_stream_is_closed_to_a_wrong_password() -> None:
    async with started(*ARGUMENTS) as process:
        assert process.stdout is not None
        told = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        with pytest.raises(av.error.HTTPUnauthorizedError):
            await asyncio.to_thread(_first_frame_size, told["rtsp"].replace("rtsp://", "rtsp://admin:wrong@"))


async def test_a_port_that_is_taken_is_told_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        async with started(*ARGUMENTS, "--http-port", port) as process:
            _, errors = await asyncio.wait_for(process.communicate(), 30)
            assert process.returncode == 1
            assert "cannot listen" in errors.decode()
            assert "0 for a free one" in errors.decode()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--quirk", "no-such"), "there is no quirk 'no-such'"),
        (("--quirk", "clock-skew"), "--quirk clock-skew=SECONDS"),
        (("--quirk", "digest-only", "--quirk", "wsse-only"), "choose one"),
        (("--photos", "a", "--video", "b"), "alternatives"),
        (("--photos", "/nowhere/at/all"), "/nowhere/at/all"),
        (("--countries", "ATLANTIS"), "ATLANTIS"),
    ],
)
def test_a_wrong_argument_is_refused_with_its_name(arguments: tuple[str, ...], words: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_the_quirks_can_be_listed() -> None:
    result = CliRunner().invoke(app, ["--list-quirks"])
    assert result.exit_code == 0
    assert all(quirk.usage in result.stdout for quirk in QUIRKS)


def _first_frame_size(url: str) -> tuple[int, int]:
    with av.open(url, options={"rtsp_transport": "tcp", "analyzeduration": "200000"}, timeout=10) as container:
        frame = next(container.decode(video=0))
        return frame.width, frame.height
