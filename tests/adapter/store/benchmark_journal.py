"""How many passages a second are stored, each with match, alarm and deliveries, one after the other.

`python -m tests.adapter.store.benchmark_journal [FOLDER]`
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from adapter.store.outputs import OutputRecord
from adapter.store.store import Store
from rules.rules import evaluate
from rules.types import AlarmDefinition, ListEntry
from tests.rules.examples import NOON, ids, match_list, recognized

PASSAGES = 1_000


async def main(folder: Path) -> None:
    async with Store.in_folder(folder) as store:
        await store.lists.add(match_list("residents"), now=NOON)
        await store.lists.save_entry("residents", ListEntry(entry_id="e", pattern="ABC123"))
        await store.alarm_definitions.save(AlarmDefinition(definition_id="d", name="x", list_id="residents"))
        await store.outputs.save(OutputRecord(output_id="hook", name="h", url="http://x", created_at=NOON))
        index, alarms = await store.lists.index(), await store.alarm_definitions.all()
        began, cpu_began = time.perf_counter(), time.process_time()
        for number in range(PASSAGES):
            event = recognized(event_id=f"e{number}")
            outcome = evaluate(
                event,
                index=index,
                alarm_definitions=alarms,
                relay_actions=(),
                last_pulses={},
                now=NOON,
                new_id=ids(f"{number}-"),
            )
            await store.journal.commit(event, outcome, now=NOON)
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    print(f"{PASSAGES / wall:.0f} passages/s, {cpu / PASSAGES * 1000:.2f} ms of processor time each")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        asyncio.run(main(Path(folder)))
