"""The virtual camera, driven by ONVIF clients that nobody here wrote, each in an environment of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from mock_vms.camera.app import VirtualCamera
from mock_vms.camera.identity import User
from mock_vms.camera.quirks import Quirks
from mock_vms.camera.settings import VirtualCameraSettings
from mock_vms.camera.state import CameraState
from tests.clients.drivers import CLIENTS, Client, Steps, drive
from tests.fakes.stage import BlankStage

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(240)]
PASSWORD = "right horse"


async def open_camera(quirks: Quirks) -> VirtualCamera:
    settings = VirtualCameraSettings(users=(User(name="vms", password=PASSWORD),), quirks=quirks)
    return VirtualCamera(settings, state=CameraState(), stage=BlankStage())


@pytest.fixture(params=["", "clock-skew=3600"], ids=["right clock", "clock an hour ahead"])
async def camera(request: pytest.FixtureRequest) -> AsyncIterator[VirtualCamera]:
    async with await open_camera(Quirks.parse([request.param] if request.param else [])) as camera:
        camera.skewed = bool(request.param)  # type: ignore[attr-defined]  # read by the test below
        yield camera


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
async def test_a_foreign_client_works_with_the_virtual_camera(camera: VirtualCamera, client: Client) -> None:
    started = datetime.now(UTC)
    digest = camera.skewed and not client.corrects_clock  # type: ignore[attr-defined]  # set by the fixture

    async def switch_relay() -> None:
        if client.name == "node":
            camera.state.set_relay("gate", True)

    steps: Steps = await drive(
        client, "camera", camera.http_port, "vms", PASSWORD, digest=digest, on_subscribed=switch_relay
    )
    assert steps["profiles"]["tokens"]
    assert steps["stream"]["uri"].startswith("rtsp://127.0.0.1")
    assert (float(steps["imaging"]["sharpness"]), float(steps["imaging"]["exposure"])) == (7, 1500)
    assert camera.state.imaging.exposure_time_us == 1500
    assert "LogicalState" in steps["event"]["content"]
    assert any(pulse.active and pulse.at >= started for pulse in camera.state.pulses)
    assert steps["renew"]["seconds"] >= 60
    assert "unsubscribe" in steps
    assert steps["wrong_password"]["refused"] is True
