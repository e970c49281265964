"""Pictures come from where the operator allows, within a size and a time, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from aiohttp import web

from mock_vms.vms.pictures import MAX_PICTURE, PictureFiles
from mock_vms.vms.service import Settings
from mock_vms.vms.transport import bounded_session
from mock_vms.vms.types import PictureKind
from tests.fakes.onvif_device import JPEG
from tests.mock_vms.vms.calls import alarm, call
from tests.mock_vms.vms.conftest import Client

PNG = b"\x89PNG\r\n\x1a\n rest"


class PictureServer:
    """Serves what a picture server should not."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.asked.append(name)
        if name == "elsewhere":
            raise web.HTTPFound("/good")
        if name == "endless":
            response = web.StreamResponse()
            await response.prepare(request)
            try:
                while True:
                    await response.write(JPEG + b"x" * 65536)
            except ConnectionError:
                return response
        if name == "slow":
            response = web.StreamResponse()
            await response.prepare(request)
            try:
                while True:
                    await response.write(b"x")
                    await asyncio.sleep(0.01)
            except ConnectionError:
                return response
        body = {"good": JPEG, "png": PNG, "html": b"<script>alert(1)</script>"}[name]
        return web.Response(body=body, content_type="image/jpeg")


@pytest.fixture
async def server() -> AsyncIterator[PictureServer]:
    server = PictureServer()
    app = web.Application()
    app.router.add_get("/{name}", server.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
def settings(tmp_path: Path, settings: Settings) -> Settings:
    return replace(settings, picture_hosts=frozenset({"127.0.0.1"}))


async def ended(client: Client, url: str) -> dict:
    await call(client.session, client.vms.url, alarm("a1", plate_picture_url=url))

    def is_over(answer: dict) -> bool:
        picture = answer["alarms"][0]["pictures"]["plate"]
        return picture["state"] != "wanted" or picture["error"] is not None

    return (await client.until("/api/alarms", is_over))["alarms"][0]["pictures"]["plate"]


@pytest.mark.parametrize("name", ["good", "png"])
async def test_a_picture_of_an_allowed_host_is_kept(client: Client, server: PictureServer, name: str) -> None:
    assert (await ended(client, f"{server.url}/{name}"))["state"] == "stored"
    async with client.session.get(client.vms.url + "/pictures/a1/plate") as answer:
        assert answer.content_type == ("image/png" if name == "png" else "image/jpeg")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_what_is_no_picture_is_not_kept_whatever_it_is_called(client: Client, server: PictureServer) -> None:
    picture = await ended(client, f"{server.url}/html")
    assert (picture["state"], "JPEG" in picture["error"]) == ("failed", True)


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1/a.jpg", "file:///etc/passwd", "http://[bad", "ftp://127.0.0.1/a", "http://localhost:1/a"]
)
async def test_another_host_or_scheme_is_never_asked(client: Client, url: str) -> None:
    picture = await ended(client, url)
    assert picture["state"] == "failed"
    assert picture["error"]


async def test_a_redirect_is_not_followed(client: Client, server: PictureServer) -> None:
    picture = await ended(client, f"{server.url}/elsewhere")
    assert picture["state"] == "wanted"
    assert server.asked == ["elsewhere"]


async def test_an_endless_answer_is_cut(server: PictureServer) -> None:
    def fetch() -> None:
        with bounded_session(user="", password="", max_bytes=200_000, total_s=10) as session:
            session.get(f"{server.url}/endless", timeout=5)

    with pytest.raises(requests.ConnectionError, match="larger than 200000"):
        await asyncio.to_thread(fetch)


async def test_a_slow_answer_is_cut(server: PictureServer) -> None:
    def fetch() -> None:
        with bounded_session(user="", password="", max_bytes=200_000, total_s=0.1) as session:
            session.get(f"{server.url}/slow", timeout=5)

    with pytest.raises(requests.ConnectionError, match="longer than"):
        await asyncio.to_thread(fetch)


def test_file_names_come_from_nobody_else(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path / "pictures")
    files.open()
    name = files.keep("../../etc/passwd", PictureKind.PLATE, JPEG)
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == [name]
    assert files.read(name) == JPEG
    files.remove([name, "never-there"])
    assert list((tmp_path / "pictures").iterdir()) == []
    assert len(JPEG) < MAX_PICTURE
