"""The pipeline on a real store, with a gate that remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np

from adapter.pictures import Pictures
from adapter.pipeline import Pipeline
from adapter.relays import RelayDriver
from adapter.rulebook import Rulebook
from adapter.store.store import Store
from adapter.tasks import Tasks
from events.types import (
    Event,
    ListKind,
)
from inference.types import Box, Direction, LicensePlate, Passage, PassageState
from onvif_client.errors import CameraUnreachable
from onvif_client.types import PulseResult
from rules.types import UNLISTED_LIST_ID, AlarmDefinition, ListEntry, MatchList, RelayAction

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
BRIEF = timedelta(milliseconds=1)


@dataclass
class Gate:
    """A camera with a relay that remembers, refuses or hangs."""

    pulses: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    error: Exception | None = None
    release_error: Exception | None = None
    asked: int = 0
    connected: bool = True

    @property
    def onvif(self) -> Gate:
        if not self.connected:
            raise CameraUnreachable("Gate north is not connected now.")
        return self

    async def pulse_relay(
        self, token: str, *, duration_s: float, deadline_s: float, on_active: Callable[[], None]
    ) -> PulseResult:
        assert deadline_s > 0
        if self.error:
            raise self.error
        self.pulses.append(token)
        on_active()
        await asyncio.sleep(duration_s)
        return PulseResult(activated=True, released=True)

    async def set_relay(self, token: str, active: bool) -> None:
        assert not active
        self.asked += 1
        if self.release_error:
            raise self.release_error
        self.released.append(token)


@dataclass
class Bench:
    """The pipeline on a real store, with a fake gate and a clock that stands still."""

    store: Store
    pipeline: Pipeline
    rulebook: Rulebook
    driver: RelayDriver
    gate: Gate | None
    told: list[Event]
    slept: list[float]
    camera_id: str = "cam1"
    name: str = "Gate north"
    now: datetime = NOW

    async def drive(self, plate: str, *, likelihood: float = 0.95, reads: int = 3, age_s: float = 0.2) -> str:
        event_id = uuid4().hex
        await self.pipeline.passage(
            self, event_id, passage(plate, likelihood, reads, self.now - timedelta(seconds=age_s))
        )
        return event_id

    async def start_again(self) -> None:
        """As the service does, with the cameras in between."""
        await self.driver.recover()
        await self.driver.let_go()

    async def settle(self) -> None:
        """Let the relay tasks run to their end."""
        while [task for task in asyncio.all_tasks() if task.get_name().startswith("relay ")]:
            await asyncio.sleep(0.01)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.told]


def passage(
    plate: str, likelihood: float, reads: int, at: datetime, state: PassageState = PassageState.FINAL
) -> Passage:
    picture = np.full((72, 128, 3), 90, np.uint8)
    return Passage(
        object_id=1,
        state=state,
        plate=LicensePlate(plate_number=plate, country_code="NL"),
        likelihood=likelihood,
        country_likelihood=0.9,
        characters=(),
        module_code="NL",
        direction=Direction.APPROACHING,
        started_at=at - timedelta(seconds=1),
        ended_at=at,
        read_at=at,
        read_count=reads + 2,
        agreeing_reads=reads,
        box=Box(x=10, y=20, width=40, height=10),
        frame_picture=picture,
        plate_picture=picture[20:30, 10:50],
    )


@asynccontextmanager
async def open_bench(folder: Path) -> AsyncIterator[Bench]:
    """Staff open a gate, the stolen and the unlisted raise alarms."""
    async with Store.in_folder(folder) as store, Tasks() as tasks:
        told: list[Event] = []
        rulebook = Rulebook(store=store)
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            await asyncio.sleep(0.001)

        driver = RelayDriver(
            decisions=store.decisions,
            find_camera=lambda camera_id: bench.gate,
            tasks=tasks,
            clock=lambda: bench.now,
            sleep=sleep,
        )
        pipeline = Pipeline(
            journal=store.journal,
            rulebook=rulebook,
            pictures=Pictures(folder=folder / "pictures"),
            tell=told.append,
            pulse=driver.start,
            clock=lambda: bench.now,
        )
        driver.report_to(pipeline)
        bench = Bench(store, pipeline, rulebook, driver, Gate(), told, slept)
        await store.lists.add(MatchList(list_id="staff", name="Staff", kind=ListKind.ALLOW), now=NOW)
        await store.lists.add(MatchList(list_id="stolen", name="Stolen", kind=ListKind.DENY), now=NOW)
        await store.lists.save_entry("staff", ListEntry(entry_id="e1", pattern="AB12CD"))
        await store.lists.save_entry("staff", ListEntry(entry_id="e2", pattern="XX?99Z"))
        await store.lists.save_entry("stolen", ListEntry(entry_id="e3", pattern="ST0LEN"))
        for list_id in ("stolen", UNLISTED_LIST_ID):
            await store.alarm_definitions.save(
                AlarmDefinition(definition_id=f"a-{list_id}", name=f"{list_id} seen", list_id=list_id)
            )
        await store.relay_actions.save(
            RelayAction(action_id="open", list_id="staff", camera_id="", relay_token="gate", pulse=BRIEF)
        )
        await rulebook.open(NOW)
        yield bench
