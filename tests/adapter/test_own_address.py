"""The address in the links we send: one that the receiver can reach, and that answers with the picture."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapter.own_address import OwnAddress
from adapter.service import running
from tests.adapter.test_service import OnePlate, rest, settings
from tests.e2e.busy_service import Gate, passage


def test_a_client_is_given_the_host_it_knows_unless_a_public_address_is_set() -> None:
    assert OwnAddress("0.0.0.0", 8000).at("lpr.local") == "http://lpr.local:8000"
    assert OwnAddress("0.0.0.0", 8000, "https://lpr.example.org/").at("lpr.local") == "https://lpr.example.org/"


@pytest.mark.parametrize(
    ("host", "url", "expected"),
    [
        ("192.0.2.7", "http://198.51.100.1/hook", "http://192.0.2.7:8000"),
        ("2001:db8::7", "http://198.51.100.1/hook", "http://[2001:db8::7]:8000"),
        ("0.0.0.0", "http://127.0.0.1:9/hook", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://localhost/hook", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://a..b/hook", None),
        ("0.0.0.0", "http://[::1", None),
    ],
)
async def test_it_is_the_address_listened_on_or_that_of_the_way_to_the_receiver(
    host: str, url: str, expected: str | None
) -> None:
    assert await OwnAddress(host, 8000).towards(url) == expected


async def test_before_the_port_is_known_there_is_no_address() -> None:
    assert await OwnAddress("127.0.0.1", None).towards("http://127.0.0.1/") is None


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_a_receiver_fetches_the_picture_from_the_link_that_nobody_configured(tmp_path: Path, host: str) -> None:
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def receive(request: web.Request) -> web.Response:
        told.put_nowait(json.loads(await request.read()))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hook", receive)
    async with (
        TestServer(app) as receiver,
        running(settings(tmp_path, host=host), OnePlate()) as service,
        rest(service) as api,
        asyncio.timeout(20),
    ):
        url = str(receiver.make_url("/hook"))
        await api.post("/outputs", {"name": "VMS", "url": url, "event_kinds": ["PlateRecognized"]})
        await service.pipeline.passage(Gate(), uuid4().hex, passage(1))
        link = (await told.get())["data"]["plate_picture_url"]
        digest = aiohttp.DigestAuthMiddleware("vms", service.first.vms_password or "")
        async with aiohttp.ClientSession(middlewares=(digest,)) as session, session.get(link) as answer:
            assert (answer.status, answer.content_type) == (200, "image/jpeg")
