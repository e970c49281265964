"""The read funnel over the API: where plates get lost, and pictures of those that were."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from adapter.api import views
from adapter.api.endpoint import Call, Endpoint
from adapter.store.errors import NotFound
from inference.funnel import FunnelHour
from inference.rejects import Rejected


def endpoints() -> Sequence[Endpoint]:
    camera = "/cameras/{camera_id}"
    return (
        Endpoint(
            method="GET",
            path=camera + "/funnel",
            summary="Where plates get lost, hour by hour",
            run=_funnel,
            answer=list[views.FunnelHourView],
        ),
        Endpoint(
            method="GET",
            path=camera + "/rejects",
            summary="The newest finds that were not read, newest first, with reason and cure",
            run=_rejects,
            answer=list[views.RejectView],
        ),
        Endpoint(
            method="GET",
            path=camera + "/rejects/{reject_id}.jpg",
            summary="The picture of one of them",
            run=_picture,
            media_type="image/jpeg",
        ),
    )


async def _camera_id(call: Call) -> str:
    return (await call.services.store.cameras.get(call.path["camera_id"])).camera_id


async def _funnel(call: Call) -> Sequence[FunnelHour]:
    return await call.services.cameras.funnel(await _camera_id(call))


async def _rejects(call: Call) -> Sequence[Rejected]:
    return call.services.cameras.rejects(await _camera_id(call))


async def _picture(call: Call) -> web.Response:
    camera_id, number = await _camera_id(call), call.path["reject_id"]
    if not (number.isascii() and number.isdecimal()):
        raise NotFound("The pictures of finds are named by their id, which is a number: see /rejects.")
    picture = call.services.cameras.rejected_picture(camera_id, int(number))
    return web.Response(body=picture, content_type="image/jpeg")
