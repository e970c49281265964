"""The console in a real browser: sign in, watch a plate arrive, import a list, close an alarm by keyboard."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, Route, expect

from events.types import ListKind, ListMatched
from inference.types import RejectionReason
from rules.types import AlarmDefinition, ListEntry
from tests.adapter.api.browser.conftest import IN_A_BROWSER, until
from tests.adapter.api.conftest import PASSWORD, Console
from tests.adapter.api.test_funnel import camera_at_rest, refuse
from tests.adapter.api.test_resources import add_list, pass_by
from tests.rules.examples import NOON, recognized

pytestmark = IN_A_BROWSER


async def test_whoever_has_no_session_signs_in_and_out_by_the_form(page: Page) -> None:
    await page.context.clear_cookies()
    await page.goto("/")
    await page.fill("[name=name]", "anna")
    await page.fill("[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("text=Live reads")
    await page.click("button:has-text('Sign out')")
    await page.wait_for_selector("[name=password]")


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
    assert "UTC unless they tell their offset" in await page.inner_text("#import")
    assert "1 to add" in await page.inner_text("#preview")
    assert "Line 3" in await page.inner_text("#preview")
    await page.click("#confirm")
    await page.wait_for_selector("td:has-text('NEW1')")


@pytest.mark.requirement("M-283")
async def test_selected_plates_are_changed_together(console: Console, page: Page) -> None:
    list_id = await add_list(console, columns=["Owner"])
    for number in range(3):
        entry = ListEntry(entry_id=f"e{number}", pattern=f"ABC{number}", fields={"Owner": "Ann"})
        await console.store.lists.save_entry(list_id, entry)
    await page.goto(f"/lists/{list_id}")
    for entry_id in ("e0", "e2"):
        await page.check(f'input[name="entry"][value="{entry_id}"]')
    await page.fill('#change-entries [data-column="Owner"]', "Ben")
    await page.fill("#change-entries [name=valid_until]", "2030-01-31T12:00")
    await page.click("text=Change selected")
    await expect(page.locator("td:text-is('Ben')")).to_have_count(2)
    entries, _ = await console.store.lists.entries(list_id)
    assert [one.fields["Owner"] for one in entries] == ["Ben", "Ann", "Ben"]
    assert [one.valid_until is None for one in entries] == [False, True, False]
    assert (await page.locator("#entries th").all_inner_texts())[2:4] == ["Valid from (UTC)", "Valid until (UTC)"]
    await expect(page.get_by_label("your local time")).to_have_count(3)


@pytest.mark.requirement("M-145")
async def test_the_server_page_says_so_when_the_service_does_not_answer_and_when_it_does_again(
    console: Console, page: Page, refusals: list[str]
) -> None:
    refusals.append("504")
    await page.clock.install()
    await page.goto("/status")
    status = page.locator("#status")
    assert await status.inner_text() == "No LPR cameras configured"

    async def silent(route: Route) -> None:
        await route.fulfill(status=504, body="the service does not answer in time")

    await page.route("**/api/v1/status", silent)
    await page.clock.fast_forward(6000)
    await expect(status).to_have_text("Service not responding")
    await page.unroute("**/api/v1/status")
    await page.clock.fast_forward(6000)
    await expect(status).to_have_text("No LPR cameras configured")


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
    await until(page, "document.querySelector('.refused img').naturalWidth > 0")
    await page.click("text=48 hours")
    await page.wait_for_selector("[aria-current=true]:has-text('48 hours')")


@pytest.mark.requirement("M-139", "M-307")
async def test_every_page_opens_without_a_script_error(page: Page) -> None:
    for path in (
        "/alarms",
        "/lists",
        "/lists/unlisted",
        "/cameras",
        "/status",
        "/reactions",
        "/outputs",
        "/accounts",
        "/password",
        "/?plate=AB%3F",
    ):
        answer = await page.goto(path)
        assert answer is not None
        assert answer.status == 200
