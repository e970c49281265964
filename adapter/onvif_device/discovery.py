"""WS-Discovery: lets clients find the device on their network, by multicast or by asking its address directly.

April 2005 version with the 2004/08 addressing namespace, as ONVIF Core 7 demands. Malformed packets are ignored in
silence: anybody may send anything to a UDP port.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import psutil
import structlog
from lxml import etree

from adapter.onvif_device.addresses import DEVICE
from adapter.onvif_device.device_service import scopes
from adapter.onvif_device.ports import DeviceIdentity
from events import soap

PORT = 3702
GROUP = "239.255.255.250"

_ENV = "http://www.w3.org/2003/05/soap-envelope"
_WSA = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_D = "http://schemas.xmlsoap.org/ws/2005/04/discovery"
_TDS = "http://www.onvif.org/ver10/device/wsdl"
_DN = "http://www.onvif.org/ver10/network/wsdl"
_NSMAP = {"env": _ENV, "wsadis": _WSA, "d": _D, "dn": _DN, "tds": _TDS}
_TO_ALL = "urn:schemas-xmlsoap-org:ws:2005:04:discovery"
_TO_ASKER = f"{_WSA}/role/anonymous"
_TYPES = frozenset({(_DN, "NetworkVideoTransmitter"), (_TDS, "Device")})
_RFC3986 = f"{_D}/rfc3986"

_MAX_PACKET = 8192
_MAX_DELAY_S = 0.5  # answers of many devices to one multicast must not collide
_MAX_PENDING = 64  # delayed answers; a flood of probes gets no more than these
_SEEN = 256  # message ids, because senders repeat every packet

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A Probe or Resolve that concerns us."""

    kind: str
    message_id: str


class Discovery:
    """Answers probes and says hello and goodbye. Use as `async with`.

    `http_port` is where the device service listens. `multicast=False` answers direct probes only.
    """

    def __init__(
        self,
        *,
        identity: DeviceIdentity,
        http_port: int,
        host: str = "",
        port: int = PORT,
        multicast: bool = True,
        instance_id: int = 1,
        delay: Callable[[], float] = lambda: random.uniform(0, _MAX_DELAY_S),  # noqa: S311 - spreads answers
    ) -> None:
        """`instance_id` must grow with every start: the time of boot in seconds will do."""
        self._identity = identity
        self._http_port = http_port
        self._host = host
        self._wanted_port = port
        self._multicast = multicast
        self._group_port = port or PORT
        self._instance_id = instance_id
        self._delay = delay
        self._number = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._seen: dict[str, None] = {}
        self._pending: set[asyncio.TimerHandle] = set()

    @property
    def port(self) -> int:
        assert self._transport is not None, "discovery is not open"
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: _Receiver(self._received), sock=_socket(self._host, self._wanted_port, self._multicast)
        )
        if self._multicast:
            self._announce("Hello")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._transport is not None
        for handle in tuple(self._pending):
            handle.cancel()
        self._pending.clear()
        if self._multicast:
            self._announce("Bye")
        self._transport.close()
        self._transport = None
        await asyncio.sleep(0)  # let the transport close its socket

    def _received(self, packet: bytes, sender: tuple[str, int]) -> None:
        question = self._understand(packet)
        if question is None or len(self._pending) >= _MAX_PENDING:
            return
        loop = asyncio.get_running_loop()

        def answer() -> None:
            self._pending.discard(handle)
            self._send(self._matches(question, sender[0]), sender)

        handle = loop.call_later(self._delay(), answer)
        self._pending.add(handle)

    def _understand(self, packet: bytes) -> _Question | None:
        """The question in a packet, or None when it is broken, a repetition, or meant for others."""
        if len(packet) > _MAX_PACKET:
            return None
        try:
            root = etree.fromstring(packet, soap.parser())
        except (etree.XMLSyntaxError, ValueError):
            return None
        message_id = root.findtext(f"{{{_ENV}}}Header/{{{_WSA}}}MessageID", "").strip()[:256]
        probe = root.find(f"{{{_ENV}}}Body/{{{_D}}}Probe")
        resolve = root.find(f"{{{_ENV}}}Body/{{{_D}}}Resolve")
        if not message_id or message_id in self._seen:
            return None
        if probe is not None and self._fits(probe):
            kind = "ProbeMatch"
        elif resolve is not None and self._is_us(resolve):
            kind = "ResolveMatch"
        else:
            return None
        self._seen[message_id] = None
        while len(self._seen) > _SEEN:
            del self._seen[next(iter(self._seen))]
        return _Question(kind=kind, message_id=message_id)

    def _fits(self, probe: etree._Element) -> bool:
        types = probe.find(f"{{{_D}}}Types")
        if types is not None and not _types(types) <= _TYPES:
            return False
        wanted = probe.find(f"{{{_D}}}Scopes")
        if wanted is None:
            return True
        if wanted.get("MatchBy", _RFC3986) != _RFC3986:
            return False
        ours = scopes(self._identity)
        return all(any(scope_matches(asked, scope) for scope in ours) for asked in (wanted.text or "").split())

    def _is_us(self, resolve: etree._Element) -> bool:
        address = resolve.findtext(f"{{{_WSA}}}EndpointReference/{{{_WSA}}}Address", "").strip()
        return address == self._identity.device_uuid

    def _matches(self, question: _Question, asker: str) -> bytes:
        kind = question.kind
        body = _element("d", f"{kind}es", self._described(kind, _own_address(asker)))
        action = f"{_D}/{'ProbeMatches' if kind == 'ProbeMatch' else 'ResolveMatches'}"
        return self._message(action, _TO_ASKER, body, relates_to=question.message_id)

    def _announce(self, kind: str) -> None:
        """Hello or Bye on every network. Repeated once: UDP loses packets; receivers know repetitions by their id."""
        assert self._transport is not None
        own: socket.socket = self._transport.get_extra_info("socket")
        for address in _own_addresses():
            message = self._message(f"{_D}/{kind}", _TO_ALL, self._described(kind, address))
            try:
                own.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
            except OSError as error:
                _log.debug("no multicast on a network", address=address, error=str(error))
                continue
            for _ in range(2):
                self._send(message, (GROUP, self._group_port))

    def _described(self, tag: str, own_address: str) -> etree._Element:
        reference = _element("wsadis", "EndpointReference", _element("wsadis", "Address", self._identity.device_uuid))
        if tag == "Bye":
            return _element("d", tag, reference)
        return _element(
            "d",
            tag,
            reference,
            _element("d", "Types", "dn:NetworkVideoTransmitter tds:Device"),
            _element("d", "Scopes", " ".join(scopes(self._identity))),
            _element("d", "XAddrs", f"http://{own_address}:{self._http_port}{DEVICE.path}"),
            _element("d", "MetadataVersion", "1"),
        )

    def _message(self, action: str, to: str, body: etree._Element, *, relates_to: str | None = None) -> bytes:
        self._number += 1
        header = _element(
            "env",
            "Header",
            _element("wsadis", "MessageID", f"urn:uuid:{uuid.uuid4()}"),
            *([_element("wsadis", "RelatesTo", relates_to)] if relates_to else []),
            _element("wsadis", "To", to),
            _element("wsadis", "Action", action),
        )
        sequence = _element("d", "AppSequence")
        sequence.set("InstanceId", str(self._instance_id))
        sequence.set("MessageNumber", str(self._number))
        header.append(sequence)
        return etree.tostring(
            _element("env", "Envelope", header, _element("env", "Body", body)), xml_declaration=True, encoding="UTF-8"
        )

    def _send(self, message: bytes, to: tuple[str, int]) -> None:
        if self._transport is None:
            return
        try:
            self._transport.sendto(message, to)
        except OSError as error:
            _log.debug("a discovery message was not sent", to=to[0], error=str(error))


def scope_matches(asked: str, ours: str) -> bool:
    """The rfc3986 rule: scheme and authority regardless of case, the path by whole segments from the left."""
    try:
        left, right = urlsplit(asked), urlsplit(ours)
    except ValueError:
        return False
    if (left.scheme.lower(), left.netloc.lower()) != (right.scheme.lower(), right.netloc.lower()):
        return False
    wanted, have = _segments(left.path), _segments(right.path)
    return have[: len(wanted)] == wanted


def _segments(path: str) -> Sequence[str]:
    return [unquote(segment) for segment in path.split("/") if segment]


def _types(element: etree._Element) -> set[tuple[str, str]]:
    """Types are QNames: their prefixes mean what the packet declares."""
    found = set()
    for qualified in (element.text or "").split():
        prefix, _, local = qualified.rpartition(":")
        found.add((element.nsmap.get(prefix or None, ""), local))
    return found


def _element(prefix: str, local: str, *content: etree._Element | str) -> etree._Element:
    element = etree.Element(f"{{{_NSMAP[prefix]}}}{local}", nsmap=_NSMAP)
    for part in content:
        if isinstance(part, str):
            element.text = part
        else:
            element.append(part)
    return element


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._received(data, (addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        _log.debug("discovery socket", error=str(exc))


def _socket(host: str, port: int, multicast: bool) -> socket.socket:
    """A UDP socket that shares the well-known port with other programs and hears the group where it can."""
    found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    found.setblocking(False)
    if multicast:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    try:
        found.bind((host, port))
    except OSError:
        found.close()
        raise
    if multicast:
        _join(found)
    return found


def _join(found: socket.socket) -> None:
    """Hear the group on every network of this host: cameras and VMSs often live on different ones."""
    joined = 0
    for address in _own_addresses():
        member = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton(address))
        try:
            found.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
            joined += 1
        except OSError as error:
            _log.debug("no multicast on a network", address=address, error=str(error))
    if not joined:
        _log.warning("no multicast discovery here; clients must be given our address")


def _own_addresses() -> list[str]:
    """One IPv4 address of each network interface; a second one of the same interface could not join again."""
    addresses = []
    for interface in psutil.net_if_addrs().values():
        found = [entry.address for entry in interface if entry.family == socket.AF_INET]
        addresses += found[:1]
    return addresses


def _own_address(peer: str) -> str:
    """Our address as the peer reaches it: the one this host would send from."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((peer, PORT))
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address
