"""One virtual camera, put together: the only module that knows both its services and its picture.

What runs, in the order it starts: the stage (picture), RTSP, HTTP (SOAP, snapshots, control), discovery. Leaving the
stack ends them in the opposite order.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol, Self

import structlog
from aiohttp import web

from events.metadata.rtsp import RtspServer
from events.metadata.rtsp_stream import Stream
from mock_vms.camera.authentication import Authentication
from mock_vms.camera.control import Control
from mock_vms.camera.discovery import LOOPBACK, DiscoveryResponder, local_address
from mock_vms.camera.discovery_messages import Target
from mock_vms.camera.door import BODY_LIMIT_BYTES, SoapDoor, refuse_bad_bodies
from mock_vms.camera.identity import Identity
from mock_vms.camera.ports import StagePort
from mock_vms.camera.relays import RelayBoard
from mock_vms.camera.services.device import DeviceService
from mock_vms.camera.services.deviceio import DeviceIOService
from mock_vms.camera.services.directory import Directory, Entry
from mock_vms.camera.services.events import EventService
from mock_vms.camera.services.imaging import ImagingService
from mock_vms.camera.services.media import MediaService
from mock_vms.camera.services.media2 import Media2Service
from mock_vms.camera.services.operation import UNREACHABLE_HOST, Operation, Service
from mock_vms.camera.services.relay_outputs import RelayOutputs
from mock_vms.camera.settings import VirtualCameraSettings
from mock_vms.camera.sources import Source
from mock_vms.camera.stage import Stage
from mock_vms.camera.state import CameraState, RelayOutput
from mock_vms.camera.subscriptions import PullPoints
from mock_vms.camera.times import CameraClock
from mock_vms.camera.xml import TDS, TEV, TIMG, TMD, TR2, TRT

_log = structlog.get_logger(__name__)
# A waiting PullMessages must not hold up the end; clients see a closed connection, as when a camera loses power.
_SHUTDOWN_TIMEOUT_S = 1.0


# Addresses to listen on that are none to be told.
_EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104  # compared with, not bound to


@asynccontextmanager
async def open_camera(
    settings: VirtualCameraSettings, *, source: Source, light: float = 1.0
) -> AsyncIterator[VirtualCamera]:
    """A camera that films `source`, on the network until the block is left."""
    relays = {token: RelayOutput(token=token) for token in settings.relays}
    state = CameraState(name=settings.name, relays=relays)
    async with (
        Stage(state=state, source=source, light=light) as stage,
        VirtualCamera(settings, state=state, stage=stage) as camera,
    ):
        yield camera


class StreamingStage(StagePort, Protocol):
    """A stage whose picture can also be watched over RTSP. It is opened and closed by whoever made it."""

    def rtsp_streams(self) -> Mapping[str, Stream]: ...


class VirtualCamera:
    """`async with VirtualCamera(settings, state=state, stage=stage) as camera:` and the camera is on the network."""

    def __init__(self, settings: VirtualCameraSettings, *, state: CameraState, stage: StreamingStage) -> None:
        self.settings = settings
        self.state = state
        self.stage = stage
        self.identity = Identity(name=settings.name, profile_scopes=settings.profile_scopes)
        self.clock = CameraClock(offset=settings.quirks.clock_skew)
        self.relays = RelayBoard(state=state)
        self.pull_points = PullPoints()
        self.authentication = Authentication(users=settings.users, clock=self.clock, quirks=settings.quirks)
        relay_outputs = RelayOutputs(board=self.relays)
        io = DeviceIOService(relays=relay_outputs)
        self._directory = Directory(profile_count=lambda: len(state.encoders), io_counters=io.counters)
        self._device = DeviceService(
            identity=self.identity,
            users=settings.users,
            clock=self.clock,
            directory=self._directory,
            relays=relay_outputs,
            quirks=settings.quirks,
            reboot=self.reboot,
        )
        self._events = EventService(state=state, clock=self.clock, quirks=settings.quirks, pull_points=self.pull_points)
        self._door = self._make_door(io)
        self._stack = AsyncExitStack()
        self._rtsp: RtspServer | None = None
        self._discovery: DiscoveryResponder | None = None
        self._http_port = 0

    def _make_door(self, io: DeviceIOService) -> SoapDoor:
        quirks = self.settings.quirks
        media = MediaService(state=self.state, quirks=quirks)
        media2 = Media2Service(state=self.state, quirks=quirks)
        imaging = ImagingService(state=self.state, quirks=quirks)
        rows: list[tuple[str, str, Service]] = [
            (TDS, "device_service", self._device),
            (TRT, "media_service", media),
            (TR2, "media2_service", media2),
            (TIMG, "imaging_service", imaging),
            (TEV, "event_service", self._events),
            (TMD, "deviceio_service", io),
        ]
        if quirks.media1_only:
            rows = [row for row in rows if row[0] != TR2]
        for namespace, path, service in rows:
            self._directory.add(Entry(namespace=namespace, path=path, capabilities=service.capabilities))
        return SoapDoor(
            tables={path: service.operations for _, path, service in rows},
            subscription_table=self._events.subscription_operations,
            authentication=self.authentication,
            quirks=quirks,
            state=self.state,
            stage=self.stage,
        )

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self.state.listeners.append(self._events.relay_changed)
            stack.callback(self.state.listeners.remove, self._events.relay_changed)
            stack.callback(self.relays.close)
            self._rtsp = await stack.enter_async_context(self._make_rtsp())
            self._door.rtsp_port = self._rtsp.port
            await self._start_http(stack)
            self._discovery = await stack.enter_async_context(self._make_discovery())
            self._stack = stack.pop_all()
        _log.info("virtual camera open", name=self.settings.name, device=self.device_url)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.pull_points.remove_all()
        await self._stack.aclose()

    @property
    def public_host(self) -> str:
        """A host name for this machine: the one listened on, or the default interface's when that is all of them."""
        return local_address() if self.settings.host in _EVERYWHERE else self.settings.host

    @property
    def device_url(self) -> str:
        return f"http://{_bracketed(self.public_host)}:{self._http_port}/onvif/device_service"

    @property
    def control_url(self) -> str:
        """Loopback, because only loopback clients are answered there."""
        host = "127.0.0.1" if self.settings.host in _EVERYWHERE else self.settings.host
        return f"http://{_bracketed(host)}:{self._http_port}/control"

    @property
    def http_port(self) -> int:
        return self._http_port

    @property
    def discovery_port(self) -> int | None:
        """Where unicast probes are answered, None when they are not."""
        return None if self._discovery is None else self._discovery.port

    @property
    def discovery_interfaces(self) -> tuple[str, ...]:
        """The local addresses on which multicast probes are heard."""
        return () if self._discovery is None else self._discovery.interfaces

    @property
    def operations(self) -> Mapping[str, Mapping[str, Operation]]:
        """What can be asked, by the last part of the address; the pull points' addresses count as one."""
        return {**self._door.tables, "subscription": self._events.subscription_operations}

    def stream_url(self, encoder_token: str) -> str:
        if self._rtsp is None:
            raise RuntimeError("the camera is not open: use it as `async with`")
        return self._rtsp.url(f"/{encoder_token}", host=self.public_host)

    def reboot(self) -> None:
        """What clients notice of a reboot: subscriptions are gone, and discovery says bye and hello."""
        self.pull_points.remove_all()
        if self._discovery is not None:
            self._discovery.restart()

    def _make_rtsp(self) -> RtspServer:
        digest = self.authentication.rtsp_digest

        def challenges(method: str, url: str, authorization: str | None, address: str) -> list[str]:
            if digest.authorize(method, url, authorization):
                return []
            return [digest.challenge(stale=digest.is_stale(method, url, authorization))]

        return RtspServer(
            host=self.settings.host,
            port=self.settings.rtsp_port,
            streams=self.stage.rtsp_streams(),
            authorize=challenges,
        )

    async def _start_http(self, stack: AsyncExitStack) -> None:
        app = web.Application(client_max_size=BODY_LIMIT_BYTES, middlewares=[refuse_bad_bodies])
        app.add_routes(self._door.routes())
        app.add_routes(Control(state=self.state, stage=self.stage, board=self.relays).routes())
        # A client that hangs up while it pulls ends the pull, so that its messages stay for the next one.
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_TIMEOUT_S, handler_cancellation=True)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, self.settings.host, self.settings.http_port)
        await site.start()
        self._http_port = int(runner.addresses[0][1])

    def _make_discovery(self) -> DiscoveryResponder:
        return DiscoveryResponder(
            target=Target(endpoint_reference=self.identity.endpoint_reference, scopes=self.identity.scopes),
            xaddr=self._device_address,
            is_discoverable=lambda: self._device.discoverable,
            host=self.settings.host,
            unicast_port=self.settings.discovery_port,
            multicast=self.settings.multicast,
            # A camera that listens on one address must not offer it where it cannot be reached.
            interfaces=None
            if self.settings.host in _EVERYWHERE
            else tuple(dict.fromkeys((self.settings.host, LOOPBACK))),
        )

    def _device_address(self, interface: str) -> str:
        """The device address for a client that reaches us by `interface`; a camera bound to one host has only that."""
        host = interface if self.settings.host in _EVERYWHERE else self.settings.host
        if self.settings.quirks.wrong_discovery_xaddr:
            host = UNREACHABLE_HOST
        return f"http://{_bracketed(host)}:{self._http_port}/onvif/device_service"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
