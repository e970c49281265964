"""The one place where an edge (camera, broker, webhook) is tried again for ever: capped, with jitter."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 1.0
# A camera that reboots is away for about a minute; a longer pause than that would add to its absence.
LONGEST_PAUSE_S = 60.0


async def retry_forever(
    name: str,
    attempt: Callable[[], Awaitable[None]],
    *,
    expected: tuple[type[Exception], ...],
    pause_for: Callable[[Exception], float | None] = lambda error: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    **fields: str,
) -> None:
    """Run `attempt` again and again until cancelled.

    `expected` errors are the edge's own (logged as a warning the first time, then as debug). Anything else is a bug in
    this program: it is logged with its traceback and the edge goes on being tried, so that one bad answer of one
    camera cannot stop the others. `pause_for` may ask for a longer pause (a refused login).
    """
    failures = 0
    while True:
        try:
            await _to_its_end(attempt)
            failures = 0
            pause = FIRST_PAUSE_S
        except expected as error:
            failures += 1
            pause = pause_for(error) or backoff_s(failures)
            level = log.warning if failures == 1 else log.debug
            level("edge failed", edge=name, error=str(error), again_in_s=round(pause, 1), **fields)
        except Exception as error:  # The one place: a bug in one edge must not stop the others.
            failures += 1
            pause = backoff_s(failures)
            log.error("edge broke", edge=name, exc_info=error, again_in_s=round(pause, 1), **fields)
        await sleep(pause)


async def _to_its_end(attempt: Callable[[], Awaitable[None]]) -> None:
    """Run `attempt` in a task of its own.

    Cancelled itself, it could lose that: Python before 3.13 forgets a cancellation that reaches a task group which is
    already ending with an error.
    """
    task = asyncio.ensure_future(attempt())
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
    task.result()


def backoff_s(failures: int) -> float:
    """Doubling from one second to a minute, somewhere in the upper half, so that many edges do not march in step."""
    ceiling: float = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 10))
    return ceiling * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
