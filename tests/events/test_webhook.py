"""Signed webhooks against a real receiver that verifies them with the published library."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks.webhooks import Webhook

from events.errors import OutputRefused, OutputUnavailable
from events.types import Delivery, Event
from events.webhook import OperatorUrlPolicy, WebhookOutput, payload
from tests.fakes.events import NOON, alarm_raised, camera_lost, event_id, plate_recognized
from tests.fakes.tcp import listening

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
PUBLIC = "https://lpr.example:8443/"


class Hook:
    """A receiver that keeps what it got and answers as told."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.answer: Callable[[], web.Response | Awaitable[web.Response]] = lambda: web.Response(status=204)

    async def receive(self, request: web.Request) -> web.Response:
        self.requests.append(({key.lower(): value for key, value in request.headers.items()}, await request.read()))
        answer = self.answer()
        return await answer if isinstance(answer, Awaitable) else answer


@pytest_asyncio.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_post("/hook", hook.receive)
    async with TestServer(app) as server:
        hook.url = str(server.make_url("/hook"))
        yield hook


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


def output(hook: Hook, session: aiohttp.ClientSession, **options: Any) -> WebhookOutput:
    fields: dict[str, Any] = {
        "output_id": "hook",
        "url": hook.url,
        "secret": SECRET,
        "session": session,
    }
    return WebhookOutput(**(fields | options))


def delivery(event: Event) -> Delivery:
    return Delivery(delivery_id=1, output_id="hook", event=event, attempts=0, next_attempt_at=NOON)


async def test_a_receiver_can_verify_what_it_gets(hook: Hook, session: aiohttp.ClientSession) -> None:
    await output(hook, session, public_url=PUBLIC).send(delivery(alarm_raised(3)))
    ((headers, body),) = hook.requests
    told = Webhook(SECRET).verify(body, headers)
    assert headers["webhook-id"] == event_id(3)
    assert told == {
        "id": event_id(3),
        "type": "AlarmRaised",
        "time": "2026-11-22T12:00:03Z",
        "data": {
            "event_id": event_id(3),
            "utc_time": "2026-11-22T12:00:03Z",
            "name": "Unwanted vehicle",
            "priority": 1,
            "object": "AB12CDE",
            "tag": "GB",
            "type": "List match",
            "camera_id": "north",
            "camera_name": "Gate North",
            "source_id": event_id(2),
            "list_name": "Staff",
            "likelihood": 0.93,
            "frame_picture_url": f"https://lpr.example:8443/onvif/images/{event_id(1)}/frame.jpg",
            "plate_picture_url": f"https://lpr.example:8443/onvif/images/{event_id(1)}/plate.jpg",
        },
    }


async def test_a_changed_body_does_not_verify(hook: Hook, session: aiohttp.ClientSession) -> None:
    await output(hook, session).send(delivery(alarm_raised(3)))
    ((headers, body),) = hook.requests
    with pytest.raises(Exception, match="signature"):
        Webhook(SECRET).verify(body.replace(b"AB12CDE", b"AB12CDF"), headers)


async def test_every_attempt_carries_the_same_id(hook: Hook, session: aiohttp.ClientSession) -> None:
    for _ in range(2):
        await output(hook, session).send(delivery(alarm_raised(3)))
    assert [headers["webhook-id"] for headers, _ in hook.requests] == [event_id(3)] * 2


def test_an_all_digit_plate_stays_a_text() -> None:
    plate = plate_recognized(plate=plate_recognized().plate.__class__(plate_number="1234567", country_code="NL"))
    data = json.loads(payload(plate))["data"]
    assert data["plate_number"] == "1234567"
    assert data["plate"]["plate_number"] == "1234567"


def test_without_a_public_address_there_are_no_links_and_never_file_names() -> None:
    data = json.loads(payload(alarm_raised(3)))["data"]
    assert data["frame_picture_url"] is None
    assert "frame_picture" not in data
    assert "frame_picture_url" not in json.loads(payload(camera_lost()))["data"]


async def test_without_a_public_address_the_one_towards_the_receiver_is_in_the_links(
    hook: Hook, session: aiohttp.ClientSession
) -> None:
    async def towards(url: str) -> str | None:
        assert url == hook.url
        return "http://10.1.2.3:8000"

    await output(hook, session, own_url=towards).send(delivery(alarm_raised(3)))
    await output(hook, session, own_url=towards, public_url=PUBLIC).send(delivery(alarm_raised(3)))
    links = [json.loads(body)["data"]["plate_picture_url"] for _, body in hook.requests]
    path = f"/onvif/images/{event_id(1)}/plate.jpg"
    assert links == [f"http://10.1.2.3:8000{path}", f"{PUBLIC.rstrip('/')}{path}"]


@pytest.mark.parametrize("status", [401, 403, 404, 405, 408, 425, 429, 500, 502, 503, 504])
async def test_a_receiver_in_trouble_or_behind_one_who_refuses_is_tried_again(
    hook: Hook, session: aiohttp.ClientSession, status: int
) -> None:
    hook.answer = lambda: web.Response(status=status, text="please  wait\nfor me")
    with pytest.raises(OutputUnavailable, match=f"HTTP {status} .*: please wait for me"):
        await output(hook, session).send(delivery(alarm_raised()))


@pytest.mark.parametrize(("status", "final"), [(400, False), (410, True), (413, False), (415, False), (422, False)])
async def test_a_refusal_of_the_message_is_told_apart_from_trouble(
    hook: Hook, session: aiohttp.ClientSession, status: int, final: bool
) -> None:
    hook.answer = lambda: web.Response(status=status)
    with pytest.raises(OutputRefused) as refused:
        await output(hook, session).send(delivery(alarm_raised()))
    assert refused.value.final is final


async def test_redirects_are_not_followed(hook: Hook, session: aiohttp.ClientSession) -> None:
    hook.answer = lambda: web.Response(status=302, headers={"Location": "http://169.254.169.254/latest"})
    with pytest.raises(OutputUnavailable, match="redirects are not followed"):
        await output(hook, session).send(delivery(alarm_raised()))
    assert len(hook.requests) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", timedelta(seconds=120)),
        ("Sun, 22 Nov 2026 12:05:00 GMT", timedelta(minutes=5)),
        ("Sun, 22 Nov 2026 11:00:00 GMT", timedelta(0)),
        ("soon", None),
        ("9" * 300, timedelta(days=1)),
    ],
)
async def test_retry_after_is_understood_as_seconds_or_as_a_date(
    hook: Hook, session: aiohttp.ClientSession, value: str, expected: timedelta | None
) -> None:
    hook.answer = lambda: web.Response(status=503, headers={"Retry-After": value})
    with pytest.raises(OutputUnavailable) as trouble:
        await output(hook, session, clock=lambda: NOON).send(delivery(alarm_raised()))
    assert trouble.value.retry_after == expected


async def test_a_receiver_that_hangs_up_is_tried_again(session: aiohttp.ClientSession) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    async with listening(hang_up) as port:
        hook = Hook()
        with pytest.raises(OutputUnavailable):
            await output(hook, session, url=f"http://127.0.0.1:{port}/").send(delivery(alarm_raised()))
    with pytest.raises(OutputUnavailable):
        await output(hook, session, url=f"http://127.0.0.1:{port}/").send(delivery(alarm_raised()))


async def test_an_endless_error_page_is_not_read_to_its_end(session: aiohttp.ClientSession) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(status=500)
        await response.prepare(request)
        try:
            while sent < 200:
                await response.write(b"x" * 65536)
                sent += 1
        except ConnectionError:
            pass
        return response

    app = web.Application()
    app.router.add_post("/", endless)
    async with TestServer(app) as server:
        with pytest.raises(OutputUnavailable) as trouble:
            await output(Hook(), session, url=str(server.make_url("/"))).send(delivery(alarm_raised()))
    assert len(str(trouble.value)) < 300


@pytest.mark.parametrize(
    ("url", "deny_private", "allowed"),
    [
        ("https://hook.example/x", True, True),
        ("http://192.168.1.5/x", False, True),
        ("http://192.168.1.5/x", True, False),
        ("http://127.0.0.1/", True, False),
        ("http://[::1]/", True, False),
        ("http://localhost/", True, False),
        ("file:///etc/passwd", False, False),
        ("ftp://host/", False, False),
        ("hook.example", False, False),
        ("http:///nohost", False, False),
        ("http://[::1/x", False, False),
        ("http://a..b/", False, False),
        ("http://" + "a" * 64 + ".example/", False, False),
        ("http://host:99999/", False, False),
        ("http://ho\x00st/", False, False),
    ],
)
def test_the_policy_allows_web_addresses_and_denies_private_ones_when_told(
    url: str, deny_private: bool, allowed: bool
) -> None:
    policy = OperatorUrlPolicy(deny_private=deny_private)
    if allowed:
        policy.check(url)
    else:
        with pytest.raises(ValueError, match=r".+"):
            policy.check(url)


async def test_a_url_that_the_policy_denies_is_never_called(hook: Hook, session: aiohttp.ClientSession) -> None:
    policy = OperatorUrlPolicy(deny_private=True)
    with pytest.raises(OutputUnavailable, match="private address"):
        await output(hook, session, policy=policy).send(delivery(alarm_raised()))
    assert hook.requests == []


async def test_the_signature_carries_the_time_of_the_attempt(hook: Hook, session: aiohttp.ClientSession) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    await output(hook, session, clock=lambda: moment).send(delivery(alarm_raised()))
    assert hook.requests[0][0]["webhook-timestamp"] == str(int(moment.timestamp()))


class AnyUrl:
    """A policy that lets everything through, so that the client itself has to cope."""

    def check(self, url: str) -> None:
        return


@pytest.mark.parametrize(
    "url",
    ["http://a..b/", "http://" + "a" * 64 + ".example/", "http://[::1/", "http://h:99999/", "http:///x", "nonsense"],
)
async def test_a_url_that_the_client_cannot_use_waits_for_a_person_and_never_breaks_the_output(
    session: aiohttp.ClientSession, url: str
) -> None:
    with pytest.raises(OutputUnavailable, match="the URL cannot be used"):
        await output(Hook(), session, url=url, policy=AnyUrl()).send(delivery(alarm_raised()))
