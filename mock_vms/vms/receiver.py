"""`POST /webhooks/{name}`: verify, store, answer. The failure switches act here."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime

import structlog
from aiohttp import web

from mock_vms.vms import webhook
from mock_vms.vms.bodies import read_body
from mock_vms.vms.errors import RequestRefused, WebhookRefused
from mock_vms.vms.failures import FailureSwitches
from mock_vms.vms.intake import Intake
from mock_vms.vms.types import ChangeKind

_log = structlog.get_logger()


class Receiver:
    """Answers 200 only after the commit; a repeat of the same `webhook-id` is answered 200 and stored no more."""

    def __init__(self, *, secrets: Mapping[str, str], intake: Intake, switches: FailureSwitches) -> None:
        self._secrets = secrets
        self._intake = intake
        self._switches = switches

    async def receive(self, request: web.Request) -> web.StreamResponse:
        switches = self._switches.now
        if switches.refuse:
            return _hang_up(request)
        if switches.delay:
            await asyncio.sleep(switches.delay)
        try:
            body = await read_body(request)
            if switches.drop:
                return _hang_up(request)
            if switches.error:
                raise WebhookRefused(switches.error, "A failure switch is on.")
            call = webhook.verify(self._secret(request), request.headers, body, now=datetime.now(UTC))
            duplicate = not switches.forget and await self._store(request.match_info["name"], call)
        except RequestRefused as error:
            _log.warning("webhook refused", name=request.match_info["name"], status=error.status, reason=str(error))
            return web.json_response({"error": str(error)}, status=error.status)
        if switches.lose_answer:
            return _hang_up(request)
        return web.json_response({"event_id": call.event.event_id, "duplicate": duplicate})

    async def _store(self, name: str, call: webhook.Call) -> bool:
        """Whether it was a duplicate."""
        store = asyncio.to_thread(self._intake.from_webhook, name, call.message_id, call.event)
        try:
            # Shielded: a sender that hangs up must not leave a commit half awaited.
            changes = await asyncio.shield(store)
        except sqlite3.Error as error:
            _log.error("webhook could not be stored", event_id=call.event.event_id, error=str(error))
            raise WebhookRefused(503, "This VMS cannot store events at the moment. Try again later.") from error
        return all(change.kind is ChangeKind.DUPLICATE for change in changes)

    def _secret(self, request: web.Request) -> str:
        try:
            return self._secrets[request.match_info["name"]]
        except KeyError:
            known = ", ".join(sorted(self._secrets)) or "none"
            raise WebhookRefused(
                404, f"There is no webhook of this name. Start mock-vms with --webhook; known: {known}."
            ) from None


def _hang_up(request: web.Request) -> web.Response:
    """Reset the connection; the response goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
