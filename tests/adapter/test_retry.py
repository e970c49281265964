"""Edges are tried for ever, further and further apart, and one broken edge is told loudly."""

from __future__ import annotations

import asyncio

import pytest

from adapter.retry import LONGEST_PAUSE_S, backoff_s, retry_forever


class Stop(BaseException):
    """Ends the endless loop from inside the fake sleep."""


async def run(errors: list[Exception | None], rounds: int, pause_for=lambda error: None) -> list[float]:
    pauses: list[float] = []

    async def attempt() -> None:
        error = errors[len(pauses)] if len(pauses) < len(errors) else None
        if error is not None:
            raise error

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == rounds:
            raise Stop

    with pytest.raises(Stop):
        await retry_forever("camera", attempt, expected=(ConnectionError,), pause_for=pause_for, sleep=sleep)
    return pauses


async def test_pauses_grow_and_stay_below_the_cap() -> None:
    pauses = await run([ConnectionError()] * 12, 12)
    assert pauses[0] <= 1.0
    assert pauses[11] > 10
    assert max(pauses) <= LONGEST_PAUSE_S


async def test_success_starts_the_count_again() -> None:
    pauses = await run([ConnectionError()] * 6 + [None, ConnectionError()], 8)
    assert pauses[7] <= 1.0


async def test_a_refused_login_may_ask_for_a_long_pause() -> None:
    assert await run([ConnectionError()], 1, pause_for=lambda error: 2400.0) == [2400.0]


async def test_an_unexpected_error_does_not_end_the_edge() -> None:
    assert len(await run([ValueError("bug")] * 3, 3)) == 3


def test_backoff_has_jitter_in_its_upper_half() -> None:
    assert all(4.0 <= backoff_s(4) <= 8.0 for _ in range(50))


async def test_a_cancellation_while_an_attempt_is_failing_ends_the_edge() -> None:
    """Python before 3.13 loses one that comes while a task group is ending with an error."""
    ending, attempts = asyncio.Event(), 0

    async def fails() -> None:
        raise ConnectionError

    async def closes_slowly() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ending.set()
            await asyncio.sleep(0.05)

    async def attempt() -> None:
        nonlocal attempts
        attempts += 1
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(closes_slowly())
                await asyncio.sleep(0)
                group.create_task(fails())
        except* ConnectionError as away:
            raise away.exceptions[0] from None

    task = asyncio.create_task(retry_forever("camera", attempt, expected=(ConnectionError,)))
    await asyncio.wait_for(ending.wait(), 5)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=5)
    assert done and task.cancelled()
    assert attempts == 1
