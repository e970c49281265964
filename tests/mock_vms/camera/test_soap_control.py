"""The control interface: the truth about the camera for demos and tests, for clients on this machine only."""

from __future__ import annotations

from datetime import datetime

import pytest

from mock_vms.camera.control import may_control
from tests.mock_vms.camera.soap_client import camera_and_client


async def test_state_and_relays_are_told_as_they_are() -> None:
    async with camera_and_client(name="Gate 7") as (camera, client):
        camera.state.change_imaging(exposure_time_us=1818.0)
        camera.relays.switch("gate", True)
        camera.relays.switch("gate", True)
        state = await _get(client.session, camera.control_url, "state")
        assert state["name"] == "Gate 7"
        assert state["imaging"]["exposure_time_us"] == 1818.0
        assert state["encoders"]["encoder_main"]["encoding"] == "H264"
        assert state["relays"]["gate"]["active"] is True
        relays = await _get(client.session, camera.control_url, "relays")
        assert [(relay["token"], relay["active"]) for relay in relays] == [("gate", True)]
        assert datetime.fromisoformat(relays[0]["at"]).tzinfo is not None
        assert len(await _get(client.session, camera.control_url, "relay-commands")) == 2


async def test_a_vehicle_is_put_on_the_stage_and_shows_among_the_passages() -> None:
    async with camera_and_client() as (camera, client):
        body = {"plate": "AB-12-CD", "country": "NL", "speed_kmh": 50}
        async with client.session.post(f"{camera.control_url}/vehicles", json=body) as response:
            assert (response.status, await response.json()) == (202, {"number": 1})
        assert camera.stage.requests[0].speed_kmh == 50.0
        passages = await _get(client.session, camera.control_url, "passages")
        assert passages == [
            {
                "number": 1,
                "plate": "AB-12-CD",
                "label": "still",
                "appeared_at": "2026-11-22T20:15:00Z",
                "left_at": None,
            }
        ]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"speed_kmh": -1}, "speed_kmh"),
        ({"speed_kmh": "fast"}, "speed_kmh"),
        ({"colour": "red"}, "colour"),
        ({"plate": ""}, "plate"),
        ({"plate": "UNKNOWN"}, "no such plate"),
        ([], "object"),
    ],
)
async def test_a_wrong_vehicle_is_refused_with_the_reason(body: object, words: str) -> None:
    async with camera_and_client() as (camera, client):
        async with client.session.post(f"{camera.control_url}/vehicles", json=body) as response:
            assert response.status == 422
            assert words in (await response.text()).lower()
        assert camera.stage.passages() == []


async def test_only_json_drives_the_scenery() -> None:
    """A web page can post forms to loopback addresses, but not this content type."""
    async with camera_and_client() as (camera, client):
        response = await client.session.post(f"{camera.control_url}/vehicles", data=b"{}")
        assert response.status == 415


@pytest.mark.parametrize(
    ("remote", "local", "host", "allowed"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1", True),
        ("::1", "::1", "::1", True),
        ("127.0.0.1", "127.0.0.1", "localhost", True),
        ("192.0.2.1", "192.0.2.1", "192.0.2.1", True),
        ("192.0.2.7", "192.0.2.1", "192.0.2.1", False),
        ("", "", "127.0.0.1", False),
        ("127.0.0.1", "127.0.0.1", "rebound.example", False),
    ],
)
def test_only_clients_on_this_machine_are_answered(remote: str, local: str, host: str, allowed: bool) -> None:
    assert may_control(remote=remote, local=local, host=host) is allowed


async def test_a_name_that_a_web_page_could_have_pointed_here_is_refused() -> None:
    async with camera_and_client() as (camera, client):
        url = f"{camera.control_url}/state"
        response = await client.session.get(url, headers={"Host": f"rebound.example:{camera.http_port}"})
        assert response.status == 403


async def _get(session: object, url: str, name: str) -> object:
    async with session.get(f"{url}/{name}") as response:  # type: ignore[attr-defined]
        assert response.status == 200
        return await response.json()
