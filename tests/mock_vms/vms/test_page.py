"""The page, its access, the alarms' states and the virtual outputs."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import aiohttp
import pytest
from lxml import html

from mock_vms.vms.service import Settings, running
from tests.mock_vms.vms.calls import alarm, call
from tests.mock_vms.vms.conftest import TOKEN, Client

HOSTILE = "<script>alert('x')</script>"


async def page(client: Client) -> html.HtmlElement:
    async with client.session.get(client.vms.url + "/") as answer:
        assert answer.status == 200
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe-inline" not in policy
        return html.fromstring(await answer.text())


@pytest.mark.requirement("M-304")
@pytest.mark.requirement("M-305")
@pytest.mark.requirement("M-306")
async def test_the_page_shows_object_tag_type_and_camera(client: Client) -> None:
    await call(client.session, client.vms.url, alarm("a1"))
    document = await page(client)
    headings = [th.text_content() for th in document.iter("th")]
    cells = [" ".join(td.text_content().split()) for td in document.get_element_by_id("alarms")[0]]
    shown = dict(zip(headings, cells, strict=True))
    assert shown["Object"].endswith("AB12CDE")
    assert (shown["Tag"], shown["Type"], shown["Camera"]) == ("GB", "List match", "North gate")
    assert shown["State"].startswith("new")


async def test_hostile_text_stays_text(client: Client) -> None:
    hostile = alarm('"><img src=x onerror=1>', object=HOSTILE, name=HOSTILE, list_name="</td>", camera_name='"onload="')
    await call(client.session, client.vms.url, hostile)
    document = await page(client)
    assert [script.get("src") for script in document.iter("script")] == ["/static/page.js"]
    assert not [element for element in document.iter() if any(name.startswith("on") for name in element.attrib)]
    assert HOSTILE in document.get_element_by_id("alarms")[0].text_content()
    assert document.get_element_by_id("alarms")[0].get("data-id") == '"><img src=x onerror=1>'


async def test_hostile_text_stays_text_on_the_live_stream(client: Client) -> None:
    async with client.session.get(client.vms.url + "/live") as stream:
        await stream.content.readline()
        await call(client.session, client.vms.url, alarm("a1", object=HOSTILE))
        async with asyncio.timeout(60):
            async for line in stream.content:
                if line.startswith(b"data:") and b'"topic": "alarm"' in line:
                    break
    assert b"<script" not in line
    assert b"&lt;script" in line


async def test_control_characters_and_endless_text_are_cut(client: Client) -> None:
    await call(client.session, client.vms.url, alarm("a1", object="AB\x00\x1b[31m" + "x" * 5000))
    [row] = (await client.get("/api/alarms"))["alarms"]
    assert row["object"].isprintable()
    assert len(row["object"]) <= 256


async def test_an_alarm_is_acknowledged_and_closed(client: Client) -> None:
    await call(client.session, client.vms.url, alarm("a/1"))
    assert (await client.post("/api/alarms/a%2F1/acknowledge"))["state"] == "acknowledged"
    assert (await client.post("/api/alarms/a%2F1/close"))["state"] == "closed"
    row = await client.post("/api/alarms/a%2F1/acknowledge")
    assert row["state"] == "closed"
    assert row["acknowledged_at"] < row["closed_at"]
    await client.post("/api/alarms/nobody/close", status=404)


async def test_what_an_operator_did_to_a_list_match_carries_over_to_its_alarm(client: Client) -> None:
    match = {"id": "match-1", "type": "ListMatched", "data": {"list_name": "Wanted", "plate": "AB12CDE"}}
    await call(client.session, client.vms.url, match, "m1")
    await client.post("/api/alarms/match-1/acknowledge")
    await call(client.session, client.vms.url, alarm("a1"), "m2")
    [row] = (await client.get("/api/alarms"))["alarms"]
    assert (row["event_id"], row["state"]) == ("a1", "acknowledged")


async def test_nothing_is_open_without_the_token(client: Client) -> None:
    async with aiohttp.ClientSession() as stranger:
        for method, path in (
            ("GET", "/api/alarms"),
            ("GET", "/live"),
            ("GET", "/pictures/a/plate"),
            ("POST", "/api/devices"),
            ("POST", "/api/failures"),
            ("POST", "/outputs/gate"),
        ):
            async with stranger.request(method, client.vms.url + path) as answer:
                assert answer.status == 401, path
        async with stranger.get(client.vms.url + "/", headers={"Accept": "text/html"}) as answer:
            assert answer.url.path == "/login"
        async with stranger.get(client.vms.url + "/health") as answer:
            assert answer.status == 200


async def test_the_login_takes_the_token_and_sets_a_cookie_that_is_not_it(client: Client) -> None:
    jar = aiohttp.CookieJar(unsafe=True)  # cookies of a bare IP address
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        async with browser.post(client.vms.url + "/login", data={"token": "guess"}) as answer:
            assert answer.status == 401
        async with browser.post(client.vms.url + "/login", data={"token": TOKEN}) as answer:
            assert answer.url.path == "/"
            assert answer.status == 200
        assert [TOKEN in cookie.value for cookie in jar] == [False]
        async with browser.post(client.vms.url + "/api/failures", headers={"Origin": "http://evil.example"}) as answer:
            assert answer.status == 403


async def test_an_event_from_the_year_one_does_not_break_the_page(client: Client) -> None:
    await call(client.session, client.vms.url, alarm("a1", utc_time="0001-01-01T00:00:00Z"))
    assert "0001-01-01" in (await page(client)).get_element_by_id("alarms").text_content()


@pytest.mark.parametrize("secret", ["whsec_", "whsec_short!", "ü"])
def test_a_webhook_secret_that_is_none_is_refused_at_the_start(settings: Settings, secret: str) -> None:
    with pytest.raises(ValueError, match="gate"):
        replace(settings, webhooks={"gate": secret})


async def test_open_access_is_for_this_machine_only(settings: Settings) -> None:
    with pytest.raises(ValueError, match="loopback"):
        replace(settings, open_to_loopback=True, host="0.0.0.0")
    async with running(replace(settings, open_to_loopback=True)) as vms, aiohttp.ClientSession() as stranger:
        async with stranger.get(vms.url + "/api/alarms") as answer:
            assert answer.status == 200
        async with stranger.get(vms.url + "/api/alarms", headers={"Host": "rebound.example"}) as answer:
            assert answer.status == 403
        async with stranger.post(vms.url + "/outputs/gate", json={"state": "active"}) as answer:
            assert answer.status == 401


async def test_an_output_pulses_and_keeps_its_history(client: Client) -> None:
    answer = await client.post("/outputs/gate", {"state": "active", "pulse_s": 0.05, "because": "a test"})
    assert answer["state"] == "active"
    answer = await client.until("/api/outputs", lambda answer: answer["outputs"][0]["state"] == "inactive")
    [output] = answer["outputs"]
    assert [(change["state"], change["because"]) for change in output["history"]] == [
        ("inactive", "the pulse ended"),
        ("active", "a test"),
    ]


async def test_a_pulse_that_ended_while_the_process_was_down_is_over_after_the_start(
    settings: Settings, session
) -> None:
    async with running(settings) as vms:
        await Client(session, vms).post("/outputs/gate", {"state": "active", "pulse_s": 0.01})
    async with running(settings) as vms:
        client = Client(session, vms)
        await client.until("/api/outputs", lambda answer: answer["outputs"][0]["state"] == "inactive")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"state": "open"},
        {"state": "active", "pulse_s": 0},
        {"state": "active", "pulse_s": "5"},
        {"state": "active", "pulse_s": 1e9},
    ],
)
async def test_a_wrong_output_order_changes_nothing(client: Client, body: dict) -> None:
    answer = await client.post("/outputs/gate", body, status=400)
    assert "state" in answer["error"] or "pulse_s" in answer["error"]
    assert (await client.get("/api/outputs"))["outputs"] == []


@pytest.mark.parametrize("address", ["ftp://camera", "http://user:pw@camera", "http://", "http://camera:99999"])
async def test_an_address_that_is_none_is_refused(client: Client, address: str) -> None:
    answer = await client.post("/api/devices", {"address": address, "user": "", "password": ""}, status=400)
    assert answer["error"]


@pytest.mark.parametrize("query", ["limit=0", "limit=many", "before=-1", "limit=٣"])
async def test_a_wrong_page_is_refused(client: Client, query: str) -> None:
    async with client.session.get(f"{client.vms.url}/api/alarms?{query}") as answer:
        assert answer.status == 400
