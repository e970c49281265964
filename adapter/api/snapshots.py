"""Snapshots, validation and auto-configuration over the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from adapter.api import schemas, views
from adapter.api.bodies import read_body
from adapter.api.endpoint import Call, Endpoint
from adapter.auto_capture import Capture
from adapter.store.cameras import CameraRecord
from adapter.store.users import Role
from inference.picture_files import MOST_BYTES
from inference.snapshots import Snapshot


def endpoints() -> Sequence[Endpoint]:
    admin, operator = Role.ADMINISTRATOR, Role.OPERATOR
    camera = "/cameras/{camera_id}"
    every, one = camera + "/snapshots", camera + "/snapshots/{name}"
    answer = dict[str, Any]
    return (
        Endpoint(method="GET", path=every, summary="Snapshots and what they cover", run=_all, answer=answer),
        Endpoint(
            method="POST",
            path=every,
            summary="Import a picture",
            run=_import,
            role=operator,
            raw_body=True,
            raw_kinds=("image/jpeg", "image/png"),
            answer=Snapshot,
            status=201,
        ),
        Endpoint(
            method="POST",
            path=every + "/take",
            summary="Keep the newest live picture",
            run=_take,
            role=operator,
            answer=Snapshot,
            status=201,
        ),
        Endpoint(
            method="GET",
            path=camera + "/auto-capture",
            summary="How far the capture of passing vehicles is; null when none was started",
            run=_capture,
            answer=Capture | None,
        ),
        Endpoint(
            method="PUT",
            path=camera + "/auto-capture",
            summary="Keep a snapshot of each of the next vehicles that pass; they are approved by a person",
            run=_start_capture,
            role=operator,
            body=schemas.CaptureRequest,
            answer=Capture,
        ),
        Endpoint(
            method="DELETE",
            path=camera + "/auto-capture",
            summary="End it; its snapshots stay",
            run=_stop_capture,
            role=operator,
            answer=views.Ok,
        ),
        Endpoint(method="GET", path=one, summary="The picture", run=_picture, media_type="image/jpeg"),
        Endpoint(
            method="PATCH",
            path=one,
            summary="Approve, reject, correct or tag a snapshot",
            run=_change,
            role=operator,
            body=schemas.SnapshotChange,
            answer=Snapshot,
        ),
        Endpoint(method="DELETE", path=one, summary="Remove a snapshot", run=_remove, role=operator, answer=views.Ok),
        Endpoint(
            method="POST",
            path=one + "/analyse",
            summary="What is read on one snapshot",
            run=_analyse,
            role=operator,
            answer=answer,
        ),
        Endpoint(
            method="POST",
            path=camera + "/validate",
            summary="Read all approved snapshots and compare",
            run=_validate,
            role=operator,
            body=schemas.ValidateRequest,
            answer=answer,
        ),
        Endpoint(
            method="POST",
            path=camera + "/autoconfigure",
            summary="Find settings from the approved snapshots; overwrites manual ones when applied",
            run=_autoconfigure,
            role=admin,
            body=schemas.AutoconfigureRequest,
            answer=answer,
        ),
        Endpoint(
            method="POST",
            path=camera + "/autoconfigure/undo",
            summary="Put the settings back that the last auto-configuration overwrote",
            run=_undo,
            role=admin,
            answer=views.CameraView,
        ),
    )


async def _record(call: Call) -> CameraRecord:
    return await call.services.store.cameras.get(call.path["camera_id"])


async def _all(call: Call) -> dict[str, Any]:
    return dict(await call.services.cameras.snapshots.all((await _record(call)).camera_id))


async def _import(call: Call) -> Snapshot:
    record = await _record(call)
    content = await read_body(call.request, MOST_BYTES)
    kept = await call.services.cameras.snapshots.add(record.camera_id, content)
    await call.audit("snapshot.import", record.name, kept.name)
    return kept


async def _take(call: Call) -> Snapshot:
    record = await _record(call)
    kept = await call.services.cameras.take_snapshot(record.camera_id)
    await call.audit("snapshot.take", record.name, kept.name)
    return kept


async def _capture(call: Call) -> Capture | None:
    return call.services.cameras.captures.find((await _record(call)).camera_id)


async def _start_capture(call: Call) -> Capture:
    record = await _record(call)
    started = await call.services.cameras.start_capture(record.camera_id, call.body.vehicles, call.body.hours)
    await call.audit("snapshot.auto-capture", record.name, f"{started.wanted} vehicles")
    return started


async def _stop_capture(call: Call) -> views.Ok:
    record = await _record(call)
    await call.services.cameras.captures.stop(record.camera_id)
    await call.audit("snapshot.auto-capture.stop", record.name)
    return views.Ok()


async def _picture(call: Call) -> web.FileResponse:
    record = await _record(call)
    return web.FileResponse(await call.services.cameras.snapshots.path(record.camera_id, call.path["name"]))


async def _change(call: Call) -> Snapshot:
    record = await _record(call)
    given = call.body.model_dump(exclude_unset=True)
    if "plates" in given:
        given["plates"] = tuple(given["plates"])
    kept = await call.services.cameras.snapshots.change(record, call.path["name"], given)
    await call.audit("snapshot.change", record.name, kept.name)
    return kept


async def _remove(call: Call) -> views.Ok:
    record = await _record(call)
    await call.services.cameras.snapshots.remove(record.camera_id, call.path["name"])
    await call.audit("snapshot.remove", record.name, call.path["name"])
    return views.Ok()


async def _analyse(call: Call) -> dict[str, Any]:
    return dict(await call.services.cameras.snapshots.analyse(await _record(call), call.path["name"]))


async def _validate(call: Call) -> dict[str, Any]:
    return dict(await call.services.cameras.snapshots.validate(await _record(call), call.body.recognition))


async def _autoconfigure(call: Call) -> dict[str, Any]:
    record = await _record(call)
    report = dict(await call.services.cameras.autoconfigure(record.camera_id, call.body.apply))
    if report["applied"]:
        await call.audit("camera.autoconfigure", record.name)
    return report


async def _undo(call: Call) -> CameraRecord:
    record = await _record(call)
    changed = await call.services.cameras.undo_autoconfigure(record.camera_id)
    await call.audit("camera.autoconfigure.undo", record.name)
    return changed
