"""Addresses that cannot work: told where they are typed, and never the end of the service."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from adapter.cli import app
from adapter.service import running
from adapter.store.outputs import OutputRecord
from adapter.store.store import Store
from mock_vms.camera.app import VirtualCamera
from mock_vms.demo import scenario as scenarios
from mock_vms.demo.__main__ import Demo
from tests.adapter.test_service import PASSWORD, OnePlate, rest, settings, status_is, until, virtual_camera
from tests.e2e.busy_service import Gate, passage

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def attempts(folder: Path) -> int:
    (database,) = folder.glob("*.db")
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return sum(row[0] for row in connection.execute("SELECT attempts FROM deliveries"))


async def test_an_output_whose_url_cannot_be_used_ends_neither_the_service_nor_its_next_start(tmp_path: Path) -> None:
    """The address comes from an earlier version, which checked less."""
    async with Store.in_folder(tmp_path) as store:
        await store.outputs.save(
            OutputRecord(
                output_id="old", name="Old", url="http://a..b/hook", secret=SECRET, created_at=datetime.now(UTC)
            )
        )

    async def tried(times: int) -> bool:
        return attempts(tmp_path) >= times

    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
        told = await api.post("/outputs/old/test")
        assert told["ok"] is False
        assert "host name" in told["detail"]
        await service.pipeline.passage(Gate(), uuid4().hex, passage(1))
        await until(lambda: tried(1), 10)
        assert (await api.get("/status"))["cameras"] == []
    owed = attempts(tmp_path)
    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
        await until(lambda: tried(owed + 1), 10)
        (output,) = await api.get("/outputs")
        assert output["name"] == "Old"
        assert "host name" in output["error"]


def address_with_login(camera: VirtualCamera) -> str:
    return camera.stream_url(next(iter(camera.state.encoders))).replace(
        "rtsp://", f"rtsp://admin:{PASSWORD.replace(' ', '%20')}@"
    )


async def test_a_camera_is_added_from_the_command_line_with_the_login_in_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with virtual_camera() as camera, running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
        monkeypatch.setenv("ONVIF_LPR_HTTP_PORT", service.console_url.rpartition(":")[2])
        login = f"admin:{PASSWORD.replace(' ', '%20')}@"
        for name, address in (
            ("device", camera.device_url.replace("http://", f"http://{login}")),
            ("stream", address_with_login(camera)),
        ):
            arguments = ["--data-dir", str(tmp_path), "camera", "add", address, "--name", name]
            done = await asyncio.to_thread(CliRunner().invoke, app, arguments)
            assert done.exit_code == 0, done.output
        cameras = await api.get("/cameras")
        assert {row["user"] for row in cameras} == {"admin"}
        assert "password" not in str([row["address"] for row in cameras])
        await until(lambda: status_is(api, "All LPR cameras are running"), 20)


async def test_the_demo_takes_a_camera_of_ones_own_with_its_login(tmp_path: Path) -> None:
    async with (
        virtual_camera() as camera,
        running(settings(tmp_path), OnePlate()) as service,
        rest(service) as api,
        AsyncExitStack() as stack,
    ):
        chosen = scenarios.camera_of_yours(address_with_login(camera))
        demo = Demo(chosen, tmp_path, stack, autoplay=False)
        demo._service = await stack.enter_async_context(type(api)(service.console_url, service.local_token))
        (stand,) = chosen.stands
        await demo._add_stream(stand, stand.rtsp_url or "")
        await until(lambda: status_is(api, "All LPR cameras are running"), 20)


@pytest.mark.parametrize("address", ["camera", "rtsp://[::1", "file:///etc/passwd", "rtsp:///x"])
def test_the_demo_says_what_rtsp_takes(address: str) -> None:
    with pytest.raises(ValueError, match=r"RTSP .*rtsp://user:password@host/stream"):
        scenarios.camera_of_yours(address)
