"""The worker's side: join the controller, watch what it assigns, keep what it has not heard, come back for ever."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import aiohttp
import psutil
import structlog
from yarl import URL

from adapter.retry import LONGEST_PAUSE_S, retry_forever
from adapter.tasks import until_first
from adapter.workers.camera_at_work import CameraAtWork
from adapter.workers.errors import JoinRefused, LinkBroken, TokenRefused
from adapter.workers.link import BEAT_S, Link, wait
from adapter.workers.messages import (
    FROM_CONTROLLER,
    JOIN_PATH,
    MAX_MESSAGE_BYTES,
    Assignment,
    Assignments,
    Beat,
    Bye,
    Finish,
    FromController,
    Heard,
    Hello,
    TurnedAway,
    Welcome,
)
from adapter.workers.outgoing import Outgoing
from inference.modules import CountryModule
from inference.watch import Reads

CONNECT_S = 10.0
# What changes is told at once, but not each flutter of it.
SOONEST_BEAT_S = 0.2
# A controller that restarts, or a switch, is back by then. After this somebody may have given the cameras to another.
GO_ON_S = 300.0
# What is kept at the end is told if the controller takes it in this time.
LEAVE_WITHIN_S = 8.0
# Orders that wait while a camera is stopped; when there are more, no message is taken from the link until then.
MOST_ORDERS = 100
# Cameras that were stopped here and may come back.
MOST_REMEMBERED = 200

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Job:
    camera: CameraAtWork
    task: asyncio.Task[None]


class Worker:
    """Run `run` as a task, and `leave` before it is cancelled."""

    def __init__(
        self,
        *,
        controller: str,
        token: Callable[[], str],
        hello: Hello,
        recognizer: Reads,
        executor: Executor,
        on_modules: Callable[[Sequence[CountryModule]], None] = lambda modules: None,
        outgoing: Outgoing | None = None,
        go_on_s: float = GO_ON_S,
    ) -> None:
        """`token` is asked at every join: a new one in its file is taken without a restart."""
        self._url = URL(controller) / JOIN_PATH.lstrip("/")
        self._token = token
        self._hello = hello
        self._recognizer = recognizer
        self._executor = executor
        self._on_modules = on_modules
        self._go_on_s = go_on_s
        self.outgoing = outgoing or Outgoing()
        self._jobs: dict[str, _Job] = {}
        self._orders: asyncio.Queue[Assignments | Finish] = asyncio.Queue(MOST_ORDERS)
        self._last: OrderedDict[str, CameraAtWork] = OrderedDict()
        """Of cameras that were stopped: a reconnection of theirs goes on from there."""
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._news = asyncio.Event()
        self._heard_s = time.monotonic()

    @property
    def cameras(self) -> Sequence[str]:
        """Ids of the cameras that are watched now."""
        return tuple(self._jobs)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            await until_first(
                retry_forever(
                    "controller",
                    self._attempt,
                    expected=(LinkBroken, JoinRefused),
                    pause_for=_pause,
                    url=str(self._url),
                ),
                self._obey(),
                self._stop_when_forgotten(),
            )
        finally:
            await self._stop(tuple(self._jobs))

    async def leave(self) -> None:
        """Tell what is in view and what was kept, and say goodbye; at most `LEAVE_WITHIN_S`."""
        try:
            async with asyncio.timeout(LEAVE_WITHIN_S):
                await asyncio.gather(*(job.camera.finish() for job in self._jobs.values()))
                if self._socket is not None:
                    await self.outgoing.empty()
        except TimeoutError:
            pass
        if self.outgoing.kept:
            log.warning("not everything could be told before the end", lost=self.outgoing.kept)
        if self._socket is not None:
            try:
                await Link(self._socket, understands=FROM_CONTROLLER).send(Bye())
            except LinkBroken as error:
                log.warning("the controller could not be told that this worker stops", error=str(error))

    async def break_link(self) -> None:
        """Close the link as a failing network would; it is built up again."""
        if self._socket is not None:
            await self._socket.close()

    # -- one link ---------------------------------------------------------------------------------------------------

    async def _attempt(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_S, sock_connect=CONNECT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session, await self._connect(session) as socket:
            link: Link[FromController] = Link(socket, understands=FROM_CONTROLLER)
            await self._join(link)
            self._socket = socket
            try:
                await until_first(self._listen(link), self._say(link), self._beat())
            except LinkBroken as error:
                # It was a good link: the next one is tried soon.
                log.warning("link to the controller broken", error=str(error))
            finally:
                self._socket = None

    async def _connect(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        try:
            token = self._token()
        except OSError as error:
            raise JoinRefused(f"the token file cannot be read: {error.strerror}") from error
        try:
            async with asyncio.timeout(CONNECT_S):
                return await session.ws_connect(
                    self._url,
                    headers={"Authorization": f"Bearer {token}"},
                    max_msg_size=MAX_MESSAGE_BYTES,
                    timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
                )
        except aiohttp.WSServerHandshakeError as error:
            if error.status in {401, 403}:
                raise TokenRefused(
                    "the controller refuses the token: it is unknown, has expired, or is not of the role worker;"
                    " make one under Accounts and put it into the token file"
                ) from error
            raise LinkBroken(f"the controller answers {error.status} to a worker; is it an older version?") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = str(error) or "it does not answer"
            raise LinkBroken(f"the controller cannot be reached at {self._url.origin()}: {reason}") from error

    async def _join(self, link: Link[FromController]) -> None:
        await link.send(self._hello)
        answer = await link.receive()
        if isinstance(answer, TurnedAway):
            raise JoinRefused(answer.reason)
        if not isinstance(answer, Welcome):
            raise LinkBroken("the controller did not answer a hello with a welcome")
        if answer.version != self._hello.version:
            log.warning("another version than the controller's", own=self._hello.version, controller=answer.version)
        self._on_modules(answer.modules)
        self.outgoing.begin()
        self._heard_s = time.monotonic()
        log.info("joined the controller", name=self._hello.name, url=str(self._url.origin()))

    async def _say(self, link: Link[FromController]) -> None:
        while True:
            await link.send(await self.outgoing.next())

    async def _beat(self) -> None:
        while True:
            cameras = [job.camera for job in self._jobs.values()]
            for camera in cameras:
                camera.tell_counts()
            self.outgoing.show(
                "beat",
                Beat(
                    cpu_percent=psutil.cpu_percent(),
                    memory_available_mb=psutil.virtual_memory().available / 2**20,
                    cameras=tuple(camera.figures() for camera in cameras),
                ),
            )
            await asyncio.sleep(SOONEST_BEAT_S)
            await wait(self._news, BEAT_S - SOONEST_BEAT_S)
            self._news.clear()

    async def _listen(self, link: Link[FromController]) -> None:
        while True:
            message = await link.receive()
            self._heard_s = time.monotonic()
            if isinstance(message, Heard):
                self.outgoing.heard(message.number)
            elif isinstance(message, Assignments | Finish):
                await self._orders.put(message)

    # -- cameras ----------------------------------------------------------------------------------------------------

    async def _obey(self) -> None:
        """Apart from the link: a camera that is being stopped must not be left half stopped when the link breaks."""
        while True:
            order = await self._orders.get()
            if isinstance(order, Assignments):
                await self._assign(order.cameras)
                continue
            job = self._jobs.get(order.camera_id)
            if job is not None and job.camera.assignment.assignment_id == order.assignment_id:
                await job.camera.finish()

    async def _assign(self, wanted: Sequence[Assignment]) -> None:
        ids = {one.camera_id: one.assignment_id for one in wanted}
        await self._stop(
            [
                camera_id
                for camera_id, job in self._jobs.items()
                if ids.get(camera_id) != job.camera.assignment.assignment_id
            ]
        )
        for one in wanted:
            if (job := self._jobs.get(one.camera_id)) is not None:
                job.camera.change(one.settings)
                continue
            camera = CameraAtWork(
                assignment=one,
                recognizer=self._recognizer,
                executor=self._executor,
                outgoing=self.outgoing,
                on_state=self._news.set,
                last=self._last.pop(one.camera_id, None),
            )
            self._jobs[one.camera_id] = _Job(camera, asyncio.create_task(camera.run(), name=f"camera {one.camera_id}"))

    async def _stop(self, camera_ids: Sequence[str]) -> None:
        jobs = [self._jobs.pop(camera_id) for camera_id in camera_ids]
        await asyncio.gather(*(job.camera.finish() for job in jobs))
        for job in jobs:
            job.task.cancel()
            self._last[job.camera.camera_id] = job.camera
            while len(self._last) > MOST_REMEMBERED:
                self._last.popitem(last=False)
        await asyncio.gather(*(job.task for job in jobs), return_exceptions=True)

    async def _stop_when_forgotten(self) -> None:
        """Nobody may have heard of these cameras for long: another may watch them by now."""
        while True:
            await asyncio.sleep(min(1.0, self._go_on_s))
            if self._jobs and self._socket is None and time.monotonic() - self._heard_s > self._go_on_s:
                log.warning("cameras stopped: the controller has been away too long", cameras=len(self._jobs))
                await self._stop(tuple(self._jobs))


def _pause(error: Exception) -> float | None:
    return LONGEST_PAUSE_S if isinstance(error, TokenRefused) else None
