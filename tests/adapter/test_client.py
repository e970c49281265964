"""The command line's calls: what is said when a service is not there, goes away, or takes its time."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from adapter.client import ServiceClient, ServiceError
from tests.inference.test_source import served


async def problem_of(url: str, *, within_s: float = 30.0) -> str:
    client = ServiceClient(url=url, token="t")
    with pytest.raises(ServiceError) as caught:
        await asyncio.to_thread(client.call, "GET", "/status", within_s=within_s)
    return str(caught.value)


async def test_a_service_that_takes_too_long_is_not_called_missing() -> None:
    done = asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        await done.wait()
        return web.json_response({})

    async with served(slow) as url:
        said = await problem_of(url, within_s=0.2)
        done.set()
    assert "did not answer within 0.2 s; it may still be at work" in said
    assert "onvif-lpr serve" not in said


async def test_a_service_that_is_not_there_is_to_be_started() -> None:
    async def ready(_: web.Request) -> web.Response:
        return web.json_response({})

    async with served(ready) as url:
        pass
    said = await problem_of(url)
    assert "no service answers" in said
    assert "another port, set ONVIF_LPR_HTTP_PORT" in said


async def test_a_service_that_goes_away_while_it_works_was_there() -> None:
    async def leave(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.json_response({})

    async with served(leave) as url:
        said = await problem_of(url)
    assert "did not answer as expected" in said
