"""Relay outputs: reading them, switching them, pulsing a gate.

DeviceIO is asked first, the Device service when DeviceIO is missing or cannot (core specification 8.6).
A pulse is not durable: it happens before its deadline or it fails. Whatever happens, the relay is told to let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import structlog

from onvif_client import envelope as soap
from onvif_client.errors import CameraError, CameraRefused, CameraUnreachable
from onvif_client.services import OPTIONAL, Services
from onvif_client.types import PulseResult, RelayOutput

log = structlog.get_logger(__name__)

# A gate left open is worse than three questions to a camera that may be restarting.
RELEASE_ATTEMPTS = 3
RELEASE_PAUSE_S = 1.0

STANDS_OPEN = "The relay could not be switched off: it may stand active, and the gate may stand open."

# DelayTime is missing on some firmwares; a second is what their web pages show as default.
DEFAULT_DELAY = timedelta(seconds=1)


async def read_relays(services: Services) -> tuple[RelayOutput, ...]:
    """The camera's relay outputs, none when it has no such thing."""
    answer = await _either(services, "GetRelayOutputs")
    return tuple(_relay(each) for each in answer or () if each.token)


async def set_relay(services: Services, token: str, active: bool) -> None:
    """Switch a relay. The standard has no way to read the state back; the property event tells it."""
    state = "active" if active else "inactive"
    await _either(services, "SetRelayOutputState", RelayOutputToken=token, LogicalState=state)


async def pulse_relay(
    services: Services,
    relay: RelayOutput,
    *,
    duration_s: float,
    deadline_s: float,
    on_active: Callable[[], None] = lambda: None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> PulseResult:
    """Switch a relay on before the deadline (seconds from now) and off again; `on_active` hears when it is on.

    A monostable relay falls back by itself, after its own delay. Raises when the relay could not be switched on in
    time; then it has been told to let go all the same, for the order may have arrived and only its answer been lost.
    """
    try:
        async with asyncio.timeout(deadline_s):
            await set_relay(services, relay.token, True)
    except (TimeoutError, asyncio.CancelledError, CameraError) as error:
        released = isinstance(error, CameraRefused) or await _release_for_sure(services, relay.token, sleep)
        doubt = "" if released or relay.monostable else f" {STANDS_OPEN}"
        if isinstance(error, TimeoutError):
            raise CameraUnreachable(
                f"Relay '{relay.token}' was not switched within {deadline_s:g} s. It will not be tried again.{doubt}"
            ) from error
        if isinstance(error, CameraError) and doubt:
            raise type(error)(f"{error}{doubt}") from error
        raise
    if relay.monostable:
        on_active()
        return PulseResult(
            activated=True,
            released=None,
            falls_back_after=relay.delay,
            detail=f"The relay releases itself after {relay.delay}.",
        )
    try:
        on_active()
        await sleep(duration_s)
    finally:
        released = await _release_for_sure(services, relay.token, sleep)
    return PulseResult(activated=True, released=released, detail="" if released else STANDS_OPEN)


async def _release_for_sure(services: Services, token: str, sleep: Callable[[float], Awaitable[None]]) -> bool:
    """Release even when the caller is being cancelled; the cancellation goes on afterwards."""
    release = asyncio.create_task(_release(services, token, sleep), name=f"release relay {token}")
    try:
        return await asyncio.shield(release)
    except asyncio.CancelledError:
        await asyncio.wait({release})
        raise


async def _release(services: Services, token: str, sleep: Callable[[float], Awaitable[None]]) -> bool:
    for attempt in range(1, RELEASE_ATTEMPTS + 1):
        try:
            await set_relay(services, token, False)
        except CameraUnreachable as error:
            log.warning("relay not released", relay=token, attempt=attempt, problem=str(error))
            if attempt < RELEASE_ATTEMPTS:
                await sleep(RELEASE_PAUSE_S)
        except CameraError as error:
            log.warning("relay not released", relay=token, attempt=attempt, problem=str(error))
            return False
        else:
            return True
    return False


async def _either(services: Services, operation: str, **parameters: Any) -> Any:
    if services.has(soap.TMD):
        try:
            return await services.call("deviceio", operation, **parameters)
        except OPTIONAL as error:
            log.debug("DeviceIO cannot, asking Device", operation=operation, problem=str(error))
    return await services.call("devicemgmt", operation, **parameters)


def _relay(answer: Any) -> RelayOutput:
    properties = answer.Properties
    delay = getattr(properties, "DelayTime", None)
    return RelayOutput(
        token=answer.token,
        monostable=getattr(properties, "Mode", None) == "Monostable",
        delay=delay if isinstance(delay, timedelta) else DEFAULT_DELAY,
        idle_open=getattr(properties, "IdleState", None) != "closed",
    )
