"""The device face on a socket, with everything behind it in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from adapter.onvif_device.face import DeviceFace, Patience, create_app
from adapter.onvif_device.ports import (
    DeviceIdentity,
    FaceCamera,
    FaceRelay,
    FaceUser,
    ImagingRefused,
    NoImaging,
    RelayRefused,
    UserLevel,
)
from events.onvif.subscriptions import Subscriptions
from events.types import RelayState
from events.xmlns import Element, node
from tests.fakes.memory_outbox import MemoryJournal

IDENTITY = DeviceIdentity(
    device_uuid="urn:uuid:5b1f0a3e-3c55-4d5e-9d1c-0242ac110002", name="Gate adapter", location="North yard"
)


class FakeUsers:
    def __init__(self) -> None:
        self.users = {
            "admin": FaceUser(name="admin", password="admin-pass", level=UserLevel.ADMINISTRATOR),
            "guard": FaceUser(name="guard", password="guard-pass", level=UserLevel.OPERATOR),
            "viewer": FaceUser(name="viewer", password="viewer-pass", level=UserLevel.USER),
        }

    def find(self, name: str) -> FaceUser | None:
        return self.users.get(name)

    def all(self) -> Sequence[FaceUser]:
        return tuple(self.users.values())


class FakeCameras:
    def __init__(self) -> None:
        self.list = [
            FaceCamera(camera_id="north", name="Gate North"),
            FaceCamera(camera_id="south", name="Gate South", width_px=1920, height_px=1080, encoding="JPEG"),
        ]
        self.snapshots: dict[str, bytes] = {"north": b"\xff\xd8jpeg\xff\xd9"}

    def cameras(self) -> Sequence[FaceCamera]:
        return tuple(self.list)

    def stream_uri(self, camera_id: str, host: str) -> str | None:
        return f"rtsp://{host}:8554/{camera_id}" if camera_id == "north" else None

    async def snapshot(self, camera_id: str) -> bytes | None:
        return self.snapshots.get(camera_id)


class FakeRelays:
    def __init__(self) -> None:
        self.list = [FaceRelay(camera_id="north", relay_token="gate")]
        self.asked: list[tuple[str, str, RelayState, str]] = []
        self.refusal: str | None = None

    def relays(self) -> Sequence[FaceRelay]:
        return tuple(self.list)

    async def set_state(self, *, camera_id: str, relay_token: str, state: RelayState, by: str) -> None:
        if self.refusal:
            raise RelayRefused(self.refusal)
        self.asked.append((camera_id, relay_token, state, by))


class FakeImaging:
    """`north` is an ONVIF camera, every other one is not."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, list[str]]] = []
        self.refusal: str | None = None
        self.hangs = False
        self.says_nothing = False

    async def forward(self, *, camera_id: str, operation: str, arguments: Sequence[Element]) -> Element:
        if camera_id != "north":
            raise NoImaging
        if self.refusal:
            raise ImagingRefused(self.refusal)
        if self.hangs:
            await asyncio.Event().wait()
        self.asked.append((camera_id, operation, [str(argument.tag) for argument in arguments]))
        if self.says_nothing:
            return node(f"timg:{operation}Response")
        if operation == "GetImagingSettings":
            exposure = node(
                "tt:Exposure", node("tt:Mode", "MANUAL"), node("tt:ExposureTime", "500"), node("tt:Gain", "3")
            )
            return node("timg:GetImagingSettingsResponse", node("timg:ImagingSettings", exposure))
        return node(f"timg:{operation}Response", *_IMAGING_CONTENT.get(operation, tuple)())


def _options() -> tuple[Element]:
    exposure = node(
        "tt:Exposure",
        node("tt:Mode", "MANUAL"),
        node("tt:ExposureTime", node("tt:Min", "20"), node("tt:Max", "40000")),
    )
    return (node("timg:ImagingOptions", exposure),)


_IMAGING_CONTENT = {
    "GetOptions": _options,
    "GetMoveOptions": lambda: (node("timg:MoveOptions"),),
    "GetStatus": lambda: (node("timg:Status"),),
}


@dataclass
class FakePictures:
    folder: Path

    def find(self, name: str) -> Path | None:
        path = self.folder / name
        return path if path.is_file() else None


@dataclass
class FakeClock:
    """The true time, plus what a test adds."""

    offset_s: float = 0.0

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(datetime.now(UTC).timestamp() + self.offset_s, UTC)


@dataclass
class RunningFace:
    folder: Path
    port: int = 0
    clock: FakeClock = field(default_factory=FakeClock)
    users: FakeUsers = field(default_factory=FakeUsers)
    cameras: FakeCameras = field(default_factory=FakeCameras)
    relays: FakeRelays = field(default_factory=FakeRelays)
    imaging: FakeImaging = field(default_factory=FakeImaging)
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    patience: Patience = field(default_factory=Patience)
    subscriptions: Subscriptions = field(init=False)
    face: DeviceFace = field(init=False)

    def __post_init__(self) -> None:
        self.subscriptions = Subscriptions(journal=self.journal, clock=self.clock)
        self.face = DeviceFace(
            identity=IDENTITY,
            users=self.users,
            cameras=self.cameras,
            relays=self.relays,
            imaging=self.imaging,
            pictures=FakePictures(self.folder),
            subscriptions=self.subscriptions,
            clock=self.clock,
            patience=self.patience,
        )

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url(self, service: str = "device_service") -> str:
        return f"{self.base_url}/onvif/{service}"


@asynccontextmanager
async def running_face(folder: Path, patience: Patience | None = None) -> AsyncIterator[RunningFace]:
    """A face on a free loopback port."""
    running = RunningFace(folder=folder, patience=patience or Patience())
    runner = web.AppRunner(create_app(running.face), shutdown_timeout=30)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    running.port = runner.addresses[0][1]
    try:
        yield running
    finally:
        await runner.cleanup()
