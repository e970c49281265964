"""The running service as the console sees it: its status, its name, and what to do when data changed."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from uuid import uuid4

import aiohttp
import psutil

from adapter.api.ports import OutputCounts, ServerStatus
from adapter.api.status import status_text
from adapter.fleet import Fleet, modules_in_use
from adapter.pipeline import Pipeline
from adapter.quota import Quota
from adapter.rulebook import Rulebook
from adapter.store.outputs import OutputRecord
from adapter.store.store import Store
from events.dispatcher import Dispatcher
from events.errors import OutputRefused, OutputUnavailable
from events.types import CameraRestored, Delivery
from events.webhook import OwnUrl, WebhookOutput

VERSION = version("onvif-lpr")
NAME_FACT = "server-name"


class Server:
    """Implements `adapter.api.ports.Server`."""

    def __init__(
        self,
        *,
        store: Store,
        fleet: Fleet,
        pipeline: Pipeline,
        rulebook: Rulebook,
        dispatcher: Dispatcher,
        session: aiohttp.ClientSession,
        name: str,
        public_url: str | None,
        own_url: OwnUrl,
        users_changed: Callable[[], Awaitable[None]],
        quota: Quota,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._fleet = fleet
        self._pipeline = pipeline
        self._rulebook = rulebook
        self._dispatcher = dispatcher
        self._session = session
        self._name = name or socket.getfqdn()
        self._public_url = public_url
        self._own_url = own_url
        self._users_changed = users_changed
        self._quota = quota
        self._clock = clock
        self._started_at = clock()

    async def open(self) -> None:
        """Take up a name given in an earlier run, the outputs, and the face's users."""
        self._name = await self._store.facts.get(NAME_FACT) or self._name
        psutil.cpu_percent()  # the first answer means nothing; the next one counts from here
        await self.outputs_changed()
        await self._users_changed()

    async def status(self) -> ServerStatus:
        cameras = [camera.health for camera in self._fleet.cameras]
        records = [camera.record for camera in self._fleet.cameras]
        now = self._clock()
        return ServerStatus(
            name=self._name,
            host_name=socket.getfqdn(),
            status=status_text(cameras),
            version=VERSION,
            started_at=self._started_at,
            uptime_s=(now - self._started_at).total_seconds(),
            cpu_percent=psutil.cpu_percent(),
            memory_available_mb=psutil.virtual_memory().available / 2**20,
            recognized=self._pipeline.recognized,
            cameras=cameras,
            cameras_in_use=sum(record.enabled for record in records),
            cameras_available=self._quota.cameras_left(records),
            modules_in_use=modules_in_use(records) if self._quota.modules is None else len(self._quota.in_use(records)),
            modules_available=self._quota.modules_left(records),
        )

    async def rename(self, name: str) -> None:
        await self._store.facts.put(NAME_FACT, name)
        self._name = name

    async def rules_changed(self) -> None:
        await self._rulebook.reload()

    async def onvif_users_changed(self) -> None:
        await self._users_changed()

    async def outputs_changed(self) -> None:
        records = await self._store.outputs.all()
        self._dispatcher.replace_outputs([self._output(record) for record in records if record.enabled])
        self._dispatcher.wake()

    def output_counts(self) -> Mapping[str, OutputCounts]:
        return {
            one.output_id: OutputCounts(sent=one.sent, failed=one.failed, parked=one.parked, error=one.last_error or "")
            for one in self._dispatcher.stats
        }

    async def test_output(self, output_id: str) -> str:
        """A message that says it is a test, sent past the outbox; nothing of it is stored."""
        output = self._output(await self._store.outputs.get(output_id))
        now = self._clock()
        test = CameraRestored(
            event_id=uuid4().hex, utc_time=now, camera_id="test", camera_name="Test message from onvif-lpr"
        )
        try:
            await output.send(Delivery(delivery_id=0, output_id=output_id, event=test, attempts=0, next_attempt_at=now))
        except (OutputUnavailable, OutputRefused) as error:
            return str(error)
        return ""

    def _output(self, record: OutputRecord) -> WebhookOutput:
        return WebhookOutput(
            output_id=record.output_id,
            url=record.url,
            secret=record.secret or "",
            session=self._session,
            public_url=self._public_url,
            own_url=self._own_url,
        )
