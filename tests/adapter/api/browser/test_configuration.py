"""Outputs, reactions, accounts, lists and cameras are configured in a real browser: added, changed, removed."""

from __future__ import annotations

import pytest
from playwright.async_api import Dialog, Page, expect

from adapter.store.outputs import OutputRecord
from adapter.store.users import Role
from rules.types import ListEntry
from tests.adapter.api.browser.conftest import IN_A_BROWSER
from tests.adapter.api.conftest import PASSWORD, Console
from tests.adapter.api.test_modules import add_camera
from tests.adapter.api.test_resources import add_list, pass_by
from tests.rules.examples import NOON

pytestmark = IN_A_BROWSER


@pytest.fixture
def asked(page: Page) -> list[str]:
    """What the page asked, each answered with yes."""
    questions: list[str] = []

    async def accept(dialog: Dialog) -> None:
        questions.append(f"{dialog.type}: {dialog.message}")
        await dialog.accept()

    page.on("dialog", accept)
    return questions


async def turn(page: Page, selector: str) -> None:
    """Click what leads to another page, or to this one anew, and wait until its scripts have run."""
    async with page.expect_navigation():
        await page.click(selector)


async def test_an_output_is_added_tested_changed_replayed_and_removed(
    console: Console, page: Page, asked: list[str], refusals: list[str]
) -> None:
    refusals.append("422")
    await page.goto("/outputs")
    await page.fill("#output [name=name]", "Control room")
    await page.fill("#output [name=url]", "https://user:word@vms.example/hook")
    await page.click("#output [data-do=save]")
    await expect(page.locator("#output-url-wrong")).to_contain_text("leave user and password out")
    await expect(page.locator("#output [name=url]")).to_be_focused()
    await page.fill("#output [name=url]", "https://vms.example/hook")
    await page.check("[value=ListMatched]")
    await page.click("#output [data-do=save]")
    await page.wait_for_selector("#secret:visible")
    await expect(page.locator("#secret")).to_have_value((await stored_output(console)).secret or "")
    await turn(page, "text=I have noted it")
    await page.wait_for_selector("#outputs")
    assert await page.is_hidden("#secret")

    console.service.problem = "connection refused"
    await page.click("text=Test")
    await expect(page.locator("#outputs .answer.wrong")).to_have_text("connection refused")

    await page.click("[aria-label='Change Control room']")
    await expect(page.locator("#output h2")).to_have_text("Change Control room")
    assert await page.is_checked("[value=ListMatched]")
    await page.fill("#output [name=name]", "Guard")
    await page.uncheck("#output [name=enabled]")
    await turn(page, "#output [data-do=save]")
    await page.wait_for_selector("th:has-text('Guard')")
    record = await stored_output(console)
    assert (record.name, record.enabled, record.event_kinds) == ("Guard", False, {"ListMatched"})

    await console.call("PUT", f"/outputs/{record.output_id}", json={"name": "Guard", "url": record.url})
    await pass_by(console, "XYZ789")
    for delivery in await console.store.outbox.due(record.output_id, NOON, 10):
        await console.store.outbox.park(delivery.delivery_id, "410 Gone")
    await page.click("text=Given up …")
    await expect(page.locator("#dead-letters tbody tr")).to_have_count(2)
    await expect(page.locator("#dead-letters")).to_contain_text("410 Gone")
    await page.locator("#dead-letters [data-do=replay]").first.click()
    await expect(page.locator("#dead-letters tbody tr")).to_have_count(1)
    await page.click("text=Send all again")
    await page.wait_for_selector("text=Nothing was given up")
    await expect(page.locator("#outputs .pending")).to_have_text("2")

    await turn(page, "[aria-label='Remove Guard']")
    await page.wait_for_selector("text=No output has been added yet")
    assert asked == ["confirm: Remove the output Guard, and what it is still owed?"]


async def stored_output(console: Console) -> OutputRecord:
    (record,) = await console.store.outputs.all()
    return record


async def test_alarm_definitions_and_relays_are_chosen_by_name(console: Console, page: Page, asked: list[str]) -> None:
    list_id, camera_id = await add_list(console, "Residents"), await add_camera(console, "North")
    await page.goto("/reactions")
    form = page.locator("#alarm-definition")
    await form.locator("[name=name]").fill("Resident")
    await form.locator("[name=trigger]").select_option(label="Residents")
    await turn(page, "#alarm-definition [data-do=save]")
    await page.wait_for_selector("#alarm-definitions th:has-text('Resident')")
    await page.click("[aria-label='Change Resident']")
    await form.locator("[name=trigger]").select_option(label="a camera is lost")
    await form.locator("[name=priority]").fill("1")
    await turn(page, "#alarm-definition [data-do=save]")
    await page.wait_for_selector("td:has-text('a camera is lost')")
    (kept,) = [one for one in await console.store.alarm_definitions.all() if one.name == "Resident"]
    assert (kept.event_kind, kept.list_id, kept.priority) == ("CameraLost", "", 1)
    await turn(page, "[aria-label='Remove Resident']")
    await page.wait_for_selector("[aria-label='Remove Resident']", state="detached")

    form = page.locator("#relay-action")
    await form.locator("[name=list_id]").select_option(label="Residents (allow)")
    await form.locator("[name=camera_id]").select_option(label="North")
    await page.click("text=Which relays has the camera?")
    await expect(page.locator("#relays-found")).to_have_text("North has: gate, lamp.")
    await form.locator("[name=relay_token]").fill("gate")
    await turn(page, "#relay-action [data-do=save]")
    await page.wait_for_selector("#relay-actions th:has-text('of North, for 2 s')")
    await page.click("[aria-label='Change relay gate of North']")
    await form.locator("[name=pulse_s]").fill("1.5")
    await form.locator("[name=likelihood_floor]").fill("0.9")
    await turn(page, "#relay-action [data-do=save]")
    await page.wait_for_selector("td:has-text('90 % sure')")
    (action,) = await console.store.relay_actions.all()
    assert (action.list_id, action.camera_id, action.relay_token) == (list_id, camera_id, "gate")
    assert (action.pulse.total_seconds(), action.likelihood_floor, action.agreeing_reads) == (1.5, 0.9, 2)
    await turn(page, "[aria-label='Remove relay gate of North']")
    await page.wait_for_selector("text=No relay is pulsed for any list")
    assert len(asked) == 2


async def test_accounts_are_added_changed_and_removed(
    console: Console, page: Page, asked: list[str], refusals: list[str]
) -> None:
    refusals.append("409")
    await turn(page, "nav >> text=Accounts")
    await page.fill("#user [name=name]", "anna")
    await page.fill("#user [name=password]", "a long password")
    await page.click("#user [data-do=save]")
    await expect(page.locator("#user .problem")).to_have_text("There is a user named 'anna' already.")
    await page.fill("#user [name=name]", "ben")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await page.click("[aria-label='Change ben']")
    assert not await page.is_editable("#user [name=name]")
    await page.select_option("#user [name=role]", "operator")
    await page.uncheck("#user [name=enabled]")
    await page.fill("#user [name=password]", "another password")
    await turn(page, "#user [data-do=save]")
    await page.wait_for_selector("#users td:has-text('disabled')")
    ben = await console.store.users.get("ben")
    assert ben is not None
    assert (ben.role, ben.enabled, ben.must_change) == (Role.OPERATOR, False, True)
    await turn(page, "[aria-label='Remove ben']")
    await page.wait_for_selector("[aria-label='Remove ben']", state="detached")
    await page.click("[aria-label='Change anna']")
    assert await page.is_disabled("#user [name=password]")

    await page.fill("#token [name=name]", "report")
    await page.click("#token [data-do=save]")
    await expect(page.locator("#secret")).not_to_have_value("")
    token = await page.input_value("#secret")
    async with console.client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}) as answer:
        assert await answer.json() == {"name": "report", "role": "viewer"}
    await turn(page, "text=I have noted it")
    await turn(page, "[aria-label='Revoke report']")
    await page.wait_for_selector("text=There is no API token")

    await page.fill("#onvif-user [name=name]", "milestone")
    await page.fill("#onvif-user [name=password]", "digest word")
    await turn(page, "#onvif-user [data-do=save]")
    await page.click("[aria-label='Change the VMS user milestone']")
    await page.select_option("#onvif-user [name=level]", "User")
    await page.fill("#onvif-user [name=password]", "other word")
    await turn(page, "#onvif-user [data-do=save]")
    await page.wait_for_selector("#onvif-users td:has-text('User')")
    (user,) = await console.store.onvif_users.all()
    assert (user.name, user.password, user.level) == ("milestone", "other word", "User")
    await turn(page, "[aria-label='Remove the VMS user milestone']")
    await page.wait_for_selector("text=There is no VMS user")
    assert [question.split(" ")[1] for question in asked] == ["Remove", "Revoke", "Remove"]


@pytest.mark.requirement("M-266")
async def test_what_is_not_saved_is_asked_for_before_it_is_lost(console: Console, page: Page) -> None:
    questions: list[str] = []

    async def refuse(dialog: Dialog) -> None:
        questions.append(dialog.type)
        await dialog.dismiss()

    page.on("dialog", refuse)
    list_id = await add_list(console)
    await console.store.lists.save_entry(list_id, ListEntry(entry_id="e", pattern="ABC123"))
    await page.goto("/lists")
    await page.fill("#add-list [name=name]", "Half")
    await page.locator("nav >> text=Cameras").click(no_wait_after=True)
    await expect(page.locator("#add-list [name=name]")).to_have_value("Half")
    assert questions == ["beforeunload"]
    await page.fill("#add-list [name=name]", "")
    await page.goto(f"/lists/{list_id}")
    await page.fill("#entry [name=pattern]", "NEW1")
    await page.click("[aria-label='Change ABC123']")
    await expect(page.locator("#entry [name=pattern]")).to_have_value("NEW1")
    assert questions == ["beforeunload", "confirm"]
    await turn(page, "#entry [data-do=save]")
    await page.wait_for_selector("td:has-text('NEW1')")
    assert questions == ["beforeunload", "confirm"]


async def test_a_list_and_its_plates_are_changed_and_the_list_is_deleted(
    console: Console, page: Page, asked: list[str]
) -> None:
    camera_id = await add_camera(console, "North")
    list_id = await add_list(console, columns=["Owner", "Flat"])
    fields = {"Owner": "Ann", "Flat": "7"}
    entry = ListEntry(entry_id="e", pattern="ABC123", valid_from=NOON, fields=fields)
    await console.store.lists.save_entry(list_id, entry)
    await page.goto(f"/lists/{list_id}")
    await page.click("[aria-label='Change ABC123']")
    await expect(page.locator("#entry [data-column=Owner]")).to_have_value("Ann")
    await page.fill("#entry [data-column=Owner]", "Ben")
    await page.fill("#entry [name=pattern]", "ABC124")
    await turn(page, "#entry [data-do=save]")
    await page.wait_for_selector("td:has-text('Ben')")
    (changed,), _ = await console.store.lists.entries(list_id)
    assert (changed.entry_id, changed.pattern, changed.valid_from) == ("e", "ABC124", NOON)
    assert changed.fields == {"Owner": "Ben", "Flat": "7"}

    form = page.locator("#list-settings")
    await form.locator("[name=name]").fill("Tenants")
    await form.locator("[name=kind]").select_option("watch")
    await form.locator("[name=policy]").select_option("look_alike")
    await form.get_by_label("North").check()
    await form.locator("#columns input").first.fill("Tenant")
    await form.locator("#columns [data-do=drop]").last.click()
    await form.locator("text=Add a column").click()
    await page.keyboard.type("Phone")
    await form.locator("#columns [data-do=up]").last.click()
    await turn(page, "#list-settings [data-do=save]")
    await page.wait_for_selector("h1:has-text('Tenants')")
    record = await console.store.lists.get(list_id)
    kept = record.match_list
    assert (kept.name, kept.kind, kept.policy, kept.camera_ids) == ("Tenants", "watch", "look_alike", {camera_id})
    assert record.columns == ("Phone", "Tenant")
    (changed,), _ = await console.store.lists.entries(list_id)
    assert changed.fields["Tenant"] == "Ben"
    await turn(page, "text=Delete the list")
    await page.wait_for_url("**/lists")
    assert [one.match_list.name for one in await console.store.lists.all()] == ["Unlisted license plates"]
    assert asked == [
        "confirm: Take Flat away? What stands in it is not shown any more.",
        "confirm: Delete the list Tenants with its plates, alarm definitions and relays?",
    ]


async def test_a_camera_is_found_tried_added_changed_tuned_and_removed(
    console: Console, page: Page, asked: list[str], refusals: list[str]
) -> None:
    refusals += ["404", "422", "502"]
    await page.goto("/cameras")
    await page.click("text=Ask the network")
    await page.click("text=Use this one")
    await page.fill("#add-camera [name=user]", "root")
    console.service.problem = "The camera refused the password; check user and password."
    await page.click("text=Test first")
    await expect(page.locator("#add-camera .problem")).to_have_text(console.service.problem)
    console.service.problem = ""
    await page.click("text=Test first")
    await expect(page.locator("#new-answer dd").nth(1)).to_have_text("Virtual")
    assert await console.store.cameras.all() == []
    await page.fill("#add-camera [name=password]", "secret")
    await page.fill("#add-camera [name=modules]", "DK, D")
    await turn(page, "#add-camera [data-do=save]")
    await page.wait_for_url("**/info")
    (camera,) = await console.store.cameras.all()
    assert (camera.name, camera.user, camera.password, camera.modules) == ("North", "root", "secret", ("DK", "D"))

    await page.fill("#info [name=name]", "Gate")
    await page.fill("#info [name=description]", "over the barrier")
    await page.fill("#info [name=max_speed_kmh]", "30")
    await page.click("text=Test the connection")
    await page.wait_for_selector("#answer dd:has-text('Virtual')")
    await turn(page, "#info [data-do=save]")
    await page.wait_for_selector("h1:has-text('Gate')")
    changed = await console.store.cameras.get(camera.camera_id)
    assert (changed.name, changed.password, changed.max_speed_kmh) == ("Gate", "secret", 30)

    await turn(page, "nav >> text=Tuning")
    await page.fill("[name=max_speed_kmh]", "50")
    await page.click("#tuning button:text-is('Plan')")
    await expect(page.locator("#changes td")).to_have_text(
        ["imaging", "exposure_time", "1/50 s", "1/500 s", "Vehicles move."]
    )
    await page.fill("[name=max_speed_kmh]", "60")
    assert await page.is_hidden("#plan")
    await page.click("#tuning button:text-is('Plan')")
    await page.click("text=Send to the camera")
    await expect(page.locator("#applied h2")).to_have_text("Sent; 1 of 1 are not as asked")
    await expect(page.locator("#applied td").nth(2)).to_have_text("1/400 s")
    await page.click("text=Put back as it was")
    await expect(page.locator("#applied h2")).to_have_text("Back as it was")

    await turn(page, "nav >> text=Info")
    await turn(page, "text=Remove the camera")
    await page.wait_for_selector("text=No camera has been added yet")
    assert len(asked) == 3


async def test_an_operator_sees_outputs_and_tests_a_connection_and_changes_neither(
    console: Console, page: Page
) -> None:
    camera_id = await add_camera(console, "North")
    await console.call("POST", "/outputs", json={"name": "Hook", "url": "https://vms.example/hook"})
    await console.store.users.add("olga", PASSWORD, Role.OPERATOR, now=NOON, must_change=False)
    await page.click("text=Sign out")
    await page.fill("[name=name]", "olga")
    await page.fill("[name=password]", PASSWORD)
    # Else this page is taken for that of the outputs, and the button is clicked before its script has run.
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    await turn(page, "nav >> text=Outputs")
    assert await page.locator("main button:visible").all_inner_texts() == ["Test", "Given up …"]
    await page.click("text=Test")
    await expect(page.locator("#outputs .answer")).to_have_text("The receiver took the test message.")
    await page.goto(f"/cameras/{camera_id}/info")
    assert await page.locator("main button:visible").all_inner_texts() == ["Test the connection"]
    await page.click("text=Test the connection")
    await page.wait_for_selector("#answer dd:has-text('gate, lamp')")
