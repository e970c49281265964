"""A suitability report of a virtual ONVIF camera: what it tells of its settings, before and after a tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapter.service import running
from mock_vms.camera.state import CameraState, ExposureMode
from mock_vms.demo.rest import Rest
from tests.adapter.test_camera_tuning import add, still_camera
from tests.adapter.test_service import OnePlate, add_camera, rest, settings, until, virtual_camera


async def report_of(api: Rest, camera_id: str) -> dict[str, Any]:
    return dict(await api.get(f"/cameras/{camera_id}/suitability"))


def checks(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for judged in report["judgements"] for one in judged["checks"]}


@pytest.mark.requirement("M-019", "M-038")
async def test_a_tuning_mends_what_the_report_blames_on_settings(tmp_path: Path) -> None:
    state = CameraState(name="Gate")
    state.change_imaging(exposure_mode=ExposureMode.MANUAL, exposure_time_us=10_000.0, wide_dynamic_range=True)
    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
        async with still_camera(state=state) as camera:
            camera_id = await add(api, camera)
            asked = checks(await report_of(api, camera_id))
            assert asked["exposure time"]["verdict"] == "unknown"
            assert "--max-speed" in asked["exposure time"]["cure"]
            assert "wide_dynamic_range on, not off" in asked["picture settings"]["measured"]
            camera_id = await add(api, camera, name="Fast", max_speed_kmh=50)
            before = checks(await report_of(api, camera_id))
            assert before["exposure time"]["verdict"] == "bad"
            assert before["exposure time"]["measured"] == "1/100 s (10000 us)"
            assert before["exposure time"]["limit"] == "1/550 s at 50 km/h"
            assert before["picture settings"]["verdict"] == "warn"
            await api.post(f"/cameras/{camera_id}/tune", {"max_speed_kmh": 50, "apply": True})
            report = await report_of(api, camera_id)
            after = checks(report)
            assert (after["exposure time"]["verdict"], after["compression"]["verdict"]) == ("ok", "ok")
            assert "picture settings" not in after
            assert report["notes"] == []
        lost = await report_of(api, camera_id)
        assert checks(lost)["exposure time"]["verdict"] == "unknown"
        (note,) = lost["notes"]
        assert note.startswith("The camera's settings could not be asked, its pictures alone are judged.")


@pytest.mark.slow
@pytest.mark.requirement("M-019")
async def test_a_passing_vehicle_is_measured_and_forgotten_when_the_camera_is_tuned(tmp_path: Path) -> None:
    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api, virtual_camera() as camera:
        camera_id = await add_camera(api, camera)

        async def measured() -> dict[str, Any] | None:
            report = await report_of(api, camera_id)
            return report if report["basis"] == "1 passing vehicle(s)" else None

        report = await until(measured)
        found = checks(report)
        assert found["frame rate"]["verdict"] == "ok"
        assert found["plate width"]["measured"] == "2.6 pixels per stroke, plates 140 px wide"
        assert found["plate width"]["verdict"] == "bad"
        assert report["score"] <= 40
        await api.post(f"/cameras/{camera_id}/tune", {"max_speed_kmh": 50, "apply": True})
        assert (await report_of(api, camera_id))["basis"] == ""
