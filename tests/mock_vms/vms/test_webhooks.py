"""Signed webhooks: who is let in, what is stored, and what a repeat does."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from mock_vms.vms.bodies import MAX_BODY
from mock_vms.vms.failures import Failures
from tests.fakes.onvif_device import ALARM_TOPIC, FakeOnvifDevice, plate_message
from tests.mock_vms.vms.calls import alarm, call, headers
from tests.mock_vms.vms.conftest import Client

OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


async def alarms(client: Client) -> list[dict]:
    return (await client.get("/api/alarms"))["alarms"]


async def test_a_signed_alarm_is_stored_before_it_is_answered(client: Client) -> None:
    status, answer = await call(client.session, client.vms.url, alarm("a1"))
    assert (status, answer) == (200, {"event_id": "a1", "duplicate": False})
    [row] = await alarms(client)
    assert (row["object"], row["tag"], row["alarm_type"]) == ("AB12CDE", "GB", "List match")
    assert (row["camera_name"], row["utc_time"], row["state"]) == ("North gate", "2026-11-22T20:15:30.250000Z", "new")


async def test_the_same_webhook_id_is_stored_once_and_counted(client: Client) -> None:
    for _ in range(3):
        status, answer = await call(client.session, client.vms.url, alarm("a1"), "msg-1")
        assert status == 200
    assert answer["duplicate"] is True
    counts = await client.get("/api/counts")
    assert counts["channels"]["webhook"] == {"received": 3, "unique": 1, "duplicates": 2}
    assert len(await alarms(client)) == 1


async def test_a_webhook_id_that_is_used_again_for_another_event_is_a_repeat(client: Client) -> None:
    await call(client.session, client.vms.url, alarm("a1"), "msg-1")
    status, answer = await call(client.session, client.vms.url, alarm("a2"), "msg-1")
    assert (status, answer["duplicate"]) == (200, True)
    assert [row["event_id"] for row in await alarms(client)] == ["a1"]


async def test_the_same_event_under_another_webhook_id_is_a_duplicate(client: Client) -> None:
    await call(client.session, client.vms.url, alarm("a1"), "msg-1")
    status, answer = await call(client.session, client.vms.url, alarm("a1"), "msg-2")
    assert (status, answer["duplicate"]) == (200, True)
    assert len(await alarms(client)) == 1


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"secret": OTHER_SECRET}, 401),
        ({"at": datetime.now(UTC) - timedelta(minutes=30)}, 401),
        ({"at": datetime.now(UTC) + timedelta(minutes=30)}, 401),
        ({"name": "nobody"}, 404),
        ({"message_id": "x" * 300}, 401),
    ],
    ids=["wrong secret", "too old", "too new", "unknown name", "endless id"],
)
async def test_a_bad_call_is_refused_and_not_stored(client: Client, change: dict, status: int) -> None:
    got, answer = await call(client.session, client.vms.url, alarm("a1"), **change)
    assert got == status
    assert answer["error"]
    assert (await client.get("/api/counts"))["received"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"webhook-signature": "v1,bm90IGl0"},
        {"webhook-signature": "nonsense"},
        {"webhook-signature": "v1,%%%"},
        {"webhook-timestamp": "yesterday"},
        {"webhook-timestamp": "nan"},
        {"webhook-id": ""},
        {"webhook-signature": ""},
    ],
)
async def test_headers_a_stranger_makes_up_get_401(client: Client, wrong: dict[str, str]) -> None:
    body = json.dumps(alarm("a1")).encode()
    async with client.session.post(
        f"{client.vms.url}/webhooks/lpr", data=body, headers=headers(body, "msg-1") | wrong
    ) as answer:
        assert answer.status == 401
    assert (await client.get("/api/counts"))["received"] == 0


async def test_a_changed_body_is_refused(client: Client) -> None:
    signed = json.dumps(alarm("a1")).encode()
    sent = signed.replace(b"AB12CDE", b"XX99XXX")
    async with client.session.post(
        f"{client.vms.url}/webhooks/lpr", data=sent, headers=headers(signed, "msg-1")
    ) as answer:
        assert answer.status == 401


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b'{"id": "a"}',
        b'{"id": 1, "type": ""}',
        b'{"id":"a","type":"b","time":"soon"}',
        b"[" * 100_000,
        b"\xff",
    ],
)
async def test_a_signed_body_that_makes_no_sense_gets_a_reason(client: Client, body: bytes) -> None:
    good = body.decode("latin-1").encode() if body == b"\xff" else body
    async with client.session.post(f"{client.vms.url}/webhooks/lpr", data=body, headers=headers(good, "m")) as answer:
        assert answer.status in {400, 401}
        assert (await answer.json())["error"]
    assert (await client.get("/api/counts"))["received"] == 0


async def test_a_body_that_is_too_large_is_refused(client: Client) -> None:
    body = json.dumps(alarm("a1", filler="x" * MAX_BODY)).encode()
    try:
        async with client.session.post(
            f"{client.vms.url}/webhooks/lpr", data=body, headers=headers(body, "m")
        ) as answer:
            assert answer.status == 413
    except aiohttp.ClientConnectionError:
        pass  # the server may hang up while we are still sending
    assert (await client.get("/api/counts"))["received"] == 0


async def test_one_alarm_by_two_channels_is_one_row_that_says_when_each_came(
    client: Client, device: FakeOnvifDevice
) -> None:
    device.has_media = True
    await client.add(device)
    await device.until_subscribed()
    device.send(ALARM_TOPIC, plate_message("AB12CDE", event_id="a1", items={"lpr:Name": "Stolen car"}))
    await client.until("/api/counts", lambda counts: counts["unique"] == 1)
    await call(client.session, client.vms.url, alarm("a1", camera_name="West gate"))
    await call(client.session, client.vms.url, alarm("a1"))
    [row] = await alarms(client)
    assert set(row["channels"]) == {"pull_point", "webhook"}
    assert row["channels"]["webhook"]["duplicates"] == 1
    assert row["channels"]["pull_point"]["first_at"] <= row["channels"]["webhook"]["first_at"]
    assert row["list_name"] == "Wanted", "the second channel fills in what the first left out"
    assert row["camera_name"] == "North gate", "and overwrites nothing"
    assert (await client.get("/api/counts"))["on_both_channels"] == 1


async def test_a_plate_event_of_a_webhook_is_no_alarm(client: Client) -> None:
    data = {"plate": {"plate_number": "KR5R721", "country_code": "PL"}, "likelihood": 0.9, "camera_name": "East"}
    document = {"id": "p1", "type": "PlateRecognized", "time": "2026-11-22T20:15:30Z", "data": data}
    await call(client.session, client.vms.url, document)
    [event] = (await client.get("/api/events"))["events"]
    assert (event["object"], event["tag"], event["likelihood"]) == ("KR5R721", "PL", 0.9)
    assert await alarms(client) == []


async def test_forget_answers_200_and_the_counts_show_the_loss(client: Client) -> None:
    await client.post("/api/failures", {"forget": True})
    assert (await call(client.session, client.vms.url, alarm("a1"), "m1"))[0] == 200
    await client.post("/api/failures", {"forget": False})
    assert (await call(client.session, client.vms.url, alarm("a2"), "m2"))[0] == 200
    assert [row["event_id"] for row in await alarms(client)] == ["a2"]
    assert (await client.get("/api/counts"))["unique"] == 1


async def test_error_and_delay_do_what_they_say(client: Client) -> None:
    await client.post("/api/failures", {"error": 503})
    assert (await call(client.session, client.vms.url, alarm("a1")))[0] == 503
    await client.post("/api/failures", {"error": 0, "delay": 30})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await call(client.session, client.vms.url, alarm("a1"))
    await client.post("/api/failures", {"delay": 0})
    assert await alarms(client) == []
    assert (await call(client.session, client.vms.url, alarm("a1")))[0] == 200


@pytest.mark.parametrize("switch", ["refuse", "drop"])
async def test_a_connection_that_is_cut_stores_nothing(client: Client, switch: str) -> None:
    await client.post("/api/failures", {switch: True})
    with pytest.raises(aiohttp.ClientConnectionError):
        await call(client.session, client.vms.url, alarm("a1"))
    await client.post("/api/failures", {switch: False})
    assert await alarms(client) == []


async def test_a_lost_answer_makes_a_repeat_that_does_not_show(client: Client) -> None:
    await client.post("/api/failures", {"lose_answer": True})
    with pytest.raises(aiohttp.ClientConnectionError):
        await call(client.session, client.vms.url, alarm("a1"))
    await client.post("/api/failures", {"lose_answer": False})
    assert (await call(client.session, client.vms.url, alarm("a1")))[1]["duplicate"] is True
    assert len(await alarms(client)) == 1


@pytest.mark.parametrize("body", [{"explode": True}, {"error": 200}, {"delay": -1}, {"drop": "yes"}, {"error": True}])
async def test_a_wrong_switch_is_refused_with_its_name(client: Client, body: dict) -> None:
    answer = await client.post("/api/failures", body, status=400)
    assert next(iter(body)) in answer["error"]
    assert not any((await client.get("/api/failures")).values())


def test_switches_on_the_command_line_are_read_and_checked() -> None:
    assert Failures.parse("delay=2, error=500,forget") == Failures(delay=2.0, error=500, forget=True)
    for wrong in ("explode", "delay=soon", "error=200"):
        with pytest.raises(ValueError):
            Failures.parse(wrong)


async def test_the_same_plate_at_the_same_instant_under_two_ids_counts_as_shown_twice(client: Client) -> None:
    await call(client.session, client.vms.url, alarm("a1"), "m1")
    assert (await client.get("/api/counts"))["duplicates_shown"] == 0
    await call(client.session, client.vms.url, alarm("a2"), "m2")
    assert (await client.get("/api/counts"))["duplicates_shown"] == 1
