"""Our client and our virtual camera were written apart from one standard; here they meet, quirk by quirk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from mock_vms.camera.app import VirtualCamera
from mock_vms.camera.identity import User, UserLevel
from mock_vms.camera.quirks import Quirks
from mock_vms.camera.settings import VirtualCameraSettings
from mock_vms.camera.state import CameraState
from mock_vms.camera.state import RelayOutput as RelayState
from onvif_client.camera import Camera
from onvif_client.discovery import discover
from onvif_client.errors import CameraMisbehaved, CameraRefused
from onvif_client.tuning import plan
from onvif_client.tuning_types import SiteProfile
from tests.mock_vms.camera.still_stage import JPEG, StillStage

PASSWORD = "for this test only"


@asynccontextmanager
async def virtual_camera(
    quirks: Quirks | None = None, *, level: UserLevel = UserLevel.ADMINISTRATOR, discovery_port: int | None = None
) -> AsyncIterator[VirtualCamera]:
    relays = {"gate": RelayState(token="gate"), "lamp": RelayState(token="lamp", monostable=False)}
    settings = VirtualCameraSettings(
        users=(User(name="client", password=PASSWORD, level=level),),
        quirks=quirks or Quirks(),
        discovery_port=discovery_port,
    )
    async with VirtualCamera(settings, state=CameraState(relays=relays), stage=StillStage()) as camera:
        yield camera


def client(virtual: VirtualCamera, password: str = PASSWORD) -> Camera:
    return Camera(virtual.device_url, "client", password, timeout_s=5)


@pytest.mark.parametrize(
    ("quirks", "login"),
    [
        (Quirks(), "username_token"),
        (Quirks(digest_only=True), "digest"),
        (Quirks(wsse_only=True), "username_token"),
        (Quirks(clock_skew=timedelta(hours=-30)), "username_token"),
        (Quirks(media1_only=True), "username_token"),
        (Quirks(wrong_xaddr=True), "username_token"),
    ],
    ids=["none", "digest only", "token only", "clock skew", "Media1 only", "wrong addresses"],
)
async def test_profiles_streams_and_snapshots_are_found(quirks, login):
    async with virtual_camera(quirks) as virtual, client(virtual) as camera:
        assert camera.login == login
        profiles = await camera.profiles()
        assert {each.encoder.token for each in profiles} == set(virtual.state.encoders)
        for profile in profiles:
            assert await camera.stream_uri(profile.token) == virtual.stream_url(profile.encoder.token)
            assert await camera.snapshot(profile.token) == JPEG


@pytest.mark.parametrize("media1_only", [False, True], ids=["media2", "media1"])
async def test_a_plan_is_carried_out_and_taken_back(media1_only):
    async with virtual_camera(Quirks(media1_only=media1_only)) as virtual, client(virtual) as camera:
        profile = camera.choose_profile(await camera.profiles())
        source = profile.video_source_token
        before, untouched = await camera.imaging(source), virtual.state.imaging
        made = plan(
            SiteProfile(max_speed_kmh=50),
            imaging=before,
            imaging_options=await camera.imaging_options(source),
            encoder=profile.encoder,
            encoder_options=await camera.encoder_options(profile.encoder),
        )
        report = await camera.apply_imaging(source, made.imaging)
        report += await camera.apply_encoder(profile.encoder, made.encoder)
        assert all(each.ok for each in report), report
        assert virtual.state.imaging.max_exposure_time_us == 1818
        assert virtual.state.imaging.wide_dynamic_range is False
        assert virtual.state.encoder(profile.encoder.token).quality == 80
        assert all(each.ok for each in await camera.rollback_imaging(source, before))
        assert virtual.state.imaging == untouched


async def test_ignored_fields_are_told():
    quirks = Quirks(ignore_fields=frozenset({"Sharpness"}))
    async with virtual_camera(quirks) as virtual, client(virtual) as camera:
        source = (await camera.profiles())[0].video_source_token
        made = plan(
            SiteProfile(max_speed_kmh=50),
            imaging=await camera.imaging(source),
            imaging_options=await camera.imaging_options(source),
        )
        report = await camera.apply_imaging(source, made.imaging)
        assert {each.field for each in report if not each.ok} == {"sharpness"}


async def test_missing_options_do_not_stop_the_shutter():
    async with virtual_camera(Quirks(no_imaging_options=True)) as virtual, client(virtual) as camera:
        source = (await camera.profiles())[0].video_source_token
        made = plan(SiteProfile(max_speed_kmh=90), imaging=await camera.imaging(source), imaging_options=None)
        assert all(each.ok for each in await camera.apply_imaging(source, made.imaging))
        assert virtual.state.imaging.max_exposure_time_us == 1010


@pytest.mark.parametrize("relative_time_refused", [False, True])
async def test_a_gate_is_pulsed_and_its_event_pulled(relative_time_refused):
    quirks = Quirks(relative_time_refused=relative_time_refused)
    async with virtual_camera(quirks) as virtual, client(virtual) as camera:
        async with camera.pull_point(topics=("tns1:Device/Trigger/Relay",)) as point:
            first = await point.pull(timeout_s=2)
            assert {each.operation for each in first} == {"Initialized"}
            result = await camera.pulse_relay("lamp", duration_s=0.01)
            assert (result.activated, result.released) == (True, True)
            seen = []
            while len(seen) < 2:
                seen += [
                    (each.source["RelayToken"], each.data["LogicalState"]) for each in await point.pull(timeout_s=2)
                ]
            assert seen == [("lamp", "active"), ("lamp", "inactive")]
        assert len(virtual.pull_points) == 0


async def test_a_monostable_gate_is_switched_on_once():
    async with virtual_camera() as virtual, client(virtual) as camera:
        assert (await camera.pulse_relay("gate")).activated
        assert [(each.relay_token, each.active) for each in virtual.state.pulses] == [("gate", True)]


async def test_a_user_without_the_level_cannot_open_the_gate():
    async with virtual_camera(level=UserLevel.USER) as virtual, client(virtual) as camera:
        with pytest.raises(CameraRefused, match="Raise its level"):
            await camera.pulse_relay("gate")
        assert virtual.state.pulses == []


async def test_a_wrong_password_is_refused():
    async with virtual_camera() as virtual:
        with pytest.raises(CameraRefused, match="Check user and password"):
            await client(virtual, "wrong").connect()


async def test_a_web_page_in_place_of_onvif_is_told():
    async with virtual_camera(Quirks(html_answer=True)) as virtual:
        with pytest.raises(CameraMisbehaved, match="web page"):
            await client(virtual).connect()


@pytest.mark.parametrize("wrong_address", [False, True])
async def test_it_is_discovered_at_an_address_that_works(wrong_address):
    quirks = Quirks(wrong_discovery_xaddr=wrong_address)
    async with virtual_camera(quirks, discovery_port=0) as virtual:
        (found,) = await discover(
            multicast=False, addresses=[f"127.0.0.1:{virtual.discovery_port}"], enough=1, timeout_s=5
        )
        assert found.name == virtual.settings.name
        assert found.address.startswith("http://127.0.0.1:")
