"""The VMS misbehaves on command while plates pour in: in the end it shows each event once, or the check finds out."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bench import CHANNELS, Bench

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

# A refusal (4xx) would be taken for final after a few tries, so the error is one of a VMS in trouble.
FAILURES: tuple[dict[str, Any], ...] = (
    {"refuse": True},
    {"delay": 1.0},
    {"error": 500},
    {"drop": True},
    {"lose_answer": True},
)
OFF = {"refuse": False, "delay": 0.0, "error": 0, "drop": False, "lose_answer": False, "forget": False}
EACH_FOR_S = 0.8


async def test_whatever_the_vms_does_nothing_is_lost_or_shown_twice_and_forgetting_is_found_out(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    try:
        await bench.start()
        await plates_pour_while_the_vms_fails(bench)
        stored = await bench.stored()
        await bench.assert_all_arrived_once(stored)
        await repeats_have_come_and_were_not_shown(bench)
        await a_vms_that_forgets_is_found_out(bench, stored)
    finally:
        await bench.stop()


async def plates_pour_while_the_vms_fails(bench: Bench) -> None:
    async with bench.vms_rest() as vms:
        for failure in FAILURES:
            assert await vms.post("/api/failures", OFF | failure) == OFF | failure
            bench.pour()
            await asyncio.sleep(EACH_FOR_S)
            await bench.hold()
            assert await bench.owed(), f"{failure} held nothing up"
            await vms.post("/api/failures", OFF)
            await bench.until_webhooks_are_out()


async def repeats_have_come_and_were_not_shown(bench: Bench) -> None:
    """The switches did something: events whose answer was lost came again."""
    async with bench.vms_rest() as vms:
        counts = await vms.get("/api/counts")
    assert counts["channels"]["webhook"]["duplicates"] > 0


async def a_vms_that_forgets_is_found_out(bench: Bench, before: set[str]) -> None:
    """It answers 200 and keeps nothing: a check that still passes cannot see."""
    async with bench.vms_rest() as vms:
        await vms.post("/api/failures", OFF | {"forget": True})
        bench.pour()
        await asyncio.sleep(EACH_FOR_S)
        await bench.hold()
        await bench.until_webhooks_are_out()
        await vms.post("/api/failures", OFF)
    forgotten = await bench.stored() - before
    assert forgotten
    missing = await bench.missing(before | forgotten)
    assert missing["webhook"] == forgotten
    assert all(missing[channel] for channel in CHANNELS)
    with pytest.raises(AssertionError, match="webhook"):
        await bench.assert_all_arrived_once(before | forgotten, quiet_s=1.0)
