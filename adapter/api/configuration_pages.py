"""The console's pages of what is configured beside lists and cameras: outputs, reactions and accounts."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from adapter.api import lists, outputs, reactions, views
from adapter.api.ports import Services
from adapter.store.onvif_users import UserLevel
from adapter.store.outputs import OutputKind
from adapter.store.users import PERSONS, Role

SHOWN_CHANGES = 100

# What can be told to an output, by the kind of event, in the words of the pages.
EVENT_NAMES = {
    "PlateRecognized": "a license plate is read",
    "ListMatched": "a plate is on a list",
    "AlarmRaised": "an alarm is raised",
    "CameraLost": "a camera is lost",
    "CameraRestored": "a camera is back",
    "ServerLost": "an LPR server does not respond",
    "ServerRestored": "an LPR server is back",
    "RelayChanged": "a relay of a camera changes",
    "ActionFailed": "a gate does not open",
}
# Those that the API lets an alarm be raised on.
ALARM_EVENTS = ("CameraLost", "CameraRestored", "ServerLost", "ServerRestored", "ActionFailed")


async def outputs_page(_request: web.Request, services: Services) -> dict[str, Any]:
    """Every output with its queue, and what it did since the service was started."""
    found = await outputs.with_queues(services)
    # The API takes any name; a form that did not know one would take it away.
    others = {kind for one in found for kind in one.event_kinds} - set(EVENT_NAMES)
    return {
        "outputs": found,
        "counts": services.server.output_counts(),
        "event_names": EVENT_NAMES | {kind: kind for kind in sorted(others)},
        "kinds": list(OutputKind),
    }


async def reactions_page(_request: web.Request, services: Services) -> dict[str, Any]:
    """Alarm definitions and relay actions, with the names of what they are about."""
    store = services.store
    match_lists = [lists.view(record) for record in await store.lists.all()]
    return {
        "alarms": [views.AlarmDefinitionView.model_validate(one) for one in await store.alarm_definitions.all()],
        "relays": [reactions.view(action) for action in await store.relay_actions.all()],
        "lists": match_lists,
        "lists_by_id": {one.list_id: one for one in match_lists},
        "camera_names": {camera.camera_id: camera.name for camera in await store.cameras.all()},
        "event_names": EVENT_NAMES,
        "alarm_events": ALARM_EVENTS,
    }


async def accounts_page(_request: web.Request, services: Services) -> dict[str, Any]:
    """Who may come in, and who changed what; no password is among it."""
    store = services.store
    return {
        "users": [views.UserView.model_validate(one) for one in await store.users.all()],
        "tokens": [views.TokenView.model_validate(one) for one in await store.tokens.all()],
        "onvif_users": [views.OnvifUserView.model_validate(one) for one in await store.onvif_users.all()],
        "audit": await store.audit.latest(SHOWN_CHANGES),
        "roles": PERSONS,
        "token_roles": list(Role),
        "levels": list(UserLevel),
        "now": services.clock(),
    }
