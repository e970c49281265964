"""Events from cameras, and subscriptions as firmwares make them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from lxml import etree

from onvif_client.camera import Camera
from onvif_client.errors import CameraRejected
from onvif_client.pullpoint import PullPoint, read_notification
from tests.fakes.camera import FakeCamera, Quirks


def client(fake: FakeCamera) -> Camera:
    return Camera(fake.address, fake.user, fake.password)


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(),
        Quirks(digest_only=True),
        Quirks(wrong_xaddr="http://10.9.8.7:8000"),
        Quirks(subscription_address=""),
        Quirks(subscription_address="urn:uuid:5b1f0a3e"),
        Quirks(subscription_address="http:///onvif/subscription"),
        Quirks(subscription_address="/onvif/subscription"),
        Quirks(subscription_address="HTTP://10.1.1.1:1/onvif/subscription"),
        Quirks(subscription_address="http://127.0.0.1:9/onvif/subscription"),
        Quirks(refuses_relative_time=True),
        Quirks(reference_parameters=True),
    ],
    ids=str,
)
async def test_relay_events_arrive_whatever_the_subscription_looks_like(quirks):
    async with FakeCamera(quirks=quirks) as fake, client(fake) as camera:
        async with camera.pull_point(topics=("tns1:Device/Trigger/Relay",)) as point:
            fake.relay_event("gate", "active")
            (event,) = await point.pull(timeout_s=1)
            assert event.topic == "tns1:Device/Trigger/Relay"
            assert (event.source, event.data) == ({"RelayToken": "gate"}, {"LogicalState": "active"})
            assert (event.operation, event.utc_time) == ("Changed", datetime(2026, 11, 22, 20, 15, 31, tzinfo=UTC))
            assert await point.pull(timeout_s=1) == ()
        assert fake.pull_points == 0, "the pull point was given back"


async def test_a_lost_subscription_is_made_anew():
    async with FakeCamera() as fake, client(fake) as camera, camera.pull_point() as point:
        fake.pull_points = 0
        fake.relay_event("gate", "inactive")
        (event,) = await point.pull(timeout_s=1)
        assert event.data == {"LogicalState": "inactive"}
        assert fake.count("CreatePullPointSubscription") == 2


async def test_the_subscription_is_renewed_before_it_ends():
    async with FakeCamera() as fake, client(fake) as camera:
        clock = [0.0]
        async with PullPoint(camera.services, monotonic=lambda: clock[0]) as point:
            await point.pull(timeout_s=10)
            assert fake.count("Renew") == 0
            clock[0] = 40.0
            await point.pull(timeout_s=10)
            assert fake.count("Renew") == 1
            await point.pull(timeout_s=10)
            assert fake.count("Renew") == 1


async def test_a_camera_that_refuses_subscriptions_says_so_after_two_tries():
    async with FakeCamera(quirks=Quirks(refuses_subscriptions=True)) as fake, client(fake) as camera:
        with pytest.raises(CameraRejected):
            await camera.pull_point().open()
        assert fake.count("CreatePullPointSubscription") == 2


def test_a_plate_event_of_a_camera_is_read_with_its_element_items():
    message = etree.fromstring(
        """<w:NotificationMessage xmlns:w="http://docs.oasis-open.org/wsn/b-2"
             xmlns:t="http://www.onvif.org/ver10/topics" xmlns:tt="http://www.onvif.org/ver10/schema">
           <w:Topic> t:RuleEngine/acme:Recognition/LicensePlate </w:Topic>
           <w:Message><tt:Message UtcTime="2026-11-22T20:15:30.250"><tt:Source><tt:SimpleItem Name="Rule" Value="r"/>
           </tt:Source><tt:Data><tt:SimpleItem Name="Likelihood" Value="0.9"/><tt:ElementItem Name="LicensePlateInfo">
           <tt:LicensePlateInfo><tt:PlateNumber>AB12CDE</tt:PlateNumber></tt:LicensePlateInfo></tt:ElementItem>
           </tt:Data></tt:Message></w:Message></w:NotificationMessage>"""
    )
    event = read_notification(message)
    assert event.topic == "tns1:RuleEngine/Recognition/LicensePlate"
    assert event.elements == {"LicensePlateInfo/LicensePlateInfo/PlateNumber": "AB12CDE"}
    assert event.data == {"Likelihood": "0.9"}
    assert event.operation is None
    assert event.utc_time == datetime(2026, 11, 22, 20, 15, 30, 250000, tzinfo=UTC)


def test_an_empty_notification_is_read_as_empty():
    event = read_notification(etree.fromstring("<NotificationMessage/>"))
    assert (event.topic, event.utc_time, dict(event.data)) == ("", None, {})
