"""The controller's side: which workers are there, which cameras they have, and what they tell."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID, uuid4, uuid5

import structlog
from aiohttp import WSCloseCode
from aiohttp.web import WebSocketResponse

from adapter.store.errors import StoreError
from adapter.tasks import until_first
from adapter.workers.errors import JoinRefused, LinkBroken
from adapter.workers.link import BEAT_S, Link, to_the_end, wait
from adapter.workers.messages import (
    FROM_WORKER,
    Assignments,
    Beat,
    Bye,
    Counted,
    Finish,
    Finished,
    FromWorker,
    Heard,
    Hello,
    Kept,
    Pictured,
    Shown,
    Told,
    TurnedAway,
    TurnedDown,
    Welcome,
    picture_of,
)
from adapter.workers.places import Place, Places, Presence, WorkerState
from adapter.workers.remote_watch import RemoteWatch
from events.types import ServerLost, ServerRestored
from inference.funnel import FunnelHour
from inference.modules import CountryModule
from inference.plate_views import PlateView
from inference.rejects import Rejected
from inference.types import Passage, Picture, Scene

# A token that was revoked ends the link within this time.
ASK_TOKEN_EVERY = timedelta(seconds=30)
LOOK_S = 1.0
# A frame of the last moment before a camera went to another server; clocks of two hosts differ.
AFTER_THE_END = timedelta(seconds=2)
# A worker that was away for longer than this with what it kept had a camera taken from it that nobody remembers.
REMEMBERED = timedelta(days=1)

# Passage ids of a worker become event ids here: it cannot name an event of somebody else.
_PASSAGES = UUID("0a8a5a5a-6ce4-4bd2-9d3c-64f3f6c1f0b2")

log = structlog.get_logger(__name__)


class WorkedCamera(Protocol):
    """A camera that a worker watches: `adapter.lpr_camera.LprCamera`."""

    @property
    def server(self) -> str: ...
    async def passed(self, event_id: str, passage: Passage, view: PlateView | None) -> None: ...
    def counted(self, hours: Sequence[FunnelHour]) -> None: ...
    def shown(self, scene: Scene) -> None: ...
    def pictured(self, picture: Picture, captured_at: datetime) -> None: ...
    def turned_down(self, rejected: Rejected) -> None: ...


class Hub:
    """Owns no task: links are served by the requests that brought them."""

    def __init__(
        self,
        *,
        version: str = "",
        modules: Mapping[str, CountryModule] | None = None,
        ask_token_every: timedelta = ASK_TOKEN_EVERY,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._welcome = Welcome(version=version, modules=tuple((modules or {}).values()))
        self._ask_token_every = ask_token_every
        self._clock = clock
        self._places = Places(clock=clock)
        self._watches: dict[str, RemoteWatch] = {}
        self._left: dict[tuple[str, str], datetime] = {}
        """When a camera was taken from a worker, by (worker, camera)."""
        self._find: Callable[[str], WorkedCamera | None] = lambda camera_id: None
        self._closed = False

    def report_to(self, find: Callable[[str], WorkedCamera | None]) -> None:
        """Whose the passages are; the fleet needs the hub first, so this comes after."""
        self._find = find

    @property
    def workers(self) -> Sequence[WorkerState]:
        """All that were here since the start, by name."""
        return [place.state for place in self._places.all()]

    async def aclose(self) -> None:
        """Close all links; the workers go on and come back."""
        self._closed = True
        for place in self._places.all():
            if place.link is not None:
                await place.link.aclose(WSCloseCode.GOING_AWAY)

    async def watch_over(
        self, lost_after: timedelta, tell: Callable[[ServerLost | ServerRestored], Awaitable[None]]
    ) -> None:
        """Until cancelled: tell of workers that stay away, and of those that are back (M-300, M-301)."""
        stored = True
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                for place in self._places.all():
                    await self._tell_presence(place, lost_after, tell)
                stored = True
            except StoreError as error:
                # It is told once the store takes it.
                (log.warning if stored else log.debug)("presence of a worker not stored", error=str(error))
                stored = False

    async def _tell_presence(
        self, place: Place, lost_after: timedelta, tell: Callable[[ServerLost | ServerRestored], Awaitable[None]]
    ) -> None:
        now, name = self._clock(), place.state.hello.name
        event: ServerLost | ServerRestored
        if place.link is not None and place.told_lost:
            event = ServerRestored(event_id=uuid4().hex, utc_time=now, server=name)
        elif place.link is None and not place.told_lost and now - place.state.since >= lost_after:
            event = ServerLost(event_id=uuid4().hex, utc_time=now, server=name, detail=self._why_away(name))
        else:
            return
        await tell(event)
        place.told_lost = isinstance(event, ServerLost)

    # -- for remote watches -----------------------------------------------------------------------------------------

    def begin(self, watch: RemoteWatch) -> None:
        self._watches[watch.camera_id] = watch
        if self._linked(watch.server) is None:
            watch.source.away(self._why_away(watch.server))
        self.changed(watch)

    def end(self, watch: RemoteWatch) -> None:
        if self._watches.get(watch.camera_id) is watch:
            del self._watches[watch.camera_id]
            now = self._clock()
            self._left = {key: at for key, at in self._left.items() if now - at < REMEMBERED}
            self._left[watch.server, watch.camera_id] = now
            self.changed(watch)

    def changed(self, watch: RemoteWatch) -> None:
        if (place := self._places.find(watch.server)) is not None:
            place.reassign = True
            place.news.set()

    def finish(self, watch: RemoteWatch) -> bool:
        place = self._linked(watch.server)
        if place is None:
            return False
        assignment = watch.assignment
        place.finishing.append(Finish(camera_id=watch.camera_id, assignment_id=assignment.assignment_id))
        place.news.set()
        return True

    def _why_away(self, server: str) -> str:
        place = self._places.find(server)
        if place is None:
            return f"The LPR server {server} has not joined yet."
        stopped = place.state.presence is Presence.STOPPED
        return f"The LPR server {server} {'was stopped' if stopped else 'is not responding'}."

    def _linked(self, server: str) -> Place | None:
        place = self._places.find(server)
        return place if place is not None and place.link is not None else None

    # -- one link ---------------------------------------------------------------------------------------------------

    async def serve(self, socket: WebSocketResponse, still_allowed: Callable[[], Awaitable[bool]]) -> None:
        """Talk with one worker until its link breaks or it says goodbye."""
        link = Link(socket, understands=FROM_WORKER)
        try:
            if not self._closed:
                await self._talk(await self._let_in(link), link, still_allowed)
        except JoinRefused as error:
            log.warning("worker turned away", reason=str(error))
        except LinkBroken as error:
            log.warning("link to a worker broken", error=str(error))
        except StoreError as error:
            # The worker keeps what was not acknowledged, and says it again.
            log.error("what a worker told could not be stored", error=str(error))
        finally:
            await link.aclose()

    async def _let_in(self, link: Link[FromWorker]) -> Place:
        hello = await link.receive()
        if not isinstance(hello, Hello):
            raise LinkBroken("a link begins with a hello")
        try:
            place = await self._places.claim(hello, link)
        except JoinRefused as error:
            await link.send(TurnedAway(reason=str(error)))
            raise
        return place

    async def _talk(self, place: Place, link: Link[FromWorker], still_allowed: Callable[[], Awaitable[bool]]) -> None:
        hello = place.state.hello
        presence = Presence.NOT_RESPONDING
        try:
            await link.send(self._welcome)
            log.info("worker joined", worker=hello.name, host=hello.host_name, version=hello.version)
            await until_first(self._listen(place, link), self._say(place, link), self._check(still_allowed))
            presence = Presence.STOPPED
            log.info("worker left", worker=hello.name)
        finally:
            place.link = None
            place.free.set()
            place.state = replace(place.state, presence=presence, since=self._clock())
            for watch in self._watches.values():
                if watch.server == hello.name:
                    watch.source.away(self._why_away(hello.name))

    async def _say(self, place: Place, link: Link[FromWorker]) -> None:
        """What the worker has to know, newest only, and at least a sign of life."""
        while True:
            place.news.clear()
            while place.finishing:
                await link.send(place.finishing.pop(0))
            if place.reassign:
                place.reassign = False
                name = place.state.hello.name
                mine = [watch.assignment for watch in self._watches.values() if watch.server == name]
                await link.send(Assignments(cameras=tuple(mine)))
            said = place.number
            await link.send(Heard(number=said))
            if said == place.number:
                await wait(place.news, BEAT_S)

    async def _listen(self, place: Place, link: Link[FromWorker]) -> None:
        """Until the worker says goodbye."""
        while True:
            message = await link.receive()
            if isinstance(message, Bye):
                return
            if isinstance(message, Hello):
                raise LinkBroken("a second hello came over one link")
            if isinstance(message, Beat):
                self._note(place, message)
            elif isinstance(message, Kept):
                if message.number > place.number:
                    # Once begun it is ended, also when the link breaks: a gate that was decided on is opened.
                    await to_the_end(self._deal_with(place, message))
            else:
                await self._pass_on(place.state.hello.name, message)

    async def _check(self, still_allowed: Callable[[], Awaitable[bool]]) -> None:
        while True:
            await asyncio.sleep(self._ask_token_every.total_seconds())
            if not await still_allowed():
                raise LinkBroken("the worker's token was revoked or has expired")

    def _note(self, place: Place, beat: Beat) -> None:
        place.state = replace(place.state, cpu_percent=beat.cpu_percent, memory_available_mb=beat.memory_available_mb)
        for figures in beat.cameras:
            if (watch := self._watch(place.state.hello.name, figures.camera_id, figures.assignment_id)) is not None:
                watch.source.note(figures)

    def _watch(self, worker: str, camera_id: str, assignment_id: str) -> RemoteWatch | None:
        watch = self._watches.get(camera_id)
        mine = watch is not None and watch.server == worker and watch.assignment.assignment_id == assignment_id
        return watch if mine else None

    async def _deal_with(self, place: Place, message: Kept) -> None:
        await self._hear(place.state.hello, message)
        place.number = message.number
        place.news.set()

    async def _hear(self, hello: Hello, message: Kept) -> None:
        if isinstance(message, Finished):
            if (watch := self._watch(hello.name, message.camera_id, message.assignment_id)) is not None:
                watch.is_over()
            return
        camera = self._camera(hello.name, message.camera_id, message.read_at if isinstance(message, Told) else None)
        if camera is None:
            log.warning("worker told of a camera it does not have", worker=hello.name, camera_id=message.camera_id)
        elif isinstance(message, Counted):
            camera.counted(message.hours)
        else:
            passage = await asyncio.to_thread(message.passage)
            # An old passage must not look young because the worker's clock runs ahead.
            latest = self._clock() - timedelta(seconds=message.waited_s)
            passage = replace(passage, read_at=min(passage.read_at, latest))
            event_id = uuid5(_PASSAGES, f"{hello.name}/{hello.session}/{message.camera_id}/{message.passage_id}").hex
            await camera.passed(event_id, passage, message.view)

    def _camera(self, worker: str, camera_id: str, at: datetime | None) -> WorkedCamera | None:
        """The camera when it is this worker's, or was at that time; counts of the last moment are taken as well."""
        camera = self._find(camera_id)
        if camera is None or camera.server == worker:
            return camera
        left = self._left.get((worker, camera_id))
        return camera if left is not None and (at is None or at <= left + AFTER_THE_END) else None

    async def _pass_on(self, worker: str, message: Shown | Pictured | TurnedDown) -> None:
        camera = self._find(message.camera_id)
        if camera is None or camera.server != worker:
            return
        if isinstance(message, Shown):
            camera.shown(message.scene)
        elif isinstance(message, Pictured):
            camera.pictured(await asyncio.to_thread(picture_of, message.jpeg), message.captured_at)
        else:
            camera.turned_down(message.rejected)
