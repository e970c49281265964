"""One RTSP client: its requests, its session, and the bounded queue its packets leave through.

With interleaved transport the session lives and dies with the connection, so one object holds both.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import SplitResult, urlsplit

import structlog

from events.metadata.rtp import AccessUnit, rtcp_bye, rtcp_report, rtp_packet, rtp_time
from events.metadata.rtsp_message import (
    BadRequestError,
    InterleavedFrame,
    Request,
    interleaved_frame,
    parse_transport,
    read_message,
    response_bytes,
)
from events.metadata.rtsp_queue import Leg, LegSink, UnitQueue
from events.metadata.rtsp_stream import Authorize, RtspCounters, Stream, TooManyLogins, plain, session_description

log = structlog.get_logger(__name__)

METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER")
_GUARDED = ("DESCRIBE", "SETUP", "PLAY")
_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?\Z")

# A client that takes no byte for this long is gone, whatever TCP believes.
WRITE_TIMEOUT_S = 10.0
REPORT_PERIOD_S = 5.0
WRITE_BUFFER_BYTES = 256 * 1024


class Connection:
    """Serves one client until it leaves, stays silent for the session time-out, or its stream ends."""

    def __init__(
        self,
        *,
        streams: Mapping[str, Stream],
        authorize: Authorize | None,
        counters: RtspCounters,
        session_timeout_s: float,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._streams = streams
        self._authorize = authorize
        self._counters = counters
        self._timeout_s = session_timeout_s
        self._reader = reader
        self._writer = writer
        self._address = str((writer.get_extra_info("peername") or ("unknown",))[0])
        self._queue = UnitQueue(counters)
        self._path: str | None = None
        self._session = secrets.token_hex(8)
        self._legs: dict[str, Leg] = {}
        self._sender: asyncio.Task[None] | None = None

    async def run(self) -> None:
        self._writer.transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        try:
            while await self._serve_one():
                pass
            await self._stop()
            await self._close()
        except (ConnectionError, TimeoutError) as error:
            log.debug("rtsp.client_gone", detail=repr(error))
        finally:
            await self._stop()
            self._writer.transport.abort()

    async def _close(self) -> None:
        """Let the last answer reach the client; one that does not take it is not waited for long."""
        self._writer.close()
        async with asyncio.timeout(WRITE_TIMEOUT_S):
            await self._writer.wait_closed()

    async def _serve_one(self) -> bool:
        cseq = None
        try:
            async with asyncio.timeout(self._timeout_s):
                message = await read_message(self._reader)
            if message is None:
                return False
            if isinstance(message, InterleavedFrame):
                return True
            cseq = message.headers.get("cseq", "")
            if not (cseq.isascii() and cseq.isdigit() and len(cseq) <= 10):
                cseq = None
                raise BadRequestError(400, "CSeq is missing or not a number")
            await self._answer(message, cseq)
        except BadRequestError as error:
            self._counters.bad_requests += 1
            log.debug("rtsp.bad_request", detail=str(error))
            await self._send(response_bytes(error.status, cseq=cseq, headers=[("Connection", "close")]))
            return False
        return message.method != "TEARDOWN"

    async def _answer(self, request: Request, cseq: str) -> None:
        async def reply(status: int, headers: Sequence[tuple[str, str]] = (), body: bytes = b"") -> None:
            await self._send(response_bytes(status, cseq=cseq, headers=headers, body=body))

        if request.version != "RTSP/1.0":
            return await reply(505)
        if request.method not in METHODS:
            return await reply(501, [("Public", ", ".join(METHODS))])
        if "require" in request.headers:
            return await reply(551, [("Unsupported", plain(request.headers["require"]))])
        if (refusal := self._refusal(request)) is not None:
            return await reply(*refusal)
        if self._legs and request.headers.get("session", self._session).partition(";")[0] != self._session:
            return await reply(454)
        match request.method:
            case "DESCRIBE":
                await reply(*await self._describe(request))
            case "SETUP":
                await reply(*self._setup(request))
            case "PLAY":
                status, headers = self._play(request)
                await reply(status, headers)
                if status == 200:
                    self._start(self._host(request))
            case "PAUSE" | "TEARDOWN":
                await self._stop()
                await reply(200 if self._legs else 454, self._session_header())
            case _:  # OPTIONS and GET_PARAMETER: how clients keep their session alive
                await reply(200, [("Public", ", ".join(METHODS)), *self._session_header()])

    def _refusal(self, request: Request) -> tuple[int, list[tuple[str, str]]] | None:
        """Status and headers for a client that may not do this, None for one that may."""
        if request.method not in _GUARDED or self._authorize is None:
            return None
        try:
            challenges = self._authorize(
                request.method, request.url, request.headers.get("authorization"), self._address
            )
        except TooManyLogins as refused:
            return 503, [("Retry-After", str(int(refused.retry_after.total_seconds()) + 1))]
        return (401, [("WWW-Authenticate", challenge) for challenge in challenges]) if challenges else None

    async def _describe(self, request: Request) -> tuple[int, list[tuple[str, str]], bytes]:
        found = self._find(request.url)
        if found is None:
            return 404, [], b""
        path, stream, _ = found
        body = await session_description(stream)
        return 200, [("Content-Base", _base(request.url, path) + "/"), ("Content-Type", "application/sdp")], body

    def _setup(self, request: Request) -> tuple[int, list[tuple[str, str]]]:
        found = self._find(request.url)
        if found is None:
            return 404, []
        path, stream, control = found
        tracks = {track.control: track for track in stream.tracks}
        track = tracks.get(control) or (stream.tracks[0] if not control and len(tracks) == 1 else None)
        if track is None:
            return (459 if not control else 404), []
        if self._sender is not None or self._path not in (None, path):
            return 455, []
        try:
            offers = [offer for offer in parse_transport(request.headers.get("transport", "")) if offer.interleaved]
        except ValueError as error:
            raise BadRequestError(400, f"Transport: {error}") from error
        if not offers:
            return 461, []
        taken = {number for key, leg in self._legs.items() if key != track.control for number in leg.channels}
        channels = offers[0].channels
        if channels is None or taken & set(channels):
            free = next((low for low in range(0, 255, 2) if not taken & {low, low + 1}), None)
            if free is None:
                return 453, []
            channels = (free, free + 1)
        self._path = path
        leg = self._legs[track.control] = Leg(track, channels)
        transport = f"RTP/AVP/TCP;unicast;interleaved={channels[0]}-{channels[1]};ssrc={leg.ssrc:08X}"
        return 200, [("Transport", transport), *self._session_header()]

    def _play(self, request: Request) -> tuple[int, list[tuple[str, str]]]:
        if not self._legs:
            return 455, []
        now = datetime.now(UTC)
        base = _base(request.url, self._path or "")
        about = ",".join(
            f"url={base}/{leg.track.control};seq={leg.sequence & 0xFFFF};"
            f"rtptime={rtp_time(now, clock_rate=leg.track.clock_rate, offset=leg.offset)}"
            for leg in self._legs.values()
        )
        start = f"{now:%Y%m%dT%H%M%S}.{now.microsecond // 1000:03d}Z"
        return 200, [("Range", f"clock={start}-"), ("RTP-Info", about), *self._session_header()]

    def _host(self, request: Request) -> str:
        """As the client calls us, else the address of ours that it reached."""
        if (named := _HOST.match(_split(request.url).netloc.rpartition("@")[2])) is not None:
            return named[1]
        own = str((self._writer.get_extra_info("sockname") or ("127.0.0.1",))[0])
        return f"[{own}]" if ":" in own else own

    def _start(self, host: str) -> None:
        if self._sender is not None:
            return
        for leg in self._legs.values():
            leg.waits_for_key = True
            leg.unsubscribe = leg.track.subscribe(LegSink(self._queue, leg, host))
        self._sender = asyncio.get_running_loop().create_task(self._send_units(), name="rtsp-sender")

    async def _stop(self) -> None:
        for leg in self._legs.values():
            if leg.unsubscribe is not None:
                leg.unsubscribe()
                leg.unsubscribe = None
        if self._sender is not None:
            self._sender.cancel()
            (outcome,) = await asyncio.gather(self._sender, return_exceptions=True)
            self._sender = None
            if isinstance(outcome, Exception):
                raise outcome
        self._queue.clear()

    async def _send_units(self) -> None:
        """Send until a track ends, the client is gone, or `_stop` cancels. Closing the transport ends `run` as well."""
        try:
            while True:
                leg, unit = await self._queue.get()
                if unit is None:
                    await self._send(
                        b"".join(interleaved_frame(x.channels[1], rtcp_bye(x.ssrc)) for x in self._legs.values())
                    )
                    break
                await self._send(self._packets(leg, unit))
                self._counters.sent_units += 1
        except (ConnectionError, TimeoutError) as error:
            log.debug("rtsp.client_stuck", detail=repr(error))
            self._writer.transport.abort()
            return
        self._writer.close()

    def _packets(self, leg: Leg, unit: AccessUnit) -> bytes:
        timestamp = rtp_time(unit.captured_at, clock_rate=leg.track.clock_rate, offset=leg.offset)
        frames = []
        if leg.reported_at is None or (unit.captured_at - leg.reported_at).total_seconds() >= REPORT_PERIOD_S:
            leg.reported_at = unit.captured_at
            report = rtcp_report(
                ssrc=leg.ssrc,
                at=unit.captured_at,
                timestamp=timestamp,
                packets=leg.packets,
                octets=leg.octets,
                cname=self._session,
            )
            frames.append(interleaved_frame(leg.channels[1], report))
        for number, payload in enumerate(unit.payloads, start=1):
            packet = rtp_packet(
                payload,
                payload_type=leg.track.payload_type,
                marker=number == len(unit.payloads),
                sequence=leg.sequence,
                timestamp=timestamp,
                ssrc=leg.ssrc,
            )
            leg.sequence += 1
            frames.append(interleaved_frame(leg.channels[0], packet))
        leg.packets += len(unit.payloads)
        leg.octets += unit.size_bytes
        return b"".join(frames)

    async def _send(self, data: bytes) -> None:
        self._writer.write(data)
        async with asyncio.timeout(WRITE_TIMEOUT_S):
            await self._writer.drain()

    def _find(self, url: str) -> tuple[str, Stream, str] | None:
        """The stream a URL means, and what follows its path: the track's control."""
        path = _split(url).path.rstrip("/")
        for key, stream in self._streams.items():
            if path == key or path.startswith(key + "/"):
                return key, stream, path[len(key) + 1 :]
        return None

    def _session_header(self) -> list[tuple[str, str]]:
        return [("Session", f"{self._session};timeout={int(self._timeout_s)}")] if self._legs else []


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise BadRequestError(400, "the request URL is malformed") from error


def _base(url: str, path: str) -> str:
    """The stream's own URL, as the client wrote it, whatever track or query follows in a request."""
    scheme, netloc, *_ = _split(url)
    return plain(f"{scheme}://{netloc}{path}")
