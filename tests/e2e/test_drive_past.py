"""A vehicle drives past a camera, and the VMS that knows our device shows it: camera, time, plate and picture."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from lxml import html

from adapter.service import running
from mock_vms.vms import service as vms_service
from tests.adapter.test_service import OnePlate, add_camera, rest, settings, virtual_camera
from tests.mock_vms.vms.conftest import SECRET, TOKEN, Client

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def drawn(row: dict[str, Any]) -> bool:
    pictures = [picture["state"] for picture in row["pictures"].values()]
    return row["object"] == "12BKL3" and pictures == ["stored"] * max(1, len(pictures))


@pytest.mark.requirement("M-001")
async def test_a_plate_driven_past_a_camera_is_shown_by_the_vms(tmp_path: Path) -> None:
    chosen = vms_service.Settings(data=tmp_path / "vms", token=TOKEN, webhooks={"lpr": SECRET}, pull_s=0.3)
    async with (
        running(settings(tmp_path / "lpr"), OnePlate()) as lpr,
        rest(lpr) as api,
        vms_service.running(chosen) as vms,
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session,
        virtual_camera() as camera,
    ):
        client = Client(session, vms)
        account = {"user": "vms", "password": lpr.first.vms_password}
        await client.post("/api/devices", {"address": lpr.onvif_url, **account}, status=201)
        await api.post("/alarm-definitions", {"name": "Visitor", "list_id": "unlisted"})
        await client.until("/api/devices", lambda known: known["devices"][0]["subscriptions"], 60)
        await add_camera(api, camera)
        await client.until("/api/alarms", lambda found: any(map(drawn, found["alarms"])), 60)
        (told,) = await api.get("/events", kind="PlateRecognized")
        async with session.get(vms.url + "/") as answer:
            page = html.fromstring(await answer.text())
        row = page.get_element_by_id("alarms")[0]
        text = " ".join(row.text_content().split())
        assert "12BKL3" in text
        assert "Gate" in text
        (time,) = {one.get("datetime") for one in row.iter("time")}
        shown, read = datetime.fromisoformat(time), datetime.fromisoformat(told["event"]["utc_time"])
        assert abs(shown - read) < timedelta(seconds=1)
        (picture,) = row.iter("img")
        async with session.get(vms.url + picture.get("src")) as answer:
            assert (answer.status, answer.content_type) == (200, "image/jpeg")
