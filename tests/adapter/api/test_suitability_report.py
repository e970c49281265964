"""How well a camera suits plates, over the API, on the command line and in the console."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from adapter.api.app import all_endpoints
from adapter.api.openapi import document
from adapter.store.users import Role
from inference.types import Box, Direction, Picture
from tests.adapter.api.conftest import Console, StillCamera
from tests.adapter.api.test_auto_capture import passage
from tests.adapter.api.test_command_line import Type, typed
from tests.adapter.api.test_funnel import shown
from tests.adapter.api.test_snapshots import camera_with
from tests.fakes.snapshot_scenes import HEIGHT, WIDTH, Seen, encoded

__all__ = ["typed"]

LEFT_HALF = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]
INSIDE, OUTSIDE = Seen("12BKL3", 200, 400, height=45), Seen("AA11AA", 900, 400, height=45)


def drawn(number: int, *plates: tuple[Seen, int]) -> Picture:
    """A scene with these plates, each of its own contrast in grey levels; the ground is that of the street."""
    picture = np.full((HEIGHT, WIDTH, 3), 180, np.uint8)
    picture[0, 0] = number
    for seen, levels in plates:
        box = seen.box
        for x in range(int(box.x) + 12, int(box.right) - 12, 18):
            picture[int(box.y) + 8 : int(box.bottom) - 8, x : x + 7] = 180 - levels
    return picture


async def snapshot(console: Console, camera_id: str, number: int, *plates: tuple[Seen, int]) -> str:
    console.service.scenes.scenes[number] = [seen for seen, _ in plates]
    path = f"/cameras/{camera_id}/snapshots"
    return (await console.call("POST", path, data=encoded(drawn(number, *plates))))[1]["name"]


async def report_of(console: Console, camera_id: str) -> dict[str, Any]:
    status, report = await console.call("GET", f"/cameras/{camera_id}/suitability", role=Role.VIEWER)
    assert status == 200, report
    return report


def verdicts(report: dict[str, Any]) -> dict[str, str]:
    return {one["factor"]: one["verdict"] for one in report["judgements"]}


def check(report: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = (one for judged in report["judgements"] for one in judged["checks"] if one["name"] == name)
    return found


async def look_left(console: Console, camera_id: str) -> StillCamera:
    await console.call("PATCH", f"/cameras/{camera_id}", json={"recognition": {"areas": [LEFT_HALF]}})
    camera: StillCamera = console.service.fleet.cameras[camera_id]
    camera.record = await console.store.cameras.get(camera_id)
    return camera


def drive_past(camera: StillCamera, seen: Seen, levels: int, *, numbers: Sequence[int]) -> None:
    picture = drawn(7, (seen, levels))
    for number in numbers:
        passed = replace(passage(number + 1), box=seen.box, frame_picture=picture, direction=Direction.APPROACHING)
        camera.views.passed(passed)


@pytest.mark.requirement("M-019", "M-038")
async def test_a_new_camera_has_no_score_and_is_told_how_to_measure(console: Console) -> None:
    camera_id, _ = await camera_with(console)
    report = await report_of(console, camera_id)
    assert (report["score"], report["verdict"], report["judged"], report["basis"]) == (None, "unknown", 0, "")
    assert verdicts(report) == dict.fromkeys(
        ("exposure", "field of view", "shutter", "resolution", "positioning"), "unknown"
    )
    assert all("Take snapshots" in one["cure"] for one in report["judgements"])
    assert (await console.call("GET", "/cameras/nobody/suitability"))[0] == 404
    answers = document(all_endpoints(), version="1")["paths"]["/api/v1/cameras/{camera_id}/suitability"]["get"]
    assert "Suitability" in str(answers["responses"]["200"])


@pytest.mark.requirement("M-035")
async def test_plates_on_snapshots_count_inside_the_recognition_area_alone(console: Console) -> None:
    camera_id, _ = await camera_with(console)
    for number in range(1, 6):
        await snapshot(console, camera_id, number, (INSIDE, 100), (OUTSIDE, 10))
    whole = await report_of(console, camera_id)
    assert (whole["basis"], verdicts(whole)["exposure"]) == ("10 plate(s) on snapshots", "bad")
    camera = await look_left(console, camera_id)
    report = await report_of(console, camera_id)
    assert (report["basis"], verdicts(report)["exposure"]) == ("5 plate(s) on snapshots", "ok")
    assert check(report, "width in view")["measured"] == f"{0.5 * WIDTH / 180 * 52:.0f} cm across the recognition area"
    assert report["notes"] == ["A plain stream tells no settings: its pictures alone are judged."]
    # Vehicles tell how the camera is now; those outside the area tell nothing.
    drive_past(camera, OUTSIDE, 10, numbers=range(8))
    assert (await report_of(console, camera_id))["basis"] == "5 plate(s) on snapshots"
    drive_past(camera, INSIDE, 30, numbers=range(10, 15))
    passed = await report_of(console, camera_id)
    assert (passed["basis"], verdicts(passed)["exposure"]) == ("the last 5 passing vehicles", "warn")
    assert check(passed, "contrast")["measured"].startswith("30 grey levels")


async def test_an_approved_plate_that_cannot_be_read_is_measured_where_it_was_refused(console: Console) -> None:
    camera_id, _ = await camera_with(console)
    # The fake recogniser refuses it as blurred.
    dim = replace(INSIDE, needs_accurate=True)
    name = await snapshot(console, camera_id, 1, (dim, 12))
    unread = await report_of(console, camera_id)
    assert (unread["basis"], unread["notes"][-1][:49]) == ("", "On 1 of 1 snapshots no plate is read in the recog")
    one = f"/cameras/{camera_id}/snapshots/{name}"
    await console.call("PATCH", one, json={"approval": "approved", "plates": [dim.text]})
    report = await report_of(console, camera_id)
    assert (report["basis"], verdicts(report)["exposure"]) == ("1 plate(s) on snapshots", "bad")
    assert report["notes"][-1].startswith("Few plates were measured (1)")
    await console.call("PATCH", one, json={"approval": "rejected"})
    assert (await report_of(console, camera_id))["basis"] == ""


async def test_a_snapshot_is_read_once_for_the_same_settings(console: Console) -> None:
    camera_id, _ = await camera_with(console)
    await snapshot(console, camera_id, 1, (INSIDE, 100))
    calls = console.service.scenes.calls
    for _ in range(3):
        await report_of(console, camera_id)
    assert len(calls) == 1
    await look_left(console, camera_id)
    await report_of(console, camera_id)
    assert len(calls) == 2


@pytest.mark.requirement("M-019")
async def test_the_command_line_shows_score_verdicts_causes_and_cures(
    console: Console, typed: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    camera_id, _ = await camera_with(console)
    nothing = await typed("suitability", "North")
    assert (nothing.exit_code, "not known yet" in nothing.stdout) == (0, True)
    camera: StillCamera = console.service.fleet.cameras[camera_id]
    camera.stream_rate = 12.0
    drive_past(camera, INSIDE, 30, numbers=range(6))
    done = await typed("suitability", "North")
    said = " ".join(done.stdout.split())
    assert done.exit_code == 0
    # The position is not known: of these vehicles there are upright boxes only.
    assert "4 of 5 factors judged by the last 6 passing vehicles" in said
    (row,) = (line for line in done.stdout.splitlines() if "exposure" in line)
    for part in ("warn", "30 grey levels", "40 are well", "Characters hardly stand out", "Add light"):
        assert part in row
    assert "compression" not in done.stdout
    assert "note: A plain stream tells no settings" in said
    every = await typed("suitability", "North", "--all")
    assert "compression" in every.stdout and "place in the picture" in every.stdout
    as_json = json.loads((await typed("suitability", "North", "--json")).stdout)
    assert as_json == await report_of(console, camera_id)


@pytest.mark.requirement("M-019")
async def test_the_console_shows_the_report_on_a_tab_of_the_camera(console: Console) -> None:
    camera_id, _ = await camera_with(console)
    path = f"/cameras/{camera_id}/suitability"
    assert "Not known yet" in await shown(console, path)
    camera: StillCamera = console.service.fleet.cameras[camera_id]
    drive_past(camera, INSIDE, 10, numbers=range(6))
    text = await shown(console, path)
    assert '<b id="score">40 of 100</b> <span class="chip deny">bad</span>' in text
    for factor in ("Exposure", "Field of view", "Shutter", "Resolution", "Positioning"):
        assert f'<th scope="row">{factor}</th>' in text
    assert '<span class="chip deny">bad</span></td><td>10 grey levels between characters and ground</td>' in text
    assert f'href="{path}" aria-current="page">Suitability</a>' in text
    assert f'href="{path}">Suitability</a>' in await shown(console, "/cameras")
    async with console.client.get("/cameras/nobody/suitability", headers=await console.token()) as page:
        assert page.status == 404


def test_the_drawn_plates_lie_where_the_recogniser_finds_them() -> None:
    picture = drawn(3, (INSIDE, 100))
    box: Box = INSIDE.box
    inside = picture[int(box.y) : int(box.bottom), int(box.x) : int(box.right)]
    assert (inside == 80).any()
    assert (picture == 80).sum() == (inside == 80).sum()
