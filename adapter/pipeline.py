"""A passage becomes an event, the rules are asked, everything is committed, and only then is anybody told.

    Passage -> pictures -> PlateRecognized -> Outcome -> one transaction -> live, outputs, relays

Before the commit nobody is told; after it nobody is forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

import structlog

from adapter.pictures import PictureError, Pictures
from adapter.rulebook import Rulebook
from adapter.store.journal import SqlJournal
from events.types import Event, PlateRecognized, SystemEvent
from inference.types import Passage, PassageState
from rules.rules import evaluate, evaluate_system, with_list_kinds
from rules.types import Outcome, RelayDecision

log = structlog.get_logger(__name__)


class Source(Protocol):
    """What the pipeline needs to know of the camera a passage came from."""

    @property
    def camera_id(self) -> str: ...
    @property
    def name(self) -> str: ...


class Pipeline:
    """The one way in for everything that happens."""

    def __init__(
        self,
        *,
        journal: SqlJournal,
        rulebook: Rulebook,
        pictures: Pictures,
        tell: Callable[[Event], None],
        pulse: Callable[[RelayDecision], Awaitable[None]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        """`tell` is called for every committed event and must return at once; `pulse` starts a relay's action."""
        self._journal = journal
        self._rulebook = rulebook
        self._pictures = pictures
        self._tell = tell
        self._pulse = pulse
        self._clock = clock
        self._new_id = new_id
        self.recognized = 0
        """Plates recognised since the start (M-154)."""
        # Two cameras at one gate must not both decide to pulse it: rules are asked and committed one event at a time.
        self._deciding = asyncio.Lock()

    async def passage(self, camera: Source, event_id: str, passage: Passage) -> None:
        """One state of one passage. A preview is shown and not stored; a final one is stored and told."""
        if passage.state is not PassageState.FINAL:
            self._tell(self._event(camera, event_id, passage))
            return
        event = await self._with_pictures(self._event(camera, event_id, passage), passage)
        async with self._deciding:
            now = self._clock()
            outcome = evaluate(
                event,
                index=self._rulebook.index,
                alarm_definitions=self._rulebook.alarm_definitions,
                relay_actions=self._rulebook.relay_actions,
                last_pulses=self._rulebook.last_pulses,
                now=now,
                new_id=self._new_id,
            )
            stored = await self._commit(with_list_kinds(event, outcome), outcome, now)
            for decision in outcome.relays if stored else ():
                self._rulebook.promise(decision, now)
        if stored:
            self.recognized += 1
            for decision in outcome.relays:
                await self._pulse(decision)
            for refusal in outcome.refusals:
                log.info("relay refused", camera_id=camera.camera_id, event_id=event.event_id)
                log.debug("relay refused", why=refusal)

    async def system(self, event: SystemEvent) -> None:
        """Something about the service itself: stored, told, and alarmed where somebody asked for it."""
        outcome = evaluate_system(event, alarm_definitions=self._rulebook.alarm_definitions, new_id=self._new_id)
        await self._commit(event, outcome, self._clock())

    async def record(self, event: Event) -> None:
        """An event that no rule looks at, such as a relay's change."""
        await self._commit(event, Outcome(), self._clock())

    async def _commit(self, event: Event, outcome: Outcome, now: datetime) -> bool:
        # A commit in flight is finished even when the service is stopping: the picture is on disk already.
        stored = await asyncio.shield(self._journal.commit(event, outcome, now=now))
        if stored:
            for told in (event, *outcome.matches, *outcome.alarms):
                self._tell(told)
        return stored

    def _event(self, camera: Source, event_id: str, passage: Passage) -> PlateRecognized:
        height, width = passage.frame_picture.shape[:2]
        return PlateRecognized(
            event_id=event_id,
            utc_time=passage.read_at,
            state=passage.state,
            camera_id=camera.camera_id,
            camera_name=camera.name,
            plate=passage.plate,
            likelihood=passage.likelihood,
            country_likelihood=passage.country_likelihood,
            characters=passage.characters,
            module_code=passage.module_code,
            direction=passage.direction,
            box=passage.box,
            frame_width_px=width,
            frame_height_px=height,
            first_seen_at=passage.started_at,
            read_at=self._clock(),
            read_count=passage.read_count,
            agreeing_reads=passage.agreeing_reads,
        )

    async def _with_pictures(self, event: PlateRecognized, passage: Passage) -> PlateRecognized:
        """A full disk must not keep a gate shut: without pictures the event is stored all the same."""
        saved: list[str] = []
        try:
            saved.append(await self._pictures.save(event.event_id, "frame", passage.frame_picture))
            saved.append(await self._pictures.save(event.event_id, "plate", passage.plate_picture))
        except PictureError as error:
            log.error("picture lost", event_id=event.event_id, error=str(error))
            await self._pictures.remove(saved)
            return event
        return replace(event, frame_picture=saved[0], plate_picture=saved[1])
