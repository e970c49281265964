"""Relays: monostable ones fall back, commands are counted, and every spelling of the WSDLs is understood."""

from __future__ import annotations

import asyncio

import pytest

from mock_vms.camera.relays import RelayBoard
from mock_vms.camera.state import CameraState, RelayOutput
from tests.mock_vms.camera.soap_client import NS, SoapClient, camera_and_client, relay_states
from tests.schemas import validate

PROPERTIES = (
    "<{p}:Properties><tt:Mode>{mode}</tt:Mode><tt:DelayTime>{delay}</tt:DelayTime>"
    "<tt:IdleState>{idle}</tt:IdleState></{p}:Properties>"
)


async def test_a_monostable_relay_falls_back_by_itself_and_says_so() -> None:
    async with camera_and_client() as (camera, client):
        camera.relays.configure("gate", monostable=True, delay_s=0.05, idle_open=True)
        address = await client.subscribe()
        await client.pull(address)
        await _switch(client, "active")
        states = []
        while len(states) < 2:
            states += relay_states(await client.pull(address))
        assert states == [("gate", "active", "Changed"), ("gate", "inactive", "Changed")]
        assert [pulse.active for pulse in camera.state.pulses] == [True, False]


async def test_a_bistable_relay_stays() -> None:
    async with camera_and_client() as (camera, client):
        camera.relays.configure("gate", monostable=False, delay_s=0, idle_open=True)
        await _switch(client, "active")
        assert camera.state.relays["gate"].active
        await _switch(client, "inactive")
        assert not camera.state.relays["gate"].active


async def test_a_command_that_changes_nothing_is_counted_and_not_told() -> None:
    async with camera_and_client() as (camera, client):
        for _ in range(3):
            await _switch(client, "active")
        assert [pulse.active for pulse in camera.state.pulses] == [True]
        assert len(camera.relays.commands) == 3


async def test_asking_again_starts_the_delay_anew() -> None:
    state = CameraState(relays={"gate": RelayOutput(token="gate", delay_s=0.2)})
    board = RelayBoard(state=state)
    loop = asyncio.get_running_loop()
    fallen = asyncio.Event()
    state.listeners.append(lambda pulse: None if pulse.active else fallen.set())
    board.switch("gate", True)
    await asyncio.sleep(0.1)
    asked_again = loop.time()
    board.switch("gate", True)
    await asyncio.wait_for(fallen.wait(), 5)
    assert loop.time() - asked_again >= 0.19
    board.close()


@pytest.mark.parametrize(
    ("path", "prefix"), [("device_service", "tds"), ("deviceio_service", "tds"), ("deviceio_service", "tmd")]
)
async def test_relays_are_asked_in_either_namespace_on_either_address(path: str, prefix: str) -> None:
    async with camera_and_client() as (camera, client):
        answer = await client.call(f"<{prefix}:GetRelayOutputs/>", path=path)
        assert answer.body.tag == f"{{{NS[prefix]}}}GetRelayOutputsResponse"
        assert [relay.get("token") for relay in answer.body] == ["gate"]
        await _switch(client, "active", path=path, prefix=prefix)
        assert camera.state.relays["gate"].active


@pytest.mark.parametrize("prefix", ["tds", "tmd"])
async def test_both_forms_of_the_settings_are_kept_and_read_back(prefix: str) -> None:
    async with camera_and_client() as (_, client):
        if prefix == "tds":
            properties = PROPERTIES.format(p="tds", mode="Monostable", delay="PT1.5S", idle="closed")
            body = f"<tds:RelayOutputToken>gate</tds:RelayOutputToken>{properties}"
        else:
            properties = PROPERTIES.format(p="tt", mode="Monostable", delay="PT1.5S", idle="closed")
            body = f'<tmd:RelayOutput token="gate">{properties}</tmd:RelayOutput>'
        answer = await client.call(f"<{prefix}:SetRelayOutputSettings>{body}</{prefix}:SetRelayOutputSettings>")
        assert validate(answer.envelope) == set()
        told = (await client.call("<tds:GetRelayOutputs/>")).body[0]
        texts = [told.findtext(f"tt:Properties/tt:{name}", None, NS) for name in ("Mode", "DelayTime", "IdleState")]
        assert texts == ["Monostable", "PT1.5S", "closed"]


@pytest.mark.parametrize(
    ("mode", "delay", "idle"),
    [
        ("Tristable", "PT1S", "open"),
        ("Monostable", "PT0S", "open"),
        ("Monostable", "1", "open"),
        ("Bistable", "PT1S", "ajar"),
    ],
)
async def test_impossible_settings_are_a_mode_error_and_change_nothing(mode: str, delay: str, idle: str) -> None:
    async with camera_and_client() as (camera, client):
        properties = PROPERTIES.format(p="tds", mode=mode, delay=delay, idle=idle)
        body = f"<tds:RelayOutputToken>gate</tds:RelayOutputToken>{properties}"
        answer = await client.call(f"<tds:SetRelayOutputSettings>{body}</tds:SetRelayOutputSettings>")
        assert answer.subcodes == ["InvalidArgVal", "ModeError"]
        assert camera.state.relays["gate"] == RelayOutput(token="gate")


async def test_an_unknown_relay_is_a_relay_token_fault() -> None:
    async with camera_and_client() as (_, client):
        answer = await client.call(
            "<tds:SetRelayOutputState><tds:RelayOutputToken>x</tds:RelayOutputToken>"
            "<tds:LogicalState>active</tds:LogicalState></tds:SetRelayOutputState>"
        )
        assert answer.subcodes == ["InvalidArgVal", "RelayToken"]


async def _switch(client: SoapClient, state: str, *, path: str = "device_service", prefix: str = "tds") -> None:
    body = f"<{prefix}:RelayOutputToken>gate</{prefix}:RelayOutputToken>"
    body += f"<{prefix}:LogicalState>{state}</{prefix}:LogicalState>"
    answer = await client.call(f"<{prefix}:SetRelayOutputState>{body}</{prefix}:SetRelayOutputState>", path=path)
    assert answer.status == 200, answer.content
