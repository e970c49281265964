"""Carries out relay decisions: once, in time, or not at all.

A decision is claimed in the store before the camera is asked, so that neither a second process nor a restart can pulse
twice. What was not carried out by its deadline is recorded as failed and alarmed, and never tried again: a gate that
opens late opens for the wrong car. A relay that a process left active is let go, however late: it holds a gate open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

import structlog

from adapter.pipeline import Pipeline
from adapter.store.decisions import Decisions
from adapter.store.errors import StoreError
from adapter.tasks import Tasks
from events.types import ActionFailed, RelayChanged, RelayState
from onvif_client.errors import CameraError, CameraUnreachable
from onvif_client.types import PulseResult
from rules.rules import RelayKey
from rules.types import RelayDecision

log = structlog.get_logger(__name__)

# More at once than any site has gates; a storm of decisions waits here, and past its deadline is refused.
AT_ONCE = 32

# A power cut takes cameras and switches along; they are back within minutes.
LET_GO_TRIES = 600
LET_GO_PAUSE_S = 1.0


class RelayCamera(Protocol):
    """A camera whose relays can be pulsed."""

    async def release_relay(self, relay_token: str) -> None:
        """Inactive, now. Raises CameraError."""

    async def pulse_relay(
        self, relay_token: str, pulse_s: float, timeout_s: float, on_active: Callable[[], None]
    ) -> PulseResult:
        """Active for `pulse_s`, then inactive. Raises CameraError; TimeoutError when not active within `timeout_s`."""


class RelayDriver:
    """Runs each decision as a task of the service."""

    def __init__(
        self,
        *,
        decisions: Decisions,
        find_camera: Callable[[str], RelayCamera | None],
        tasks: Tasks,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._decisions = decisions
        self._find_camera = find_camera
        self._tasks = tasks
        self._clock = clock
        self._places = asyncio.Semaphore(AT_ONCE)
        self._pipeline: Pipeline | None = None
        self._left_active: set[RelayKey] = set()
        """Relays that an earlier run may have left active, until they are let go or pulsed anew."""

    def report_to(self, pipeline: Pipeline) -> None:
        """Where changes and failures are recorded. The pipeline needs the driver first, so this comes after."""
        self._pipeline = pipeline

    async def start(self, decision: RelayDecision) -> None:
        """Carry out one decision in the background."""
        self._tasks.start(self._carry_out(decision), name=f"relay {decision.relay_token}")

    async def recover(self) -> None:
        """At the start: what an earlier run left undone stays undone and is told; what it left active is let go."""
        for left in await self._decisions.abandon_unfinished(self._clock()):
            await self._failed(left.decision, left.detail)
            relay = _relay_of(left.decision)
            if left.claimed_at is not None and relay not in self._left_active:
                self._left_active.add(relay)
                self._tasks.start(self._let_go(left.decision), name=f"relay {left.decision.relay_token} release")

    async def _let_go(self, decision: RelayDecision) -> None:
        """As soon as the camera is there. A pulse that comes sooner lets go by itself, and must not be cut short."""
        why = "Its camera did not come back."
        for _ in range(LET_GO_TRIES):
            if _relay_of(decision) not in self._left_active:
                return
            camera = self._find_camera(decision.camera_id)
            try:
                if camera is not None:
                    await camera.release_relay(decision.relay_token)
                    self._left_active.discard(_relay_of(decision))
                    await self._changed(decision, RelayState.INACTIVE, self._clock())
                    return
            except CameraUnreachable as error:
                why = str(error)
            except CameraError as error:
                why = str(error)
                break
            await asyncio.sleep(LET_GO_PAUSE_S)
        await self._failed(decision, f"The relay may stand active since the service stopped. {why}")

    async def _carry_out(self, decision: RelayDecision) -> None:
        try:
            error = await self._claim_and_pulse(decision)
        except StoreError as unstored:
            error = f"The store did not take what became of the relay: {unstored}"
        if error:
            await self._failed(decision, error)

    async def _claim_and_pulse(self, decision: RelayDecision) -> str:
        """Empty when the relay was pulsed, else what went wrong."""
        async with self._places:
            now = self._clock()
            if not await self._decisions.claim(decision.decision_id, now):
                return "The deadline had passed before the camera could be asked."
            error = await self._ask_camera(decision, (decision.expires_at - now).total_seconds())
        await self._decisions.finish(decision.decision_id, self._clock(), error=error)
        return error

    async def _ask_camera(self, decision: RelayDecision, timeout_s: float) -> str:
        camera = self._find_camera(decision.camera_id)
        if camera is None:
            return "The camera that has the relay is not connected."
        telling: list[asyncio.Task[None]] = []

        def active() -> None:
            self._left_active.discard(_relay_of(decision))
            log.info("relay active", camera_id=decision.camera_id, relay=decision.relay_token)
            # Told beside the pulse: a gate is not held open for as long as a slow store takes.
            told = self._changed(decision, RelayState.ACTIVE, self._clock())
            telling.append(asyncio.create_task(told, name=f"relay {decision.relay_token} active"))

        try:
            result = await camera.pulse_relay(
                decision.relay_token, decision.pulse.total_seconds(), timeout_s, on_active=active
            )
        except TimeoutError:
            return f"The camera did not answer within {timeout_s:.1f} s."
        except CameraError as error:
            return str(error)
        except Exception as error:  # A bug in one pulse must not end all others; it is told whole.
            log.error("relay pulse broke", camera_id=decision.camera_id, relay=decision.relay_token, exc_info=error)
            return f"The pulse broke off, and the relay may stand active: {error}"
        finally:
            await asyncio.gather(*telling)
        if result.released is False:
            return result.detail
        if result.released is None:
            await asyncio.sleep(result.falls_back_after.total_seconds())
        await self._changed(decision, RelayState.INACTIVE, self._clock())
        return ""

    async def _changed(self, decision: RelayDecision, state: RelayState, at: datetime) -> None:
        assert self._pipeline is not None
        change = RelayChanged(
            event_id=uuid4().hex,
            utc_time=at,
            camera_id=decision.camera_id,
            relay_token=decision.relay_token,
            state=state,
            decision_id=decision.decision_id,
        )
        await _told(self._pipeline.record(change))

    async def _failed(self, decision: RelayDecision, detail: str) -> None:
        assert self._pipeline is not None
        log.warning("relay action failed", camera_id=decision.camera_id, relay=decision.relay_token, why=detail)
        failure = ActionFailed(
            event_id=uuid4().hex,
            utc_time=self._clock(),
            camera_id=decision.camera_id,
            action=f"pulse {decision.relay_token}",
            decision_id=decision.decision_id,
            detail=detail,
        )
        await _told(self._pipeline.system(failure))


def _relay_of(decision: RelayDecision) -> RelayKey:
    return decision.camera_id, decision.relay_token


async def _told(telling: Awaitable[None]) -> None:
    """A store that takes nothing for a moment must not end the pulses that run."""
    try:
        await telling
    except StoreError as error:
        log.error("event of a relay lost", error=str(error))
