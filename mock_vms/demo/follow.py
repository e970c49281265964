"""Follows each vehicle through the programs: when it came into view, was read, stored, pulled, alarmed, let in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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
MARGIN = timedelta(milliseconds=200)


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
        heard = Heard(
            matches=await self._service.get("/api/v1/events", kind="ListMatched", limit="1000"),
            decisions=await self._service.get("/api/v1/decisions", limit="1000"),
            pulled=(await self._vms.get("/api/events", limit="10000"))["events"],
            alarms=(await self._vms.get("/api/alarms", limit="1000"))["alarms"],
        )
        stored = await self._service.get("/api/v1/events", limit="1000")
        rows: list[VehicleRow] = []
        strangers: list[str] = []
        for stage in self._stages:
            assert stage.control is not None
            passages = await stage.control.get("/passages")
            pulses = [pulse for pulse in await stage.control.get("/relays") if pulse["active"]]
            mine = [entry for entry in stored if entry["event"]["camera_id"] == stage.camera_id]
            sightings, left_over = _assign(stage.stand.vehicles, passages, mine)
            for sighting in sightings:
                rows.append(_row(stage.stand, sighting, heard, pulses))
            strangers += [entry["event"]["plate"]["plate_number"] for entry in left_over]
            if pulses:  # every pulse that a decision explains was taken out
                strangers_at = ", ".join(pulse["at"] for pulse in pulses)
                rows[-1].problem = f"the gate opened without a decision at {strangers_at}"
        return Findings(rows=rows, strangers=strangers, failures=self._judge(rows, strangers))

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


@dataclass(slots=True, kw_only=True)
class Sighting:
    """One vehicle, when it was in view, and the stored event that is taken to be its own."""

    vehicle: Vehicle
    start: datetime | None = None
    end: datetime | None = None
    entry: dict[str, Any] | None = None


def _assign(
    vehicles: Sequence[Vehicle], passages: list[dict[str, Any]], entries: list[dict[str, Any]]
) -> tuple[list[Sighting], list[dict[str, Any]]]:
    """Each vehicle with its event, and the events that belong to none.

    The true plate decides where it can; what is left goes to the vehicle in whose time it was seen.
    """
    sightings = []
    for vehicle in vehicles:
        passage = next((p for p in passages if _is_of(p, vehicle)), None)
        sighting = Sighting(vehicle=vehicle)
        if passage is not None:
            sighting.start, sighting.end = _time(passage["appeared_at"]), _time(passage["left_at"])
        sightings.append(sighting)
    unused = sorted(entries, key=lambda entry: str(entry["event"]["utc_time"]))
    for is_right in (True, False):
        for sighting in sightings:
            if sighting.entry is None and sighting.start is not None and sighting.end is not None:
                start, end = sighting.start - EARLY, sighting.end + LATE
                sighting.entry = next(
                    (
                        entry
                        for entry in unused
                        if start <= _time(entry["event"]["utc_time"]) <= end
                        and (not is_right or entry["event"]["plate"]["plate_number"] == sighting.vehicle.plate)
                    ),
                    None,
                )
                if sighting.entry is not None:
                    unused.remove(sighting.entry)
    return sightings, unused


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
    row.times["read"] = _time(event["read_at"])
    row.times["stored"] = _time(entry["stored_at"])
    if (pulled := heard.pulled_at(event["event_id"])) is not None:
        row.times["pulled"] = pulled
    alarms = heard.alarms_of(event["event_id"])
    if alarms:
        row.times["alarm"] = min(_time(alarm["received_at"]) for alarm in alarms)
        row.alarm_list = ", ".join(sorted({alarm["list_name"] for alarm in alarms}))
        if any(alarm["object"] != row.read for alarm in alarms):
            row.problem = f"the alarm shows {alarms[0]['object']}"
    for claimed in heard.claims_of(event["event_id"]):
        pulse = next((p for p in pulses if claimed - MARGIN <= _time(p["at"]) <= claimed + LATE), None)
        if pulse is not None:
            pulses.remove(pulse)
            row.times["gate"] = _time(pulse["at"])
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the service decided and the VMS received."""

    matches: list[dict[str, Any]]
    decisions: list[dict[str, Any]]
    pulled: list[dict[str, Any]]
    alarms: list[dict[str, Any]]

    def pulled_at(self, event_id: str) -> datetime | None:
        """When the VMS first had the event from its pull point."""
        for row in self.pulled:
            if row["event_id"] == event_id and "pull_point" in row["channels"]:
                return _time(row["channels"]["pull_point"]["first_at"])
        return None

    def alarms_of(self, event_id: str) -> list[dict[str, Any]]:
        mine = {entry["event"]["event_id"] for entry in self.matches if entry["event"]["recognized_id"] == event_id}
        return [alarm for alarm in self.alarms if alarm["source_id"] in mine]

    def claims_of(self, event_id: str) -> list[datetime]:
        """When a relay was about to be pulsed because of this event."""
        mine = [decision for decision in self.decisions if decision["event_id"] == event_id]
        return [_time(decision["claimed_at"]) for decision in mine if decision["claimed_at"]]


def _is_of(passage: dict[str, Any], vehicle: Vehicle) -> bool:
    if "plate" in vehicle.request:
        return bool(passage["plate"] == vehicle.plate)
    return bool(passage["label"] == vehicle.label)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
