"""Opening and closing leaves nothing behind."""

from __future__ import annotations

import asyncio
import logging
import threading

import psutil
import pytest

from onvif_client.camera import Camera
from onvif_client.discovery import discover
from onvif_client.errors import CameraError
from tests.fakes.camera import FakeCamera


async def test_connecting_many_times_leaks_no_handles_and_no_threads():
    async with FakeCamera() as fake:

        async def once(password: str) -> None:
            try:
                async with Camera(fake.address, fake.user, password) as camera:
                    await camera.profiles()
            except CameraError:
                pass

        await once(fake.password)
        await asyncio.to_thread(lambda: None)
        handles, threads = psutil.Process().num_fds(), threading.active_count()
        for number in range(12):
            await once(fake.password if number % 2 else "wrong")
        await discover(multicast=True, timeout_s=0.05)
        # Closed sockets are given back by the loop, a turn or two later.
        async with asyncio.timeout(60):
            while psutil.Process().num_fds() > handles:
                await asyncio.sleep(0)
        # The pool that WSDLs are read in keeps a bounded number of idle threads.
        assert threading.active_count() <= threads + 2


async def test_a_cancelled_call_leaves_the_camera_usable():
    async with FakeCamera() as fake, Camera(fake.address, fake.user, fake.password) as camera:
        fake.quirks.slow["GetProfiles"] = 0.5
        call = asyncio.create_task(camera.profiles())
        while fake.count("GetProfiles") == 0:
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        fake.quirks.slow.clear()
        assert await camera.profiles()


async def test_talking_to_a_camera_leaves_the_logging_setup_alone():
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    async with FakeCamera() as fake, Camera(fake.address, fake.user, fake.password):
        assert (root.level, list(root.handlers)) == before
