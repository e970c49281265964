"""The console on a real socket with a real store; only the cameras and the process behind it are made up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher

from adapter.api.app import create_app
from adapter.api.ports import (
    CameraFigures,
    CameraHealth,
    CameraProblem,
    CameraState,
    FoundCamera,
    OutputCounts,
    ServerStatus,
    Services,
)
from adapter.api.status import status_text
from adapter.auto_capture import AutoCaptures, Capture
from adapter.camera_control import CameraControl
from adapter.pictures import Pictures
from adapter.quota import Quota
from adapter.setting_state import SettingsState
from adapter.snapshot_control import SnapshotControl
from adapter.store.cameras import CameraRecord
from adapter.store.store import Store
from adapter.store.users import Role
from adapter.suitability_types import Suitability
from adapter.tasks import Tasks
from adapter.workers.hub import Hub
from events.live import Live
from inference.funnel import Funnel, FunnelHour
from inference.plate_views import PlateViews
from inference.rejects import Rejected, Rejects
from inference.snapshots import Snapshot
from inference.types import Frame
from tests.fakes.snapshot_scenes import Scenes
from tests.rules.examples import NOON

PASSWORD = "correct horse"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class FakeService:
    """Server and camera control in one; remembers what it was told."""

    store: Store
    name: str = "gatehouse"
    told: list[str] = field(default_factory=list)
    problem: str = ""
    scenes: Scenes = field(default_factory=Scenes)
    control: CameraControl | None = None
    fleet: StillFleet | None = None
    """The real one, over a fleet that runs nothing."""
    outputs: dict[str, OutputCounts] = field(default_factory=dict)
    crowd: Sequence[CameraFigures] = ()
    """More cameras than one would add in a test."""

    async def status(self) -> ServerStatus:
        cameras = [
            CameraHealth(
                camera_id=one.camera_id,
                name=one.name,
                state=CameraState.RUNNING if one.enabled else CameraState.DISABLED,
                frames_per_second=4.0,
                recognized=12,
                frames_missed=37,
            )
            for one in await self.store.cameras.all()
        ]
        return ServerStatus(
            name=self.name,
            host_name="gatehouse.example.org",
            status=status_text(cameras),
            version="1.0",
            started_at=datetime(2026, 5, 1, tzinfo=UTC),
            uptime_s=93_784,
            cpu_percent=23.4,
            memory_available_mb=5120,
            recognized=1234,
            cameras=cameras,
            modules_in_use=2,
        )

    async def rename(self, name: str) -> None:
        self.name = name

    async def rules_changed(self) -> None:
        self.told.append("rules")

    async def onvif_users_changed(self) -> None:
        self.told.append("onvif users")

    async def outputs_changed(self) -> None:
        self.told.append("outputs")

    def output_counts(self) -> Mapping[str, OutputCounts]:
        return self.outputs

    async def test_output(self, output_id: str) -> str:
        return self.problem

    async def add(self, record: CameraRecord) -> CameraRecord:
        if self.problem:
            raise CameraProblem(self.problem)
        stored = replace(record, profile_token="profile1")
        await self.store.cameras.add(stored)
        return stored

    async def change(self, record: CameraRecord) -> CameraRecord:
        await self.store.cameras.save(record)
        return record

    async def remove(self, camera_id: str) -> None:
        await self.store.cameras.remove(camera_id)

    async def discover(self) -> Sequence[FoundCamera]:
        return [FoundCamera(address="http://192.0.2.7/onvif/device_service", name="North")]

    async def test(self, camera_id: str) -> Mapping[str, Any]:
        return {"model": "Virtual", "profiles": ["main"], "relays": ["gate", "lamp"]}

    async def try_connection(
        self, address: str, user: str, password: str | None, camera_id: str, *, verify_tls: bool | None
    ) -> Mapping[str, Any]:
        if self.problem:
            raise CameraProblem(self.problem)
        return {"onvif": True, "device": {"model": "Virtual"}, "login": user, "profiles": ["main"]}

    async def tune(
        self, camera_id: str, max_speed_kmh: float | None, area_width_cm: float | None, apply: bool
    ) -> Mapping[str, Any]:
        if self.problem:
            raise CameraProblem(self.problem)
        change = {"field": "exposure_time", "current": "1/50 s", "desired": "1/500 s", "reason": "Vehicles move."}
        told = {"field": "exposure_time", "asked": "1/500 s", "got": "1/400 s", "ok": False, "detail": "The nearest."}
        return {
            "changes": [{"part": "imaging", **change}],
            "warnings": ["Dark at night."],
            "knobs": [{"name": "Shutter", "now": "1/50 s", "does": "freezes vehicles", "costs": "light"}],
            "checklist": ["Mount it lower."],
            "applied": [told] if apply else [],
        }

    async def rollback(self, camera_id: str) -> Sequence[Mapping[str, Any]]:
        change = {"field": "sharpness", "asked": "50", "got": "50", "ok": not self.problem, "detail": self.problem}
        return [change]

    async def suitability(self, camera_id: str) -> Suitability:
        return await self.control.suitability(camera_id)

    async def settings(self, camera_id: str) -> SettingsState:
        return await self.control.settings(camera_id)

    async def try_settings(self, camera_id: str, recognition: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self.control.try_settings(camera_id, recognition)

    @property
    def captures(self) -> AutoCaptures:
        return self.control.captures

    async def start_capture(self, camera_id: str, vehicles: int, hours: float) -> Capture:
        return await self.control.start_capture(camera_id, vehicles, hours)

    async def snapshot(self, camera_id: str) -> bytes:
        if self.problem:
            raise CameraProblem(self.problem)
        return b"\xff\xd8\xff\xd9"

    @property
    def snapshots(self) -> SnapshotControl:
        return self.control.snapshots

    async def take_snapshot(self, camera_id: str) -> Snapshot:
        return await self.control.take_snapshot(camera_id)

    async def autoconfigure(self, camera_id: str, apply: bool) -> Mapping[str, Any]:
        return await self.control.autoconfigure(camera_id, apply)

    async def undo_autoconfigure(self, camera_id: str) -> CameraRecord:
        return await self.control.undo_autoconfigure(camera_id)

    async def funnel(self, camera_id: str) -> Sequence[FunnelHour]:
        return await self.control.funnel(camera_id)

    async def figures(self) -> Sequence[CameraFigures]:
        return self.crowd or await self.control.figures()

    def rejects(self, camera_id: str) -> Sequence[Rejected]:
        return self.control.rejects(camera_id)

    def rejected_picture(self, camera_id: str, reject_id: int) -> bytes:
        return self.control.rejected_picture(camera_id, reject_id)


@dataclass
class StillCamera:
    """A camera at rest: one frame, what its funnel counted, and what it refused."""

    last_frame: Frame | None = None
    record: CameraRecord | None = None
    funnel: Funnel = field(default_factory=Funnel)
    health: CameraHealth = field(
        default_factory=lambda: CameraHealth(
            camera_id="still", name="Still", state=CameraState.RUNNING, frames_per_second=5.0
        )
    )
    rejects: Rejects = field(default_factory=Rejects)
    views: PlateViews = field(default_factory=PlateViews)
    is_onvif: bool = False
    interlaced: bool = False
    stream_rate: float | None = None


@dataclass
class StillFleet:
    """Runs nothing; remembers what was put."""

    cameras: dict[str, StillCamera] = field(default_factory=dict)
    put_records: list[CameraRecord] = field(default_factory=list)

    async def put(self, record: CameraRecord) -> None:
        self.put_records.append(record)

    async def drop(self, camera_id: str) -> None:
        self.cameras.pop(camera_id, None)

    def find(self, camera_id: str) -> StillCamera | None:
        return self.cameras.get(camera_id)


@dataclass
class Console:
    """A running console and what is behind it."""

    store: Store
    service: FakeService
    live: Live
    clock: Clock
    server: TestServer
    client: TestClient
    workers: Hub
    tokens: dict[Role, dict[str, str]] = field(default_factory=dict)

    async def token(self, role: Role = Role.ADMINISTRATOR) -> dict[str, str]:
        _, text = await self.store.tokens.add(
            role.value, role, created_by="test", now=self.clock.now, expires_at=self.clock.now + timedelta(days=1)
        )
        return {"Authorization": f"Bearer {text}"}

    async def call(self, method: str, path: str, *, role: Role = Role.ADMINISTRATOR, **options: Any) -> tuple[int, Any]:
        if role not in self.tokens:
            self.tokens[role] = await self.token(role)
        headers = {**self.tokens[role], **options.pop("headers", {})}
        async with self.client.request(method, "/api/v1" + path, headers=headers, **options) as response:
            if response.content_type == "application/json":
                return response.status, await response.json()
            return response.status, await response.read()

    async def sign_in(self, name: str, password: str = PASSWORD) -> int:
        async with self.client.post(
            "/login", data={"name": name, "password": password}, allow_redirects=False
        ) as response:
            return response.status


@asynccontextmanager
async def running_console(folder: Path) -> AsyncIterator[Console]:
    clock = Clock()
    async with Store.in_folder(folder, hasher=CHEAP) as store, Tasks() as tasks:
        service, live = FakeService(store), Live()
        snapshots = SnapshotControl(folder=folder / "snapshots", recognizer=service.scenes, clock=clock)
        service.fleet = StillFleet()
        captures = AutoCaptures(facts=store.facts, snapshots=snapshots, tasks=tasks, clock=clock)
        service.control = CameraControl(
            store=store, fleet=service.fleet, snapshots=snapshots, captures=captures, quota=Quota()
        )
        workers = Hub(ask_token_every=timedelta(seconds=0.2))
        app = create_app(
            Services(
                store=store,
                server=service,
                cameras=service,
                live=live,
                pictures=Pictures(folder=folder / "pictures"),
                workers=workers,
                clock=clock,
            )
        )
        server = TestServer(app)
        async with TestClient(server) as client:
            await store.users.add("anna", PASSWORD, Role.ADMINISTRATOR, now=NOON, must_change=False)
            yield Console(
                store=store,
                service=service,
                live=live,
                clock=clock,
                server=server,
                client=client,
                workers=workers,
            )
            live.close()


@pytest.fixture
async def console(data_folder: Path) -> AsyncIterator[Console]:
    async with running_console(data_folder) as console:
        yield console
