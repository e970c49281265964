"""A bare TCP server for what no library would send. Every connection is closed when the block ends, even one that
was accepted in its last instant: asyncio's own server forgets those, and its warning then fails an unrelated test.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[int]:
    """Serve `talk` on a free port of the loopback interface; yields the port."""
    talks: set[asyncio.Task[None]] = set()
    ended = False

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await talk(reader, writer)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if ended:
            writer.transport.abort()
            return
        task = asyncio.create_task(serve(reader, writer), name="talk")
        talks.add(task)
        task.add_done_callback(talks.discard)
        # A task that is cancelled before its first step closes nothing itself.
        task.add_done_callback(lambda _: writer.close())

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        async with server:
            yield server.sockets[0].getsockname()[1]
    finally:
        ended = True
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        # A connection that is still being set up reaches `accept` a step of the loop later.
        for _ in range(3):
            await asyncio.sleep(0)
