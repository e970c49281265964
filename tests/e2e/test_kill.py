"""`kill -9` at any moment, of the service and of the VMS: nothing stored is missing at the VMS, nothing shown twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from mock_vms.demo.processes import Program, program
from mock_vms.demo.rest import Rest, RestFailed

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TOLD = ("PlateRecognized", "ListMatched", "AlarmRaised")
PASSWORD = "face of the device"
MOMENTS = 10
PLATES_PER_S = 15.0
READY_S = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Bench:
    """A service and a VMS whose addresses outlive them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.http_port, self.onvif_port, self.vms_port = free_port(), free_port(), free_port()
        self.secret = ""
        self.service: Program
        self.vms: Program

    async def start_service(self, plates_per_s: float) -> None:
        arguments = [str(self.folder / "service"), str(self.onvif_port), str(self.http_port), str(plates_per_s)]
        self.service = Program(
            name="service",
            arguments=[sys.executable, "-m", "tests.e2e.busy_service", *arguments],
            log=self.folder / "service.log",
            environment={"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        )
        await self.service.start()
        await self.service.wait_ready(READY_S)

    async def start_vms(self) -> None:
        self.vms = Program(
            name="VMS",
            arguments=[
                *(program("mock-vms"), "serve", "--data", str(self.folder / "vms"), "--port", str(self.vms_port)),
                *("--webhook", f"lpr={self.secret}", "--device", f"http://127.0.0.1:{self.onvif_port}"),
                *("--device-user", "judge", "--device-password", PASSWORD, "--token", "judge"),
            ],
            log=self.folder / "vms.log",
        )
        await self.vms.start()
        await self.vms.wait_ready(READY_S)

    async def kill(self, victim: Program) -> None:
        os.kill(victim.pid, signal.SIGKILL)
        await victim.stop()

    def service_rest(self) -> Rest:
        token = (self.folder / "service" / "local.token").read_text(encoding="utf-8").strip()
        return Rest(f"http://127.0.0.1:{self.http_port}", token)

    def vms_rest(self) -> Rest:
        return Rest(f"http://127.0.0.1:{self.vms_port}", "judge")

    async def set_rules(self) -> None:
        async with self.service_rest() as service:
            await service.put("/api/v1/onvif-users/judge", {"password": PASSWORD})
            made = await service.post("/api/v1/lists", {"name": "Wanted", "kind": "deny"})
            await service.post(f"/api/v1/lists/{made['list_id']}/entries", {"pattern": "AB12CD"})
            await service.post("/api/v1/alarm-definitions", {"name": "Wanted", "list_id": made["list_id"]})
            url = f"http://127.0.0.1:{self.vms_port}/webhooks/lpr"
            output = await service.post("/api/v1/outputs", {"name": "VMS", "url": url, "event_kinds": list(TOLD)})
            self.secret = output["secret"]

    async def stored(self) -> set[str]:
        """The ids of everything the service has stored."""
        ids: set[str] = set()
        async with self.service_rest() as service:
            for kind in TOLD:
                before = ""
                while page := await service.get("/api/v1/events", kind=kind, limit="1000", before_id=before):
                    ids |= {entry["event"]["event_id"] for entry in page}
                    before = page[-1]["event"]["event_id"]
        return ids

    async def received(self) -> dict[str, dict[str, Any]]:
        """What the VMS holds, by id."""
        async with self.vms_rest() as vms:
            return {row["event_id"]: row for row in (await vms.get("/api/events", limit="10000"))["events"]}


@pytest.mark.requirement("M-011")
async def test_killing_service_and_vms_at_ten_random_moments_loses_and_doubles_nothing(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    bench = Bench(tmp_path)
    await bench.start_service(0)
    await bench.set_rules()
    await bench.kill(bench.service)
    await bench.start_service(PLATES_PER_S)
    await bench.start_vms()
    try:
        for moment in range(MOMENTS):
            await asyncio.sleep(chance.uniform(0.2, 1.2))
            if moment % 3 == 2:
                await bench.kill(bench.vms)
                await bench.start_vms()
            else:
                await bench.kill(bench.service)
                await bench.start_service(PLATES_PER_S)
        await bench.kill(bench.service)
        await bench.start_service(0)
        stored = await bench.stored()
        assert len(stored) > 50
        missing = await until_all_arrived(bench, stored)
        assert not missing, f"{len(missing)} of {len(stored)} stored events never reached the VMS"
        async with bench.vms_rest() as vms:
            counts = await vms.get("/api/counts")
            alarms = (await vms.get("/api/alarms", limit="10000"))["alarms"]
        assert counts["duplicates_shown"] == 0
        ids = [alarm["event_id"] for alarm in alarms]
        assert len(ids) == len(set(ids))
        assert set(await bench.received()) <= stored, "the VMS shows what the service never stored"
    finally:
        await bench.service.stop()
        await bench.vms.stop()


async def until_all_arrived(bench: Bench, stored: set[str]) -> set[str]:
    """The ids that are still missing when nothing moves any more; empty as soon as all have come."""
    missing, quiet = stored, 0
    while missing and quiet < 40:
        try:
            now_missing = stored - set(await bench.received())
        except RestFailed:
            now_missing = missing
        quiet = quiet + 1 if now_missing == missing else 0
        missing = now_missing
        if missing:
            await asyncio.sleep(0.5)
    return missing
