"""From a passage to everything that follows: stored whole before anybody is told, and once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from adapter.fleet import modules_in_use
from adapter.store.cameras import CameraRecord
from events.types import (
    ActionFailed,
    AlarmRaised,
    ListKind,
    ListMatched,
    PlateRecognized,
    RelayChanged,
)
from inference.types import Passage, PassageState
from inference.watch import Watch
from onvif_client.errors import CameraUnreachable
from rules.types import UNLISTED_LIST_ID, AlarmDefinition, ListEntry, RelayAction
from tests.fakes.gate_bench import BRIEF, NOW, Bench, open_bench, passage
from tests.inference.test_watch import FAST, FilmSource, PaintedPlates, drive_by


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path) as opened:
        yield opened


@pytest.mark.requirement("M-255")
async def test_a_listed_plate_is_stored_matched_and_opens_the_gate(bench: Bench) -> None:
    event_id = await bench.drive("AB12CD")
    await bench.settle()
    assert bench.kinds() == ["PlateRecognized", "ListMatched", "RelayChanged", "RelayChanged"]
    assert bench.gate.pulses == ["gate"]
    stored = await bench.store.journal.get(event_id)
    assert stored is not None
    assert isinstance(stored.event, PlateRecognized)
    assert stored.event.list_kinds == (ListKind.ALLOW,)


@pytest.mark.requirement("M-256")
async def test_a_drive_off_raises_an_alarm_and_blocks_the_pumps_for_a_while(bench: Bench) -> None:
    pumps = RelayAction(
        action_id="block", list_id="stolen", camera_id="forecourt", relay_token="pumps", pulse=timedelta(seconds=0.2)
    )
    await bench.store.relay_actions.save(pumps)
    await bench.rulebook.reload()
    started_s = asyncio.get_running_loop().time()
    await bench.drive("ST0LEN")
    await bench.settle()
    assert asyncio.get_running_loop().time() - started_s >= pumps.pulse.total_seconds()
    assert bench.kinds() == ["PlateRecognized", "ListMatched", "AlarmRaised", "RelayChanged", "RelayChanged"]
    alarm = next(event for event in bench.told if isinstance(event, AlarmRaised))
    assert (alarm.name, alarm.object, alarm.list_name) == ("stolen seen", "ST0LEN", "Stolen")
    blocked, released = (event for event in bench.told if isinstance(event, RelayChanged))
    assert {(event.camera_id, event.relay_token) for event in (blocked, released)} == {("forecourt", "pumps")}
    assert (blocked.state, released.state) == ("active", "inactive")


async def test_one_list_raises_an_alarm_and_pulses_several_relays(bench: Bench) -> None:
    await bench.store.alarm_definitions.save(AlarmDefinition(definition_id="a-staff", name="Staff", list_id="staff"))
    for token in ("lamp", "sign"):
        await bench.store.relay_actions.save(
            RelayAction(action_id=f"then {token}", list_id="staff", camera_id="hall", relay_token=token, pulse=BRIEF)
        )
    await bench.rulebook.reload()
    await bench.drive("AB12CD")
    await bench.settle()
    assert [event.name for event in bench.told if isinstance(event, AlarmRaised)] == ["Staff"]
    assert sorted(bench.gate.pulses) == ["gate", "lamp", "sign"]
    assert bench.kinds().count("RelayChanged") == 6


async def test_an_unlisted_plate_raises_its_alarm_with_object_tag_and_type_and_leaves_the_gate_shut(
    bench: Bench,
) -> None:
    await bench.drive("ZZ99ZZ")
    await bench.settle()
    alarm = next(event for event in bench.told if isinstance(event, AlarmRaised))
    assert (alarm.object, alarm.tag, alarm.type) == ("ZZ99ZZ", "NL", "List match")
    match = next(event for event in bench.told if isinstance(event, ListMatched))
    assert match.list_id == UNLISTED_LIST_ID
    assert bench.gate.pulses == []


async def test_the_same_passage_told_twice_is_stored_and_acted_on_once(bench: Bench) -> None:
    event_id = uuid4().hex
    for _ in range(2):
        await bench.pipeline.passage(bench, event_id, passage("AB12CD", 0.95, 3, NOW))
    await bench.settle()
    assert bench.kinds().count("PlateRecognized") == 1
    assert bench.gate.pulses == ["gate"]


async def test_a_preview_is_told_and_not_stored(bench: Bench) -> None:
    event_id = uuid4().hex
    await bench.pipeline.passage(bench, event_id, replace(passage("AB12CD", 0.9, 1, NOW), state=PassageState.PREVIEW))
    assert bench.kinds() == ["PlateRecognized"]
    assert await bench.store.journal.get(event_id) is None


@pytest.mark.parametrize(
    ("likelihood", "reads", "age_s", "why"),
    [(0.5, 3, 0.2, "likelihood"), (0.95, 1, 0.2, "reads agreed"), (0.95, 3, 30.0, "deadline")],
)
async def test_a_weak_lonely_or_late_reading_never_opens_the_gate(
    bench: Bench, likelihood: float, reads: int, age_s: float, why: str
) -> None:
    event_id = await bench.drive("AB12CD", likelihood=likelihood, reads=reads, age_s=age_s)
    await bench.settle()
    assert bench.gate.pulses == []
    stored = await bench.store.journal.get(event_id)
    assert stored is not None
    assert why in stored.refusals[0]


async def test_two_vehicles_at_once_pulse_the_gate_once(bench: Bench) -> None:
    await asyncio.gather(bench.drive("AB12CD"), bench.drive("XX199Z"))
    await bench.settle()
    assert bench.gate.pulses == ["gate"]


async def test_a_gate_that_does_not_answer_is_alarmed_and_not_tried_again(bench: Bench) -> None:
    bench.gate.error = CameraUnreachable("The camera does not answer.")
    await bench.drive("AB12CD")
    await bench.settle()
    assert [event.detail for event in bench.told if isinstance(event, ActionFailed)] == ["The camera does not answer."]
    assert [event.type for event in bench.told if isinstance(event, AlarmRaised)] == ["Action failed"]
    bench.gate.error = None
    await bench.driver.recover()
    assert bench.gate.pulses == []


async def test_a_full_disk_loses_the_picture_and_not_the_event(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "pictures").write_text("no folder", encoding="utf-8")
    event_id = await bench.drive("AB12CD")
    await bench.settle()
    stored = await bench.store.journal.get(event_id)
    assert stored is not None
    assert isinstance(stored.event, PlateRecognized)
    assert stored.event.frame_picture is None
    assert bench.gate.pulses == ["gate"]


async def test_the_picture_of_the_scene_does_not_stay_when_that_of_the_plate_is_lost(
    bench: Bench, tmp_path: Path
) -> None:
    event_id = uuid4().hex
    (tmp_path / "pictures" / event_id[:2] / f"{event_id}-plate.jpg").mkdir(parents=True)
    await bench.pipeline.passage(bench, event_id, passage("AB12CD", 0.95, 3, NOW))
    await bench.settle()
    stored = await bench.store.journal.get(event_id)
    assert stored is not None
    assert isinstance(stored.event, PlateRecognized)
    assert stored.event.frame_picture is None
    assert [path for path in (tmp_path / "pictures").rglob("*.jpg") if path.is_file()] == []


async def test_a_relay_change_is_told_as_a_property(bench: Bench) -> None:
    await bench.drive("AB12CD")
    await bench.settle()
    states = [event.state for event in bench.told if isinstance(event, RelayChanged)]
    assert states == ["active", "inactive"]


@pytest.mark.requirement("M-015")
async def test_lists_change_while_a_worker_goes_on_watching(bench: Bench) -> None:
    """The worker holds no lists: one watch over two passages of a plate, listed in between."""

    listed: list[str] = []

    async def passed(found: Passage) -> None:
        await bench.pipeline.passage(bench, uuid4().hex, replace(found, read_at=NOW))
        if found.state is PassageState.LOST and not listed:
            listed.append(found.plate.plate_number)
            await bench.store.lists.save_entry("stolen", ListEntry(entry_id="e4", pattern=listed[0]))
            await bench.rulebook.reload()

    source = FilmSource(lambda number: drive_by(number % 160), 320)
    with ThreadPoolExecutor(1) as executor:
        await Watch(
            source=source, recognizer=PaintedPlates(), settings=FAST, executor=executor, on_passage=passed
        ).run()
    matched = [event.list_id for event in bench.told if isinstance(event, ListMatched)]
    assert matched == [UNLISTED_LIST_ID, "stolen"]
    assert source.opened == 1


@pytest.mark.requirement("M-226")
def test_a_module_counts_once_on_however_many_cameras_it_is_used() -> None:
    def camera(number: int, *modules: str) -> CameraRecord:
        name, address = f"Gate {number}", f"rtsp://192.0.2.{number}/"
        return CameraRecord(camera_id=name, name=name, address=address, modules=modules, created_at=NOW)

    assert modules_in_use([camera(number, "DK", "X_EU") for number in range(5)]) == 2
    assert modules_in_use([camera(1, "DK"), camera(2, "D", "DK"), camera(3)]) == 2
