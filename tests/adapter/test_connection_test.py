"""A camera is tried with what is not stored: over the API, on a virtual camera."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.service import running
from mock_vms.demo.rest import RestFailed
from tests.adapter.test_camera_tuning import add, still_camera
from tests.adapter.test_service import OnePlate, rest, settings


async def test_a_camera_says_who_it_is_before_it_is_stored_and_nothing_is_kept(tmp_path: Path) -> None:
    async with still_camera() as camera, running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
        tried = {"address": camera.device_url, "user": "admin", "password": "secret"}
        told = await api.post("/connection-test", tried)
        assert (told["onvif"], told["profile"] in told["profiles"]) == (True, True)
        assert told["device"]["model"]
        with pytest.raises(RestFailed, match="HTTP 502"):
            await api.post("/connection-test", {**tried, "password": "wrong"})
        assert await api.get("/cameras") == []
        told = await api.post("/connection-test", {"address": "rtsp://127.0.0.1:1/none"})
        assert told["onvif"] is False
        assert "opened when it is saved" in told["detail"]


async def test_a_stored_camera_is_tried_with_its_own_password_unless_another_is_given(tmp_path: Path) -> None:
    async with still_camera() as camera, running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
        tried = {"address": camera.device_url, "user": "admin", "camera_id": await add(api, camera)}
        assert (await api.post("/connection-test", tried))["onvif"] is True
        for password in ("", "wrong"):
            with pytest.raises(RestFailed, match="HTTP 502"):
                await api.post("/connection-test", {**tried, "password": password})
        with pytest.raises(RestFailed, match="HTTP 404"):
            await api.post("/connection-test", {**tried, "camera_id": "none"})
