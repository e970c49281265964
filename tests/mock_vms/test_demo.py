"""The demo's own judgement: it must fail when a hop is missing, a plate is wrong, or a gate opens for the wrong car."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from mock_vms.demo import scenario as scenarios
from mock_vms.demo.follow import Findings, Follower, Stage
from mock_vms.demo.scenario import Scenario, Stand, Vehicle


class Answers:
    """A program's REST interface that answers from a table."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = table
        self.posted: list[Any] = []

    async def get(self, path: str, **params: str) -> Any:
        return self._table[path + params.get("kind", "")]

    async def post(self, path: str, body: Any) -> Any:
        self.posted.append(body)
        return {"number": len(self.posted)}


def at(second: float) -> str:
    return f"2026-05-04T12:00:{second:06.3f}+00:00"


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def event(number: int, plate: str, second: float) -> dict[str, Any]:
    return {
        "event": {
            "event_id": f"e{number}",
            "camera_id": "cam",
            "utc_time": at(second),
            "read_at": at(second + 0.2),
            "plate": {"plate_number": plate, "country_code": "NL"},
        },
        "stored_at": at(second + 0.3),
    }


def alarm(number: int, plate: str, second: float, list_name: str) -> dict[str, Any]:
    return {"source_id": f"m{number}", "object": plate, "received_at": at(second + 0.5), "list_name": list_name}


async def judge(
    events: list[dict[str, Any]],
    *,
    pulses: list[dict[str, Any]] | None = None,
    needed: int | None = None,
    pulled: bool = True,
    decided: set[str] | None = None,
    vehicles: tuple[Vehicle, ...] = (),
    more_alarms: tuple[dict[str, Any], ...] = (),
    strangers_allowed: bool = False,
    never: str | None = None,
    stands_still: bool = False,
    drive: bool = False,
) -> Findings:
    """Two vehicles: one is let in at second 1, the other is wanted at second 11. `never` does not show."""
    vehicles = vehicles or (
        Vehicle(label="A", plate="12BKL3", request={"plate": "12BKL3"}, gate=True, alarm_list="Residents"),
        Vehicle(label="B", plate="99XYZ9", request={"plate": "99XYZ9"}, gate=False, alarm_list="Wanted"),
    )
    stand = Stand(name="Gate", arguments=(), modules=("NL",), vehicles=vehicles)
    passages = [
        {"number": 1, "plate": "12BKL3", "label": "A", "appeared_at": at(0), "left_at": at(4)},
        {
            "number": 2,
            "plate": "99XYZ9",
            "label": "B",
            "appeared_at": at(10),
            "left_at": None if stands_still else at(14),
        },
    ]
    passages = [passage for passage in passages if passage["label"] != never]
    gate = pulses if pulses is not None else [{"token": "gate", "active": True, "at": at(2)}]
    lists = {"12BKL3": "Residents", "99XYZ9": "Wanted"}
    plates = [(number, e["event"]["plate"]["plate_number"], e) for number, e in enumerate(events, 1)]
    service = Answers(
        {
            "/api/v1/events": events,
            "/api/v1/decisions": [
                {"event_id": f"e{n}", "claimed_at": pulse["at"]}
                for n, plate, _ in plates
                for pulse in gate
                if decided is None or plate in decided
                if abs(seconds(pulse["at"]) - seconds(events[n - 1]["event"]["utc_time"])) < 2
            ],
            "/api/v1/eventsListMatched": [
                {"event": {"event_id": f"m{n}", "recognized_id": f"e{n}"}} for n, _, _ in plates
            ],
        }
    )
    channel = {"pull_point": {"first_at": at(3)}} if pulled else {"webhook": {"first_at": at(3)}}
    vms = Answers(
        {
            "/api/events": {"events": [{"event_id": f"e{n}", "channels": channel} for n, _, _ in plates]},
            "/api/alarms": {
                "alarms": [
                    *(alarm(n, p, 2, lists.get(p, "Unlisted license plates")) for n, p, _ in plates),
                    *more_alarms,
                ]
            },
        }
    )
    control = Answers({"/passages": passages, "/relays": gate})
    stage = Stage(stand=stand, camera_id="cam", control=control)  # type: ignore[arg-type]  # answers like Rest
    follower = Follower(
        service=service,  # type: ignore[arg-type]
        vms=vms,  # type: ignore[arg-type]
        stages=[stage],
        scenario=Scenario(stands=(stand,), needed=needed, strangers_allowed=strangers_allowed),
        patience_s=0.01,
    )
    if drive:
        await follower._drive(stage)
    return await follower._collect()


GOOD = [event(1, "12BKL3", 1), event(2, "99XYZ9", 11)]


async def test_all_is_well_when_every_hop_happened() -> None:
    findings = await judge(GOOD)
    assert findings.failures == []
    assert [row.problem for row in findings.rows] == [None, None]


async def test_a_vehicle_that_was_not_read_is_named_with_the_hop() -> None:
    findings = await judge(GOOD[:1])
    assert findings.rows[1].problem == "stopped before: read"
    assert "B: stopped before: read" in findings.failures[0]


async def test_an_event_that_was_not_pulled_is_named() -> None:
    assert "stopped before: pulled" in (await judge(GOOD, pulled=False)).failures[0]


async def test_a_gate_that_stays_shut_for_a_resident_fails() -> None:
    assert "stopped before: gate" in (await judge(GOOD, pulses=[])).failures[0]


async def test_a_gate_that_opens_for_the_wanted_car_fails_even_when_the_count_is_met() -> None:
    pulses = [{"token": "gate", "active": True, "at": at(second)} for second in (2, 12)]
    findings = await judge(GOOD, pulses=pulses, needed=1)
    assert findings.failures == ["the gate opened for 99XYZ9, which is not allowed in"]


async def test_a_gate_that_opens_without_a_decision_fails() -> None:
    pulses = [{"token": "gate", "active": True, "at": at(second)} for second in (2, 7)]
    findings = await judge(GOOD, pulses=pulses)
    assert "without a decision" in findings.failures[0]


async def test_an_event_that_comes_late_still_belongs_to_its_vehicle() -> None:
    findings = await judge([event(1, "99XYZ9", 11), event(2, "12BKL3", 6.5)], pulses=[], needed=1)
    assert [row.read for row in findings.rows] == ["12BKL3", "99XYZ9"]


async def test_a_plate_that_nobody_has_fails_even_when_the_count_is_met() -> None:
    findings = await judge([*GOOD, event(3, "WR0NG1", 12)], needed=2)
    assert findings.failures == ["alarms name plates that are in no picture: WR0NG1"]


async def test_two_events_for_one_vehicle_fail() -> None:
    findings = await judge([*GOOD, event(3, "12BKL3", 3)], needed=2)
    assert findings.failures == ["more than one event for one vehicle: 12BKL3"]


async def test_a_misread_plate_counts_as_wrong_and_as_invented() -> None:
    findings = await judge([GOOD[0], event(2, "99XYZ8", 11)], needed=1)
    assert findings.rows[1].problem == "misread"
    assert findings.failures == ["alarms name plates that are in no picture: 99XYZ8"]


UNKNOWN = (
    Vehicle(label="A", plate=None, request={"photo": "A"}),
    Vehicle(label="B", plate=None, request={"photo": "B"}),
)
PICTURES = (
    Vehicle(label="A", plate="12BKL3", request={"photo": "A"}),
    Vehicle(label="B", plate="99XYZ9", request={"photo": "B"}),
)


async def test_pictures_without_labels_are_right_when_any_plate_goes_through_every_hop() -> None:
    findings = await judge(GOOD, vehicles=UNKNOWN, pulses=[])
    assert findings.failures == []


async def test_pictures_without_labels_fail_when_nothing_is_read() -> None:
    findings = await judge(GOOD[:1], vehicles=UNKNOWN, pulses=[])
    assert findings.failures == [
        "1 of 2 vehicles arrived right, 2 are needed; the first that failed: B: stopped before: read"
    ]


async def test_a_clip_without_labels_that_shows_nothing_is_named_with_the_hop(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    chosen = scenarios.clips(tmp_path / "a.mp4", None)
    assert (chosen.needed, chosen.vehicles[0][1].plate) == (1, None)
    findings = await judge([], vehicles=UNKNOWN, pulses=[], needed=1, strangers_allowed=True)
    assert "A: stopped before: read" in findings.failures[0]


@pytest.mark.parametrize("strangers_allowed", [True, False])
async def test_a_second_event_of_one_vehicle_fails_although_it_is_misread(strangers_allowed: bool) -> None:
    again = event(3, "12BKI3", 3)
    findings = await judge([*GOOD, again], vehicles=PICTURES, pulses=[], needed=2, strangers_allowed=strangers_allowed)
    assert findings.failures[-1] == "more than one event for one vehicle: 12BKI3"


async def test_another_car_in_a_clip_is_no_second_event() -> None:
    other = event(3, "GR123AB", 3)
    findings = await judge([*GOOD, other], vehicles=PICTURES, pulses=[], needed=2, strangers_allowed=True)
    assert findings.failures == []


async def test_a_vehicle_that_never_shows_is_named_with_the_first_hop_and_nobody_waits_for_the_rest() -> None:
    findings = await judge(GOOD[:1], never="B", drive=True)
    assert findings.rows[1].problem == "stopped before: frame"
    assert "B: stopped before: frame" in findings.failures[0]


async def test_a_vehicle_that_stands_still_in_the_picture_ends_the_drive_with_a_row() -> None:
    findings = await judge(GOOD[:1], stands_still=True, drive=True)
    assert [row.problem for row in findings.rows] == [None, "stopped before: read"]


async def test_a_plate_of_one_photo_alarmed_for_another_is_in_no_picture() -> None:
    findings = await judge([*GOOD, event(3, "12BKL3", 12)], vehicles=PICTURES, pulses=[], needed=2)
    assert findings.failures == ["alarms name plates that are in no picture: 12BKL3"]


async def test_what_the_vms_shows_counts_and_not_what_the_service_stored() -> None:
    shown = alarm(2, "99XYZ8", 11, "Wanted")
    findings = await judge(GOOD, more_alarms=(shown,), needed=1)
    assert findings.rows[1].problem == "the alarm shows 99XYZ8"
    assert findings.failures == ["alarms name plates that are in no picture: 99XYZ8"]


async def test_an_alarm_that_the_service_never_raised_fails() -> None:
    findings = await judge(GOOD, more_alarms=(alarm(9, "GH05TX", 5, "Wanted"),))
    assert findings.failures == ["the VMS shows alarms that the service never raised: GH05TX"]


def test_photos_take_their_truth_from_labels_beside_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "eu"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number:02d}.jpg").touch()
    (tmp_path / "labels.csv").write_text("dataset,file,plate\neu,eu/03.jpg,AB12CD\n", encoding="utf-8")
    chosen = scenarios.photos(folder, 12)
    assert {vehicle.label: vehicle.plate for _, vehicle in chosen.vehicles}["03.jpg"] == "AB12CD"
    assert "D" in chosen.stands[0].modules


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no photos"):
        scenarios.photos(tmp_path, 10)
    with pytest.raises(ValueError, match="none is no folder; PHOTOS takes a folder"):
        scenarios.photos(tmp_path / "none", 10)


def test_a_clip_that_is_not_there_is_not_another_one_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    with pytest.raises(ValueError, match=r"b\.mp4 does not exist"):
        scenarios.clips(tmp_path / "b.mp4", None)


def test_labels_may_be_written_as_people_do_and_saved_by_a_spreadsheet(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "b.jpg").touch()
    (tmp_path / "labels.csv").write_text("file,plate\na.jpg,wü ab 123\nb.jpg,12-BKL-3\n", encoding="utf-8-sig")
    chosen = scenarios.photos(tmp_path, 10)
    assert [vehicle.plate for _, vehicle in chosen.vehicles] == ["WUAB123", "12BKL3"]


def test_a_photo_with_two_plates_expects_both_and_is_driven_once(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "labels.csv").write_text("file,plate\na.jpg,AB12CD\na.jpg,EF34GH\n", encoding="utf-8")
    chosen = scenarios.photos(tmp_path, 10)
    assert [vehicle.plate for _, vehicle in chosen.vehicles] == ["AB12CD", "EF34GH"]
    assert chosen.needed == 2


def test_clips_with_two_vehicles_expect_both(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "labels.csv").write_text("file,plate\na.mp4,AB12CD\na.mp4,EF34GH\n", encoding="utf-8")
    assert [vehicle.plate for _, vehicle in scenarios.clips(tmp_path, None).vehicles] == ["AB12CD", "EF34GH"]
