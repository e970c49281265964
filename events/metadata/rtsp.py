"""An RTSP 1.0 server: live streams of any media to any number of clients, over interleaved TCP.

A stream is a path with one or more tracks; clients control the tracks together (`a=control:*`). Whatever can hand out
access units can be a `Track`: the virtual cameras offer H.264 and JPEG video, and the metadata stream is one more
track, `media` `application`, `payload_type` 107, `sdp_attributes` `rtpmap:107 vnd.onvif.metadata/90000` and
`recvonly`, whose units are made with `rtp.metadata_payloads`.

The types are in `rtsp_stream`. Tracks push; the server never asks twice for a unit and never makes a track wait. Each
client has a bounded queue of its own (`rtsp_session.UnitQueue`): a slow client loses whole pictures until the next key
frame, counted, and hurts no one else. Events wait longer than pictures do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Self

import structlog

from events.metadata.rtsp_message import HEADER_LIMIT_BYTES, response_bytes
from events.metadata.rtsp_session import Connection
from events.metadata.rtsp_stream import Authorize, RtspCounters, Stream

log = structlog.get_logger(__name__)


# A socket whose client is gone closes at once; one that still owes data may not.
CLOSE_TIMEOUT_S = 1.0


class RtspServer:
    """Serves `streams`, a mapping of paths (`/encoder_main`) that is looked up at every request and may change.

    `authorize` guards DESCRIBE, SETUP and PLAY; without it everyone may watch. Use as `async with`.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        streams: Mapping[str, Stream],
        authorize: Authorize | None = None,
        session_timeout_s: float = 60.0,
        client_limit: int = 64,
    ) -> None:
        self._host = host
        self._wanted_port = port
        self._streams = streams
        self._authorize = authorize
        self._session_timeout_s = session_timeout_s
        self._client_limit = client_limit
        self.counters = RtspCounters()
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._closing = False

    async def __aenter__(self) -> Self:
        self._closing = False
        self._server = await asyncio.start_server(self._accept, self._host, self._wanted_port, limit=HEADER_LIMIT_BYTES)
        log.info("rtsp.open", port=self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop listening and disconnect every client."""
        if self._server is None:
            return
        self._closing = True
        self._server.close()
        writers = tuple(self._connections.values())
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        # Sockets are closed one step of the loop later; who closes the server may close the loop next.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    @property
    def port(self) -> int:
        """The port in use; RuntimeError before the server is open."""
        if self._server is None:
            raise RuntimeError("the RTSP server is not open: use it as `async with`")
        return int(self._server.sockets[0].getsockname()[1])

    def url(self, path: str, *, host: str | None = None) -> str:
        """Where clients find `path`; `host` as they know this machine when it is not the listening address."""
        name = host or self._host
        return f"rtsp://{f'[{name}]' if ':' in name else name}:{self.port}{path}"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._closing:  # it knocked in the instant the door was shut
            writer.transport.abort()
            return
        if len(self._connections) >= self._client_limit:
            self.counters.refused_clients += 1
            writer.write(response_bytes(453))
            writer.close()
            return
        connection = Connection(
            streams=self._streams,
            authorize=self._authorize,
            counters=self.counters,
            session_timeout_s=self._session_timeout_s,
            reader=reader,
            writer=writer,
        )
        task = asyncio.get_running_loop().create_task(connection.run(), name="rtsp-client")
        self._connections[task] = writer
        self.counters.clients = len(self._connections)
        task.add_done_callback(self._forget)
        # A task that is cancelled before its first step closes nothing itself.
        task.add_done_callback(lambda _: writer.close())

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._connections.pop(task, None)
        self.counters.clients = len(self._connections)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("rtsp.client_failed", exc_info=error)
