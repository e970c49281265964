"""What cameras write into their pictures, told as places in the picture, generously."""

from __future__ import annotations

from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from mock_vms.camera.app import VirtualCamera
from mock_vms.camera.identity import User
from mock_vms.camera.overlay import write
from mock_vms.camera.quirks import Quirks as VirtualQuirks
from mock_vms.camera.settings import VirtualCameraSettings
from mock_vms.camera.state import CameraState, OsdSettings
from onvif_client.camera import Camera
from tests.fakes.camera import FakeCamera, Quirks
from tests.fakes.stage import BlankStage

NOON = datetime(2026, 5, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize("media1_only", [False, True], ids=["media2", "media1"])
async def test_texts_are_told_with_their_places_and_those_of_other_channels_are_not(media1_only: bool) -> None:
    async with (
        FakeCamera(quirks=Quirks(media1_only=media1_only)) as fake,
        Camera(fake.address, fake.user, fake.password) as camera,
    ):
        texts = {text.token: text for text in await camera.on_screen_texts("p1")}
        assert fake.asked[-1].body.findtext("{*}ConfigurationToken") == "vsc"
    assert set(texts) == {"clock", "name", "logo"}
    clock, name, logo = texts["clock"], texts["name"], texts["logo"]
    assert (clock.right, clock.top) == (1.0, 0.0)
    assert clock.left < 0.5
    assert clock.bottom < 0.15
    # -0.9 and -0.8 of ONVIF's coordinates are 5 % from the left and 10 % above the foot.
    assert name.text == "GATE 12 NORTH"
    assert name.left < 0.05 < name.right < 0.4
    assert name.top < 0.9 < name.bottom
    assert (logo.right, logo.bottom) == (1.0, 1.0)
    assert logo.polygon == ((logo.left, logo.top), (1.0, logo.top), (1.0, 1.0), (logo.left, 1.0))


async def test_a_camera_that_cannot_say_has_no_texts_and_goes_on() -> None:
    async with (
        FakeCamera(quirks=Quirks(no_osds=True)) as fake,
        Camera(fake.address, fake.user, fake.password) as camera,
    ):
        assert await camera.on_screen_texts("p1") == ()
        assert fake.count("GetOSDs") == 1


TEXTS = {
    "clock": OsdSettings(),
    "gate": OsdSettings(text="NORTH GATE 7", position="LowerRight"),
    "plate": OsdSettings(text="12-BKL-3", position="Custom", x=-0.4, y=0.3),
}


@pytest.mark.parametrize("media1_only", [False, True], ids=["media2", "media1"])
@pytest.mark.parametrize("token", TEXTS)
async def test_the_told_place_covers_what_the_virtual_camera_writes(token: str, media1_only: bool) -> None:
    settings = VirtualCameraSettings(
        users=(User(name="admin", password="secret"),), quirks=VirtualQuirks(media1_only=media1_only)
    )
    state = CameraState(osds={token: TEXTS[token]})
    async with (
        VirtualCamera(settings, state=state, stage=BlankStage()) as virtual,
        Camera(virtual.device_url, "admin", "secret") as camera,
    ):
        (told,) = await camera.on_screen_texts((await camera.profiles())[0].token)
    written = write(np.full((720, 1280), 90, np.uint8), state.osds.values(), NOON)
    x, y, width, height = cv2.boundingRect((written != 90).astype(np.uint8))
    assert width > 100
    assert told.left <= x / 1280
    assert told.right >= (x + width) / 1280
    assert told.top <= y / 720
    assert told.bottom >= (y + height) / 720
    # Generous, and not the whole picture.
    assert (told.right - told.left) * (told.bottom - told.top) < 0.12
