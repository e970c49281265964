"""No request, however odd, gets anything but a valid SOAP answer; and the parsers behind the doors never stumble."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from mock_vms.camera.digest import DigestAuthority
from mock_vms.camera.discovery_messages import read_request
from mock_vms.camera.filters import read_filter
from mock_vms.camera.soap import SoapFault, read_envelope, write_envelope
from mock_vms.camera.times import format_duration, parse_datetime, parse_duration, utc_now
from mock_vms.camera.xml import wsnt
from tests.mock_vms.camera.soap_client import camera_and_client, envelope, relay_states
from tests.mock_vms.camera.test_soap_answers import INSIDE, operations, prefixed
from tests.schemas import validate

NASTY = (
    *("", " ", "0", "-1", "1e400", "NaN", "9" * 400, "PT", "P99999999Y", "-PT1S", "0001-01-01T00:00:00+14:00"),
    *("9999-12-31T23:59:59Z", "true", "\u202e\U0001f697", "a:b:c", "../../etc/passwd", "' or 1=1", "<![CDATA[x]]>"),
)


async def test_every_operation_survives_mutilated_requests() -> None:
    """Each valid request is mutated a few times: texts replaced, elements dropped, doubled, moved, renamed."""
    chance = random.Random(20261122)
    async with camera_and_client() as (camera, client):
        for path, name in operations(camera):
            operation = prefixed(name)
            for _ in range(4):
                body = f"<{operation}>{_mutilated(INSIDE.get(operation, ''), chance)}</{operation}>"
                url = f"{client.root}/onvif/{path}"
                if path == "subscription":
                    camera.pull_points.remove_all()
                    url = await client.subscribe()
                answer = await client.call(body, url=url)
                assert answer.status in (200, 400, 500), (body, answer.content)
                validate(answer.envelope)
                camera.clock.set(utc_now())


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
@example(b"<a>\x00</a>")
@example(b"\xff\xfe<\x00a\x00>\x00")
@example(b'<?xml version="1.0" encoding="no-such"?><a/>')
def test_any_bytes_are_an_envelope_or_a_writable_fault(document: bytes) -> None:
    try:
        read_envelope(document)
    except SoapFault as fault:
        validate(write_envelope(fault.element()))


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="PTYMDHS0123456789.-+:Z ", max_size=24))
def test_times_are_read_or_refused(text: str) -> None:
    for read in (parse_duration, parse_datetime):
        try:
            read(text)
        except ValueError:
            continue


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=300)))
def test_a_duration_that_is_written_is_read_back(duration: timedelta) -> None:
    assert abs(parse_duration(format_duration(duration)) - duration) < timedelta(milliseconds=1)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120))
@example('username="admin", realm="r", nonce="a.b.\u00e9", uri="/x", response="\u00e9"')
@example('username="admin", realm="r", nonce="a.b.\udcff", uri="/x", response="\udcff"')
def test_any_authorization_header_is_refused_without_stumbling(text: str) -> None:
    authority = DigestAuthority(realm="r", users={"admin": "secret"})
    assert not authority.authorize("GET", "/x", "Digest " + text)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='boleannt()/tSim:pIe[@Name="V and or x]|*', max_size=80), st.sampled_from([
    "http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter",
    "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet",
]))  # fmt: skip
def test_any_filter_is_understood_or_a_fault(text: str, dialect: str) -> None:
    for name in ("MessageContent", "TopicExpression"):
        try:
            read_filter(wsnt("Filter", wsnt(name, text, Dialect=dialect)))
        except SoapFault as fault:
            validate(write_envelope(fault.element()))


@pytest.mark.timeout(60)
def test_texts_that_almost_match_are_refused_without_trying_every_way() -> None:
    """With backtracking, each of these would take longer than the universe has lasted."""
    item_filter = "http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter"
    almost = "boolean(//SimpleItem[" + ' @Name="a"    ' * 120
    with pytest.raises(SoapFault):
        read_filter(wsnt("Filter", wsnt("MessageContent", almost, Dialect=item_filter)))
    with pytest.raises(SoapFault):
        read_filter(wsnt("Filter", wsnt("TopicExpression", "tns1:" + "a/" * 900 + "//")))
    with pytest.raises(ValueError, match="not an xs:duration"):
        parse_duration("P" + "1" * 50_000)
    authority = DigestAuthority(realm="r", users={"admin": "secret"})
    for header in ("a" * 4000, 'a="' + "\\a" * 1900, "a =" * 1300, "a" + " " * 4000):
        assert not authority.authorize("GET", "/x", "Digest " + header)


@given(st.binary(max_size=200))
def test_any_datagram_is_a_request_or_nothing(datagram: bytes) -> None:
    read_request(datagram)


@pytest.mark.parametrize("host", ["", "a b", 'x"><script>', "h\xe9", "[::1", "a:b"])
async def test_a_host_header_that_names_no_host_is_not_echoed(host: str) -> None:
    async with camera_and_client() as (camera, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", camera.http_port)
        head = f"POST /onvif/device_service HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        writer.write(head.encode("latin-1"))
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await writer.wait_closed()
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"script" not in answer


async def test_a_client_that_hangs_up_while_pulling_loses_nothing() -> None:
    async with camera_and_client() as (camera, client):
        address = await client.subscribe()
        await client.pull(address)
        (point,) = camera.pull_points
        hanging = asyncio.create_task(client.pull(address, timeout="PT60S"))
        async with asyncio.timeout(60):
            while not point.pulling:
                await asyncio.sleep(0)
            hanging.cancel()
            while point.pulling:
                await asyncio.sleep(0)
        camera.relays.switch("gate", True)
        assert relay_states(await client.pull(address)) == [("gate", "active", "Changed")]


def _mutilated(inside: str, chance: random.Random) -> str:
    body = etree.fromstring(envelope(f"<tds:x>{inside}</tds:x>"))[-1][0]
    elements = list(body.iterdescendants())
    for _ in range(chance.randint(1, 3)):
        if not elements:
            break
        element = chance.choice(elements)
        parent = element.getparent()
        match chance.randrange(5):
            case 0:
                element.text = chance.choice(NASTY)
            case 1 if parent is not None:
                parent.remove(element)
                elements = list(body.iterdescendants())
            case 2:
                element.tag = "{urn:x}" + etree.QName(element).localname
            case 3:
                element.set("token", chance.choice(NASTY))
            case _:
                element.append(etree.fromstring(etree.tostring(element)))
    return "".join(etree.tostring(child).decode() for child in body)
