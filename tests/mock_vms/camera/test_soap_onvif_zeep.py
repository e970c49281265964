"""The virtual camera through a client that nobody here wrote: onvif-zeep, with the WSDL files that it ships."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from onvif import ONVIFCamera
from onvif.exceptions import ONVIFError
from zeep.cache import InMemoryCache
from zeep.transports import Transport

from mock_vms.camera.app import VirtualCamera
from mock_vms.camera.state import ExposureMode
from tests.mock_vms.camera.soap_client import running_camera

EVENTS = "http://www.onvif.org/ver10/events/wsdl"
DEVICE_IO = "http://www.onvif.org/ver10/deviceIO/wsdl"
TT = "{http://www.onvif.org/ver10/schema}"


async def through_onvif_zeep(
    camera: VirtualCamera, drive: Callable[[Any], None], *, password: str = "secret", adjust_time: bool = False
) -> None:
    """Connect in a thread, as the client blocks, and let `drive` use the connection there."""

    def work() -> None:
        transport = Transport(cache=InMemoryCache(), timeout=5, operation_timeout=5)
        try:
            drive(
                ONVIFCamera(
                    "127.0.0.1", camera.http_port, "admin", password, adjust_time=adjust_time, transport=transport
                )
            )
        finally:
            transport.session.close()

    await asyncio.to_thread(work)


async def test_connect_profiles_and_addresses() -> None:
    def drive(client: Any) -> None:
        assert client.devicemgmt.GetDeviceInformation().Manufacturer == "onvif-lpr"
        media = client.create_media_service()
        profiles = media.GetProfiles()
        assert [profile.token for profile in profiles] == ["profile_main", "profile_jpeg"]
        assert profiles[0].VideoEncoderConfiguration.Resolution.Width == 1280
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        stream = media.GetStreamUri({"StreamSetup": setup, "ProfileToken": "profile_main"})
        assert stream.Uri == camera.stream_url("encoder_main")
        snapshot = media.GetSnapshotUri({"ProfileToken": "profile_main"})
        assert snapshot.Uri == f"http://127.0.0.1:{camera.http_port}/onvif/snapshot/profile_main"

    async with running_camera() as camera:
        await through_onvif_zeep(camera, drive)


async def test_imaging_is_read_written_and_read_back() -> None:
    def drive(client: Any) -> None:
        imaging = client.create_imaging_service()
        source = {"VideoSourceToken": "video_source"}
        options = imaging.GetOptions(source)
        assert options.Exposure.ExposureTime.Min <= 1818 <= options.Exposure.ExposureTime.Max
        settings = imaging.GetImagingSettings(source)
        settings.Exposure.Mode = "MANUAL"
        settings.Exposure.ExposureTime = 1818.0
        settings.Sharpness = 5.0
        settings.WideDynamicRange.Mode = "OFF"
        imaging.SetImagingSettings({**source, "ImagingSettings": settings, "ForcePersistence": True})
        again = imaging.GetImagingSettings(source)
        assert (again.Exposure.ExposureTime, again.Sharpness) == (1818.0, 5.0)
        settings.Sharpness = 1000.0
        with pytest.raises(ONVIFError, match="not within 0 to 100"):
            imaging.SetImagingSettings({**source, "ImagingSettings": settings, "ForcePersistence": True})

    async with running_camera() as camera:
        await through_onvif_zeep(camera, drive)
        assert camera.state.imaging.exposure_mode is ExposureMode.MANUAL
        assert not camera.state.imaging.wide_dynamic_range


async def test_an_encoder_is_reconfigured() -> None:
    def drive(client: Any) -> None:
        media = client.create_media_service()
        options = media.GetVideoEncoderConfigurationOptions({"ConfigurationToken": "encoder_main"})
        assert (options.QualityRange.Min, options.QualityRange.Max) == (0, 100)
        configuration = media.GetVideoEncoderConfiguration({"ConfigurationToken": "encoder_main"})
        configuration.RateControl.FrameRateLimit = 4
        configuration.Quality = 80
        configuration.H264.GovLength = 1
        media.SetVideoEncoderConfiguration({"Configuration": configuration, "ForcePersistence": True})

    async with running_camera() as camera:
        await through_onvif_zeep(camera, drive)
        encoder = camera.state.encoder("encoder_main")
        assert (encoder.frame_rate, encoder.quality, encoder.gov_length) == (4.0, 80.0, 1)


async def test_a_relay_is_pulsed_and_its_event_pulled_renewed_and_unsubscribed() -> None:
    def drive(client: Any) -> None:
        pull_point = client.create_pullpoint_service()
        first = pull_point.PullMessages({"Timeout": timedelta(seconds=5), "MessageLimit": 10})
        assert _states(first) == [("gate", "inactive", "Initialized")]
        client.xaddrs[DEVICE_IO] = f"http://127.0.0.1:{client.port}/onvif/deviceio_service"
        device_io = client.create_deviceio_service()
        assert [relay.token for relay in device_io.GetRelayOutputs()] == ["gate"]
        device_io.SetRelayOutputState({"RelayOutputToken": "gate", "LogicalState": "active"})
        changed = pull_point.PullMessages({"Timeout": timedelta(seconds=5), "MessageLimit": 10})
        assert _states(changed) == [("gate", "active", "Changed")]
        address = client.xaddrs[f"{EVENTS}/PullPointSubscription"]
        manager = pull_point.zeep_client.create_service(f"{{{EVENTS}}}SubscriptionManagerBinding", address)
        renewed = manager.Renew(TerminationTime="PT90S")
        assert renewed.TerminationTime - renewed.CurrentTime == timedelta(seconds=90)
        manager.Unsubscribe()
        with pytest.raises(ONVIFError, match="no such subscription"):
            pull_point.PullMessages({"Timeout": timedelta(seconds=1), "MessageLimit": 10})

    async with running_camera() as camera:
        await through_onvif_zeep(camera, drive)
        assert len(camera.pull_points) == 0


async def test_a_wrong_password_is_refused() -> None:
    def drive(client: Any) -> None:
        with pytest.raises(ONVIFError, match="wrong password"):
            client.devicemgmt.GetDeviceInformation()

    async with running_camera() as camera:
        await through_onvif_zeep(camera, drive, password="wrong")


async def test_a_clock_off_by_an_hour_needs_the_client_to_adjust() -> None:
    def refused(client: Any) -> None:
        with pytest.raises(ONVIFError, match="GetSystemDateAndTime"):
            client.devicemgmt.GetDeviceInformation()

    def accepted(client: Any) -> None:
        assert client.devicemgmt.GetDeviceInformation().Model == "Virtual camera"

    async with running_camera("clock-skew=-3600") as camera:
        await through_onvif_zeep(camera, refused)
        await through_onvif_zeep(camera, accepted, adjust_time=True)


def _states(pulled: Any) -> list[tuple[str, str, str]]:
    states = []
    for notification in pulled.NotificationMessage:
        message = notification.Message._value_1
        items = {item.get("Name"): item.get("Value") for item in message.iter(f"{TT}SimpleItem")}
        states.append((items["RelayToken"], items["LogicalState"], message.get("PropertyOperation")))
    return states
