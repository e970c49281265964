"""From a passage to everything that follows: stored whole before anybody is told, and once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from adapter.fleet import modules_in_use
from adapter.pictures import Pictures
from adapter.pipeline import Pipeline
from adapter.relays import RelayDriver
from adapter.rulebook import Rulebook
from adapter.store.cameras import CameraRecord
from adapter.store.store import Store
from adapter.tasks import Tasks
from events.types import (
    ActionFailed,
    AlarmRaised,
    Event,
    ListKind,
    ListMatched,
    PlateRecognized,
    RelayChanged,
    RelayState,
)
from inference.types import Box, Direction, LicensePlate, Passage, PassageState
from inference.watch import Watch
from onvif_client.errors import CameraRejected, CameraUnreachable
from onvif_client.types import PulseResult
from rules.types import UNLISTED_LIST_ID, AlarmDefinition, ListEntry, MatchList, RelayAction, RelayDecision
from tests.fakes.waiting import until
from tests.inference.test_watch import FAST, FilmSource, PaintedPlates, drive_by

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
BRIEF = timedelta(milliseconds=1)


@dataclass
class Gate:
    """A camera with a relay that remembers, refuses or hangs."""

    pulses: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    error: Exception | None = None
    release_error: Exception | None = None
    asked: int = 0
    connected: bool = True

    @property
    def onvif(self) -> Gate:
        if not self.connected:
            raise CameraUnreachable("Gate north is not connected now.")
        return self

    async def pulse_relay(
        self, token: str, *, duration_s: float, deadline_s: float, on_active: Callable[[], None]
    ) -> PulseResult:
        assert deadline_s > 0
        if self.error:
            raise self.error
        self.pulses.append(token)
        on_active()
        await asyncio.sleep(duration_s)
        return PulseResult(activated=True, released=True)

    async def set_relay(self, token: str, active: bool) -> None:
        assert not active
        self.asked += 1
        if self.release_error:
            raise self.release_error
        self.released.append(token)


@dataclass
class Bench:
    """The pipeline on a real store, with a fake gate and a clock that stands still."""

    store: Store
    pipeline: Pipeline
    rulebook: Rulebook
    driver: RelayDriver
    gate: Gate | None
    told: list[Event]
    slept: list[float]
    camera_id: str = "cam1"
    name: str = "Gate north"
    now: datetime = NOW

    async def drive(self, plate: str, *, likelihood: float = 0.95, reads: int = 3, age_s: float = 0.2) -> str:
        event_id = uuid4().hex
        await self.pipeline.passage(
            self, event_id, passage(plate, likelihood, reads, self.now - timedelta(seconds=age_s))
        )
        return event_id

    async def start_again(self) -> None:
        """As the service does, with the cameras in between."""
        await self.driver.recover()
        await self.driver.let_go()

    async def settle(self) -> None:
        """Let the relay tasks run to their end."""
        while [task for task in asyncio.all_tasks() if task.get_name().startswith("relay ")]:
            await asyncio.sleep(0.01)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.told]


def passage(
    plate: str, likelihood: float, reads: int, at: datetime, state: PassageState = PassageState.FINAL
) -> Passage:
    picture = np.full((72, 128, 3), 90, np.uint8)
    return Passage(
        object_id=1,
        state=state,
        plate=LicensePlate(plate_number=plate, country_code="NL"),
        likelihood=likelihood,
        country_likelihood=0.9,
        characters=(),
        module_code="NL",
        direction=Direction.APPROACHING,
        started_at=at - timedelta(seconds=1),
        ended_at=at,
        read_at=at,
        read_count=reads + 2,
        agreeing_reads=reads,
        box=Box(x=10, y=20, width=40, height=10),
        frame_picture=picture,
        plate_picture=picture[20:30, 10:50],
    )


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with Store.in_folder(tmp_path) as store, Tasks() as tasks:
        told: list[Event] = []
        rulebook = Rulebook(store=store)
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            await asyncio.sleep(0.001)

        driver = RelayDriver(
            decisions=store.decisions,
            find_camera=lambda camera_id: bench.gate,
            tasks=tasks,
            clock=lambda: bench.now,
            sleep=sleep,
        )
        pipeline = Pipeline(
            journal=store.journal,
            rulebook=rulebook,
            pictures=Pictures(folder=tmp_path / "pictures"),
            tell=told.append,
            pulse=driver.start,
            clock=lambda: bench.now,
        )
        driver.report_to(pipeline)
        bench = Bench(store, pipeline, rulebook, driver, Gate(), told, slept)
        await store.lists.add(MatchList(list_id="staff", name="Staff", kind=ListKind.ALLOW), now=NOW)
        await store.lists.add(MatchList(list_id="stolen", name="Stolen", kind=ListKind.DENY), now=NOW)
        await store.lists.save_entry("staff", ListEntry(entry_id="e1", pattern="AB12CD"))
        await store.lists.save_entry("staff", ListEntry(entry_id="e2", pattern="XX?99Z"))
        await store.lists.save_entry("stolen", ListEntry(entry_id="e3", pattern="ST0LEN"))
        for list_id in ("stolen", UNLISTED_LIST_ID):
            await store.alarm_definitions.save(
                AlarmDefinition(definition_id=f"a-{list_id}", name=f"{list_id} seen", list_id=list_id)
            )
        await store.relay_actions.save(
            RelayAction(action_id="open", list_id="staff", camera_id="", relay_token="gate", pulse=BRIEF)
        )
        await rulebook.open(NOW)
        yield bench


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


async def die_after(carry_out: Callable[[RelayDecision], Awaitable[object]], bench: Bench, tmp_path: Path) -> None:
    """A vehicle is let in by a process that ends when this much was done of the decision."""

    async def pulse(decision: RelayDecision) -> None:
        await carry_out(decision)

    dying = Pipeline(
        journal=bench.store.journal,
        rulebook=bench.rulebook,
        pictures=Pictures(folder=tmp_path / "pictures"),
        tell=bench.told.append,
        pulse=pulse,
        clock=lambda: NOW,
    )
    await dying.passage(bench, uuid4().hex, passage("AB12CD", 0.95, 3, NOW))


async def claimed_and_left(bench: Bench, tmp_path: Path) -> None:
    """The relay may be active."""
    await die_after(lambda decision: bench.store.decisions.claim(decision.decision_id, NOW), bench, tmp_path)


async def test_a_decision_left_by_a_process_that_died_is_recorded_as_failed_and_never_carried_out(
    bench: Bench, tmp_path: Path
) -> None:
    await die_after(lambda decision: asyncio.sleep(0), bench, tmp_path)
    await bench.driver.recover()
    await bench.settle()
    assert (bench.gate.pulses, bench.gate.released) == ([], [])
    assert any(isinstance(event, ActionFailed) for event in bench.told)
    await bench.driver.recover()
    assert sum(isinstance(event, ActionFailed) for event in bench.told) == 1


async def test_a_relay_that_a_process_that_died_may_have_left_active_is_let_go_when_its_camera_is_there(
    bench: Bench, tmp_path: Path
) -> None:
    await claimed_and_left(bench, tmp_path)
    bench.gate.connected = False
    await bench.start_again()
    await until(lambda: len(bench.slept) > 2)
    assert (bench.gate.asked, bench.gate.released) == (0, [])
    bench.gate.connected = True
    await bench.settle()
    assert (bench.gate.pulses, bench.gate.released) == ([], ["gate"])
    assert await bench.store.decisions.left_active() == []
    assert [event.state for event in bench.told if isinstance(event, RelayChanged)] == ["inactive"]
    assert bench.kinds().count("ActionFailed") == 1


async def test_a_relay_that_cannot_be_let_go_after_a_restart_is_said_to_stand_active(
    bench: Bench, tmp_path: Path
) -> None:
    await claimed_and_left(bench, tmp_path)
    bench.gate.release_error = CameraRejected("The camera has no such relay.")
    await bench.start_again()
    await bench.settle()
    *_, failure = (event for event in bench.told if isinstance(event, ActionFailed))
    assert "may stand active" in failure.detail
    assert "no such relay" in failure.detail


async def test_a_pulse_that_comes_before_a_relay_is_let_go_is_not_cut_short(bench: Bench, tmp_path: Path) -> None:
    await claimed_and_left(bench, tmp_path)
    bench.gate.release_error = CameraUnreachable("Gate north is not connected now.")
    await bench.start_again()
    await asyncio.sleep(0)
    bench.now += timedelta(minutes=1)
    await bench.drive("AB12CD")
    await until(lambda: bench.gate.pulses == ["gate"])
    bench.gate.release_error = None
    await bench.settle()
    assert (bench.gate.pulses, bench.gate.released) == (["gate"], [])


async def test_a_relay_is_let_go_by_the_first_run_that_meets_its_camera_however_late(
    bench: Bench, tmp_path: Path
) -> None:
    await claimed_and_left(bench, tmp_path)
    await bench.driver.recover()  # This run ends before its cameras are there.
    bench.now += timedelta(days=3)
    bench.gate.connected = False
    await bench.start_again()
    await until(lambda: sum(bench.slept) > 3600)
    bench.gate.connected = True
    await bench.settle()
    assert bench.gate.released == ["gate"]
    failures = [event.detail for event in bench.told if isinstance(event, ActionFailed)]
    assert len(failures) == 2
    assert "is let go when its camera is there" in failures[1]
    await bench.start_again()
    await bench.settle()
    assert bench.gate.released == ["gate"]


async def test_a_camera_that_does_not_let_go_is_asked_less_and_less_often(bench: Bench, tmp_path: Path) -> None:
    await claimed_and_left(bench, tmp_path)
    bench.gate.release_error = CameraUnreachable("No answer.")
    await bench.start_again()
    await until(lambda: bench.gate.asked >= 20)
    bench.gate.release_error = None
    await bench.settle()
    assert all(pause >= 30 for pause in bench.slept[8:])
    assert bench.gate.released == ["gate"]


async def test_a_relay_of_a_camera_that_was_removed_is_given_up(bench: Bench, tmp_path: Path) -> None:
    await claimed_and_left(bench, tmp_path)
    bench.gate = None
    await bench.start_again()
    await bench.settle()
    *_, failure = (event for event in bench.told if isinstance(event, ActionFailed))
    assert "Its camera was removed." in failure.detail
    assert await bench.store.decisions.left_active() == []


async def test_a_relay_that_a_vms_switches_after_the_restart_stays_as_the_vms_wants_it(
    bench: Bench, tmp_path: Path
) -> None:
    await claimed_and_left(bench, tmp_path)
    bench.gate.release_error = CameraUnreachable("No answer.")
    await bench.start_again()
    await until(lambda: bench.gate.asked > 0)
    bench.driver.note(
        RelayChanged(
            event_id="e",
            utc_time=NOW,
            camera_id="cam1",
            relay_token="gate",
            state=RelayState.ACTIVE,
            decision_id="onvif:vms",
        )
    )
    bench.gate.release_error = None
    await bench.settle()
    assert bench.gate.released == []
    assert await bench.store.decisions.left_active() == []


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
