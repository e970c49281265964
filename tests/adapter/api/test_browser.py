"""The console in a real browser: sign in, watch a plate arrive, import a list, close an alarm by keyboard."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Dialog, Page, async_playwright

from events.types import ListKind, ListMatched
from inference.types import RejectionReason
from rules.types import AlarmDefinition, ListEntry
from tests.adapter.api.conftest import PASSWORD, Console
from tests.adapter.api.test_funnel import camera_at_rest, refuse
from tests.adapter.api.test_resources import add_list, pass_by
from tests.adapter.api.test_snapshots import camera_with
from tests.fakes.snapshot_scenes import Seen
from tests.rules.examples import NOON, recognized

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)"),
]


@pytest.fixture
async def page(console: Console) -> AsyncIterator[Page]:
    """A signed-in page whose script errors and policy violations fail the test."""
    problems: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        opened = await browser.new_page(base_url=str(console.server.make_url("/")))
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        await opened.goto("/", wait_until="load")
        problems.clear()  # the redirect to the login page is a refusal on purpose
        await opened.fill("[name=name]", "anna")
        await opened.fill("[name=password]", PASSWORD)
        await opened.keyboard.press("Enter")
        await opened.wait_for_selector("text=Live reads")
        yield opened
        await browser.close()
    assert problems == []


async def test_a_read_and_its_list_appear_without_reloading(console: Console, page: Page) -> None:
    await page.wait_for_selector(".pulse.on")
    event = recognized("LIVE42", frame_picture=None, plate_picture=None)
    console.live.publish(event)
    console.live.publish(
        ListMatched(
            event_id="m1",
            utc_time=event.utc_time,
            recognized_id=event.event_id,
            camera_id=event.camera_id,
            camera_name=event.camera_name,
            plate=event.plate,
            likelihood=event.likelihood,
            list_id="l1",
            list_name="<b>Guests</b>",
            list_kind=ListKind.WATCH,
            pattern="LIVE*",
        )
    )
    row = page.locator("#read-event1")
    assert await row.locator(".plate .number").inner_text() == "LIVE42"
    assert await row.locator(".chip.watch").inner_text() == "<b>Guests</b>"


async def test_a_list_is_imported_after_a_look_at_the_preview(console: Console, page: Page) -> None:
    list_id = await add_list(console)
    await page.goto(f"/lists/{list_id}")
    content = {"name": "list.csv", "mimeType": "text/csv", "buffer": b"plate,Owner\nnew 1,Ann\nbad!,Ben\n"}
    await page.set_input_files("[name=file]", files=[content])
    await page.click("#import button:has-text('Preview')")
    await page.wait_for_selector("#confirm:visible")
    assert "1 to add" in await page.inner_text("#preview")
    assert "Line 3" in await page.inner_text("#preview")
    await page.click("#confirm")
    await page.wait_for_selector("td:has-text('NEW1')")


async def test_an_alarm_is_closed_with_the_keyboard_alone(console: Console, page: Page) -> None:
    list_id = await add_list(console)
    await console.store.lists.save_entry(list_id, ListEntry(entry_id="e", pattern="ABC123"))
    await console.store.alarm_definitions.save(AlarmDefinition(definition_id="d", name="Resident", list_id=list_id))
    await pass_by(console, "ABC123", frame_picture=None, plate_picture=None)
    await page.goto("/alarms")
    await page.focus("button[data-state=closed]")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".state.closed")
    (alarm,) = await console.store.alarms.all()
    assert (alarm.state, alarm.changed_by) == ("closed", "anna")


async def settings_page(console: Console, page: Page, *seen: Seen) -> str:
    camera_id, _ = await camera_with(console, *seen)
    await page.goto("/cameras")
    await page.click("text=Settings")
    await page.wait_for_selector(f"form[data-camera='{camera_id}']")
    await page.wait_for_selector("#no-cost:visible")
    return camera_id


async def stored(console: Console, camera_id: str) -> dict[str, Any]:
    return dict((await console.store.cameras.get(camera_id)).recognition)


@pytest.mark.requirement("M-202", "M-209", "M-215", "M-231")
async def test_settings_are_saved_one_by_one_with_their_warnings_beside_them(console: Console, page: Page) -> None:
    camera_id = await settings_page(console, page)
    await page.select_option("#s-preset", "fast")
    await page.wait_for_selector("[data-setting=preset].changed")
    assert await stored(console, camera_id) == {"preset": "fast"}
    await page.fill("#s-partial_span_s", "2")
    await page.keyboard.press("Tab")
    await page.wait_for_selector("#notes li:has-text('comes 2 s after')")
    hint = await page.inner_text("[data-setting=partial_span_s] .about")
    assert await page.get_attribute("#s-partial_span_s", "max") == "5"
    assert "0 to 5" in hint and "no moving objects block the view" in hint
    await page.check("[data-setting=max_plates] .unlimited")
    await page.wait_for_selector("#notes li:has-text('max_plates is unlimited')")
    assert await page.is_disabled("#s-max_plates")
    await page.click("[data-setting=preset] .reset")
    await page.wait_for_selector("[data-setting=preset]:not(.changed)")
    assert await stored(console, camera_id) == {"partial_span_s": 2.0, "max_plates": "unlimited"}


async def test_a_setting_out_of_its_range_is_said_beside_it(console: Console, page: Page) -> None:
    camera_id = await settings_page(console, page)
    await page.fill("#s-areas", "somewhere")
    await page.keyboard.press("Tab")
    await page.wait_for_selector("[data-setting=areas] .wrong:has-text('list of polygons')")
    await page.evaluate("fetch = () => Promise.resolve(Response.json({detail: 'max_fps: too much'}, {status: 422}))")
    await page.fill("#s-max_fps", "99")
    await page.keyboard.press("Tab")
    await page.wait_for_selector("[data-setting=max_fps] .wrong:has-text('too much')")
    assert await stored(console, camera_id) == {}


@pytest.mark.requirement("M-190", "M-194")
async def test_snapshots_are_approved_and_the_configuration_validated_from_one_page(
    console: Console, page: Page
) -> None:
    await settings_page(console, page, Seen("12BKL3", 500, 400))
    assert "never been validated" in await page.inner_text("#prompt")
    assert await page.locator("button:has-text('Auto-configure')").count() == 1
    assert await page.locator("a:has-text('Snapshots')").count() == 1
    await page.click("#pictures button:has-text('Approve')")
    await page.wait_for_selector("#pictures .chip.allow")
    assert await page.input_value("#pictures [name=plates]") == "12BKL3"
    await page.click("button:has-text('Validate configuration')")
    await page.wait_for_selector("#answer:has-text('License plates detected: 1 of 1')")
    await page.wait_for_selector("#prompt", state="hidden")
    await page.select_option("#s-preset", "accurate")
    await page.wait_for_selector("#prompt:has-text('Changed since the last validation: preset')")


async def test_the_read_funnel_is_reached_from_its_camera_and_shows_pictures(console: Console, page: Page) -> None:
    _, camera = await camera_at_rest(console)
    camera.funnel.count(NOON, "frames", 900)
    refuse(camera, RejectionReason.CUT, text="AB12")
    await page.goto("/cameras")
    await page.click("text=Read funnel")
    bar = await page.locator("svg[aria-label^=Frames] rect").bounding_box()
    assert bar is not None
    assert bar["height"] > 20
    picture = page.locator(".refused img")
    await picture.scroll_into_view_if_needed()
    await page.wait_for_function("document.querySelector('.refused img').naturalWidth > 0")
    await page.click("text=48 hours")
    await page.wait_for_selector("[aria-current=true]:has-text('48 hours')")


@pytest.mark.requirement("M-246")
async def test_auto_configuration_says_that_it_overwrites_before_it_does(console: Console, page: Page) -> None:
    camera_id = await settings_page(console, page, Seen("12BKL3", 500, 400))
    await page.click("#pictures button:has-text('Approve')")
    await page.wait_for_selector("#pictures .chip.allow")
    asked: list[str] = []

    async def refuse_once(dialog: Dialog) -> None:
        asked.append(dialog.message)
        await (dialog.accept() if len(asked) > 1 else dialog.dismiss())

    page.on("dialog", refuse_once)
    await page.click("button:has-text('Auto-configure')")
    await page.wait_for_selector("button:has-text('Auto-configure'):not(:disabled)")
    assert "overwrites what was set by hand" in asked[0]
    assert await stored(console, camera_id) == {}
    await page.click("button:has-text('Auto-configure')")
    await page.wait_for_selector("#answer:has-text('After: 1 of 1 detected')")
    await page.wait_for_selector("[data-setting=areas].changed .auto:visible")
    assert "areas" in await stored(console, camera_id)


@pytest.mark.requirement("M-139", "M-307")
async def test_every_page_opens_without_a_script_error(page: Page) -> None:
    for path in ("/alarms", "/lists", "/lists/unlisted", "/cameras", "/status", "/password", "/?plate=AB%3F"):
        answer = await page.goto(path)
        assert answer is not None
        assert answer.status == 200
