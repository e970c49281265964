"""Who has which name: one worker per name, over all its links, and what was heard of it last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from adapter.workers.errors import JoinRefused, LinkBroken
from adapter.workers.link import Link
from adapter.workers.messages import PROTOCOL, Finish, FromWorker, Hello

# Names of workers that were here once are kept for the list. More than this are made up by somebody.
MOST_NAMES = 1000
# The passage in work when its link broke is waited for before the worker is let in again.
OLD_LINK_S = 10.0


class Presence(StrEnum):
    """Whether a worker is there."""

    RESPONDING = "responding"
    NOT_RESPONDING = "not responding"
    STOPPED = "stopped"
    """It said that it stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerState:
    """One worker as it was heard last; `since` is when its presence began."""

    hello: Hello
    presence: Presence
    since: datetime
    cpu_percent: float = 0.0
    memory_available_mb: float = 0.0


@dataclass(slots=True)
class Place:
    """A worker's name, over all its links. What it had is told once: numbers up to `number` of `session` were."""

    state: WorkerState
    session: str = ""
    number: int = 0
    link: Link[FromWorker] | None = None
    free: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    reassign: bool = True
    told_lost: bool = False
    finishing: list[Finish] = field(default_factory=list)


class Places:
    """By name."""

    def __init__(self, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._places: dict[str, Place] = {}

    def all(self) -> Sequence[Place]:
        return [self._places[name] for name in sorted(self._places)]

    def find(self, name: str) -> Place | None:
        return self._places.get(name)

    async def claim(self, hello: Hello, link: Link[FromWorker]) -> Place:
        """The worker's place, held by this link until it is freed. Raises JoinRefused, LinkBroken."""
        if hello.protocol != PROTOCOL:
            raise JoinRefused(
                f"worker {hello.name} speaks version {hello.protocol} of the link, the controller version {PROTOCOL};"
                " install the same release on both hosts"
            )
        place = self._places.get(hello.name)
        if place is not None and place.link is not None:
            if place.session != hello.session:
                raise JoinRefused(
                    f"a worker named {hello.name} is here already, on {place.state.hello.host_name};"
                    " start this one with another --name"
                )
            # The same worker lost its link before this side noticed.
            await place.link.aclose()
            try:
                async with asyncio.timeout(OLD_LINK_S):
                    await place.free.wait()
            except TimeoutError as error:
                raise LinkBroken(f"the old link of worker {hello.name} is still in use") from error
            if place.link is not None:
                raise LinkBroken(f"worker {hello.name} came back twice at once")
        state = WorkerState(hello=hello, presence=Presence.RESPONDING, since=self._clock())
        if place is None:
            self._make_room()
            place = self._places[hello.name] = Place(state)
        if place.session != hello.session:
            place.session, place.number = hello.session, 0
        place.state, place.link = state, link
        place.reassign, place.finishing = True, []
        place.free.clear()
        return place

    def _make_room(self) -> None:
        if len(self._places) < MOST_NAMES:
            return
        gone = [name for name, place in self._places.items() if place.link is None]
        if not gone:
            raise JoinRefused(f"there are {MOST_NAMES} workers already")
        del self._places[min(gone, key=lambda name: self._places[name].state.since)]
