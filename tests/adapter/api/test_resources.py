"""What the API does for somebody who may."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from adapter.api.app import all_endpoints
from adapter.api.endpoint import PREFIX
from adapter.api.security import SESSIONS
from adapter.store.users import Role
from events.types import ListKind
from events.webhook import WebhookOutput
from rules.rules import evaluate
from tests.events.test_webhook import hook, session
from tests.rules.examples import NOON, ids, recognized

__all__ = ["hook", "session"]


async def add_list(console, name: str = "Residents", kind: str = "allow", **fields) -> str:
    status, answer = await console.call("POST", "/lists", json={"name": name, "kind": kind, **fields})
    assert status == 201, answer
    return answer["list_id"]


async def pass_by(console, plate: str, **fields) -> None:
    store = console.store
    event = recognized(plate, **fields)
    outcome = evaluate(
        event,
        index=await store.lists.index(),
        alarm_definitions=await store.alarm_definitions.all(),
        relay_actions=await store.relay_actions.all(),
        last_pulses={},
        now=event.utc_time,
        new_id=ids(f"{event.event_id}-"),
    )
    await store.journal.commit(event, outcome, now=event.utc_time)


@pytest.mark.requirement(
    "M-139", "M-140", "M-142", "M-143", "M-151", "M-152", "M-153", "M-154", "M-155", "M-156", "M-157"
)
async def test_the_status_has_every_field_of_the_server_page(console):
    status, answer = await console.call("GET", "/status", role=Role.VIEWER)
    assert status == 200
    assert (answer["name"], answer["host_name"]) == ("gatehouse", "gatehouse.example.org")
    assert answer["status"] == "No LPR cameras configured"
    assert (answer["uptime_s"], answer["cpu_percent"], answer["memory_available_mb"]) == (93784, 23.4, 5120)
    assert (answer["recognized"], answer["cameras"]) == (1234, [])
    assert (answer["cameras_available"], answer["modules_available"], answer["modules_in_use"]) == (None, None, 2)


@pytest.mark.requirement("M-141")
async def test_the_server_can_be_renamed(console):
    assert (await console.call("PATCH", "/status", json={"name": "South"}))[1]["name"] == "South"


@pytest.mark.requirement("M-183", "M-187")
async def test_a_camera_is_added_changed_tuned_and_removed(console):
    body = {"name": "North", "address": "http://192.0.2.7/onvif/device_service", "modules": ["DK", "X_EU"]}
    status, camera = await console.call("POST", "/cameras", json=body)
    assert (status, camera["profile_token"], camera["modules"]) == (201, "profile1", ["DK", "X_EU"])
    assert (camera["enabled"], camera["description"]) == (True, "")
    path = f"/cameras/{camera['camera_id']}"
    await console.call("PATCH", path, json={"description": "over the barrier"})
    assert (await console.call("GET", path))[1]["description"] == "over the barrier"
    change = {"enabled": False, "selected_lists": ["unlisted"], "recognition": {"discard_below": 0.6}}
    _, changed = await console.call("PATCH", path, json=change)
    assert (changed["enabled"], changed["selected_lists"], changed["name"]) == (False, ["unlisted"], "North")
    assert "rules" in console.service.told
    assert (await console.call("PATCH", path, json={"selected_lists": None}))[1]["selected_lists"] is None
    assert (await console.call("POST", path + "/tune", json={"max_speed_kmh": 50}))[1]["applied"] == []
    assert (await console.call("POST", path + "/tune/rollback"))[1]["complete"] is True
    assert (await console.call("POST", path + "/test"))[1]["model"] == "Virtual"
    assert (await console.call("GET", path + "/snapshot.jpg"))[1].startswith(b"\xff\xd8")
    assert (await console.call("DELETE", path))[0] == 200
    assert (await console.call("GET", path))[0] == 404


async def test_a_camera_that_does_not_answer_is_reported_with_the_reason(console):
    console.service.problem = "The camera refused the password; check user and password."
    status, answer = await console.call("POST", "/cameras", json={"name": "N", "address": "http://192.0.2.7/"})
    assert (status, answer["error"]) == (502, "camera_problem")
    assert answer["detail"] == console.service.problem


async def test_two_cameras_cannot_have_one_name(console):
    body = {"name": "North", "address": "rtsp://192.0.2.7/live"}
    await console.call("POST", "/cameras", json=body)
    assert (await console.call("POST", "/cameras", json=body))[0] == 409


@pytest.mark.requirement("M-261", "M-262", "M-278", "M-258")
async def test_lists_are_added_renamed_and_deleted_but_never_the_unlisted_one(console):
    list_id = await add_list(console)
    assert [one["name"] for one in (await console.call("GET", "/lists"))[1]] == ["Unlisted license plates", "Residents"]
    assert (await console.call("POST", "/lists", json={"name": "Residents", "kind": "deny"}))[0] == 409
    renamed = await console.call("PUT", f"/lists/{list_id}", json={"name": "Tenants", "kind": "allow"})
    assert renamed[1]["name"] == "Tenants"
    assert (await console.call("DELETE", "/lists/unlisted"))[0] == 409
    assert (await console.call("PUT", "/lists/unlisted", json={"name": "x", "kind": "neutral"}))[0] == 409
    assert (await console.call("POST", "/lists/unlisted/entries", json={"pattern": "ABC1"}))[0] == 409
    assert (await console.call("DELETE", f"/lists/{list_id}"))[0] == 200
    assert console.service.told == ["rules"] * 3


async def test_an_allow_list_cannot_be_tolerant(console):
    body = {"name": "Gate", "kind": "allow", "policy": "look_alike"}
    status, answer = await console.call("POST", "/lists", json=body)
    assert status == 422
    assert "must be strict" in answer["detail"]


@pytest.mark.requirement("M-264", "M-267", "M-268", "M-279", "M-284", "M-285")
async def test_entries_are_normalised_searched_paged_and_deleted(console):
    list_id = await add_list(console)
    path = f"/lists/{list_id}/entries"
    for number in range(60):
        assert (await console.call("POST", path, json={"pattern": f"ab {number:03d}"}))[0] == 201
    assert (await console.call("POST", path, json={"pattern": "AB-001"}))[0] == 409
    _, page = await console.call("GET", path)
    assert (page["total"], len(page["entries"]), page["entries"][0]["pattern"]) == (60, 50, "AB000")
    _, found = await console.call("GET", path, params={"search": "ab0?5"})
    assert [entry["pattern"] for entry in found["entries"]] == [f"AB0{tens}5" for tens in range(6)]
    assert (await console.call("GET", path, params={"limit": "51"}))[0] == 422
    assert (await console.call("GET", path, params={"limit": "1000", "offset": "55"}))[1]["total"] == 60
    gone = [entry["entry_id"] for entry in found["entries"]]
    assert (await console.call("POST", path + "/delete", json={"entry_ids": gone}))[0] == 200
    assert (await console.call("GET", path))[1]["total"] == 54


@pytest.mark.requirement("M-265", "M-271", "M-272", "M-276")
async def test_an_import_is_previewed_first_and_changes_the_list_only_when_confirmed(console):
    list_id = await add_list(console)
    path = f"/lists/{list_id}/import"
    query = {"format": "csv", "mode": "add"}
    content = b"plate,Owner\nabc 123,Ann\nA!B,Ben\n"
    _, seen = await console.call("POST", path, params=query, data=content)
    assert (seen["applied"], seen["added"], seen["rejected"][0]["line"]) == (False, 1, 3)
    assert (await console.call("GET", f"/lists/{list_id}"))[1]["entry_count"] == 0
    await console.call("POST", path, params={**query, "confirm": "true"}, data=content)
    _, done = await console.call("GET", f"/lists/{list_id}")
    assert (done["entry_count"], done["columns"]) == (1, ["Owner"])
    replace = {"format": "txt", "mode": "replace", "confirm": "true"}
    _, replaced = await console.call("POST", path, params=replace, data=b"NEW1\nNEW2\n")
    assert (replaced["added"], replaced["removed"]) == (2, 1)
    _, backup = await console.call("GET", f"/lists/{list_id}/backup")
    assert b"ABC123,,,Ann" in backup
    _, exported = await console.call("GET", f"/lists/{list_id}/export", params={"format": "txt"})
    assert exported == b"NEW1\r\nNEW2\r\n"


@pytest.mark.requirement("M-263", "M-287", "M-288", "M-290")
async def test_columns_belong_to_the_administrator_their_contents_to_the_operator(console):
    list_id = await add_list(console, columns=["Owner", "Flat"])
    path, operator = f"/lists/{list_id}", Role.OPERATOR
    entry = {"pattern": "ABC123", "fields": {"Flat": "7", "Owner": "Ann"}}
    _, made = await console.call("POST", path + "/entries", role=operator, json=entry)
    changed = {**entry, "fields": {"Flat": "8", "Owner": "Ann"}}
    await console.call("PUT", f"{path}/entries/{made['entry_id']}", role=operator, json=changed)
    body = {"name": "Residents", "kind": "allow", "columns": ["Flat", "Owner"]}
    assert (await console.call("PUT", path, role=operator, json=body))[0] == 403
    assert (await console.call("PUT", path, json=body))[1]["columns"] == ["Flat", "Owner"]
    assert (
        b"plate,valid_from,valid_until,Flat,Owner\r\nABC123,,,8,Ann" in (await console.call("GET", path + "/export"))[1]
    )
    unknown = {"pattern": "NEW1", "fields": {"Phone": "1"}}
    status, answer = await console.call("POST", path + "/entries", json=unknown)
    assert (status, "no column 'Phone'" in answer["detail"]) == (422, True)
    new_column = {"params": {"format": "csv"}, "data": b"plate,Phone\nNEW1,1\n"}
    assert (await console.call("POST", path + "/import", role=operator, **new_column))[0] == 403
    assert (await console.call("POST", path + "/import", **new_column))[0] == 200


@pytest.mark.requirement("M-289")
async def test_columns_are_added_renamed_with_what_stands_in_them_and_deleted(console):
    list_id = await add_list(console, columns=["Owner"])
    path, names = f"/lists/{list_id}", {"name": "Residents", "kind": "allow"}
    await console.call("POST", path + "/entries", json={"pattern": "ABC123", "fields": {"Owner": "Ann"}})

    async def put(columns: list[str], **more: object) -> tuple[int, str]:
        status, _ = await console.call("PUT", path, json={**names, "columns": columns, **more})
        return status, (await console.call("GET", path + "/export"))[1].decode("utf-8-sig").splitlines()[0]

    assert await put(["Owner", "Flat"]) == (200, "plate,valid_from,valid_until,Owner,Flat")
    renamed = await put(["Tenant", "Flat"], renamed_columns={"Owner": "Tenant"})
    assert renamed == (200, "plate,valid_from,valid_until,Tenant,Flat")
    _, page = await console.call("GET", path + "/entries")
    assert page["entries"][0]["fields"] == {"Tenant": "Ann"}
    assert await put(["Tenant"]) == (200, "plate,valid_from,valid_until,Tenant")
    for wrong in ({"Phone": "Tenant"}, {"Tenant": "Phone"}):
        assert (await put(["Tenant"], renamed_columns=wrong))[0] == 422


@pytest.mark.requirement("M-283")
async def test_several_entries_are_changed_alike_or_not_at_all(console):
    list_id = await add_list(console, columns=["Owner", "Flat"])
    path, operator = f"/lists/{list_id}/entries", Role.OPERATOR
    ids = []
    for number in range(3):
        body = {"pattern": f"ABC{number}", "fields": {"Owner": "Ann", "Flat": str(number)}}
        body |= {"valid_from": "2026-06-01T00:00:00Z"} if number == 2 else {}
        ids.append((await console.call("POST", path, json=body))[1]["entry_id"])
    until = {"valid_until": "2026-05-31T00:00:00Z"}
    change = {"entry_ids": ids[:2], "fields": {"Owner": "Ben"}, **until}
    assert (await console.call("POST", path + "/change", role=Role.VIEWER, json=change))[0] == 403
    assert await console.call("POST", path + "/change", role=operator, json=change) == (200, {"changed": 2})
    changed = {one["pattern"]: one for one in (await console.call("GET", path))[1]["entries"]}
    assert [one["fields"] for one in changed.values()] == [
        {"Owner": "Ben", "Flat": "0"},
        {"Owner": "Ben", "Flat": "1"},
        {"Owner": "Ann", "Flat": "2"},
    ]
    assert [one["valid_until"] for one in changed.values()] == [until["valid_until"], until["valid_until"], None]
    assert "rules" in console.service.told
    # The last one begins later than that.
    status, answer = await console.call("POST", path + "/change", json={"entry_ids": ids[::2], "valid_until": None})
    assert (status, answer) == (200, {"changed": 2})
    status, answer = await console.call("POST", path + "/change", json={"entry_ids": ids, **until})
    assert (status, "'ABC2' would end before it begins" in answer["detail"]) == (409, True)
    ends = [one["valid_until"] for one in (await console.call("GET", path))[1]["entries"]]
    assert ends == [None, until["valid_until"], None]
    unknown = {"entry_ids": ids, "fields": {"Phone": "1"}}
    assert (await console.call("POST", path + "/change", json=unknown))[0] == 422


async def test_definitions_and_actions_of_a_list_go_with_it(console):
    list_id = await add_list(console)
    await console.call("POST", "/alarm-definitions", json={"name": "Resident", "list_id": list_id})
    await console.call("POST", "/relay-actions", json={"list_id": list_id, "relay_token": "gate", "pulse_s": 1.5})
    assert (await console.call("GET", "/relay-actions"))[1][0]["pulse_s"] == 1.5
    await console.call("DELETE", f"/lists/{list_id}")
    assert (await console.call("GET", "/relay-actions"))[1] == []
    assert [one["name"] for one in (await console.call("GET", "/alarm-definitions"))[1]] == ["A gate did not open"]


async def test_a_definition_for_a_list_that_is_none_is_refused(console):
    assert (await console.call("POST", "/alarm-definitions", json={"name": "x", "list_id": "nope"}))[0] == 404
    assert (await console.call("POST", "/alarm-definitions", json={"name": "x"}))[0] == 422


@pytest.mark.requirement("M-005", "M-251", "M-303")
async def test_a_passage_is_found_with_its_reasons_and_its_alarm_is_handled(console):
    list_id = await add_list(console)
    await console.call("POST", f"/lists/{list_id}/entries", json={"pattern": "ABC*"})
    await console.call("POST", "/alarm-definitions", json={"name": "Resident", "list_id": list_id})
    await console.call("POST", "/relay-actions", json={"list_id": list_id, "relay_token": "gate"})
    await pass_by(console, "ABC123", event_id="e1")
    await pass_by(console, "XYZ789", event_id="e2")

    _, found = await console.call("GET", "/events", params={"plate": "abc?23"})
    assert [one["event"]["event_id"] for one in found] == ["e1"]
    _, event = await console.call("GET", "/events/e1")
    assert "was pulsed: the plate is on the allow list" in event["decisions"][0]["because"]
    _, (alarm,) = await console.call("GET", "/alarms", role=Role.VIEWER)
    assert (alarm["object"], alarm["tag"], alarm["type"], alarm["state"]) == ("ABC123", "D", "List match", "new")
    path = f"/alarms/{alarm['alarm_id']}"
    assert (await console.call("PATCH", path, role=Role.VIEWER, json={"state": "closed"}))[0] == 403
    _, changed = await console.call("PATCH", path, role=Role.OPERATOR, json={"state": "closed", "note": "let in"})
    assert (changed["state"], changed["changed_by"], changed["note"]) == ("closed", "token:operator", "let in")
    assert (await console.call("PATCH", path, json={"state": "new"}))[0] == 409
    assert (await console.call("GET", "/alarms", params={"state": "new"}))[1] == []


async def test_outputs_show_their_queue_and_dead_letters_can_be_replayed(console):
    _, output = await console.call("POST", "/outputs", json={"name": "Hook", "url": "https://vms.example/hook"})
    assert output["secret"].startswith("whsec_")
    await pass_by(console, "XYZ789")
    outbox = console.store.outbox
    first, _second = await outbox.due(output["output_id"], NOON, 10)
    await outbox.park(first.delivery_id, "410 Gone")
    path = f"/outputs/{output['output_id']}"
    _, (seen,) = await console.call("GET", "/outputs")
    assert (seen["pending"], seen["parked"]) == (1, 1)
    _, (letter,) = await console.call("GET", path + "/dead-letters")
    assert (letter["error"], letter["kind"]) == ("410 Gone", "PlateRecognized")
    assert (await console.call("POST", path + "/replay", json={}))[1] == {"replayed": 1}
    console.service.problem = "connection refused"
    assert (await console.call("POST", path + "/test"))[1] == {"ok": False, "detail": "connection refused"}
    assert (await console.call("DELETE", path))[0] == 200


@pytest.mark.requirement("M-010")
async def test_a_match_brings_a_message_with_plate_list_and_camera_to_whoever_asked_for_matches(console, hook, session):
    list_id = await add_list(console, "Wanted", "deny")
    await console.call("POST", f"/lists/{list_id}/entries", json={"pattern": "BAD666"})
    body = {"name": "Text gateway", "url": "https://sms.example/hook", "event_kinds": ["ListMatched"]}
    _, output = await console.call("POST", "/outputs", json=body)
    await pass_by(console, "ABC123", event_id="e1")
    await pass_by(console, "BAD666", event_id="e2")
    owed = await console.store.outbox.due(output["output_id"], NOON, 10)
    gateway = WebhookOutput(
        output_id=output["output_id"], url=hook.url, secret=output["secret"], session=session, public_url=None
    )
    for delivery in owed:
        await gateway.send(delivery)
    told = [json.loads(content)["data"] for _, content in hook.requests]
    assert [one["list_name"] for one in told] == ["Unlisted license plates", "Wanted"]
    wanted = told[1]
    assert (wanted["plate"]["plate_number"], wanted["list_kind"]) == ("BAD666", "deny")
    assert (wanted["camera_id"], wanted["camera_name"]) == ("cam1", "Camera cam1")


async def test_users_are_managed_but_the_last_administrator_stays(console):
    new = {"name": "ben", "password": "a long password", "role": "operator"}
    assert (await console.call("POST", "/users", json=new))[1]["must_change"] is True
    assert (await console.call("POST", "/users", json={**new, "name": "c", "password": "short"}))[0] == 409
    assert (await console.call("DELETE", "/users/anna"))[0] == 409
    assert (await console.call("PATCH", "/users/anna", json={"role": "viewer"}))[0] == 409
    assert (await console.call("PATCH", "/users/ben", json={"role": "administrator"}))[0] == 200
    assert (await console.call("DELETE", "/users/anna"))[0] == 200
    _, trail = await console.call("GET", "/audit")
    assert [one["action"] for one in trail] == ["user.remove", "user.change", "user.add"]


async def test_events_arrive_live(console):
    headers = await console.token(Role.VIEWER)
    async with console.client.get("/api/v1/live", headers=headers) as response:
        assert response.content_type == "text/event-stream"
        await response.content.readuntil(b"\n\n")
        console.live.publish(recognized())
        async with asyncio.timeout(60):
            lines = (await response.content.readuntil(b"\n\n")).decode().splitlines()
    assert lines[0] == "event: PlateRecognized"
    assert lines[1] == "id: event1"
    assert json.loads(lines[2].removeprefix("data: "))["plate"]["plate_number"] == "ABC123"


async def test_a_live_view_ends_with_its_session_however_much_passes(console, monkeypatch):
    monkeypatch.setattr("adapter.api.happenings.HEARTBEAT", timedelta(seconds=0.1))
    await console.sign_in("anna")
    async with console.client.get("/api/v1/live") as response:
        await response.content.readuntil(b"\n\n")
        sessions = console.client.server.app[SESSIONS]
        sessions.end_all("anna")
        for number in range(100):
            console.live.publish(recognized(event_id=f"event{number}"))
            await asyncio.sleep(0.02)
            if response.content.at_eof():
                break
        async with asyncio.timeout(60):
            text = await response.content.read()
    assert 0 < text.count(b"event: PlateRecognized") < 50
    assert console.live.listeners == ()


async def test_a_closed_live_view_leaves_no_listener_behind(console):
    headers = await console.token()
    async with console.client.get("/api/v1/live", headers=headers) as response:
        await response.content.readuntil(b"\n\n")
        assert len(console.live.listeners) == 1
        console.live.close()
        async with asyncio.timeout(60):
            assert await response.content.read() == b""
    assert console.live.listeners == ()


async def test_the_openapi_document_describes_every_route_and_resolves(console):
    _, document = await console.call("GET", "/openapi.json")
    routes = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert routes == {(one.method, PREFIX + one.path) for one in all_endpoints()}
    text = json.dumps(document)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(document["components"]["schemas"])
    operations = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(operations) == len(set(operations))


async def test_pages_escape_what_they_show(console):
    await add_list(console, name="<script>alert(1)</script>", kind=ListKind.WATCH.value)
    await pass_by(console, "ABC123", camera_name="<img src=x onerror=alert(1)>")
    await console.sign_in("anna")
    for page in ("/", "/lists"):
        async with console.client.get(page) as response:
            text = await response.text()
        assert "<script>alert" not in text
        assert "<img src=x" not in text
