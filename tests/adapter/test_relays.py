"""Relay decisions on a camera with a socket: what it hears, what is told, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from adapter.face_ports import FaceRelays
from adapter.relays import RelayDriver
from adapter.store.errors import StoreUnavailable
from adapter.tasks import Tasks
from events.types import ActionFailed, Event, RelayChanged, RelayState
from onvif_client.camera import Camera
from onvif_client.errors import CameraUnreachable
from onvif_client.types import PulseResult, RelayOutput
from rules.types import RelayDecision
from tests.fakes.camera import FakeCamera
from tests.fakes.waiting import until

PULSE = timedelta(seconds=0.3)


@dataclass
class Memory:
    """Decisions and pipeline at once: every decision may be claimed, and all that is told is kept."""

    told: list[Event] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    claimable: bool = True
    error: Exception | None = None
    heard_by: Callable[[RelayChanged], None] = lambda change: None

    async def claim(self, decision_id: str, now: datetime) -> bool:
        return self.claimable

    async def finish(self, decision_id: str, now: datetime, error: str = "") -> bool:
        self.finished.append(error)
        return True

    refuse = finish

    async def record(self, event: Event) -> None:
        if self.error:
            raise self.error
        self.told.append(event)
        if isinstance(event, RelayChanged):
            self.heard_by(event)

    system = record

    @property
    def changes(self) -> list[RelayChanged]:
        return [event for event in self.told if isinstance(event, RelayChanged)]

    @property
    def states(self) -> list[RelayState]:
        return [change.state for change in self.changes]

    @property
    def failures(self) -> list[str]:
        return [event.detail for event in self.told if isinstance(event, ActionFailed)]


@dataclass
class Lpr:
    """A camera of the fleet, connected or not."""

    connection: Camera | Broken | None

    @property
    def onvif(self) -> Camera | Broken:
        if self.connection is None:
            raise CameraUnreachable("Gate is not connected now.")
        return self.connection


class Broken:
    async def pulse_relay(self, *order: object, **more: object) -> PulseResult:
        raise ZeroDivisionError("a bug")


@dataclass
class Site:
    fake: FakeCamera
    camera: Camera
    memory: Memory
    driver: RelayDriver
    tasks: Tasks
    lpr: Lpr

    async def open(self, relay_token: str = "lamp", *, decision_id: str = "d", within_s: float = 30) -> None:
        await self.driver.start(
            RelayDecision(
                decision_id=decision_id,
                action_id="a",
                camera_id="c",
                relay_token=relay_token,
                pulse=PULSE,
                expires_at=datetime.now(UTC) + timedelta(seconds=within_s),
                because="AB12CD is on the list Staff",
            )
        )


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with FakeCamera() as fake, Camera(fake.address, fake.user, fake.password) as camera, Tasks() as tasks:
        memory = Memory()
        driver = RelayDriver(decisions=memory, find_camera=lambda camera_id: site.lpr, tasks=tasks)
        driver.report_to(memory)
        site = Site(fake, camera, memory, driver, tasks, Lpr(camera))
        yield site


async def test_a_relay_is_told_active_while_it_is_and_inactive_when_it_is_no_more(site: Site) -> None:
    await site.open()
    await until(lambda: site.memory.states == [RelayState.ACTIVE])
    assert site.fake.switched == [("lamp", "active")]
    await until(lambda: site.memory.finished == [""])
    assert site.memory.states == [RelayState.ACTIVE, RelayState.INACTIVE]
    active, inactive = site.memory.changes
    assert inactive.utc_time - active.utc_time >= PULSE


async def test_a_relay_that_releases_itself_is_told_inactive_after_its_own_delay(site: Site) -> None:
    await site.open("gate")
    await until(lambda: site.memory.finished == [""])
    active, inactive = site.memory.changes
    assert (active.state, inactive.state) == (RelayState.ACTIVE, RelayState.INACTIVE)
    assert inactive.utc_time - active.utc_time >= timedelta(seconds=2)
    assert site.fake.switched == [("gate", "active")]


async def test_a_relay_that_cannot_be_released_is_an_action_that_failed(site: Site) -> None:
    site.fake.quirks.relay_stuck = True
    await site.open()
    await until(lambda: site.memory.failures != [])
    assert site.memory.states == [RelayState.ACTIVE]
    (error,) = site.memory.finished
    assert site.memory.failures == [error]
    assert "may stand active" in error


async def test_a_camera_that_is_closed_during_a_pulse_is_let_go_and_the_service_goes_on(site: Site) -> None:
    await site.open()
    await until(lambda: site.memory.states == [RelayState.ACTIVE])
    await site.camera.aclose()
    await until(lambda: site.memory.finished == [""])
    assert site.fake.switched == [("lamp", "active"), ("lamp", "inactive")]
    assert site.memory.failures == []


async def test_a_gate_opens_though_its_camera_is_closed_just_after_the_decision(site: Site) -> None:
    await site.open()
    await site.camera.aclose()
    site.lpr = Lpr(None)
    await until(lambda: site.memory.finished == [""])
    assert site.fake.switched == [("lamp", "active"), ("lamp", "inactive")]
    assert site.memory.failures == []


async def test_a_gate_whose_camera_is_being_connected_opens_when_it_is(site: Site) -> None:
    site.lpr = Lpr(None)
    await site.open()
    await asyncio.sleep(0)
    site.lpr = Lpr(site.camera)
    await until(lambda: site.memory.finished == [""])
    assert site.fake.switched == [("lamp", "active"), ("lamp", "inactive")]
    assert site.memory.failures == []


async def test_a_gate_whose_camera_is_not_connected_in_time_stays_shut_and_that_is_told(site: Site) -> None:
    site.lpr = Lpr(None)
    await site.open(within_s=0.05)
    await until(lambda: site.memory.failures == ["Gate is not connected now."])
    assert site.memory.finished == site.memory.failures
    site.lpr, site.memory.claimable = Lpr(site.camera), False
    await site.open(within_s=-1)
    await until(lambda: len(site.memory.failures) == 2)
    assert site.memory.finished == site.memory.failures
    assert site.fake.switched == []


async def test_of_several_vehicles_that_wait_for_a_camera_only_the_newest_opens_the_gate(site: Site) -> None:
    site.lpr = Lpr(None)
    await site.open(decision_id="first")
    await asyncio.sleep(0)
    await site.open(decision_id="second")
    await until(lambda: len(site.memory.failures) == 1)
    site.lpr = Lpr(site.camera)
    await until(lambda: site.memory.finished[1:] == [""])
    assert site.fake.switched == [("lamp", "active"), ("lamp", "inactive")]


async def test_a_vehicle_that_waits_for_a_camera_waits_no_more_when_the_next_one_finds_it(site: Site) -> None:
    site.lpr = Lpr(None)
    await site.open(decision_id="first")
    await asyncio.sleep(0)
    site.lpr = Lpr(site.camera)
    await site.open(decision_id="second")
    await until(lambda: len(site.memory.finished) == 2)
    assert site.memory.failures == ["The camera was not connected before the next vehicle came."]
    assert site.fake.switched == [("lamp", "active"), ("lamp", "inactive")]


async def test_a_bug_in_one_pulse_is_told_and_ends_nothing_else(site: Site) -> None:
    site.lpr = Lpr(Broken())
    await site.open()
    await until(lambda: site.memory.failures != [])
    assert site.memory.finished == site.memory.failures
    assert "a bug" in site.memory.failures[0]
    site.lpr = Lpr(site.camera)
    await site.open()
    await until(lambda: site.memory.finished[1:] == [""])


async def test_a_store_that_takes_nothing_for_a_moment_ends_no_pulse(site: Site) -> None:
    site.memory.error = StoreUnavailable("The disk is full.")
    await site.open()
    await until(lambda: site.memory.finished == [""])
    assert site.fake.switched == [("lamp", "active"), ("lamp", "inactive")]


async def test_a_service_that_stops_during_a_pulse_lets_go(site: Site) -> None:
    await site.open()
    await until(lambda: site.memory.states == [RelayState.ACTIVE])
    pulses = [task for task in asyncio.all_tasks() if task.get_name() == "relay lamp"]
    for pulse in pulses:
        pulse.cancel()
    await site.camera.aclose()
    await asyncio.wait(pulses)
    assert site.fake.switched == [("lamp", "active"), ("lamp", "inactive")]


@dataclass
class Watched:
    """A camera of the fleet as the ONVIF face drives its relays."""

    onvif: Camera
    relays: tuple[RelayOutput, ...]
    camera_id: str = "c"
    name: str = "Gate"


class OneCamera:
    def __init__(self, camera: Watched) -> None:
        self.cameras = [camera]

    def find(self, camera_id: str) -> Watched:
        return self.cameras[0]


class NoAudit:
    async def add(self, entry: object) -> None:
        """Nobody asks for it here."""


@pytest.fixture
def face(site: Site) -> FaceRelays:
    relays = (
        RelayOutput(token="gate", monostable=True, delay=timedelta(seconds=0.3), idle_open=True),
        RelayOutput(token="lamp", monostable=False, delay=timedelta(seconds=1), idle_open=False),
    )
    fleet = OneCamera(Watched(site.camera, relays))
    face = FaceRelays(fleet=fleet, pipeline=site.memory, audit=NoAudit(), tasks=site.tasks)
    site.memory.heard_by = face.note
    return face


async def order(face: FaceRelays, relay_token: str, state: RelayState) -> None:
    await face.set_state(camera_id="c", relay_token=relay_token, state=state, by="vms")


def test_a_vms_is_told_the_delay_and_the_idle_state_of_a_relay(face: FaceRelays) -> None:
    gate, lamp = face.relays()
    assert (gate.monostable, gate.pulse, gate.idle_open) == (True, timedelta(seconds=0.3), True)
    assert (lamp.monostable, lamp.pulse, lamp.idle_open) == (False, timedelta(seconds=1), False)


async def test_a_relay_that_a_vms_sets_active_is_told_inactive_when_it_has_fallen_back(
    site: Site, face: FaceRelays
) -> None:
    await order(face, "gate", RelayState.ACTIVE)
    assert face.relays()[0].state is RelayState.ACTIVE
    await until(lambda: face.relays()[0].state is RelayState.INACTIVE)
    active, inactive = site.memory.changes
    assert inactive.utc_time - active.utc_time >= timedelta(seconds=0.3)
    assert inactive.event_id != active.event_id


async def test_a_relay_falls_back_once_after_the_last_order_and_only_by_itself(site: Site, face: FaceRelays) -> None:
    await order(face, "lamp", RelayState.ACTIVE)
    await order(face, "gate", RelayState.ACTIVE)
    await order(face, "gate", RelayState.INACTIVE)
    await order(face, "gate", RelayState.ACTIVE)
    await order(face, "gate", RelayState.ACTIVE)
    await until(lambda: face.relays()[0].state is RelayState.INACTIVE)
    assert not [task for task in asyncio.all_tasks() if task.get_name().endswith("falls back") and not task.done()]
    told = [change.state for change in site.memory.changes if change.relay_token == "gate"]
    assert told == ["active", "inactive", "active", "active", "inactive"]
    assert face.relays()[1].state is RelayState.ACTIVE
