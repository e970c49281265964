"""Gates: opened once and in time or not at all, and always told to let go."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from aiohttp import web

from onvif_client.camera import Camera
from onvif_client.errors import CameraRejected, CameraUnreachable, CameraUnsupported
from onvif_client.relays import RELEASE_ATTEMPTS, pulse_relay
from onvif_client.types import RelayOutput
from tests.fakes.camera import FakeCamera, Quirks


def client(fake: FakeCamera, **options) -> Camera:
    return Camera(fake.address, fake.user, fake.password, **options)


@pytest.mark.parametrize(
    ("quirks", "path"),
    [
        (Quirks(), "/onvif/deviceio"),
        (Quirks(no_deviceio=True, no_get_capabilities=True), "/onvif/device_service"),
        (Quirks(relays_only_on_device=True), "/onvif/device_service"),
    ],
    ids=["DeviceIO", "no DeviceIO", "DeviceIO cannot"],
)
async def test_relays_are_found_and_switched_on_whichever_service_can(quirks, path):
    async with FakeCamera(quirks=quirks) as fake, client(fake) as camera:
        gate, lamp = await camera.relay_outputs()
        assert gate == RelayOutput(token="gate", monostable=True, delay=timedelta(seconds=2), idle_open=True)
        assert not lamp.monostable
        await camera.set_relay("lamp", True)
        assert fake.switched == [("lamp", "active")]
        assert fake.asked[-1].path == path


async def test_a_monostable_relay_is_switched_on_and_releases_itself():
    async with FakeCamera() as fake, client(fake) as camera:
        result = await camera.pulse_relay("gate")
        assert (result.activated, result.released, result.falls_back_after) == (True, None, timedelta(seconds=2))
        assert fake.switched == [("gate", "active")]


async def test_a_bistable_relay_is_switched_on_and_off():
    async with FakeCamera() as fake, client(fake) as camera:
        result = await camera.pulse_relay("lamp", duration_s=0.01)
        assert (result.activated, result.released) == (True, True)
        assert fake.switched == [("lamp", "active"), ("lamp", "inactive")]


async def test_a_relay_that_sticks_is_said_to():
    async with FakeCamera(quirks=Quirks(relay_stuck=True)) as fake, client(fake) as camera:
        result = await camera.pulse_relay("lamp", duration_s=0.01)
        assert result.released is False
        assert "may stand open" in result.detail


async def test_a_pulse_that_misses_its_deadline_fails_and_lets_go():
    async with FakeCamera(quirks=Quirks(slow={"SetRelayOutputState": 0.4})) as fake, client(fake) as camera:
        await camera.relay_outputs()
        with pytest.raises(CameraUnreachable, match=r"not switched within .* not be tried again"):
            await camera.pulse_relay("gate", deadline_s=0.1)
        assert fake.count("SetRelayOutputState") == 2
        assert fake.switched[-1] == ("gate", "inactive")


async def test_a_deadline_that_has_passed_before_the_relay_is_known_switches_nothing():
    async with FakeCamera(quirks=Quirks(slow={"GetRelayOutputs": 5.0})) as fake, client(fake) as camera:
        with pytest.raises(CameraUnreachable, match="was not switched"):
            await camera.pulse_relay("gate", deadline_s=0.1)
        assert fake.count("SetRelayOutputState") == 0


async def test_a_cancelled_pulse_still_lets_go():
    async with FakeCamera() as fake, client(fake) as camera:
        relay = RelayOutput(token="lamp", monostable=False, delay=timedelta(seconds=1), idle_open=True)
        waiting = asyncio.Event()

        async def wait_for_ever(_: float) -> None:
            waiting.set()
            await asyncio.Event().wait()

        pulse = asyncio.create_task(
            pulse_relay(camera.services, relay, duration_s=60, deadline_s=5, sleep=wait_for_ever)
        )
        await waiting.wait()
        pulse.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pulse
        assert fake.switched == [("lamp", "active"), ("lamp", "inactive")]


async def test_a_camera_that_is_closed_during_a_pulse_lets_go_and_then_closes():
    async with FakeCamera() as fake:
        camera = client(fake)
        await camera.connect()
        active = asyncio.Event()
        pulse = asyncio.create_task(camera.pulse_relay("lamp", duration_s=0.05, on_active=active.set))
        await active.wait()
        await camera.aclose()
        assert (await pulse).released
        assert fake.switched == [("lamp", "active"), ("lamp", "inactive")]
        with pytest.raises(CameraUnreachable, match="is closed"):
            await camera.set_relay("lamp", True)
        assert fake.switched[-1] == ("lamp", "inactive")


async def test_a_camera_that_was_closed_is_pulsed_all_the_same_and_closed_again():
    async with FakeCamera() as fake:
        async with client(fake) as camera:
            pass
        pulses = (camera.pulse_relay("lamp", duration_s=0.01), camera.pulse_relay("gate"))
        assert all(result.activated for result in await asyncio.gather(*pulses))
        assert sorted(fake.switched) == [("gate", "active"), ("lamp", "active"), ("lamp", "inactive")]
        with pytest.raises(CameraUnreachable, match="is closed"):
            await camera.set_relay("lamp", True)


async def test_a_lost_order_that_cannot_be_taken_back_is_said_to_be():
    async with FakeCamera() as fake, client(fake) as camera:
        await camera.relay_outputs()
        fake.quirks.relay_stuck = True
        fake.quirks.slow["SetRelayOutputState"] = 0.3
        with pytest.raises(CameraUnreachable, match=r"not switched within .* may stand open"):
            await camera.pulse_relay("lamp", deadline_s=0.1)


async def test_letting_go_is_tried_again_when_the_camera_is_silent():
    async with FakeCamera() as fake, client(fake) as camera:
        relay = RelayOutput(token="lamp", monostable=False, delay=timedelta(seconds=1), idle_open=True)

        async def break_down(_: float) -> None:
            fake.quirks.answers["SetRelayOutputState"] = lambda: web.Response(status=503)

        result = await pulse_relay(camera.services, relay, duration_s=0, deadline_s=5, sleep=break_down)
        assert result.released is False
        assert fake.count("SetRelayOutputState") == 1 + RELEASE_ATTEMPTS


async def test_an_unknown_relay_is_named_with_those_that_exist():
    async with FakeCamera() as fake, client(fake) as camera:
        with pytest.raises(CameraUnsupported, match=r"no relay 'door'.*It has: gate, lamp"):
            await camera.pulse_relay("door")
        with pytest.raises(CameraRejected, match="no such relay"):
            await camera.set_relay("door", True)
