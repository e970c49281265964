"""Everything that runs, in the order it starts; leaving the stack is the shutdown. The one file that knows every room.

    store -> rules -> model -> cameras' fleet -> pipeline -> outputs -> ONVIF face -> console -> discovery -> jobs

Edges (cameras, webhooks) retry for ever on their own. If the store or the dispatcher breaks, the task group fails, the
process ends with a code other than 0, and its supervisor starts it again: never half alive.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import aiohttp
import structlog
from aiohttp import web

from adapter import bootstrap, jobs
from adapter.api.app import create_app
from adapter.api.ports import Services
from adapter.auto_capture import AutoCaptures
from adapter.camera_control import CameraControl
from adapter.camera_recognition import CameraRecognition
from adapter.face_ports import FaceCameras, FaceImaging, FaceRelays, FaceUsers
from adapter.fleet import Fleet
from adapter.onvif_device import face as onvif_face
from adapter.onvif_device.discovery import Discovery
from adapter.onvif_device.ports import DeviceIdentity
from adapter.own_address import OwnAddress
from adapter.pictures import Pictures
from adapter.pipeline import Pipeline
from adapter.quota import Quota
from adapter.recognizing import inference_threads, load_recognizer
from adapter.relays import RelayDriver
from adapter.rulebook import Rulebook
from adapter.server import VERSION, Server
from adapter.settings import Settings
from adapter.snapshot_control import SnapshotControl
from adapter.store.store import Store
from adapter.tasks import Tasks
from adapter.workers.hub import Hub
from events.dispatcher import Dispatcher
from events.live import Live
from events.metadata.rtsp import RtspServer
from events.onvif.subscriptions import Subscriptions
from events.types import Event, RelayChanged
from inference.module_library import ModuleLibrary
from inference.watch import Reads

log = structlog.get_logger(__name__)

# Long polls and pages that stay open must not hold up the end.
SHUTDOWN_TIMEOUT_S = 2.0
WEBHOOK_TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What an owner of the service may want to know: addresses, and what the first start made up."""

    console_url: str
    onvif_url: str
    rtsp_url: str
    first: bootstrap.FirstStart
    pipeline: Pipeline
    """The way in for what happened elsewhere: plates that a camera reads itself, and tests."""
    local_token: str
    """An API token for programs of this machine, also in the data folder."""


@asynccontextmanager
async def running(settings: Settings, recognizer: Reads | None = None) -> AsyncIterator[Running]:
    """The whole service, from the first table to the last socket; it stops when the block is left."""
    async with AsyncExitStack() as stack:
        store = await _open_store(stack, settings)
        now = datetime.now(UTC)
        first = await bootstrap.first_start(store, now)
        rulebook = await _open_rulebook(store, now)
        reader = recognizer or await load_recognizer(settings)
        executor = _open_executor(stack, reader, settings)

        tasks = Tasks()
        snapshots, captures = await _open_snapshots(settings, store, reader, tasks)
        live, subscriptions, pictures = (
            Live(),
            Subscriptions(journal=store.journal),
            Pictures(folder=settings.data / "pictures"),
        )
        hub = Hub(version=VERSION, modules=(library := await _modules(settings)).modules)
        fleet = Fleet(
            recognizer=reader,
            executor=executor,
            lost_after=timedelta(seconds=settings.camera_lost_after_s),
            tasks=tasks,
            hub=hub,
            on_drop=subscriptions.forget_camera,
            on_passage=captures.note,
        )
        # Done when the cameras have stopped, and while the store is still open.
        stack.push_async_callback(jobs.surviving("funnels", partial(jobs.save_funnels, store, fleet)))
        await stack.enter_async_context(tasks)
        for closing in (live.close, subscriptions.close):
            stack.callback(closing)
        # A backlog may be told before the face listens; only a port that the system chooses is not known by then.
        dispatcher = Dispatcher(outbox=store.outbox)
        own_address = OwnAddress(settings.host, settings.onvif_port or None, settings.public_url)
        relays = RelayDriver(decisions=store.decisions, find_camera=fleet.find, tasks=tasks)

        def tell(event: Event) -> None:
            """After the commit, everybody: the page, pull points, metadata streams, outputs, the relays' memory."""
            live.publish(event)
            subscriptions.publish(event)
            fleet.tell(event, own_address.at)
            dispatcher.wake()
            _remember(event, face_relays, relays)

        pipeline = Pipeline(journal=store.journal, rulebook=rulebook, pictures=pictures, tell=tell, pulse=relays.start)
        fleet.report_to(pipeline)
        relays.report_to(pipeline)
        face_relays = FaceRelays(fleet=fleet, pipeline=pipeline, audit=store.audit, tasks=tasks)
        face_users = FaceUsers(onvif_users=store.onvif_users)

        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=WEBHOOK_TIMEOUT))
        server = Server(
            store=store,
            fleet=fleet,
            pipeline=pipeline,
            rulebook=rulebook,
            dispatcher=dispatcher,
            session=session,
            name=settings.server_name,
            public_url=own_address.public_url,
            own_url=own_address.towards,
            users_changed=face_users.reload,
            quota=(quota := Quota.of(settings, library)),
        )
        await server.open()
        _start_tasks(tasks, dispatcher, hub, pipeline, settings)
        await relays.recover()

        identity = await bootstrap.device_identity(store, name=settings.server_name, version=VERSION)
        face_cameras = FaceCameras(fleet=fleet)
        face = onvif_face.DeviceFace(
            identity=identity,
            users=face_users,
            cameras=face_cameras,
            relays=face_relays,
            imaging=FaceImaging(fleet=fleet),
            pictures=pictures,
            subscriptions=subscriptions,
        )
        rtsp = await stack.enter_async_context(
            RtspServer(
                host=settings.host,
                port=settings.rtsp_port,
                streams=fleet.streams,
                authorize=face.doorkeeper.authorize_rtsp,
            )
        )
        face_cameras.rtsp_port = rtsp.port
        onvif_port = own_address.port = await _serve(
            stack, onvif_face.create_app(face), settings.host, settings.onvif_port
        )
        console = create_app(
            Services(
                store=store,
                server=server,
                cameras=CameraControl(store=store, fleet=fleet, snapshots=snapshots, captures=captures, quota=quota),
                live=live,
                pictures=pictures,
                modules=quota.module_library,
                workers=hub,
            )
        )
        http_port = await _serve(stack, console, settings.host, settings.http_port)
        await _start_cameras(fleet, store, relays)
        await _answer_discovery(stack, settings, identity, onvif_port)
        stack.enter_context(
            jobs.schedule(
                store=store,
                fleet=fleet,
                pictures=pictures,
                snapshots=snapshots,
                retention=timedelta(hours=settings.retention_hours),
                undelivered_kept=timedelta(hours=settings.undelivered_hours),
            )
        )
        shown = "127.0.0.1" if settings.host == "0.0.0.0" else settings.host  # noqa: S104 - compared, not bound
        log.info("service running", console=f"http://{shown}:{http_port}", cameras=len(fleet.cameras))
        yield Running(
            console_url=f"http://{shown}:{http_port}",
            onvif_url=f"http://{shown}:{onvif_port}/onvif/device_service",
            rtsp_url=f"rtsp://{shown}:{rtsp.port}",
            first=first,
            pipeline=pipeline,
            local_token=await bootstrap.local_token(store, settings.local_token_file, now),
        )


async def _open_store(stack: AsyncExitStack, settings: Settings) -> Store:
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return await stack.enter_async_context(Store.in_folder(settings.data))


async def _open_rulebook(store: Store, now: datetime) -> Rulebook:
    rulebook = Rulebook(store=store)
    await rulebook.open(now)
    return rulebook


async def _open_snapshots(
    settings: Settings, store: Store, reader: Reads, tasks: Tasks
) -> tuple[SnapshotControl, AutoCaptures]:
    snapshots = SnapshotControl(folder=settings.data / "snapshots", recognizer=reader)
    captures = AutoCaptures(facts=store.facts, snapshots=snapshots, tasks=tasks)
    await captures.open()
    return snapshots, captures


def _start_tasks(tasks: Tasks, dispatcher: Dispatcher, hub: Hub, pipeline: Pipeline, settings: Settings) -> None:
    tasks.start(dispatcher.run(), name="dispatcher")
    lost_after = timedelta(seconds=settings.camera_lost_after_s)
    tasks.start(hub.watch_over(lost_after, pipeline.system), name="workers")


def _open_executor(stack: AsyncExitStack, reader: Reads, settings: Settings) -> ThreadPoolExecutor:
    executor = inference_threads(reader, settings)
    stack.callback(executor.shutdown, cancel_futures=True)
    return executor


def _remember(event: Event, *memories: FaceRelays | RelayDriver) -> None:
    if isinstance(event, RelayChanged):
        for memory in memories:
            memory.note(event)


async def _answer_discovery(
    stack: AsyncExitStack, settings: Settings, identity: DeviceIdentity, onvif_port: int
) -> None:
    if settings.discovery:
        await stack.enter_async_context(
            Discovery(
                identity=identity, http_port=onvif_port, port=settings.discovery_port, instance_id=int(time.time())
            )
        )


async def _start_cameras(fleet: Fleet, store: Store, relays: RelayDriver) -> None:
    """Each goes on counting where the last run ended; relays that it left active are let go.

    What another version kept of its settings and this one cannot use is told with the camera, and left in the store
    until its settings are saved again.
    """
    for record in await store.cameras.all():
        usable, refused = CameraRecognition.usable(record.recognition)
        left_out = [f"{name}: {reason}" for name, reason in refused.items()]
        if left_out:
            log.warning("settings left out", camera_id=record.camera_id, name=record.name, settings=left_out)
        await fleet.put(
            replace(record, recognition=usable.stored()),
            hours=await store.funnels.load(record.camera_id),
            left_out=left_out,
        )
    await relays.let_go()


async def _modules(settings: Settings) -> ModuleLibrary:
    """The country modules; what is special about the user's own goes into the log."""
    library = await asyncio.to_thread(ModuleLibrary.open, settings.data)
    for notice in library.notices:
        log.warning("country module", notice=notice)
    return library


async def _serve(stack: AsyncExitStack, app: web.Application, host: str, port: int) -> int:
    """Serve until the stack is left; the port, which the system chose when 0 was asked for."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT_S)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, host, port)
    await site.start()
    bound: int = runner.addresses[0][1]
    return bound
