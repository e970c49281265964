"""Country modules over the API: what there is, who uses it, and that a camera cannot be given one nobody has."""

from __future__ import annotations

import pytest

from adapter.fleet import modules_in_use
from adapter.store.users import Role


async def add_camera(console, name: str, *modules: str) -> str:
    body = {"name": name, "address": "http://192.0.2.7/onvif/device_service", "modules": list(modules)}
    status, camera = await console.call("POST", "/cameras", json=body)
    assert status == 201, camera
    return camera["camera_id"]


async def all_modules(console) -> dict[str, dict]:
    status, rows = await console.call("GET", "/modules", role=Role.VIEWER)
    assert status == 200
    return {row["code"]: row for row in rows}


@pytest.mark.requirement("M-221")
async def test_every_module_is_listed_with_its_code_iso_region_and_plate(console):
    modules = await all_modules(console)
    croatia, california, europe = modules["HR"], modules["US-CA"], modules["X_EU"]
    assert (croatia["name"], croatia["iso"], croatia["region"]) == ("Croatia", "HR", None)
    assert (california["iso"], california["region"]) == ("US", "California")
    assert (europe["iso"], europe["generic"], croatia["generic"]) == (None, True, False)
    assert croatia["sizes_cm"][0] == [52.0, 11.0]
    assert "Diplomat" in modules["PL"]["plate_types"]
    assert not any(row["own"] or row["replaces_built_in"] for row in modules.values())


@pytest.mark.requirement("M-226")
async def test_a_module_names_the_cameras_that_use_it_and_counts_once(console):
    north = await add_camera(console, "North", "DK", "X_EU")
    south = await add_camera(console, "South", "DK")
    every = await add_camera(console, "Yard", "US")
    modules = await all_modules(console)
    assert set(modules["DK"]["camera_ids"]) == {north, south}
    assert modules["X_EU"]["camera_ids"] == [north]
    assert modules["US-CA"]["camera_ids"] == modules["US"]["camera_ids"] == [every]
    assert modules["D"]["camera_ids"] == []
    assert modules_in_use(await console.store.cameras.all()) == 3


@pytest.mark.requirement("M-220")
async def test_each_camera_has_its_own_choice_of_what_is_installed(console):
    north = await add_camera(console, "North", "dk", "X_EU")
    south = await add_camera(console, "South", "DE")
    assert (await console.call("GET", f"/cameras/{north}"))[1]["modules"] == ["DK", "X_EU"]
    assert (await console.call("GET", f"/cameras/{south}"))[1]["modules"] == ["D"]
    status, answer = await console.call("PATCH", f"/cameras/{south}", json={"modules": ["D", "QQ"]})
    assert (status, answer["error"]) == (422, "unknown_module")
    assert "'QQ'" in answer["detail"]
    assert (await console.call("GET", f"/cameras/{south}"))[1]["modules"] == ["D"]
    body = {"name": "West", "address": "http://192.0.2.7/onvif/device_service", "modules": ["QQ"]}
    assert (await console.call("POST", "/cameras", json=body))[0] == 422
