"""Pictures over plain HTTP: those that events link to, and a snapshot of now per profile. Same logins as SOAP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from adapter.onvif_device import configurations as conf
from adapter.onvif_device.addresses import SNAPSHOT_PATH
from adapter.onvif_device.auth import Doorkeeper, NotAuthorized
from adapter.onvif_device.ports import Cameras, Pictures
from events import soap

# A kept picture never changes; a VMS may keep it, a proxy in between must not.
_KEPT = {"Cache-Control": "private, max-age=86400", "X-Content-Type-Options": "nosniff"}
_FRESH = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

_Route = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_routes(app: web.Application, *, pictures: Pictures, cameras: Cameras, doorkeeper: Doorkeeper) -> None:
    async def event_picture(request: web.Request) -> web.StreamResponse:
        event_id, which = request.match_info["event_id"], request.match_info["which"]
        path = pictures.find(f"{event_id}-{which}.jpg")
        if path is None:
            return web.Response(status=404, text="There is no such picture, or its retention time is over.")
        return web.FileResponse(path, headers=_KEPT | {"Content-Type": "image/jpeg"})

    async def snapshot(request: web.Request) -> web.StreamResponse:
        try:
            camera = conf.by_profile(cameras.cameras(), request.match_info["profile"])
        except soap.Fault:
            return web.Response(status=404, text="There is no such profile.")
        picture = await cameras.snapshot(camera.camera_id)
        if picture is None:
            return web.Response(status=503, text="The camera has no picture at present.", headers={"Retry-After": "5"})
        return web.Response(body=picture, content_type="image/jpeg", headers=_FRESH)

    images = "/onvif/images/{event_id:[0-9A-Za-z_-]{1,64}}/{which:frame|plate}.jpg"
    app.router.add_get(images, _guarded(event_picture, doorkeeper))
    app.router.add_get(SNAPSHOT_PATH + "{profile}.jpg", _guarded(snapshot, doorkeeper))


def _guarded(route: _Route, doorkeeper: Doorkeeper) -> _Route:
    async def guarded(request: web.Request) -> web.StreamResponse:
        try:
            doorkeeper.identify(request, None)
        except NotAuthorized as refused:
            response = web.Response(status=refused.http_status, text=refused.reason)
            for challenge in refused.challenges:
                response.headers.add("WWW-Authenticate", challenge)
            return response
        return await route(request)

    return guarded
