"""Limits that a site asks for: what counts, what is refused, and what the server page and the API tell of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapter.quota import Quota
from adapter.service import running
from adapter.settings import Settings
from adapter.store.cameras import CameraRecord
from adapter.store.errors import Refused
from inference.module_library import ModuleLibrary
from mock_vms.demo.rest import Rest, RestFailed
from tests.adapter.test_service import OnePlate, rest, settings

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def camera(number: int, *modules: str, enabled: bool = True) -> CameraRecord:
    name, address = f"Gate {number}", f"rtsp://192.0.2.{number}/"
    return CameraRecord(camera_id=name, name=name, address=address, modules=modules, enabled=enabled, created_at=NOON)


@pytest.mark.requirement("M-025", "M-026", "M-027")
def test_nothing_is_limited_unless_it_is_asked_for() -> None:
    many = [camera(number) for number in range(200)]
    unlimited = Quota.of(Settings(), ModuleLibrary())
    assert (unlimited.cameras_left(many), unlimited.modules_left(many)) == (None, None)
    unlimited.check(camera(300), many)
    classic = Quota.of(Settings(quota="classic"), ModuleLibrary())
    assert (classic.cameras, classic.modules) == (None, 5)
    assert Quota.of(Settings(quota="classic", max_modules=9), ModuleLibrary()).modules == 9


@pytest.mark.requirement("M-025")
def test_enabled_cameras_count_and_one_more_than_there_may_be_is_refused() -> None:
    quota = Quota(cameras=2)
    stored = [camera(1, "D"), camera(2, "D", enabled=False)]
    assert quota.cameras_left(stored) == 1
    quota.check(camera(3, "D"), stored)
    full = [*stored, camera(3, "D")]
    assert quota.cameras_left(full) == 0
    for one in (camera(4, "D"), camera(2, "D")):
        with pytest.raises(Refused, match="2 LPR cameras may be enabled, and as many are"):
            quota.check(one, full)
    quota.check(camera(4, "D", enabled=False), full)
    # What was there before the limit goes on, and may be changed.
    quota = Quota(cameras=1)
    quota.check(camera(1, "NL"), full)
    assert quota.cameras_left(full) == 0


@pytest.mark.requirement("M-026")
def test_a_module_counts_once_a_country_with_its_regions_and_no_choice_as_all() -> None:
    quota = Quota(modules=5)
    stored = [camera(1, "D", "NL"), camera(2, "NL", "B")]
    assert (quota.in_use(stored), quota.modules_left(stored)) == ({"D", "NL", "B"}, 2)
    quota.check(camera(3, "F", "DK"), stored)
    with pytest.raises(Refused, match="this would make 6: B, D, DK, F, L, NL"):
        quota.check(camera(3, "F", "DK", "L"), stored)
    with pytest.raises(Refused, match="choose those that Gate 3 needs"):
        quota.check(camera(3), stored)
    with pytest.raises(Refused, match="US-CA"):
        quota.check(camera(3, "US"), stored)


async def on_the_page(url: str, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/html"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{url}/status") as page:
        return " ".join((await page.text()).split())


@pytest.mark.requirement("M-030", "M-031")
async def test_the_sixth_module_is_refused_until_one_is_cleared_and_the_rest_is_told(tmp_path: Path) -> None:
    async def put(api: Rest, one: str, *modules: str) -> Any:
        return await api._call("PATCH", f"/cameras/{one}", json={"modules": modules})

    async with running(settings(tmp_path, quota="classic", max_cameras=2), OnePlate()) as service, rest(service) as api:

        async def told() -> tuple[int, ...]:
            status = await api.get("/status")
            names = ("cameras_in_use", "cameras_available", "modules_in_use", "modules_available")
            return tuple(status[name] for name in names)

        body = {"name": "North", "address": "rtsp://127.0.0.1:9/none", "modules": ["D", "NL", "B", "F"]}
        north = (await api.post("/cameras", body))["camera_id"]
        assert await told() == (1, 1, 4, 1)
        south = (await api.post("/cameras", {**body, "name": "South", "modules": ["D", "DK"]}))["camera_id"]
        assert await told() == (2, 0, 5, 0)
        with pytest.raises(RestFailed, match=r"HTTP 409: 5 country modules may be in use, and this would make 6"):
            await put(api, south, "D", "DK", "L")
        await put(api, north, "D", "NL", "B")
        await put(api, south, "D", "DK", "L")
        assert await told() == (2, 0, 5, 0)
        with pytest.raises(RestFailed, match=r"HTTP 409: 2 LPR cameras may be enabled"):
            await api.post("/cameras", {**body, "name": "West", "modules": ["D"]})
        page = await on_the_page(service.console_url, service.local_token)
        assert "<dt>LPR cameras available</dt><dd>0 (2 in use)</dd>" in page
        assert "<dt>Country modules available</dt><dd>0 (5 in use)</dd>" in page
        await put(api, south, "D")
        assert await told() == (2, 0, 3, 2)
