"""Auto-capture: one snapshot per vehicle, bounded in number, bytes and time, over restarts, by API and command line."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from adapter import auto_capture
from adapter.auto_capture import MOST_BYTES, AutoCaptures
from adapter.jobs import forget_unreviewed
from adapter.snapshot_control import UNREVIEWED_KEPT, SnapshotControl
from adapter.store.cameras import CameraRecord
from adapter.store.errors import StoreUnavailable
from adapter.store.users import Role
from adapter.tasks import Tasks
from inference.snapshots import MOST_SNAPSHOTS
from inference.types import Box, Direction, LicensePlate, Passage, PassageState
from tests.adapter.api.conftest import Console
from tests.adapter.api.test_snapshots import camera_with
from tests.fakes.snapshot_scenes import HEIGHT, WIDTH
from tests.rules.examples import NOON


def passage(
    object_id: int, *, state: PassageState = PassageState.FINAL, grey: int = 0, started_at: datetime = NOON
) -> Passage:
    """A vehicle on a picture of its own grey."""
    return Passage(
        object_id=object_id,
        state=state,
        plate=LicensePlate(plate_number="AB12CD"),
        likelihood=0.9,
        country_likelihood=0.0,
        characters=(),
        module_code=None,
        direction=Direction.ANY,
        started_at=started_at,
        ended_at=started_at,
        read_at=started_at,
        read_count=3,
        agreeing_reads=3,
        box=Box(x=10, y=10, width=100, height=25),
        frame_picture=np.full((HEIGHT, WIDTH, 3), grey or object_id, np.uint8),
        plate_picture=np.zeros((25, 100, 3), np.uint8),
    )


async def drive_by(console: Console, camera_id: str, *passages: Passage) -> None:
    """Each vehicle passes when the picture of the one before is written."""
    for one in passages:
        console.service.captures.note(camera_id, one)
        await written()


async def written() -> None:
    while any(task.get_name().startswith("auto-capture") for task in asyncio.all_tasks()):
        await asyncio.wait([task for task in asyncio.all_tasks() if task.get_name().startswith("auto-capture")])


async def kept(console: Console, camera_id: str) -> list[dict[str, object]]:
    return (await console.call("GET", f"/cameras/{camera_id}/snapshots"))[1]["snapshots"]


async def state(console: Console, camera_id: str) -> dict[str, object]:
    return (await console.call("GET", f"/cameras/{camera_id}/auto-capture", role=Role.VIEWER))[1]


async def enabled_camera(console: Console) -> str:
    camera_id, _ = await camera_with(console)
    return camera_id


async def start(console: Console, camera_id: str, **wanted: float) -> tuple[int, dict[str, object]]:
    return await console.call("PUT", f"/cameras/{camera_id}/auto-capture", json=wanted, role=Role.OPERATOR)


@pytest.mark.requirement("M-168")
async def test_each_vehicle_gives_one_snapshot_until_enough_have_passed(console):
    camera_id = await enabled_camera(console)
    await drive_by(console, camera_id, passage(1))
    assert await kept(console, camera_id) == []
    assert (await start(console, camera_id, vehicles=3))[0] == 200
    final, gone = passage(2), passage(2, state=PassageState.LOST)
    await drive_by(console, camera_id, passage(2, state=PassageState.PREVIEW), final, gone)
    assert (await state(console, camera_id))["taken"] == 1
    # One whose plate was nearly read is what a person wants to see most.
    await drive_by(console, camera_id, passage(3, state=PassageState.LOST), passage(4), passage(5), passage(6))
    rows = await kept(console, camera_id)
    assert [(row["origin"], row["approval"], row["plates"]) for row in rows] == [("auto", "new", [])] * 3
    ended = await state(console, camera_id)
    assert (ended["taken"], ended["ended"]) == (
        3,
        "All 3 vehicles are captured. Approve the snapshots, then auto-configure or validate.",
    )


async def test_a_capture_ends_with_its_time_and_when_it_is_told_to(console):
    camera_id = await enabled_camera(console)
    await start(console, camera_id, vehicles=5, hours=2)
    await drive_by(console, camera_id, passage(1))
    console.clock.advance(hours=2, seconds=1)
    await drive_by(console, camera_id, passage(2))
    assert (await state(console, camera_id))["ended"] == "The time is over: 1 of 5 vehicles passed."
    assert len(await kept(console, camera_id)) == 1
    await start(console, camera_id, vehicles=5)
    path = f"/cameras/{camera_id}/auto-capture"
    assert (await console.call("DELETE", path, role=Role.VIEWER))[0] == 403
    assert (await console.call("DELETE", path, role=Role.OPERATOR))[0] == 200
    await drive_by(console, camera_id, passage(3))
    assert (await state(console, camera_id), len(await kept(console, camera_id))) == (None, 1)


async def test_a_capture_ends_when_its_bytes_or_the_place_for_snapshots_are_used_up(console):
    class Large:
        async def keep(self, camera_id, picture, *, origin):
            return None, MOST_BYTES // 2

    async with Tasks() as tasks:
        captures = AutoCaptures(facts=console.store.facts, snapshots=Large(), tasks=tasks, clock=console.clock)
        await captures.start("cam", vehicles=9, hours=1)
        for number in range(4):
            captures.note("cam", passage(number))
            await written()
        found = captures.find("cam")
        assert (found.taken, "have reached" in found.ended) == (2, True)
    camera_id = await enabled_camera(console)
    for number in range(MOST_SNAPSHOTS):
        await console.service.snapshots.keep(camera_id, passage(number, grey=1 + number).frame_picture, origin="live")
    await start(console, camera_id, vehicles=5)
    await drive_by(console, camera_id, passage(200))
    ended = await state(console, camera_id)
    assert (ended["taken"], "remove some" in ended["ended"]) == (0, True)


async def test_a_capture_goes_on_while_the_store_takes_nothing(console):
    class Full:
        full = False

        async def put(self, name, value):
            if self.full:
                raise StoreUnavailable("disk full")

    facts = Full()
    camera_id = await enabled_camera(console)
    async with Tasks() as tasks:
        captures = AutoCaptures(facts=facts, snapshots=console.service.snapshots, tasks=tasks, clock=console.clock)
        await captures.start(camera_id, vehicles=2, hours=1)
        for number, facts.full in enumerate((True, False)):
            captures.note(camera_id, passage(number, grey=50 + number))
            await written()
        assert captures.find(camera_id).ended.startswith("All 2 vehicles are captured.")


async def test_a_vehicle_that_passes_while_a_picture_is_written_is_left_out(console):
    camera_id = await enabled_camera(console)
    await start(console, camera_id, vehicles=5)
    console.service.captures.note(camera_id, passage(1))
    console.service.captures.note(camera_id, passage(2))
    await written()
    assert len(await kept(console, camera_id)) == 1


async def test_object_ids_that_begin_again_are_other_vehicles(console):
    camera_id = await enabled_camera(console)
    await start(console, camera_id, vehicles=5)
    await drive_by(console, camera_id, passage(1, grey=30), passage(1, grey=40, started_at=NOON + timedelta(minutes=5)))
    assert len(await kept(console, camera_id)) == 2


async def test_a_capture_goes_on_after_a_restart(console):
    camera_id = await enabled_camera(console)
    await start(console, camera_id, vehicles=3)
    await drive_by(console, camera_id, passage(1))
    async with Tasks() as tasks:
        again = AutoCaptures(
            facts=console.store.facts, snapshots=console.service.snapshots, tasks=tasks, clock=console.clock
        )
        await again.open()
        assert (again.find(camera_id).taken, again.find(camera_id).wanted) == (1, 3)
        await console.store.facts.put(auto_capture.FACT, "[]")
        broken = AutoCaptures(facts=console.store.facts, snapshots=console.service.snapshots, tasks=tasks)
        await broken.open()
        assert broken.find(camera_id) is None


async def test_a_removed_camera_captures_no_more_and_a_disabled_one_does_not_begin(console):
    camera_id = await enabled_camera(console)
    await start(console, camera_id, vehicles=3)
    await console.service.control.remove(camera_id)
    assert console.service.captures.find(camera_id) is None
    camera_id = await enabled_camera(console)
    camera = console.service.fleet.cameras[camera_id]
    camera.record = replace(camera.record, enabled=False)
    status, answer = await start(console, camera_id, vehicles=3)
    assert (status, "Enable it" in answer["detail"]) == (409, True)


@pytest.mark.parametrize("wanted", [{"vehicles": 0}, {"vehicles": 51}, {"hours": 0}, {"hours": 169}, {"minutes": 1}])
async def test_a_capture_without_bounds_is_refused(console, wanted):
    assert (await start(console, await enabled_camera(console), **wanted))[0] == 422


async def test_what_nobody_has_looked_at_in_a_week_is_removed(console):
    camera_id = await enabled_camera(console)
    snapshots: SnapshotControl = console.service.snapshots
    record: CameraRecord = await console.store.cameras.get(camera_id)
    kinds = {"unseen": "auto", "approved": "auto", "taken": "live"}
    names = {}
    for number, (name, origin) in enumerate(kinds.items()):
        one, _ = await snapshots.keep(camera_id, passage(9, grey=10 + number).frame_picture, origin=origin)
        names[name] = one.name
    await console.call(
        "PATCH",
        f"/cameras/{record.camera_id}/snapshots/{names['approved']}",
        json={"approval": "approved", "plates": ["AB12CD"]},
    )
    await forget_unreviewed(snapshots, NOON + UNREVIEWED_KEPT - timedelta(seconds=1))
    assert len(await kept(console, camera_id)) == 3
    await forget_unreviewed(snapshots, NOON + UNREVIEWED_KEPT + timedelta(seconds=1))
    assert [row["name"] for row in await kept(console, camera_id)] == [names["approved"], names["taken"]]
