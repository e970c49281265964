"""Recognition settings through the API and the command line: one by one, checked, with their cost."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from adapter.camera_recognition import CameraRecognition
from adapter.cli import app
from adapter.setting_catalog import catalog
from adapter.store.users import Role
from inference.recognition import Recognition
from inference.types import StageTimes
from tests.adapter.api.conftest import Console
from tests.adapter.api.test_snapshots import camera_with
from tests.fakes.snapshot_scenes import Seen
from tests.rules.examples import NOON

NEW = {"name": "North", "address": "http://192.0.2.7/onvif/device_service"}


async def set_to(console: Console, camera_id: str, **recognition: Any) -> tuple[int, Any]:
    return await console.call("PATCH", f"/cameras/{camera_id}", json={"recognition": recognition})


async def state_of(console: Console, camera_id: str) -> dict[str, Any]:
    return (await console.call("GET", f"/cameras/{camera_id}/recognition-settings", role=Role.VIEWER))[1]


async def test_every_setting_is_listed_with_default_unit_range_and_effect(console):
    status, listed = await console.call("GET", "/recognition-settings", role=Role.VIEWER)
    assert status == 200
    assert [one["name"] for one in listed] == list(CameraRecognition.model_fields)
    (rate,) = [one for one in listed if one["name"] == "max_fps"]
    assert (rate["default"], rate["unit"], rate["minimum"], rate["maximum"]) == (8.0, "frames/s", 0.1, 60)
    assert (rate["unlimited"], rate["live"], rate["range"]) == (True, True, "0.1 to 60, or unlimited")
    assert all(one["effect"] and one["cost"] for one in listed)


async def test_a_patch_changes_single_settings_and_null_puts_one_back(console):
    camera_id, _ = await camera_with(console)
    triangle = [[0, 0], [1, 0], [1, 1]]
    assert (await set_to(console, camera_id, areas=[triangle], max_fps=3))[1]["recognition"] == {
        "areas": [triangle],
        "max_fps": 3.0,
    }
    assert (await set_to(console, camera_id, max_fps=2))[1]["recognition"] == {"areas": [triangle], "max_fps": 2.0}
    assert (await set_to(console, camera_id, max_fps=None))[1]["recognition"] == {"areas": [triangle]}
    # A value that is the default anyway is not kept, so a better default of a new version reaches the camera.
    assert (await set_to(console, camera_id, areas=None, preset="balanced"))[1]["recognition"] == {}
    _, trail = await console.call("GET", "/audit")
    assert trail[0]["detail"] == "recognition, recognition.areas, recognition.preset"


@pytest.mark.parametrize(
    ("recognition", "field"),
    [
        ({"max_fps": 0}, "max_fps"),
        ({"partial_span_s": 5.1}, "partial_span_s"),
        ({"surprise": 1}, "surprise"),
        ({"discard_below": 0.99}, "recognition"),
        ({"character_height_min_percent": 30, "character_height_max_percent": 3}, "recognition"),
    ],
)
async def test_an_impossible_setting_is_refused_by_name_and_nothing_is_kept(console, recognition, field):
    status, answer = await console.call("POST", "/cameras", json={**NEW, "recognition": recognition})
    assert (status, answer["error"], list(answer["fields"])) == (422, "invalid", [f"recognition.{field}"])
    assert (await console.call("GET", "/cameras"))[1] == []
    camera_id, _ = await camera_with(console)
    await set_to(console, camera_id, rearm_s=33)
    status, answer = await set_to(console, camera_id, rearm_s=44, **recognition)
    assert (status, list(answer["fields"])) == (422, [f"recognition.{field}"])
    assert (await console.call("GET", f"/cameras/{camera_id}"))[1]["recognition"] == {"rearm_s": 33.0}


async def test_a_camera_is_added_with_its_settings(console):
    status, camera = await console.call("POST", "/cameras", json={**NEW, "recognition": {"max_plates": "unlimited"}})
    assert (status, camera["recognition"]) == (201, {"max_plates": "unlimited"})


async def test_the_openapi_document_types_every_setting(console):
    _, document = await console.call("GET", "/openapi.json")
    schemas = document["components"]["schemas"]
    for body in ("NewCamera", "CameraChange", "CameraView"):
        text = json.dumps(schemas[body]["properties"]["recognition"])
        assert all(f'"{info.name}"' in text for info in catalog()), body
        assert '"maximum": 60' in text
    assert "SettingInfoView" in json.dumps(document["paths"]["/api/v1/recognition-settings"])


@pytest.mark.requirement("M-189")
async def test_the_automatic_value_stays_beside_what_a_person_made_of_it(console):
    seen = [Seen("12BKL3", 500, 400)]
    camera_id, names = await camera_with(console, *seen)
    for name in names:
        await console.call("PATCH", f"/cameras/{camera_id}/snapshots/{name}", json={"approval": "approved"})

    async def height() -> dict[str, Any]:
        settings = (await state_of(console, camera_id))["settings"]
        return next(one for one in settings if one["info"]["name"] == "character_height_min_percent")

    assert not (await height())["has_auto"]
    assert (await console.call("POST", f"/cameras/{camera_id}/autoconfigure", json={"apply": True}))[1]["applied"]
    chosen = await height()
    assert chosen["has_auto"] and chosen["auto"] == chosen["value"] and not chosen["overridden"]
    await set_to(console, camera_id, character_height_min_percent=1.5)
    changed = await height()
    assert (changed["auto"], changed["value"], changed["overridden"]) == (chosen["auto"], 1.5, True)


async def test_it_is_told_what_was_changed_since_the_last_validation(console):
    camera_id, (name,) = await camera_with(console, Seen("12BKL3", 500, 400))
    await console.call("PATCH", f"/cameras/{camera_id}/snapshots/{name}", json={"approval": "approved"})
    assert "never been validated" in (await state_of(console, camera_id))["validation"]["prompt"]
    await console.call("POST", f"/cameras/{camera_id}/validate", json={})
    fresh = (await state_of(console, camera_id))["validation"]
    assert (fresh["changed"], fresh["prompt"], fresh["at"][:10]) == ([], "", NOON.isoformat()[:10])
    await set_to(console, camera_id, preset="fast")
    await console.call("PATCH", f"/cameras/{camera_id}", json={"selected_lists": ["unlisted"], "modules": ["NL"]})
    stale = (await state_of(console, camera_id))["validation"]
    assert stale["changed"] == ["preset", "modules", "selected_lists"]
    assert "Validate the configuration" in stale["prompt"]


@pytest.mark.requirement("M-202", "M-203")
async def test_the_cost_of_each_preset_comes_from_the_cameras_own_looks(console):
    camera_id, _ = await camera_with(console)
    loads = (await state_of(console, camera_id))["cost"]["loads"]
    assert [(one["preset"], one["ms_per_look"]) for one in loads] == [
        ("fast", None),
        ("balanced", None),
        ("accurate", None),
    ]
    funnel = console.service.fleet.cameras[camera_id].funnel
    for number in range(100):
        at = NOON + timedelta(seconds=number)
        funnel.count(at, "frames")
        if number % 10 == 0:
            funnel.analysed(at, Recognition(stages=StageTimes(detect_ms=70, read_ms=25)), 100.0)
    fast, balanced, accurate = (await state_of(console, camera_id))["cost"]["loads"]
    assert (balanced["ms_per_look"], balanced["measured"]) == (100.0, True)
    # Five frames a second come now, one in ten is looked at; eight a second are while a vehicle is in view.
    assert (balanced["core_share_average"], balanced["core_share_busy"]) == (0.05, 0.8)
    assert (fast["ms_per_look"], fast["measured"], fast["core_share_busy"]) == (60.0, False, 0.48)
    assert (accurate["ms_per_look"], accurate["core_share_busy"]) == (185.0, 1.0)
    path = f"/cameras/{camera_id}/recognition-settings/try"
    for band, word in (({}, "another preset)"), ({"character_height_min_percent": 3}, "differs less with a minimum")):
        tried = (await console.call("POST", path, json={"recognition": {"preset": "fast", **band}}))[1]
        assert word in tried["cost"]["beside"]["preset"]


@pytest.mark.requirement("M-209", "M-215")
async def test_what_is_unlimited_or_delays_results_is_warned_of(console):
    camera_id, _ = await camera_with(console)
    assert (await state_of(console, camera_id))["cost"]["notes"] == []
    for name in ("max_fps", "max_seconds_per_frame", "max_plates"):
        await set_to(console, camera_id, **{name: "unlimited"})
        notes = (await state_of(console, camera_id))["cost"]["notes"]
        assert len(notes) == 1
        assert name in notes[0] and "load" in notes[0]
        await set_to(console, camera_id, **{name: None})
    await set_to(console, camera_id, partial_span_s=2)
    cost = (await state_of(console, camera_id))["cost"]
    assert cost["result_delay_s"] == 2
    assert "no moving objects block the view" in cost["notes"][0]


@pytest.fixture
def command(console, monkeypatch, tmp_path):
    """A command line beside the service, as a person types it; it runs in a thread so that the service can answer."""
    run = CliRunner()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")

    async def typed(*words: str) -> Any:
        (tmp_path / "local.token").write_text((await console.token())["Authorization"].split()[1])
        monkeypatch.setenv("ONVIF_LPR_HTTP_PORT", str(console.server.port))
        return await asyncio.to_thread(run.invoke, app, ["--data-dir", str(tmp_path), *words])

    return typed


async def test_settings_are_shown_and_changed_on_the_command_line(console, command):
    camera_id, _ = await camera_with(console)
    done = await command("camera", "set", "North", "max_fps=6", "preset=fast", "max_plates=unlimited", "rotation=90")
    assert done.exit_code == 0, done.output
    assert "max_fps: 6 frames/s (at once)" in done.output
    assert "rotation: 90 degrees (the stream is opened again)" in done.output
    assert "note: max_plates is unlimited" in done.output
    stored = (await console.call("GET", f"/cameras/{camera_id}"))[1]["recognition"]
    assert stored == {"max_fps": 6.0, "preset": "fast", "max_plates": "unlimited", "rotation": 90}
    done = await command("camera", "set", "North", "max_plates=", "rotation=", "areas=[[[0,0],[1,0],[1,1]]]")
    stored = (await console.call("GET", f"/cameras/{camera_id}"))[1]["recognition"]
    assert stored == {"max_fps": 6.0, "preset": "fast", "areas": [[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]]}
    shown = (await command("camera", "settings", "North")).output
    (row,) = [line for line in shown.splitlines() if "max_fps " in line]
    assert [cell.strip() for cell in row.split("│")[1:5]] == ["max_fps", "6", "8", "frames/s"]
    assert "0.1 to 60" in row
    as_json = json.loads((await command("camera", "settings", "North", "--json")).stdout)
    assert len(as_json["settings"]) == len(catalog())


async def test_whether_a_certificate_is_checked_is_changed_on_the_command_line(console, command):
    camera_id, _ = await camera_with(console)
    for words, checked in (("--no-verify-tls", False), ("--verify-tls", True)):
        done = await command("camera", "set", "North", words)
        assert done.exit_code == 0, done.output
        camera = (await console.call("GET", f"/cameras/{camera_id}"))[1]
        assert (camera["verify_tls"], camera["recognition"]) == (checked, {})
    assert "give a change" in (await command("camera", "set", "North")).stderr
    done = await command("camera", "add", "https://192.0.2.9", "--name", "South", "--no-verify-tls")
    assert done.exit_code == 0, done.output
    added = {camera["name"]: camera["verify_tls"] for camera in (await console.call("GET", "/cameras"))[1]}
    assert added == {"North": True, "South": False}


async def test_a_wrong_change_on_the_command_line_is_said_in_one_sentence(console, command):
    await camera_with(console)
    for words, answer in (
        ("max_fps", "write key=value"),
        ("max_fps=0", "max_fps"),
        ("fps=1", "no such setting"),
        ("areas=" + "[" * 9000, "areas"),
    ):
        done = await command("camera", "set", "North", words)
        assert done.exit_code == 1
        assert answer in " ".join(done.stderr.split())
