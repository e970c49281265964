"""A camera changed while a vehicle passes: in place, or with its stream opened again; one passage either way."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapter.camera_recognition import SettingsRefused
from adapter.fleet import Fleet
from adapter.lpr_camera import LprCamera
from adapter.store.cameras import CameraRecord
from adapter.tasks import Tasks
from inference.funnel import total
from inference.types import Passage, PassageState
from tests.inference.test_watch import PaintedPlates, film, scene

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclass
class Told:
    """A pipeline that only remembers."""

    passages: list[tuple[str, Passage]] = field(default_factory=list)
    noted: list[tuple[str, PassageState]] = field(default_factory=list)
    """What others were told after the pipeline, by camera."""

    async def passage(self, camera: LprCamera, event_id: str, passage: Passage) -> None:
        self.passages.append((event_id, passage))

    async def system(self, event: object) -> None:
        pass

    @property
    def states(self) -> list[PassageState]:
        return [one.state for _, one in self.passages if one.state is not PassageState.PREVIEW]


@dataclass
class Site:
    fleet: Fleet
    told: Told
    record: CameraRecord

    @property
    def camera(self) -> LprCamera:
        camera = self.fleet.find("gate")
        assert camera is not None
        return camera

    async def put(self, **changes: Any) -> None:
        await self.fleet.put(replace(self.record, **changes))


@asynccontextmanager
async def site_with(folder: Path, reader: PaintedPlates) -> AsyncIterator[Site]:
    """One camera whose film shows a car for a good second; its vote stays open for all of them."""
    road = film(folder / "road.mp4", lambda number: scene(car_x=20 + 12 * number if 3 <= number < 22 else None), 42, 16)
    record = CameraRecord(
        camera_id="gate",
        name="Gate",
        address=str(road),
        recognition={"stop_above": 1.0, "calm_fps": 16, "max_fps": 16},
        created_at=NOON,
    )
    with ThreadPoolExecutor(1) as executor:
        async with Tasks() as tasks:
            told = Told()
            fleet = Fleet(
                recognizer=reader,
                executor=executor,
                lost_after=timedelta(seconds=9),
                tasks=tasks,
                on_passage=lambda camera_id, passage: told.noted.append((camera_id, passage.state)),
            )
            fleet.report_to(told)
            yield Site(fleet, told, record)
            await fleet.drop("gate")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_with(tmp_path, PaintedPlates()) as one:
        yield one


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_change_in_mid_passage_keeps_stream_and_readings_and_gives_one_passage(site: Site) -> None:
    await site.put()
    await until(lambda: total(site.camera.funnel.hours).read >= 3)
    camera, watch, source = site.camera, site.camera.watch, site.camera._source
    recognition = {**site.record.recognition, "rearm_s": 60, "preset": "fast", "partial_span_s": 0.5, "calm_fps": 8}
    await site.put(recognition=recognition, modules=("NL",), selected_lists=frozenset(), description="north")
    assert site.camera is camera
    assert (camera.watch, camera._source) == (watch, source)
    assert watch.settings.tracker.rearm_s == 60
    assert watch.settings.recognition.modules == ("NL",)
    assert site.told.states == []
    await until(lambda: PassageState.LOST in site.told.states)
    assert site.told.states == [PassageState.FINAL, PassageState.LOST]
    (final,) = [one for _, one in site.told.passages if one.state is PassageState.FINAL]
    # Readings from before and after the change voted together.
    assert final.read_count >= 5
    await until(lambda: site.told.noted[-1:] == [("gate", PassageState.LOST)])
    assert ("gate", PassageState.FINAL) in site.told.noted
    # The time span of half a second came on top of the vehicle's own time.
    assert site.camera.health.result_delay_s is not None
    assert site.camera.health.result_delay_s > 0.5


async def test_a_restart_in_mid_passage_tells_the_vehicle_first_and_not_again(site: Site) -> None:
    await site.put()
    await until(lambda: total(site.camera.funnel.hours).read >= 3)
    camera = site.camera
    await site.put(recognition={**site.record.recognition, "rotation": 180})
    assert site.camera is not camera
    assert site.told.states == [PassageState.FINAL, PassageState.LOST]
    assert len({event_id for event_id, _ in site.told.passages}) == 1
    # The film begins again, so the same car comes again at once: within rearm_s it is the same passage.
    reads = total(site.camera.funnel.hours).read
    assert reads >= 3
    assert site.camera.recognized == 1
    await until(lambda: total(site.camera.funnel.hours).read >= reads + 5)
    await until(lambda: not site.camera.watch.tracker.in_view)
    assert site.told.states == [PassageState.FINAL, PassageState.LOST]


async def test_a_camera_that_is_disabled_or_removed_tells_what_was_in_view(site: Site) -> None:
    await site.put()
    await until(lambda: total(site.camera.funnel.hours).read >= 3)
    await site.put(enabled=False)
    assert site.told.states == [PassageState.FINAL, PassageState.LOST]
    await site.fleet.drop("gate")
    assert site.told.states == [PassageState.FINAL, PassageState.LOST]


async def test_a_camera_is_decoded_in_a_process_of_its_own_for_as_long_as_that_is_wanted(site: Site) -> None:
    def children() -> int:
        return sum(child.name == "decode" for child in multiprocessing.active_children())

    await site.put(recognition={**site.record.recognition, "decode_apart": True})
    async with asyncio.timeout(60):
        while PassageState.FINAL not in site.told.states:
            await asyncio.sleep(0.01)
    assert children() == 1
    await site.put()
    await until(lambda: children() == 0)
    assert not site.camera.recognition.decode_apart


async def test_what_cannot_be_used_changes_nothing(site: Site) -> None:
    await site.put()
    await until(lambda: site.camera.watch is not None)
    with pytest.raises(SettingsRefused, match="rearm_s"):
        await site.put(recognition={"rearm_s": -1})
    assert site.camera.recognition.rearm_s == 10


@pytest.mark.requirement("M-064")
async def test_frames_that_a_slow_computer_misses_are_counted_over_reconnections(tmp_path: Path) -> None:
    async with site_with(tmp_path, PaintedPlates(takes_s=0.2)) as site:
        always = {**site.record.recognition, "motion_gate": False}
        await site.put(recognition=always)
        assert site.camera.health.frames_missed == 0
        await until(lambda: site.camera.health.frames_missed >= 3)
        before = site.camera.health.frames_missed
        await site.put(recognition={**always, "rotation": 180})
        assert site.camera.health.frames_missed >= before
        await until(lambda: site.camera.health.frames_missed > before)
