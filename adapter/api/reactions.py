"""What follows from a match, over the API: alarm definitions and relay actions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from adapter.api import schemas, views
from adapter.api.endpoint import Call, Endpoint
from adapter.store.users import Role
from rules.types import AlarmDefinition, RelayAction


def endpoints() -> Sequence[Endpoint]:
    admin = Role.ADMINISTRATOR
    alarm, relay, ok = views.AlarmDefinitionView, views.RelayActionView, views.Ok
    alarm_body, relay_body = schemas.AlarmDefinitionBody, schemas.RelayActionBody
    alarms, relays = "/alarm-definitions", "/relay-actions"
    return (
        Endpoint(
            method="GET",
            path=alarms,
            summary="Alarm definitions",
            run=_alarms,
            answer=list[views.AlarmDefinitionView],
        ),
        Endpoint(
            method="POST",
            path=alarms,
            summary="Add an alarm definition",
            run=_add_alarm,
            role=admin,
            body=alarm_body,
            answer=alarm,
            status=201,
        ),
        Endpoint(
            method="PUT",
            path=alarms + "/{definition_id}",
            summary="Add or change an alarm definition",
            run=_save_alarm,
            role=admin,
            body=alarm_body,
            answer=alarm,
        ),
        Endpoint(
            method="DELETE",
            path=alarms + "/{definition_id}",
            summary="Delete an alarm definition",
            run=_remove_alarm,
            role=admin,
            answer=ok,
        ),
        Endpoint(method="GET", path=relays, summary="Relay actions", run=_relays, answer=list[views.RelayActionView]),
        Endpoint(
            method="POST",
            path=relays,
            summary="Add a relay action",
            run=_add_relay,
            role=admin,
            body=relay_body,
            answer=relay,
            status=201,
        ),
        Endpoint(
            method="PUT",
            path=relays + "/{action_id}",
            summary="Add or change a relay action",
            run=_save_relay,
            role=admin,
            body=relay_body,
            answer=relay,
        ),
        Endpoint(
            method="DELETE",
            path=relays + "/{action_id}",
            summary="Delete a relay action",
            run=_remove_relay,
            role=admin,
            answer=ok,
        ),
    )


async def _alarms(call: Call) -> Sequence[AlarmDefinition]:
    return await call.services.store.alarm_definitions.all()


async def _add_alarm(call: Call) -> AlarmDefinition:
    return await _keep_alarm(call, uuid4().hex[:12])


async def _save_alarm(call: Call) -> AlarmDefinition:
    return await _keep_alarm(call, call.path["definition_id"][:64])


async def _keep_alarm(call: Call, definition_id: str) -> AlarmDefinition:
    definition = AlarmDefinition(definition_id=definition_id, **call.body.model_dump())
    await call.services.store.alarm_definitions.save(definition)
    await _changed(call, "alarm_definition.save", definition.name)
    return definition


async def _remove_alarm(call: Call) -> views.Ok:
    await call.services.store.alarm_definitions.remove(call.path["definition_id"])
    await _changed(call, "alarm_definition.remove", call.path["definition_id"])
    return views.Ok()


async def _relays(call: Call) -> list[views.RelayActionView]:
    return [view(action) for action in await call.services.store.relay_actions.all()]


async def _add_relay(call: Call) -> views.RelayActionView:
    return await _keep_relay(call, uuid4().hex[:12])


async def _save_relay(call: Call) -> views.RelayActionView:
    return await _keep_relay(call, call.path["action_id"][:64])


async def _keep_relay(call: Call, action_id: str) -> views.RelayActionView:
    body = call.body
    action = RelayAction(
        action_id=action_id,
        list_id=body.list_id,
        camera_id=body.camera_id,
        relay_token=body.relay_token,
        pulse=timedelta(seconds=body.pulse_s),
        likelihood_floor=body.likelihood_floor,
        agreeing_reads=body.agreeing_reads,
        minimum_interval=timedelta(seconds=body.minimum_interval_s),
        deadline=timedelta(seconds=body.deadline_s),
        enabled=body.enabled,
    )
    await call.services.store.relay_actions.save(action)
    await _changed(call, "relay_action.save", action_id)
    return view(action)


async def _remove_relay(call: Call) -> views.Ok:
    await call.services.store.relay_actions.remove(call.path["action_id"])
    await _changed(call, "relay_action.remove", call.path["action_id"])
    return views.Ok()


async def _changed(call: Call, action: str, subject: str) -> None:
    await call.services.server.rules_changed()
    await call.audit(action, subject)


def view(action: RelayAction) -> views.RelayActionView:
    """A relay action as the API and the pages show it."""
    return views.RelayActionView(
        action_id=action.action_id,
        list_id=action.list_id,
        camera_id=action.camera_id,
        relay_token=action.relay_token,
        pulse_s=action.pulse.total_seconds(),
        likelihood_floor=action.likelihood_floor,
        agreeing_reads=action.agreeing_reads,
        minimum_interval_s=action.minimum_interval.total_seconds(),
        deadline_s=action.deadline.total_seconds(),
        enabled=action.enabled,
    )
