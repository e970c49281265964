"""The console and the REST API as one aiohttp application."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from adapter.api import (
    accounts,
    cameras,
    funnel,
    happenings,
    lists,
    metrics,
    modules,
    outputs,
    pages,
    reactions,
    recognition,
    snapshots,
    workers,
)
from adapter.api.bodies import MAX_FORM_BYTES
from adapter.api.endpoint import PREFIX, Call, Endpoint
from adapter.api.login import ATTEMPTS, SIGNING_IN
from adapter.api.openapi import document, product_version
from adapter.api.ports import SERVICES, Services
from adapter.api.security import SESSIONS, Sessions, answer_errors, identify
from adapter.onvif_device.attempts import Attempts
from adapter.store.errors import StoreError

STATIC = Path(__file__).parent / "static"


def create_app(services: Services) -> web.Application:
    """The application; `service.py` opens its resources before and closes them after."""
    # JSON and files have limits of their own; this bounds whatever remains.
    app = web.Application(middlewares=[answer_errors, identify], client_max_size=MAX_FORM_BYTES)
    app[SERVICES] = services
    app[SESSIONS] = Sessions()
    app[ATTEMPTS] = Attempts(clock=services.clock)
    app[SIGNING_IN] = asyncio.Lock()
    happenings.add_state(app)
    metrics.add_state(app)
    for endpoint in all_endpoints():
        app.router.add_route(endpoint.method, PREFIX + endpoint.path, endpoint.handler())
    pages.add_routes(app)
    # Where monitoring systems look when nobody tells them another path; the same entry as the API's.
    app.router.add_route("GET", metrics.PATH, metrics.ENDPOINT.handler())
    app.router.add_get("/health", _health)
    app.on_shutdown.append(_close_links)
    app.router.add_static("/static", STATIC)
    return app


def all_endpoints() -> Sequence[Endpoint]:
    """Every entry of the API."""
    kept = [
        *cameras.endpoints(),
        *recognition.endpoints(),
        *modules.endpoints(),
        *snapshots.endpoints(),
        *funnel.endpoints(),
        *lists.endpoints(),
        *reactions.endpoints(),
        *outputs.endpoints(),
        *happenings.endpoints(),
        *accounts.endpoints(),
        *workers.endpoints(),
        metrics.ENDPOINT,
    ]
    openapi = Endpoint(
        method="GET", path="/openapi.json", summary="This description", run=_openapi, media_type="application/json"
    )
    return (*kept, openapi)


async def _openapi(_call: Call) -> web.Response:
    return web.json_response(document(all_endpoints(), version=product_version()))


async def _close_links(app: web.Application) -> None:
    """Workers go on and come back; their requests would hold up the end."""
    await app[SERVICES].workers.aclose()


async def _health(request: web.Request) -> web.Response:
    """For supervisors: is the process alive and the database readable? Tells nothing else."""
    try:
        await request.app[SERVICES].store.facts.get("health")
    except StoreError:
        return web.json_response({"status": "store unavailable"}, status=503)
    return web.json_response({"status": "ok"})
