"""The face driven by onvif-zeep, a client that no one here wrote."""

from __future__ import annotations

import asyncio
import datetime as dt
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import zeep
from onvif import ONVIFCamera, ONVIFError
from requests import Session
from zeep.transports import Transport

from tests.fakes.device_face import RunningFace
from tests.fakes.events import NOON, alarm_raised, event_id, plate_recognized, relay_changed

TT = "{http://www.onvif.org/ver10/schema}"
TEV = "http://www.onvif.org/ver10/events/wsdl"


@pytest.fixture
def transport() -> Iterator[Transport]:
    with Session() as session:
        yield Transport(session=session, timeout=10, operation_timeout=10)


def connect(face: RunningFace, transport: Transport, password: str = "admin-pass", **options: Any) -> ONVIFCamera:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the client's own use of utcnow()
        return ONVIFCamera("127.0.0.1", face.port, "admin", password, transport=transport, **options)


def manager(camera: ONVIFCamera, address: str, binding: str) -> Any:
    """The subscription's services beyond PullMessages, which the client itself does not offer."""
    client: zeep.Client = camera.event.zeep_client
    return client.create_service(f"{{{TEV}}}{binding}", address)


def plates(pulled: Any) -> list[str]:
    found = []
    for notification in pulled.NotificationMessage:
        message = notification.Message._value_1
        found += [element.text for element in message.iter(f"{TT}PlateNumber")]
    return found


async def test_a_client_connects_and_finds_everything_it_asks_for(face: RunningFace, transport: Transport) -> None:
    def drive() -> None:
        camera = connect(face, transport)
        assert camera.devicemgmt.GetDeviceInformation().Manufacturer == "onvif-lpr"
        profiles = camera.create_media_service().GetProfiles()
        assert [profile.token for profile in profiles] == ["profile_north", "profile_south"]
        assert profiles[0].MetadataConfiguration.Analytics is True
        assert profiles[1].VideoEncoderConfiguration.Encoding == "JPEG"
        uri = camera.media.GetStreamUri(
            {
                "StreamSetup": {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}},
                "ProfileToken": profiles[0].token,
            }
        )
        assert uri.Uri == "rtsp://127.0.0.1:8554/north"
        settings = camera.create_imaging_service().GetImagingSettings({"VideoSourceToken": "vs_north"})
        assert settings.Exposure.ExposureTime == 500
        camera.create_devicemgmt_service().SetRelayOutputState(
            {"RelayOutputToken": "north.gate", "LogicalState": "active"}
        )
        analytics = camera.create_analytics_service()
        rules = analytics.zeep_client.create_service(
            "{http://www.onvif.org/ver20/analytics/wsdl}RuleEngineBinding", analytics.xaddr
        ).GetSupportedRules(ConfigurationToken="vac_north")
        assert rules.RuleDescription[0].Name == "tt:LicensePlateRecognition"

    await asyncio.to_thread(drive)
    assert [asked[:2] for asked in face.relays.asked] == [("north", "gate")]


async def test_a_client_pulls_the_plate_renews_and_unsubscribes(face: RunningFace, transport: Transport) -> None:
    def begin() -> ONVIFCamera:
        camera = connect(face, transport)
        camera.create_events_service()
        return camera

    camera = await asyncio.to_thread(begin)
    face.subscriptions.publish(plate_recognized(1))

    def drive() -> None:
        pullpoint = camera.create_pullpoint_service()
        pulled = pullpoint.PullMessages({"Timeout": dt.timedelta(seconds=5), "MessageLimit": 10})
        assert plates(pulled) == ["AB12CDE"]
        address = pullpoint.xaddr
        renewed = manager(camera, address, "SubscriptionManagerBinding").Renew(TerminationTime="PT120S")
        assert renewed.TerminationTime - renewed.CurrentTime == dt.timedelta(seconds=120)
        pull_point_binding = manager(camera, address, "PullPointSubscriptionBinding")
        pull_point_binding.SetSynchronizationPoint()
        again = pullpoint.PullMessages({"Timeout": dt.timedelta(seconds=5), "MessageLimit": 10})
        (relay,) = again.NotificationMessage
        assert relay.Message._value_1.get("PropertyOperation") == "Initialized"
        manager(camera, address, "SubscriptionManagerBinding").Unsubscribe()
        with pytest.raises(ONVIFError, match="no subscription"):
            pullpoint.PullMessages({"Timeout": dt.timedelta(seconds=1), "MessageLimit": 1})

    await asyncio.to_thread(drive)
    assert face.subscriptions.count == 0


async def test_a_client_seeks_what_it_missed_and_then_hears_what_is_new(
    face: RunningFace, transport: Transport
) -> None:
    for number in range(1, 6):
        face.journal.add(plate_recognized(number, plate=plate_recognized().plate))
    face.journal.add(alarm_raised(6))

    def drive() -> tuple[Any, list[str]]:
        camera = connect(face, transport)
        pullpoint = camera.create_pullpoint_service()
        manager(camera, pullpoint.xaddr, "PullPointSubscriptionBinding").Seek(
            UtcTime=NOON + dt.timedelta(seconds=3), Reverse=False
        )
        pulled = pullpoint.PullMessages({"Timeout": dt.timedelta(seconds=5), "MessageLimit": 100})
        return pullpoint, ids(pulled)

    pullpoint, found = await asyncio.to_thread(drive)
    assert found == [event_id(number) for number in (3, 4, 5, 6)]
    face.subscriptions.publish(plate_recognized(7))
    face.subscriptions.publish(plate_recognized(5))  # told late: the replay had it already
    pulled = await asyncio.to_thread(pullpoint.PullMessages, {"Timeout": dt.timedelta(seconds=5), "MessageLimit": 100})
    assert ids(pulled) == [event_id(7)]


def ids(pulled: Any) -> list[str]:
    return [
        item.get("Value")
        for notification in pulled.NotificationMessage
        for item in notification.Message._value_1.iter(f"{TT}SimpleItem")
        if item.get("Name") == "lpr:EventId"
    ]


async def test_a_wrong_password_is_an_error_the_client_can_show(face: RunningFace, transport: Transport) -> None:
    def drive() -> None:
        # What needs no login works, so the constructor succeeds.
        camera = connect(face, transport, password="wrong")
        with pytest.raises(ONVIFError, match="user name or password is wrong"):
            camera.devicemgmt.GetDeviceInformation()

    await asyncio.to_thread(drive)


async def test_a_client_an_hour_off_gets_in_when_it_adjusts_to_our_clock(
    face: RunningFace, transport: Transport
) -> None:
    face.clock.offset_s = 3600

    def drive() -> None:
        with pytest.raises(ONVIFError, match="five minutes off our clock"):
            connect(face, transport).devicemgmt.GetDeviceInformation()
        adjusted = connect(face, transport, adjust_time=True)
        assert adjusted.devicemgmt.GetDeviceInformation().Model == "LPR adapter"

    await asyncio.to_thread(drive)


async def test_the_gate_is_told_as_a_property_first_as_it_is_and_then_as_it_moves(
    face: RunningFace, transport: Transport
) -> None:
    camera = await asyncio.to_thread(connect, face, transport)
    pullpoint = await asyncio.to_thread(camera.create_pullpoint_service)
    face.subscriptions.publish(relay_changed(6))
    pulled = await asyncio.to_thread(pullpoint.PullMessages, {"Timeout": dt.timedelta(seconds=5), "MessageLimit": 9})
    told = [
        (message.get("PropertyOperation"), item.get("Value"))
        for message in (notification.Message._value_1 for notification in pulled.NotificationMessage)
        for item in message.iter(f"{TT}SimpleItem")
        if item.get("Name") == "LogicalState"
    ]
    assert told == [("Initialized", "inactive"), ("Changed", "active")]
