"""One WebSocket between a worker and its controller: typed messages, each with a size limit and a time-out."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

from aiohttp import ClientWebSocketResponse, WSCloseCode, WSMsgType
from aiohttp.web import WebSocketResponse
from pydantic import TypeAdapter

from adapter.workers.errors import LinkBroken
from adapter.workers.messages import FromController, FromWorker, decode, encode

# How often each side says that it is there, and after what silence the other one takes it for gone.
BEAT_S = 2.0
SILENT_S = 8.0
# A large picture over a slow line; longer than this the line cannot carry one camera.
SEND_S = 20.0

T = TypeVar("T")


class Link(Generic[T]):
    """`T` is what the other side may say."""

    def __init__(self, socket: ClientWebSocketResponse | WebSocketResponse, *, understands: TypeAdapter[T]) -> None:
        self._socket = socket
        self._understands = understands

    async def send(self, message: FromWorker | FromController) -> None:
        """Raises LinkBroken."""
        try:
            async with asyncio.timeout(SEND_S):
                await self._socket.send_str(encode(message))
        except TimeoutError as error:
            raise LinkBroken(f"the other side took no message for {SEND_S:.0f} s") from error
        except ConnectionError as error:
            raise LinkBroken(f"the link was closed: {error}") from error

    async def receive(self, timeout_s: float = SILENT_S) -> T:
        """The next message; raises LinkBroken when there is none in time, or one that makes no sense."""
        try:
            async with asyncio.timeout(timeout_s):
                message = await self._socket.receive()
        except TimeoutError as error:
            raise LinkBroken(f"the other side was silent for {timeout_s:.0f} s") from error
        if message.type is not WSMsgType.TEXT:
            raise LinkBroken(f"the link was closed ({self._socket.close_code or message.type.name})")
        understood: T = decode(self._understands, message.data)
        return understood

    async def aclose(self, code: int = WSCloseCode.OK) -> None:
        """Nothing happens when it is closed already."""
        await self._socket.close(code=code)


async def wait(event: asyncio.Event, timeout_s: float) -> None:
    """Returns when the event is set or the time is over."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for it; a caller that is cancelled waits as well, then is cancelled."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
