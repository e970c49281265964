"""Our ONVIF face, driven by clients that nobody here wrote: each pulls a plate event and lets go again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.drivers import CLIENTS, Client, drive
from tests.fakes.device_face import running_face
from tests.fakes.events import plate_recognized

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.mark.parametrize("skew_s", [0, 3600], ids=["right clock", "clock an hour ahead"])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
async def test_a_foreign_client_pulls_a_plate_from_our_device(tmp_path: Path, client: Client, skew_s: float) -> None:
    async with running_face(tmp_path) as face:
        face.clock.offset_s = skew_s

        async def recognize() -> None:
            face.subscriptions.publish(plate_recognized(7, utc_time=face.clock()))

        digest = bool(skew_s) and not client.corrects_clock
        steps = await drive(client, "device", face.port, "guard", "guard-pass", digest=digest, on_subscribed=recognize)
    assert steps["connect"]["manufacturer"] == "onvif-lpr"
    assert len(steps["profiles"]["tokens"]) == 2
    assert "AB12CDE" in steps["event"]["content"]
    assert "LicensePlateInfo" in steps["event"]["content"]
    assert steps["renew"]["seconds"] >= 60
    assert "unsubscribe" in steps
    assert steps["wrong_password"]["refused"] is True
