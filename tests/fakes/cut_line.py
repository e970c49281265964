"""A network between two hosts that a test can cut, stall and mend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.fakes.tcp import listening


class CutLine:
    """Carries bytes to `port` of this host while it is whole; a cut ends all connections at once."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self._to = port
        self._whole = True
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        self._whole = False
        for writer in self._writers:
            writer.transport.abort()

    def stall(self) -> None:
        """Nothing comes through any more, and nobody is told."""
        self._flowing.clear()

    def mend(self) -> None:
        self._whole = True
        self._flowing.set()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._whole:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
        mine = {writer, far_writer}
        self._writers |= mine
        try:
            ways = [
                asyncio.create_task(self._carry(reader, far_writer)),
                asyncio.create_task(self._carry(far_reader, writer)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            self._writers -= mine
            far_writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def cut_line(port: int) -> AsyncIterator[CutLine]:
    """Listens on a free port of the loopback interface: `line.port`."""
    line = CutLine(port)
    async with listening(line.talk) as line.port:
        yield line
