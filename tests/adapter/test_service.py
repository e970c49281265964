"""The whole service with a virtual camera in front: it runs, notices a lost camera, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapter.client import ServiceError
from adapter.service import Running, running
from adapter.settings import Settings
from adapter.store.store import Store
from inference.errors import DeviceStuck, InferenceError, ModuleError
from inference.module_library import own_modules_folder
from inference.modules import MODULES_DIR
from inference.recognition import Recognition, RecognitionSettings
from inference.types import Box, CharacterLikelihood, LicensePlate, Picture, Reading, Rejection, RejectionReason
from mock_vms.camera.app import VirtualCamera
from mock_vms.camera.identity import User
from mock_vms.camera.scene import StreetScene
from mock_vms.camera.settings import VirtualCameraSettings
from mock_vms.camera.sources import PlayMode
from mock_vms.camera.stage import Stage
from mock_vms.camera.state import CameraState
from mock_vms.demo.rest import Rest, RestFailed
from tests.fakes.camera import FakeCamera

PASSWORD = "camera password"


class OnePlate:
    """Reads the same plate at the same place in every picture, a car that has stopped at the gate; refuses a sign."""

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        characters = tuple(CharacterLikelihood(character=c, likelihood=0.97) for c in "12BKL3")
        plate = LicensePlate(plate_number="12BKL3", country_code="NL")
        box = Box(x=500, y=400, width=140, height=30)
        return Recognition(
            readings=(
                Reading(
                    plate=plate,
                    raw_text="12-BKL-3",
                    likelihood=0.97,
                    characters=characters,
                    box=box,
                    country_likelihood=0.9,
                    module_code="NL",
                    sharpness=1.0,
                    contrast=80.0,
                ),
            ),
            rejections=(Rejection(reason=RejectionReason.TOO_SMALL, box=Box(x=40, y=40, width=30, height=8)),),
        )


class Fails:
    """A recogniser that cannot read."""

    def __init__(self, error: InferenceError) -> None:
        self.error: InferenceError | None = error
        self.asked = 0

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return Recognition()


# A camera's country module was taken away while the service was down.
NO_SUCH_MODULE = ModuleError("no country module has the code 'ZZ'")


def settings(folder: Path, **changes: Any) -> Settings:
    fields = {"data_dir": folder, "host": "127.0.0.1", "http_port": 0, "onvif_port": 0, "rtsp_port": 0}
    return Settings(**(fields | {"discovery": False, "camera_lost_after_s": 2.0} | changes))


@asynccontextmanager
async def virtual_camera(http_port: int = 0, rtsp_port: int = 0) -> AsyncIterator[VirtualCamera]:
    state = CameraState(name="Gate")
    chosen = VirtualCameraSettings(
        users=(User(name="admin", password=PASSWORD),), http_port=http_port, rtsp_port=rtsp_port
    )
    scene = StreetScene(countries=["NL"], plates=["12-BKL-3"], mode=PlayMode.LOOP, every_s=0.5)
    async with Stage(state=state, source=scene) as stage, VirtualCamera(chosen, state=state, stage=stage) as camera:
        yield camera


async def until(condition: Callable[[], Awaitable[Any]], timeout_s: float = 60.0) -> Any:
    """The first truthy answer; the time-out fails the test."""
    async with asyncio.timeout(timeout_s):
        while not (answer := await condition()):
            await asyncio.sleep(0.1)
        return answer


async def alarms_named(api: Rest, name: str) -> list[dict[str, Any]]:
    return [alarm for alarm in await api.get("/alarms") if alarm["name"] == name]


async def status_is(api: Rest, text: str) -> bool:
    return (await api.get("/status"))["status"] == text


def rest(service: Running) -> Rest:
    return Rest(f"{service.console_url}/api/v1", service.local_token)


async def add_camera(api: Rest, camera: VirtualCamera, **recognition: Any) -> str:
    body = {"name": "Gate", "address": camera.device_url, "user": "admin", "password": PASSWORD, "modules": ["NL"]}
    return (await api.post("/cameras", {**body, "recognition": recognition}))["camera_id"]


@pytest.mark.slow
@pytest.mark.requirement("M-298")
@pytest.mark.requirement("M-299")
@pytest.mark.requirement("M-304")
async def test_a_plate_is_told_and_a_lost_camera_is_noticed_and_found_again(tmp_path: Path) -> None:
    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
        await api.post("/alarm-definitions", {"name": "Visitor", "list_id": "unlisted"})
        for kind in ("CameraLost", "CameraRestored"):
            await api.post("/alarm-definitions", {"name": f"{kind} alarm", "event_kind": kind})
        async with virtual_camera() as camera:
            await add_camera(api, camera)
            alarms = await until(lambda: alarms_named(api, "Visitor"))
            http_port, rtsp_port = camera.http_port, camera._rtsp.port
            await until(lambda: status_is(api, "All LPR cameras are running"))
        visitor = alarms[0]
        assert (visitor["object"], visitor["tag"], visitor["type"]) == ("12BKL3", "NL", "List match")
        await until(lambda: status_is(api, "0 of 1 LPR cameras running"))
        lost = await until(lambda: api.get("/events", kind="CameraLost"))
        assert lost[0]["event"]["camera_name"] == "Gate"
        async with virtual_camera(http_port, rtsp_port):
            await until(lambda: status_is(api, "All LPR cameras are running"), 100)
            restored = await until(lambda: api.get("/events", kind="CameraRestored"))
            assert restored[0]["event"]["utc_time"] > lost[0]["event"]["utc_time"]
        kinds = {alarm["type"] for alarm in await api.get("/alarms")}
        assert {"LPR camera connection lost", "LPR camera running"} <= kinds


@pytest.mark.slow
@pytest.mark.requirement("M-013")
async def test_a_camera_is_an_onvif_device_or_the_stream_that_a_vms_hands_on(tmp_path: Path) -> None:
    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api, virtual_camera() as camera:
        await add_camera(api, camera)
        stream = camera.stream_url(next(iter(camera.state.encoders)))
        assert stream.startswith("rtsp://")
        await api.post(
            "/cameras", {"name": "Restream", "address": stream, "user": "admin", "password": PASSWORD, "modules": []}
        )
        await until(lambda: status_is(api, "All LPR cameras are running"))

        async def told_by_both() -> bool:
            events = await api.get("/events", kind="PlateRecognized")
            return {one["event"]["camera_name"] for one in events} == {"Gate", "Restream"}

        await until(told_by_both)


@pytest.mark.slow
async def test_settings_changed_over_the_api_while_a_vehicle_stands_there_tell_it_once(tmp_path: Path) -> None:
    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api, virtual_camera() as camera:
        camera_id = await add_camera(api, camera, partial_span_s=4)

        async def reads() -> int:
            return sum(hour["read"] for hour in await api.get(f"/cameras/{camera_id}/funnel"))

        async def change(**recognition: Any) -> None:
            await api._call("PATCH", f"/cameras/{camera_id}", json={"recognition": recognition})

        async def told() -> list[dict[str, Any]]:
            return await api.get("/events", kind="PlateRecognized")

        await until(reads)
        await change(rearm_s=60, preset="fast", stop_above=0.9)
        await change(areas=[[[0, 0], [1, 0], [1, 1], [0, 1]]], motion_sensitivity=2)
        assert await told() == []
        (first,) = await until(told)
        # Turned by 180 degrees the stream is opened again; the vehicle that still stands there is known.
        await change(rotation=180)
        before = await reads()
        await until(lambda: _more(reads, before + 8))
        assert await told() == [first]


async def _more(count: Callable[[], Awaitable[int]], than: int) -> bool:
    return await count() > than


async def test_a_wrong_camera_password_is_told_when_the_camera_is_added(tmp_path: Path) -> None:
    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api, virtual_camera() as camera:
        body = {"name": "Gate", "address": camera.device_url, "user": "admin", "password": "wrong"}
        with pytest.raises(RestFailed, match=r"password|log"):
            await api.post("/cameras", body)
        assert await api.get("/cameras") == []


async def test_a_country_module_of_ones_own_can_be_chosen_for_a_camera(tmp_path: Path) -> None:
    own = (MODULES_DIR / "NL.toml").read_text(encoding="utf-8").replace('"NL"', '"ZZ"')
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "ZZ.toml").write_text(own, encoding="utf-8")
    async with (
        running(settings(tmp_path), Fails(NO_SUCH_MODULE)) as service,
        rest(service) as api,
        virtual_camera() as camera,
    ):
        body = {"name": "Gate", "address": camera.device_url, "user": "admin", "password": PASSWORD, "modules": ["ZZ"]}
        camera_id = (await api.post("/cameras", body))["camera_id"]
        (listed,) = [row for row in await api.get("/modules") if row["code"] == "ZZ"]
        assert (listed["own"], listed["camera_ids"]) == (True, [camera_id])

        async def told() -> bool:
            return "'ZZ'" in (await api.get("/status"))["cameras"][0]["detail"]

        await until(told, 20)


async def test_a_device_that_hangs_is_told_with_the_camera(tmp_path: Path) -> None:
    stuck = Fails(DeviceStuck("own reader on GPU: the device gave no answer"))
    async with running(settings(tmp_path), stuck) as service, rest(service) as api, virtual_camera() as camera:
        await add_camera(api, camera, motion_gate=False)

        async def told() -> bool:
            return "own reader on GPU" in (await api.get("/status"))["cameras"][0]["detail"]

        await until(told, 20)
        lost = await until(lambda: api.get("/events", kind="CameraLost"), 20)
        assert "own reader on GPU" in lost[0]["event"]["detail"]
        # It is tried again, whose pictures come meanwhile; it is back when one was read.
        asked = stuck.asked
        await until(lambda: _now(stuck.asked > asked + 1), 20)
        assert await api.get("/events", kind="CameraRestored") == []
        stuck.error = None
        await until(lambda: api.get("/events", kind="CameraRestored"), 40)
        assert len(await api.get("/events", kind="CameraLost")) == 1


async def _now(so: bool) -> bool:
    return so


async def test_an_impossible_recognition_setting_is_refused_by_name(tmp_path: Path) -> None:
    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
        added = await api.post("/cameras", {"name": "Stream", "address": "rtsp://127.0.0.1:9/none"})
        with pytest.raises(RestFailed, match="discard_below"):
            await api._call("PATCH", f"/cameras/{added['camera_id']}", json={"recognition": {"discard_below": 7}})


@pytest.mark.requirement("M-319")
async def test_settings_of_another_version_are_told_with_their_camera_until_they_are_saved(tmp_path: Path) -> None:
    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
        for name in ("Old", "Other"):
            await api.post("/cameras", {"name": name, "address": "rtsp://127.0.0.1:9/none"})
    async with Store.in_folder(tmp_path) as store:
        (old,) = [record for record in await store.cameras.all() if record.name == "Old"]
        kept = {"of_another_version": 1, "max_fps": 600, "rearm_s": 60, "stop_above": 0.4, "discard_below": 0.6}
        await store.cameras.save(replace(old, recognition=kept))
    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api:

        async def detail() -> str:
            cameras = {one["name"]: one["detail"] for one in (await api.get("/status"))["cameras"]}
            assert list(cameras) == ["Old", "Other"]
            assert "left out" not in cameras["Other"]
            return str(cameras["Old"])

        told = await detail()
        for name in ("of_another_version: there is no such setting", "max_fps: ", "stop_above: ", "discard_below: "):
            assert name in told
        assert "rearm_s" not in told
        # They are listed after the next start as well, for nothing was saved.
        assert (await api.get(f"/cameras/{old.camera_id}"))["recognition"] == kept
        await api._call("PATCH", f"/cameras/{old.camera_id}", json={"recognition": {"max_fps": 6}})
        assert "left out" not in await detail()
        assert (await api.get(f"/cameras/{old.camera_id}"))["recognition"] == {"max_fps": 6, "rearm_s": 60}


@pytest.mark.requirement("M-138")
async def test_the_docs_name_all_that_lies_in_the_data_folder_to_leave_it_out_of_virus_scans(tmp_path: Path) -> None:
    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api, virtual_camera() as camera:
        path = f"/cameras/{await add_camera(api, camera)}"
        await until(lambda: api.get("/events", kind="PlateRecognized"))
        await api.post(f"{path}/snapshots/take")
        made = {one.name for one in tmp_path.iterdir()}
    assert {"onvif-lpr.db", "pictures", "snapshots", "secret.key"} <= made
    made |= {own_modules_folder(tmp_path).name, "models", "model-cache"}
    docs = (Path(__file__).resolve().parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    paragraph = docs.split("### `data_dir`")[1].split("###")[0]
    assert "Leave this folder out of virus scans" in paragraph
    named = set(re.findall(r"`([^`]+)`", paragraph))
    assert made <= named | {f"onvif-lpr.db{end}" for end in ("-wal", "-shm") if end in named}


async def test_the_first_start_makes_up_passwords_and_the_second_does_not(tmp_path: Path) -> None:
    async with running(settings(tmp_path), OnePlate()) as first:
        assert first.first.administrator_password
        assert first.first.vms_password
        identity = first.local_token
    assert (tmp_path / "local.token").stat().st_mode & 0o077 == 0
    async with running(settings(tmp_path), OnePlate()) as second:
        assert second.first.administrator_password is None
        assert second.first.vms_password is None
        assert second.local_token == identity


@pytest.mark.slow
async def test_what_the_read_funnel_counted_is_there_after_a_restart(tmp_path: Path) -> None:
    async def matched_once(api: Rest, path: str) -> bool:
        return any(hour["matched"] for hour in await api.get(path))

    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api, virtual_camera() as camera:
        list_id = (await api.post("/lists", {"name": "Residents", "kind": "allow"}))["list_id"]
        await api.post(f"/lists/{list_id}/entries", {"pattern": "12BKL3"})
        path = f"/cameras/{await add_camera(api, camera)}"
        await until(lambda: matched_once(api, path + "/funnel"))
        # At rest, so that nothing is counted between this look and the end.
        await api._call("PATCH", path, json={"enabled": False})
        counted = await api.get(path + "/funnel")
        assert sum(hour["frames"] for hour in counted) >= sum(hour["accepted"] for hour in counted) >= 1
        assert sum(hour["rejected"]["too_small"] for hour in counted) >= 1
        # Pictures are kept over a change of the camera, but not over a restart.
        assert (await api.get(path + "/rejects"))[0]["reason"] == "too_small"
    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
        assert await api.get(path + "/funnel") == counted
        assert await api.get(path + "/rejects") == []


class CountedLooks(OnePlate):
    """Knows how often it was asked."""

    looks = 0

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        self.looks += 1
        return super().recognize(picture, settings, region=region)


@pytest.mark.slow
@pytest.mark.requirement("M-184")
async def test_a_camera_that_is_switched_off_is_looked_at_no_more_and_on_again_it_is(tmp_path: Path) -> None:
    reader = CountedLooks()

    async def looked_at(more_than: int) -> bool:
        return reader.looks > more_than

    async with running(settings(tmp_path), reader) as service, rest(service) as api, virtual_camera() as camera:
        path = f"/cameras/{await add_camera(api, camera)}"
        # Without the gate it is looked at several times a second, so that an end of it shows.
        await api._call("PATCH", path, json={"recognition": {"motion_gate": False}})
        before = reader.looks
        await until(lambda: looked_at(before + 3))
        await api._call("PATCH", path, json={"enabled": False})
        looks = reader.looks
        await asyncio.sleep(1.5)
        assert reader.looks == looks
        assert [one["state"] for one in (await api.get("/status"))["cameras"]] == ["disabled"]
        await api._call("PATCH", path, json={"enabled": True})
        await until(lambda: looked_at(looks + 3))


@pytest.mark.requirement("M-185")
async def test_switching_a_camera_off_and_on_asks_it_questions_and_changes_nothing_on_it(tmp_path: Path) -> None:
    """Whatever else records from it goes on: the camera is only ever read."""
    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api, FakeCamera() as camera:
        body = {"name": "Gate", "address": f"http://{camera.address}", "user": camera.user, "password": camera.password}
        path = f"/cameras/{(await api.post('/cameras', body))['camera_id']}"

        async def asked_for_its_stream(more_than: int) -> bool:
            return camera.count("GetStreamUri") > more_than

        await until(lambda: asked_for_its_stream(0))
        await api._call("PATCH", path, json={"enabled": False})
        before = camera.count("GetStreamUri")
        await api._call("PATCH", path, json={"enabled": True})
        await until(lambda: asked_for_its_stream(before))
        assert [name for name in camera.operations() if not name.startswith("Get")] == []


@pytest.mark.slow
@pytest.mark.requirement("M-232")
async def test_a_monitoring_system_sees_a_camera_at_work_and_an_output_that_fails(tmp_path: Path) -> None:
    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api, virtual_camera() as camera:
        await api.post("/outputs", {"name": "Nobody there", "url": "http://127.0.0.1:9/"})
        token = (await api.post("/tokens", {"name": "monitoring", "role": "viewer"}))["token"]
        await add_camera(api, camera)

        async def told() -> dict[str, float] | None:
            families = list(text_string_to_metric_families(await monitor.get("/metrics")))
            found = {one.name: one.value for family in families for one in family.samples if "reason" not in one.labels}
            awaited = ("camera_up", "result_delay_seconds_count", "output_failures_total")
            return found if all(found[f"onvif_lpr_{name}"] for name in awaited) else None

        async with Rest(service.console_url, token) as monitor:
            found = await until(told)
        status = await api.get("/status")
    assert found["onvif_lpr_frames_total"] >= found["onvif_lpr_looks_total"] >= found["onvif_lpr_vehicles_total"] == 1
    assert found["onvif_lpr_output_pending"] >= 1
    assert found["onvif_lpr_output_deliveries_total"] == 0
    average_s = found["onvif_lpr_result_delay_seconds_sum"] / found["onvif_lpr_result_delay_seconds_count"]
    assert average_s == pytest.approx(status["cameras"][0]["result_delay_s"], abs=0.01)


async def test_nothing_is_open_without_a_login(tmp_path: Path) -> None:
    async with running(settings(tmp_path), OnePlate()) as service, Rest(f"{service.console_url}/api/v1") as stranger:
        for path in ("/cameras", "/status", "/events", "/users"):
            with pytest.raises(RestFailed, match="HTTP 401"):
                await stranger.get(path)


@pytest.mark.slow
async def test_opening_and_closing_many_times_leaves_no_thread_and_no_handle(tmp_path: Path) -> None:
    async def once() -> None:
        async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
            await api.get("/status")

    await once()
    await asyncio.sleep(0)
    threads, handles = threading.active_count(), psutil.Process().num_fds()
    for _ in range(5):
        await once()
    await asyncio.sleep(0)
    assert threading.active_count() <= threads + 1
    assert psutil.Process().num_fds() <= handles + 2


def test_the_command_line_says_what_to_do_when_no_service_runs(tmp_path: Path) -> None:
    from adapter.client import ServiceClient  # noqa: PLC0415 - only here

    with pytest.raises(ServiceError, match="onvif-lpr serve"):
        ServiceClient.of_this_machine(settings(tmp_path))
