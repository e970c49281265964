"""Finding devices: real packets on loopback, and the spellings that devices use."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from onvif_client.discovery import discover
from onvif_client.errors import CameraError
from onvif_client.probe import build_probe, read_matches

PLAIN = """<?xml version="1.0"?>
<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
  xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><e:Body>
  <d:ProbeMatches><d:ProbeMatch>
    <a:EndpointReference><a:Address>urn:uuid:{number}</a:Address></a:EndpointReference>
    <d:Types>dn:NetworkVideoTransmitter</d:Types>
    <d:Scopes>onvif://www.onvif.org/name/Gate%20North onvif://www.onvif.org/hardware/D1
      onvif://www.onvif.org/location/country/china onvif://www.onvif.org/location/yard</d:Scopes>
    <d:XAddrs>http://[fe80::1]/onvif/device_service http://127.0.0.1:8080/onvif/device_service</d:XAddrs>
    <d:MetadataVersion>1</d:MetadataVersion>
  </d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>"""

# As ipycam 1.3 answers: endpoint reference in the wrong namespace, no ProbeMatches, spaces in scopes.
ODD = """<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"
  xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><e:Body><d:ProbeMatch>
  <d:EndpointReference><d:Address>urn:uuid:odd</d:Address></d:EndpointReference><d:Types>tds:Device</d:Types>
  <d:Scopes>onvif://www.onvif.org/name/Python IP Cam onvif://www.onvif.org/hardware/x</d:Scopes>
  <d:XAddrs>http://172.17.0.2/onvif/device_service</d:XAddrs></d:ProbeMatch></e:Body></e:Envelope>"""


class Responder(asyncio.DatagramProtocol):
    """A device that answers every probe with the given packets."""

    def __init__(self, answers: list[bytes], *, deaf_to: str = "", silent_first: int = 0) -> None:
        self.answers = answers
        self.received: list[bytes] = []
        self.deaf_to = deaf_to
        self.silent_first = silent_first

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr) -> None:
        self.received.append(data)
        if len(self.received) <= self.silent_first or (self.deaf_to and self.deaf_to.encode() in data):
            return
        for answer in self.answers:
            self.transport.sendto(answer, addr)


class Listening:
    def __init__(self, *answers: str | bytes, **options) -> None:
        encoded = [each.encode() if isinstance(each, str) else each for each in answers]
        self.protocol = Responder(encoded, **options)

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self.protocol, local_addr=("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.transport.get_extra_info('sockname')[1]}"
        return self

    async def __aexit__(self, *_) -> None:
        self.transport.close()


async def test_a_device_answers_a_unicast_probe():
    async with Listening(PLAIN.format(number=1)) as device:
        (found,) = await discover(multicast=False, addresses=[device.address], enough=1, timeout_s=5)
    assert found.endpoint == "urn:uuid:1"
    assert (found.name, found.hardware, found.location) == ("Gate North", "D1", "country/china, yard")
    assert found.source_address == "127.0.0.1"
    assert found.address == "http://127.0.0.1:8080/onvif/device_service"


async def test_a_device_that_answers_many_times_is_one_device():
    async with Listening(*[PLAIN.format(number=1)] * 3, PLAIN.format(number=2)) as device:
        found = await discover(multicast=False, addresses=[device.address], enough=2, timeout_s=5)
    assert sorted(each.endpoint for each in found) == ["urn:uuid:1", "urn:uuid:2"]


async def test_a_lost_packet_is_sent_again_under_the_same_message_id():
    async with Listening(PLAIN.format(number=1), silent_first=2) as device:
        (found,) = await discover(multicast=False, addresses=[device.address], enough=1, timeout_s=5)
        assert found.endpoint == "urn:uuid:1"
        ids = [etree.fromstring(each).findtext("{*}Header/{*}MessageID") for each in device.protocol.received]
        assert ids[0] == ids[2] != ids[1]


async def test_a_device_that_knows_one_type_only_is_found():
    async with Listening(PLAIN.format(number=1), deaf_to="NetworkVideoTransmitter") as device:
        assert await discover(multicast=False, addresses=[device.address], enough=1, timeout_s=5)


async def test_found_devices_are_told_at_once():
    told = []
    async with Listening(PLAIN.format(number=1)) as device:
        await discover(multicast=False, addresses=[device.address], enough=1, timeout_s=5, on_found=told.append)
    assert [each.endpoint for each in told] == ["urn:uuid:1"]


async def test_nobody_there_ends_in_time_with_nothing():
    async with asyncio.timeout(60):
        assert await discover(multicast=True, addresses=["127.0.0.1:9"], timeout_s=0.1) is not None


async def test_junk_between_answers_is_ignored():
    async with Listening(b"\xff\x00junk", b"<ProbeMatch", PLAIN.format(number=1)) as device:
        (found,) = await discover(multicast=False, addresses=[device.address], enough=1, timeout_s=5)
        assert found.endpoint == "urn:uuid:1"


async def test_a_subnet_is_swept_within_limits():
    with pytest.raises(CameraError, match="at most 1024"):
        await discover(multicast=False, subnets=["10.0.0.0/8"])
    with pytest.raises(CameraError, match="at most 1024"):
        await discover(multicast=False, subnets=["2001:db8::/32"])
    with pytest.raises(CameraError, match="not a subnet"):
        await discover(multicast=False, subnets=["gate"])
    with pytest.raises(CameraError, match="not an IP address"):
        await discover(multicast=False, addresses=["gate:1"])


def test_odd_spellings_are_read():
    (found,) = read_matches(ODD.encode(), "192.0.2.7")
    assert (found.endpoint, found.name, found.hardware) == ("urn:uuid:odd", "Python IP Cam", "x")
    # A container names its inner address; the one that answered is put in its place.
    assert found.address == "http://192.0.2.7/onvif/device_service"


def test_devices_that_are_not_onvif_are_left_out():
    printer = ODD.replace("tds:Device", "wprt:PrintDeviceType").replace("onvif://www.onvif.org", "ldap:///x")
    assert read_matches(printer.encode(), "192.0.2.7") == ()


def test_a_packet_with_a_document_type_is_not_read():
    assert read_matches(b"<!DOCTYPE x>" + PLAIN.format(number=1).partition("?>")[2].encode(), "192.0.2.7") == ()


@given(st.binary(max_size=400))
def test_no_packet_raises(data):
    read_matches(data, "192.0.2.1")
    read_matches(b"<a><ProbeMatch>" + data, "192.0.2.1")


@given(st.integers(0, len(PLAIN)), st.binary(min_size=1, max_size=8))
def test_no_damaged_answer_raises(at, junk):
    packet = PLAIN.format(number=1).encode()
    read_matches(packet[:at] + junk + packet[at + len(junk) :], "192.0.2.1")


def test_a_probe_is_a_well_formed_question():
    root = etree.fromstring(build_probe("NetworkVideoTransmitter", message_id="urn:uuid:7"))
    types = root.find(".//{*}Types")
    prefix, _, name = types.text.partition(":")
    assert (types.nsmap[prefix], name) == ("http://www.onvif.org/ver10/network/wsdl", "NetworkVideoTransmitter")
    assert root.findtext(".//{*}MessageID") == "urn:uuid:7"
    assert root.findtext(".//{*}Action") == "http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe"
