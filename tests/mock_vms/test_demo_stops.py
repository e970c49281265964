"""The demo as a process: whatever moment it is stopped at, no program and no folder of it is left."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest

from mock_vms.demo.stopping import Stopped, until_stopped
from tests.fakes.waiting import until

ROOT = Path(__file__).resolve().parents[2]


def programs_of(folder: Path) -> list[psutil.Process]:
    """All processes that were started with our temporary folder: the demo's, and theirs."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("TMPDIR") == str(folder) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@asynccontextmanager
async def demo(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mock_vms.demo", *arguments,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
        env={**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        yield process
    finally:
        for left in programs_of(folder):
            left.kill()
        await process.wait()


async def said(process: asyncio.subprocess.Process, words: str) -> None:
    assert process.stdout is not None
    while words not in (line := (await process.stdout.readline()).decode()):
        assert line, f"the demo ended without saying {words!r}"


async def stopped_by(process: asyncio.subprocess.Process, number: signal.Signals, folder: Path) -> int:
    """Send the signal; the exit code when all is gone."""
    process.send_signal(number)
    assert process.stdout is not None
    words = (await process.stdout.read()).decode()
    code = await process.wait()
    assert "Traceback" not in words, words
    assert "left nothing behind" in words
    assert programs_of(folder) == []
    assert list(folder.iterdir()) == []
    return code


@pytest.mark.parametrize(
    ("number", "programs", "arguments", "code"),
    [
        # The demo itself and its first program, which is only just there.
        (signal.SIGTERM, 2, ("--once",), 143),
        # Two cameras and the service on their way.
        (signal.SIGINT, 4, (), 0),
    ],
)
async def test_a_demo_that_is_stopped_while_it_starts_leaves_nothing(
    tmp_path: Path, number: signal.Signals, programs: int, arguments: tuple[str, ...], code: int
) -> None:
    async with asyncio.timeout(60), demo(tmp_path, *arguments) as process:
        await until(lambda: len(programs_of(tmp_path)) >= programs)
        assert await stopped_by(process, number, tmp_path) == code


@pytest.mark.slow
async def test_a_demo_that_is_stopped_while_vehicles_drive_leaves_nothing(tmp_path: Path) -> None:
    async with asyncio.timeout(90), demo(tmp_path, "--once") as process:
        await said(process, "sending the vehicles")
        assert len(programs_of(tmp_path)) == 5
        assert await stopped_by(process, signal.SIGTERM, tmp_path) == 143


async def test_a_second_signal_does_not_interrupt_what_is_being_put_away() -> None:
    put_away = False

    async def work() -> int:
        nonlocal put_away
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(60)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.05)
            put_away = True
        return 0

    with pytest.raises(Stopped) as stopped:
        await until_stopped(work)
    assert stopped.value.exit_code == 143
    assert put_away


async def test_an_error_of_the_demo_is_not_taken_for_a_stop() -> None:
    async def work() -> int:
        raise ValueError("no photos")

    with pytest.raises(ValueError, match="no photos"):
        await until_stopped(work)
