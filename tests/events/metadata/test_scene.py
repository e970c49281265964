"""The metadata documents, and the track that carries them."""

from __future__ import annotations

from datetime import timedelta

from lxml import etree

from events.metadata.metadata_track import MetadataTrack
from events.metadata.rtp import AccessUnit
from events.metadata.scene import event_document, scene_document
from events.onvif.messages import from_event
from inference.types import Box, LicensePlate, ObjectType, Scene, SceneObject
from tests.fakes.events import NOON, plate_recognized
from tests.newer_elements import replaced
from tests.schemas import TT, validate

NS = {"tt": TT, "wsnt": "http://docs.oasis-open.org/wsn/b-2"}

SCENE = Scene(
    captured_at=NOON,
    width_px=1280,
    height_px=720,
    objects=(
        SceneObject(
            object_id=41,
            object_type=ObjectType.VEHICLE,
            likelihood=0.95,
            box=Box(x=396.8, y=201.6, width=505.6, height=396),
        ),
        SceneObject(
            object_id=42,
            object_type=ObjectType.LICENSE_PLATE,
            likelihood=0.93,
            box=Box(x=505.6, y=468.0, width=166.4, height=43.2),
            parent_object_id=41,
            plate=LicensePlate(plate_number="AB12CDE", country_code="GB"),
        ),
    ),
)


def test_a_scene_shows_a_plate_as_an_object_of_its_own_inside_its_vehicle() -> None:
    root = etree.fromstring(scene_document(SCENE))
    frame = root.find("tt:VideoAnalytics/tt:Frame", NS)
    assert frame is not None
    assert dict(frame.attrib) == {"UtcTime": "2026-11-22T12:00:00Z", "Source": "lpr_module"}
    vehicle, plate = frame.findall("tt:Object", NS)
    assert (vehicle.get("ObjectId"), vehicle.get("Parent")) == ("41", None)
    assert (plate.get("ObjectId"), plate.get("Parent")) == ("42", "41")
    appearance = plate.find("tt:Appearance", NS)
    assert appearance is not None
    assert [etree.QName(child).localname for child in appearance] == ["Shape", "Class", "LicensePlateInfo"]
    box = appearance.find("tt:Shape/tt:BoundingBox", NS)
    centre = appearance.find("tt:Shape/tt:CenterOfGravity", NS)
    assert box is not None and centre is not None
    assert dict(box.attrib) == {"bottom": "-0.42", "top": "-0.3", "right": "0.05", "left": "-0.21"}
    assert dict(centre.attrib) == {"x": "-0.08", "y": "-0.36"}
    assert appearance.findtext("tt:Class/tt:Type", namespaces=NS) == "LicensePlate"
    assert appearance.findtext("tt:LicensePlateInfo/tt:PlateNumber", namespaces=NS) == "AB12CDE"


def test_a_scene_without_objects_is_still_a_document() -> None:
    document = scene_document(Scene(captured_at=NOON, width_px=1280, height_px=720))
    frame = etree.fromstring(document).find("tt:VideoAnalytics/tt:Frame", NS)
    assert frame is not None and len(frame) == 0
    assert validate(document) == set()


def test_an_event_travels_in_the_stream_without_a_subscription() -> None:
    message = from_event(plate_recognized())
    assert message is not None
    root = etree.fromstring(event_document(message, "http://192.0.2.10"))
    notification = root.find("tt:Event/wsnt:NotificationMessage", NS)
    assert notification is not None
    assert notification.find("wsnt:SubscriptionReference", NS) is None
    topic = notification.find("wsnt:Topic", NS)
    assert topic is not None and topic.nsmap["tns1"] == "http://www.onvif.org/ver10/topics"
    assert validate(replaced(root)) == set()


class Heard:
    host = "192.0.2.10"

    def __init__(self) -> None:
        self.units: list[AccessUnit] = []
        self.ended = False

    def put(self, unit: AccessUnit) -> None:
        self.units.append(unit)

    def end(self) -> None:
        self.ended = True


async def test_a_track_pushes_whole_documents_to_those_who_listen_and_stops_when_they_leave() -> None:
    track, heard = MetadataTrack(), Heard()
    track.show(SCENE)
    leave = track.subscribe(heard)
    track.show(SCENE)
    (unit,) = heard.units
    assert b"".join(unit.payloads) == scene_document(SCENE)
    assert unit.captured_at == NOON and unit.key
    leave()
    track.show(SCENE)
    assert len(heard.units) == 1
    assert track.listeners == 0
    assert await track.sdp_attributes() == ("rtpmap:107 vnd.onvif.metadata/90000", "recvonly")


async def test_an_event_is_told_with_links_that_each_listener_can_follow_and_rtp_time_goes_on() -> None:
    track, near, far = MetadataTrack(), Heard(), Heard()
    far.host = "lpr.example.org"
    for heard in (near, far):
        track.subscribe(heard)
    message = from_event(plate_recognized(utc_time=NOON - timedelta(hours=1)))
    assert message is not None
    track.show(SCENE)
    track.tell(message, lambda host: f"http://{host}:8000")
    for heard in (near, far):
        scene, told = heard.units
        assert f"http://{heard.host}:8000/onvif/images/".encode() in b"".join(told.payloads)
        assert (scene.event, told.event) == (False, True)
        # The event is older than the frame that went before it.
        assert told.captured_at == scene.captured_at
