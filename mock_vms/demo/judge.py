"""Which event belongs to which vehicle, and what is wrong with what arrived. Plain functions over what was heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from typing import Any

from mock_vms.demo.report import VehicleRow
from mock_vms.demo.scenario import Scenario, Vehicle

# Clocks of one machine agree; the margin is for a track that begins a frame before the stage notes the vehicle.
EARLY = timedelta(seconds=1.0)
LATE = timedelta(seconds=3.0)
# One character in four may differ between two readings of one plate; two plates by chance share fewer.
ALIKE = 0.7


@dataclass(slots=True, kw_only=True)
class Sighting:
    """One vehicle, when it was in view, and the stored event that is taken to be its own."""

    camera_id: str
    vehicle: Vehicle
    start: datetime | None = None
    end: datetime | None = None
    """None while it is in view: a vehicle that never left has no other end."""
    entry: dict[str, Any] | None = None

    def saw(self, entry: dict[str, Any]) -> bool:
        """Whether the event came from this camera while the vehicle was in view."""
        event = entry["event"]
        if self.start is None or event["camera_id"] != self.camera_id:
            return False
        at = moment(event["utc_time"])
        return self.start - EARLY <= at and (self.end is None or at <= self.end + LATE)


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
                return moment(row["channels"]["pull_point"]["first_at"])
        return None

    def alarms_of(self, event_id: str) -> list[dict[str, Any]]:
        return [alarm for alarm in self.alarms if self.recognized_by(alarm) == event_id]

    def recognized_by(self, alarm: dict[str, Any]) -> str | None:
        """The plate event that led to an alarm, None when the service knows of no match behind it."""
        for entry in self.matches:
            if entry["event"]["event_id"] == alarm["source_id"]:
                return str(entry["event"]["recognized_id"])
        return None

    def claims_of(self, event_id: str) -> list[datetime]:
        """When a relay was about to be pulsed because of this event."""
        mine = [decision for decision in self.decisions if decision["event_id"] == event_id]
        return [moment(decision["claimed_at"]) for decision in mine if decision["claimed_at"]]


def assign(sightings: Sequence[Sighting], entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each vehicle its event; returns the events that belong to none.

    The true plate decides where it can; what is left goes to the vehicle in whose time it was seen.
    """
    unused = sorted(entries, key=lambda entry: str(entry["event"]["utc_time"]))
    for is_right in (True, False):
        for sighting in sightings:
            if sighting.entry is None:
                seen = (entry for entry in unused if sighting.saw(entry))
                sighting.entry = next(
                    (entry for entry in seen if not is_right or plate_of(entry) == sighting.vehicle.plate), None
                )
                if sighting.entry is not None:
                    unused.remove(sighting.entry)
    return unused


def judge(
    scenario: Scenario,
    rows: Sequence[VehicleRow],
    sightings: Sequence[Sighting],
    left_over: Sequence[dict[str, Any]],
    heard: Heard,
) -> list[str]:
    """What went wrong, in sentences; empty when all is well. Each row gets its problem. Rows go with sightings."""
    failures = []
    for row, sighting in zip(rows, sightings, strict=True):
        if row.problem is None:
            row.problem = _problem_of(row, sighting.vehicle)
            if row.problem == GATE_OPENED:
                failures.append(f"the gate opened for {row.read}, which is not allowed in")
    wrong = [row for row in rows if row.problem]
    needed = len(rows) if scenario.needed is None else scenario.needed
    if len(rows) - len(wrong) < needed:
        first = wrong[0]
        failures.append(
            f"{len(rows) - len(wrong)} of {len(rows)} vehicles arrived right, {needed} are needed; "
            f"the first that failed: {first.label}: {first.problem}"
        )
    entries = [*(sighting.entry for sighting in sightings if sighting.entry is not None), *left_over]
    if not scenario.strangers_allowed:
        failures += _invented(sightings, entries, heard)
    unknown = [str(alarm["object"]) for alarm in heard.alarms if heard.recognized_by(alarm) is None]
    if unknown:
        failures.append(f"the VMS shows alarms that the service never raised: {', '.join(unknown)}")
    repeated = [plate_of(entry) for entry in left_over if any(_is_again(entry, sighting) for sighting in sightings)]
    if repeated:
        failures.append(f"more than one event for one vehicle: {', '.join(repeated)}")
    return failures


GATE_OPENED = "the gate opened"


def _problem_of(row: VehicleRow, vehicle: Vehicle) -> str | None:
    missing = row.first_missing_hop()
    if missing is not None:
        return f"stopped before: {missing}"
    if not row.right:
        return "misread"
    if row.gate_expected is False and "gate" in row.times:
        return GATE_OPENED
    if vehicle.alarm_list and vehicle.alarm_list not in row.alarm_list:
        return f"no alarm of {vehicle.alarm_list}"
    return None


def _invented(sightings: Sequence[Sighting], entries: Sequence[dict[str, Any]], heard: Heard) -> list[str]:
    """Plates, as stored and as the VMS shows them, that no vehicle in view at that moment had."""
    found = []
    for entry in entries:
        truths = {sighting.vehicle.plate for sighting in sightings if sighting.saw(entry)}
        if None in truths:
            continue  # nobody wrote down what is in this picture
        shown = [str(alarm["object"]) for alarm in heard.alarms_of(entry["event"]["event_id"])]
        found += [plate for plate in dict.fromkeys([plate_of(entry), *shown]) if plate not in truths]
    return [f"alarms name plates that are in no picture: {', '.join(found)}"] if found else []


def _is_again(entry: dict[str, Any], sighting: Sighting) -> bool:
    """Whether an event is a second one of a vehicle that has its own, misread or not."""
    if sighting.entry is None or not sighting.saw(entry):
        return False
    known = {sighting.vehicle.plate, plate_of(sighting.entry)} - {None}
    return any(SequenceMatcher(None, plate_of(entry), plate).ratio() >= ALIKE for plate in known if plate)


def plate_of(entry: dict[str, Any]) -> str:
    return str(entry["event"]["plate"]["plate_number"])


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
