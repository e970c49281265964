"""The judge as one running process: what it is made of, in which order it starts, and in which order it stops."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from aiohttp import web

from mock_vms.vms import page as pages
from mock_vms.vms.access import Access, add_headers, is_loopback
from mock_vms.vms.api import Api, explain
from mock_vms.vms.bodies import MAX_BODY
from mock_vms.vms.database import Database
from mock_vms.vms.failures import Failures, FailureSwitches
from mock_vms.vms.fleet import Fleet
from mock_vms.vms.intake import Intake
from mock_vms.vms.journal import AlarmDefinitions, Journal
from mock_vms.vms.live import Live, Topic
from mock_vms.vms.outputs import Outputs
from mock_vms.vms.page import Page
from mock_vms.vms.pictures import PictureFetcher, PictureFiles
from mock_vms.vms.receiver import Receiver
from mock_vms.vms.reports import Reports
from mock_vms.vms.webhook import check_secret

RETENTION_PERIOD_S = 3600.0
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the process runs. Read once."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 0
    token: str | None = None
    """None: made up once and kept in the data directory."""
    open_to_loopback: bool = False
    webhooks: Mapping[str, str | None] = field(default_factory=dict)
    """Secrets by name; None: made up once and kept in the data directory."""
    devices: Sequence[str] = ()
    device_user: str = ""
    device_password: str = field(default="", repr=False)
    failures: Failures = field(default_factory=Failures)
    pull_s: float = 5.0
    keep_days: float = 30.0
    picture_hosts: frozenset[str] = frozenset()
    definitions: AlarmDefinitions = field(default_factory=AlarmDefinitions)

    def __post_init__(self) -> None:
        if self.open_to_loopback and not is_loopback(self.host):
            raise ValueError(
                f"open access needs a loopback address, not {self.host!r}; leave --open out or bind to 127.0.0.1"
            )
        if not 0.1 <= self.pull_s <= 60:
            raise ValueError(f"a pull may wait 0.1 to 60 seconds, not {self.pull_s:g}")
        if self.keep_days <= 0:
            raise ValueError("events must be kept for more than 0 days")
        for name, secret in self.webhooks.items():
            if secret is not None:
                try:
                    check_secret(secret)
                except ValueError as error:
                    raise ValueError(f"the secret of webhook {name!r} is {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What a running VMS tells whoever started it."""

    url: str
    token: str = field(repr=False)
    webhooks: Mapping[str, str] = field(repr=False)
    """Secrets by name."""
    failed: asyncio.Future[None]
    """Ends with the error when a part of the core dies; the process must then end too."""

    def as_json(self) -> dict[str, object]:
        return {
            "url": self.url,
            "login_url": f"{self.url}/login?token={self.token}",
            "token": self.token,
            "webhooks": {
                name: {"url": f"{self.url}/webhooks/{name}", "secret": secret} for name, secret in self.webhooks.items()
            },
        }


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Running]:
    """The VMS for as long as the block lasts. Leaving it unsubscribes from every device and closes everything."""
    async with AsyncExitStack() as stack:
        loop = asyncio.get_running_loop()
        database = Database(settings.data)
        await asyncio.to_thread(database.open)
        stack.push_async_callback(asyncio.to_thread, database.close)
        files = PictureFiles(settings.data / "pictures")
        files.open()
        journal = Journal(database=database, definitions=settings.definitions)
        reports, live, wanted = Reports(database), Live(), asyncio.Event()
        switches = FailureSwitches(now=settings.failures)
        outputs = Outputs(database=database, changed=lambda: live.publish(Topic.OUTPUTS))
        intake = Intake(
            journal=journal,
            outputs=outputs,
            files=files,
            live=live,
            switches=switches,
            wanted=wanted,
            loop=loop,
        )
        fleet = Fleet(journal=journal, live=live, deliver=intake.from_device, pull_s=settings.pull_s)
        fetcher = PictureFetcher(
            database=database,
            files=files,
            accounts=fleet.accounts,
            hosts=settings.picture_hosts,
            wanted=wanted,
            fetched=lambda event_id: live.publish(Topic.ALARM, event_id),
        )
        token, webhooks = await asyncio.to_thread(_secrets, settings, journal)
        access = Access(token=token, open_to_loopback=settings.open_to_loopback)
        app = web.Application(client_max_size=MAX_BODY, middlewares=[explain, access.check])
        app.on_response_prepare.append(add_headers)
        pages.prepare(app)
        receiver = Receiver(secrets=webhooks, intake=intake, switches=switches)
        app.router.add_post("/webhooks/{name}", receiver.receive)
        api = Api(journal=journal, reports=reports, fleet=fleet, outputs=outputs, live=live, switches=switches)
        app.router.add_routes(api.routes())
        page = Page(
            reports=reports, fleet=fleet, outputs=outputs, live=live, access=access, database=database, files=files
        )
        app.router.add_routes(page.routes())

        failed = await _start_tasks(
            stack,
            {
                "pulses": outputs.run(),
                "pictures": fetcher.run(),
                "retention": _retention(journal, files, timedelta(days=settings.keep_days)),
            },
        )
        await fleet.open()
        stack.push_async_callback(fleet.aclose)
        url = await _serve(stack, app, settings, live)
        for address in settings.devices:
            await fleet.add(address, user=settings.device_user, password=settings.device_password)
        yield Running(url=url, token=token, webhooks=webhooks, failed=failed)


async def _start_tasks(
    stack: AsyncExitStack, coroutines: Mapping[str, Coroutine[None, None, None]]
) -> asyncio.Future[None]:
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and not failed.done():
            failed.set_exception(task.exception() or RuntimeError(f"{task.get_name()} ended by itself"))

    async def stop(tasks: Sequence[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if failed.done() and not failed.cancelled():
            failed.exception()  # marks it as seen; whoever waits for it has it already
        failed.cancel()

    tasks = [asyncio.create_task(coroutine, name=name) for name, coroutine in coroutines.items()]
    for task in tasks:
        task.add_done_callback(ended)
    stack.push_async_callback(stop, tasks)
    return failed


async def _serve(stack: AsyncExitStack, app: web.Application, settings: Settings, live: Live) -> str:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0, handle_signals=False)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, settings.host, settings.port)
    await site.start()
    stack.callback(live.close)
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _retention(journal: Journal, files: PictureFiles, keep: timedelta) -> None:
    while True:
        gone = await asyncio.to_thread(journal.forget_before, datetime.now(UTC) - keep)
        await asyncio.to_thread(files.remove, gone)
        await asyncio.sleep(RETENTION_PERIOD_S)


def _secrets(settings: Settings, journal: Journal) -> tuple[str, dict[str, str]]:
    token = settings.token or journal.secret("token", secrets.token_urlsafe(24))
    webhooks = {
        name: secret or journal.secret(f"webhook/{name}", "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())
        for name, secret in settings.webhooks.items()
    }
    return token, webhooks
