"""WS-Discovery on the loopback, asked directly and in the group; every answer is held against the schemas."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from lxml import etree

from adapter.onvif_device.discovery import GROUP, Discovery, scope_matches
from tests.fakes.device_face import IDENTITY
from tests.missing import missing
from tests.schemas import validate

NS = {
    "env": "http://www.w3.org/2003/05/soap-envelope",
    "wsa": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "d": "http://schemas.xmlsoap.org/ws/2005/04/discovery",
}
DN = "http://www.onvif.org/ver10/network/wsdl"
TDS = "http://www.onvif.org/ver10/device/wsdl"


class Asker(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.answers.put_nowait(data)


class Client:
    def __init__(self, discovery: Discovery, transport: asyncio.DatagramTransport, asker: Asker) -> None:
        self.discovery = discovery
        self.transport = transport
        self.asker = asker

    def send(self, data: bytes) -> None:
        self.transport.sendto(data, ("127.0.0.1", self.discovery.port))

    async def ask(self, data: bytes) -> etree._Element:
        self.send(data)
        async with asyncio.timeout(60):
            answer = etree.fromstring(await self.asker.answers.get())
        assert validate(answer) == set()
        return answer

    async def silence_after(self, *packets: bytes) -> None:
        """Nothing is answered before the answer to a question that is asked afterwards."""
        for packet in packets:
            self.send(packet)
        answer = await self.ask(probe("last"))
        assert answer.findtext(".//wsa:RelatesTo", namespaces=NS) == "urn:uuid:last"


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Client]:
    discovery = Discovery(
        identity=IDENTITY, http_port=8080, host="127.0.0.1", port=0, multicast=False, instance_id=7, delay=lambda: 0
    )
    async with discovery:
        loop = asyncio.get_running_loop()
        transport, asker = await loop.create_datagram_endpoint(Asker, local_addr=("127.0.0.1", 0))
        yield Client(discovery, transport, asker)
        transport.close()
        await asyncio.sleep(0)


def message(body: str, message_id: str = "1", prefixes: str = f'xmlns:dn="{DN}" xmlns:tds="{TDS}"') -> bytes:
    return (
        f'<env:Envelope xmlns:env="{NS["env"]}" xmlns:wsa="{NS["wsa"]}" xmlns:d="{NS["d"]}" {prefixes}><env:Header>'
        f"<wsa:MessageID>urn:uuid:{message_id}</wsa:MessageID></env:Header><env:Body>{body}</env:Body></env:Envelope>"
    ).encode()


def probe(message_id: str = "1", types: str = "", scopes: str = "", prefixes: str | None = None) -> bytes:
    inner = (f"<d:Types>{types}</d:Types>" if types else "") + (f"<d:Scopes>{scopes}</d:Scopes>" if scopes else "")
    options = {} if prefixes is None else {"prefixes": prefixes}
    return message(f"<d:Probe>{inner}</d:Probe>", message_id, **options)


async def test_a_probe_is_answered_with_where_we_are(client: Client) -> None:
    answer = await client.ask(probe("42", types="dn:NetworkVideoTransmitter"))
    assert answer.findtext(".//wsa:Action", namespaces=NS) == f"{NS['d']}/ProbeMatches"
    assert answer.findtext(".//wsa:RelatesTo", namespaces=NS) == "urn:uuid:42"
    sequence = answer.find(".//d:AppSequence", NS)
    assert sequence is not None and dict(sequence.attrib) == {"InstanceId": "7", "MessageNumber": "1"}
    match = answer.find("env:Body/d:ProbeMatches/d:ProbeMatch", NS)
    assert match is not None
    assert [etree.QName(child).localname for child in match] == [
        "EndpointReference",
        "Types",
        "Scopes",
        "XAddrs",
        "MetadataVersion",
    ]
    assert match.findtext("wsa:EndpointReference/wsa:Address", namespaces=NS) == IDENTITY.device_uuid
    assert match.findtext("d:XAddrs", namespaces=NS) == "http://127.0.0.1:8080/onvif/device_service"
    assert (match.findtext("d:Scopes", namespaces=NS) or "").split() == [
        "onvif://www.onvif.org/Profile/Streaming",
        "onvif://www.onvif.org/hardware/onvif-lpr",
        "onvif://www.onvif.org/name/Gate%20adapter",
        "onvif://www.onvif.org/location/North%20yard",
    ]


@pytest.mark.parametrize(
    "question",
    [
        probe(),
        probe(types="tds:Device"),
        probe(types="dn:NetworkVideoTransmitter tds:Device"),
        probe(types="a:NetworkVideoTransmitter", prefixes=f'xmlns:a="{DN}"'),
        probe(scopes="onvif://www.onvif.org/hardware"),
        probe(scopes="ONVIF://WWW.onvif.org/name/Gate%20adapter onvif://www.onvif.org/Profile/Streaming"),
        message(
            f"<d:Resolve><wsa:EndpointReference><wsa:Address>{IDENTITY.device_uuid}</wsa:Address>"
            "</wsa:EndpointReference></d:Resolve>"
        ),
    ],
    ids=range(7),
)
async def test_questions_that_mean_us_are_answered(client: Client, question: bytes) -> None:
    answer = await client.ask(question)
    assert answer.findtext(".//d:XAddrs", namespaces=NS) is not None


@pytest.mark.parametrize(
    "packet",
    [
        probe(types="dn:NetworkVideoDisplay"),
        probe(types="dn:NetworkVideoTransmitter", prefixes='xmlns:dn="urn:other"'),
        probe(types="undeclared:Device"),
        probe(scopes="onvif://www.onvif.org/hard"),
        probe(scopes="onvif://www.onvif.org/Profile/Streaming onvif://www.onvif.org/name/Other"),
        probe(scopes="x").replace(b"<d:Scopes>", b'<d:Scopes MatchBy="urn:unknown">'),
        message(
            "<d:Resolve><wsa:EndpointReference><wsa:Address>urn:uuid:other</wsa:Address>"
            "</wsa:EndpointReference></d:Resolve>"
        ),
        message("<d:Hello/>"),
        probe().replace(b"urn:uuid:1", b""),
        b"",
        b"not xml",
        b"\xff" * 2000,
        b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>',
        b" " * 20_000,
    ],
    ids=range(14),
)
async def test_questions_that_mean_others_and_nonsense_are_met_with_silence(client: Client, packet: bytes) -> None:
    await client.silence_after(packet)


async def test_a_repeated_packet_is_answered_once(client: Client) -> None:
    await client.ask(probe("same"))
    await client.silence_after(probe("same"), probe("same"))


async def test_message_numbers_grow(client: Client) -> None:
    numbers = []
    for message_id in ("a", "b", "c"):
        sequence = (await client.ask(probe(message_id))).find(".//d:AppSequence", NS)
        assert sequence is not None
        numbers.append(int(sequence.get("MessageNumber", "0")))
    assert numbers == [1, 2, 3]


async def test_answers_that_still_wait_are_dropped_when_discovery_closes() -> None:
    discovery = Discovery(identity=IDENTITY, http_port=1, host="127.0.0.1", port=0, multicast=False, delay=lambda: 3600)
    async with discovery:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            Asker, remote_addr=("127.0.0.1", discovery.port)
        )
        transport.sendto(probe())
        await asyncio.sleep(0.01)
        transport.close()
    await asyncio.sleep(0)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def group_member(port: int) -> socket.socket:
    """A client's socket that hears the group on the loopback and asks there."""
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("", port))
    member = socket.inet_aton(GROUP) + socket.inet_aton("127.0.0.1")
    try:
        found.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        found.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        found.sendto(b"", (GROUP, port))
    except OSError as error:
        found.close()
        missing(f"the loopback of this host carries no multicast: {error}")
    found.setblocking(False)
    return found


async def test_hello_a_multicast_probe_and_bye() -> None:
    port = free_port()
    with group_member(port) as heard, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        loop = asyncio.get_running_loop()

        async def action_heard(on: socket.socket, wanted: str) -> etree._Element:
            async with asyncio.timeout(60):
                while True:
                    data = await loop.sock_recv(on, 65536)
                    if data and (found := etree.fromstring(data)).findtext(".//wsa:Action", namespaces=NS) == wanted:
                        assert validate(found) == set()
                        return found

        async with Discovery(identity=IDENTITY, http_port=8080, port=port, delay=lambda: 0):
            hello = await action_heard(heard, f"{NS['d']}/Hello")
            assert hello.findtext(".//d:Hello/wsa:EndpointReference/wsa:Address", namespaces=NS) == IDENTITY.device_uuid
            asking.setblocking(False)
            asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            asking.bind(("127.0.0.1", 0))
            await loop.sock_sendto(asking, probe("many", types="dn:NetworkVideoTransmitter"), (GROUP, port))
            match = await action_heard(asking, f"{NS['d']}/ProbeMatches")
            assert match.findtext(".//d:XAddrs", namespaces=NS) == "http://127.0.0.1:8080/onvif/device_service"
        bye = await action_heard(heard, f"{NS['d']}/Bye")
        assert bye.find(".//d:XAddrs", NS) is None


@pytest.mark.parametrize(
    ("asked", "ours", "matches"),
    [
        ("onvif://www.onvif.org/hardware/D1", "onvif://www.onvif.org/hardware/D1-566", False),
        ("onvif://www.onvif.org/hardware/D1", "onvif://www.onvif.org/hardware/D1/566", True),
        ("onvif://www.onvif.org", "onvif://www.onvif.org/anything", True),
        ("onvif://www.onvif.org/name/a%20b", "onvif://www.onvif.org/name/a%20b", True),
        ("http://www.onvif.org/name", "onvif://www.onvif.org/name", False),
        ("onvif://[", "onvif://www.onvif.org/name", False),
    ],
)
def test_scopes_match_by_whole_segments(asked: str, ours: str, matches: bool) -> None:
    assert scope_matches(asked, ours) is matches
