"""The read funnel over the API: where plates get lost."""

from __future__ import annotations

from collections.abc import Sequence

from adapter.api import views
from adapter.api.endpoint import Call, Endpoint
from inference.funnel import FunnelHour


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
    )


async def _camera_id(call: Call) -> str:
    return (await call.services.store.cameras.get(call.path["camera_id"])).camera_id


async def _funnel(call: Call) -> Sequence[FunnelHour]:
    return await call.services.cameras.funnel(await _camera_id(call))
