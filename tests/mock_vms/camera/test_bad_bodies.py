"""Bodies that are not what they say: a SOAP fault at the camera's services, a JSON refusal at its control interface."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Sequence

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mock_vms.camera.app import VirtualCamera
from mock_vms.camera.ports import VehicleRequest
from mock_vms.camera.scene import StreetScene
from mock_vms.camera.settings import VirtualCameraSettings
from mock_vms.camera.sources import PassageTruth
from mock_vms.camera.state import CameraState
from tests.fakes.odd_requests import ODD_TEXTS, ODD_VALUES, OddRequest, odd_objects, odd_requests
from tests.mock_vms.camera.soap_client import USERS, SoapClient, camera_and_client, envelope
from tests.mock_vms.camera.still_stage import StillStage
from tests.schemas import validate

JSON = "application/json"
DATE = envelope("<tds:GetSystemDateAndTime/>")


class DrivenStage(StillStage):
    """Takes vehicles as the rendered street does, and draws none of them."""

    def __init__(self) -> None:
        super().__init__()
        self._scene = StreetScene(countries=["NL", "DE"])

    async def drive(self, request: VehicleRequest) -> int:
        return self._scene.drive(request)

    def passages(self) -> Sequence[PassageTruth]:
        return self._scene.passages()


@pytest.fixture
async def client() -> AsyncIterator[SoapClient]:
    chosen = VirtualCameraSettings(users=USERS)
    async with (
        VirtualCamera(chosen, state=CameraState(name=chosen.name), stage=DrivenStage()) as camera,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
    ):
        yield SoapClient(camera, session)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_is_not_what_its_encoding_says_is_a_fault_and_the_camera_goes_on(encoding: str) -> None:
    async with camera_and_client() as (_, client):
        for path in ("/onvif/device_service", "/onvif/media_service", "/onvif/subscription/x"):
            headers = {"Content-Encoding": encoding}
            async with client.session.post(client.root + path, data=b"not packed", headers=headers) as response:
                assert response.status == 400
                answer = await response.read()
            assert b"Content-Encoding" in answer
            validate(answer)
        headers = {"Content-Encoding": encoding, "Content-Type": JSON}
        url = f"{client.root}/control/vehicles"
        async with client.session.post(url, data=b"not packed", headers=headers) as response:
            assert response.status == 400
            assert "Content-Encoding" in (await response.json())["error"]
        assert (await client.call("<tds:GetSystemDateAndTime/>")).status == 200


async def test_a_packed_request_is_read_and_a_bomb_is_refused() -> None:
    async with camera_and_client() as (_, client):
        url = f"{client.root}/onvif/device_service"
        for body, status in ((DATE, 200), (b" " * 5_000_000, 413)):
            headers = {"Content-Encoding": "gzip", "Content-Type": "application/soap+xml"}
            async with client.session.post(url, data=gzip.compress(body), headers=headers) as response:
                assert response.status == status
                validate(await response.read())


_VEHICLES = odd_objects(
    ["plate", "country", "speed_kmh", "photo"],
    ODD_VALUES | st.sampled_from(["12-BKL-3", "NL", "D", "DE", 25, 1e-9, 300]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(odd=odd_requests(_VEHICLES, JSON), path=st.sampled_from(["vehicles", "vehicles", "vehicles", "state", "x/%ff"]))
async def test_no_request_makes_the_control_interface_fail(client: SoapClient, odd: OddRequest, path: str) -> None:
    url = f"{client.root}/control/{path}"
    async with client.session.post(url, data=odd.body, headers=odd.headers) as response:
        # 503 is the stage's own word: so many vehicles wait that no more can be taken.
        assert response.status < 500 or (response.status == 503 and "error" in await response.json()), odd
    async with client.session.get(f"{client.root}/control/passages") as response:
        assert response.status == 200


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    odd=odd_requests(st.sampled_from([DATE, DATE[:-9]]) | ODD_TEXTS.map(lambda t: t.encode()), "application/soap+xml")
)
async def test_no_charset_or_encoding_makes_the_door_fail(client: SoapClient, odd: OddRequest) -> None:
    async with client.session.post(
        f"{client.root}/onvif/device_service", data=odd.body, headers=odd.headers
    ) as response:
        assert response.status in (200, 400, 413), odd
        # What the HTTP parser refuses by itself never reaches the door, and is answered in plain text.
        if response.status != 400 or response.content_type != "text/plain":
            validate(await response.read())
