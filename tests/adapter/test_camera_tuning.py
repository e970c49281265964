"""A tuning is put back: by the API and the command line, on a virtual camera, also one that takes only half of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapter.cli import app
from adapter.service import running
from inference.modules import MODULES_DIR
from mock_vms.camera.app import VirtualCamera
from mock_vms.camera.quirks import Quirks
from mock_vms.camera.settings import VirtualCameraSettings
from mock_vms.camera.state import CameraState, ExposureMode
from mock_vms.demo.rest import Rest, RestFailed
from tests.adapter.test_service import OnePlate, rest, settings
from tests.mock_vms.camera.soap_client import USERS
from tests.mock_vms.camera.still_stage import StillStage


@asynccontextmanager
async def still_camera(
    quirks: Quirks | None = None, *, state: CameraState | None = None, http_port: int = 0
) -> AsyncIterator[VirtualCamera]:
    chosen = VirtualCameraSettings(users=USERS, quirks=quirks or Quirks(), http_port=http_port)
    async with VirtualCamera(chosen, state=state or CameraState(name="Gate"), stage=StillStage()) as camera:
        yield camera


async def add(api: Rest, camera: VirtualCamera, **more: object) -> str:
    body = {"name": "Gate", "address": camera.device_url, "user": "admin", "password": "secret", **more}
    return str((await api.post("/cameras", body))["camera_id"])


@pytest.mark.parametrize("quirks", [Quirks(), Quirks(media1_only=True)], ids=["media2", "media1"])
async def test_a_camera_is_put_back_as_it_was_before_its_first_tuning(tmp_path: Path, quirks: Quirks) -> None:
    async with still_camera(quirks) as camera:
        imaging, encoders = camera.state.imaging, dict(camera.state.encoders)
        async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
            one = f"/cameras/{await add(api, camera, max_speed_kmh=20)}"
            for speed in (50, 90):  # the second must not take the first one's work for the camera's own
                await api.post(f"{one}/tune", {"max_speed_kmh": speed, "apply": True})
            assert camera.state.imaging != imaging
            assert camera.state.encoders != encoders
        # The state before outlives the process.
        async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
            answer = await api.post(f"{one}/tune/rollback")
            assert answer["complete"] is True
            assert camera.state.imaging == imaging
            assert camera.state.encoders == encoders
            assert (await api.get(one))["max_speed_kmh"] == 20
            with pytest.raises(RestFailed, match=r"HTTP 409: Gate was not tuned from here"):
                await api.post(f"{one}/tune/rollback")
            await api.post(f"{one}/tune", {"max_speed_kmh": 50, "apply": True})
            assert (await api.post(f"{one}/tune/rollback"))["complete"] is True


async def test_half_a_rollback_is_told_and_can_be_tried_again(tmp_path: Path) -> None:
    """The camera comes back with a firmware that answers OK to a change of sharpness and ignores it."""
    stubborn = Quirks(ignore_fields=frozenset({"Sharpness"}))
    state = CameraState(name="Gate")
    before = state.imaging
    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
        async with still_camera(state=state) as camera:
            one, port = f"/cameras/{await add(api, camera)}", camera.http_port
            await api.post(f"{one}/tune", {"max_speed_kmh": 50, "apply": True})
        assert state.imaging.sharpness != before.sharpness
        async with still_camera(stubborn, state=state, http_port=port):
            answer = await api.post(f"{one}/tune/rollback")
        assert answer["complete"] is False
        assert [row["field"] for row in answer["applied"] if not row["ok"]] == ["sharpness"]
        async with still_camera(state=state, http_port=port):
            assert (await api.post(f"{one}/tune/rollback"))["complete"] is True
        assert state.imaging == before


async def test_the_plan_alone_keeps_nothing_to_put_back(tmp_path: Path) -> None:
    async with still_camera() as camera, running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
        one = f"/cameras/{await add(api, camera)}"
        assert (await api.post(f"{one}/tune", {"max_speed_kmh": 50}))["applied"] == []
        with pytest.raises(RestFailed, match="nothing to put back"):
            await api.post(f"{one}/tune/rollback")


@pytest.mark.requirement("M-078")
async def test_the_command_line_tunes_and_puts_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with still_camera() as camera, running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
        monkeypatch.setenv("ONVIF_LPR_HTTP_PORT", service.console_url.rpartition(":")[2])
        await add(api, camera)
        camera.state.change_imaging(exposure_mode=ExposureMode.MANUAL, exposure_time_us=18_180.0, iris_db=25.0)
        before = camera.state.imaging

        async def tune(*arguments: str) -> tuple[int, str]:
            line = ["--data-dir", str(tmp_path), "camera", "tune", "Gate", *arguments]
            done = await asyncio.to_thread(CliRunner(env={"COLUMNS": "400"}).invoke, app, line)
            return done.exit_code, " ".join(done.output.split())

        for wrong in ((), ("--rollback", "--max-speed", "50"), ("--rollback", "--apply")):
            code, said = await tune(*wrong)
            assert (code, "give either --max-speed" in said) == (1, True)
        code, said = await tune("--max-speed", "50", "--area-width", "170", "--apply")
        assert (code, "width_px" in said) == (0, True)
        for told in (
            "iris │ 25 dB",
            "0 dB is fully open",
            "f-number",
            "depth of field",
            "check: Mount the camera",
        ):
            assert told in said, told
        assert (camera.state.imaging.iris_db, camera.state.imaging.gain_db) == (5.0, 0.0)
        assert camera.state.imaging != before
        code, said = await tune("--rollback")
        assert (code, "put back to" in said) == (0, True)
        assert camera.state.imaging == before
        code, said = await tune("--rollback")
        assert (code, "nothing to put back" in said) == (1, True)


@pytest.mark.requirement("M-036")
async def test_the_sites_speed_and_plates_are_kept_and_the_tuner_goes_by_them(tmp_path: Path) -> None:
    async with still_camera() as camera, running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
        one = f"/cameras/{await add(api, camera, modules=['D'])}"
        with pytest.raises(RestFailed, match=r"HTTP 409: The fastest vehicle at Gate is not known yet"):
            await api.post(f"{one}/tune", {})
        await api._call("PATCH", one, json={"max_speed_kmh": 90})

        async def planned(**body: float) -> dict[str, str]:
            changes = (await api.post(f"{one}/tune", body))["changes"]
            return {change["field"]: change["desired"] for change in changes}

        assert (await planned())["max_exposure_time_us"] == "1010"
        european = await planned(area_width_cm=170)
        await api._call("PATCH", one, json={"modules": ["US"]})
        american = await planned(area_width_cm=170)
        # 1280 pixels are there already, and an American plate needs them.
        assert (european["width_px"], american.get("width_px")) == ("640", None)
        assert (await planned(max_speed_kmh=50))["max_exposure_time_us"] == "1818"


@pytest.mark.requirement("M-091")
async def test_the_advice_on_light_follows_from_what_the_countries_plates_are_made_of(tmp_path: Path) -> None:
    dull = (MODULES_DIR / "D.toml").read_text(encoding="utf-8")
    dull = dull.replace('"D"', '"ZZ"').replace("retro_reflective = true", "retro_reflective = false")
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "ZZ.toml").write_text(dull, encoding="utf-8")
    async with still_camera() as camera, running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
        top = {"max_exposure_time_us": 40_000.0, "max_gain_db": 36.0}
        camera.state.change_imaging(**top)
        one = f"/cameras/{await add(api, camera, max_speed_kmh=50)}"

        async def told(*modules: str) -> str:
            await api._call("PATCH", one, json={"modules": modules})
            return " ".join((await api.post(f"{one}/tune", {}))["warnings"])

        assert "The plates here are retro-reflective: an infrared lamp" in await told("D")
        assert "Not all plates here are retro-reflective: a white lamp" in await told("D", "ZZ")
        unknown = await told()
        assert "more light" in unknown
        assert "retro-reflective:" not in unknown
