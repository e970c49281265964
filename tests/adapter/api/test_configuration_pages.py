"""The pages of what is configured: what they show, to whom, and what they offer by role."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

from adapter.api.configuration_pages import ALARM_EVENTS, EVENT_NAMES
from adapter.api.ports import OutputCounts
from adapter.api.schemas import AlarmDefinitionBody
from adapter.store.users import Role
from events.types import Event
from tests.adapter.api.conftest import PASSWORD, Console
from tests.adapter.api.test_modules import add_camera
from tests.adapter.api.test_resources import add_list, pass_by
from tests.rules.examples import NOON

ODD = """O'Neil <b>"&"""


async def page_of(console: Console, path: str) -> tuple[int, str]:
    async with console.client.get(path, headers={"Accept": "text/html"}) as response:
        return response.status, await response.text()


async def sign_in_as(console: Console, role: Role) -> None:
    await console.store.users.add(f"{role} person", PASSWORD, role, now=NOON, must_change=False)
    assert await console.sign_in(f"{role} person") == 303


def records(text: str) -> list[dict[str, Any]]:
    """What the page's scripts get of each row and form."""
    return [json.loads(unescape(one)) for one in re.findall(r"data-record='([^']*)'", text)]


async def test_outputs_are_shown_with_queue_deliveries_and_failures(console: Console) -> None:
    body = {"name": ODD, "url": "https://vms.example/hook", "event_kinds": ["ListMatched", "Another"]}
    _, output = await console.call("POST", "/outputs", json=body)
    await console.call("PUT", f"/outputs/{output['output_id']}", json={**body, "event_kinds": []})
    await pass_by(console, "XYZ789")
    first, second = await console.store.outbox.due(output["output_id"], NOON, 10)
    await console.store.outbox.park(first.delivery_id, "410 Gone")
    await console.call("PUT", f"/outputs/{output['output_id']}", json=body)
    console.service.outputs = {output["output_id"]: OutputCounts(sent=1, failed=17, parked=1, error="HTTP 401")}
    await console.sign_in("anna")
    _, text = await page_of(console, "/outputs")
    assert "O&#39;Neil &lt;b&gt;" in text
    assert re.findall(r'class="number[ \w]*">(\d+)<', text) == ["1", "0", "17", "1"]
    assert '<p class="trouble">HTTP 401</p>' in text
    assert f'datetime="{second.event.utc_time.isoformat()}"' in text
    assert output["secret"] not in text
    (record,) = records(text)
    assert record["name"] == ODD
    # A kind that the form does not know by name would be taken away when it is saved.
    assert 'value="Another"' in text
    for kind in EVENT_NAMES:
        assert f'value="{kind}"' in text


def test_every_kind_of_event_has_a_name_on_the_pages_and_alarms_those_the_api_takes() -> None:
    kinds = {one.__dataclass_fields__["kind"].default for one in Event.__args__}
    assert set(EVENT_NAMES) == kinds
    for kind in ALARM_EVENTS:
        AlarmDefinitionBody(name="x", event_kind=kind)
    schema = AlarmDefinitionBody.model_json_schema()["properties"]["event_kind"]["enum"]
    assert set(ALARM_EVENTS) == set(schema) - {""}


async def test_reactions_name_lists_and_cameras_and_never_show_an_id_instead(console: Console) -> None:
    list_id, camera_id = await add_list(console, "Residents"), await add_camera(console, "North")
    await console.call("POST", "/alarm-definitions", json={"name": ODD, "list_id": list_id, "priority": 3})
    await console.call("POST", "/relay-actions", json={"list_id": list_id, "camera_id": camera_id, "relay_token": "g"})
    await console.call("POST", "/relay-actions", json={"list_id": "unlisted", "camera_id": "gone", "relay_token": "h"})
    await console.sign_in("anna")
    _, text = await page_of(console, "/reactions")
    seen = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text)))
    assert "a plate is on Residents allow" in seen
    assert "of North, for 2 s" in seen
    assert "of a camera that is gone" in seen
    assert "a gate does not open" in seen
    assert list_id not in seen
    assert camera_id not in seen
    assert {one.get("name", one.get("relay_token")) for one in records(text)} == {ODD, "g", "h", "A gate did not open"}


async def test_accounts_show_who_may_come_in_and_no_secret(console: Console) -> None:
    _, made = await console.call("POST", "/tokens", json={"name": "report", "role": "viewer", "days": 1})
    await console.call("PUT", "/onvif-users/milestone", json={"password": "digest-secret"})
    await console.call("POST", "/users", json={"name": "ben", "password": "a long password", "role": "operator"})
    console.clock.advance(days=2)
    await console.sign_in("anna")
    _, text = await page_of(console, "/accounts")
    assert re.search(r'ben</th>\s*<td>operator</td>\s*<td><span class="state connecting">one-time password', text)
    assert "expired</span>" in text
    assert "<td>user.add</td><td>ben</td>" in text
    for secret in (made["token"], "digest-secret", "a long password", "argon2"):
        assert secret not in text


@pytest.mark.parametrize(
    ("path", "needed"),
    [
        ("/outputs", Role.OPERATOR),
        ("/accounts", Role.ADMINISTRATOR),
        ("/reactions", Role.VIEWER),
        ("/cameras/CAMERA/info", Role.VIEWER),
        ("/cameras/CAMERA/tuning", Role.VIEWER),
    ],
)
async def test_a_page_is_for_those_whom_the_api_lets_see_it(console: Console, path: str, needed: Role) -> None:
    camera_id = await add_camera(console, "North")
    for role in Role:
        await sign_in_as(console, role)
        status, text = await page_of(console, path.replace("CAMERA", camera_id))
        assert status == (200 if role.covers(needed) else 403), role
        if status == 403:
            assert text == f"This page needs the role {needed}; you are {role}.\n"
        _, start = await page_of(console, "/")
        assert ('href="/outputs"' in start, 'href="/accounts"' in start) == (
            role.covers(Role.OPERATOR),
            role.covers(Role.ADMINISTRATOR),
        )


async def test_who_may_not_change_is_offered_no_change(console: Console) -> None:
    list_id, camera_id = await add_list(console), await add_camera(console, "North")
    await console.call("POST", f"/lists/{list_id}/entries", json={"pattern": "ABC123"})
    await console.call("POST", "/relay-actions", json={"list_id": list_id, "relay_token": "gate"})
    await console.call("POST", "/outputs", json={"name": "Hook", "url": "https://vms.example/hook"})
    pages = ["/cameras", "/reactions", "/outputs", f"/lists/{list_id}"]
    pages += [f"/cameras/{camera_id}/info", f"/cameras/{camera_id}/tuning"]
    offers: dict[Role, set[str]] = {}
    for role in Role:
        await sign_in_as(console, role)
        texts = [text for status, text in [await page_of(console, path) for path in pages] if status == 200]
        offers[role] = {
            offer for text in texts for offer in re.findall(r'<form id="([\w-]+)"|data-do="([\w-]+)"', text)
        }
        offers[role] = {form or f"*{command}" for form, command in offers[role]}
    assert offers[Role.VIEWER] == set()
    cards = {"change-entries", "entry", "import"}
    commands = {"*test", "*letters", "*replay-all", "*change", "*save", "*cancel"}
    assert offers[Role.OPERATOR] == cards | commands
    administrators = {"add-camera", "alarm-definition", "relay-action", "output", "list-settings", "info", "tuning"}
    assert administrators <= offers[Role.ADMINISTRATOR]


async def test_what_is_bound_to_a_camera_that_is_gone_stays_bound_when_its_form_is_saved(console: Console) -> None:
    """Without a box or an option of its own it would be valid at every camera."""
    camera_id = await add_camera(console, "North")
    list_id = await add_list(console, camera_ids=[camera_id])
    body = {"list_id": list_id, "camera_id": camera_id, "relay_token": "gate"}
    await console.call("POST", "/relay-actions", json=body)
    await console.call("DELETE", f"/cameras/{camera_id}")
    await console.sign_in("anna")
    for path, kind in ((f"/lists/{list_id}", "<input"), ("/reactions", "<option")):
        _, text = await page_of(console, path)
        (shown,) = re.findall(rf"{kind}[^>]*value=\"{camera_id}\"[^>]*>[^<]*", text)
        assert f"a camera that is gone ({camera_id})" in shown


async def test_the_page_of_the_built_in_list_offers_no_change_of_it(console: Console) -> None:
    await console.sign_in("anna")
    _, text = await page_of(console, "/lists/unlisted")
    assert "list-settings" not in text
    assert "list_settings.js" not in text


async def test_a_camera_form_holds_no_password(console: Console) -> None:
    body = {"name": ODD, "address": "http://192.0.2.7/", "user": "root", "password": "camera-secret"}
    _, camera = await console.call("POST", "/cameras", json=body)
    await console.sign_in("anna")
    _, text = await page_of(console, f"/cameras/{camera['camera_id']}/info")
    assert "camera-secret" not in text
    (record,) = records(text)
    assert (record["name"], record["user"], record["enabled"], record["max_speed_kmh"]) == (ODD, "root", True, None)


async def test_a_connection_is_tried_before_it_is_stored(console: Console) -> None:
    body = {"address": "http://192.0.2.7/", "user": "root", "password": "secret"}
    assert (await console.call("POST", "/connection-test", role=Role.OPERATOR, json=body))[0] == 403
    status, answer = await console.call("POST", "/connection-test", json=body)
    assert (status, answer["device"], answer["login"]) == (200, {"model": "Virtual"}, "root")
    assert (await console.call("GET", "/cameras"))[1] == []
    (tried, *_) = (await console.call("GET", "/audit"))[1]
    assert (tried["action"], tried["subject"], tried["detail"]) == ("camera.try", "new", "http://192.0.2.7/")
    console.service.problem = "The camera refused the password; check user and password."
    assert (await console.call("POST", "/connection-test", json=body))[0] == 502
    assert (await console.call("POST", "/connection-test", json={"address": "192.0.2.7"}))[0] == 422
