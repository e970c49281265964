"""Cameras over the API, and the server itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from aiohttp import web

from adapter.api import schemas, views
from adapter.api.endpoint import Call, Endpoint
from adapter.api.ports import FoundCamera, ServerStatus
from adapter.api.recognition import merged
from adapter.store.cameras import CameraRecord
from adapter.store.users import Role
from adapter.suitability_types import Suitability

_SETS = {"modules": tuple, "selected_lists": frozenset}


def endpoints() -> Sequence[Endpoint]:
    admin, operator = Role.ADMINISTRATOR, Role.OPERATOR
    view = views.CameraView
    one = "/cameras/{camera_id}"
    return (
        Endpoint(method="GET", path="/status", summary="The LPR server", run=_status, answer=ServerStatus),
        Endpoint(
            method="PATCH",
            path="/status",
            summary="Rename the LPR server",
            run=_rename,
            role=admin,
            body=schemas.ServerName,
            answer=ServerStatus,
        ),
        Endpoint(
            method="GET",
            path="/discovery",
            summary="Cameras in the network",
            run=_discover,
            role=operator,
            answer=list[FoundCamera],
        ),
        Endpoint(
            method="POST",
            path="/connection-test",
            summary="Connect to a camera that is not stored, or not like this, and say what was found",
            run=_try_connection,
            role=admin,
            body=schemas.ConnectionTest,
            answer=dict[str, Any],
        ),
        Endpoint(method="GET", path="/cameras", summary="All cameras", run=_all, answer=list[views.CameraView]),
        Endpoint(
            method="POST",
            path="/cameras",
            summary="Add a camera",
            run=_add,
            role=admin,
            body=schemas.NewCamera,
            answer=view,
            status=201,
        ),
        Endpoint(method="GET", path=one, summary="One camera", run=_one, answer=view),
        Endpoint(
            method="PATCH",
            path=one,
            summary="Change a camera",
            run=_change,
            role=admin,
            body=schemas.CameraChange,
            answer=view,
        ),
        Endpoint(method="DELETE", path=one, summary="Remove a camera", run=_remove, role=admin, answer=views.Ok),
        Endpoint(
            method="POST",
            path=one + "/test",
            summary="Connect and say what was found",
            run=_test,
            role=operator,
            answer=dict[str, Any],
        ),
        Endpoint(
            method="POST",
            path=one + "/tune",
            summary="Plan, or plan and apply, the settings for plates",
            run=_tune,
            role=admin,
            body=schemas.TuneRequest,
            answer=dict[str, Any],
        ),
        Endpoint(
            method="POST",
            path=one + "/tune/rollback",
            summary="Put the settings back that the first tuning found",
            run=_rollback,
            role=admin,
            answer=views.RollbackView,
        ),
        Endpoint(
            method="GET",
            path=one + "/suitability",
            summary="How well the camera suits plates: a score, and per factor the figure, its limit, cause and cure",
            run=_suitability,
            answer=Suitability,
        ),
        Endpoint(
            method="GET",
            path=one + "/snapshot.jpg",
            summary="The newest picture",
            run=_snapshot,
            media_type="image/jpeg",
        ),
    )


async def _status(call: Call) -> ServerStatus:
    return await call.services.server.status()


async def _rename(call: Call) -> ServerStatus:
    await call.services.server.rename(call.body.name)
    await call.audit("server.rename", call.body.name)
    return await call.services.server.status()


async def _discover(call: Call) -> Sequence[FoundCamera]:
    return await call.services.cameras.discover()


async def _try_connection(call: Call) -> dict[str, Any]:
    body = call.body
    # A stored password may go to an address that is not stored: who sent it there is remembered first.
    await call.audit("camera.try", body.camera_id or "new", body.address)
    cameras = call.services.cameras
    return dict(
        await cameras.try_connection(body.address, body.user, body.password, body.camera_id, verify_tls=body.verify_tls)
    )


async def _all(call: Call) -> Sequence[CameraRecord]:
    return await call.services.store.cameras.all()


async def _one(call: Call) -> CameraRecord:
    return await call.services.store.cameras.get(call.path["camera_id"])


async def _add(call: Call) -> CameraRecord:
    values = call.body.model_dump()
    record = CameraRecord(
        camera_id=uuid4().hex[:12],
        name=values["name"],
        address=values["address"],
        user=values["user"],
        password=values["password"],
        modules=call.services.modules.checked(values["modules"]),
        recognition=merged({}, values["recognition"]),
        selected_lists=None if values["selected_lists"] is None else frozenset(values["selected_lists"]),
        max_speed_kmh=values["max_speed_kmh"],
        description=values["description"],
        server=values["server"],
        verify_tls=values["verify_tls"],
        created_at=call.now,
    )
    stored = await call.services.cameras.add(record)
    await call.audit("camera.add", stored.name, stored.address)
    await call.services.server.rules_changed()
    return stored


async def _change(call: Call) -> CameraRecord:
    record = await call.services.store.cameras.get(call.path["camera_id"])
    given = call.body.model_dump(exclude_unset=True)
    # Null means "not given", but for these it is a value: all lists, no speed, no password.
    nullable = {"selected_lists", "max_speed_kmh", "password"}
    values = {
        name: _SETS[name](value) if name in _SETS and value is not None else value
        for name, value in given.items()
        if value is not None or name in nullable
    }
    if "recognition" in values:
        values["recognition"] = merged(record.recognition, given["recognition"])
    if "modules" in values:
        values["modules"] = call.services.modules.checked(values["modules"])
    stored = await call.services.cameras.change(replace(record, **values))
    names = [*values, *(f"recognition.{name}" for name in given.get("recognition") or ())]
    await call.audit("camera.change", stored.name, ", ".join(sorted(names)))
    if "selected_lists" in values:
        await call.services.server.rules_changed()
    return stored


async def _remove(call: Call) -> views.Ok:
    record = await call.services.store.cameras.get(call.path["camera_id"])
    await call.services.cameras.remove(record.camera_id)
    await call.audit("camera.remove", record.name)
    return views.Ok()


async def _test(call: Call) -> dict[str, Any]:
    record = await call.services.store.cameras.get(call.path["camera_id"])
    return dict(await call.services.cameras.test(record.camera_id))


async def _tune(call: Call) -> dict[str, Any]:
    record = await call.services.store.cameras.get(call.path["camera_id"])
    body = call.body
    report = await call.services.cameras.tune(record.camera_id, body.max_speed_kmh, body.area_width_cm, body.apply)
    if body.apply:
        speed = body.max_speed_kmh or record.max_speed_kmh
        await call.audit("camera.tune", record.name, f"max speed {speed:g} km/h" if speed else "")
    return dict(report)


async def _rollback(call: Call) -> views.RollbackView:
    record = await call.services.store.cameras.get(call.path["camera_id"])
    applied = await call.services.cameras.rollback(record.camera_id)
    changes = [views.AppliedChangeView.model_validate(change) for change in applied]
    complete = all(change.ok for change in changes)
    await call.audit("camera.tune.rollback", record.name, "complete" if complete else "in part")
    return views.RollbackView(complete=complete, applied=changes)


async def _suitability(call: Call) -> Suitability:
    record = await call.services.store.cameras.get(call.path["camera_id"])
    return await call.services.cameras.suitability(record.camera_id)


async def _snapshot(call: Call) -> web.Response:
    record = await call.services.store.cameras.get(call.path["camera_id"])
    picture = await call.services.cameras.snapshot(record.camera_id)
    return web.Response(body=picture, content_type="image/jpeg")
