"""Plain HTTP to one camera: bounded, timed, without redirects, keep-alive or cookies."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from yarl import URL

from onvif_client.errors import CameraMisbehaved, CameraUnreachable, redact_url

# The longest honest answers (GetProfiles of a 64 channel recorder) are below 1 MB.
ANSWER_LIMIT_BYTES = 4 * 1024 * 1024

# Cameras have few connection slots; a long poll, a snapshot and a call may run side by side.
CONNECTIONS = 4

NETWORK_ERRORS = (aiohttp.ClientError, OSError, EOFError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A raw HTTP answer."""

    status: int
    body: bytes
    content_type: str
    challenges: tuple[str, ...]
    date: str | None


class Http:
    """`open` before use, `aclose` after."""

    def __init__(self, *, verify_tls: bool = True) -> None:
        self._verify_tls = verify_tls
        self._session: aiohttp.ClientSession | None = None
        self._holders = 0
        self._closing = False

    async def open(self) -> None:
        """Make the session; opens no connection yet."""
        self._closing = False
        if self._session is None:
            # Cameras drop idle connections without saying so, and a POST must not be repeated blindly.
            connector = aiohttp.TCPConnector(limit=CONNECTIONS, force_close=True, ssl=self._verify_tls)
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), headers={"User-Agent": "onvif-lpr"}
            )

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """While this block runs the session is open, though its owner has closed it or does so meanwhile.

        Then it is closed at the end of the block.
        """
        self._holders += 1
        if self._session is None:
            await self.open()
            self._closing = True
        try:
            yield
        finally:
            self._holders -= 1
            if self._closing:
                await self.aclose()

    async def aclose(self) -> None:
        self._closing = True
        if self._holders:
            return
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(
        self,
        method: str,
        url: URL,
        *,
        headers: dict[str, str],
        timeout_s: float,
        body: bytes | None = None,
        limit_bytes: int = ANSWER_LIMIT_BYTES,
    ) -> Answer:
        """One request, one answer, whatever its status."""
        where = redact_url(str(url))
        if self._session is None:
            raise CameraUnreachable(f"{where} was not asked: the connection to the camera is closed.")
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._session.request(
                    method,
                    url,
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None),
                ) as response,
            ):
                return Answer(
                    status=response.status,
                    body=await _read_bounded(response, limit_bytes, where),
                    content_type=response.headers.get("Content-Type", ""),
                    challenges=tuple(response.headers.getall("WWW-Authenticate", [])),
                    date=response.headers.get("Date"),
                )
        except TimeoutError as error:
            raise CameraUnreachable(
                f"{where} did not answer within {timeout_s:g} s. Check power and network; a busy camera may need a"
                " longer time-out."
            ) from error
        except (aiohttp.ClientConnectorCertificateError, ssl.SSLError, aiohttp.ClientSSLError) as error:
            raise CameraUnreachable(
                f"{where}: the secure connection failed ({error}). Install the camera's certificate, or switch"
                " certificate checks off for this camera (verify_tls)."
            ) from error
        except UnicodeError as error:
            raise CameraUnreachable(
                f"{where}: the host name cannot be looked up ({error}). Check the address's spelling."
            ) from error
        except NETWORK_ERRORS as error:
            raise CameraUnreachable(f"{where} cannot be reached ({error}). Check address, port and cabling.") from error


async def _read_bounded(response: aiohttp.ClientResponse, limit_bytes: int, where: str) -> bytes:
    too_large = CameraMisbehaved(f"{where} sent more than {limit_bytes} bytes. The answer was not read to its end.")
    if (response.content_length or 0) > limit_bytes:
        raise too_large
    received = bytearray()
    async for chunk in response.content.iter_any():
        received += chunk
        if len(received) > limit_bytes:
            raise too_large
    return bytes(received)
