"""Notifications as different devices write them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from mock_vms.vms.notification import MAX_EMBEDDED_PICTURE, parse, topic_path
from mock_vms.vms.types import PictureKind
from tests.fakes.onvif_device import JPEG, PLATE_TOPIC, RELAY_TOPIC, TT, plate_message, relay_message

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def event_of(message: etree._Element, topic: str = PLATE_TOPIC, origin: str = "device"):
    event, _ = parse(topic, message, origin=origin, now=NOW)
    assert event is not None
    return event


@pytest.mark.parametrize(
    "topic",
    [
        "tns1:RuleEngine/Recognition/LicensePlate",
        "RuleEngine/Recognition/LicensePlate",
        " t:RuleEngine/x:Recognition/LicensePlate\n",
    ],
)
def test_topics_are_compared_by_local_names(topic: str) -> None:
    assert topic_path(topic) == "RuleEngine/Recognition/LicensePlate"


def test_item_names_are_found_in_any_case_and_without_their_wrapper() -> None:
    message = TT.Message(
        {"UtcTime": "2026-11-22T13:00:00+01:00"},
        TT.Source(TT.SimpleItem(Name="videosourceconfigurationtoken", Value="vs7")),
        TT.Data(
            TT.SimpleItem(Name="LIKELIHOOD", Value="0,5"),
            TT.ElementItem({"Name": "licenseplateinfo"}, TT.PlateNumber("AB12")),
        ),
    )
    event = event_of(message)
    assert (event.object, event.video_source, event.likelihood) == ("AB12", "vs7", 0.5)
    assert event.utc_time == datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_a_message_without_an_id_gets_one_from_its_content() -> None:
    first = plate_message("AB12", utc_time=NOW)
    again = etree.fromstring(etree.tostring(first))
    assert event_of(first).event_id == event_of(again).event_id
    assert event_of(first).event_id != event_of(plate_message("AB13", utc_time=NOW)).event_id
    assert event_of(first).event_id != event_of(first, origin="another device").event_id


def test_an_embedded_picture_is_taken_and_a_huge_or_broken_one_is_left() -> None:
    def with_image(text: str) -> etree._Element:
        message = plate_message("AB12", event_id="e1")
        message[-1].append(TT.ElementItem({"Name": "Image"}, TT.Image(text)))
        return message

    assert event_of(with_image(base64.b64encode(JPEG).decode())).pictures == {PictureKind.IMAGE: JPEG}
    assert event_of(with_image("not base64!")).pictures == {}
    assert event_of(with_image("A" * (MAX_EMBEDDED_PICTURE * 2))).pictures == {}


def test_a_relay_is_a_state_and_with_an_id_an_event_too() -> None:
    event, relay = parse(RELAY_TOPIC, relay_message("gate", "active", utc_time=NOW), origin="d", now=NOW)
    assert event is None
    assert relay is not None
    assert (relay.relay_token, relay.active) == ("gate", True)
    message = relay_message("gate", "inactive", utc_time=NOW)
    message[-1].append(TT.SimpleItem(Name="lpr:EventId", Value="r1"))
    event, relay = parse(RELAY_TOPIC, message, origin="d", now=NOW)
    assert event is not None
    assert (event.type, event.event_id) == ("RelayChanged", "r1")


@pytest.mark.requirement("M-298")
@pytest.mark.requirement("M-299")
def test_signal_loss_is_a_lost_or_a_restored_camera_and_its_first_state_is_none() -> None:
    def loss(state: str, operation: str) -> etree._Element:
        return TT.Message(
            {"UtcTime": "2026-11-22T12:00:00Z", "PropertyOperation": operation},
            TT.Source(TT.SimpleItem(Name="Source", Value="vs1")),
            TT.Data(TT.SimpleItem(Name="State", Value=state)),
        )

    topic = "tns1:VideoSource/SignalLoss"
    assert event_of(loss("true", "Changed"), topic).type == "CameraLost"
    assert event_of(loss("false", "Changed"), topic).type == "CameraRestored"
    assert parse(topic, loss("false", "Initialized"), origin="d", now=NOW) == (None, None)


def test_topics_that_concern_no_plate_are_left_out() -> None:
    message = TT.Message({"UtcTime": "2026-11-22T12:00:00Z"}, TT.Data(TT.SimpleItem(Name="IsMotion", Value="true")))
    assert parse("tns1:RuleEngine/CellMotionDetector/Motion", message, origin="d", now=NOW) == (None, None)


TEXT = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=40)
NAMES = st.sampled_from(
    [
        "Likelihood",
        "lpr:EventId",
        "lpr:Priority",
        "ImageURI",
        "LicensePlateInfo",
        "Image",
        "VideoSource",
        "",
        "RelayToken",
    ]
)


@given(
    utc_time=TEXT | st.just("9999-12-31T23:59:59-14:00"),
    simple=st.lists(st.tuples(NAMES, TEXT | st.sampled_from(["NaN", "1e999", "-inf", "9" * 400]))),
    elements=st.lists(st.tuples(NAMES, st.sampled_from(["PlateNumber", "Image", "LicensePlateInfo"]), TEXT)),
    topic=st.sampled_from([PLATE_TOPIC, RELAY_TOPIC, "", "//", ":"]),
)
def test_no_message_breaks_the_parser(utc_time: str, simple: list, elements: list, topic: str) -> None:
    data = TT.Data(*(TT.SimpleItem(Name=name, Value=value) for name, value in simple))
    for name, child, text in elements:
        data.append(TT.ElementItem({"Name": name}, TT(child, text)))
    event, _ = parse(topic, TT.Message({"UtcTime": utc_time}, data), origin="device", now=NOW)
    if event is not None:
        assert event.event_id
        assert event.object.isprintable()
        assert event.utc_time.utcoffset() is not None
