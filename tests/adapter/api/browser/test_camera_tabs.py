"""A camera's country modules, match lists and server in a real browser."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, expect

from adapter.store.users import Role
from adapter.workers.messages import Welcome
from tests.adapter.api.browser.conftest import IN_A_BROWSER
from tests.adapter.api.conftest import PASSWORD, Console
from tests.adapter.api.test_modules import add_camera
from tests.adapter.api.test_resources import add_list
from tests.adapter.api.test_snapshots import camera_with
from tests.adapter.api.test_workers import hear, joined
from tests.fakes.snapshot_scenes import Seen
from tests.rules.examples import NOON

pytestmark = IN_A_BROWSER


async def validated_camera(console: Console) -> str:
    camera_id, (name,) = await camera_with(console, Seen("12BKL3", 500, 400))
    await console.call("PATCH", f"/cameras/{camera_id}/snapshots/{name}", json={"approval": "approved"})
    await console.call("POST", f"/cameras/{camera_id}/validate", json={})
    return camera_id


@pytest.mark.requirement("M-222", "M-223", "M-225")
async def test_country_modules_are_selected_in_a_table_and_shown_beside_it_at_once(
    console: Console, page: Page
) -> None:
    camera_id = await validated_camera(console)
    await page.goto(f"/cameras/{camera_id}/settings")
    await page.click("text=Country modules")
    heads = await page.locator("#installed th").all_inner_texts()
    assert heads == ["Select", "Country module", "Country code", "Licensed"]
    denmark = page.locator("tr[data-code=DK]")
    assert (await denmark.inner_text()).split() == ["Denmark", "DK", "✓", "yes"]
    await expect(page.locator("#none-selected")).to_be_visible()
    assert await page.is_disabled("#save")
    await page.check("#m-DK")
    await expect(page.locator("#selected li")).to_have_text(["Denmark (DK)"])
    await page.fill("#find", "european")
    assert await page.is_hidden("#m-DK")
    await page.check("#m-X_EU")
    await expect(page.locator("#selected li")).to_have_count(2)
    assert (await console.store.cameras.get(camera_id)).modules == ()
    await page.click("#save")
    await page.wait_for_selector("#prompt:has-text('Changed since the last validation: modules. Validate')")
    assert (await console.store.cameras.get(camera_id)).modules == ("DK", "X_EU")
    await page.fill("#find", "")
    await page.uncheck("#m-DK")
    await expect(page.locator("#selected li")).to_have_count(1)
    await page.click("#discard")
    await expect(page.locator("#selected li")).to_have_count(2)


@pytest.mark.requirement("M-224")
async def test_the_number_of_free_licenses_is_that_of_installed_modules_no_camera_uses(
    console: Console, page: Page
) -> None:
    camera_id = await add_camera(console, "North", "DK")
    await add_camera(console, "South", "DK", "D")
    installed = len((await console.call("GET", "/modules"))[1])
    await page.goto(f"/cameras/{camera_id}/modules")

    async def is_free(number: int) -> None:
        await expect(page.locator("#free")).to_have_text(f"{number} free country module license(s) available")

    await is_free(installed - 2)
    await page.check("#m-NL")
    await is_free(installed - 3)
    # South goes on using these two.
    await page.check("#m-D")
    await page.uncheck("#m-DK")
    await is_free(installed - 3)
    await page.uncheck("#m-NL")
    # A country's code brings its regions.
    await page.check("#m-US")
    states = await page.locator("tr[data-code^='US-']").count()
    assert states > 5
    await is_free(installed - 2 - 1 - states)
    await page.click("#save")
    await page.wait_for_selector("#notice:has-text('are saved')")
    await page.reload()
    await is_free(installed - 2 - 1 - states)


async def test_who_may_only_look_sees_everything_and_is_offered_no_change(console: Console, page: Page) -> None:
    camera_id = await validated_camera(console)
    recognition = {"areas": [[[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]]}
    await console.call("PATCH", f"/cameras/{camera_id}", json={"recognition": recognition, "modules": ["DK"]})
    await console.store.users.add("vera", PASSWORD, Role.VIEWER, now=NOON, must_change=False)
    await page.click("text=Sign out")
    await page.fill("[name=name]", "vera")
    await page.fill("[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Live reads")
    await page.goto(f"/cameras/{camera_id}/settings")
    await expect(page.locator("#polygon-help")).to_contain_text("red part are not recognized")
    await page.wait_for_selector("#pictures .chip.allow")
    await page.focus("#canvas")
    for key in ("n", "Delete", "d"):
        await page.keyboard.press(key)
    assert await page.is_hidden("#draft")
    for path in ("settings", "modules", "lists"):
        await page.goto(f"/cameras/{camera_id}/{path}")
        assert await page.locator("main input:enabled:not(#find):not(#show-heights)").count() == 0
        offered = await page.locator("main button:visible").all_inner_texts()
        assert {text for text in offered if len(text) > 1} <= {"Fit"}


@pytest.mark.requirement("M-217", "M-219")
async def test_a_camera_matches_against_all_lists_or_selected_ones(console: Console, page: Page) -> None:
    camera_id = await validated_camera(console)
    list_id = await add_list(console)
    await page.goto(f"/cameras/{camera_id}/lists")
    assert await page.is_hidden(".choices")
    await page.check("[value=selected]")
    for box in await page.locator("[name=list]").all():
        await box.uncheck()
    await page.click("text=Save")
    await page.wait_for_selector("#problem:has-text('at least one list')")
    assert (await console.store.cameras.get(camera_id)).selected_lists is None
    await page.check(f"[value='{list_id}']")
    await page.click("text=Save")
    await page.wait_for_selector("#prompt:has-text('Changed since the last validation: selected_lists. Validate')")
    assert (await console.store.cameras.get(camera_id)).selected_lists == {list_id}
    await page.reload()
    assert await page.is_checked("[value=selected]")
    await page.check("[value=all]")
    await page.click("text=Save")
    await page.wait_for_selector("#prompt", state="hidden")
    assert (await console.store.cameras.get(camera_id)).selected_lists is None


async def test_a_cameras_server_is_chosen_on_its_page(console: Console, page: Page) -> None:
    camera_id = await add_camera(console, "Gate")
    async with joined(console) as socket:
        assert isinstance(await hear(socket), Welcome)
        await page.goto(f"/cameras/{camera_id}/info")
        assert await page.locator("[name=server] option").all_inner_texts() == ["this one", "north"]
        await page.select_option("[name=server]", "north")
        await page.click("#info [data-do=save]")
        async with asyncio.timeout(20):
            while (await console.store.cameras.get(camera_id)).server != "north":
                await asyncio.sleep(0.05)
