"""Service and workers over a real network of this host: who watches, what is told, and what a break does to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from adapter.service import Running, running
from adapter.workers.messages import PROTOCOL, Hello
from adapter.workers.worker import GO_ON_S, Worker
from inference.errors import ModuleError
from inference.module_library import own_modules_folder
from inference.modules import CountryModule, installed_modules
from inference.recognition import Recognition, RecognitionSettings
from inference.types import Box, Picture
from mock_vms.demo.rest import Rest
from tests.adapter.test_service import rest, settings, until
from tests.fakes.country_files import country_file
from tests.fakes.cut_line import CutLine, cut_line
from tests.fakes.street import Street, street
from tests.inference.test_watch import PaintedPlates

pytestmark = pytest.mark.slow

PLATE = "43HNN2"
FAST = {"calm_fps": 16, "max_fps": 16, "stop_above": 1.0}


class Blind:
    """The controller's own eyes: whatever is read was read elsewhere."""

    def __init__(self) -> None:
        self.calls = 0

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        self.calls += 1
        return Recognition()


@dataclass
class Site:
    service: Running
    api: Rest
    street: Street
    own: Blind

    @property
    def port(self) -> int:
        return int(self.service.console_url.rpartition(":")[2])

    async def token(self, role: str = "worker") -> str:
        made = await self.api.post("/tokens", {"name": uuid4().hex, "role": role, "days": 1})
        return str(made["token"])

    async def add_camera(self, name: str = "Gate", **fields: Any) -> str:
        body = {"name": name, "address": self.street.url, "modules": ["NL"], "recognition": FAST}
        return str((await self.api.post("/cameras", {**body, **fields}))["camera_id"])

    async def worker(self, name: str) -> dict[str, Any] | None:
        return next((one for one in await self.api.get("/workers") if one["name"] == name), None)

    async def status_of(self, name: str) -> str:
        return (await self.worker(name) or {}).get("status", "")

    async def status_is(self, name: str, text: str) -> None:
        async def same() -> bool:
            return await self.status_of(name) == text

        await until(same)

    async def reads(self) -> list[dict[str, Any]]:
        return [stored for stored in await self.api.get("/events", kind="PlateRecognized")]


@asynccontextmanager
async def site_in(folder: Path, **changes: Any) -> AsyncIterator[Site]:
    own = Blind()
    async with street() as road, running(settings(folder, **changes), own) as service, rest(service) as api:
        yield Site(service, api, road, own)


@asynccontextmanager
async def working(
    port: int, token: str, name: str = "north", reader: PaintedPlates | None = None, **options: Any
) -> AsyncIterator[Worker]:
    hello = Hello(
        protocol=PROTOCOL,
        name=name,
        session=uuid4().hex,
        host_name=f"{name}.example.org",
        version="1.0",
        pack="painted",
        device="CPU",
        started_at=datetime.now(UTC),
    )
    with ThreadPoolExecutor(1) as executor:
        one = Worker(
            controller=f"http://127.0.0.1:{port}",
            token=lambda: token,
            hello=hello,
            recognizer=reader or PaintedPlates(),
            executor=executor,
            **options,
        )
        task = asyncio.create_task(one.run())
        try:
            yield one
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@dataclass
class Line:
    """A camera that is watched by a worker at the end of a line that can be cut."""

    site: Site
    line: CutLine
    worker: Worker
    reader: PaintedPlates
    camera_id: str


@asynccontextmanager
async def watched(folder: Path, *, go_on_s: float = GO_ON_S, **fields: Any) -> AsyncIterator[Line]:
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(site_in(folder))
        line = await stack.enter_async_context(cut_line(site.port))
        reader = PaintedPlates()
        one = await stack.enter_async_context(working(line.port, await site.token(), reader=reader, go_on_s=go_on_s))
        camera_id = await site.add_camera(server="north", **fields)
        await site.status_is("north", "All LPR cameras are running")
        yield Line(site, line, one, reader, camera_id)


async def when(condition: Callable[[], bool]) -> None:
    async def same() -> bool:
        return condition()

    await until(same)


async def kept(worker: Worker, at_least: int) -> None:
    await when(lambda: worker.outgoing.kept >= at_least)


async def drive_by(site: Site, reader: PaintedPlates) -> None:
    """A car that is gone as soon as it was looked at a few times."""
    calls = reader.calls
    site.street.send_car()
    await when(lambda: reader.calls >= calls + 5)
    site.street.take_car_away()


async def first_read(site: Site) -> dict[str, Any]:
    found: list[dict[str, Any]] = await until(site.reads)
    assert len(found) == 1
    return found[0]


@pytest.mark.requirement("M-018", "M-135", "M-144")
async def test_a_worker_joins_by_itself_and_what_it_reads_is_stored_with_pictures(tmp_path: Path) -> None:
    async with watched(tmp_path) as one:
        listed = await one.site.worker("north")
        assert listed is not None
        assert (listed["host_name"], listed["pack"], listed["version"]) == ("north.example.org", "painted", "1.0")
        assert [camera["camera_id"] for camera in listed["cameras"]] == [one.camera_id]
        await drive_by(one.site, one.reader)
        event = (await first_read(one.site))["event"]
        assert (event["plate"]["plate_number"], event["camera_id"]) == (PLATE, one.camera_id)
        assert (event["frame_width_px"], event["frame_height_px"]) == (640, 360)
        for part in ("frame_picture", "plate_picture"):
            assert list(tmp_path.rglob(event[part]))
        assert one.site.own.calls == 0

        async def counted() -> Any:
            hours = await one.site.api.get(f"/cameras/{one.camera_id}/funnel")
            return next((hour for hour in hours if hour["accepted"]), None)

        hour = await until(counted)
        assert hour["accepted"] == 1
        assert hour["read"] >= 3
        (camera,) = (await one.site.worker("north"))["cameras"]
        assert (camera["recognized"], camera["frames_per_second"] > 0) == (1, True)
        assert camera["result_delay_s"] > 0


async def test_what_was_read_while_the_line_was_cut_is_told_once_when_it_is_whole_again(tmp_path: Path) -> None:
    async with watched(tmp_path) as one:
        one.site.street.send_car()
        await when(lambda: one.reader.calls >= 5)
        one.line.cut()
        await one.site.status_is("north", "Service not responding")
        one.site.street.take_car_away()
        before = one.worker.outgoing.kept
        await kept(one.worker, before + 1)
        assert await one.site.reads() == []
        one.line.mend()
        event = (await first_read(one.site))["event"]
        await one.site.status_is("north", "All LPR cameras are running")
        await when(lambda: one.worker.outgoing.kept == 0)
        assert [stored["event"]["event_id"] for stored in await one.site.reads()] == [event["event_id"]]
        # The camera went on all the time: its stream was not opened again.
        assert one.worker.cameras == (one.camera_id,)


async def test_a_gate_is_not_opened_by_what_a_break_held_up(tmp_path: Path) -> None:
    async with watched(tmp_path) as one:
        api = one.site.api
        listed = (await api.post("/lists", {"name": "Residents", "kind": "allow"}))["list_id"]
        await api.post(f"/lists/{listed}/entries", {"pattern": PLATE})
        await api.post(
            "/relay-actions", {"list_id": listed, "relay_token": "gate", "deadline_s": 1.5, "agreeing_reads": 1}
        )
        one.line.cut()
        await one.site.status_is("north", "Service not responding")
        await drive_by(one.site, one.reader)
        await kept(one.worker, 2)
        await asyncio.sleep(2)  # the deadline of the relay passes
        one.line.mend()
        late = await first_read(one.site)
        assert any("later than the deadline" in reason for reason in late["refusals"])
        # A plain stream has no relay, so an attempt to pulse it is told as a failure.
        assert await api.get("/events", kind="ActionFailed") == []


async def test_a_gate_is_opened_by_what_comes_in_time(tmp_path: Path) -> None:
    async with watched(tmp_path) as one:
        api = one.site.api
        listed = (await api.post("/lists", {"name": "Residents", "kind": "allow"}))["list_id"]
        await api.post(f"/lists/{listed}/entries", {"pattern": PLATE})
        await api.post(
            "/relay-actions", {"list_id": listed, "relay_token": "gate", "deadline_s": 20, "agreeing_reads": 1}
        )
        await drive_by(one.site, one.reader)
        (failed,) = await until(lambda: api.get("/events", kind="ActionFailed"))
        assert "no ONVIF services" in failed["event"]["detail"]


@pytest.mark.requirement("M-024", "M-130")
async def test_two_workers_on_one_host_watch_a_camera_each(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site:
        token = await site.token()
        async with working(site.port, token, "north") as north, working(site.port, token, "south") as south:
            ids = [await site.add_camera(name, server=name) for name in ("north", "south")]
            for name in ("north", "south"):
                await site.status_is(name, "All LPR cameras are running")
            assert (north.cameras, south.cameras) == ((ids[0],), (ids[1],))
            site.street.send_car()

            async def both() -> bool:
                return {stored["event"]["camera_id"] for stored in await site.reads()} == set(ids)

            await until(both)


@pytest.mark.requirement("M-188")
async def test_a_camera_that_is_moved_keeps_its_settings_and_is_read_by_the_other_server(tmp_path: Path) -> None:
    async with watched(tmp_path, description="the north gate") as one:
        path = f"/cameras/{one.camera_id}"
        before = await one.site.api.get(path)
        reader = PaintedPlates()
        async with working(one.site.port, await one.site.token(), "south", reader) as south:
            assert await patch(one.site, path, {"server": "south"}) == {**before, "server": "south"}
            await one.site.status_is("south", "All LPR cameras are running")
            assert (one.worker.cameras, south.cameras) == ((), (one.camera_id,))
            calls = one.reader.calls
            await drive_by(one.site, reader)
            assert (await first_read(one.site))["event"]["plate"]["plate_number"] == PLATE
            assert (one.reader.calls, reader.calls > 0, one.site.own.calls) == (calls, True, 0)
            assert await patch(one.site, path, {"server": ""}) == {**before, "server": ""}
            await when(lambda: south.cameras == ())
        one.site.street.send_car()
        await when(lambda: one.site.own.calls > 0)
        assert await patch(one.site, path, {"server": "north"}) == before
        await one.site.status_is("north", "All LPR cameras are running")


async def test_settings_change_the_watch_of_a_worker_in_place(tmp_path: Path) -> None:
    async with watched(tmp_path) as one:
        job = one.worker._jobs[one.camera_id]
        await patch(one.site, f"/cameras/{one.camera_id}", {"recognition": {"rearm_s": 77}})
        await when(lambda: job.camera._watch.settings.tracker.rearm_s == 77)
        assert one.worker._jobs[one.camera_id] is job


@pytest.mark.requirement("M-131")
async def test_a_worker_that_is_up_before_the_controller_joins_when_that_comes(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site:
        token = await site.token()
        async with cut_line(site.port) as line:
            line.cut()
            async with working(line.port, token):
                await asyncio.sleep(1.2)
                assert await site.worker("north") is None
                line.mend()
                await site.status_is("north", "No LPR cameras configured")


@pytest.mark.requirement("M-143", "M-147")
async def test_a_worker_that_is_stopped_tells_what_is_in_view_and_says_goodbye(tmp_path: Path) -> None:
    async with watched(tmp_path) as one:
        one.site.street.send_car()
        await when(lambda: one.reader.calls >= 5)
        await one.worker.leave()
        await first_read(one.site)
        await one.site.status_is("north", "Service not running")
        await one.site.api._call("DELETE", f"/cameras/{one.camera_id}")
        # The test's worker was told to leave but goes on, as one that is started again would.
        await one.site.status_is("north", "No LPR cameras configured")


async def test_a_worker_that_is_alone_for_long_stops_its_cameras(tmp_path: Path) -> None:
    async with watched(tmp_path, go_on_s=0.5) as one:
        one.line.cut()
        await when(lambda: one.worker.cameras == ())
        asked = one.site.street.asked
        await asyncio.sleep(0.5)
        assert one.site.street.asked <= asked + 1


@pytest.mark.requirement("M-145", "M-298", "M-300", "M-301")
async def test_a_worker_that_falls_silent_is_told_and_its_cameras_count_as_lost(tmp_path: Path) -> None:
    async with watched(tmp_path) as one:
        for kind in ("ServerLost", "ServerRestored"):
            await one.site.api.post("/alarm-definitions", {"name": kind, "event_kind": kind})
        one.line.stall()
        await one.site.status_is("north", "Service not responding")
        lost = await until(lambda: one.site.api.get("/events", kind="CameraLost"))
        assert lost[0]["event"]["detail"] == "The LPR server north is not responding."
        one.line.mend()
        await until(lambda: one.site.api.get("/events", kind="CameraRestored"))
        await until(lambda: one.site.api.get("/events", kind="ServerRestored"))
        alarms = {alarm["type"]: alarm["object"] for alarm in await one.site.api.get("/alarms")}
        assert alarms == {"LPR server not responding": "north", "LPR server responding": "north"}


async def test_worker_and_controller_decide_by_the_same_country_modules(tmp_path: Path) -> None:
    folder = own_modules_folder(tmp_path)
    folder.mkdir(parents=True)
    (folder / "ZZ.toml").write_text(country_file("ZZ"), encoding="utf-8")
    got: list[dict[str, CountryModule]] = []
    async with site_in(tmp_path) as site:
        options = {"on_modules": lambda modules: got.append({one.code: one for one in modules})}
        async with working(site.port, await site.token(), **options):
            await when(lambda: bool(got))
    assert set(got[0]) == {*installed_modules(), "ZZ"}
    assert got[0]["NL"] == installed_modules()["NL"]


class LacksModule(PaintedPlates):
    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        raise ModuleError("no country module has the code 'ZZ'")


async def test_what_keeps_a_worker_from_reading_is_shown_with_the_camera(tmp_path: Path) -> None:
    async with site_in(tmp_path) as site, working(site.port, await site.token(), reader=LacksModule()):
        await site.add_camera(server="north", recognition={**FAST, "motion_gate": False})

        async def told() -> bool:
            worker = await site.worker("north")
            return bool(worker) and any("'ZZ'" in camera["detail"] for camera in worker["cameras"])

        await until(told)


async def patch(site: Site, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = await site.api._call("PATCH", path, json=body)
    return answer
