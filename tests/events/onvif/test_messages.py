"""Each event in ONVIF's words, against the schemas where they know them and by structure where they do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from events.onvif import messages, topics
from events.onvif.coordinates import normalize
from events.types import ActionFailed, Event, ListKind, RelayState
from events.xmlns import name
from inference.types import Box, LicensePlate, PassageState, PlateType
from tests.fakes.events import (
    NOON,
    alarm_raised,
    camera_lost,
    camera_restored,
    event_id,
    list_matched,
    plate_recognized,
    relay_changed,
)
from tests.newer_elements import replaced
from tests.schemas import TT, validate

BASE = "http://192.0.2.10:8080"
NS = {"tt": TT, "wsnt": "http://docs.oasis-open.org/wsn/b-2"}
ACTION_FAILED = ActionFailed(
    event_id=event_id(8),
    utc_time=NOON,
    camera_id="north",
    action="open the gate",
    decision_id=event_id(1),
    detail="the camera did not answer",
)


def rendered(event: Event) -> etree._Element:
    message = messages.from_event(event)
    assert message is not None
    return message.render(BASE)


def simple(element: etree._Element, group: str = "Data") -> dict[str, str]:
    return {
        item.get("Name", ""): item.get("Value", "") for item in element.iterfind(f".//tt:{group}/tt:SimpleItem", NS)
    }


def test_a_plate_is_told_as_annex_g3_spells_it() -> None:
    element = rendered(plate_recognized(1))
    assert element.findtext("wsnt:Topic", namespaces=NS) == "tns1:RuleEngine/Recognition/LicensePlate"
    message = element.find(".//tt:Message", NS)
    assert message is not None
    assert dict(message.attrib) == {"UtcTime": "2026-11-22T12:00:01Z"}  # no PropertyOperation: it is no property
    assert simple(element, "Source") == {"VideoSource": "vs_north", "Rule": "lpr_1"}
    assert simple(element) == {
        "Likelihood": "0.93",
        "Label": "Whitelisted",
        "Direction": "Approaching",
        "lpr:EventId": event_id(1),
        "ImageURI": f"{BASE}/onvif/images/{event_id(1)}/frame.jpg",
    }
    rectangle = element.find(".//tt:ElementItem[@Name='BoundingBox']/tt:Rectangle", NS)
    assert rectangle is not None
    assert dict(rectangle.attrib) == {"bottom": "-0.42", "top": "-0.3", "right": "0.05", "left": "-0.21"}
    info = element.find(".//tt:ElementItem[@Name='LicensePlateInfo']/tt:LicensePlateInfo", NS)
    assert info is not None
    assert [(etree.QName(child).localname, child.text, child.get("Likelihood")) for child in info] == [
        ("PlateNumber", "AB12CDE", "0.93"),
        ("CountryCode", "GB", "0.88"),
    ]


def test_all_parts_of_a_plate_come_in_the_order_of_the_schema() -> None:
    plate = LicensePlate(
        plate_number="1ABC234", country_code="US", issuing_entity="California", plate_type=PlateType.TEMPORARY
    )
    info = messages.license_plate_info(plate, 0.5)
    assert [etree.QName(child).localname for child in info] == [
        "PlateNumber",
        "PlateType",
        "CountryCode",
        "IssuingEntity",
    ]


@pytest.mark.parametrize(
    ("kinds", "label"),
    [
        ((ListKind.ALLOW,), "Whitelisted"),
        ((ListKind.DENY,), "Blacklisted"),
        ((ListKind.ALLOW, ListKind.DENY), "Blacklisted"),
        ((ListKind.WATCH,), None),
        ((), None),
    ],
)
def test_the_label_says_what_the_lists_mean_and_a_refusal_wins(kinds: tuple[ListKind, ...], label: str | None) -> None:
    assert simple(rendered(plate_recognized(list_kinds=kinds))).get("Label") == label


@pytest.mark.parametrize("state", [PassageState.PREVIEW, PassageState.LOST])
def test_what_is_not_final_is_not_told_on_the_standard_topic(state: PassageState) -> None:
    assert messages.from_event(plate_recognized(state=state)) is None


def test_an_alarm_carries_object_tag_and_type_and_the_picture_of_the_plate_event() -> None:
    element = rendered(alarm_raised(3))
    assert element.findtext("wsnt:Topic", namespaces=NS) == "tns1:RuleEngine/Recognition/lpr:Alarm"
    assert simple(element) == {
        "Likelihood": "0.93",
        "lpr:EventId": event_id(3),
        "lpr:SourceId": event_id(2),
        "lpr:Name": "Unwanted vehicle",
        "lpr:Priority": "1",
        "lpr:Object": "AB12CDE",
        "lpr:Tag": "GB",
        "lpr:Type": "List match",
        "lpr:ListName": "Staff",
        "lpr:CameraName": "Gate North",
        "ImageURI": f"{BASE}/onvif/images/{event_id(1)}/frame.jpg",
    }


@pytest.mark.parametrize(
    ("event", "topic", "state"),
    [
        (camera_lost(), "tns1:VideoSource/SignalLoss", "true"),
        (camera_restored(), "tns1:VideoSource/SignalLoss", "false"),
    ],
)
def test_a_lost_camera_is_the_loss_of_its_video_signal(event: Event, topic: str, state: str) -> None:
    element = rendered(event)
    assert element.findtext("wsnt:Topic", namespaces=NS) == topic
    assert simple(element, "Source") == {"Source": "vs_north"}
    assert simple(element)["State"] == state
    message = element.find(".//tt:Message", NS)
    assert message is not None and message.get("PropertyOperation") == "Changed"


def test_a_relay_is_a_property_that_a_late_subscriber_hears_as_initialized() -> None:
    message = messages.from_event(relay_changed(6))
    assert message is not None
    later = messages.from_event(relay_changed(7, state=RelayState.INACTIVE))
    assert later is not None and later.property_key == message.property_key
    element = message.restated(messages.PropertyOperation.INITIALIZED).render(BASE)
    found = element.find(".//tt:Message", NS)
    assert found is not None and found.get("PropertyOperation") == "Initialized"
    assert simple(element, "Source") == {"RelayToken": "north.gate"}
    assert simple(element)["LogicalState"] == "active"


@pytest.mark.parametrize(
    "event",
    [
        plate_recognized(),
        plate_recognized(frame_picture=None, plate_picture=None, list_kinds=()),
        list_matched(),
        alarm_raised(),
        alarm_raised(camera_id="", camera_name="", type="LPR server not responding"),
        alarm_raised(name="bell \x07 & <tag>", object='"quoted" \U0001f697'),
        camera_lost(),
        camera_restored(),
        relay_changed(),
        ACTION_FAILED,
    ],
)
def test_every_message_is_valid(event: Event) -> None:
    assert validate(replaced(rendered(event))) == set()


@pytest.mark.parametrize("event", [plate_recognized(), list_matched(), alarm_raised(), camera_lost(), relay_changed()])
def test_a_message_carries_no_item_that_its_topic_does_not_describe(event: Event) -> None:
    message = messages.from_event(event)
    assert message is not None
    element = message.render(BASE)
    described = {item.name for item in (*message.topic.source, *message.topic.data)}
    told = [item.get("Name") for item in element.iter(name("tt:SimpleItem"), name("tt:ElementItem"))]
    assert set(told) <= described
    assert len(told) == len(set(told)), "item names must be unique within a message"


def test_the_address_of_a_picture_follows_the_receiver() -> None:
    message = messages.from_event(plate_recognized(1))
    assert message is not None
    for base in ("http://a", "http://b", "http://c", "http://d", "http://e", "http://a"):
        assert simple(message.render(base))["ImageURI"] == f"{base}/onvif/images/{event_id(1)}/frame.jpg"


def test_rendering_twice_gives_two_elements_that_do_not_share() -> None:
    message = messages.from_event(plate_recognized(1))
    assert message is not None
    first, second = message.render(BASE), message.render(BASE)
    first.clear()
    assert simple(second)["Likelihood"] == "0.93"


def test_the_topic_set_has_unqualified_standard_children_and_no_default_namespace() -> None:
    root = topics.topic_set()
    for element in root.iter(etree.Element):
        assert None not in element.nsmap
    plate = root.find("{http://www.onvif.org/ver10/topics}RuleEngine/Recognition/LicensePlate")
    assert plate is not None and plate.get("{http://docs.oasis-open.org/wsn/t-1}topic") == "true"
    alarm = root.find("{http://www.onvif.org/ver10/topics}RuleEngine/Recognition/{urn:onvif-lpr:topics}Alarm")
    assert alarm is not None and alarm.get("{http://docs.oasis-open.org/wsn/t-1}topic") == "true"


_pixels = st.floats(-50, 2000)


@given(x=_pixels, y=_pixels, width=st.floats(0, 500), height=st.floats(0, 500))
def test_normalised_boxes_stay_in_the_picture_with_y_up(x: float, y: float, width: float, height: float) -> None:
    box = normalize(Box(x=x, y=y, width=width, height=height), 1280, 720)
    assert -1 <= box.left <= box.right <= 1
    assert -1 <= box.bottom <= box.top <= 1


def test_the_corners_and_the_centre_of_the_picture_are_where_the_standard_puts_them() -> None:
    whole = normalize(Box(x=0, y=0, width=1280, height=720), 1280, 720)
    assert (whole.left, whole.top, whole.right, whole.bottom) == (-1, 1, 1, -1)
    assert whole.center == (0, 0)
    upper_left = normalize(Box(x=0, y=0, width=640, height=360), 1280, 720)
    assert (upper_left.left, upper_left.top, upper_left.right, upper_left.bottom) == (-1, 1, 0, 0)
