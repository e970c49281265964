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
from mock_vms.camera.app import VirtualCamera
from mock_vms.camera.quirks import Quirks
from mock_vms.camera.settings import VirtualCameraSettings
from mock_vms.camera.state import CameraState
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


async def test_the_command_line_tunes_and_puts_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with still_camera() as camera, running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
        monkeypatch.setenv("ONVIF_LPR_HTTP_PORT", service.console_url.rpartition(":")[2])
        await add(api, camera)
        before = camera.state.imaging

        async def tune(*arguments: str) -> tuple[int, str]:
            line = ["--data-dir", str(tmp_path), "camera", "tune", "Gate", *arguments]
            done = await asyncio.to_thread(CliRunner().invoke, app, line)
            return done.exit_code, " ".join(done.output.split())

        for wrong in ((), ("--rollback", "--max-speed", "50"), ("--rollback", "--apply")):
            code, said = await tune(*wrong)
            assert (code, "give either --max-speed" in said) == (1, True)
        assert (await tune("--max-speed", "50", "--apply"))[0] == 0
        assert camera.state.imaging != before
        code, said = await tune("--rollback")
        assert (code, "put back to" in said) == (0, True)
        assert camera.state.imaging == before
        code, said = await tune("--rollback")
        assert (code, "nothing to put back" in said) == (1, True)
