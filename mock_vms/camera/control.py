"""The control interface: what a demo or a test needs to know and do that no camera offers.

It has no login on purpose: it drives the scenery, not the camera, and it answers clients on the same machine only.
Whoever can reach it can already start and stop the process. It must never be reachable from another machine, whatever
`--host` says, nor from a web page that somebody on this machine looks at.
"""

from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
from datetime import datetime

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mock_vms.camera.door import BODY_TIMEOUT_S, UNREADABLE
from mock_vms.camera.ports import StagePort, VehicleRequest
from mock_vms.camera.relays import RelayBoard
from mock_vms.camera.sources import StageFullError, UnknownVehicleError
from mock_vms.camera.state import CameraState
from mock_vms.camera.times import format_datetime


class _Vehicle(BaseModel):
    """The JSON body of POST /control/vehicles."""

    model_config = ConfigDict(extra="forbid")

    plate: str | None = Field(default=None, min_length=1, max_length=16)
    country: str | None = Field(default=None, min_length=1, max_length=8)
    speed_kmh: float | None = Field(default=None, gt=0, le=300)
    photo: str | None = Field(default=None, min_length=1, max_length=255)


class Control:
    """Reads the camera's state and puts vehicles on the stage; for clients on this machine."""

    def __init__(self, *, state: CameraState, stage: StagePort, board: RelayBoard) -> None:
        self._state = state
        self._stage = stage
        self._board = board

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/control/state", self._get_state),
            web.get("/control/relays", self._get_relays),
            web.get("/control/relay-commands", self._get_relay_commands),
            web.get("/control/passages", self._get_passages),
            web.post("/control/vehicles", self._post_vehicle),
        ]

    async def _get_state(self, request: web.Request) -> web.Response:
        _require_same_machine(request)
        return web.json_response(
            {
                "name": self._state.name,
                "imaging": dataclasses.asdict(self._state.imaging),
                "encoders": {token: dataclasses.asdict(encoder) for token, encoder in self._state.encoders.items()},
                "relays": {token: dataclasses.asdict(relay) for token, relay in self._state.relays.items()},
            }
        )

    async def _get_relays(self, request: web.Request) -> web.Response:
        """Every change of a relay, oldest first."""
        _require_same_machine(request)
        return web.json_response([_change(p.relay_token, p.active, p.at) for p in self._state.pulses])

    async def _get_relay_commands(self, request: web.Request) -> web.Response:
        """Every command of a client, whether or not it changed anything: what "exactly once" is judged by."""
        _require_same_machine(request)
        return web.json_response([_change(c.relay_token, c.active, c.at) for c in self._board.commands])

    async def _get_passages(self, request: web.Request) -> web.Response:
        _require_same_machine(request)
        return web.json_response(
            [
                {
                    "number": passage.number,
                    "plate": passage.plate,
                    "label": passage.label,
                    "appeared_at": format_datetime(passage.appeared_at),
                    "left_at": format_datetime(passage.left_at) if passage.left_at else None,
                }
                for passage in self._stage.passages()
            ]
        )

    async def _post_vehicle(self, request: web.Request) -> web.Response:
        """Let a vehicle drive by: `{"plate": "AB-12-CD", "country": "NL", "speed_kmh": 30}`, all optional."""
        _require_same_machine(request)
        # A web page cannot send this type across origins without asking first, so no page can drive the scenery.
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="Send application/json\n")
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                body = await request.read()
        except TimeoutError:
            return web.json_response({"error": f"the body did not arrive within {BODY_TIMEOUT_S:g} s"}, status=408)
        except UNREADABLE:
            reason = "the body is cut off, or it is not what its Content-Encoding says"
            return web.json_response({"error": reason}, status=400)
        try:
            vehicle = _Vehicle.model_validate_json(body or b"{}")
        except ValidationError as error:
            return web.json_response(
                {"error": error.errors(include_url=False, include_context=False, include_input=False)}, status=422
            )
        try:
            number = await self._stage.drive(VehicleRequest(**vehicle.model_dump()))
        except UnknownVehicleError as error:
            return web.json_response({"error": str(error)}, status=422)
        except StageFullError as error:
            return web.json_response({"error": str(error)}, status=503)
        return web.json_response({"number": number}, status=202)


def _change(token: str, active: bool, at: datetime) -> dict[str, object]:
    return {"token": token, "active": active, "at": format_datetime(at)}


def _require_same_machine(request: web.Request) -> None:
    sockname = request.get_extra_info("sockname") or ("",)
    if not may_control(remote=request.remote or "", local=str(sockname[0]), host=request.url.host or ""):
        raise web.HTTPForbidden(text="The control interface answers clients on the same machine, asked by address\n")


def may_control(*, remote: str, local: str, host: str) -> bool:
    """Whether a client at `remote`, connected to our address `local`, that calls us `host`, is on this machine.

    A name other than localhost is refused: a web page could have pointed it here (DNS rebinding).
    """
    same_machine = _is_loopback(remote) or (_is_address(remote) and remote == local)
    return same_machine and (host == "localhost" or _is_address(host))


def _is_loopback(text: str) -> bool:
    return _is_address(text) and ipaddress.ip_address(text).is_loopback


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
