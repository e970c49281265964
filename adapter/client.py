"""The command line's way to the running service: its own REST API, with the token in the data folder.

One path for every change: what the console can do and what the command line can do cannot drift apart.
"""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from adapter.settings import Settings

CONNECT_S = 5
ANSWER_S = 60
# A validation reads up to a hundred snapshots and an auto-configuration several times as many, each behind the live
# cameras. It goes on when nobody listens any more, so giving up early tells of a failure that is none.
LONG_WORK_S = 3600


class ServiceError(Exception):
    """The service is not there, or refused; the message says why and what to do."""


class ServiceClient:
    """Blocking calls, for commands. Each opens a connection of its own."""

    def __init__(self, *, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token

    @classmethod
    def of_this_machine(cls, settings: Settings, *, url: str | None = None) -> ServiceClient:
        """The service that runs with these settings. Raises ServiceError when its token cannot be read."""
        path = settings.local_token_file
        try:
            token = path.read_text(encoding="utf-8").strip()
        except FileNotFoundError as error:
            raise ServiceError(
                f"no service has run with the data folder {settings.data}; start `onvif-lpr serve`"
            ) from error
        except PermissionError as error:
            raise ServiceError(
                f"{path} belongs to the user who runs the service; run this command as that user"
            ) from error
        return cls(url=url or f"http://127.0.0.1:{settings.http_port}", token=token)

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: dict[str, str] | None = None,
        data: bytes | None = None,
        within_s: float = ANSWER_S,
    ) -> Any:
        """The JSON of an answer, or its bytes when it is something else. Raises ServiceError."""
        return asyncio.run(self._call(method, path, json=json, params=params, data=data, within_s=within_s))

    async def _call(
        self, method: str, path: str, *, json: Any, params: dict[str, str] | None, data: bytes | None, within_s: float
    ) -> Any:
        timeout = aiohttp.ClientTimeout(total=within_s, connect=CONNECT_S)
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
                session.request(method, f"{self._url}/api/v1{path}", json=json, params=params, data=data) as answer,
            ):
                is_json = answer.content_type == "application/json"
                content: Any = await answer.json() if is_json else await answer.read()
                if answer.status >= 400:
                    raise ServiceError(content.get("detail", str(content)) if is_json else f"HTTP {answer.status}")
                return content
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ServiceError(
                f"no service answers at {self._url}; start `onvif-lpr serve`, or, where it listens on another port, set"
                " ONVIF_LPR_HTTP_PORT to that"
            ) from error
        except TimeoutError as error:
            raise ServiceError(
                f"the service at {self._url} did not answer within {within_s:g} s; it may still be at work: see what it"
                " made of this before trying again"
            ) from error
        except aiohttp.ClientError as error:
            raise ServiceError(f"the service at {self._url} did not answer as expected: {error}") from error
