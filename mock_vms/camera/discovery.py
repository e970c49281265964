"""Being found: a WS-Discovery target on the multicast group and, if wanted, on a unicast port of its own.

A unicast port is what a test without multicast and a client across subnets use: a probe sent there is answered alike.
"""

from __future__ import annotations

import asyncio
import random
import socket
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Self, cast

import structlog

from mock_vms.camera.discovery_messages import (
    AppSequence,
    Probe,
    Target,
    bye,
    hello,
    probe_matches,
    read_request,
    resolve_matches,
)

_log = structlog.get_logger(__name__)
LOOPBACK = "127.0.0.1"
GROUP = "239.255.255.250"
GROUP_PORT = 3702
# Core 7 lets all devices of a network spread their answers over half a second so that a probe is not drowned in them.
_LONGEST_DELAY_S = 0.5
_REMEMBERED_MESSAGES = 512
# Repeats of a message come within a quarter of a second; some clients use one message id for ever.
_REPEAT_WINDOW_S = 1.0
_DATAGRAM_LIMIT_BYTES = 32 * 1024
_PENDING_LIMIT = 256


class DiscoveryResponder:
    """Answers probes and says hello and bye. `xaddr` makes the device address for a client at the given host.

    `interfaces` are the local addresses on which the group is joined: by default loopback and the default route's.
    """

    def __init__(
        self,
        *,
        target: Target,
        xaddr: Callable[[str], str],
        is_discoverable: Callable[[], bool] = lambda: True,
        host: str = "127.0.0.1",
        unicast_port: int | None = None,
        multicast: bool = True,
        interfaces: Sequence[str] | None = None,
        group_port: int = GROUP_PORT,
    ) -> None:
        self._target = target
        self._xaddr = xaddr
        self._is_discoverable = is_discoverable
        self._host = host
        self._unicast_port = unicast_port
        self._multicast = multicast
        self._wanted_interfaces = interfaces
        self._group_port = group_port
        self._sequence = AppSequence(instance_id=int(time.time()))
        self._unicast: asyncio.DatagramTransport | None = None
        self._group: asyncio.DatagramTransport | None = None
        self._interfaces: list[str] = []
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._pending: set[asyncio.TimerHandle] = set()

    @property
    def port(self) -> int | None:
        """The unicast port in use, None when there is none."""
        return None if self._unicast is None else int(self._unicast.get_extra_info("sockname")[1])

    @property
    def interfaces(self) -> tuple[str, ...]:
        """The local addresses on which the multicast group was joined."""
        return tuple(self._interfaces)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        if self._unicast_port is not None:
            address = (self._host, self._unicast_port)
            self._unicast, _ = await loop.create_datagram_endpoint(lambda: _Receiver(self._receive, 0), address)
        if self._multicast:
            await self._join()
        self.announce()
        return self

    async def __aexit__(self, *_: object) -> None:
        for handle in self._pending:
            handle.cancel()
        self._pending.clear()
        if self._is_discoverable():
            self._to_group(bye(self._target, self._sequence))
        for transport in (self._unicast, self._group):
            if transport is not None:
                transport.close()
        await asyncio.sleep(0)  # lets the transports close their sockets

    def announce(self) -> None:
        """Say hello on every joined interface, each with the address that is reachable there."""
        for interface in self._interfaces if self._is_discoverable() else []:
            self._send_to_group(hello(self._target, self._xaddr(interface), self._sequence), interface)

    def restart(self) -> None:
        """What a reboot looks like from outside: bye, then hello with a new instance id."""
        if self._is_discoverable():
            self._to_group(bye(self._target, self._sequence))
        self._sequence.restart()
        self.announce()

    async def _join(self) -> None:
        """Join the group where possible. A machine without multicast is no reason not to serve a camera."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_UDP)
        sock.setblocking(False)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "SO_REUSEPORT"):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            # Bound to the group, several cameras of one machine each get every probe and no one's unicast. Windows
            # cannot bind to a group.
            sock.bind(("" if sys.platform == "win32" else GROUP, self._group_port))
        except OSError as error:
            sock.close()
            _log.warning("discovery is off: cannot open the multicast port", port=self._group_port, error=str(error))
            return
        wanted = (LOOPBACK, local_address()) if self._wanted_interfaces is None else self._wanted_interfaces
        for interface in dict.fromkeys(wanted):
            try:
                membership = socket.inet_aton(GROUP) + socket.inet_aton(interface)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
                self._interfaces.append(interface)
            except OSError as error:
                _log.info("cannot join the multicast group here", interface=interface, error=str(error))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        loop = asyncio.get_running_loop()
        delay = _LONGEST_DELAY_S
        self._group, _ = await loop.create_datagram_endpoint(lambda: _Receiver(self._receive, delay), sock=sock)

    def _receive(
        self, datagram: bytes, source: tuple[str, int], longest_delay_s: float, transport: asyncio.DatagramTransport
    ) -> None:
        if len(datagram) > _DATAGRAM_LIMIT_BYTES or not self._is_discoverable():
            return
        request = read_request(datagram)
        if request is None or self._is_repeated(request.message_id):
            return
        if isinstance(request, Probe):
            if not self._target.matches(request):
                return
            write = probe_matches
        elif request.address == self._target.endpoint_reference:
            write = resolve_matches
        else:
            return
        answer = write(self._target, self._xaddr(local_address(source[0])), request.message_id, self._sequence)
        self._answer_later(answer, source, random.uniform(0, longest_delay_s), transport)

    def _answer_later(
        self, answer: bytes, source: tuple[str, int], delay_s: float, transport: asyncio.DatagramTransport
    ) -> None:
        if len(self._pending) >= _PENDING_LIMIT:  # a flood of probes; the next ones will be answered again
            return

        def send() -> None:
            self._pending.discard(handle)
            transport.sendto(answer, source)

        handle = asyncio.get_running_loop().call_later(delay_s, send)
        self._pending.add(handle)

    def _is_repeated(self, message_id: str) -> bool:
        """UDP messages are sent twice on purpose, and arrive once per interface."""
        now_s = asyncio.get_running_loop().time()
        seen_s = self._seen.get(message_id)
        if seen_s is not None and now_s - seen_s < _REPEAT_WINDOW_S:
            return True
        self._seen[message_id] = now_s
        if len(self._seen) > _REMEMBERED_MESSAGES:
            self._seen.popitem(last=False)
        return False

    def _to_group(self, message: bytes) -> None:
        for interface in self._interfaces:
            self._send_to_group(message, interface)

    def _send_to_group(self, message: bytes, interface: str) -> None:
        """One datagram out of one interface; a network that refuses it is only noted."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            try:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
                sock.sendto(message, (GROUP, self._group_port))
            except OSError as error:
                _log.debug("cannot send to the multicast group", interface=interface, error=str(error))


class _Receiver(asyncio.DatagramProtocol):
    """Hands each datagram on, with the delay that its socket calls for and the transport to answer through."""

    _transport: asyncio.DatagramTransport

    def __init__(
        self,
        receive: Callable[[bytes, tuple[str, int], float, asyncio.DatagramTransport], None],
        longest_delay_s: float,
    ) -> None:
        self._receive = receive
        self._longest_delay_s = longest_delay_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # selector transports do not inherit from it

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        self._receive(data, (str(addr[0]), addr[1]), self._longest_delay_s, self._transport)


def local_address(peer: str = "192.0.2.1") -> str:
    """The address by which a peer reaches this machine; by default the one of the default route, else loopback.

    Nothing is sent: connecting a UDP socket only looks up the route. The default peer is TEST-NET-1, which is nobody.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((peer, 9))
            return str(sock.getsockname()[0])
        except OSError:
            return LOOPBACK
