"""The metadata stream behind the face's logins, read by FFmpeg's libraries: a client that no one here wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path

import av
import pytest
from lxml import etree

from adapter.service import running
from events.metadata.metadata_track import MetadataTrack
from events.metadata.rtsp import RtspServer
from events.metadata.rtsp_stream import Stream
from events.onvif.messages import from_event
from inference.types import Box, LicensePlate, ObjectType, Scene, SceneObject
from tests.adapter.test_service import OnePlate, rest, settings
from tests.fakes.device_face import RunningFace
from tests.fakes.events import NOON, camera_lost, plate_recognized

TT = "{http://www.onvif.org/ver10/schema}"

# Enough objects that a document needs several packets: only the marker tells where it ends.
SCENE = Scene(
    captured_at=NOON,
    width_px=1280,
    height_px=720,
    objects=tuple(
        SceneObject(
            object_id=number,
            object_type=ObjectType.LICENSE_PLATE,
            likelihood=0.9,
            box=Box(x=10 * number, y=100, width=100, height=30),
            plate=LicensePlate(plate_number=f"AB{number:02d}CDE"),
        )
        for number in range(10)
    ),
)


def read_documents(url: str, wanted: int) -> list[etree._Element]:
    """Blocking: whole documents of a metadata stream, as FFmpeg puts them together."""
    received = b""
    with av.open(url, options={"rtsp_transport": "tcp", "allowed_media_types": "data"}, timeout=10) as stream:
        for packet in stream.demux():
            received += bytes(packet)
            if received.count(b"</tt:MetadataStream>") > wanted:
                break
    parts = received.split(b"<?xml")[1 : wanted + 1]
    return [etree.fromstring(b"<?xml" + part.rstrip(b"\0")) for part in parts]


async def while_pushing(push: Callable[[], None], work: asyncio.Future[list[etree._Element]]) -> list[etree._Element]:
    async with asyncio.timeout(20):
        while not work.done():
            push()
            await asyncio.wait([work], timeout=0.02)
    return work.result()


async def test_a_player_with_a_login_reads_the_scene_and_the_events(face: RunningFace) -> None:
    track = MetadataTrack()
    message = from_event(plate_recognized(1))
    assert message is not None

    def push() -> None:
        track.show(SCENE)
        track.tell(message, lambda host: f"http://{host}:{face.port}")

    streams = {"/north": Stream(name="north", tracks=(track,))}
    async with RtspServer(streams=streams, authorize=face.face.doorkeeper.authorize_rtsp) as server:
        url = f"rtsp://viewer:viewer-pass@127.0.0.1:{server.port}/north"
        documents = await while_pushing(push, asyncio.ensure_future(asyncio.to_thread(read_documents, url, 4)))
    assert all(document.tag == f"{TT}MetadataStream" for document in documents)
    scenes = [document for document in documents if document.find(f"{TT}VideoAnalytics") is not None]
    told = [document for document in documents if document.find(f"{TT}Event") is not None]
    assert len(scenes) == len(told) == 2
    assert [plate.text for plate in scenes[0].iter(f"{TT}PlateNumber")] == [f"AB{n:02d}CDE" for n in range(10)]
    assert [plate.text for plate in told[0].iter(f"{TT}PlateNumber")] == ["AB12CDE"]
    (link,) = (item.get("Value") for item in told[0].iter(f"{TT}SimpleItem") if item.get("Name") == "ImageURI")
    assert link.startswith(f"{face.base_url}/onvif/images/")


async def test_what_the_service_tells_of_a_camera_is_in_its_metadata_stream(tmp_path: Path) -> None:
    async with running(settings(tmp_path), OnePlate()) as service, rest(service) as api:
        camera_id = (await api.post("/cameras", {"name": "Gate", "address": "rtsp://127.0.0.1:1/none"}))["camera_id"]
        await api.post("/alarm-definitions", {"name": "Gone", "event_kind": "CameraLost"})
        ids = count(1)

        async def happen() -> None:
            for event in (camera_lost(next(ids), camera_id=camera_id), camera_lost(next(ids), camera_id="another")):
                await service.pipeline.system(event)
            await service.pipeline.record(plate_recognized(next(ids), camera_id=camera_id))

        url = f"{service.rtsp_url.replace('://', f'://vms:{service.first.vms_password}@')}/metadata/{camera_id}"
        reading = asyncio.ensure_future(asyncio.to_thread(read_documents, url, 6))
        async with asyncio.timeout(20):
            while not reading.done():
                await happen()
                await asyncio.wait([reading], timeout=0.02)
    documents = reading.result()
    assert {topic.text for document in documents for topic in document.iter("{*}Topic")} == {
        "tns1:VideoSource/SignalLoss",
        "tns1:RuleEngine/Recognition/lpr:Alarm",
        "tns1:RuleEngine/Recognition/LicensePlate",
    }
    sources = [
        item.get("Value") for document in documents for item in document.iterfind(f".//{TT}Source/{TT}SimpleItem[1]")
    ]
    assert {camera_id in source for source in sources} == {True}
    links = {
        item.get("Value")
        for document in documents
        for item in document.iter(f"{TT}SimpleItem")
        if item.get("Name") == "ImageURI"
    }
    assert links and all(
        link.startswith(service.onvif_url.partition("/onvif/")[0] + "/onvif/images/") for link in links
    )


@pytest.mark.parametrize("login", ["", "viewer:wrong@"])
async def test_a_player_without_a_right_login_sees_nothing(face: RunningFace, login: str) -> None:
    streams = {"/north": Stream(name="north", tracks=(MetadataTrack(),))}
    async with RtspServer(streams=streams, authorize=face.face.doorkeeper.authorize_rtsp) as server:
        url = f"rtsp://{login}127.0.0.1:{server.port}/north"
        with pytest.raises(av.error.HTTPUnauthorizedError):
            await asyncio.to_thread(read_documents, url, 1)
