"""The HTTP door of a virtual camera: SOAP addresses and snapshots. What is asked decides, never SOAPAction."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Mapping

import structlog
from aiohttp import ClientPayloadError, hdrs, web
from aiohttp.typedefs import Handler

from mock_vms.camera.authentication import Authentication, CredentialsNeeded
from mock_vms.camera.encoders import profile_of
from mock_vms.camera.ports import StagePort
from mock_vms.camera.quirks import Quirks
from mock_vms.camera.services.operation import DEAD_PORT, Addresses, Call, Operation
from mock_vms.camera.soap import (
    ACTION_FAULT,
    CONTENT_TYPE,
    Envelope,
    SoapFault,
    not_supported,
    read_envelope,
    write_envelope,
)
from mock_vms.camera.state import CameraState
from mock_vms.camera.xml import Element

_log = structlog.get_logger(__name__)
# A SOAP request of ONVIF is a few kilobytes; nothing sensible comes near this.
BODY_LIMIT_BYTES = 256 * 1024
BODY_TIMEOUT_S = 10.0
# Goes back into every address that is answered, so it must be a host and nothing else.
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.%]+\])(?::\d{1,5})?")
# A body that is cut off, or not what its Content-Encoding says.
UNREADABLE = (web.RequestPayloadError, ClientPayloadError)
_HTML = "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
Table = Mapping[str, Operation]


class SoapDoor:
    """Takes requests for the services in `tables` (by the last part of their address) and for pull points."""

    def __init__(
        self,
        *,
        tables: Mapping[str, Table],
        subscription_table: Table,
        authentication: Authentication,
        quirks: Quirks,
        state: CameraState,
        stage: StagePort,
    ) -> None:
        self.tables = tables
        self._subscription_table = subscription_table
        self._authentication = authentication
        self._quirks = quirks
        self._state = state
        self._stage = stage
        self.rtsp_port = 0

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/onvif/subscription/{id}", self._subscription),
            web.get("/onvif/snapshot/{token}", self._snapshot),
            web.post("/onvif/{service}", self._service),
        ]

    async def _service(self, request: web.Request) -> web.Response:
        table = self.tables.get(request.match_info["service"])
        if table is None:
            raise web.HTTPNotFound(text="There is no such service; start at /onvif/device_service\n")
        return await self._answer(request, table, None)

    async def _subscription(self, request: web.Request) -> web.Response:
        return await self._answer(request, self._subscription_table, request.match_info["id"])

    async def _answer(self, request: web.Request, table: Table, subscription_id: str | None) -> web.Response:
        if self._quirks.html_answer:
            return web.Response(text=_HTML.format(title="Web client"), content_type="text/html")
        await asyncio.sleep(self._quirks.slow.total_seconds())
        message_id = None
        try:
            addresses = self._addresses(request)
            envelope = read_envelope(await _body(request))
            message_id = envelope.message_id
            operation = _find(table, envelope)
            self._authentication.require(operation, envelope, request)
            call = Call(envelope=envelope, addresses=addresses, subscription_id=subscription_id)
            answer = operation.handler(call)
            body: Element = await answer if inspect.isawaitable(answer) else answer
        except CredentialsNeeded as needed:
            return self._challenge(stale=needed.stale)
        except SoapFault as fault:
            _log.debug("soap fault", path=request.path, reason=fault.reason)
            return _reply(
                write_envelope(fault.element(), action=ACTION_FAULT, relates_to=message_id), fault.http_status
            )
        relates_to = message_id if operation.action else None
        return _reply(write_envelope(body, action=operation.action, relates_to=relates_to), 200)

    async def _snapshot(self, request: web.Request) -> web.Response:
        try:
            self._authentication.require_digest(request)
            profile_of(self._state, request.match_info["token"])
        except CredentialsNeeded as needed:
            return self._challenge(stale=needed.stale)
        except SoapFault as fault:
            raise web.HTTPNotFound(text=f"{fault.reason}\n") from fault
        picture = await asyncio.to_thread(self._stage.snapshot_jpeg)
        return web.Response(body=picture, content_type="image/jpeg", headers={hdrs.CACHE_CONTROL: "no-store"})

    def _addresses(self, request: web.Request) -> Addresses:
        if not _AUTHORITY.fullmatch(request.host):
            raise SoapFault("The Host header names no host", "InvalidArgs")
        rtsp_port = DEAD_PORT if self._quirks.dead_stream else self.rtsp_port
        addresses = Addresses(scheme=request.scheme, authority=request.host, rtsp_port=rtsp_port)
        return addresses.unreachable() if self._quirks.wrong_xaddr else addresses

    def _challenge(self, *, stale: bool) -> web.Response:
        """401 with one challenge per algorithm. A camera that knows only Digest says so with an HTML page."""
        if self._quirks.digest_only:
            response = web.Response(status=401, text=_HTML.format(title="401 Unauthorized"), content_type="text/html")
        else:
            fault = SoapFault("Sender not authorized: HTTP Digest or WS-UsernameToken is needed", "NotAuthorized")
            response = _reply(write_envelope(fault.element()), 401)
        for challenge in self._authentication.digest.challenges(stale=stale):
            response.headers.add(hdrs.WWW_AUTHENTICATE, challenge)
        return response


async def _body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await request.read()
    except TimeoutError as error:
        raise SoapFault(f"The request did not arrive within {BODY_TIMEOUT_S:.0f} s", "InvalidArgs") from error
    except UNREADABLE as error:
        raise SoapFault("The body is cut off, or it is not what its Content-Encoding says", "WellFormed") from error


def _find(table: Table, envelope: Envelope) -> Operation:
    operation = table.get(envelope.name)
    if operation is None:
        raise not_supported(f"{envelope.name} is not implemented at this address"[:300])
    return operation


def _reply(body: bytes, status: int) -> web.Response:
    return web.Response(body=body, status=status, content_type=CONTENT_TYPE, charset="utf-8")


@web.middleware
async def refuse_bad_bodies(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say so when a body is larger than the limit that aiohttp keeps; close the connection when it cannot be read."""
    try:
        response = await handler(request)
    except web.HTTPRequestEntityTooLarge:
        fault = SoapFault(f"The request is larger than {BODY_LIMIT_BYTES} bytes", "InvalidArgs")
        response = _reply(write_envelope(fault.element()), 413)
    except web.HTTPException as error:
        _end_broken_body(request, error)
        raise
    _end_broken_body(request, response)
    return response


def _end_broken_body(request: web.Request, response: web.StreamResponse) -> None:
    """Otherwise aiohttp waits for the rest of it, stumbles over the same error, and logs a failure of the server."""
    if request.content.exception() is not None:
        request.content.feed_eof()
        response.force_close()
