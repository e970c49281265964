"""Which ONVIF devices are out there? WS-Discovery: one question by UDP, many answers.

The question goes out by multicast on every interface, and by unicast to given addresses and subnets, because multicast
ends at the router. UDP loses packets, so it is repeated under the same MessageID, which receivers drop when they
have seen it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import psutil
import structlog

from onvif_client.errors import CameraError
from onvif_client.probe import DiscoveredDevice, build_probe, read_matches

log = structlog.get_logger(__name__)

PORT = 3702
MULTICAST_V4 = "239.255.255.250"
MULTICAST_V6 = "ff02::c"

# Receivers may wait up to half a second before they answer; the gaps are those of SOAP over UDP.
REPEATS_AT_S = (0.0, 0.25, 0.75)

# Some devices answer to only one of the two types (core specification 7.3.1 asks for both).
PROBED_TYPES = ("NetworkVideoTransmitter", "Device")

# A sweep is a courtesy, not a scan: four class C networks at most, in small bursts.
SWEEP_LIMIT = 1024
BURST = 32
BURST_GAP_S = 0.02

# More answers than a site can have cameras are somebody's flood.
DEVICE_LIMIT = 4096


async def discover(
    *,
    timeout_s: float = 3.0,
    multicast: bool = True,
    addresses: Sequence[str] = (),
    subnets: Sequence[str] = (),
    enough: int | None = None,
    on_found: Callable[[DiscoveredDevice], None] | None = None,
) -> tuple[DiscoveredDevice, ...]:
    """Ask and listen for `timeout_s`, or until `enough` devices have answered. One device per endpoint reference.

    `addresses` are hosts (with an optional port), `subnets` networks such as 192.0.2.0/24. CameraError for a subnet
    that is none or too large.
    """
    targets = [*(_target(each) for each in addresses), *_hosts(subnets)]
    search = _Search(enough=enough, on_found=on_found)
    async with contextlib.AsyncExitStack() as stack:
        senders = await _open_senders(stack, search, multicast=multicast, unicast=bool(targets))
        probes = [build_probe(kind, message_id=f"urn:uuid:{uuid.uuid4()}") for kind in PROBED_TYPES]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as group:
                asking = group.create_task(_ask(senders, targets, probes), name="send discovery probes")
                await search.complete.wait()
                asking.cancel()
    return tuple(search.found.values())


@dataclass(slots=True, kw_only=True)
class _Search:
    """What has been found so far."""

    enough: int | None
    on_found: Callable[[DiscoveredDevice], None] | None
    found: dict[str, DiscoveredDevice] = field(default_factory=dict)
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    def receive(self, data: bytes, source: str) -> None:
        for device in read_matches(data, source):
            if device.endpoint in self.found or len(self.found) >= DEVICE_LIMIT:
                continue
            self.found[device.endpoint] = device
            if self.on_found is not None:
                self.on_found(device)
            if self.enough is not None and len(self.found) >= self.enough:
                self.complete.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sender:
    """One open socket; `group` is where its multicasts go, None for the unicast sockets."""

    transport: asyncio.DatagramTransport
    family: socket.AddressFamily
    group: tuple[str, int] | None


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, search: _Search) -> None:
        self._search = search

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._search.receive(data, addr[0])

    def error_received(self, error: Exception) -> None:
        # An ICMP "nobody here" from one address of a sweep says nothing about the others.
        log.debug("discovery packet lost", problem=str(error))


async def _open_senders(
    stack: contextlib.AsyncExitStack, search: _Search, *, multicast: bool, unicast: bool
) -> list[_Sender]:
    plans: list[tuple[socket.socket, tuple[str, int] | None]] = []
    if multicast:
        plans += _multicast_sockets()
    if unicast:
        plans += [(made, None) for made in _unicast_sockets()]
    senders = []
    for made, group in plans:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Listener(search), sock=made)
        stack.callback(transport.close)
        senders.append(_Sender(transport=transport, family=made.family, group=group))
    return senders


async def _ask(senders: list[_Sender], targets: list[tuple[str, int]], probes: list[bytes]) -> None:
    before = 0.0
    for at in REPEATS_AT_S:
        await asyncio.sleep(at - before)
        before = at
        for sender in senders:
            if sender.group is not None:
                for probe in probes:
                    sender.transport.sendto(probe, sender.group)
        await _sweep([sender for sender in senders if sender.group is None], targets, probes)


async def _sweep(senders: list[_Sender], targets: list[tuple[str, int]], probes: list[bytes]) -> None:
    for start in range(0, len(targets), BURST):
        if start:
            await asyncio.sleep(BURST_GAP_S)
        for host, port in targets[start : start + BURST]:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            for sender in (each for each in senders if each.family == family):
                for probe in probes:
                    sender.transport.sendto(probe, (host, port))


def _unicast_sockets() -> Iterable[socket.socket]:
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104  # answers come from anywhere
        made = _socket(family, address)
        if made is not None:
            yield made


def _multicast_sockets() -> list[tuple[socket.socket, tuple[str, int] | None]]:
    """One socket per interface address: the routing table would send everything out of one interface."""
    found: list[tuple[socket.socket, tuple[str, int] | None]] = []
    for name, entries in psutil.net_if_addrs().items():
        for entry in entries:
            if entry.family == socket.AF_INET:
                made = _socket(socket.AF_INET, entry.address)
                if made is not None:
                    made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(entry.address))
                    found.append((made, (MULTICAST_V4, PORT)))
            elif entry.family == socket.AF_INET6 and entry.address.lower().startswith("fe80"):
                made = _link_local_socket(name)
                if made is not None:
                    found.append((made, (MULTICAST_V6, PORT)))
    return found


def _link_local_socket(interface: str) -> socket.socket | None:
    made = _socket(socket.AF_INET6, "::")
    if made is not None:
        try:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex(interface))
        except OSError as error:
            log.debug("interface left out of discovery", interface=interface, problem=str(error))
            made.close()
            return None
    return made


def _socket(family: socket.AddressFamily, address: str) -> socket.socket | None:
    """A UDP socket on this address, None when the interface is down or the family is switched off."""
    made: socket.socket | None = None
    try:
        made = socket.socket(family, socket.SOCK_DGRAM)
        made.setblocking(False)
        made.bind((address, 0))
    except OSError as error:
        log.debug("interface left out of discovery", address=address, problem=str(error))
        if made is not None:
            made.close()
        return None
    return made


def _target(address: str) -> tuple[str, int]:
    """Host and port of a unicast probe; names are resolved by the caller's system when they are sent to."""
    host, separator, port = address.rpartition(":")
    text = host if separator and port.isdigit() and host.count(":") == 0 else address
    try:
        found = ipaddress.ip_address(text.strip("[]"))
    except ValueError as error:
        raise CameraError(f"'{address}' is not an IP address. Probe addresses are written like 192.0.2.10.") from error
    number = int(port) if text is host else PORT
    if not 0 < number < 65536:
        raise CameraError(
            f"'{address}' has no port that exists: ports are 1 to 65535, and that of discovery is {PORT}."
        )
    return str(found), number


def _hosts(subnets: Sequence[str]) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for text in subnets:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError as error:
            raise CameraError(f"'{text}' is not a subnet ({error}). Write it like 192.0.2.0/24.") from error
        if len(found) + network.num_addresses > SWEEP_LIMIT:
            raise CameraError(f"'{text}' is too large: at most {SWEEP_LIMIT} addresses are probed at once.")
        found += [(str(host), PORT) for host in network.hosts()]
    return found
