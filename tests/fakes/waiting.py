"""Waiting for something to become true, with an end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

# What a test waits for takes a moment; only what never comes takes this long, on the busiest machine.
WAIT_S = 60.0
LOOK_AGAIN_S = 0.005


async def until(condition: Callable[[], bool]) -> None:
    """Raises TimeoutError when it does not come true."""
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(LOOK_AGAIN_S)
