"""The live alarm page: rendered here, kept fresh by server-sent events that carry rendered pieces."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web

from mock_vms.vms.access import COOKIE, Access
from mock_vms.vms.bodies import read_form
from mock_vms.vms.database import Database
from mock_vms.vms.errors import NoSuchThing
from mock_vms.vms.fleet import Fleet
from mock_vms.vms.live import Live, Topic, Viewer
from mock_vms.vms.outputs import Outputs
from mock_vms.vms.pictures import PictureFiles, media_type
from mock_vms.vms.reports import Reports

ALARMS_SHOWN = 100
EVENTS_SHOWN = 30
# Proxies and browsers give up on a stream that says nothing for half a minute.
HEARTBEAT_S = 15.0
# Many changes within this time travel together, so a burst does not make the page flicker.
GATHER_S = 0.1
_HERE = Path(__file__).parent


def prepare(app: web.Application) -> None:
    """Templates with autoescape and the static files."""
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Times come from `to_text`, which has a fixed width.
    environment.filters["clock"] = lambda text: text[11:19]
    environment.filters["day"] = lambda text: text[:10]
    app.router.add_static("/static/", _HERE / "static")


class Page:
    """The page, its live stream, its pictures and its login."""

    def __init__(
        self,
        *,
        reports: Reports,
        fleet: Fleet,
        outputs: Outputs,
        live: Live,
        access: Access,
        database: Database,
        files: PictureFiles,
    ) -> None:
        self._reports = reports
        self._fleet = fleet
        self._outputs = outputs
        self._live = live
        self._access = access
        self._database = database
        self._files = files

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.show),
            web.get("/live", self.stream),
            web.get("/pictures/{event_id}/{kind}", self.picture),
            web.get("/login", self.login_page),
            web.post("/login", self.login),
        ]

    async def show(self, request: web.Request) -> web.Response:
        alarms = await asyncio.to_thread(self._reports.alarms, limit=ALARMS_SHOWN)
        events = await asyncio.to_thread(self._reports.events, limit=EVENTS_SHOWN)
        return aiohttp_jinja2.render_template(
            "page.html",
            request,
            {
                "alarms": alarms,
                "events": events,
                "counts": await asyncio.to_thread(self._reports.counts),
                "devices": self._fleet.reports(),
                "outputs": await asyncio.to_thread(self._outputs.all),
                "fresh": False,
            },
        )

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events until the viewer or the VMS goes."""
        if self._live.full:
            return web.json_response({"error": "too many open pages"}, status=503)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await response.prepare(request)
        with self._live.watching() as viewer:
            await response.write(b"retry: 1000\n\n")
            while not self._live.closing:
                try:
                    await self._send_changes(request, response, viewer)
                except ConnectionError:
                    break
        return response

    async def picture(self, request: web.Request) -> web.Response:
        rows = await asyncio.to_thread(
            self._database.rows,
            "SELECT file FROM pictures WHERE event_id = ? AND kind = ? AND file IS NOT NULL",
            (request.match_info["event_id"], request.match_info["kind"]),
        )
        if not rows:
            raise NoSuchThing("There is no such picture.")
        try:
            picture = await asyncio.to_thread(self._files.read, rows[0]["file"])
        except FileNotFoundError as error:
            raise NoSuchThing("The picture is no longer kept.") from error
        kind = media_type(picture) or "application/octet-stream"
        return web.Response(body=picture, content_type=kind, headers={"Cache-Control": "private, max-age=3600"})

    async def login_page(self, request: web.Request) -> web.StreamResponse:
        """The form; or, with `?token=`, the way in that mock-vms prints, which takes the token out of the address."""
        token = request.query.get("token")
        if token is None:
            return aiohttp_jinja2.render_template("login.html", request, {"wrong": False})
        return self._enter(request, token)

    async def login(self, request: web.Request) -> web.StreamResponse:
        form = await read_form(request)
        return self._enter(request, form.get("token", "").strip())

    def _enter(self, request: web.Request, token: str) -> web.StreamResponse:
        if not self._access.is_token(token):
            return aiohttp_jinja2.render_template("login.html", request, {"wrong": True}, status=401)
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(COOKIE, self._access.cookie, httponly=True, samesite="Lax", secure=request.secure)
        return response

    async def _send_changes(self, request: web.Request, response: web.StreamResponse, viewer: Viewer) -> None:
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                changes = await viewer.changes()
        except TimeoutError:
            await response.write(b": still here\n\n")
            return
        began_at = time.monotonic()
        for topic, key in changes:
            for message in await self._messages(request, topic, key):
                text = json.dumps(message)
                await response.write(f"event: {message['topic']}\ndata: {text}\n\n".encode())
        # A page costs at most a fifth of the time, however many alarms there are to count.
        await asyncio.sleep(max(GATHER_S, 4 * (time.monotonic() - began_at)))

    async def _messages(self, request: web.Request, topic: Topic, key: str) -> list[dict[str, Any]]:
        def render(template: str, values: dict[str, Any]) -> str:
            return aiohttp_jinja2.render_string(template, request, values)

        if topic in {Topic.WITHDRAWN, Topic.RELOAD}:
            return [{"topic": topic, "id": key}]
        if topic is Topic.COUNTS:
            return [
                {
                    "topic": topic,
                    "html": render("counts.html", {"counts": await asyncio.to_thread(self._reports.counts)}),
                }
            ]
        if topic is Topic.DEVICES:
            return [
                {
                    "topic": topic,
                    "html": render("devices.html", {"devices": self._fleet.reports()}),
                }
            ]
        if topic is Topic.OUTPUTS:
            return [
                {
                    "topic": topic,
                    "html": render("outputs.html", {"outputs": await asyncio.to_thread(self._outputs.all)}),
                }
            ]
        messages: list[dict[str, Any]] = []
        if rows := await asyncio.to_thread(self._reports.alarms, event_id=key):
            messages.append({"topic": Topic.ALARM, "id": key, "html": render("alarm.html", {"alarm": rows[0]})})
        if rows := await asyncio.to_thread(self._reports.events, event_id=key):
            messages.append({"topic": Topic.EVENT, "id": key, "html": render("event.html", {"event": rows[0]})})
        return messages
