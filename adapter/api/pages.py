"""The console's pages: rendered here with what is known now, kept current by small scripts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web

from adapter.api import configuration_pages, funnel_page, lists, login, modules, workers
from adapter.api.errors import ApiError
from adapter.api.happenings import alarm_view
from adapter.api.ports import SERVICES, Services
from adapter.api.security import IDENTITY
from adapter.api.views import CameraView, EntryView
from adapter.auto_capture import MOST_VEHICLES
from adapter.camera_recognition import MOST_POINTS, MOST_POLYGONS
from adapter.setting_catalog import SettingKind, shown
from adapter.setting_state import SettingState
from adapter.store.errors import NotFound
from adapter.store.journal import Search
from adapter.store.users import Role
from events.types import ListKind, ListMatched
from inference.snapshots import Light, VehicleType, Weather
from rules.alarms import TRANSITIONS, AlarmState
from rules.types import UNLISTED_LIST_ID

TEMPLATES = Path(__file__).parent / "templates"

SHOWN_READS = 50
SHOWN_ALARMS = 100
SHOWN_ENTRIES = 50

# As the API decides for what these pages show; every other page is for everybody who is signed in.
NEEDED_ROLES = {"/outputs": Role.OPERATOR, "/accounts": Role.ADMINISTRATOR}

Page = Callable[[web.Request, Services], Awaitable[dict[str, Any]]]


def add_routes(app: web.Application) -> None:
    """All pages; the templates escape whatever they are given."""
    environment = aiohttp_jinja2.setup(
        app, loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters.update(clock=_clock, percent=_percent, span=_span, shown=shown)
    login.add_routes(app)
    pages: dict[str, tuple[str, Page]] = {
        "/": ("live.html", _live),
        "/alarms": ("alarms.html", _alarms),
        "/lists": ("lists.html", _lists),
        "/lists/{list_id}": ("list.html", _list),
        "/cameras": ("cameras.html", _cameras),
        "/cameras/{camera_id}/info": ("camera_info.html", _camera_info),
        "/cameras/{camera_id}/settings": ("camera_settings.html", _camera_settings),
        "/cameras/{camera_id}/lists": ("camera_lists.html", _camera_lists),
        "/cameras/{camera_id}/modules": ("camera_modules.html", _camera_modules),
        "/cameras/{camera_id}/tuning": ("camera_tuning.html", _camera_tuning),
        "/cameras/{camera_id}/funnel": ("funnel.html", funnel_page.page),
        "/cameras/{camera_id}/suitability": ("camera_suitability.html", _camera_suitability),
        "/reactions": ("reactions.html", configuration_pages.reactions_page),
        "/outputs": ("outputs.html", configuration_pages.outputs_page),
        "/accounts": ("accounts.html", configuration_pages.accounts_page),
        "/status": ("status.html", _status),
    }
    for path, (template, page) in pages.items():
        app.router.add_get(path, _rendered(template, page, NEEDED_ROLES.get(path, Role.VIEWER)))
    app.router.add_get("/pictures/{name}", _picture)


def _rendered(template: str, page: Page, needed: Role) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        identity = request[IDENTITY]
        if not identity.role.covers(needed):
            raise ApiError(403, "forbidden", f"This page needs the role {needed}; you are {identity.role}.")
        context = {
            "identity": identity,
            "path": request.path,
            "may_operate": identity.role.covers(Role.OPERATOR),
            "may_administer": identity.role.covers(Role.ADMINISTRATOR),
            **await page(request, request.app[SERVICES]),
        }
        return aiohttp_jinja2.render_template(template, request, context)

    return handle


async def _picture(request: web.Request) -> web.StreamResponse:
    path = request.app[SERVICES].pictures.find(request.match_info["name"])
    if path is None:
        raise NotFound("There is no such picture; its retention time may be over.")
    # A picture never changes once it is named, but nobody else's cache may keep it.
    return web.FileResponse(path, headers={"Content-Type": "image/jpeg", "Cache-Control": "private, max-age=3600"})


async def _live(request: web.Request, services: Services) -> dict[str, Any]:
    plate = request.query.get("plate", "")[:40]
    journal = services.store.journal
    reads = await journal.search(Search(plate=plate, limit=SHOWN_READS))
    # A plate may be on several lists, rarely on more than four.
    matches = await journal.search(Search(plate=plate, kinds=("ListMatched",), limit=SHOWN_READS * 4))
    by_read: dict[str, list[ListMatched]] = {}
    for stored in matches:
        if isinstance(stored.event, ListMatched):
            by_read.setdefault(stored.event.recognized_id, []).append(stored.event)
    return {
        "reads": [
            {"event": stored.event, "matches": by_read.get(stored.event.event_id, []), "refusals": stored.refusals}
            for stored in reads
        ],
        "plate": plate,
    }


async def _alarms(request: web.Request, services: Services) -> dict[str, Any]:
    wanted = request.query.get("state", "")
    states = tuple(state for state in AlarmState if state == wanted)
    found = await services.store.alarms.all(states=states, limit=SHOWN_ALARMS)
    return {
        "alarms": [alarm_view(alarm) for alarm in found],
        "counts": await services.store.alarms.counts(),
        "wanted": wanted if states else "",
        "transitions": {state: [one for one in AlarmState if one in TRANSITIONS[state]] for state in AlarmState},
    }


async def _lists(_request: web.Request, services: Services) -> dict[str, Any]:
    return {
        "lists": [lists.view(record) for record in await services.store.lists.all()],
        "camera_names": await _camera_names(services),
        "kinds": list(ListKind),
    }


async def _list(request: web.Request, services: Services) -> dict[str, Any]:
    list_id = request.match_info["list_id"]
    record = await services.store.lists.get(list_id)
    search = request.query.get("search", "")[:40]
    page = request.query.get("page", "1")
    number = max(1, int(page)) if page.isdecimal() and len(page) < 7 else 1
    found, total = await services.store.lists.entries(
        list_id, search=search, limit=SHOWN_ENTRIES, offset=(number - 1) * SHOWN_ENTRIES
    )
    return {
        "list": lists.view(record),
        "entries": [EntryView.model_validate(entry) for entry in found],
        "total": total,
        "search": search,
        "page": number,
        "pages": max(1, -(-total // SHOWN_ENTRIES)),
        "has_entries": list_id != UNLISTED_LIST_ID,
        "camera_names": await _camera_names(services),
        "kinds": list(ListKind),
    }


async def _cameras(_request: web.Request, services: Services) -> dict[str, Any]:
    status = await services.server.status()
    health = {camera.camera_id: camera for camera in status.cameras}
    cameras = [CameraView.model_validate(record) for record in await services.store.cameras.all()]
    return {"cameras": cameras, "health": health}


async def _camera_info(request: web.Request, services: Services) -> dict[str, Any]:
    record = await services.store.cameras.get(request.match_info["camera_id"])
    camera = CameraView.model_validate(record)
    health = {one.camera_id: one for one in (await services.server.status()).cameras}
    changeable = {"name", "address", "user", "max_speed_kmh", "description", "enabled", "server", "verify_tls"}
    known = {one.name for one in await workers.workers(services)}
    return {
        "camera": camera,
        "servers": sorted(known | ({camera.server} - {""})),
        "record": camera.model_dump(mode="json", include=changeable),
        "health": health.get(record.camera_id),
    }


async def _camera_tuning(request: web.Request, services: Services) -> dict[str, Any]:
    return {"camera": CameraView.model_validate(await services.store.cameras.get(request.match_info["camera_id"]))}


async def _camera_settings(request: web.Request, services: Services) -> dict[str, Any]:
    record = await services.store.cameras.get(request.match_info["camera_id"])
    state = await services.cameras.settings(record.camera_id)
    groups: dict[str, list[SettingState]] = {}
    for one in state.settings:
        groups.setdefault(one.info.group, []).append(one)
    return {
        "camera": CameraView.model_validate(record),
        "state": state,
        "groups": groups,
        "kinds": SettingKind,
        "most_vehicles": MOST_VEHICLES,
        "most_polygons": MOST_POLYGONS,
        "most_points": MOST_POINTS,
        "tags": {"light": Light, "weather": Weather, "vehicle": VehicleType},
    }


async def _camera_lists(request: web.Request, services: Services) -> dict[str, Any]:
    record = await services.store.cameras.get(request.match_info["camera_id"])
    state = await services.cameras.settings(record.camera_id)
    return {
        "camera": CameraView.model_validate(record),
        "lists": [lists.view(one) for one in await services.store.lists.all()],
        "prompt": state.validation.prompt,
    }


async def _camera_modules(request: web.Request, services: Services) -> dict[str, Any]:
    record = await services.store.cameras.get(request.match_info["camera_id"])
    state = await services.cameras.settings(record.camera_id)
    others = [camera for camera in await services.store.cameras.all() if camera.camera_id != record.camera_id]
    status = await services.server.status()
    left = status.modules_available
    limit = None if left is None else left + status.modules_in_use
    choice = modules.choice(services.modules, record, others, limit=limit)
    return {"camera": CameraView.model_validate(record), "prompt": state.validation.prompt, **choice}


async def _camera_suitability(request: web.Request, services: Services) -> dict[str, Any]:
    record = await services.store.cameras.get(request.match_info["camera_id"])
    report = await services.cameras.suitability(record.camera_id)
    return {"camera": CameraView.model_validate(record), "report": report}


async def _status(request: web.Request, services: Services) -> dict[str, Any]:
    return {
        "server": await services.server.status(),
        "workers": await workers.workers(services),
        "join_command": workers.join_command(request),
    }


async def _camera_names(services: Services) -> dict[str, str]:
    return {camera.camera_id: camera.name for camera in await services.store.cameras.all()}


def _clock(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _percent(likelihood: float) -> str:
    return f"{likelihood * 100:.0f} %"


def _span(seconds: float) -> str:
    span = timedelta(seconds=int(seconds))
    hours, rest = divmod(span.seconds, 3600)
    return f"{span.days} d {hours} h {rest // 60} min" if span.days else f"{hours} h {rest // 60} min {rest % 60} s"
