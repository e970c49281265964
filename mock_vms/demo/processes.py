"""Child processes that say when they are ready, and that are gone when the demo ends, however it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

STOP_TIMEOUT_S = 10.0
LAST_WORDS_S = 2.0
# Enough of a child's last words to see why it died, not enough to fill memory.
LAST_LINES = 40


class ProgramFailed(RuntimeError):
    """A program of the demo did not start or ended early; the message holds its last lines."""


class Program:
    """One child process. Its first JSON line on standard output tells its addresses.

    The child leads a process group of its own, so that Ctrl-C reaches the demo first and the demo stops the children
    in order.
    """

    def __init__(
        self, *, name: str, arguments: list[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.ready: dict[str, Any] = {}
        self.said: deque[str] = deque(maxlen=LAST_LINES)
        self._arguments = arguments
        self._log = log
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._told = asyncio.Event()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start without waiting until it is ready."""
        self._told.clear()
        self._process = await asyncio.create_subprocess_exec(
            *self._arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self._environment,
            start_new_session=True,
            limit=1 << 20,
        )
        self._reader = asyncio.create_task(self._read(self._process), name=f"output of {self.name}")

    async def wait_ready(self, timeout_s: float) -> dict[str, Any]:
        """The addresses it printed. Raises ProgramFailed with its last lines."""
        assert self._process is not None
        ended = asyncio.create_task(self._process.wait())
        told = asyncio.create_task(self._told.wait())
        try:
            await asyncio.wait({ended, told}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (ended, told):
                task.cancel()
        if not self._told.is_set():
            what = "did not get ready in time" if self.running else f"ended with code {self._process.returncode}"
            await asyncio.sleep(0)
            raise ProgramFailed(f"{self.name} {what}; its last lines:\n" + "\n".join(self.said))
        return self.ready

    async def stop(self) -> None:
        """Ask, wait, then insist."""
        if self._process is not None and self._process.returncode is None:
            self._signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
            except TimeoutError:
                self._signal(signal.SIGKILL)
                await self._process.wait()
        if self._reader is not None:
            # A grandchild that kept the pipe would keep us waiting for words that matter to nobody.
            await asyncio.wait({self._reader}, timeout=LAST_WORDS_S)
            self._reader.cancel()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        with self._log.open("ab") as log:
            while line := await process.stdout.readline():
                log.write(line)
                log.flush()
                text = line.decode(errors="replace").rstrip()
                self.said.append(text)
                if not self._told.is_set() and text.startswith("{"):
                    with contextlib.suppress(json.JSONDecodeError):
                        self.ready = json.loads(text)
                        self._told.set()


def program(command: str) -> str:
    """The path of one of our console scripts, beside the running interpreter."""
    return str(Path(sys.executable).parent / command)
