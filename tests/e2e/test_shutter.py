"""One setting makes the difference: the same vehicle, too fast for 1/25 s, is read once the shutter is the planned one.

Everything is real but the street: the camera is on the network, settings travel over ONVIF, pictures over RTSP, and the
service's own recogniser and tracker decide what was read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adapter.service import running
from adapter.settings import Settings
from inference.recognizer import Recognition, RecognitionSettings, open_recognizer
from inference.types import Box, Picture
from mock_vms.camera.app import VirtualCamera, open_camera
from mock_vms.camera.identity import User
from mock_vms.camera.ports import VehicleRequest
from mock_vms.camera.scene import StreetScene
from mock_vms.camera.settings import VirtualCameraSettings
from mock_vms.camera.sources import PlayMode
from mock_vms.demo.rest import Rest
from onvif_client.advice import shutter_limit_s
from onvif_client.camera import Camera
from onvif_client.types import ImagingSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

PASSWORD = "camera password"
SPEED_KMH = 50
PLATE = "TK821P"
VEHICLE = VehicleRequest(plate=PLATE, country="NL", speed_kmh=SPEED_KMH)
A_25TH_US = 40_000.0
# A busy machine draws fewer frames of a passage; one vehicle of these must be read, and none while it is a blur.
PASSES = 2


class Counted:
    """The real recogniser, and how often something that might be a plate was in the picture."""

    def __init__(self, settings: Settings) -> None:
        self.finds = 0
        self._recognizer = open_recognizer(settings.pack, device=settings.device, threads=1)

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        found = self._recognizer.recognize(picture, settings, region=region)
        self.finds += bool(found.readings or found.rejections)
        return found


@asynccontextmanager
async def service_with_camera(folder: Path) -> AsyncIterator[tuple[Rest, str, VirtualCamera, Counted]]:
    """The whole service and one virtual camera, added and seen."""
    # Our own reader was taught smeared plates and reads this one even so; it is the picture that is tested here.
    settings = Settings(
        pack="ppocr", data_dir=folder, host="127.0.0.1", http_port=0, onvif_port=0, rtsp_port=0, discovery=False
    )
    recognizer = await asyncio.to_thread(Counted, settings)
    street = StreetScene(countries=["NL"], mode=PlayMode.ON_DEMAND, seed=7)
    users = (User(name="admin", password=PASSWORD),)
    async with (
        open_camera(VirtualCameraSettings(users=users), source=street) as camera,
        running(settings, recognizer) as service,
        Rest(f"{service.console_url}/api/v1", service.local_token) as api,
    ):
        body = {"name": "Street", "address": camera.device_url, "user": "admin", "password": PASSWORD}
        camera_id = (await api.post("/cameras", {**body, "modules": ["NL"]}))["camera_id"]
        await until(lambda: camera_runs(api))
        yield api, camera_id, camera, recognizer


async def until(condition: Callable[[], Awaitable[Any]], timeout_s: float = 30.0) -> Any:
    async with asyncio.timeout(timeout_s):
        while not (answer := await condition()):
            await asyncio.sleep(0.1)
        return answer


async def camera_runs(api: Rest) -> bool:
    return bool((await api.get("/status"))["cameras"][0]["state"] == "running")


async def plates_read(api: Rest) -> list[str]:
    events = await api.get("/events", kind="PlateRecognized")
    return [entry["event"]["plate"]["plate_number"] for entry in events]


async def drive_by(camera: VirtualCamera) -> None:
    """Returns when the vehicle has left the picture."""
    number = await camera.stage.drive(VEHICLE)

    async def left() -> bool:
        return any(passage.number == number and passage.left_at for passage in camera.stage.passages())

    await until(left)


async def set_shutter(camera: VirtualCamera, longest_us: float) -> None:
    """As an integrator with any ONVIF tool would: the ceiling of the automatic exposure, and nothing else."""
    async with Camera(camera.device_url, "admin", PASSWORD) as client:
        source = client.choose_profile(await client.profiles()).video_source_token
        assert source is not None
        (report,) = await client.apply_imaging(source, ImagingSettings(max_exposure_time_us=longest_us))
        assert report.ok, report
        assert (await client.imaging(source)).max_exposure_time_us == longest_us


@pytest.mark.requirement("M-112")
async def test_a_plate_at_50_kmh_is_a_blur_at_a_25th_and_read_at_the_planned_shutter(tmp_path: Path) -> None:
    async with service_with_camera(tmp_path) as (api, camera_id, camera, recognizer):
        # All that the plan knows of is set first, so that afterwards the shutter alone differs.
        tune = {"max_speed_kmh": SPEED_KMH, "apply": True}
        first = await api.post(f"/cameras/{camera_id}/tune", tune)
        assert all(row["ok"] for row in first["applied"]), first
        planned = camera.state.imaging

        await set_shutter(camera, A_25TH_US)
        recognizer.finds = 0
        for _ in range(PASSES):
            await drive_by(camera)
        assert recognizer.finds, "the vehicle was not even looked at"
        assert PLATE not in await plates_read(api)

        again = await api.post(f"/cameras/{camera_id}/tune", tune)
        (change,) = again["changes"]
        assert (change["field"], change["current"], change["desired"]) == ("max_exposure_time_us", "40000", "1818")
        (report,) = again["applied"]
        assert (report["got"], report["ok"]) == ("1818", True)
        assert float(report["got"]) <= shutter_limit_s(SPEED_KMH) * 1e6
        assert camera.state.imaging == planned

        for _ in range(PASSES):
            await drive_by(camera)
            if PLATE in await plates_read(api):
                break
        assert PLATE in await until(lambda: plates_read(api))
