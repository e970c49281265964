"""The busy service and the mock VMS, side by side: what was stored on one side, and what arrived on the other."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from mock_vms.demo.processes import Program, program
from mock_vms.demo.rest import Rest, RestFailed
from tests.e2e.busy_service import HOLDING
from tests.e2e.waiting import READY_S, ROOT, free_port, until

TOLD = ("PlateRecognized", "ListMatched", "AlarmRaised")
# Each must bring everything by itself: what one has lost must not be hidden by the other.
CHANNELS = ("webhook", "pull_point")
PASSWORD = "face of the device"
WANTED = "AB12CD"
# When no webhook is owed and nothing new has come for so long, nothing is left to come: a lost pull point is made
# anew within seconds. Webhooks that failed while the VMS was dead are tried again after up to half a minute.
QUIET_S, LONGEST_S = 15.0, 90.0


class Bench:
    """A service and a VMS whose addresses outlive them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.http_port, self.onvif_port, self.vms_port = free_port(), free_port(), free_port()
        self.secret = ""
        self.service: Program
        self.vms: Program

    async def start(self) -> None:
        """Both, with lists, an alarm and the webhook. Plates come when `pour` is called."""
        await self.start_service(0)
        await self.set_rules()
        await self.start_vms()
        async with self.vms_rest() as vms:

            async def subscribed() -> bool:
                return any(device["subscriptions"] for device in (await vms.get("/api/devices"))["devices"])

            await until(subscribed)

    async def start_service(self, plates_per_s: float) -> None:
        arguments = [str(self.folder / "service"), str(self.onvif_port), str(self.http_port), str(plates_per_s)]
        self.service = Program(
            name="service",
            arguments=[sys.executable, "-m", "tests.e2e.busy_service", *arguments],
            log=self.folder / "service.log",
            environment={"PYTHONPATH": str(ROOT)},
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
            environment={"PYTHONPATH": str(ROOT)},
        )
        await self.vms.start()
        await self.vms.wait_ready(READY_S)

    async def kill(self, *victims: Program) -> None:
        """All at once, without a word of warning."""
        for victim in victims:
            os.kill(victim.pid, signal.SIGKILL)
        for victim in victims:
            await victim.stop()

    async def stop(self) -> None:
        for name in ("service", "vms"):
            started: Program | None = getattr(self, name, None)
            if started is not None:
                await started.stop()

    def pour(self) -> None:
        """Plates begin to come."""
        os.kill(self.service.pid, signal.SIGUSR1)

    async def hold(self) -> None:
        """No more plates, until `pour`; the last one is stored when this returns."""
        self.service.said.clear()
        os.kill(self.service.pid, signal.SIGUSR2)

        async def holding() -> bool:
            return HOLDING in self.service.said

        await until(holding)

    def service_rest(self) -> Rest:
        token = (self.folder / "service" / "local.token").read_text(encoding="utf-8").strip()
        return Rest(f"http://127.0.0.1:{self.http_port}", token)

    def vms_rest(self) -> Rest:
        return Rest(f"http://127.0.0.1:{self.vms_port}", "judge")

    async def set_rules(self) -> None:
        async with self.service_rest() as service:
            await service.put("/api/v1/onvif-users/judge", {"password": PASSWORD})
            made = await service.post("/api/v1/lists", {"name": "Wanted", "kind": "deny"})
            await service.post(f"/api/v1/lists/{made['list_id']}/entries", {"pattern": WANTED})
            await service.post("/api/v1/alarm-definitions", {"name": "Wanted", "list_id": made["list_id"]})
            url = f"http://127.0.0.1:{self.vms_port}/webhooks/lpr"
            output = await service.post("/api/v1/outputs", {"name": "VMS", "url": url, "event_kinds": list(TOLD)})
            self.secret = output["secret"]

    async def stored(self, *kinds: str) -> set[str]:
        """The ids of everything the service has stored, of these kinds or of all that is told."""
        ids: set[str] = set()
        async with self.service_rest() as service:
            for kind in kinds or TOLD:
                before = ""
                while page := await service.get("/api/v1/events", kind=kind, limit="1000", before_id=before):
                    ids |= {entry["event"]["event_id"] for entry in page}
                    before = page[-1]["event"]["event_id"]
        return ids

    async def received(self) -> list[dict[str, Any]]:
        """What the VMS holds, with the channels that brought it."""
        async with self.vms_rest() as vms:
            rows: list[dict[str, Any]] = (await vms.get("/api/events", limit="10000"))["events"]
            return rows

    async def missing(self, stored: set[str]) -> dict[str, set[str]]:
        """By channel, what it has not brought."""
        rows = await self.received()
        return {
            channel: stored - {row["event_id"] for row in rows if channel in row["channels"]} for channel in CHANNELS
        }

    async def missing_at_last(self, stored: set[str], quiet_s: float = QUIET_S) -> dict[str, set[str]]:
        """By channel, what is still missing when nothing more can come; empty sets as soon as all is there."""
        missing = dict.fromkeys(CHANNELS, stored)
        loop = asyncio.get_running_loop()
        moved_at, give_up_at = loop.time(), loop.time() + LONGEST_S
        while any(missing.values()) and loop.time() < min(moved_at + quiet_s, give_up_at):
            await asyncio.sleep(0.3)
            try:
                now_missing = await self.missing(stored)
                still_owed = missing["webhook"] and await self.owed()
            except RestFailed:  # the VMS is busy catching up
                continue
            if now_missing != missing or still_owed:
                missing, moved_at = now_missing, loop.time()
        return missing

    async def assert_all_arrived_once(self, stored: set[str], quiet_s: float = QUIET_S) -> None:
        """What was stored is what is shown: nothing missing on any channel, nothing twice, nothing made up."""
        missing = await self.missing_at_last(stored, quiet_s)
        assert not any(missing.values()), {name: f"{len(ids)} of {len(stored)}" for name, ids in missing.items()}
        assert {row["event_id"] for row in await self.received()} == stored
        async with self.vms_rest() as vms:
            counts = await vms.get("/api/counts")
            alarms = [row["event_id"] for row in (await vms.get("/api/alarms", limit="10000"))["alarms"]]
        assert sorted(alarms) == sorted(await self.stored("AlarmRaised"))
        assert counts["duplicates_shown"] == 0

    async def owed(self) -> int:
        """How many webhooks the service still has to bring."""
        async with self.service_rest() as service:
            (output,) = await service.get("/api/v1/outputs")
            assert output["parked"] == 0, "a delivery was given up"
            return int(output["pending"])

    async def until_webhooks_are_out(self) -> None:
        """The service owes the VMS nothing any more, whether the VMS kept it or not."""

        async def nothing_is_owed() -> bool:
            return await self.owed() == 0

        await until(nothing_is_owed)
