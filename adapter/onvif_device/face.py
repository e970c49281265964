"""The ONVIF device as a VMS meets it: one web application that answers SOAP and hands out pictures.

A request is read within limits, recognised by the name of its first Body child, authorised by its access class, and
answered by the operation's own function. Whatever goes wrong comes back as a SOAP fault with a reason, never as a
traceback.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from aiohttp import ClientPayloadError, web
from lxml import etree

from adapter.onvif_device import addresses, call, picture_routes
from adapter.onvif_device.analytics_service import AnalyticsService
from adapter.onvif_device.auth import Doorkeeper, NotAuthorized
from adapter.onvif_device.call import LEAST_LEVEL, Access, Call, Operation
from adapter.onvif_device.device_io_service import DeviceIoService
from adapter.onvif_device.device_service import DeviceService
from adapter.onvif_device.event_service import EventService
from adapter.onvif_device.imaging_service import ImagingService
from adapter.onvif_device.media2_service import Media2Service
from adapter.onvif_device.media_service import MediaService
from adapter.onvif_device.ports import Cameras, DeviceIdentity, FaceUser, Imaging, Pictures, Relays, Users
from events import soap
from events.onvif import messages
from events.onvif.messages import Message
from events.onvif.subscriptions import Subscriptions

MAX_BODY_BYTES = 1024 * 1024  # the largest real request, a filter or an imaging setting, is a few kilobytes
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")

# A body that is cut off, or not what its Content-Encoding says.
_UNREADABLE = (web.RequestPayloadError, ClientPayloadError, ConnectionError)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the face waits for others."""

    read_s: float = 20.0
    answer_s: float = 30.0
    """A camera behind an imaging request may need ten seconds and more."""


class DeviceFace:
    """Puts the services together. `create_app` turns it into a web application."""

    def __init__(
        self,
        *,
        identity: DeviceIdentity,
        users: Users,
        cameras: Cameras,
        relays: Relays,
        imaging: Imaging,
        pictures: Pictures,
        subscriptions: Subscriptions,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: Patience | None = None,
    ) -> None:
        self.cameras = cameras
        self.pictures = pictures
        self.doorkeeper = Doorkeeper(users=users, clock=clock)
        self._relays = relays
        self._subscriptions = subscriptions
        self._clock = clock
        self._patience = patience or Patience()
        media, media2 = MediaService(cameras=cameras), Media2Service(cameras=cameras)
        event, analytics = (
            EventService(subscriptions=subscriptions, clock=clock, properties=self._properties),
            AnalyticsService(cameras=cameras),
        )
        device_io = DeviceIoService(relays=relays, cameras=cameras)
        imaging_service = ImagingService(cameras=cameras, imaging=imaging)
        device = DeviceService(
            identity=identity,
            users=users,
            cameras=cameras,
            relays=relays,
            clock=clock,
            capabilities={
                addresses.MEDIA: media.capabilities,
                addresses.MEDIA2: media2.capabilities,
                addresses.EVENTS: event.capabilities,
                addresses.ANALYTICS: analytics.capabilities,
                addresses.DEVICE_IO: device_io.capabilities,
                addresses.IMAGING: imaging_service.capabilities,
            },
        )
        services = (device, media, media2, event, analytics, device_io, imaging_service)
        self._operations = call.table(operation for service in services for operation in service.operations())

    def close(self) -> None:
        """End all pull points, and with them the requests that wait: a stop must not wait for the next plate."""
        self._subscriptions.close()

    def _properties(self) -> Iterator[Message]:
        """Relays and pictures as they are now."""
        now = self._clock()
        for relay in self._relays.relays():
            yield messages.relay_state(
                camera_id=relay.camera_id, relay_token=relay.relay_token, state=relay.state, utc_time=now
            )
        for camera in self.cameras.cameras():
            if camera.online is not None:
                yield messages.signal_loss(camera_id=camera.camera_id, lost=not camera.online, utc_time=now)

    async def answer(self, request: web.Request) -> web.Response:
        """The response to one POST, whatever was sent."""
        message_id: str | None = None
        try:
            message = soap.parse(await _read(request, self._patience.read_s))
            message_id = message.message_id
            operation = self._find(message)
            user = self._authorize(request, message, operation)
            element = await _in_time(operation, _call(request, message, user), self._patience.answer_s)
            relates_to = message_id if operation.action else None
            body = soap.envelope(element, action=operation.action, relates_to=relates_to)
            return _respond(body, status=200)
        except soap.Fault as fault:
            return _respond(soap.fault_envelope(fault, relates_to=message_id), status=fault.http_status)
        except NotAuthorized as refused:
            return _refuse(refused, message_id)
        except Exception as error:  # noqa: BLE001 - the edge: a bug must still answer in SOAP, and is logged whole
            _log.error("a request broke the ONVIF face", path=request.path, exc_info=error)
            broken = soap.receiver_fault("ter:Action", reason="Internal error; see the log of the device.")
            return _respond(soap.fault_envelope(broken, relates_to=message_id), status=500)

    def _find(self, message: soap.Envelope) -> Operation:
        operation = self._operations.get(message.request_name)
        if operation is None:
            local = etree.QName(message.request).localname[:100]
            raise soap.receiver_fault("ter:ActionNotSupported", reason=f"This device does not know {local}.")
        return operation

    def _authorize(self, request: web.Request, message: soap.Envelope, operation: Operation) -> FaceUser | None:
        if operation.access is Access.PRE_AUTH:
            return None
        user = self.doorkeeper.identify(request, message.header)
        if user.level < LEAST_LEVEL[operation.access]:
            raise soap.sender_fault(
                "ter:NotAuthorized", reason="The user's level does not allow this operation.", http_status=400
            )
        return user


FACE: web.AppKey[DeviceFace] = web.AppKey("FACE", DeviceFace)


def create_app(face: DeviceFace) -> web.Application:
    """The web application; `add_routes` puts the same routes into an application that has others."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    add_routes(app, face)
    return app


def add_routes(app: web.Application, face: DeviceFace) -> None:
    """Offer the face under `/onvif/`."""
    app[FACE] = face
    app.on_shutdown.append(_close)
    for service in addresses.SERVICES:
        app.router.add_post(service.path, _answer)
    app.router.add_post(addresses.SUBSCRIPTION_PATH + "{subscription_id}", _answer)
    picture_routes.add_routes(app, pictures=face.pictures, cameras=face.cameras, doorkeeper=face.doorkeeper)


async def _close(app: web.Application) -> None:
    app[FACE].close()


async def _answer(request: web.Request) -> web.Response:
    return await request.app[FACE].answer(request)


async def _read(request: web.Request, timeout_s: float) -> bytes:
    """The body, within size and time. Raises Fault."""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise _too_large()
    chunks = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.content.iter_chunked(64 * 1024):
                chunks += chunk
                if len(chunks) > MAX_BODY_BYTES:
                    raise _too_large()
    except TimeoutError as error:
        raise soap.sender_fault(
            "ter:WellFormed", reason=f"The request was not complete after {timeout_s:g} s.", http_status=408
        ) from error
    except _UNREADABLE as error:
        # There is no rest to wait for; aiohttp would, and would log the same error as a failure of the server.
        request.content.feed_eof()
        raise soap.sender_fault("ter:WellFormed", reason="The request body cannot be read.") from error
    return bytes(chunks)


def _too_large() -> soap.Fault:
    return soap.sender_fault(
        "ter:InvalidArgs", reason=f"The request is larger than {MAX_BODY_BYTES} bytes.", http_status=413
    )


async def _in_time(operation: Operation, asked: Call, timeout_s: float) -> etree._Element:
    if operation.may_wait:  # a long poll; the subscriptions bound it
        return await operation.answer(asked)
    try:
        async with asyncio.timeout(timeout_s):
            return await operation.answer(asked)
    except TimeoutError as error:
        raise soap.receiver_fault(
            "ter:Action", reason=f"No answer from behind this device within {timeout_s:g} s."
        ) from error


def _call(request: web.Request, message: soap.Envelope, user: FaceUser | None) -> Call:
    host = _host(request)
    return Call(
        request=message.request,
        base_url=f"{request.scheme}://{host}",
        host=re.sub(r":\d+$", "", host),
        user=user,
        subscription_id=request.match_info.get("subscription_id"),
        connected=lambda: request.transport is not None and not request.transport.is_closing(),
    )


def _host(request: web.Request) -> str:
    """The Host header, or our own end of the connection when it is missing or no host at all."""
    if _HOST.fullmatch(request.host):
        return request.host
    own = request.get_extra_info("sockname")
    host, port = (own[0], own[1]) if own else ("127.0.0.1", 80)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _respond(body: bytes, *, status: int) -> web.Response:
    return web.Response(body=body, status=status, headers={"Content-Type": soap.CONTENT_TYPE})


def _refuse(refused: NotAuthorized, message_id: str | None) -> web.Response:
    fault = soap.sender_fault("ter:NotAuthorized", reason=refused.reason)
    response = _respond(soap.fault_envelope(fault, relates_to=message_id), status=refused.http_status)
    for challenge in refused.challenges:
        response.headers.add("WWW-Authenticate", challenge)
    if refused.retry_after is not None:
        response.headers["Retry-After"] = str(int(refused.retry_after.total_seconds()) + 1)
    return response
