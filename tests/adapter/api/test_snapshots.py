"""Snapshots, validation and auto-configuration through the API, over the real control."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest

from adapter.store.users import Role
from inference.types import Frame
from tests.adapter.api.conftest import StillCamera
from tests.fakes.snapshot_scenes import HEIGHT, WIDTH, Scenes, Seen
from tests.rules.examples import NOON


async def camera_with(console, *seen: Seen) -> tuple[str, list[str]]:
    """A camera and its imported snapshots, one per text."""
    body = {"name": "North", "address": "http://192.0.2.7/onvif/device_service"}
    camera_id = (await console.call("POST", "/cameras", json=body))[1]["camera_id"]
    record = await console.store.cameras.get(camera_id)
    console.service.fleet.cameras[camera_id] = StillCamera(None, record=record)
    names = []
    scenes: Scenes = console.service.scenes
    for number, one in enumerate(seen):
        status, kept = await console.call(
            "POST", f"/cameras/{camera_id}/snapshots", data=scenes.picture(number, one), role=Role.OPERATOR
        )
        assert status == 201, kept
        names.append(kept["name"])
    return camera_id, names


@pytest.mark.requirement("M-234", "M-235", "M-236", "M-237")
async def test_a_snapshot_is_imported_analysed_approved_and_removed(console):
    camera_id, (name,) = await camera_with(console, Seen("12BKL3", 500, 400))
    every, one = f"/cameras/{camera_id}/snapshots", f"/cameras/{camera_id}/snapshots/{name}"
    assert (await console.call("GET", every))[1]["coverage"]["enough"] is False
    read = (await console.call("POST", one + "/analyse"))[1]
    assert [(row["text"], row["accepted"]) for row in read["candidates"]] == [("12BKL3", True)]
    status, kept = await console.call("PATCH", one, json={"approval": "approved", "light": "night"})
    assert (status, kept["plates"], kept["light"]) == (200, ["12BKL3"], "night")
    kept = (await console.call("PATCH", one, json={"plates": ["12-BKL-8"], "light": None}))[1]
    assert (kept["plates"], kept["light"], kept["approval"]) == (["12BKL8"], None, "approved")
    listed = (await console.call("GET", every))[1]
    assert (listed["snapshots"][0], listed["coverage"]["enough"]) == (kept, True)
    status, picture = await console.call("GET", one)
    assert (status, picture) == (200, console.service.scenes.picture(0, Seen("12BKL3", 500, 400)))
    assert (await console.call("DELETE", one))[0] == 200
    assert (await console.call("GET", one))[0] == 404


async def test_a_bad_file_is_refused_with_its_cause(console):
    camera_id, _ = await camera_with(console)
    path = f"/cameras/{camera_id}/snapshots"
    status, answer = await console.call("POST", path, data=b"GIF89a")
    assert (status, answer["error"]) == (422, "invalid_snapshot")
    assert "JPEG" in answer["detail"]
    assert (await console.call("POST", path, data=io.BytesIO(bytes(16 * 2**20 + 1))))[0] == 413
    assert (await console.call("POST", path, data=b"", role=Role.VIEWER))[0] == 403


@pytest.mark.requirement("M-234")
async def test_a_snapshot_is_taken_from_the_live_picture(console):
    camera_id, _ = await camera_with(console)
    path = f"/cameras/{camera_id}/snapshots/take"
    status, answer = await console.call("POST", path)
    assert (status, "no picture yet" in answer["detail"]) == (502, True)
    picture = np.full((HEIGHT, WIDTH, 3), 99, np.uint8)
    console.service.fleet.cameras[camera_id].last_frame = Frame(
        picture=picture, captured_at=NOON, monotonic_s=0.0, sequence=1
    )
    status, kept = await console.call("POST", path)
    assert (status, kept["origin"]) == (201, "live")
    content = (await console.call("GET", f"/cameras/{camera_id}/snapshots/{kept['name']}"))[1]
    shown = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(shown.astype(int) - picture).max() <= 2


@pytest.mark.requirement("M-054")
async def test_validation_tells_when_plates_lie_high_in_the_picture(console):
    camera_id, (name,) = await camera_with(console, Seen("12BKL3", 500, 60))
    await console.call("PATCH", f"/cameras/{camera_id}/snapshots/{name}", json={"approval": "approved"})
    (told,) = (await console.call("POST", f"/cameras/{camera_id}/validate", json={}))[1]["advice"]
    assert told.startswith("1 of 1 plates lie high in the picture: turn the camera up")


@pytest.mark.requirement("M-239", "M-241", "M-242", "M-245")
async def test_validation_compares_runs_and_tries_other_settings_without_keeping_them(console):
    seen = Seen("12BKL3", 500, 400, likelihood=0.62), Seen("AA11AA", 300, 500, likelihood=0.9)
    camera_id, names = await camera_with(console, *seen)
    path = f"/cameras/{camera_id}/validate"
    assert (await console.call("POST", path, json={}))[0] == 422
    for name in names:
        await console.call("PATCH", f"/cameras/{camera_id}/snapshots/{name}", json={"approval": "approved"})
    first = (await console.call("POST", path, json={}))[1]
    assert (first["summary"], first["average_likelihood_percent"]) == ("2 of 2", 76)
    assert first["advice"] == []
    second = (await console.call("POST", path, json={"recognition": {"discard_below": 0.7}}))[1]
    assert (second["summary"], second["average_likelihood_percent"]) == ("1 of 2", 90)
    runs = [(run["detected"], run["recognition"]) for run in second["runs"]]
    assert runs == [(2, {}), (1, {"discard_below": 0.7})]
    assert (await console.call("GET", f"/cameras/{camera_id}"))[1]["recognition"] == {}
    assert (await console.call("POST", path, json={"recognition": {"discard_below": 7}}))[0] == 422


@pytest.mark.requirement("M-165", "M-247", "M-249")
async def test_autoconfiguration_shows_first_overwrites_when_told_and_is_undone(console):
    camera_id, names = await camera_with(
        console, *(Seen(f"{number}1BKL{number}", 300 + 20 * number, 450) for number in range(5))
    )
    for name in names:
        await console.call("PATCH", f"/cameras/{camera_id}/snapshots/{name}", json={"approval": "approved"})
    manual = {"preset": "accurate", "rearm_s": 20, "character_height_min_percent": 1.0}
    await console.call("PATCH", f"/cameras/{camera_id}", json={"recognition": manual})
    path, camera = f"/cameras/{camera_id}/autoconfigure", f"/cameras/{camera_id}"
    shown = (await console.call("POST", path, json={}))[1]
    assert (shown["before"]["correct"], shown["after"]["correct"], shown["applied"]) == (5, 5, False)
    assert (await console.call("GET", camera))[1]["recognition"] == manual
    assert (await console.call("POST", path, json={"apply": True}, role=Role.OPERATOR))[0] == 403
    assert (await console.call("POST", path, json={"apply": True}))[1]["applied"] is True
    stored = (await console.call("GET", camera))[1]["recognition"]
    assert len(stored["areas"]) == 1
    assert stored["character_height_min_percent"] > 1.0
    assert stored["rearm_s"] == 20
    assert console.service.fleet.put_records[-1].recognition == stored
    status, undone = await console.call("POST", path + "/undo")
    assert (status, undone["recognition"]) == (200, manual)
    assert (await console.call("POST", path + "/undo"))[0] == 409


async def test_a_removed_cameras_snapshots_are_gone(console, tmp_path):
    camera_id, _ = await camera_with(console, Seen("12BKL3", 500, 400))
    assert list((tmp_path / "snapshots").iterdir())
    await console.service.control.remove(camera_id)
    assert list((tmp_path / "snapshots").iterdir()) == []
