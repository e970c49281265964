"""Sends the vehicles and follows each through the programs: into view, read, stored, pulled, alarmed, let in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mock_vms.demo.judge import LATE, Heard, Sighting, assign, judge, moment
from mock_vms.demo.report import VehicleRow
from mock_vms.demo.rest import Rest
from mock_vms.demo.scenario import Scenario, Stand

# The tracker speaks when the vehicle has gone, outputs may retry once: after this nothing more is to be expected.
SETTLE_S = 12.0
# No clip takes longer; what has not passed by then never will.
PATIENCE_S = 180.0
MARGIN = timedelta(milliseconds=200)


@dataclass(slots=True, kw_only=True)
class Stage:
    """One camera of the demo as it runs."""

    stand: Stand
    camera_id: str
    control: Rest | None


@dataclass(slots=True, kw_only=True)
class Findings:
    """All rows, and what is wrong with them in sentences."""

    rows: list[VehicleRow]
    failures: list[str]


class Follower:
    """Sends the vehicles and collects what became of them."""

    def __init__(
        self, *, service: Rest, vms: Rest, stages: list[Stage], scenario: Scenario, patience_s: float = PATIENCE_S
    ) -> None:
        self._service = service
        self._vms = vms
        self._stages = stages
        self._scenario = scenario
        self._patience_s = patience_s

    async def run(self) -> Findings:
        """Every vehicle, one after the other per camera, all cameras at once."""
        await asyncio.gather(*(self._drive(stage) for stage in self._stages))
        await self._settle()
        return await self._collect()

    async def _drive(self, stage: Stage) -> None:
        assert stage.control is not None
        seen: set[str] = set()
        for vehicle in stage.stand.vehicles:
            if vehicle.label in seen and "plate" not in vehicle.request:
                continue  # several vehicles of one picture come together
            seen.add(vehicle.label)
            number = (await stage.control.post("/vehicles", vehicle.request))["number"]
            if not await self._has_left(stage, number):
                return  # the picture stands still: the others wait behind this one, and their rows will say so

    async def _has_left(self, stage: Stage, number: int) -> bool:
        assert stage.control is not None
        try:
            async with asyncio.timeout(self._patience_s):
                while True:
                    passages = await stage.control.get("/passages")
                    if any(passage["number"] == number and passage["left_at"] for passage in passages):
                        return True
                    await asyncio.sleep(0.2)
        except TimeoutError:
            return False

    async def _settle(self) -> None:
        """Until the VMS has an alarm for every plate the service has stored, or nothing more is to be expected."""
        loop = asyncio.get_running_loop()
        end = loop.time() + SETTLE_S
        await asyncio.sleep(2.0)
        while loop.time() < end:
            stored = await self._service.get("/api/v1/alarms", limit="1000")
            shown = (await self._vms.get("/api/alarms", limit="1000"))["alarms"]
            rows = sum(len(stage.stand.vehicles) for stage in self._stages)
            if len(shown) >= len(stored) >= rows:
                break
            await asyncio.sleep(0.5)
        await asyncio.sleep(1.0)

    async def _collect(self) -> Findings:
        heard = Heard(
            matches=await self._service.get("/api/v1/events", kind="ListMatched", limit="1000"),
            decisions=await self._service.get("/api/v1/decisions", limit="1000"),
            pulled=(await self._vms.get("/api/events", limit="10000"))["events"],
            alarms=(await self._vms.get("/api/alarms", limit="1000"))["alarms"],
        )
        stored = await self._service.get("/api/v1/events", limit="1000")
        rows: list[VehicleRow] = []
        sightings: list[Sighting] = []
        left_over: list[dict[str, Any]] = []
        for stage in self._stages:
            assert stage.control is not None
            passages = await stage.control.get("/passages")
            pulses = [pulse for pulse in await stage.control.get("/relays") if pulse["active"]]
            mine = _sightings(stage, passages)
            left_over += assign(mine, [entry for entry in stored if entry["event"]["camera_id"] == stage.camera_id])
            rows += [_row(stage.stand, sighting, heard, pulses) for sighting in mine]
            sightings += mine
            if pulses:  # every pulse that a decision explains was taken out
                strangers_at = ", ".join(pulse["at"] for pulse in pulses)
                rows[-1].problem = f"the gate opened without a decision at {strangers_at}"
        return Findings(rows=rows, failures=judge(self._scenario, rows, sightings, left_over, heard))


def _sightings(stage: Stage, passages: list[dict[str, Any]]) -> list[Sighting]:
    """When each vehicle of a camera was in view; those that never showed have no times."""
    sightings = []
    for vehicle in stage.stand.vehicles:
        sighting = Sighting(camera_id=stage.camera_id, vehicle=vehicle)
        # A vehicle that was asked for by its plate is known by it, a picture by its file.
        key, value = ("plate", vehicle.plate) if "plate" in vehicle.request else ("label", vehicle.label)
        passage = next((passage for passage in passages if passage[key] == value), None)
        if passage is not None:
            sighting.start = moment(passage["appeared_at"])
            sighting.end = moment(passage["left_at"]) if passage["left_at"] else None
        sightings.append(sighting)
    return sightings


def _row(stand: Stand, sighting: Sighting, heard: Heard, pulses: list[dict[str, Any]]) -> VehicleRow:
    """The times of one vehicle's hops. Takes the pulse that its decision explains out of `pulses`."""
    vehicle, entry = sighting.vehicle, sighting.entry
    row = VehicleRow(camera=stand.name, label=vehicle.label, truth=vehicle.plate, gate_expected=vehicle.gate)
    if sighting.start is not None:
        row.times["frame"] = sighting.start
    if entry is None:
        return row
    event = entry["event"]
    row.read = event["plate"]["plate_number"]
    row.country = event["plate"]["country_code"] or ""
    row.times["read"] = moment(event["read_at"])
    row.times["stored"] = moment(entry["stored_at"])
    if (pulled := heard.pulled_at(event["event_id"])) is not None:
        row.times["pulled"] = pulled
    alarms = heard.alarms_of(event["event_id"])
    if alarms:
        row.times["alarm"] = min(moment(alarm["received_at"]) for alarm in alarms)
        row.alarm_list = ", ".join(sorted({alarm["list_name"] for alarm in alarms}))
        other = next((alarm["object"] for alarm in alarms if alarm["object"] != row.read), None)
        if other is not None:
            row.problem = f"the alarm shows {other}"
    for claimed in heard.claims_of(event["event_id"]):
        pulse = next((p for p in pulses if claimed - MARGIN <= moment(p["at"]) <= claimed + LATE), None)
        if pulse is not None:
            pulses.remove(pulse)
            row.times["gate"] = moment(pulse["at"])
    return row
