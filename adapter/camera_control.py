"""What people do to cameras: find, add, change, test, tune. The answers are for a person to read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from adapter.api.ports import CameraFigures, CameraHealth, CameraProblem, CameraState, FoundCamera
from adapter.auto_capture import AutoCaptures, Capture
from adapter.camera_connection import connection_to
from adapter.camera_recognition import CameraRecognition, SettingsRefused
from adapter.camera_suitability import CameraSuitability
from adapter.camera_tuning import CameraTuning, report
from adapter.fleet import Fleet
from adapter.lpr_camera import LprCamera
from adapter.picture_address import PictureChoice, is_onvif_address
from adapter.quota import Quota
from adapter.setting_cost import Cost, cost
from adapter.setting_state import SettingsState, settings_state
from adapter.snapshot_control import SnapshotControl
from adapter.store.cameras import CameraRecord
from adapter.store.errors import Conflict, NotFound
from adapter.store.store import Store
from adapter.suitability_types import Suitability
from adapter.watching import TUNED
from inference.funnel import Funnel, FunnelHour, total
from inference.rejects import Rejected
from inference.snapshots import Snapshot
from onvif_client.discovery import discover
from onvif_client.errors import CameraError

DISCOVERY_S = 3.0
# Asked for every few seconds, so only the hour that goes on and the one before are looked up; older ones in time.
LATELY = timedelta(hours=1)


class CameraControl:
    """Implements `adapter.api.ports.CameraControl`."""

    def __init__(
        self,
        *,
        store: Store,
        fleet: Fleet,
        snapshots: SnapshotControl,
        captures: AutoCaptures,
        quota: Quota,
    ) -> None:
        self._store = store
        self._tuning = CameraTuning(facts=store.facts, modules=quota.module_library)
        self._quota = quota
        # Two cameras must not both take the last place.
        self._admitting = asyncio.Lock()
        self._fleet = fleet
        self.snapshots = snapshots
        self._suitability = CameraSuitability(snapshots=snapshots, tuning=self._tuning)
        self.captures = captures

    async def add(self, record: CameraRecord) -> CameraRecord:
        """Ask the camera who it is before keeping it: a wrong password should be told now, not in the log later."""
        await self._check_quota(record)
        record = await self._with_tokens(record)
        async with self._admitting:
            await self._check_quota(record)
            await self._store.cameras.add(record)
        await self._fleet.put(record)
        return record

    async def change(self, record: CameraRecord) -> CameraRecord:
        # What cannot be used must not be kept: the next start would stumble over it.
        _chosen(record)
        async with self._admitting:
            await self._check_quota(record)
            await self._store.cameras.save(record)
        await self._fleet.put(record)
        return record

    async def _check_quota(self, record: CameraRecord) -> None:
        self._quota.check(record, await self._store.cameras.all())

    async def remove(self, camera_id: str) -> None:
        await self._store.cameras.remove(camera_id)
        await self._fleet.drop(camera_id)
        await self.captures.stop(camera_id)
        await self.snapshots.forget(camera_id)
        await self._tuning.forget(camera_id)

    async def discover(self) -> Sequence[FoundCamera]:
        devices = await discover(timeout_s=DISCOVERY_S)
        return [
            FoundCamera(address=device.xaddrs[0], name=device.name or "", hardware=device.hardware or "")
            for device in devices
            if device.xaddrs
        ]

    async def test(self, camera_id: str) -> Mapping[str, Any]:
        camera = self._find(camera_id)
        if not camera.is_onvif:
            return {"onvif": False, "stream": camera.health.state.value, "detail": camera.detail}
        relays = [relay.token for relay in camera.relays]
        return {**await _found(camera.record), "stream_state": camera.health.state.value, "relays": relays}

    async def try_connection(
        self, address: str, user: str, password: str | None, camera_id: str, *, verify_tls: bool | None
    ) -> Mapping[str, Any]:
        stored = await self._store.cameras.get(camera_id) if camera_id else None
        if not is_onvif_address(address):
            later = (
                "A plain stream is opened when it is saved; its state beside the camera then tells whether it works."
            )
            return {"onvif": False, "stream": address, "detail": later}
        return await _found(
            CameraRecord(
                camera_id=camera_id,
                name="",
                address=address,
                user=user,
                password=password if password is not None or stored is None else stored.password,
                verify_tls=verify_tls if verify_tls is not None else stored is None or stored.verify_tls,
                profile_token=stored.profile_token if stored is not None else None,
                created_at=datetime.now(UTC),
            )
        )

    async def tune(
        self, camera_id: str, max_speed_kmh: float | None, area_width_cm: float | None, apply: bool
    ) -> Mapping[str, Any]:
        """The manual's plan for this camera, and when `apply`, what the camera made of it, field by field."""
        camera = self._find(camera_id)
        if not camera.is_onvif:
            raise CameraProblem(f"{camera.name} is a plain stream: it has no settings that can be changed over ONVIF.")
        site = self._tuning.site(camera.record, max_speed_kmh, area_width_cm)
        if not apply:
            return report(await self._tuning.plan(camera.record, site))
        made, applied = await self._tuning.apply(camera.record, site)
        camera.views.forget()
        await self._remember_speed(camera, site.max_speed_kmh)
        return report(made, applied)

    async def rollback(self, camera_id: str) -> Sequence[Mapping[str, Any]]:
        """Put the camera back as it was before its first tuning, field by field."""
        camera = self._find(camera_id)
        before, applied = await self._tuning.rollback(camera.record)
        camera.views.forget()
        await self._remember_speed(camera, before.max_speed_kmh)
        return [asdict(change) for change in applied]

    async def _remember_speed(self, camera: LprCamera, max_speed_kmh: float | None) -> None:
        stored = await self._store.cameras.get(camera.camera_id)
        await self._store.cameras.save(replace(stored, max_speed_kmh=max_speed_kmh))
        camera.record = replace(camera.record, max_speed_kmh=max_speed_kmh)

    async def suitability(self, camera_id: str) -> Suitability:
        """How well the camera suits plates, and what weakens it."""
        return await self._suitability.report(self._find(camera_id))

    async def snapshot(self, camera_id: str) -> bytes:
        picture = await self._find(camera_id).snapshot()
        if picture is None:
            raise CameraProblem("There is no picture yet: the camera has not sent one since the service started.")
        return picture

    async def take_snapshot(self, camera_id: str) -> Snapshot:
        return await self.snapshots.take(camera_id, self._find(camera_id).last_frame)

    async def autoconfigure(self, camera_id: str, apply: bool) -> Mapping[str, Any]:
        """Settings from the approved snapshots, before and after; stored when `apply` and better."""
        record = await self._store.cameras.get(camera_id)
        report, recognition = await self.snapshots.autoconfigure(record)
        applied = bool(apply and report["changed"])
        if applied:
            # The camera may have been changed while the search ran: only the tuned settings are ours.
            record = await self._store.cameras.get(camera_id)
            await self.snapshots.keep_auto(record, recognition)
            tuned = {name: value for name, value in recognition.items() if name in TUNED}
            others = {name: value for name, value in record.recognition.items() if name not in TUNED}
            await self.change(replace(record, recognition=others | tuned))
        return {**report, "applied": applied}

    async def undo_autoconfigure(self, camera_id: str) -> CameraRecord:
        record = await self._store.cameras.get(camera_id)
        changed = await self.change(replace(record, recognition=await self.snapshots.before_auto(record)))
        await self.snapshots.forget_auto(camera_id)
        return changed

    async def funnel(self, camera_id: str) -> Sequence[FunnelHour]:
        """The counted hours, with what the store knows of matches and deliveries."""
        funnel = self._find(camera_id).funnel
        if hours := funnel.hours:
            funnel.settle(await self._store.funnels.outcomes(camera_id, hours[0].starts_at))
        return funnel.hours

    async def figures(self) -> Sequence[CameraFigures]:
        """Every camera's state and running totals, with what the store knows of late of matches and deliveries."""
        records = await self._store.cameras.all()
        cameras = {record.camera_id: self._fleet.find(record.camera_id) for record in records}
        await self._settle({camera_id: camera.funnel for camera_id, camera in cameras.items() if camera is not None})
        return [_figures(record, cameras[record.camera_id]) for record in records]

    async def _settle(self, funnels: Mapping[str, Funnel]) -> None:
        """One query, however many cameras there are."""
        newest = max((hours[-1].starts_at for funnel in funnels.values() if (hours := funnel.hours)), default=None)
        if newest is None:
            return
        outcomes = await self._store.funnels.all_outcomes(newest - LATELY)
        for camera_id, funnel in funnels.items():
            funnel.settle(outcomes.get(camera_id, {}))

    def rejects(self, camera_id: str) -> Sequence[Rejected]:
        return self._find(camera_id).rejects.all()

    def rejected_picture(self, camera_id: str, reject_id: int) -> bytes:
        found = self._find(camera_id).rejects.find(reject_id)
        if found is None:
            raise NotFound("There is no such picture any more: newer finds took its place.")
        return found.jpeg

    async def settings(self, camera_id: str) -> SettingsState:
        """Every recognition setting of this camera, what it costs, and what was changed since the last validation."""
        record = await self._store.cameras.get(camera_id)
        chosen, _ = CameraRecognition.usable(record.recognition)
        return settings_state(
            record,
            chosen,
            self._cost(camera_id, chosen, chosen),
            auto=await self.snapshots.auto(camera_id),
            last_run=await self.snapshots.last_run(camera_id),
        )

    async def try_settings(self, camera_id: str, recognition: Mapping[str, Any]) -> Mapping[str, Any]:
        """Some changed settings, only tried: their cost, and what the snapshots would read. Raises SettingsRefused."""
        record = await self._store.cameras.get(camera_id)
        tried = CameraRecognition.from_stored({**record.recognition, **recognition})
        estimate = self._cost(camera_id, tried, _chosen(record))
        return {"cost": estimate, "read": await self.snapshots.try_out(record, tried)}

    async def start_capture(self, camera_id: str, vehicles: int, hours: float) -> Capture:
        """Keep a snapshot of each of the next vehicles."""
        if not self._find(camera_id).record.enabled:
            raise Conflict("The camera is disabled: no vehicle will be seen. Enable it first.")
        return await self.captures.start(camera_id, vehicles=vehicles, hours=hours)

    def _cost(self, camera_id: str, chosen: CameraRecognition, measured_with: CameraRecognition) -> Cost:
        camera = self._fleet.find(camera_id)
        hours = camera.funnel.hours if camera is not None else ()
        rate = camera.health.frames_per_second if camera is not None else 0.0
        return cost(chosen, hours, frames_per_second=rate, measured_with=measured_with)

    async def _with_tokens(self, record: CameraRecord) -> CameraRecord:
        _chosen(record)
        try:
            if not is_onvif_address(record.address):
                return record
            async with connection_to(record) as device:
                profile = device.choose_profile(await device.profiles(), record.profile_token)
        except CameraError as error:
            raise CameraProblem(str(error)) from error
        return replace(record, profile_token=profile.token, video_source_token=profile.video_source_token)

    def _find(self, camera_id: str) -> LprCamera:
        camera = self._fleet.find(camera_id)
        if camera is None:
            raise NotFound(f"There is no camera {camera_id!r}.")
        return camera


async def _found(record: CameraRecord) -> dict[str, Any]:
    """What an ONVIF camera says of itself, and which of its pictures would be read."""
    try:
        async with connection_to(record) as device:
            profiles = await device.profiles()
            chosen = device.choose_profile(profiles, record.profile_token)
            pictures = await PictureChoice(clock=lambda: datetime.now(UTC)).choose(device, chosen.token)
            return {
                "onvif": True,
                "device": asdict(device.information),
                "login": device.login,
                "clock_offset_s": round(device.clock_offset.total_seconds(), 1),
                "profiles": [profile.name for profile in profiles],
                "profile": chosen.name,
                "stream": pictures.stream if pictures.is_snapshots else pictures.url,
                "snapshots": pictures.url if pictures.is_snapshots else None,
            }
    except CameraError as error:
        raise CameraProblem(str(error)) from error


def _figures(record: CameraRecord, camera: LprCamera | None) -> CameraFigures:
    if camera is not None:
        return CameraFigures(health=camera.health, counted=camera.funnel.so_far)
    state = CameraState.LOST if record.enabled else CameraState.DISABLED
    health = CameraHealth(camera_id=record.camera_id, name=record.name, state=state, detail="It could not be started.")
    return CameraFigures(health=health, counted=total(()))


def _chosen(record: CameraRecord) -> CameraRecognition:
    try:
        return CameraRecognition.from_stored(record.recognition)
    except SettingsRefused as error:
        raise CameraProblem(f"The recognition settings cannot be used: {error}") from error
