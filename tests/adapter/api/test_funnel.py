"""The read funnel and what was refused, through the API, over the real control."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from adapter.cli import app
from adapter.store.outputs import OutputRecord
from adapter.store.users import Role
from events.types import ListKind
from inference.recognition import Recognition
from inference.types import Box, Frame, Rejection, RejectionReason, StageTimes
from rules.types import ListEntry
from tests.adapter.api.conftest import Console, StillCamera
from tests.adapter.api.test_resources import add_list, pass_by
from tests.rules.examples import NOON


async def camera_at_rest(console: Console) -> tuple[str, StillCamera]:
    body = {"name": "North", "address": "http://192.0.2.7/onvif/device_service"}
    camera_id = (await console.call("POST", "/cameras", json=body))[1]["camera_id"]
    camera = console.service.fleet.cameras[camera_id] = StillCamera()
    return camera_id, camera


def refuse(camera: StillCamera, reason: RejectionReason, *, text: str = "", at_s: float = 0.0) -> None:
    """As the running camera does it: counted, and noted with its picture."""
    rejection = Rejection(reason=reason, box=Box(x=100, y=100, width=80, height=20), text=text, likelihood=0.125)
    recognition = Recognition(rejections=(rejection,), stages=StageTimes(detect_ms=20, read_ms=4))
    picture = np.full((240, 640, 3), 90, np.uint8)
    camera.funnel.analysed(NOON, recognition, 24.0)
    camera.rejects.note(Frame(picture=picture, captured_at=NOON, monotonic_s=at_s, sequence=1), (rejection,))


async def test_the_funnel_tells_each_stage_by_the_hour_to_anybody_who_may_see_reads(console):
    camera_id, camera = await camera_at_rest(console)
    path = f"/cameras/{camera_id}/funnel"
    assert await console.call("GET", path, role=Role.VIEWER) == (200, [])
    camera.funnel.count(NOON, "frames", 7)
    refuse(camera, RejectionReason.CUT)
    refuse(camera, RejectionReason.CUT)
    camera.funnel.count(NOON, "accepted", 2)
    list_id = await add_list(console, kind=ListKind.ALLOW.value)
    await console.store.lists.save_entry(list_id, ListEntry(entry_id="e", pattern="ABC123"))
    await console.store.outputs.save(OutputRecord(output_id="hook", name="Hook", url="", created_at=NOON))
    await pass_by(console, "ABC123", event_id="e1", camera_id=camera_id)
    await pass_by(console, "XYZ987", event_id="e2", camera_id=camera_id)
    for delivery in await console.store.outbox.due("hook", NOON, 1):
        await console.store.outbox.delivered(delivery.delivery_id, NOON)
    (hour,) = (await console.call("GET", path, role=Role.VIEWER))[1]
    assert hour == {
        "starts_at": "2026-05-04T12:00:00Z",
        "frames": 7,
        "motion": 0,
        "analysed": 2,
        "without_plate": 0,
        "found": 2,
        "read": 0,
        "accepted": 2,
        "matched": 1,
        "delivered": 1,
        "detect_ms": 40.0,
        "read_ms": 8.0,
        "busy_ms": 48.0,
        "average_ms": 24.0,
        "average_delay_ms": None,
        "rejected": {"cut": 2},
    }


async def test_refused_finds_are_listed_newest_first_with_cure_and_picture(console):
    camera_id, camera = await camera_at_rest(console)
    path = f"/cameras/{camera_id}/rejects"
    assert await console.call("GET", path, role=Role.VIEWER) == (200, [])
    refuse(camera, RejectionReason.CUT, text="AB12")
    refuse(camera, RejectionReason.TOO_SMALL, at_s=5)
    newest, oldest = (await console.call("GET", path, role=Role.VIEWER))[1]
    assert newest["reason"] == "too_small"
    assert oldest == {
        "reject_id": oldest["reject_id"],
        "at": "2026-05-04T12:00:00Z",
        "reason": "cut",
        "cure": "Turn the camera, or draw the area so that plates are whole inside it.",
        "text": "AB12",
        "likelihood": 0.125,
        "box": {"x": 100, "y": 100, "width": 80, "height": 20},
    }
    status, picture = await console.call("GET", f"{path}/{oldest['reject_id']}.jpg", role=Role.VIEWER)
    assert status == 200
    assert cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR).shape == (34, 136, 3)


async def test_what_is_not_there_is_refused_with_the_reason(console):
    camera_id, camera = await camera_at_rest(console)
    refuse(camera, RejectionReason.CUT)
    for number, words in (("2", "newer finds"), ("9" * 100, "newer finds"), ("x", "a number"), ("²", "a number")):
        status, answer = await console.call("GET", f"/cameras/{camera_id}/rejects/{number}.jpg")
        assert (status, answer["error"]) == (404, "not_found"), number
        assert words in answer["detail"]
    for path in ("funnel", "rejects", "rejects/1.jpg"):
        status, answer = await console.call("GET", f"/cameras/nobody/{path}")
        assert (status, answer["detail"]) == (404, "There is no camera 'nobody'.")


async def test_the_description_names_the_fields_of_hours_and_refused_finds(console):
    document = (await console.call("GET", "/openapi.json"))[1]
    answer = document["paths"]["/api/v1/cameras/{camera_id}/rejects"]["get"]["responses"]["200"]
    assert answer["content"]["application/json"]["schema"]["items"] == {"$ref": "#/components/schemas/RejectView"}
    assert {"matched", "delivered", "average_ms"} <= set(
        document["components"]["schemas"]["FunnelHourView"]["required"]
    )
    picture = document["paths"]["/api/v1/cameras/{camera_id}/rejects/{reject_id}.jpg"]["get"]
    assert list(picture["responses"]["200"]["content"]) == ["image/jpeg"]


async def test_the_command_line_shows_hours_reasons_and_cures(
    console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _, camera = await camera_at_rest(console)
    camera.funnel.count(NOON, "frames", 7000)
    for number in range(3):
        refuse(camera, RejectionReason.CUT, at_s=number)
    refuse(camera, RejectionReason.TOO_SMALL)
    token = (await console.token(Role.VIEWER))["Authorization"].removeprefix("Bearer ")
    (tmp_path / "local.token").write_text(token)
    monkeypatch.chdir(tmp_path)
    for name, value in (("DATA_DIR", tmp_path), ("HTTP_PORT", console.server.port)):
        monkeypatch.setenv(f"ONVIF_LPR_{name}", str(value))
    monkeypatch.setenv("COLUMNS", "160")
    done = await asyncio.to_thread(CliRunner().invoke, app, ["camera", "funnel", "North"])
    assert done.exit_code == 0, done.output
    (head,) = (line for line in done.stdout.splitlines() if "frames" in line)
    for column in ("motion", "without plate", "found", "read", "accepted", "matched", "delivered", "ms/frame"):
        assert column in head
    (row,) = (line for line in done.stdout.splitlines() if "2026-05-04T12" in line)
    assert "7000" in row
    assert "24" in row
    assert "cut 3, too_small 1" in row
    assert done.stdout.splitlines()[-2:] == [
        "cut 3: Turn the camera, or draw the area so that plates are whole inside it.",
        "too_small 1: Zoom in, raise the resolution, or lower the smallest character height.",
    ]


async def shown(console: Console, path: str) -> str:
    async with console.client.get(path, headers={**await console.token(Role.VIEWER), "Accept": "text/html"}) as page:
        assert page.status == 200
        text = await page.text()
    for forbidden in ("<script>", "style=", "onclick="):
        assert forbidden not in text
    return text


async def test_the_page_says_so_when_nothing_was_counted(console):
    camera_id, camera = await camera_at_rest(console)
    text = await shown(console, f"/cameras/{camera_id}/funnel")
    assert "Nothing was counted in the last 24 hours" in text
    assert "No find was refused" in text
    camera.funnel.count(NOON - timedelta(hours=30), "frames", 5)
    assert "Nothing was counted" in await shown(console, f"/cameras/{camera_id}/funnel")
    assert "Nothing was counted" not in await shown(console, f"/cameras/{camera_id}/funnel?hours=48")


async def test_the_page_draws_every_stage_and_shows_what_was_refused_with_its_cure(console):
    camera_id, camera = await camera_at_rest(console)
    camera.funnel.count(NOON - timedelta(hours=1), "frames", 4000)
    camera.funnel.count(NOON, "frames", 1000)
    camera.funnel.count(NOON, "accepted", 1)
    for number in range(2):
        refuse(camera, RejectionReason.CUT, text="<b>AB", at_s=10.0 * number)
    camera.funnel.suppressed(
        NOON, [Rejection(reason=RejectionReason.STATIC_TEXT, box=Box(x=0, y=0, width=9, height=9))]
    )
    text = await shown(console, f"/cameras/{camera_id}/funnel")
    for stage in ("Frames", "Motion", "Without plate", "Found", "Read", "Accepted", "Matched", "Delivered"):
        assert f'aria-label="{stage} by the hour' in text
    assert '<rect x="220" y="0.0" width="8" height="40.0"><title>2026-05-04 11:00: 4000</title></rect>' in text
    assert '<rect x="230" y="30.0" width="8" height="10.0"><title>2026-05-04 12:00: 1000</title></rect>' in text
    assert re.findall(r"<h3>([^<]+) <b", text) == ["Cut", "Static text"]
    assert "&lt;b&gt;AB" in text
    pictures = re.findall(r'src="(/api/v1/cameras/[^"]+/rejects/[^"]+)"', text)
    assert len(pictures) == 2
    assert (await console.call("GET", pictures[0].removeprefix("/api/v1")))[0] == 200
    assert "No picture since the service was started" in text


async def test_the_page_of_a_camera_that_is_gone_is_not_found_and_that_of_one_at_hand_is_linked(console):
    camera_id, _ = await camera_at_rest(console)
    assert f'href="/cameras/{camera_id}/funnel"' in await shown(console, "/cameras")
    async with console.client.get("/cameras/nobody/funnel", headers=await console.token()) as page:
        assert page.status == 404
