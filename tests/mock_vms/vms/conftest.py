"""A running judge, a fake ONVIF device, and ways to wait for what they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mock_vms.vms.service import Running, Settings, running
from tests.fakes.onvif_device import FakeOnvifDevice

TOKEN = "the-token"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Client:
    """The REST interface of a judge, with the token."""

    def __init__(self, session: aiohttp.ClientSession, vms: Running) -> None:
        self.session = session
        self.vms = vms

    async def get(self, path: str) -> Any:
        async with self.session.get(self.vms.url + path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def post(self, path: str, body: Any = None, *, status: int = 200) -> Any:
        async with self.session.post(self.vms.url + path, json=body if body is not None else {}) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json()

    async def add(self, device: FakeOnvifDevice, **account: str) -> None:
        body = {"address": device.url, "user": device.user, "password": device.password} | account
        await self.post("/api/devices", body, status=201)

    async def until(self, path: str, condition: Callable[[Any], bool], timeout_s: float = 10.0) -> Any:
        """Wait, by the live stream, until an answer fulfils the condition."""
        async with asyncio.timeout(timeout_s), self.session.get(self.vms.url + "/live") as stream:
            while not condition(answer := await self.get(path)):
                async for line in stream.content:
                    if line.startswith(b"event:"):
                        break
            return answer


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "vms", token=TOKEN, webhooks={"lpr": SECRET}, pull_s=0.3)


@pytest.fixture
async def vms(settings: Settings) -> AsyncIterator[Running]:
    async with running(settings) as vms:
        yield vms


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        yield session


@pytest.fixture
async def client(vms: Running, session: aiohttp.ClientSession) -> Client:
    return Client(session, vms)


@pytest.fixture
async def device() -> AsyncIterator[FakeOnvifDevice]:
    async with FakeOnvifDevice() as device:
        yield device
