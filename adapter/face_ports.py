"""What the ONVIF face asks for, answered from the fleet, the store and the pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import structlog
from lxml import etree

from adapter.api.ports import CameraState
from adapter.fleet import Fleet, metadata_path
from adapter.onvif_device.ports import (
    FaceCamera,
    FaceRelay,
    FaceUser,
    ImagingRefused,
    NoImaging,
    RelayRefused,
    UserLevel,
)
from adapter.pipeline import Pipeline
from adapter.store.audit import Audit, AuditEntry
from adapter.store.errors import StoreError
from adapter.store.onvif_users import OnvifUser, OnvifUsers
from adapter.tasks import Tasks
from events.types import RelayChanged, RelayState
from events.xmlns import NAMESPACES
from onvif_client.errors import CameraError, CameraUnsupported

log = structlog.get_logger(__name__)

_TIMG = NAMESPACES["timg"]
_LEVELS = {"User": UserLevel.USER, "Operator": UserLevel.OPERATOR, "Administrator": UserLevel.ADMINISTRATOR}
_ONLINE = {CameraState.RUNNING: True, CameraState.LOST: False}


class FaceCameras:
    """The LPR cameras as profiles; their stream is the metadata we make."""

    def __init__(self, *, fleet: Fleet) -> None:
        self._fleet = fleet
        self.rtsp_port = 0
        """Known once the RTSP server stands."""

    def cameras(self) -> Sequence[FaceCamera]:
        return [self._camera(camera.camera_id, camera.name) for camera in self._fleet.cameras if camera.record.enabled]

    def _camera(self, camera_id: str, name: str) -> FaceCamera:
        camera = self._fleet.find(camera_id)
        frame = camera.last_frame if camera else None
        # Whether the picture of a camera that is being connected comes is not known yet.
        online = _ONLINE.get(camera.health.state) if camera else None
        if frame is None:
            return FaceCamera(camera_id=camera_id, name=name, online=online)
        width, height = frame.size
        return FaceCamera(camera_id=camera_id, name=name, width_px=width, height_px=height, online=online)

    def stream_uri(self, camera_id: str, host: str) -> str | None:
        if self._fleet.track(camera_id) is None:
            return None
        return f"rtsp://{host}:{self.rtsp_port}{metadata_path(camera_id)}"

    async def snapshot(self, camera_id: str) -> bytes | None:
        camera = self._fleet.find(camera_id)
        return None if camera is None else await camera.snapshot()


class FaceUsers:
    """The face's own accounts, read from the store when they change, so that a request waits for no database."""

    def __init__(self, *, onvif_users: OnvifUsers) -> None:
        self._store = onvif_users
        self._users: dict[str, FaceUser] = {}

    async def reload(self) -> None:
        self._users = {user.name: _face_user(user) for user in await self._store.all()}

    def find(self, name: str) -> FaceUser | None:
        return self._users.get(name)

    def all(self) -> Sequence[FaceUser]:
        return list(self._users.values())


class FaceRelays:
    """Relays of all cameras, as a VMS may drive them. Every order of a VMS is audited and told."""

    def __init__(self, *, fleet: Fleet, pipeline: Pipeline, audit: Audit, tasks: Tasks) -> None:
        self._fleet = fleet
        self._pipeline = pipeline
        self._audit = audit
        self._tasks = tasks
        self._states: dict[tuple[str, str], RelayState] = {}
        self._falling: dict[tuple[str, str], asyncio.Task[None]] = {}
        """Relays that a VMS set active and that fall back by themselves."""

    def note(self, change: RelayChanged) -> None:
        """Remember what a relay was last told to be. What it was to fall back from counts no more."""
        relay = change.camera_id, change.relay_token
        self._states[relay] = change.state
        if (falling := self._falling.pop(relay, None)) is not None:
            falling.cancel()

    def relays(self) -> Sequence[FaceRelay]:
        return [
            FaceRelay(
                camera_id=camera.camera_id,
                relay_token=relay.token,
                monostable=relay.monostable,
                pulse=relay.delay,
                idle_open=relay.idle_open,
                state=self._states.get((camera.camera_id, relay.token), RelayState.INACTIVE),
            )
            for camera in self._fleet.cameras
            for relay in camera.relays
        ]

    async def set_state(self, *, camera_id: str, relay_token: str, state: RelayState, by: str) -> None:
        camera = self._fleet.find(camera_id)
        if camera is None:
            raise RelayRefused(f"There is no camera {camera_id}.")
        entry = AuditEntry(
            at=datetime.now(UTC),
            actor=f"onvif:{by}",
            action="set relay",
            subject=f"{camera.name}/{relay_token}",
            detail=state,
        )
        await self._audit.add(entry)
        try:
            await camera.onvif.set_relay(relay_token, state is RelayState.ACTIVE)
        except CameraError as error:
            raise RelayRefused(str(error)) from error
        change = RelayChanged(
            event_id=uuid4().hex,
            utc_time=datetime.now(UTC),
            camera_id=camera_id,
            relay_token=relay_token,
            state=state,
            decision_id=f"onvif:{by}",
        )
        await self._pipeline.record(change)
        delay = next((relay.delay for relay in camera.relays if relay.token == relay_token and relay.monostable), None)
        if state is RelayState.ACTIVE and delay is not None:
            falls = self._fall_back(change, delay)
            self._falling[camera_id, relay_token] = self._tasks.start(falls, name=f"relay {relay_token} falls back")

    async def _fall_back(self, change: RelayChanged, delay: timedelta) -> None:
        """Tell that a relay has released itself."""
        await asyncio.sleep(delay.total_seconds())
        # It is told by this task, which must not be cancelled for it.
        self._falling.pop((change.camera_id, change.relay_token), None)
        released = replace(change, event_id=uuid4().hex, utc_time=datetime.now(UTC), state=RelayState.INACTIVE)
        try:
            await self._pipeline.record(released)
        except StoreError as error:
            log.error("event of a relay lost", camera_id=change.camera_id, error=str(error))


class FaceImaging:
    """Imaging requests go through to the camera, which knows its own ranges."""

    def __init__(self, *, fleet: Fleet) -> None:
        self._fleet = fleet

    async def forward(self, *, camera_id: str, operation: str, arguments: Sequence[etree._Element]) -> etree._Element:
        camera = self._fleet.find(camera_id)
        if camera is None or camera.profile is None or camera.profile.video_source_token is None:
            raise NoImaging
        request = etree.Element(f"{{{_TIMG}}}{operation}", nsmap={"timg": _TIMG, "tt": NAMESPACES["tt"]})
        token = etree.SubElement(request, f"{{{_TIMG}}}VideoSourceToken")
        token.text = camera.profile.video_source_token
        request.extend(arguments)
        try:
            return await camera.onvif.services.ask(_TIMG, request)
        except CameraUnsupported as error:
            raise NoImaging from error
        except CameraError as error:
            raise ImagingRefused(str(error)) from error


def _face_user(user: OnvifUser) -> FaceUser:
    return FaceUser(name=user.name, password=user.password, level=_LEVELS[user.level.value])
