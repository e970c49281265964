"""A device face on a loopback port, and a client that is logged in as its administrator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest_asyncio

from tests.fakes.device_face import RunningFace, running_face
from tests.fakes.soap_caller import SoapCaller


@pytest_asyncio.fixture
async def face(tmp_path: Path) -> AsyncIterator[RunningFace]:
    async with running_face(tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest_asyncio.fixture
async def admin(face: RunningFace, session: aiohttp.ClientSession) -> SoapCaller:
    return SoapCaller(session, face.base_url, ("admin", "admin-pass"))
