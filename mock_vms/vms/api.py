"""The REST interface: what tests and demos read, and the switches they turn. Handlers parse, call, reply."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from mock_vms.vms.bodies import end_broken_body, read_json_object
from mock_vms.vms.errors import NoSuchThing, RequestRefused
from mock_vms.vms.failures import FailureSwitches
from mock_vms.vms.fleet import Fleet
from mock_vms.vms.journal import Journal
from mock_vms.vms.live import Live, Topic
from mock_vms.vms.outputs import Outputs
from mock_vms.vms.reports import Reports
from mock_vms.vms.types import DeviceReport, to_text


class Api:
    """Handlers over the journal, the devices and the outputs."""

    def __init__(
        self,
        *,
        journal: Journal,
        reports: Reports,
        fleet: Fleet,
        outputs: Outputs,
        live: Live,
        switches: FailureSwitches,
    ) -> None:
        self._journal = journal
        self._reports = reports
        self._fleet = fleet
        self._outputs = outputs
        self._live = live
        self._switches = switches

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/health", self.health),
            web.get("/api/alarms", self.alarms),
            web.get("/api/events", self.events),
            web.get("/api/counts", self.counts),
            web.get("/api/devices", self.devices),
            web.post("/api/devices", self.add_device),
            web.delete("/api/devices/{device_id}", self.remove_device),
            web.post("/api/alarms/{event_id}/acknowledge", self.acknowledge),
            web.post("/api/alarms/{event_id}/close", self.close),
            web.get("/api/failures", self.failures),
            web.post("/api/failures", self.set_failures),
            web.get("/api/outputs", self.outputs),
            web.post("/outputs/{name}", self.switch_output),
        ]

    async def health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def alarms(self, request: web.Request) -> web.Response:
        return await self._listing(request, self._reports.alarms, "alarms")

    async def events(self, request: web.Request) -> web.Response:
        return await self._listing(request, self._reports.events, "events")

    async def counts(self, _: web.Request) -> web.Response:
        return web.json_response(await asyncio.to_thread(self._reports.counts))

    async def devices(self, _: web.Request) -> web.Response:
        return web.json_response({"devices": [device_as_json(report) for report in self._fleet.reports()]})

    async def add_device(self, request: web.Request) -> web.Response:
        body = await read_json_object(request)
        report = await self._fleet.add(
            _text(body, "address"), user=_text(body, "user", ""), password=_text(body, "password", "")
        )
        return web.json_response(device_as_json(report), status=201)

    async def remove_device(self, request: web.Request) -> web.Response:
        await self._fleet.remove(request.match_info["device_id"])
        return web.Response(status=204)

    async def acknowledge(self, request: web.Request) -> web.Response:
        return await self._handle_alarm(request, self._journal.acknowledge)

    async def close(self, request: web.Request) -> web.Response:
        return await self._handle_alarm(request, self._journal.close_alarm)

    async def failures(self, _: web.Request) -> web.Response:
        return web.json_response(self._switches.now.as_json())

    async def set_failures(self, request: web.Request) -> web.Response:
        self._switches.now = self._switches.now.changed(await read_json_object(request))
        return web.json_response(self._switches.now.as_json())

    async def outputs(self, _: web.Request) -> web.Response:
        return web.json_response({"outputs": await asyncio.to_thread(self._outputs.all)})

    async def switch_output(self, request: web.Request) -> web.Response:
        body = await read_json_object(request)
        state, pulse_s = body.get("state"), body.get("pulse_s")
        if state not in ("active", "inactive"):
            raise ValueError(f'`state` must be "active" or "inactive", not {state!r}')
        if pulse_s is not None and (isinstance(pulse_s, bool) or not isinstance(pulse_s, (int, float))):
            raise ValueError(f"`pulse_s` must be a number of seconds, not {pulse_s!r}")
        answer = await asyncio.to_thread(
            self._outputs.switch,
            request.match_info["name"],
            active=state == "active",
            because=_text(body, "because", f"asked by {request.remote}"),
            now=datetime.now(UTC),
            pulse_s=pulse_s,
        )
        self._outputs.wake()
        self._live.publish(Topic.OUTPUTS)
        return web.json_response(answer)

    async def _listing(
        self, request: web.Request, query: Callable[..., list[dict[str, Any]]], name: str
    ) -> web.Response:
        limit, before = _whole(request, "limit", 100), _whole(request, "before", None)
        rows = await asyncio.to_thread(query, limit=limit, before=before, event_id=request.query.get("event_id"))
        return web.json_response({name: rows})

    async def _handle_alarm(self, request: web.Request, change: Callable[[str, datetime], None]) -> web.Response:
        event_id = request.match_info["event_id"]
        await asyncio.to_thread(change, event_id, datetime.now(UTC))
        rows = await asyncio.to_thread(self._reports.alarms, event_id=event_id)
        self._live.publish(Topic.ALARM, event_id)
        self._live.publish(Topic.COUNTS)
        return web.json_response(rows[0] if rows else {})


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refusals as JSON that names the cause: 400 for a wrong value, 404 for what does not exist."""
    try:
        response = await handler(request)
    except NoSuchThing as error:
        response = web.json_response({"error": str(error)}, status=404)
    except RequestRefused as error:
        response = web.json_response({"error": str(error)}, status=error.status)
    except ValueError as error:
        response = web.json_response({"error": str(error)}, status=400)
    except web.HTTPException as error:
        end_broken_body(request, error)
        raise
    end_broken_body(request, response)
    return response


def device_as_json(report: DeviceReport) -> dict[str, Any]:
    """A device report without its password: there is none in it."""
    return {
        "device_id": report.device_id,
        "address": report.address,
        "status": report.status,
        "detail": report.detail,
        "model": report.model,
        "connected_at": to_text(report.connected_at) if report.connected_at else None,
        "retry_at": to_text(report.retry_at) if report.retry_at else None,
        "subscriptions": report.subscriptions,
        "seeks": report.seeks,
        "pulls": report.pulls,
        "messages": report.messages,
        "ignored": report.ignored,
    }


def _text(body: dict[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str) or len(value) > 2048:
        raise ValueError(f"`{name}` must be a text of at most 2048 characters")
    if not value.isascii() and any(0xD800 <= ord(character) < 0xE000 for character in value):
        raise ValueError(f"`{name}` holds half a character (a lone surrogate)")
    return value


def _whole(request: web.Request, name: str, default: int | None) -> int | None:
    text = request.query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:10]) < 2**31:
        raise ValueError(f"`{name}` must be a whole number above 0, not {text[:40]!r}")
    return int(text[:10])
