"""What the console and the API need from the running service. `adapter/service.py` provides it, tests fake it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from adapter.auto_capture import Capture
from adapter.setting_state import SettingsState
from adapter.store.cameras import CameraRecord
from adapter.store.store import Store
from adapter.suitability_types import Suitability
from adapter.workers.hub import Hub
from events.types import Event
from inference.funnel import FunnelHour
from inference.module_library import ModuleLibrary
from inference.rejects import Rejected
from inference.snapshots import Snapshot


class CameraProblem(Exception):
    """A camera did not do what was asked. The message is a sentence with the cause and the cure."""


class CameraState(StrEnum):
    RUNNING = "running"
    CONNECTING = "connecting"
    LOST = "connection lost"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraHealth:
    """One camera as the server page shows it (M-155)."""

    camera_id: str
    name: str
    server: str = ""
    """The worker that watches it; empty for this server itself."""
    state: CameraState
    detail: str = ""
    frames_per_second: float = 0.0
    recognized: int = 0
    result_delay_s: float | None = None
    """From the first sight of a plate until its result is told, on average of the last hours (M-232)."""
    frames_missed: int = 0
    """Frames that were due to be looked at and were replaced by newer ones: the computer was too slow for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFigures:
    """One camera as a monitoring system sees it."""

    health: CameraHealth
    counted: FunnelHour
    """All that was counted since the process started; no figure falls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputCounts:
    """What one output has done since the process started; no figure falls."""

    sent: int = 0
    failed: int = 0
    parked: int = 0
    error: str = ""
    """Why the last attempt failed; empty when it did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """The server page (M-139 to M-157). None for an availability means unlimited."""

    name: str
    host_name: str
    status: str
    """One of the manual's strings: see `adapter.api.status.status_text`."""
    detail: str = ""
    version: str
    started_at: datetime
    uptime_s: float
    cpu_percent: float
    memory_available_mb: float
    recognized: int
    cameras: Sequence[CameraHealth] = ()
    cameras_in_use: int = 0
    cameras_available: int | None = None
    modules_in_use: int = 0
    modules_available: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCamera:
    """A device that answered discovery."""

    address: str
    name: str = ""
    hardware: str = ""


class Server(Protocol):
    """The running service as a whole."""

    async def status(self) -> ServerStatus: ...

    async def rename(self, name: str) -> None:
        """Another name for this LPR server, kept over restarts (M-141)."""

    async def rules_changed(self) -> None:
        """Lists, alarm definitions, relay actions or a camera's choice of lists changed in the store."""

    async def onvif_users_changed(self) -> None:
        """Accounts of the ONVIF face changed in the store: let in whom it says now."""

    async def outputs_changed(self) -> None:
        """Outputs changed in the store, or dead letters were replayed: dispatch anew."""

    def output_counts(self) -> Mapping[str, OutputCounts]:
        """By output id; an output that was never enabled since the process started has none."""

    async def test_output(self, output_id: str) -> str:
        """Send a test message now; an empty text when the receiver took it, else what it said."""


class CameraControl(Protocol):
    """Commands to cameras. All may raise CameraProblem, and NotFound or Conflict of the store."""

    async def add(self, record: CameraRecord) -> CameraRecord:
        """Connect, fill in tokens, store and start; the record as stored."""

    async def change(self, record: CameraRecord) -> CameraRecord:
        """Store and go on with the new record: in place where that can be, else started again."""

    async def remove(self, camera_id: str) -> None:
        """Stop and forget."""

    async def discover(self) -> Sequence[FoundCamera]:
        """Cameras in the network that answer WS-Discovery."""

    async def test(self, camera_id: str) -> Mapping[str, Any]:
        """Connect anew and say what was found: JSON-ready values for a person to read."""

    async def try_connection(
        self, address: str, user: str, password: str | None, camera_id: str, *, verify_tls: bool | None
    ) -> Mapping[str, Any]:
        """Connect with what is not stored (yet) and say what was found; nothing is changed.

        With the id of a stored camera, its password and whether its certificate is checked are taken when not given.
        """

    async def tune(
        self, camera_id: str, max_speed_kmh: float | None, area_width_cm: float | None, apply: bool
    ) -> Mapping[str, Any]:
        """The plan for imaging and encoder, and when `apply`, what was asked and got per field; JSON-ready.

        Without a speed the camera's own is taken; Refused when none is known.
        """

    async def rollback(self, camera_id: str) -> Sequence[Mapping[str, Any]]:
        """Put imaging and encoder back as they were before the first tuning, told per field. Refused without one."""

    async def suitability(self, camera_id: str) -> Suitability:
        """How well the camera suits plates, and what weakens it; one that does not answer is judged by its pictures."""

    async def settings(self, camera_id: str) -> SettingsState:
        """Every recognition setting with its value, cost and state."""

    async def try_settings(self, camera_id: str, recognition: Mapping[str, Any]) -> Mapping[str, Any]:
        """What some changed settings would cost, and what the snapshots would read with them; nothing is stored."""

    @property
    def captures(self) -> Captures: ...

    async def start_capture(self, camera_id: str, vehicles: int, hours: float) -> Capture:
        """Keep a snapshot of each of the next vehicles that pass."""

    async def snapshot(self, camera_id: str) -> bytes:
        """The newest picture as JPEG."""

    @property
    def snapshots(self) -> Snapshots: ...

    async def take_snapshot(self, camera_id: str) -> Snapshot:
        """Keep the newest picture in the camera's set of snapshots."""

    async def autoconfigure(self, camera_id: str, apply: bool) -> Mapping[str, Any]:
        """Settings from the approved snapshots, with before and after; stored when `apply`. JSON-ready."""

    async def undo_autoconfigure(self, camera_id: str) -> CameraRecord:
        """Put the settings back that the last auto-configuration overwrote."""

    async def funnel(self, camera_id: str) -> Sequence[FunnelHour]:
        """Where plates get lost, hour by hour, oldest first."""

    async def figures(self) -> Sequence[CameraFigures]:
        """Of every camera, by name; disabled ones and those that could not be started included."""

    def rejects(self, camera_id: str) -> Sequence[Rejected]:
        """The newest finds that were not read, newest first."""

    def rejected_picture(self, camera_id: str, reject_id: int) -> bytes:
        """One of them as JPEG. Raises NotFound."""


class Captures(Protocol):
    """`adapter.auto_capture.AutoCaptures` fits."""

    def find(self, camera_id: str) -> Capture | None: ...
    async def stop(self, camera_id: str) -> None: ...


class Snapshots(Protocol):
    """Pictures of one camera that a person approved or rejected. May raise SnapshotsProblem of `inference`."""

    async def all(self, camera_id: str) -> Mapping[str, Any]: ...
    async def add(self, camera_id: str, content: bytes) -> Snapshot: ...
    async def path(self, camera_id: str, name: str) -> Path: ...
    async def change(self, record: CameraRecord, name: str, changes: Mapping[str, Any]) -> Snapshot: ...
    async def remove(self, camera_id: str, name: str) -> None: ...
    async def analyse(self, record: CameraRecord, name: str) -> Mapping[str, Any]: ...
    async def validate(self, record: CameraRecord, recognition: Mapping[str, Any] | None) -> Mapping[str, Any]: ...


class LiveEvents(Protocol):
    """`events.live.Live` fits."""

    def subscribe(self, name: str, maxsize: int = 256) -> AbstractContextManager[AsyncIterator[Event]]: ...


class PictureFiles(Protocol):
    """`adapter.pictures.Pictures` fits."""

    def find(self, name: str) -> Path | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything handlers may use."""

    store: Store
    server: Server
    cameras: CameraControl
    live: LiveEvents
    pictures: PictureFiles
    modules: ModuleLibrary = field(default_factory=ModuleLibrary)
    workers: Hub = field(default_factory=Hub)
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


SERVICES = web.AppKey("services", Services)
