"""A camera is changed while a vehicle stands before the gate that its relay opens: it opens for that vehicle, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import pytest
from aiohttp import web

from adapter.fleet import Fleet
from adapter.pictures import Pictures
from adapter.pipeline import Pipeline
from adapter.relays import RelayDriver
from adapter.rulebook import Rulebook
from adapter.store.cameras import CameraRecord
from adapter.store.store import Store
from adapter.tasks import Tasks
from events.types import ActionFailed, Event, ListKind, RelayChanged
from inference.funnel import total
from rules.types import ListEntry, MatchList, RelayAction
from tests.fakes.camera import FakeCamera
from tests.fakes.waiting import until
from tests.inference.test_watch import PaintedPlates, scene

NOW = datetime.now(UTC)


@dataclass
class Site:
    """One camera without a stream, whose snapshots show a listed car that stays; its vote is open all the time."""

    fake: FakeCamera
    fleet: Fleet
    record: CameraRecord
    told: list[Event] = field(default_factory=list)

    async def put(self, **changes: Any) -> None:
        await self.fleet.put(replace(self.record, **changes))

    async def is_read(self) -> None:
        camera = self.fleet.find("gate")
        assert camera is not None
        await until(lambda: total(camera.funnel.hours).read >= 3)

    async def gate_has_closed(self) -> None:
        await until(lambda: any(isinstance(one, ActionFailed) or _closed(one) for one in self.told))

    def count(self, kind: type[Event]) -> int:
        return sum(isinstance(one, kind) for one in self.told)


def _closed(event: Event) -> bool:
    return isinstance(event, RelayChanged) and event.state == "inactive"


def a_car_that_creeps(fake: FakeCamera) -> None:
    frames = count()

    def snapshot() -> web.Response:
        done, data = cv2.imencode(".jpg", scene(car_x=40 + next(frames) % 400))
        assert done
        return web.Response(body=data.tobytes(), content_type="image/jpeg")

    fake.quirks.answers["GET"] = snapshot
    fake.quirks.answers["GetStreamUri"] = fake.not_supported


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with FakeCamera() as fake, Store.in_folder(tmp_path) as store:
        a_car_that_creeps(fake)
        await store.lists.add(MatchList(list_id="staff", name="Staff", kind=ListKind.ALLOW), now=NOW)
        await store.lists.save_entry("staff", ListEntry(entry_id="e1", pattern="43HNN2"))
        await store.relay_actions.save(
            RelayAction(
                action_id="open",
                list_id="staff",
                camera_id="",
                relay_token="lamp",
                pulse=timedelta(milliseconds=10),
                minimum_interval=timedelta(0),
                deadline=timedelta(seconds=30),
            )
        )
        rulebook = Rulebook(store=store)
        await rulebook.open(NOW)
        record = CameraRecord(
            camera_id="gate",
            name="Gate",
            address=f"http://{fake.address}/onvif/device_service",
            user=fake.user,
            password=fake.password,
            recognition={"stop_above": 1.0, "max_fps": 16, "calm_fps": 16},
            created_at=NOW,
        )
        with ThreadPoolExecutor(1) as executor:
            async with Tasks() as tasks:
                fleet = Fleet(
                    recognizer=PaintedPlates(), executor=executor, lost_after=timedelta(minutes=1), tasks=tasks
                )
                site = Site(fake, fleet, record)
                driver = RelayDriver(decisions=store.decisions, find_camera=fleet.find, tasks=tasks)
                pipeline = Pipeline(
                    journal=store.journal,
                    rulebook=rulebook,
                    pictures=Pictures(folder=tmp_path / "pictures"),
                    tell=site.told.append,
                    pulse=driver.start,
                )
                driver.report_to(pipeline)
                fleet.report_to(pipeline)
                yield site
                await fleet.drop("gate")


@pytest.mark.parametrize(
    "changes", [{"recognition": {"rotation": 180}}, {"server": "worker"}, {"enabled": False}], ids=str
)
async def test_the_gate_opens_for_a_vehicle_that_is_told_because_its_camera_is_changed(
    site: Site, changes: dict[str, Any]
) -> None:
    await site.put()
    await site.is_read()
    assert site.fake.switched == []
    await site.put(**changes)
    await site.gate_has_closed()
    assert site.count(ActionFailed) == 0
    assert site.fake.switched == [("lamp", "active"), ("lamp", "inactive")]


async def test_the_gate_opens_once_however_often_its_camera_is_changed(site: Site) -> None:
    await site.put()
    await site.is_read()
    for rotation in (180, 0, 180):
        await site.put(recognition={**site.record.recognition, "rotation": rotation})
        await asyncio.sleep(0)
    await site.gate_has_closed()
    await site.fleet.drop("gate")
    assert site.count(ActionFailed) == 0
    assert site.fake.switched == [("lamp", "active"), ("lamp", "inactive")]


async def test_the_gate_opens_for_a_vehicle_whose_camera_is_removed(site: Site) -> None:
    await site.put()
    await site.is_read()
    await site.fleet.drop("gate")
    await site.gate_has_closed()
    assert site.count(ActionFailed) == 0
    assert site.fake.switched == [("lamp", "active"), ("lamp", "inactive")]
