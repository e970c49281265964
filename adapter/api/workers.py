"""LPR servers on other hosts: their list, and the door they come in by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aiohttp import web
from pydantic import BaseModel

from adapter.api.endpoint import PREFIX, Call, Endpoint
from adapter.api.errors import ApiError
from adapter.api.ports import CameraHealth, Services
from adapter.api.status import worker_status
from adapter.store.users import Role
from adapter.workers.messages import JOIN_PATH, MAX_MESSAGE_BYTES

# A worker that does not answer a farewell is gone.
CLOSE_S = 2.0


class WorkerView(BaseModel):
    """One LPR server that joined, or that a camera names. Empty texts and nulls: it has not been heard of yet."""

    name: str
    status: str
    """One of the manual's strings: see `adapter.api.status`."""
    host_name: str = ""
    version: str = ""
    pack: str = ""
    device: str = ""
    since: datetime | None = None
    """When the status began: joined, lost or stopped."""
    cpu_percent: float | None = None
    memory_available_mb: float | None = None
    cameras: list[CameraHealth]


def endpoints() -> Sequence[Endpoint]:
    return (
        Endpoint(
            method="GET", path="/workers", summary="LPR servers on other hosts", run=_all, answer=list[WorkerView]
        ),
        Endpoint(
            method="GET",
            path=JOIN_PATH.removeprefix(PREFIX),
            summary="Join as a worker (WebSocket)",
            run=_join,
            role=Role.WORKER,
            media_type="application/json",
        ),
    )


async def workers(services: Services) -> list[WorkerView]:
    """By name: those that are or were here, and those that a camera waits for."""
    cameras = [camera for camera in (await services.server.status()).cameras if camera.server]
    states = {state.hello.name: state for state in services.workers.workers}
    views = []
    for name in sorted({*states, *(camera.server for camera in cameras)}):
        own = [camera for camera in cameras if camera.server == name]
        state = states.get(name)
        view = WorkerView(name=name, status=worker_status(state.presence if state else None, own), cameras=own)
        if state is not None:
            hello = state.hello
            view = view.model_copy(
                update={
                    "host_name": hello.host_name,
                    "version": hello.version,
                    "pack": hello.pack,
                    "device": hello.device,
                    "since": state.since,
                    "cpu_percent": state.cpu_percent,
                    "memory_available_mb": state.memory_available_mb,
                }
            )
        views.append(view)
    return views


def join_command(request: web.Request) -> str:
    """What is to be run on another host, with the address this page was reached by."""
    origin = request.url.origin()
    plain = " --plain-http" if origin.scheme == "http" and origin.host not in {"localhost", "127.0.0.1"} else ""
    return f"onvif-lpr worker --controller {origin} --token-file worker.token{plain}"


async def _all(call: Call) -> list[WorkerView]:
    return await workers(call.services)


async def _join(call: Call) -> web.StreamResponse:
    socket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, timeout=CLOSE_S, compress=False)
    if not socket.can_prepare(call.request):
        raise ApiError(426, "upgrade_required", "This is the workers' door: a WebSocket, opened by onvif-lpr worker.")
    await socket.prepare(call.request)
    text = call.request.headers["Authorization"].partition(" ")[2].strip()

    async def still_allowed() -> bool:
        return await call.services.store.tokens.check(text, call.services.clock()) is not None

    await call.services.workers.serve(socket, still_allowed)
    return socket
