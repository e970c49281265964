"""The judge against an ONVIF device with a socket: added, pulled, lost, found again, and nothing missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mock_vms.vms.puller import SEEK_MARGIN
from mock_vms.vms.service import Settings, running
from tests.fakes.onvif_device import (
    ALARM_TOPIC,
    JPEG,
    LIST_TOPIC,
    PLATE_TOPIC,
    RELAY_TOPIC,
    FakeOnvifDevice,
    plate_message,
    relay_message,
)
from tests.mock_vms.vms.conftest import Client

ALARM_ITEMS = {
    "lpr:SourceId": "match-1",
    "lpr:Name": "Stolen car",
    "lpr:Priority": "1",
    "lpr:Object": "AB12 CDE",
    "lpr:Tag": "GB",
    "lpr:Type": "List match",
    "lpr:ListName": "Wanted",
}


def plates(answer: dict) -> list[str]:
    return [row["object"] for row in answer["events"]]


async def test_a_plate_of_any_onvif_device_becomes_one_event(client: Client, device: FakeOnvifDevice) -> None:
    device.has_media = True
    await client.add(device)
    await device.until_subscribed()
    message = plate_message("AB12 CDE")
    device.send(PLATE_TOPIC, message)
    device.send(PLATE_TOPIC, message)
    answer = await client.until("/api/counts", lambda counts: counts["received"] == 2)
    assert (answer["unique"], answer["duplicates"], answer["alarms"]) == (1, 1, 0)
    [event] = (await client.get("/api/events"))["events"]
    assert (event["object"], event["tag"], event["type"]) == ("AB12 CDE", "GB", "PlateRecognized")
    assert event["camera_name"] == "North gate"
    assert event["event_id"].startswith("onvif-")


@pytest.mark.requirement("M-303")
async def test_an_alarm_carries_object_tag_and_type(client: Client, device: FakeOnvifDevice) -> None:
    await client.add(device)
    await device.until_subscribed()
    device.send(ALARM_TOPIC, plate_message("AB12CDE", event_id="alarm-1", items=ALARM_ITEMS))
    answer = await client.until("/api/alarms", lambda answer: bool(answer["alarms"]))
    [alarm] = answer["alarms"]
    shown = {name: alarm[name] for name in ("event_id", "object", "tag", "alarm_type", "name", "priority", "list_name")}
    assert shown == {
        "event_id": "alarm-1",
        "object": "AB12 CDE",
        "tag": "GB",
        "alarm_type": "List match",
        "name": "Stolen car",
        "priority": 1,
        "list_name": "Wanted",
    }
    assert list(alarm["channels"]) == ["pull_point"]


@pytest.mark.parametrize("match_first", [True, False])
async def test_an_alarm_takes_the_place_of_its_list_match(
    client: Client, device: FakeOnvifDevice, match_first: bool
) -> None:
    await client.add(device)
    await device.until_subscribed()
    messages = [
        (LIST_TOPIC, plate_message("AB12CDE", event_id="match-1", items={"lpr:ListName": "Wanted"})),
        (ALARM_TOPIC, plate_message("AB12CDE", event_id="alarm-1", items=ALARM_ITEMS)),
    ]
    for topic, message in messages if match_first else reversed(messages):
        device.send(topic, message)
    await client.until("/api/counts", lambda counts: counts["unique"] == 2)
    assert [alarm["event_id"] for alarm in (await client.get("/api/alarms"))["alarms"]] == ["alarm-1"]


async def test_a_match_on_the_unlisted_list_is_an_event_and_no_alarm(client: Client, device: FakeOnvifDevice) -> None:
    await client.add(device)
    await device.until_subscribed()
    items = {"lpr:ListName": "Unlisted license plates"}
    device.send(LIST_TOPIC, plate_message("AB12CDE", event_id="match-1", items=items))
    device.send(LIST_TOPIC, plate_message("AB12CDE", event_id="match-2", items={"lpr:ListName": "Staff"}))
    await client.until("/api/counts", lambda counts: counts["unique"] == 2)
    assert [alarm["event_id"] for alarm in (await client.get("/api/alarms"))["alarms"]] == ["match-2"]


async def test_the_library_leaves_one_pull_point_and_takes_it_back(
    settings: Settings, session, device: FakeOnvifDevice
) -> None:
    async with running(settings) as vms:
        await Client(session, vms).add(device)
        await device.until_subscribed()
        assert device.created == 1
        assert len(device.pull_points) == 1
    assert "Unsubscribe" in device.requests
    assert not device.pull_points


async def test_what_was_stored_while_the_device_was_away_is_sought(client: Client, device: FakeOnvifDevice) -> None:
    await client.add(device)
    await device.until_subscribed()
    seen = datetime.now(UTC)
    device.send(PLATE_TOPIC, plate_message("BEFORE", event_id="e1", utc_time=seen))
    await client.until("/api/counts", lambda counts: counts["unique"] == 1)
    await device.stop()
    device.store_unseen(PLATE_TOPIC, plate_message("DURING", event_id="e2", utc_time=seen + timedelta(seconds=1)))
    await client.until("/api/devices", lambda answer: answer["devices"][0]["status"] == "away")
    await device.start()
    await client.until("/api/events", lambda answer: plates(answer) == ["DURING", "BEFORE"])
    assert abs(device.seeks[-1] - (seen - SEEK_MARGIN)) < timedelta(seconds=1)
    counts = await client.get("/api/counts")
    assert (counts["unique"], counts["duplicates_shown"]) == (2, 0)


async def test_a_lost_subscription_is_made_anew_and_sought(client: Client, device: FakeOnvifDevice) -> None:
    await client.add(device)
    await device.until_subscribed()
    device.forget_subscriptions()
    device.store_unseen(PLATE_TOPIC, plate_message("GAP", event_id="e1"))
    await client.until("/api/events", lambda answer: plates(answer) == ["GAP"])
    assert device.created == 2


async def test_a_message_from_the_future_does_not_move_the_mark(client: Client, device: FakeOnvifDevice) -> None:
    await client.add(device)
    await device.until_subscribed()
    device.send(PLATE_TOPIC, plate_message("FUTURE", event_id="e1", utc_time=datetime(2099, 1, 1, tzinfo=UTC)))
    await client.until("/api/counts", lambda counts: counts["unique"] == 1)
    device.forget_subscriptions()
    device.store_unseen(PLATE_TOPIC, plate_message("GAP", event_id="e2"))
    await client.until("/api/events", lambda answer: plates(answer) == ["GAP", "FUTURE"])


async def test_a_device_that_cannot_seek_still_delivers(client: Client, device: FakeOnvifDevice) -> None:
    device.can_seek = False
    await client.add(device)
    await device.until_subscribed()
    device.send(PLATE_TOPIC, plate_message("LIVE", event_id="e1"))
    answer = await client.until("/api/events", lambda answer: plates(answer) == ["LIVE"])
    assert answer["events"][0]["video_source"] == "vs1"


async def test_a_clock_that_is_off_by_an_hour_does_not_matter(client: Client, device: FakeOnvifDevice) -> None:
    device.clock_offset = timedelta(hours=-1)
    await client.add(device)
    await device.until_subscribed()
    device.send(PLATE_TOPIC, plate_message("SKEW", event_id="e1", utc_time=device.now()))
    await client.until("/api/events", lambda answer: plates(answer) == ["SKEW"])


@pytest.mark.parametrize("hours", [-1, 1])
async def test_the_mark_is_kept_by_the_clock_of_the_device(
    settings: Settings, session, device: FakeOnvifDevice, hours: int
) -> None:
    device.clock_offset = timedelta(hours=hours)
    slack = timedelta(seconds=20)
    async with running(settings) as vms:
        client = Client(session, vms)
        await client.add(device)
        await device.until_subscribed()
        assert abs(device.seeks[-1] + SEEK_MARGIN - device.now()) < slack, "nothing seen: from when it was added"
        seen = device.now() - timedelta(minutes=5)
        device.send(PLATE_TOPIC, plate_message("SEEN", event_id="e0", utc_time=seen))
        seen = device.now()
        device.send(PLATE_TOPIC, plate_message("SEEN", event_id="e1", utc_time=seen))
        await client.until("/api/counts", lambda counts: counts["unique"] == 2)
    device.clock_offset = timedelta(hours=2 * hours)
    device.requests.clear()
    async with running(settings):
        await device.until_subscribed()
    # ONVIF tells the time in whole seconds, so the clock of a device is known to about one.
    assert abs(device.seeks[-1] + SEEK_MARGIN - seen) < timedelta(seconds=3), "the newest event, from the disk"


async def test_forget_loses_what_is_pulled_and_the_counts_show_it(client: Client, device: FakeOnvifDevice) -> None:
    await client.add(device)
    await device.until_subscribed()
    await client.post("/api/failures", {"forget": True})
    device.send(PLATE_TOPIC, plate_message("LOST", event_id="e1"))
    await client.until("/api/devices", lambda answer: answer["devices"][0]["messages"] == 1)
    await client.post("/api/failures", {"forget": False})
    device.send(PLATE_TOPIC, plate_message("KEPT", event_id="e2"))
    await client.until("/api/events", lambda answer: plates(answer) == ["KEPT"])
    assert (await client.get("/api/counts"))["unique"] == 1


async def test_a_wrong_password_is_reported_and_not_hammered(client: Client, device: FakeOnvifDevice) -> None:
    await client.add(device, password="wrong")
    answer = await client.until("/api/devices", lambda answer: answer["devices"][0]["status"] == "refused")
    [report] = answer["devices"]
    assert "password" in report["detail"]
    wait = datetime.fromisoformat(report["retry_at"]) - datetime.now(UTC)
    assert wait > timedelta(seconds=20)
    await client.add(device)
    await device.until_subscribed()
    assert device.created == 1


async def test_a_device_that_answers_html_is_away_with_a_reason(client: Client, device: FakeOnvifDevice) -> None:
    device.html_instead_of_soap = True
    await client.add(device)
    answer = await client.until("/api/devices", lambda answer: answer["devices"][0]["status"] == "away")
    assert answer["devices"][0]["detail"]


async def test_relays_appear_as_outputs_with_history(client: Client, device: FakeOnvifDevice) -> None:
    await client.add(device)
    await device.until_subscribed()
    now = datetime.now(UTC)
    for second, state in enumerate(("inactive", "active", "active", "inactive")):
        moment = now + timedelta(seconds=second)
        device.send(RELAY_TOPIC, relay_message("gate", state, utc_time=moment), is_property=True)
    device.send(RELAY_TOPIC, relay_message("gate", "active", utc_time=now), is_property=True)
    device.send(PLATE_TOPIC, plate_message("LAST", event_id="e1"))
    await client.until("/api/events", lambda answer: plates(answer) == ["LAST"])
    [output] = (await client.get("/api/outputs"))["outputs"]
    assert output["label"] == "gate"
    assert [change["state"] for change in output["history"]] == ["inactive", "active", "inactive"]


async def test_a_relay_that_was_active_before_shows_although_seek_sweeps_it_away(
    client: Client, device: FakeOnvifDevice
) -> None:
    device.send(RELAY_TOPIC, relay_message("gate", "active"), is_property=True)
    await client.add(device)
    answer = await client.until("/api/outputs", lambda answer: bool(answer["outputs"]))
    assert [output["state"] for output in answer["outputs"]] == ["active"]
    assert device.seeks


async def test_a_picture_is_fetched_with_the_device_credentials(client: Client, device: FakeOnvifDevice) -> None:
    await client.add(device)
    await device.until_subscribed()
    uri = f"{device.url}/pictures/plate.jpg"
    device.send(ALARM_TOPIC, plate_message("PIC", event_id="a/1", image_uri=uri, items=ALARM_ITEMS))
    answer = await client.until(
        "/api/alarms", lambda a: bool(a["alarms"]) and a["alarms"][0]["pictures"]["image"]["state"] == "stored"
    )
    assert answer["alarms"][0]["pictures"]["image"]["error"] is None
    async with client.session.get(client.vms.url + "/pictures/a%2F1/image") as picture:
        assert picture.content_type == "image/jpeg"
        assert await picture.read() == JPEG
    assert any(header.startswith("Digest") for header in device.picture_requests)


async def test_a_device_that_was_removed_is_not_pulled_again(client: Client, device: FakeOnvifDevice) -> None:
    await client.add(device)
    await device.until_subscribed()
    device_id = (await client.get("/api/devices"))["devices"][0]["device_id"]
    async with client.session.delete(f"{client.vms.url}/api/devices/{device_id}") as answer:
        assert answer.status == 204
    assert not device.pull_points
    assert (await client.get("/api/devices"))["devices"] == []
