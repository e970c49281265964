"""Pictures over HTTP: an MJPEG stream, or one snapshot after the other, by what the camera answers with."""

from __future__ import annotations

import asyncio
import contextlib
import time
from base64 import b64encode
from collections.abc import Coroutine
from urllib.parse import unquote, urlsplit, urlunsplit

import aiohttp

from inference.errors import SourceRefused, SourceUnreachable, SourceUnsupported
from inference.feeds import Decoded, decode_image, redact_url
from inference.image_size import refusal

TIMEOUT_S = 5.0
# A 12 megapixel JPEG of the best quality; larger answers are not pictures of a traffic camera.
MOST_BYTES = 16 * 2**20
# One header line of a multipart stream; longer ones are something else.
MOST_LINE = 8 * 2**10
# Snapshots are a burden for a camera: not asked for more often than this.
LEAST_POLL_S = 0.1
MOST_CORRUPT = 25

FOREIGN = (aiohttp.ClientError, TimeoutError, OSError, ValueError, asyncio.IncompleteReadError)


class HttpFeed:
    """One connection of a decode thread, with an event loop of its own inside that thread."""

    def __init__(
        self, url: str, *, poll_s: float = 0.25, timeout_s: float = TIMEOUT_S, verify_tls: bool = True
    ) -> None:
        parts = urlsplit(url)
        self._url = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        self._login = (unquote(parts.username or ""), unquote(parts.password or "")) if parts.username else None
        self._poll_s = max(LEAST_POLL_S, poll_s)
        self._timeout_s = timeout_s
        self._verify_tls = verify_tls
        self._runner: asyncio.Runner | None = None
        self._session: aiohttp.ClientSession | None = None
        self._stream: aiohttp.ClientResponse | None = None
        self._basic: str | None = None
        self._first: bytes | None = None
        self._due_s = 0.0
        self._bad = 0
        self._waiting: asyncio.Task[bytes] | None = None
        self.corrupt = 0
        self.hint = ""

    def open(self) -> None:
        """Ask once: an image means that snapshots are polled, a multipart answer is read on."""
        self._runner = asyncio.Runner()
        self._run(self._connect())

    def read(self) -> Decoded | None:
        """The next picture; waits for the poll interval or the stream, never longer than the time-out."""
        data = self._run(self._part() if self._stream is not None else self._poll())
        picture = decode_image(data)
        if picture is None:
            self.corrupt += 1
            self._bad += 1
            if self._bad >= MOST_CORRUPT:
                why = refusal(data) or "it is damaged"
                raise SourceUnsupported(f"the last {MOST_CORRUPT} pictures could not be decoded; of the newest: {why}")
            return None
        self._bad = 0
        return Decoded(to_picture=lambda: picture)

    def interrupt(self) -> None:
        runner, waiting = self._runner, self._waiting
        if runner is not None and waiting is not None:
            # The loop may close in the same moment; then there is nothing left to wake.
            with contextlib.suppress(RuntimeError):
                runner.get_loop().call_soon_threadsafe(waiting.cancel)

    def close(self) -> None:
        runner, self._runner = self._runner, None
        if runner is None:
            return
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        session, self._session = self._session, None
        if session is not None:
            runner.run(session.close())
        runner.close()

    def _run(self, work: Coroutine[None, None, bytes]) -> bytes:
        if self._runner is None:
            work.close()
            raise SourceUnreachable("the connection is not open")
        try:
            return self._runner.run(self._interruptible(work))
        except asyncio.CancelledError as error:
            raise SourceUnreachable("stopped") from error
        except TimeoutError as error:
            raise SourceUnreachable("no answer within the time-out; check address, port and network") from error
        except FOREIGN as error:
            raise SourceUnreachable(redact_url(str(error)) or type(error).__name__) from error

    async def _interruptible(self, work: Coroutine[None, None, bytes]) -> bytes:
        self._waiting = asyncio.current_task()
        try:
            return await work
        finally:
            self._waiting = None

    async def _connect(self) -> bytes:
        digest = (aiohttp.DigestAuthMiddleware(*self._login),) if self._login else ()
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._timeout_s, sock_read=self._timeout_s)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._verify_tls),
            middlewares=digest,
            timeout=timeout,
            read_bufsize=2**18,
        )
        response = await self._get()
        if response.content_type.startswith("multipart/"):
            self._stream = response
        else:
            self._first = await self._image(response)
        return b""

    async def _get(self) -> aiohttp.ClientResponse:
        """One answered request; Basic only when the camera asks for it, because it shows the password."""
        assert self._session is not None
        headers = {"Authorization": self._basic} if self._basic else {}
        async with asyncio.timeout(2 * self._timeout_s):
            response = await self._session.get(self._url, headers=headers)
        asks = " ".join(response.headers.getall("WWW-Authenticate", [])).lower()
        if response.status == 401 and self._login and not self._basic and "basic" in asks:
            response.close()
            self._basic = "Basic " + b64encode(":".join(self._login).encode()).decode()
            return await self._get()
        if response.status >= 400:
            response.close()
            if response.status in (401, 403):
                raise SourceRefused("the camera refused the login; check user name and password")
            if response.status in (404, 405, 410):
                raise SourceUnsupported(f"the camera answers {response.status} at this path; check the URL")
            raise SourceUnreachable(f"the camera answers {response.status}")
        kind = response.content_type
        if not kind.startswith(("image/", "multipart/", "application/octet-stream")):
            response.close()
            raise SourceUnsupported(f"the answer is {kind}, not a picture; check the URL")
        return response

    async def _image(self, response: aiohttp.ClientResponse) -> bytes:
        data = bytearray()
        try:
            async with asyncio.timeout(2 * self._timeout_s):
                async for piece in response.content.iter_any():
                    data += piece
                    if len(data) > MOST_BYTES:
                        raise SourceUnsupported(f"the answer is longer than {MOST_BYTES} bytes; this is no snapshot")
        finally:
            response.close()
        return bytes(data)

    async def _poll(self) -> bytes:
        if self._first is not None:
            data, self._first = self._first, None
            self._due_s = time.monotonic() + self._poll_s
            return data
        await asyncio.sleep(max(0.0, self._due_s - time.monotonic()))
        self._due_s = max(self._due_s + self._poll_s, time.monotonic())
        response = await self._get()
        if response.content_type.startswith("multipart/"):
            self._stream = response
            return await self._part()
        return await self._image(response)

    async def _part(self) -> bytes:
        """The body of the next part, by its length where the camera tells it, else up to the next boundary."""
        assert self._stream is not None
        content = self._stream.content
        async with asyncio.timeout(2 * self._timeout_s):
            length = await self._part_length(content)
            if length is not None:
                return await content.readexactly(length)
            data = bytearray()
            while not (data.endswith((b"\xff\xd9\r\n", b"\xff\xd9\n")) or (data and data[-2:] == b"\xff\xd9")):
                line = await content.readuntil(b"\n") if not content.at_eof() else b""
                if not line:
                    raise SourceUnreachable("the camera ended the stream")
                if line.startswith(b"--") and data:
                    break
                data += line
                if len(data) > MOST_BYTES:
                    raise SourceUnsupported(f"a part is longer than {MOST_BYTES} bytes; this is no MJPEG stream")
            return bytes(data)

    async def _part_length(self, content: aiohttp.StreamReader) -> int | None:
        """Read on to the end of the next part's headers."""
        length = None
        seen = False
        for _ in range(64):
            line = await content.readline()
            if not line:
                raise SourceUnreachable("the camera ended the stream")
            if len(line) > MOST_LINE:
                raise SourceUnsupported("the parts have no headers; this is no MJPEG stream")
            text = line.strip()
            if not text and seen:
                return length
            name, _, value = text.partition(b":")
            if name.lower() in (b"content-type", b"content-length"):
                seen = True
            if name.lower() == b"content-length":
                with contextlib.suppress(ValueError):
                    length = int(value)
                if length is not None and not 0 <= length <= MOST_BYTES:
                    raise SourceUnsupported(f"a part claims {length} bytes; this is no MJPEG stream")
        raise SourceUnsupported("the parts have no headers; this is no MJPEG stream")
