"""Imaging settings: read, change, put back.

Cameras differ here more than anywhere: options are missing, whole structures are refused over one field, changes are
answered with OK and ignored. So a change is built from what was read, keeps only what the options list, goes out at
once, on a fault group by group, and is read back. One attempt each; the report says what became of every field.

lxml and not zeep: onvif-zeep's schema of 2014 has no tone compensation, defogging or noise reduction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from lxml import etree

from onvif_client import envelope as soap
from onvif_client.errors import CameraMisbehaved, CameraRejected, CameraUnsupported
from onvif_client.imaging_fields import (
    AUTO_FIELDS,
    GROUPS,
    MANUAL_FIELDS,
    build,
    options_from_element,
    settable,
    settings_from_element,
)
from onvif_client.services import OPTIONAL, Services
from onvif_client.types import AppliedChange, ExposureMode, ImagingOptions, ImagingSettings, shown

# Cameras round to their own steps (a shutter of 1/550 s becomes 1/500 s or 1/600 s in the worst case).
TOLERANCE = 0.02


async def read_imaging(services: Services, video_source_token: str) -> ImagingSettings:
    """The settings now. The token is the video source's, not its configuration's."""
    request = soap.element("timg:GetImagingSettings", soap.element("timg:VideoSourceToken", text=video_source_token))
    found = soap.child(await services.ask(soap.TIMG, request), "ImagingSettings")
    if found is None:
        raise CameraMisbehaved("GetImagingSettings: the camera answered without settings.")
    return settings_from_element(found)


async def read_imaging_options(services: Services, video_source_token: str) -> ImagingOptions | None:
    """What can be set; None when the camera cannot say, and then everything it reads out is taken as settable."""
    request = soap.element("timg:GetOptions", soap.element("timg:VideoSourceToken", text=video_source_token))
    try:
        found = soap.child(await services.ask(soap.TIMG, request), "ImagingOptions")
    except OPTIONAL:
        return None
    return options_from_element(found) if found is not None else None


async def apply_imaging(
    services: Services, video_source_token: str, desired: ImagingSettings
) -> tuple[AppliedChange, ...]:
    """Change the fields of `desired` that are not None; the report has one line for each of them."""
    before = await read_imaging(services, video_source_token)
    options = await read_imaging_options(services, video_source_token)
    asked = dict(_given(desired))
    mode = _mode_after(before, desired, options)
    values, notes = _within_options(asked, before, options, mode)
    merged = replace(before, **({"exposure_mode": mode} | values))
    changed = {name for name, value in values.items() if getattr(before, name) != value}
    problems = await _send(services, video_source_token, merged, options, changed)
    after = await read_imaging(services, video_source_token)
    return tuple(
        _report(name, values.get(name, value), getattr(after, name), problems.get(name) or notes.get(name, ""))
        for name, value in asked.items()
    )


async def rollback_imaging(
    services: Services, video_source_token: str, previous: ImagingSettings
) -> tuple[AppliedChange, ...]:
    """Put settings back that were read earlier. Fields of the exposure mode that was not active mean nothing then."""
    idle = MANUAL_FIELDS if previous.exposure_mode is ExposureMode.AUTO else AUTO_FIELDS
    cleared: dict[str, Any] = dict.fromkeys(idle)
    return await apply_imaging(services, video_source_token, replace(previous, **cleared))


def _given(settings: ImagingSettings) -> Iterator[tuple[str, Any]]:
    for each in fields(settings):
        value = getattr(settings, each.name)
        if value is not None:
            yield each.name, value


def _mode_after(
    before: ImagingSettings, desired: ImagingSettings, options: ImagingOptions | None
) -> ExposureMode | None:
    """The exposure mode that the other fields will live in."""
    wanted = desired.exposure_mode
    if wanted is None or (options is not None and wanted not in options.exposure_modes):
        return before.exposure_mode
    return wanted


def _within_options(
    asked: dict[str, Any], before: ImagingSettings, options: ImagingOptions | None, mode: ExposureMode | None
) -> tuple[dict[str, Any], dict[str, str]]:
    """What of the change can be sent, moved into the ranges, and why the rest cannot."""
    values: dict[str, Any] = {}
    notes: dict[str, str] = {}
    idle = MANUAL_FIELDS if mode is ExposureMode.AUTO else AUTO_FIELDS
    for name, value in asked.items():
        if value == getattr(before, name):
            continue
        if name in idle:
            notes[name] = f"Means nothing in exposure mode {mode}."
        elif not settable(name, value, before, options):
            notes[name] = "The camera does not let this be set."
        else:
            limits = options.range_of(name) if options is not None else None
            values[name] = limits.clamp(value) if limits is not None else value
            if values[name] != value:
                notes[name] = f"Wanted {value:g}; the camera's range ends at {values[name]:g}."
    return values, notes


async def _send(
    services: Services, token: str, merged: ImagingSettings, options: ImagingOptions | None, changed: set[str]
) -> dict[str, str]:
    """Send everything at once, after a fault group by group. Returns what was rejected, by field."""
    if not changed:
        return {}
    groups = [group for group in GROUPS if not changed.isdisjoint(group.fields)]
    try:
        # Groups that hold no change go along: some firmwares reset what a request leaves out. The extension does not,
        # for many refuse it as a whole.
        all_groups = [group for group in GROUPS if group in groups or not group.extension]
        await _set(services, token, build(merged, options, all_groups))
    except (CameraRejected, CameraUnsupported):
        problems: dict[str, str] = {}
        for group in groups:
            try:
                await _set(services, token, build(merged, options, [group]))
            except (CameraRejected, CameraUnsupported) as error:
                problems |= dict.fromkeys(changed & set(group.fields), str(error))
        return problems
    return {}


async def _set(services: Services, token: str, settings: etree._Element) -> None:
    await services.ask(
        soap.TIMG,
        soap.element(
            "timg:SetImagingSettings",
            soap.element("timg:VideoSourceToken", text=token),
            settings,
            # Deprecated, and still needed by firmwares that forget everything else at the next restart.
            soap.element("timg:ForcePersistence", text="true"),
        ),
    )


def _report(name: str, asked: Any, got: Any, note: str) -> AppliedChange:
    same = asked == got
    if isinstance(asked, float) and isinstance(got, (int, float)):
        same = abs(asked - got) <= TOLERANCE * max(abs(asked), 1.0)
    detail = note or ("" if same else "The camera accepted the change and kept another value.")
    return AppliedChange(field=name, asked=shown(asked), got=shown(got), ok=same, detail=detail)
