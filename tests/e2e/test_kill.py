"""`kill -9` at any moment, of the service and of the VMS: nothing stored is missing at the VMS, nothing shown twice."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from tests.e2e.bench import Bench

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# At each moment one of them or both at once, in an order that chance decides.
VICTIMS = ("service",) * 5 + ("vms",) * 3 + ("both",) * 2
PLATES_PER_S = 15.0


async def test_killing_service_and_vms_at_ten_random_moments_loses_and_doubles_nothing(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    bench = Bench(tmp_path)
    try:
        await bench.start()
        bench.pour()
        for victim in chance.sample(VICTIMS, k=len(VICTIMS)):
            await asyncio.sleep(chance.uniform(0.1, 1.2))
            if victim == "both":
                await bench.kill(bench.service, bench.vms)
            else:
                await bench.kill(bench.service if victim == "service" else bench.vms)
            if victim != "vms":
                await bench.start_service(PLATES_PER_S)
            if victim != "service":
                await bench.start_vms()
        await bench.hold()
        stored = await bench.stored()
        assert len(stored) > 50
        assert len(await bench.stored("AlarmRaised")) > 5
        await bench.assert_all_arrived_once(stored)
    finally:
        await bench.stop()
