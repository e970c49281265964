"""Being found: probes by type and scope, resolve, hello and bye, and silence where the standard wants it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import uuid
from collections.abc import AsyncIterator

import pytest
from lxml import etree

from mock_vms.camera.app import VirtualCamera
from mock_vms.camera.discovery import GROUP, DiscoveryResponder
from mock_vms.camera.discovery_messages import (
    AppSequence,
    Target,
    bye,
    hello,
    probe_matches,
    read_request,
    resolve_matches,
    scope_within,
)
from tests.missing import missing
from tests.mock_vms.camera.soap_client import SoapClient, camera_and_client
from tests.schemas import validate

D = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
NS = {
    "e": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "d": D,
    "dn": "http://www.onvif.org/ver10/network/wsdl",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
}
NAME = "onvif://www.onvif.org/name/Gate%20North"


def message(kind: str, body: str, message_id: str | None = None) -> bytes:
    names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items())
    return (
        f"<e:Envelope {names}><e:Header><a:MessageID>{message_id or f'urn:uuid:{uuid.uuid4()}'}</a:MessageID>"
        f"<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To><a:Action>{D}/{kind}</a:Action></e:Header>"
        f"<e:Body><d:{kind}>{body}</d:{kind}></e:Body></e:Envelope>"
    ).encode()


class Inbox(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.messages: asyncio.Queue[bytes] = asyncio.Queue(maxsize=100)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.messages.put_nowait(data)

    async def next(self) -> etree._Element:
        return etree.fromstring(await asyncio.wait_for(self.messages.get(), 5))


@contextlib.asynccontextmanager
async def found(
    *quirks: str, **changes: object
) -> AsyncIterator[tuple[VirtualCamera, SoapClient, asyncio.DatagramTransport, Inbox]]:
    """A camera that answers unicast probes, and a socket to probe it from."""
    async with camera_and_client(*quirks, discovery_port=0, **changes) as (camera, client):
        assert camera.discovery_port is not None
        loop = asyncio.get_running_loop()
        transport, inbox = await loop.create_datagram_endpoint(Inbox, remote_addr=("127.0.0.1", camera.discovery_port))
        try:
            yield camera, client, transport, inbox
        finally:
            transport.close()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<d:Types>dn:NetworkVideoTransmitter</d:Types>",
        "<d:Types>tds:Device dn:NetworkVideoTransmitter</d:Types>",
        "<d:Types/><d:Scopes/>",
        f"<d:Scopes>{NAME}</d:Scopes>",
        "<d:Scopes>onvif://www.onvif.org/name ONVIF://WWW.onvif.org/type/video_encoder</d:Scopes>",
        f'<d:Scopes MatchBy="{D}/strcmp0">{NAME}</d:Scopes>',
    ],
)
async def test_a_probe_that_means_this_camera_is_answered_with_its_address(body: str) -> None:
    async with found(name="Gate North") as (camera, _, transport, inbox):
        message_id = f"urn:uuid:{uuid.uuid4()}"
        transport.sendto(message("Probe", body, message_id))
        answer = await inbox.next()
    header, match = answer.find("e:Header", NS), answer.find("e:Body/d:ProbeMatches/d:ProbeMatch", NS)
    assert header is not None
    assert match is not None
    assert header.findtext("a:RelatesTo", None, NS) == message_id
    assert header.findtext("a:Action", None, NS) == f"{D}/ProbeMatches"
    assert [etree.QName(child).localname for child in match] == [
        "EndpointReference",
        "Types",
        "Scopes",
        "XAddrs",
        "MetadataVersion",
    ]
    assert match.findtext("d:XAddrs", None, NS) == camera.device_url
    assert match.findtext("a:EndpointReference/a:Address", None, NS) == camera.identity.endpoint_reference
    assert NAME in (match.findtext("d:Scopes", None, NS) or "").split()
    types = match.find("d:Types", NS)
    assert types is not None
    assert {types.nsmap[prefix] for prefix in ("dn", "tds")} == {NS["dn"], NS["tds"]}


@pytest.mark.parametrize(
    "silent",
    [
        b"not xml",
        b"<a/>",
        message("Hello", ""),
        message("Probe", "<d:Types>tds:Printer</d:Types>"),
        message("Probe", "<d:Types>nobody:Device</d:Types>"),
        message("Probe", "<d:Scopes>onvif://www.onvif.org/name/Gate</d:Scopes>"),
        message("Probe", f'<d:Scopes MatchBy="{D}/ldap">{NAME}</d:Scopes>'),
        message("Resolve", "<a:EndpointReference><a:Address>urn:uuid:somebody-else</a:Address></a:EndpointReference>"),
    ],
)
async def test_what_is_not_meant_for_this_camera_is_met_with_silence(silent: bytes) -> None:
    async with found(name="Gate North") as (_camera, _, transport, inbox):
        transport.sendto(silent)
        last = f"urn:uuid:{uuid.uuid4()}"
        transport.sendto(message("Probe", "", last))
        answer = await inbox.next()  # datagrams on loopback stay in order, so this is the first answer of all
        assert answer.findtext("e:Header/a:RelatesTo", None, NS) == last


async def test_a_repeated_probe_is_answered_once_and_messages_are_numbered() -> None:
    async with found() as (_camera, _, transport, inbox):
        first, second = message("Probe", ""), message("Probe", "")
        for datagram in (first, first, second):
            transport.sendto(datagram)
        answers = [await inbox.next(), await inbox.next()]
        sequences = [answer.find("e:Header/d:AppSequence", NS) for answer in answers]
        assert [s.get("MessageNumber") for s in sequences if s is not None] == ["1", "2"]
        assert inbox.messages.empty()


async def test_resolve_finds_the_camera_by_its_endpoint() -> None:
    async with found() as (camera, _, transport, inbox):
        address = f"<a:Address>{camera.identity.endpoint_reference}</a:Address>"
        transport.sendto(message("Resolve", f"<a:EndpointReference>{address}</a:EndpointReference>"))
        answer = await inbox.next()
        assert answer.findtext("e:Body/d:ResolveMatches/d:ResolveMatch/d:XAddrs", None, NS) == camera.device_url


async def test_a_camera_that_is_set_non_discoverable_keeps_silent() -> None:
    async with found() as (_camera, client, transport, inbox):
        for mode in ("NonDiscoverable", "Discoverable"):
            answer = await client.call(
                f"<tds:SetDiscoveryMode><tds:DiscoveryMode>{mode}</tds:DiscoveryMode></tds:SetDiscoveryMode>"
            )
            assert answer.status == 200
            transport.sendto(message("Probe", "", f"urn:uuid:{mode}"))
        assert (await inbox.next()).findtext("e:Header/a:RelatesTo", None, NS) == "urn:uuid:Discoverable"
        assert inbox.messages.empty()


async def test_the_wrong_discovery_address_is_a_quirk() -> None:
    async with found("wrong-discovery-xaddr") as (_camera, _, transport, inbox):
        transport.sendto(message("Probe", ""))
        answer = await inbox.next()
        assert (answer.findtext(".//d:XAddrs", "", NS)).startswith("http://192.0.2.99:")


async def test_multicast_probes_are_answered_and_coming_and_going_is_told() -> None:
    """On loopback, with a group port of its own, so that no real device on the network takes part."""
    with _listener() as listener:
        port = listener.getsockname()[1]
        loop = asyncio.get_running_loop()
        transport, inbox = await loop.create_datagram_endpoint(Inbox, sock=listener)
        target = Target(endpoint_reference="urn:uuid:1", scopes=[NAME])
        responder = DiscoveryResponder(target=target, xaddr=lambda host: f"http://{host}/", group_port=port)
        try:
            async with responder:
                if "127.0.0.1" not in responder.interfaces:
                    missing("this machine has no multicast on loopback")
                first = await _next_of(inbox, "Hello")
                transport.sendto(message("Probe", ""), (GROUP, port))
                await _next_of(inbox, "ProbeMatches")
                responder.restart()
                await _next_of(inbox, "Bye")
                second = await _next_of(inbox, "Hello")
            await _next_of(inbox, "Bye")
        finally:
            transport.close()
    assert int(second.get("InstanceId", "")) > int(first.get("InstanceId", ""))


async def test_two_cameras_on_one_machine_are_both_found() -> None:
    with _listener() as listener:
        port = listener.getsockname()[1]
        transport, inbox = await asyncio.get_running_loop().create_datagram_endpoint(Inbox, sock=listener)
        responders = [
            DiscoveryResponder(
                target=Target(endpoint_reference=f"urn:uuid:{number}", scopes=[NAME]),
                xaddr=lambda host: f"http://{host}/",
                group_port=port,
            )
            for number in (1, 2)
        ]
        try:
            async with responders[0], responders[1]:
                if "127.0.0.1" not in responders[0].interfaces:
                    missing("this machine has no multicast on loopback")
                transport.sendto(message("Probe", ""), (GROUP, port))
                found_ones = set()
                while len(found_ones) < 2:
                    match = (await inbox.next()).find("e:Body/d:ProbeMatches/d:ProbeMatch", NS)
                    if match is not None:
                        found_ones.add(match.findtext("a:EndpointReference/a:Address", None, NS))
                assert found_ones == {"urn:uuid:1", "urn:uuid:2"}
        finally:
            transport.close()


async def test_a_camera_on_loopback_is_offered_on_loopback_only() -> None:
    async with camera_and_client(multicast=True) as (camera, _):
        assert set(camera.discovery_interfaces) <= {"127.0.0.1"}


@pytest.mark.parametrize(
    ("wanted", "ours", "within"),
    [
        ("onvif://www.onvif.org", NAME, True),
        ("onvif://www.onvif.org/", NAME, True),
        ("onvif://www.onvif.org/name/Gate%20North", NAME, True),
        ("onvif://www.onvif.org/name/Gate", NAME, False),
        ("onvif://www.onvif.org/hardware/D1", "onvif://www.onvif.org/hardware/D1-566", False),
        ("onvif://www.onvif.org/Name", NAME, False),
        ("onvif://other/name", NAME, False),
        ("http://www.onvif.org/name", NAME, False),
    ],
)
def test_scopes_match_by_whole_segments(wanted: str, ours: str, within: bool) -> None:
    assert scope_within(wanted, ours) is within


def test_all_messages_are_valid_by_the_schemas() -> None:
    target, sequence = Target(endpoint_reference="urn:uuid:1", scopes=[NAME]), AppSequence(instance_id=1)
    for answer in (
        hello(target, "http://x/", sequence),
        probe_matches(target, "http://x/", "urn:uuid:2", sequence),
        resolve_matches(target, "http://x/", "urn:uuid:2", sequence),
        bye(target, sequence),
    ):
        assert validate(answer) == set()


def test_a_hello_is_no_request_and_a_bomb_is_none_either() -> None:
    target = Target(endpoint_reference="urn:uuid:1", scopes=[NAME])
    assert read_request(hello(target, "http://x/", AppSequence(instance_id=1))) is None
    assert read_request(b'<!DOCTYPE a [<!ENTITY b "c">]>' + message("Probe", "&b;")) is None


def _listener() -> socket.socket:
    """A member of the group on loopback, on a port that nobody else uses."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    for option in (socket.SO_REUSEADDR, getattr(socket, "SO_REUSEPORT", socket.SO_REUSEADDR)):
        sock.setsockopt(socket.SOL_SOCKET, option, 1)
    sock.bind(("", 0))
    loopback = socket.inet_aton("127.0.0.1")
    try:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + loopback)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, loopback)
    except OSError as error:
        sock.close()
        missing(f"this machine has no multicast on loopback: {error}")
    return sock


async def _next_of(inbox: Inbox, kind: str) -> etree._Element:
    """The AppSequence of the next message of a kind."""
    while True:
        envelope = await inbox.next()
        if envelope.findtext("e:Header/a:Action", None, NS) == f"{D}/{kind}":
            sequence = envelope.find("e:Header/d:AppSequence", NS)
            assert sequence is not None
            return sequence
