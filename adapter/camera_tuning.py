"""The manual's settings for plates on a camera: planned, applied with read-back, and put back as they were found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from adapter.api.ports import CameraProblem
from adapter.camera_connection import connection_to
from adapter.store.cameras import CameraRecord
from adapter.store.errors import Refused
from adapter.store.facts import Facts
from inference.module_library import ModuleLibrary
from inference.modules import PlateForm
from onvif_client.advice import PLATE_SIZES, PlateRegion
from onvif_client.camera import Camera
from onvif_client.errors import CameraError, CameraMisbehaved, CameraRejected, CameraUnsupported
from onvif_client.tuning import plan
from onvif_client.tuning_types import Plan, SiteProfile
from onvif_client.types import (
    AppliedChange,
    EncoderChange,
    EncoderConfiguration,
    EncoderOptions,
    ExposureMode,
    ImagingOptions,
    ImagingSettings,
    IrCutFilter,
    Profile,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Untuned:
    """A camera as it was before its first tuning; what `rollback` goes back to."""

    video_source_token: str
    imaging: ImagingSettings
    encoder_token: str | None
    encoder: EncoderChange
    max_speed_kmh: float | None

    @classmethod
    def from_json(cls, text: str) -> Untuned:
        stored = json.loads(text)
        imaging = stored["imaging"]
        for name, kind in (("exposure_mode", ExposureMode), ("ir_cut_filter", IrCutFilter)):
            if imaging[name] is not None:
                imaging[name] = kind(imaging[name])
        return cls(**stored | {"imaging": ImagingSettings(**imaging), "encoder": EncoderChange(**stored["encoder"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How a camera is set now. None: it does not say."""

    imaging: ImagingSettings | None
    imaging_options: ImagingOptions | None
    encoder: EncoderConfiguration | None
    encoder_options: EncoderOptions | None


class CameraTuning:
    """Each call connects anew. All may raise CameraProblem."""

    def __init__(self, *, facts: Facts, modules: ModuleLibrary) -> None:
        self._facts = facts
        self._modules = modules

    def site(
        self, record: CameraRecord, max_speed_kmh: float | None = None, area_width_cm: float | None = None
    ) -> SiteProfile:
        """What is known of the place: the speed, stored or given, and the plates of the camera's country modules."""
        speed = max_speed_kmh or record.max_speed_kmh
        if speed is None:
            raise Refused(f"The fastest vehicle at {record.name} is not known yet: give max_speed_kmh.")
        plates = self._plates(record)
        return SiteProfile(
            max_speed_kmh=speed,
            plate_region=_region(plates),
            area_width_cm=area_width_cm,
            retro_reflective=all(plate.retro_reflective for plate in plates) if plates else None,
        )

    def region(self, record: CameraRecord) -> PlateRegion:
        """The kind of plates to be read here, by the camera's country modules."""
        return _region(self._plates(record))

    async def look(self, record: CameraRecord) -> Setup:
        """How the camera is set; nothing is changed."""
        try:
            async with connection_to(record) as device:
                return await _setup(device, await _profile(device, record))
        except CameraError as error:
            raise CameraProblem(str(error)) from error

    async def plan(self, record: CameraRecord, site: SiteProfile) -> Plan:
        """What would be changed, and why."""
        try:
            async with connection_to(record) as device:
                return await _plan(device, await _profile(device, record), site)
        except CameraError as error:
            raise CameraProblem(str(error)) from error

    async def apply(self, record: CameraRecord, site: SiteProfile) -> tuple[Plan, Sequence[AppliedChange]]:
        """The plan, and what the camera made of it. The state before the first tuning is kept until it is put back."""
        try:
            async with connection_to(record) as device:
                profile = await _profile(device, record)
                made = await _plan(device, profile, site)
                await self._keep(device, profile, record)
                applied = [*await device.apply_imaging(_source_of(profile), made.imaging)]
                if profile.encoder is not None:
                    applied += await device.apply_encoder(profile.encoder, made.encoder)
        except CameraError as error:
            raise CameraProblem(str(error)) from error
        return made, applied

    async def rollback(self, record: CameraRecord) -> tuple[Untuned, Sequence[AppliedChange]]:
        """Put the camera back as it was before its first tuning. Raises Refused when there is nothing to put back.

        What was kept is forgotten only when the camera took all of it: half a rollback can be tried again.
        """
        stored = await self._facts.get(_key(record.camera_id))
        if stored is None:
            raise Refused(f"{record.name} was not tuned from here, or is back as it was: there is nothing to put back.")
        before = Untuned.from_json(stored)
        try:
            async with connection_to(record) as device:
                applied = [*await device.rollback_imaging(before.video_source_token, before.imaging)]
                if before.encoder_token is not None:
                    encoder = await _encoder(device, before.encoder_token)
                    applied += await device.apply_encoder(encoder, before.encoder)
        except CameraError as error:
            raise CameraProblem(str(error)) from error
        if all(change.ok for change in applied):
            await self.forget(record.camera_id)
        return before, applied

    async def forget(self, camera_id: str) -> None:
        """The camera is back, or gone."""
        await self._facts.remove(_key(camera_id))

    def _plates(self, record: CameraRecord) -> Sequence[PlateForm]:
        return [self._modules.modules[code].plate for code in record.modules if code in self._modules.modules]

    async def _keep(self, device: Camera, profile: Profile, record: CameraRecord) -> None:
        """Before anything is sent, and once: a second tuning must not take the first one's work for the camera's."""
        if await self._facts.get(_key(record.camera_id)) is not None:
            return
        source, encoder = _source_of(profile), profile.encoder
        names = [field.name for field in fields(EncoderChange)]
        untuned = Untuned(
            video_source_token=source,
            imaging=await device.imaging(source),
            encoder_token=encoder.token if encoder is not None else None,
            encoder=EncoderChange(**{name: getattr(encoder, name) for name in names} if encoder is not None else {}),
            max_speed_kmh=record.max_speed_kmh,
        )
        await self._facts.put(_key(record.camera_id), json.dumps(asdict(untuned)))


def report(made: Plan, applied: Sequence[AppliedChange] = ()) -> dict[str, Any]:
    """A tuning as JSON."""
    return {
        "changes": [asdict(change) for change in made.changes],
        "warnings": list(made.warnings),
        "knobs": [asdict(knob) for knob in made.knobs],
        "checklist": list(made.checklist),
        "applied": [asdict(change) for change in applied],
    }


def _region(plates: Sequence[PlateForm]) -> PlateRegion:
    """The region whose plates are as wide as the narrowest of these: that one needs the most pixels."""
    narrowest = min((plate.sizes_cm[0][0] for plate in plates), default=PLATE_SIZES[PlateRegion.EU].plate_width_cm)
    return min(PlateRegion, key=lambda region: abs(PLATE_SIZES[region].plate_width_cm - narrowest))


async def _profile(device: Camera, record: CameraRecord) -> Profile:
    return device.choose_profile(await device.profiles(), record.profile_token)


async def _plan(device: Camera, profile: Profile, site: SiteProfile) -> Plan:
    source = _source_of(profile)
    return plan(
        site,
        imaging=await device.imaging(source),
        imaging_options=await device.imaging_options(source),
        encoder=profile.encoder,
        encoder_options=await device.encoder_options(profile.encoder) if profile.encoder else None,
    )


async def _setup(device: Camera, profile: Profile) -> Setup:
    """A camera whose sensor cannot be asked still says how its stream is encoded."""
    imaging = options = None
    if profile.video_source_token is not None:
        try:
            imaging = await device.imaging(profile.video_source_token)
            options = await device.imaging_options(profile.video_source_token)
        except (CameraUnsupported, CameraRejected, CameraMisbehaved):
            pass
    return Setup(
        imaging=imaging,
        imaging_options=options,
        encoder=profile.encoder,
        encoder_options=await device.encoder_options(profile.encoder) if profile.encoder else None,
    )


async def _encoder(device: Camera, token: str) -> EncoderConfiguration:
    for profile in await device.profiles():
        if profile.encoder is not None and profile.encoder.token == token:
            return profile.encoder
    raise CameraProblem(f"The camera has no encoder {token!r} any more; set its stream by hand in the camera.")


def _source_of(profile: Profile) -> str:
    if profile.video_source_token is None:
        raise CameraProblem(f"The camera's profile {profile.name!r} names no video source, so nothing can be set.")
    return profile.video_source_token


def _key(camera_id: str) -> str:
    return f"untuned/{camera_id}"
