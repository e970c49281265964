"""Ctrl-C and SIGTERM, from the first program's start to the last one's end: asked once, everything stops in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable

# `timeout` and supervisors send SIGTERM, a terminal SIGINT, a terminal that is closed SIGHUP.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody asked the demo to stop; `number` is the signal."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"stopped by {number.name}")
        self.number = number

    @property
    def exit_code(self) -> int:
        """What a shell calls it."""
        return 128 + self.number


async def until_stopped(work: Callable[[], Awaitable[int]]) -> int:
    """Run `work`; the first signal cancels it, and what it opened is closed before Stopped is raised.

    Later signals change nothing: an impatient second Ctrl-C must not leave behind what the first one is putting away.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work())
    asked: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        if not asked:
            task.cancel()
        asked.append(number)

    for number in SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if asked:
            raise Stopped(asked[0]) from None
        raise
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
