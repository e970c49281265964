"""Where pictures come from: addresses told apart, and the stream or the snapshots of an ONVIF camera."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from adapter.picture_address import PictureChoice, is_onvif_address, poll_s
from mock_vms.camera.app import VirtualCamera
from mock_vms.camera.identity import User
from mock_vms.camera.quirks import Quirks
from mock_vms.camera.settings import VirtualCameraSettings
from mock_vms.camera.state import CameraState
from onvif_client.camera import Camera
from onvif_client.errors import CameraUnsupported
from tests.fakes.camera import FakeCamera
from tests.fakes.stage import BlankStage

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "is_device"),
    [
        ("http://192.0.2.7", True),
        ("https://192.0.2.7:8443/", True),
        ("http://192.0.2.7/onvif/device_service", True),
        ("http://192.0.2.7:8899/onvif/devices", True),
        ("http://192.0.2.7/cam/ONVIF/device_service/", True),
        ("http://192.0.2.7/onvif-http/snapshot?Profile_1", False),
        ("http://192.0.2.7/onvif/snapshot.jpg", False),
        ("http://192.0.2.7/onvif/snapshot/profile_main", False),
        ("http://192.0.2.7/onvif/media_service/snapshot?channel=1&subtype=0", False),
        ("http://192.0.2.7/onvifsnapshot/media_service/snapshot?channel=1", False),
        ("http://192.0.2.7/cgi-bin/mjpg/video.cgi", False),
        ("http://192.0.2.7/image", False),
        ("rtsp://192.0.2.7/onvif/profile1", False),
        ("/var/lib/onvif/clip.mp4", False),
    ],
)
def test_a_device_is_told_from_pictures_by_its_address(address: str, is_device: bool) -> None:
    assert is_onvif_address(address) is is_device


@pytest.mark.parametrize(("max_fps", "every_s"), [(4.0, 0.2), (8.0, 0.1), (0.1, 2.0), (None, 0.25)])
def test_snapshots_are_polled_a_little_faster_than_pictures_are_analysed(max_fps: float | None, every_s: float) -> None:
    assert poll_s(max_fps) == pytest.approx(every_s)


@asynccontextmanager
async def connected(**quirks: bool) -> AsyncIterator[tuple[VirtualCamera, Camera, str]]:
    settings = VirtualCameraSettings(users=(User(name="admin", password="secret"),), quirks=Quirks(**quirks))
    async with (
        VirtualCamera(settings, state=CameraState(), stage=BlankStage()) as virtual,
        Camera(virtual.device_url, "admin", "secret") as camera,
    ):
        yield virtual, camera, (await camera.profiles())[0].token


@pytest.mark.parametrize("media1_only", [False, True], ids=["media2", "media1"])
async def test_a_camera_without_a_stream_gives_its_snapshots_and_the_reason_is_told(media1_only: bool) -> None:
    async with connected(no_stream=True, media1_only=media1_only) as (virtual, camera, token):
        choice = PictureChoice(clock=lambda: NOON)
        for _ in range(2):
            pictures = await choice.choose(camera, token)
            assert pictures.url == f"http://127.0.0.1:{virtual.http_port}/onvif/snapshot/{token}"
            assert (pictures.is_snapshots, pictures.stream) == (True, None)
            assert choice.note.count("Snapshots are polled") == 1
            assert "There is no RTSP server here" in choice.note


async def test_a_stream_that_never_comes_is_left_for_snapshots_after_a_while_and_not_before() -> None:
    now = [NOON]
    async with connected(dead_stream=True) as (_, camera, token):
        choice = PictureChoice(clock=lambda: now[0])
        stream = await choice.choose(camera, token)
        assert stream.url.startswith("rtsp://127.0.0.1:9/")
        lost = {"since": NOON, "error": "nobody answers"}
        now[0] += timedelta(seconds=15)
        assert not choice.gives_up(ever_came=False, refused=False, **lost)
        now[0] += timedelta(seconds=15)
        assert not choice.gives_up(ever_came=True, refused=False, **lost)
        assert (await choice.choose(camera, token)).url == stream.url
        assert choice.gives_up(ever_came=False, refused=False, **lost)
        pictures = await choice.choose(camera, token)
        assert (pictures.is_snapshots, pictures.stream) == (True, stream.url)
        assert choice.note == "Snapshots are polled instead of the stream: nobody answers"
        assert [choice.try_again_after().total_seconds() / 60 for _ in range(6)] == [1, 2, 4, 8, 15, 15]
        choice.is_back()
        assert (await choice.choose(camera, token)).url == stream.url
        assert choice.note == ""


async def test_a_refused_stream_is_left_at_once_and_its_login_not_tried_soon() -> None:
    choice = PictureChoice(clock=lambda: NOON)
    assert choice.gives_up(since=NOON, ever_came=False, refused=True, error="the camera refused the login")
    assert choice.try_again_after() >= timedelta(minutes=40)
    assert choice.try_again_after() >= timedelta(minutes=40)


async def test_a_camera_without_snapshots_keeps_its_stream_and_one_without_both_says_so() -> None:
    async with FakeCamera() as fake, Camera(fake.address, fake.user, fake.password) as camera:
        fake.quirks.answers["GetSnapshotUri"] = fake.not_supported
        choice = PictureChoice(clock=lambda: NOON)
        assert choice.gives_up(since=NOON - timedelta(minutes=1), ever_came=False, refused=False, error="silent")
        pictures = await choice.choose(camera, "p1")
        assert (pictures.is_snapshots, pictures.url.startswith("rtsp://")) == (False, True)
        assert not choice.gives_up(since=NOON - timedelta(minutes=1), ever_came=False, refused=True, error="refused")
        fake.quirks.answers["GetStreamUri"] = fake.not_supported
        with pytest.raises(CameraUnsupported, match="GetStreamUri"):
            await choice.choose(camera, "p1")
