"""An ONVIF camera without a usable stream is watched by its snapshots, and by its stream when that is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from adapter.api.ports import CameraState as State
from adapter.lpr_camera import LprCamera
from adapter.picture_address import PictureAddress, PictureChoice
from adapter.picture_care import look_after
from adapter.store.cameras import CameraRecord
from adapter.workers.hub import Hub
from inference.recognition import Recognition, RecognitionSettings
from inference.source import open_source
from inference.types import Box, Picture
from mock_vms.camera.app import VirtualCamera
from mock_vms.camera.identity import User
from mock_vms.camera.quirks import Quirks
from mock_vms.camera.settings import VirtualCameraSettings
from mock_vms.camera.state import CameraState, OsdSettings
from onvif_client.camera import Camera
from onvif_client.errors import CameraUnreachable
from tests.fakes.camera import FakeCamera
from tests.fakes.stage import BlankStage
from tests.fakes.waiting import WAIT_S, until
from tests.inference.test_rtsp_source import Camera as RtspCamera
from tests.inference.test_source import jpeg, served


class ReadsNothing:
    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        return Recognition()


class NobodyIsTold:
    async def system(self, event: object) -> None:
        """The camera is lost at first; nobody minds here."""


@asynccontextmanager
async def watched(ahead: timedelta = timedelta(0), **quirks: bool) -> AsyncIterator[LprCamera]:
    """A running camera whose own clock is ahead, so that it waits for nothing."""
    settings = VirtualCameraSettings(users=(User(name="admin", password="secret"),), quirks=Quirks(**quirks))
    state = CameraState(osds={"clock": OsdSettings(position="UpperRight")})
    async with VirtualCamera(settings, state=state, stage=BlankStage()) as virtual:
        with ThreadPoolExecutor(1) as executor:
            camera = LprCamera(
                hub=Hub(),
                record=CameraRecord(
                    camera_id="north",
                    name="North",
                    address=virtual.device_url,
                    user="admin",
                    password="secret",
                    created_at=datetime.now(UTC),
                    recognition={"rotation": 90},
                ),
                recognizer=ReadsNothing(),
                executor=executor,
                pipeline=NobodyIsTold(),
                lost_after=timedelta(seconds=10),
                clock=lambda: datetime.now(UTC) + ahead,
            )
            task = asyncio.create_task(camera.run(), name="camera")
            try:
                yield camera
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


async def test_a_camera_without_a_stream_is_polled_for_snapshots_and_its_texts_are_masked() -> None:
    async with watched(no_stream=True) as camera:
        await until(lambda: camera.last_frame is not None)
        assert camera.last_frame.picture.shape == (128, 72, 3)
        await until(lambda: camera.health.state is State.RUNNING and camera.detail == "")
        assert "Snapshots are polled instead of the stream" in camera.health.detail
        (mask,) = camera.watch.settings.recognition.masks
        assert camera.watch.settings.masks == (mask,)
        # The clock is upper right in the camera's picture, so lower right in the picture that is turned clockwise.
        assert min(x for x, _ in mask) > 0.8
        assert max(y for _, y in mask) == 1.0


async def test_a_camera_whose_stream_is_dead_falls_back_to_snapshots() -> None:
    async with watched(ahead=timedelta(minutes=1), dead_stream=True) as camera:
        await until(lambda: camera.last_frame is not None)
        await until(lambda: "Snapshots are polled instead of the stream" in camera.health.detail)


async def test_snapshots_end_when_the_stream_is_back() -> None:
    async def snapshot(request: web.Request) -> web.Response:
        return web.Response(body=jpeg(), content_type="image/jpeg")

    choice = PictureChoice(clock=lambda: datetime.now(UTC), first_try_again=timedelta(milliseconds=10))
    async with RtspCamera() as rtsp, served(snapshot) as url, open_source(url) as source, asyncio.timeout(WAIT_S):
        pictures = PictureAddress(url=url, is_snapshots=True, stream=rtsp.url)
        assert await source.next_frame(WAIT_S) is not None
        await look_after(
            source,
            pictures,
            choice,
            open_source=open_source,
            on_error=lambda error: None,
            clock=lambda: datetime.now(UTC),
        )
        assert choice.note == ""


async def test_a_refused_login_is_not_asked_for_again_by_asking_the_camera_anew() -> None:
    """Each new source would be a login more, and common firmware locks the account."""
    asked = 0

    async def refuses(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="camera"'})

    later = datetime.now(UTC) + timedelta(minutes=5)
    choice = PictureChoice(clock=lambda: later)
    async with FakeCamera() as fake, Camera(fake.address, fake.user, fake.password) as camera:
        fake.quirks.answers["GetSnapshotUri"] = fake.not_supported
        assert choice.gives_up(since=datetime.now(UTC), ever_came=False, refused=False, error="silent")
        assert not (await choice.choose(camera, "p1")).is_snapshots
    async with served(refuses) as url, open_source(url, username="op", password="wrong") as source:
        pictures = PictureAddress(url=url)
        arguments = {"open_source": open_source, "on_error": lambda error: None, "clock": lambda: later}
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.5):
                await look_after(source, pictures, choice, **arguments)
        assert source.state.refused
        assert asked == 2
    async with open_source("rtsp://127.0.0.1:9/none", first_retry_s=0.01) as source:
        with pytest.raises(CameraUnreachable, match="stays away"):
            async with asyncio.timeout(WAIT_S):
                await look_after(source, pictures, choice, **arguments)
