"""What a monitoring system reads, parsed as one parses it, from what the console's cameras and outputs did."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from adapter.api.metric_families import PREFIX, FigureCollector, Figures
from adapter.api.metrics import MOST_CAMERAS, OPENMETRICS
from adapter.api.ports import CameraFigures, CameraHealth, CameraState, OutputCounts
from adapter.store.outputs import OutputRecord
from adapter.store.users import Role
from events.types import ListKind
from inference.funnel import MOST_HOURS, Funnel
from inference.types import PassageState, RejectionReason
from rules.types import ListEntry
from tests.adapter.api.conftest import Console, StillCamera
from tests.adapter.api.test_funnel import camera_at_rest, refuse
from tests.adapter.api.test_resources import add_list, pass_by
from tests.inference.test_watch import PaintedPlates, drive_by, watched
from tests.rules.examples import NOON

DOCS = Path(__file__).resolve().parents[3] / "docs" / "metrics.md"
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
ODD_NAMES = ('a"b', "a\\", "a\\n", '\\"', '"} 1', "{x=1}", "# EOF", "# HELP", "a,b=c", "Tür 門 🚗", "%s {0}", "x" * 200)
# Of one enabled camera, whatever happened to it: name, state and rate; stages; reasons; two summaries of two series.
SERIES_OF_A_CAMERA = 4 + 9 + len(RejectionReason) + 4


def series(text: str, *, openmetrics: bool = True) -> dict[tuple[str, str], float]:
    """Every sample by its name and its labels' values, in the order of the labels' names."""
    parse = parse_openmetrics if openmetrics else parse_text
    return {
        (sample.name, " ".join(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in parse(text)
        for sample in family.samples
    }


async def scraped(console: Console, accept: str = PROMETHEUS, path: str = "/metrics") -> str:
    headers = {**await console.token(Role.VIEWER), "Accept": accept}
    async with console.client.get(path, headers=headers) as response:
        assert response.status == 200, await response.text()
        return await response.text()


async def figures(console: Console) -> Mapping[tuple[str, str], float]:
    return series(await scraped(console))


def of_camera(found: Mapping[tuple[str, str], float], camera_id: str, *names: str) -> list[float]:
    return [found[PREFIX + name, camera_id] for name in names]


async def watched_camera(console: Console, reader: PaintedPlates | None = None) -> tuple[str, StillCamera]:
    """A camera in front of which a car drove by, as a running watch counts it and the running camera tells it."""
    camera_id, camera = await camera_at_rest(console)
    passages, watch, _, _ = await watched(drive_by, 80, reader=reader)
    camera.health = replace(camera.health, camera_id=camera_id, name="North")
    camera.funnel = watch.funnel
    for passage in passages:
        watch.funnel.told(passage, passage.started_at + timedelta(seconds=1.5))
    assert sum(passage.state is PassageState.FINAL for passage in passages) == (reader is None)
    return camera_id, camera


@pytest.mark.requirement("M-232")
async def test_what_a_camera_counted_is_told_under_its_id_with_the_time_from_first_sight_to_result(console):
    camera_id, camera = await watched_camera(console)
    refuse(camera, RejectionReason.CUT)
    refuse(camera, RejectionReason.CUT)
    counted, found = camera.funnel.so_far, await figures(console)
    assert counted.frames == 80
    assert of_camera(found, camera_id, "frames_total", "frames_with_motion_total", "looks_total") == [
        *(80, counted.motion, counted.analysed)
    ]
    assert of_camera(found, camera_id, "finds_total", "readings_total", "vehicles_total") == [
        *(counted.found, counted.read, 1)
    ]
    assert 0 < counted.read == counted.found - 2
    assert (found["onvif_lpr_rejections_total", f"{camera_id} cut"]) == 2
    assert (found["onvif_lpr_rejections_total", f"{camera_id} too_dark"]) == 0
    assert of_camera(found, camera_id, "result_delay_seconds_count", "result_delay_seconds_sum") == [1, 1.5]
    looks, spent_s = of_camera(found, camera_id, "look_seconds_count", "look_seconds_sum")
    assert looks == counted.analysed
    assert spent_s == pytest.approx(counted.busy_ms / 1000)
    assert of_camera(found, camera_id, "camera_up", "camera_enabled", "camera_frames_per_second") == [1, 1, 5]
    assert found["onvif_lpr_camera_info", f"{camera_id} North"] == 1


@pytest.mark.requirement("M-044", "M-045")
async def test_looks_at_what_is_no_plate_are_told_per_camera_in_metrics_funnel_and_page(console):
    camera_id, camera = await watched_camera(console, PaintedPlates(sees=False))
    in_vain = camera.funnel.so_far.analysed
    assert in_vain > 10
    found = await figures(console)
    assert of_camera(found, camera_id, "looks_without_plate_total", "looks_total") == [in_vain, in_vain]
    (hour,) = (await console.call("GET", f"/cameras/{camera_id}/funnel", role=Role.VIEWER))[1]
    assert hour["without_plate"] == in_vain
    console.clock.now = camera.funnel.hours[-1].starts_at
    headers = await console.token(Role.VIEWER)
    async with console.client.get(f"/cameras/{camera_id}/funnel", headers=headers) as page:
        text = await page.text()
    assert re.search(rf'<td>Without plate.*?</td>\s*<td class="number">{in_vain}</td>', text, re.DOTALL)
    assert f"(100% of {in_vain} looks)" in text


async def test_matches_and_confirmed_deliveries_are_told_at_once_and_counted_once(console):
    camera_id, camera = await watched_camera(console)
    camera.funnel.count(NOON, "accepted", 2)
    list_id = await add_list(console, kind=ListKind.ALLOW.value)
    await console.store.lists.save_entry(list_id, ListEntry(entry_id="e", pattern="ABC123"))
    await console.store.outputs.save(OutputRecord(output_id="hook", name="Hook", url="", created_at=NOON))
    await pass_by(console, "ABC123", event_id="e1", camera_id=camera_id)
    await pass_by(console, "XYZ987", event_id="e2", camera_id=camera_id)
    stages = ("vehicles_matched_total", "vehicles_delivered_total")
    assert of_camera(await figures(console), camera_id, *stages) == [1, 0]
    due = await console.store.outbox.due("hook", NOON, 10)
    await console.store.outbox.delivered(due[0].delivery_id, NOON)
    for _ in range(2):
        assert of_camera(await figures(console), camera_id, *stages) == [1, 1]


async def test_no_counter_falls_when_its_hours_are_forgotten(console):
    camera_id, camera = await watched_camera(console)
    refuse(camera, RejectionReason.CUT)
    before = await figures(console)
    for hours in range(3 * MOST_HOURS):
        camera.funnel.count(NOON + timedelta(hours=hours), "frames")
    after = await figures(console)
    assert all(hour.starts_at >= NOON for hour in camera.funnel.hours)
    counters = [key for key in before if key[0].startswith(PREFIX) and key[0].endswith(("_total", "_sum", "_count"))]
    assert len(counters) > 20
    assert [key for key in counters if after[key] < before[key]] == []
    assert of_camera(after, camera_id, "frames_total") == [80 + 3 * MOST_HOURS]


async def test_a_camera_that_does_not_run_is_down_and_a_disabled_one_is_neither(console):
    stopped, _ = await camera_at_rest(console)
    console.service.fleet.cameras.clear()
    body = {"name": "South", "address": "http://192.0.2.8/onvif/device_service"}
    disabled = (await console.call("POST", "/cameras", json=body))[1]["camera_id"]
    assert (await console.call("PATCH", f"/cameras/{disabled}", json={"enabled": False}))[0] == 200
    found = await figures(console)
    assert of_camera(found, stopped, "camera_up", "camera_enabled", "frames_total") == [0, 1, 0]
    assert of_camera(found, disabled, "camera_enabled", "frames_total") == [0, 0]
    assert (PREFIX + "camera_up", disabled) not in found


async def test_outputs_tell_deliveries_failures_and_the_length_of_their_queue_but_no_address(console):
    for output_id, enabled in (("hook", True), ("spare", False)):
        record = OutputRecord(
            output_id=output_id,
            name=f"The {output_id}",
            url="https://vms.example/?key=secret",
            enabled=enabled,
            created_at=NOON,
        )
        await console.store.outputs.save(record)
    for number in range(3):
        await pass_by(console, "ABC123", event_id=f"e{number}", camera_id="cam1")
    due = await console.store.outbox.due("hook", NOON, 10)
    await console.store.outbox.park(due[0].delivery_id, "refused")
    console.service.outputs["hook"] = OutputCounts(sent=7, failed=5, parked=1)
    text = await scraped(console)
    found = series(text)
    names = ("deliveries_total", "failures_total", "given_up_total", "pending", "dead_letters", "enabled")
    assert [found[f"onvif_lpr_output_{name}", "hook"] for name in names] == [7, 5, 1, len(due) - 1, 1, 1]
    assert [found[f"onvif_lpr_output_{name}", "spare"] for name in names] == [0, 0, 0, 0, 0, 0]
    assert found["onvif_lpr_output_info", "webhook The hook hook"] == 1
    assert "secret" not in text
    assert "ABC123" not in text


async def test_the_process_and_its_version_are_told(console):
    found = await figures(console)
    document = (await console.call("GET", "/openapi.json"))[1]
    assert found["onvif_lpr_build_info", document["info"]["version"]] == 1
    assert any(name == "python_info" for name, _ in found)
    assert found["process_start_time_seconds", ""] > 0
    assert "/api/v1/metrics" in document["paths"]


async def test_nobody_unknown_reads_them_and_a_viewer_does(console):
    for path in ("/metrics", "/api/v1/metrics"):
        for headers in ({}, {"Authorization": "Bearer olpr_wrong"}, {"Authorization": "Basic YW5uYTp4"}):
            async with console.client.get(path, headers={**headers, "Accept": PROMETHEUS}) as response:
                assert response.status == 401, (path, headers)
                assert PREFIX not in await response.text()
        assert PREFIX in await scraped(console, path=path)
    async with console.client.post("/metrics", headers=await console.token()) as response:
        assert response.status == 405


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (PROMETHEUS, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        (
            "application/openmetrics-text; version=nonsense",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
        ("text/plain; version=1.0.0", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html", "text/plain; version=0.0.4; charset=utf-8"),
    ],
)
async def test_the_format_is_one_that_the_caller_understands(console, accept: str, content_type: str):
    camera_id, _ = await watched_camera(console)
    headers = {**await console.token(Role.VIEWER), "Accept": accept}
    async with console.client.get("/metrics", headers=headers) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, content_type)
        text = await response.text()
    found = series(text, openmetrics=content_type.startswith(OPENMETRICS))
    assert of_camera(found, camera_id, "frames_total") == [80]


async def test_no_name_breaks_the_format(console):
    for number, name in enumerate(ODD_NAMES):
        body = {"name": name, "address": f"http://192.0.2.{number}/onvif/device_service"}
        status, answer = await console.call("POST", "/cameras", json=body)
        assert status == 201, answer
    for openmetrics, accept in ((True, OPENMETRICS), (False, "")):
        found = series(await scraped(console, accept), openmetrics=openmetrics)
        infos = {labels.split(" ", 1)[1] for name, labels in found if name == "onvif_lpr_camera_info"}
        assert infos == set(ODD_NAMES)


def test_not_even_a_name_of_several_lines_breaks_the_format() -> None:
    health = CameraHealth(camera_id="cam1", name='a\n# EOF\nonvif_lpr_x{y="1"} 5', state=CameraState.RUNNING)
    registry = CollectorRegistry()
    camera = CameraFigures(health=health, counted=Funnel().so_far)
    registry.register(FigureCollector(Figures(version="1", cameras=[camera])))
    found = series(generate_latest(registry).decode(), openmetrics=False)
    assert found["onvif_lpr_camera_info", f"cam1 {health.name}"] == 1
    assert not any(name == "onvif_lpr_x" for name, _ in found)


async def test_a_scrape_of_many_cameras_is_bounded_and_says_what_it_leaves_out(console):
    busy = Funnel()
    for reason in RejectionReason:
        refuse(StillCamera(funnel=busy), reason)
    console.service.crowd = [
        CameraFigures(
            health=CameraHealth(camera_id=f"{number:012}", name="n" * 200, state=CameraState.RUNNING),
            counted=busy.so_far if number % 2 else Funnel().so_far,
        )
        for number in range(MOST_CAMERAS + 100)
    ]
    texts = await asyncio.gather(*(scraped(console) for _ in range(3)))
    for text in texts:
        found = series(text)
        assert sum("onvif_lpr" in name and labels[:12].isdigit() for name, labels in found) == (
            MOST_CAMERAS * SERIES_OF_A_CAMERA
        )
        assert found["onvif_lpr_left_out", "cameras"] == 100
        assert found["onvif_lpr_left_out", "outputs"] == 0
        assert len(text) < MOST_CAMERAS * SERIES_OF_A_CAMERA * 100


def test_the_page_of_the_docs_names_every_metric_and_no_other() -> None:
    registry = CollectorRegistry()
    registry.register(FigureCollector(Figures(version="1")))
    told = set()
    for family in registry.collect():
        suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
        told.add(family.name + suffix)
    documented = re.findall(r"^\| `(onvif_lpr_\w+)`", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(documented) == told
    assert len(documented) == len(told)
