"""A camera that speaks https with a certificate it made up: refused with the cure, and used once its owner says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapter.service import running
from mock_vms.demo.rest import Rest, RestFailed
from tests.adapter.test_service import OnePlate, rest, settings, until
from tests.fakes.camera import FakeCamera
from tests.fakes.certificate import self_signed_context
from tests.inference.test_source import jpeg


async def test_a_made_up_certificate_is_taken_when_the_camera_says_so_and_only_then(tmp_path: Path) -> None:
    async with (
        FakeCamera(tls=self_signed_context(tmp_path)) as camera,
        running(settings(tmp_path / "data"), OnePlate()) as service,
        rest(service) as api,
    ):
        # Without a stream its pictures come over https, too.
        camera.quirks.answers |= {"GetStreamUri": camera.not_supported, "GET": _picture}
        address = {"address": f"https://{camera.address}", "user": camera.user, "password": camera.password}
        body = {"name": "Gate", **address}
        for path in ("/cameras", "/connection-test"):
            with pytest.raises(RestFailed, match="verify_tls"):
                await api.post(path, body if path == "/cameras" else address)
        added = await api.post("/cameras", {**body, "verify_tls": False})
        assert added["verify_tls"] is False
        await until(lambda: _is(api, "running"))

        path = f"/cameras/{added['camera_id']}"
        assert (await api.post(f"{path}/test", {}))["onvif"] is True
        assert (await api.post("/connection-test", {**address, "camera_id": added["camera_id"]}))["onvif"] is True
        assert "changes" in await api.post(f"{path}/tune", {"max_speed_kmh": 30})

        assert (await api._call("PATCH", path, json={"verify_tls": True}))["verify_tls"] is True
        await until(lambda: _is(api, "connection lost", "certificate checks"))
        await api._call("PATCH", path, json={"verify_tls": False})
        await until(lambda: _is(api, "running"))


def _picture() -> web.Response:
    return web.Response(body=jpeg(), content_type="image/jpeg")


async def _is(api: Rest, state: str, detail: str = "") -> bool:
    camera: dict[str, Any] = (await api.get("/status"))["cameras"][0]
    return camera["state"] == state and detail in camera["detail"]
