"""The virtual camera, driven by ONVIF clients that nobody here wrote, each in an environment of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from mock_vms.camera.app import VirtualCamera
from mock_vms.camera.identity import MANUFACTURER, User
from mock_vms.camera.quirks import Quirks
from mock_vms.camera.settings import VirtualCameraSettings
from mock_vms.camera.state import CameraState
from tests.clients.drivers import CLIENTS, Client, Steps, check, drive
from tests.fakes.stage import BlankStage

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(240)]
PASSWORD = "right horse"


HOUR_S = 3600


@asynccontextmanager
async def open_camera(ahead_s: int) -> AsyncIterator[VirtualCamera]:
    quirks = Quirks.parse([f"clock-skew={ahead_s}"] if ahead_s else [])
    settings = VirtualCameraSettings(users=(User(name="vms", password=PASSWORD),), quirks=quirks)
    async with VirtualCamera(settings, state=CameraState(), stage=BlankStage()) as camera:
        yield camera


@pytest.mark.parametrize("ahead_s", [0, HOUR_S], ids=["right clock", "clock an hour ahead"])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
async def test_a_foreign_client_works_with_the_virtual_camera(client: Client, ahead_s: int) -> None:
    started = datetime.now(UTC)
    async with open_camera(ahead_s) as camera:

        async def switch_relay() -> None:
            assert len(camera.pull_points) == 1
            if client.name == "node":  # it has no call for relays
                camera.state.set_relay("gate", True)

        steps: Steps = await drive(
            client,
            "camera",
            camera.http_port,
            "vms",
            PASSWORD,
            digest=bool(ahead_s) and not client.corrects_clock,
            on_subscribed=switch_relay,
        )
        assert len(camera.pull_points) == 0, "the client let go of its pull point and it is still there"
        assert steps["stream"]["uri"] == camera.stream_url("encoder_main")
    check(client, steps, manufacturer=MANUFACTURER, profiles=2, ahead_s=ahead_s)
    imaging = {name: float(value) for name, value in steps["imaging"].items() if name != "step"}
    assert imaging == {"sharpness": 7, "exposure": 1500, "maximum": 100}
    assert (camera.state.imaging.sharpness, camera.state.imaging.exposure_time_us) == (7, 1500)
    assert "LogicalState" in steps["event"]["content"]
    assert any(pulse.active and pulse.at >= started for pulse in camera.state.pulses)
