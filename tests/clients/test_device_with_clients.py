"""Our ONVIF face, driven by clients that nobody here wrote: each pulls a plate event and lets go again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.clients.drivers import CLIENTS, Client, check, drive
from tests.e2e.chain import CAMERA_PASSWORD, running_chain
from tests.fakes.device_face import running_face
from tests.fakes.events import plate_recognized

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.mark.parametrize("ahead_s", [0, 3600], ids=["right clock", "clock an hour ahead"])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
async def test_a_foreign_client_pulls_a_plate_from_our_device(tmp_path: Path, client: Client, ahead_s: float) -> None:
    async with running_face(tmp_path) as face:
        face.clock.offset_s = ahead_s

        async def recognize() -> None:
            assert face.subscriptions.count == 1
            face.subscriptions.publish(plate_recognized(7, utc_time=face.clock()))

        digest = bool(ahead_s) and not client.corrects_clock
        steps = await drive(client, "device", face.port, "guard", "guard-pass", digest=digest, on_subscribed=recognize)
        assert face.subscriptions.count == 0, "the client let go of its pull point and it is still there"
    check(client, steps, manufacturer="onvif-lpr", profiles=2, ahead_s=ahead_s)
    assert "AB12CDE" in steps["event"]["content"]
    assert "LicensePlateInfo" in steps["event"]["content"]


async def test_all_clients_at_once_pull_what_the_whole_service_reads(tmp_path: Path) -> None:
    """`onvif-lpr serve` with a camera: the plate is one that was filmed, read, stored and told."""
    for client in CLIENTS:
        client.require()
    street = ("--plates", "12-BKL-3,TK-821-P", "--autoplay", "1", "--speed-kmh", "40")
    async with running_chain(tmp_path, *street) as chain, chain.rest() as api:
        await api.put("/onvif-users/judge", {"password": "of the judge", "level": "Operator"})
        camera = {"name": "North", "address": chain.camera.ready["device"], "user": "admin", "modules": ["NL"]}
        added = await api.post("/cameras", {**camera, "password": CAMERA_PASSWORD})
        await api.post(f"/cameras/{added['camera_id']}/tune", {"max_speed_kmh": 40, "apply": True})
        drives = (drive(client, "device", chain.onvif_port, "judge", "of the judge") for client in CLIENTS)
        told = await asyncio.gather(*drives)
    for client, steps in zip(CLIENTS, told, strict=True):
        check(client, steps, manufacturer="onvif-lpr", profiles=1, ahead_s=0)
        content = steps["event"]["content"]
        assert "LicensePlateInfo" in content
        assert "12BKL3" in content or "TK821P" in content, content
