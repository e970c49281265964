"""Follows each vehicle through the programs: when it came into view, was read, stored, pulled, alarmed, let in."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from mock_vms.demo.report import VehicleRow
from mock_vms.demo.rest import Rest
from mock_vms.demo.scenario import Scenario, Stand, Vehicle

# The tracker speaks when the vehicle has gone, outputs may retry once: after this nothing more is to be expected.
SETTLE_S = 12.0
# Clocks of one machine agree; the margin is for a track that begins a frame before the stage notes the vehicle.
EARLY = timedelta(seconds=1.0)
LATE = timedelta(seconds=3.0)


@dataclass(slots=True, kw_only=True)
class Stage:
    """One camera of the demo as it runs."""

    stand: Stand
    camera_id: str
    control: Rest | None
    rows: list[VehicleRow] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Findings:
    """All rows, and what turned up that nobody sent."""

    rows: list[VehicleRow]
    strangers: list[str]
    failures: list[str]


class Follower:
    """Sends the vehicles and collects what became of them."""

    def __init__(self, *, service: Rest, vms: Rest, stages: list[Stage], scenario: Scenario) -> None:
        self._service = service
        self._vms = vms
        self._stages = stages
        self._scenario = scenario

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
                continue  # several vehicles of one clip come together
            seen.add(vehicle.label)
            number = (await stage.control.post("/vehicles", vehicle.request))["number"]
            await self._until_left(stage, number)

    async def _until_left(self, stage: Stage, number: int) -> None:
        assert stage.control is not None
        async with asyncio.timeout(180):
            while True:
                passages = await stage.control.get("/passages")
                if any(passage["number"] == number and passage["left_at"] for passage in passages):
                    return
                await asyncio.sleep(0.2)

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
        stored = await self._service.get("/api/v1/events", limit="1000")
        matches = await self._service.get("/api/v1/events", kind="ListMatched", limit="1000")
        recognized_by_match = {entry["event"]["event_id"]: entry["event"]["recognized_id"] for entry in matches}
        pulled = {row["event_id"]: row for row in (await self._vms.get("/api/events", limit="10000"))["events"]}
        alarms = (await self._vms.get("/api/alarms", limit="1000"))["alarms"]
        rows: list[VehicleRow] = []
        strangers: list[str] = []
        for stage in self._stages:
            mine = [entry for entry in stored if entry["event"]["camera_id"] == stage.camera_id]
            stage_rows, left_over = await self._rows_of(stage, mine)
            for row, entry in stage_rows:
                if entry is not None:
                    event_id = entry["event"]["event_id"]
                    following = [a for a in alarms if recognized_by_match.get(a["source_id"]) == event_id]
                    self._fill(row, entry, pulled.get(event_id), following)
                rows.append(row)
            strangers += [entry["event"]["plate"]["plate_number"] for entry in left_over]
        return Findings(rows=rows, strangers=strangers, failures=self._judge(rows, strangers))

    async def _rows_of(
        self, stage: Stage, entries: list[dict[str, Any]]
    ) -> tuple[list[tuple[VehicleRow, dict[str, Any] | None]], list[dict[str, Any]]]:
        """Each vehicle with the event that belongs to it by time, and the events that belong to none."""
        assert stage.control is not None
        passages = await stage.control.get("/passages")
        pulses = [pulse for pulse in await stage.control.get("/relays") if pulse["active"]]
        unused = sorted(entries, key=lambda entry: entry["event"]["utc_time"])
        found: list[tuple[VehicleRow, dict[str, Any] | None]] = []
        for vehicle in stage.stand.vehicles:
            passage = next((p for p in passages if _is_of(p, vehicle)), None)
            row = VehicleRow(
                camera=stage.stand.name, label=vehicle.label, truth=vehicle.plate, gate_expected=vehicle.gate
            )
            found.append((row, None))
            if passage is None:
                continue
            row.times["frame"] = _time(passage["appeared_at"])
            start, end = row.times["frame"] - EARLY, _time(passage["left_at"]) + LATE
            within = [e for e in unused if start <= _time(e["event"]["utc_time"]) <= end]
            right = [e for e in within if e["event"]["plate"]["plate_number"] == vehicle.plate]
            row.events = len(within)
            chosen = next(iter(right or within), None)
            if chosen is not None:
                unused.remove(chosen)
                found[-1] = (row, chosen)
            opened = [p for p in pulses if start <= _time(p["at"]) <= end]
            if opened:
                row.times["gate"] = _time(opened[0]["at"])
        return found, unused

    def _fill(
        self, row: VehicleRow, entry: dict[str, Any], pulled: dict[str, Any] | None, alarms: list[dict[str, Any]]
    ) -> None:
        event = entry["event"]
        row.read = event["plate"]["plate_number"]
        row.country = event["plate"]["country_code"] or ""
        row.times["read"] = _time(event["read_at"])
        row.times["stored"] = _time(entry["stored_at"])
        if pulled is not None:
            by_pull = [c["first_at"] for name, c in pulled["channels"].items() if "pull" in name]
            if by_pull:
                row.times["pulled"] = _time(by_pull[0])
        if alarms:
            row.times["alarm"] = min(_time(alarm["received_at"]) for alarm in alarms)
            row.alarm_list = ", ".join(sorted({alarm["list_name"] for alarm in alarms}))
            if any(alarm["object"] != row.read for alarm in alarms):
                row.problem = f"the alarm shows {alarms[0]['object']}"

    def _judge(self, rows: list[VehicleRow], strangers: list[str]) -> list[str]:
        """What went wrong, in sentences; empty when all is well."""
        expected = {(stand.name, v.label, v.plate): v for stand, v in self._scenario.vehicles}
        failures = []
        for row in rows:
            vehicle = expected[row.camera, row.label, row.truth]
            missing = row.first_missing_hop()
            if row.problem is None and missing is not None:
                row.problem = f"stopped before: {missing}"
            elif row.problem is None and not row.right:
                row.problem = "misread"
            elif row.problem is None and row.gate_expected is False and "gate" in row.times:
                row.problem = "the gate opened"
                failures.append(f"the gate opened for {row.read}, which is not allowed in")
            elif row.problem is None and vehicle.alarm_list and vehicle.alarm_list not in row.alarm_list:
                row.problem = f"no alarm of {vehicle.alarm_list}"
        wrong = [row for row in rows if row.problem and row.truth is not None]
        known = [row for row in rows if row.truth is not None]
        needed = len(known) if self._scenario.needed is None else self._scenario.needed
        if len(known) - len(wrong) < needed:
            first = wrong[0]
            failures.append(
                f"{len(known) - len(wrong)} of {len(known)} vehicles arrived right, {needed} are needed; "
                f"the first that failed: {first.label}: {first.problem}"
            )
        truths = {row.truth for row in rows if row.truth}
        invented = [row.read for row in rows if row.read and row.truth and row.read not in truths]
        invented += [plate for plate in strangers if plate not in truths]
        if truths and invented and not self._scenario.strangers_allowed:
            failures.append(f"alarms name plates that are in no picture: {', '.join(map(str, invented))}")
        repeated = [plate for plate in strangers if plate in truths]
        if repeated:
            failures.append(f"more than one event for one vehicle: {', '.join(repeated)}")
        return failures


def _is_of(passage: dict[str, Any], vehicle: Vehicle) -> bool:
    if "plate" in vehicle.request:
        return bool(passage["plate"] == vehicle.plate)
    return bool(passage["label"] == vehicle.label)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
