"""A camera's recognition settings in a real browser: tried before they are saved, with their cost and warnings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Dialog, Page, expect

from inference.recognition import Recognition
from inference.types import Frame, StageTimes
from tests.adapter.api.browser.conftest import IN_A_BROWSER, until
from tests.adapter.api.conftest import Console
from tests.adapter.api.test_auto_capture import passage
from tests.adapter.api.test_snapshots import camera_with
from tests.fakes.snapshot_scenes import HEIGHT, WIDTH, Seen
from tests.rules.examples import NOON

pytestmark = IN_A_BROWSER


async def settings_page(console: Console, page: Page, *seen: Seen, approved: bool = False) -> str:
    camera_id, names = await camera_with(console, *seen)
    for name in names if approved else ():
        await console.call("PATCH", f"/cameras/{camera_id}/snapshots/{name}", json={"approval": "approved"})
    await page.goto("/cameras")
    await page.click("text=Settings")
    await page.wait_for_selector(f"form[data-camera='{camera_id}']")
    await page.wait_for_selector("#no-cost:visible")
    await expect(page.locator("#reads tbody tr")).to_have_count(len(seen))
    return camera_id


async def stored(console: Console, camera_id: str) -> dict[str, Any]:
    return dict((await console.store.cameras.get(camera_id)).recognition)


async def save(page: Page) -> None:
    await page.click("[data-do=save]")
    await page.wait_for_selector("#draft", state="hidden")


@pytest.mark.requirement("M-202", "M-209", "M-215", "M-231")
async def test_settings_are_changed_saved_and_put_back_with_their_warnings_beside_them(
    console: Console, page: Page
) -> None:
    camera_id = await settings_page(console, page)
    await page.select_option("#s-preset", "fast")
    await page.wait_for_selector("[data-setting=preset].unsaved")
    assert await stored(console, camera_id) == {}
    await save(page)
    await page.wait_for_selector("[data-setting=preset].changed")
    assert await stored(console, camera_id) == {"preset": "fast"}
    await page.fill("#s-partial_span_s", "2")
    await page.wait_for_selector("#notes li:has-text('comes 2 s after')")
    hint = await page.inner_text("[data-setting=partial_span_s] .about")
    assert await page.get_attribute("#s-partial_span_s", "max") == "5"
    assert "0 to 5" in hint and "no moving objects block the view" in hint
    await page.check("[data-setting=max_plates] .unlimited")
    await page.wait_for_selector("#notes li:has-text('max_plates is unlimited')")
    assert await page.is_disabled("#s-max_plates")
    await page.click("[data-setting=preset] .reset")
    assert await page.inner_text("#draft-what") == "3 unsaved: partial_span_s, max_plates, preset."
    await save(page)
    await page.wait_for_selector("[data-setting=preset]:not(.changed)")
    assert await stored(console, camera_id) == {"partial_span_s": 2.0, "max_plates": "unlimited"}


async def test_what_is_discarded_leaves_no_trace(console: Console, page: Page) -> None:
    camera_id = await settings_page(console, page)
    await page.fill("#s-max_fps", "3")
    await page.check("[data-setting=max_seconds_per_frame] .unlimited")
    await page.click("[data-do=discard]")
    await page.wait_for_selector("#draft", state="hidden")
    assert await page.input_value("#s-max_fps") == "8"
    assert await page.is_enabled("#s-max_seconds_per_frame")
    assert await stored(console, camera_id) == {}


async def test_a_setting_out_of_its_range_is_said_beside_it(console: Console, page: Page, refusals: list[str]) -> None:
    refusals.append("422")
    camera_id = await settings_page(console, page)
    await page.fill("#s-areas", "somewhere")
    await page.wait_for_selector("[data-setting=areas] .wrong:has-text('list of polygons')")
    await page.fill("#s-areas", "[[[0, 0], [1, 0], 5]]")
    await page.wait_for_selector("[data-setting=areas] .wrong:has-text('list of polygons')")
    await page.fill("#s-max_fps", "99")
    await page.wait_for_selector("[data-setting=max_fps] .wrong:has-text('0.1 to 60')")
    await page.fill("#s-max_fps", "9")
    await page.fill("#s-max_fps", "99")
    await page.wait_for_selector("#draft", state="hidden")
    # What the page cannot know is said by the API, in its own words, before anything is saved.
    await page.fill("#s-areas", "[[[0, 0], [2, 0], [1, 1]]]")
    await page.wait_for_selector("[data-setting=areas] .wrong:has-text('less than or equal to 1')")
    await page.fill("#s-areas", "")
    await page.fill("#s-discard_below", "0.97")
    await page.wait_for_selector("#draft-problem:has-text('must not be above stop_above')")
    await page.click("[data-do=save]")
    await page.wait_for_selector("#draft-problem:has-text('must not be above stop_above')")
    assert await stored(console, camera_id) == {}


@pytest.mark.requirement("M-166")
async def test_snapshots_are_read_anew_while_a_setting_changes_and_before_it_is_saved(
    console: Console, page: Page
) -> None:
    seen = Seen("12BKL3", 500, 400), Seen("99XYZ1", 300, 500, likelihood=0.62)
    camera_id = await settings_page(console, page, *seen, approved=True)
    unsure = page.locator("#reads tbody tr", has_text="99XYZ1")
    assert await unsure.locator("td").all_inner_texts() == ["2: 99XYZ1", "✓ 99XYZ1", ""]
    await page.fill("#s-discard_below", "0.7")
    await page.wait_for_selector("#reads tr.differs")
    assert await unsure.locator("td").all_inner_texts() == [
        "2: 99XYZ1",
        "✓ 99XYZ1",
        "✗ not read: below threshold (62 %)",
    ]
    assert "With the changes: 1 of 2" in await page.inner_text("#draft-reads")
    assert await stored(console, camera_id) == {}
    # What was typed back is no change, and nothing is said of it any more.
    await page.fill("#s-discard_below", "0.5")
    await page.wait_for_selector("#draft", state="hidden")
    assert await unsure.locator("td").all_inner_texts() == ["2: 99XYZ1", "✓ 99XYZ1", ""]


@pytest.mark.requirement("M-203", "M-232")
async def test_cost_and_latency_stand_beside_their_settings_and_follow_what_is_tried(
    console: Console, page: Page
) -> None:
    camera_id = await settings_page(console, page)
    assert "No estimate yet" in await page.inner_text("[data-setting=preset] .estimate")
    funnel = console.service.fleet.cameras[camera_id].funnel
    for number in range(20):
        at = NOON + timedelta(seconds=number)
        funnel.count(at, "frames")
        funnel.analysed(at, Recognition(stages=StageTimes(detect_ms=15, read_ms=4)), 20.0)
    seen = passage(1, started_at=NOON)
    funnel.told(seen, NOON + timedelta(seconds=1.5))
    await page.reload()
    beside = page.locator("[data-setting=preset] .estimate")
    await expect(beside).to_contain_text("About 20 ms per look with balanced (measured)")
    await expect(page.locator("[data-setting=max_fps] .estimate")).to_have_text(
        "About 16 % of a processor core while a vehicle is in view."
    )
    await page.select_option("#s-preset", "accurate")
    await expect(beside).to_contain_text("About 37 ms per look with accurate (estimated")
    await page.fill("#s-max_fps", "16")
    await expect(page.locator("[data-setting=max_fps] .estimate")).to_contain_text("About 59 %")
    slider, delay = page.locator(".slider"), page.locator("[data-setting=partial_span_s] .estimate")
    await expect(delay).to_contain_text("a result comes 1.5 s after its plate is first seen")
    assert await slider.get_attribute("max") == "5"
    await slider.focus()
    await slider.press("End")
    await expect(delay).to_contain_text("Adds up to 5 s to every result.")
    assert await page.input_value("#s-partial_span_s") == "5"
    assert await stored(console, camera_id) == {}
    (hour,) = (await console.call("GET", f"/cameras/{camera_id}/funnel"))[1]
    assert hour["average_delay_ms"] == 1500


@pytest.mark.requirement("M-190", "M-194")
async def test_snapshots_are_approved_and_the_configuration_validated_from_one_page(
    console: Console, page: Page
) -> None:
    await settings_page(console, page, Seen("12BKL3", 500, 400))
    assert "never been validated" in await page.inner_text("#prompt")
    assert await page.locator("button:has-text('Auto-configure')").count() == 1
    assert await page.locator(".head a:has-text('Snapshots')").count() == 1
    await page.click("#pictures button:has-text('Approve')")
    await page.wait_for_selector("#pictures .chip.allow")
    assert await page.input_value("#pictures [name=plates]") == "12BKL3"
    await page.select_option("#pictures [name=light]", "night")
    await until(page, "document.querySelector('#pictures [name=light]').value === 'night'")
    await page.click("button:has-text('Validate configuration')")
    await page.wait_for_selector("#answer:has-text('License plates detected: 1 of 1')")
    await page.wait_for_selector("#prompt", state="hidden")
    await page.select_option("#s-preset", "accurate")
    await page.click("button:has-text('Validate configuration')")
    await page.wait_for_selector("#notice:has-text('Save or discard')")
    await save(page)
    await page.wait_for_selector("#prompt:has-text('Changed since the last validation: preset')")


@pytest.mark.requirement("M-248")
async def test_who_leaves_with_unsaved_changes_is_asked_to_save_them_first(console: Console, page: Page) -> None:
    camera_id = await settings_page(console, page, Seen("12BKL3", 500, 400), approved=True)
    asked: list[str] = []

    async def stay_once(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await (dialog.dismiss() if len(asked) == 1 else dialog.accept())

    page.on("dialog", stay_once)
    await page.click("#s-motion_gate")
    await page.wait_for_selector("#draft button:has-text('Save')")
    here = page.url
    await page.click("text=Read funnel", no_wait_after=True)
    await expect(page.locator("#draft")).to_be_visible()
    assert (asked, page.url) == (["beforeunload"], here)
    await save(page)
    assert await stored(console, camera_id) == {"motion_gate": False}
    # Nothing is left to ask about.
    assert not await page.evaluate("() => !dispatchEvent(new Event('beforeunload', { cancelable: true }))")


@pytest.mark.requirement("M-246")
async def test_auto_configuration_says_that_it_overwrites_before_it_does(console: Console, page: Page) -> None:
    camera_id = await settings_page(console, page, Seen("12BKL3", 500, 400), approved=True)
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


@pytest.mark.requirement("M-168")
async def test_snapshots_are_taken_live_and_captured_as_vehicles_pass(console: Console, page: Page) -> None:
    camera_id = await settings_page(console, page)
    console.service.scenes.scenes.update({40: [], 50: []})
    console.service.fleet.cameras[camera_id].last_frame = Frame(
        picture=np.full((HEIGHT, WIDTH, 3), 40, np.uint8), captured_at=NOON, monotonic_s=0.0, sequence=1
    )
    await page.click("[data-do=take]")
    await page.wait_for_selector("#pictures .origin:has-text('taken live')")
    await page.fill("#vehicles", "2")
    await page.click("[data-do=capture]")
    await page.wait_for_selector("#capture:has-text('0 of 2 vehicles')")
    console.service.captures.note(camera_id, passage(1, grey=50))
    await page.wait_for_selector("#pictures .origin:has-text('auto-captured')")
    await page.wait_for_selector("#capture:has-text('1 of 2 vehicles')")
    await page.click("[data-do=stop-capture]")
    await page.wait_for_selector("[data-do=capture]:visible")
