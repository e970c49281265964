"""Carries out relay decisions: once, in time, or not at all.

A decision keeps the connection that its camera has when it is decided: a camera that is changed tells what is in view
and is connected anew, and the gate must open for that vehicle too. Where there is none, the next one is waited for, as
long as the decision may be carried out.

A decision is claimed in the store before the camera is asked, so that neither a second process nor a restart can pulse
twice. What was not carried out by its deadline is recorded as failed and alarmed, and never tried again: a gate that
opens late opens for the wrong car.

A relay that a process left active is let go, however late and over however many restarts: it holds a gate open. That
is given up when its camera is removed or says that it cannot, and forgotten with the vehicle it was pulsed for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

import structlog

from adapter.pipeline import Pipeline
from adapter.retry import backoff_s
from adapter.store.decisions import Decisions
from adapter.store.errors import StoreError
from adapter.tasks import Tasks
from events.types import ActionFailed, RelayChanged, RelayState
from onvif_client.errors import CameraError, CameraMisbehaved, CameraUnreachable
from onvif_client.types import PulseResult
from rules.rules import RelayKey
from rules.types import RelayDecision

log = structlog.get_logger(__name__)

# More at once than any site has gates; a storm of decisions waits here, and past its deadline is refused.
AT_ONCE = 32

# A camera that was connected anew is asked this soon after; looking costs nothing.
CONNECTED_PAUSE_S = 0.1

# A gate that stands open is let go this soon after its camera is back; while it is away, nobody is asked.
LET_GO_PAUSE_S = 1.0

# A power cut takes cameras and switches along; they are back within minutes. After that, somebody should go and look.
AWAY_TOLD_AFTER_S = 600.0


class RelayConnection(Protocol):
    """What drives the relays of a camera: `onvif_client.camera.Camera`."""

    async def set_relay(self, token: str, active: bool) -> None:
        """Now. Raises CameraError."""

    async def pulse_relay(
        self, token: str, *, duration_s: float, deadline_s: float, on_active: Callable[[], None]
    ) -> PulseResult:
        """Active for `duration_s`, then inactive. Raises CameraError, also when not active within `deadline_s`."""


class RelayCamera(Protocol):
    """A camera of the fleet."""

    @property
    def onvif(self) -> RelayConnection:
        """The connection it has now. Raises CameraUnreachable while there is none, CameraUnsupported when never."""


class RelayDriver:
    """Runs each decision as a task of the service."""

    def __init__(
        self,
        *,
        decisions: Decisions,
        find_camera: Callable[[str], RelayCamera | None],
        tasks: Tasks,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sleep = sleep
        self._decisions = decisions
        self._find_camera = find_camera
        self._tasks = tasks
        self._clock = clock
        self._places = asyncio.Semaphore(AT_ONCE)
        self._pipeline: Pipeline | None = None
        self._newest: dict[RelayKey, str] = {}
        """The last decision about each relay."""
        self._left_active: set[RelayKey] = set()
        """Relays that an earlier run may have left active, until they are let go or switched anew."""

    def report_to(self, pipeline: Pipeline) -> None:
        """Where changes and failures are recorded. The pipeline needs the driver first, so this comes after."""
        self._pipeline = pipeline

    async def start(self, decision: RelayDecision) -> None:
        """Carry out one decision in the background, over the connection that the camera has at this moment."""
        self._newest[_relay_of(decision)] = decision.decision_id
        try:
            connection = self._connection_to(decision.camera_id)
        except CameraError:
            connection = None  # It is waited for, or it is told why there is none.
        self._tasks.start(self._carry_out(decision, connection), name=f"relay {decision.relay_token}")

    def note(self, change: RelayChanged) -> None:
        """Who switches a relay that an earlier run left active, as a VMS may, decides how it stands from then on."""
        self._left_active.discard((change.camera_id, change.relay_token))

    async def recover(self) -> None:
        """Before anything is decided: what an earlier run left undone stays undone and is told."""
        for left in await self._decisions.abandon_unfinished(self._clock()):
            await self._failed(left.decision, left.detail)

    async def let_go(self) -> None:
        """Once the cameras are known: what earlier runs left active is let go in the background."""
        for left in await self._decisions.left_active():
            relay = _relay_of(left.decision)
            if relay not in self._left_active:
                self._left_active.add(relay)
                self._tasks.start(self._let_go(left.decision), name=f"relay {left.decision.relay_token} release")

    async def _let_go(self, decision: RelayDecision) -> None:
        """As soon as the camera is there. A pulse that comes sooner lets go by itself, and must not be cut short."""
        relay, waited_s, failures = _relay_of(decision), 0.0, 0
        while relay in self._left_active:
            if self._find_camera(decision.camera_id) is None:
                await self._stands_active(decision, "Its camera was removed.")
                break
            try:
                if await self._released(decision):
                    break
                why, failures = "Its camera did not come back.", 0
            except (CameraUnreachable, CameraMisbehaved) as error:
                why, failures = str(error), failures + 1
            except CameraError as error:
                await self._stands_active(decision, str(error))
                break
            pause_s = backoff_s(failures) if failures else LET_GO_PAUSE_S
            if waited_s < AWAY_TOLD_AFTER_S <= waited_s + pause_s:
                await self._stands_active(decision, f"It is let go when its camera is there. {why}")
            waited_s += pause_s
            await self._sleep(pause_s)
        self._left_active.discard(relay)
        await _told(self._decisions.let_go(relay))

    async def _released(self, decision: RelayDecision) -> bool:
        """False while the camera is not connected. Raises CameraError."""
        try:
            connection = self._connection_to(decision.camera_id)
        except CameraUnreachable:
            return False
        await connection.set_relay(decision.relay_token, False)
        await self._changed(decision, RelayState.INACTIVE, self._clock())
        return True

    async def _stands_active(self, decision: RelayDecision, why: str) -> None:
        await self._failed(decision, f"The relay may stand active since the service stopped. {why}")

    async def _carry_out(self, decision: RelayDecision, connection: RelayConnection | None) -> None:
        try:
            error = await self._claim_and_pulse(decision, connection)
        except StoreError as unstored:
            error = f"The store did not take what became of the relay: {unstored}"
        if error:
            await self._failed(decision, error)

    async def _claim_and_pulse(self, decision: RelayDecision, connection: RelayConnection | None) -> str:
        """Empty when the relay was pulsed, else what went wrong."""
        try:
            connection = connection or await self._next_connection(decision)
        except CameraError as unconnected:
            return await self._refused(decision, str(unconnected))
        async with self._places:
            now = self._clock()
            if not await self._decisions.claim(decision.decision_id, now):
                return await self._refused(decision, "The deadline had passed before the camera could be asked.")
            error = await self._pulse(decision, connection, (decision.expires_at - now).total_seconds())
        await self._decisions.finish(decision.decision_id, self._clock(), error=error)
        return error

    async def _refused(self, decision: RelayDecision, error: str) -> str:
        """The relay was never touched."""
        await self._decisions.refuse(decision.decision_id, self._clock(), error)
        return error

    def _connection_to(self, camera_id: str) -> RelayConnection:
        camera = self._find_camera(camera_id)
        if camera is None:
            raise CameraUnreachable("The camera that has the relay is not connected.")
        return camera.onvif

    async def _next_connection(self, decision: RelayDecision) -> RelayConnection:
        """Raises CameraError when the camera is not connected before the decision's deadline.

        Only the newest vehicle waits: after it the relay would be pulsed a second time, for one that has passed.
        """
        while True:
            try:
                return self._connection_to(decision.camera_id)
            except CameraUnreachable:
                if self._clock() >= decision.expires_at:
                    raise
            await self._sleep(CONNECTED_PAUSE_S)
            if self._newest[_relay_of(decision)] != decision.decision_id:
                raise CameraUnreachable("The camera was not connected before the next vehicle came.")

    async def _pulse(self, decision: RelayDecision, connection: RelayConnection, timeout_s: float) -> str:
        telling: list[asyncio.Task[None]] = []

        def active() -> None:
            self._left_active.discard(_relay_of(decision))
            log.info("relay active", camera_id=decision.camera_id, relay=decision.relay_token)
            # Told beside the pulse: a gate is not held open for as long as a slow store takes.
            told = self._changed(decision, RelayState.ACTIVE, self._clock())
            telling.append(asyncio.create_task(told, name=f"relay {decision.relay_token} active"))

        try:
            result = await connection.pulse_relay(
                decision.relay_token,
                duration_s=decision.pulse.total_seconds(),
                deadline_s=timeout_s,
                on_active=active,
            )
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
        log.error("the store did not take what became of a relay", error=str(error))
