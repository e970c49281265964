"""JSON over HTTP, for the demo's talk with the three programs."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

TIMEOUT = aiohttp.ClientTimeout(total=60, connect=5)


class RestFailed(RuntimeError):
    """A program refused; the message holds what it said."""


class Rest:
    """One program's REST interface. `async with`."""

    def __init__(self, base_url: str, token: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._session = aiohttp.ClientSession(timeout=TIMEOUT, headers=headers)
        self._base = base_url.rstrip("/")

    async def __aenter__(self) -> Rest:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, path: str, **params: str) -> Any:
        return await self._call("GET", path, params=params)

    async def post(self, path: str, body: Any = None) -> Any:
        return await self._call("POST", path, json=body if body is not None else {})

    async def put(self, path: str, body: Any) -> Any:
        return await self._call("PUT", path, json=body)

    async def _call(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            async with self._session.request(method, self._base + path, **arguments) as answer:
                text = await answer.text()
                if answer.status >= 400:
                    raise RestFailed(f"{method} {path}: HTTP {answer.status}: {_reason(text)}")
                return await answer.json() if answer.content_type == "application/json" else text
        except (aiohttp.ClientError, TimeoutError) as error:
            raise RestFailed(f"{method} {self._base}{path}: {error or type(error).__name__}") from error


def _reason(text: str) -> str:
    """The sentence in a refusal, or whatever there is instead."""
    try:
        refusal = json.loads(text)
    except ValueError:
        return text[:500]
    return str(refusal.get("detail") or refusal.get("error") or text)[:500] if isinstance(refusal, dict) else text[:500]
