"""What a process that died left of a decision: never carried out again, and a relay it left active is let go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from adapter.pictures import Pictures
from adapter.pipeline import Pipeline
from events.types import ActionFailed, RelayChanged, RelayState
from onvif_client.errors import CameraRejected, CameraUnreachable
from rules.types import RelayDecision
from tests.fakes.gate_bench import NOW, Bench, open_bench, passage
from tests.fakes.waiting import until


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path) as opened:
        yield opened


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
