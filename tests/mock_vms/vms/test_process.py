"""`mock-vms serve` as a process: how it starts, how it stops, and that `kill -9` loses nothing it acknowledged."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fakes.onvif_device import PLATE_TOPIC, FakeOnvifDevice, plate_message
from tests.mock_vms.vms.calls import SECRET, alarm, call

PROGRAM = "from mock_vms.vms.cli import main; main()"
TOKEN = "the-token"


class Process:
    """One `mock-vms serve` and what it printed when it was ready."""

    def __init__(self, process: asyncio.subprocess.Process, ready: dict[str, Any]) -> None:
        self.process = process
        self.ready = ready
        self.url: str = ready["url"]

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


async def run(*arguments: str) -> tuple[int, str]:
    """Exit code and standard error of a process that is expected to end by itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        "serve",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        _, errors = await process.communicate()
    return process.returncode or 0, errors.decode()


@asynccontextmanager
async def serving(data: Path, *arguments: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, "serve", "--data", str(data), "--port", "0", "--token", TOKEN),
        *("--webhook", f"lpr={SECRET}", "--pull-s", "0.3", "--log-level", "error"),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            line = await process.stdout.readline()
        yield Process(process, json.loads(line))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        yield session


async def get(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as answer:
        return await answer.json()


async def test_nothing_acknowledged_is_lost_or_doubled_by_kill_9(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    acknowledged: set[str] = set()
    sent: list[str] = []

    async def deliver(url: str, event_id: str) -> bool:
        """As a durable output does: the same id until it is acknowledged."""
        sent.append(event_id)
        document = alarm(event_id, object=event_id, source_id="")
        try:
            status, _ = await call(session, url, document, f"msg-{event_id}")
        except (aiohttp.ClientError, OSError):
            return False
        assert status == 200
        acknowledged.add(event_id)
        return True

    pending: set[str] = set()
    for life in range(3):
        async with serving(tmp_path / "vms") as vms:
            for event_id in sorted(pending):
                assert await deliver(vms.url, event_id)
            pending.clear()

            async def stream(url: str = vms.url, life: int = life) -> None:
                for number in range(10_000):
                    event_id = f"life{life}-{number:05d}"
                    if not await deliver(url, event_id):
                        pending.add(event_id)
                        return

            streams = asyncio.create_task(stream())
            seen = len(acknowledged)
            async with asyncio.timeout(20):
                while len(acknowledged) < seen + 20 + 7 * life:
                    await asyncio.sleep(0)
            await vms.kill()
            await streams
    async with serving(tmp_path / "vms") as vms:
        for event_id in sorted(pending):
            assert await deliver(vms.url, event_id)
        rows = (await get(session, vms.url + "/api/alarms?limit=10000"))["alarms"]
        counts = await get(session, vms.url + "/api/counts")
    shown = [row["event_id"] for row in rows]
    assert sorted(shown) == sorted(acknowledged)
    assert len(acknowledged) > 60
    assert counts["duplicates_shown"] == 0
    assert counts["unique"] == len(set(sent))


async def test_what_a_device_stored_while_the_vms_was_killed_arrives_after_its_restart(
    tmp_path: Path, session: aiohttp.ClientSession, device: FakeOnvifDevice
) -> None:
    account = ("--device", device.url, "--device-user", device.user, "--device-password", device.password)
    async with serving(tmp_path / "vms", *account) as vms:
        await device.until_subscribed()
        await vms.kill()
    device.forget_subscriptions()
    device.store_unseen(PLATE_TOPIC, plate_message("DOWN", event_id="e1", utc_time=datetime.now(UTC)))
    async with serving(tmp_path / "vms") as vms, asyncio.timeout(20), session.get(vms.url + "/live") as stream:
        while not (await get(session, vms.url + "/api/events"))["events"]:
            await stream.content.readline()
        [event] = (await get(session, vms.url + "/api/events"))["events"]
        assert event["event_id"] == "e1"


async def test_sigterm_unsubscribes_and_ends_with_0(tmp_path: Path, device: FakeOnvifDevice) -> None:
    account = ("--device", device.url, "--device-user", device.user, "--device-password", device.password)
    async with serving(tmp_path / "vms", *account) as vms:
        await device.until_subscribed()
        vms.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await vms.process.wait() == 0
    assert not device.pull_points
    assert device.requests[-1] == "Unsubscribe"


async def test_the_ready_line_names_every_url_and_made_up_secrets_stay(tmp_path: Path) -> None:
    async with serving(tmp_path / "vms", "--webhook", "other") as vms:
        first = vms.ready
    async with serving(tmp_path / "vms", "--webhook", "other") as vms:
        second = vms.ready
    assert first["webhooks"]["lpr"] == {"url": f"{first['url']}/webhooks/lpr", "secret": SECRET}
    assert first["webhooks"]["other"]["secret"].startswith("whsec_")
    assert first["webhooks"]["other"]["secret"] == second["webhooks"]["other"]["secret"]
    assert first["token"] == TOKEN
    assert (tmp_path / "vms" / "vms.sqlite3").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--open", "--host", "0.0.0.0"), "loopback"),
        (("--device", "ftp://camera"), "ftp://camera"),
    ],
)
async def test_a_wrong_option_ends_with_2_and_a_reason(tmp_path: Path, arguments: tuple[str, ...], reason: str) -> None:
    code, errors = await run("--data", str(tmp_path / "vms"), "--port", "0", *arguments)
    assert code == 2
    assert reason in errors
    assert "Traceback" not in errors
