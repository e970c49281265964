"""What worker and controller say survives the way; what makes no sense is refused."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from adapter.source_options import SourceOptions
from adapter.workers.errors import LinkBroken
from adapter.workers.messages import (
    FROM_CONTROLLER,
    FROM_WORKER,
    Assignment,
    Assignments,
    Counted,
    Told,
    Welcome,
    decode,
    encode,
    picture_of,
)
from inference.funnel import Funnel
from inference.modules import installed_modules
from inference.recognition import RecognitionSettings
from inference.types import (
    Box,
    CharacterLikelihood,
    Direction,
    LicensePlate,
    Passage,
    PassageState,
    PlateType,
    StageTimes,
)
from inference.watch import WatchSettings

NOON = datetime(2026, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)


def passage() -> Passage:
    random = np.random.default_rng(7)
    return Passage(
        object_id=12,
        state=PassageState.FINAL,
        plate=LicensePlate(plate_number="43HNN2", country_code="NL", plate_type=PlateType.NORMAL),
        likelihood=0.93,
        country_likelihood=0.8,
        characters=(CharacterLikelihood(character="4", likelihood=0.9, alternatives=(("A", 0.1),)),),
        module_code="NL",
        direction=Direction.LEFT,
        started_at=NOON,
        ended_at=NOON,
        read_at=NOON,
        read_count=7,
        agreeing_reads=5,
        box=Box(x=1.5, y=2.25, width=40, height=9),
        frame_picture=np.full((90, 160, 3), 120, np.uint8),
        plate_picture=random.integers(0, 256, (12, 40, 3), dtype=np.uint8),
        stages=StageTimes(detect_ms=3.5, read_ms=1.25),
    )


def test_a_passage_arrives_as_it_was_and_its_plate_without_any_loss() -> None:
    sent = passage()
    told = Told.from_passage(sent, camera_id="gate", passage_id="p", view=None)
    got = decode(FROM_WORKER, encode(told)).passage()
    assert np.array_equal(got.plate_picture, sent.plate_picture)
    assert np.abs(got.frame_picture.astype(int) - sent.frame_picture).max() <= 2
    pictures = {"frame_picture": sent.frame_picture, "plate_picture": sent.plate_picture}
    assert replace(got, **pictures) == sent


def test_settings_and_source_arrive_as_they_were() -> None:
    area = ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9))
    settings = WatchSettings(
        recognition=RecognitionSettings(areas=(area,), modules=("NL",)), moving_fps=math.inf, limit_fps=None
    )
    source = SourceOptions(address="rtsp://192.0.2.7/live", name="Gate", username="u", password="secret", rotation=90)
    sent = Assignments(cameras=(Assignment(camera_id="gate", assignment_id="a", source=source, settings=settings),))
    assert decode(FROM_CONTROLLER, encode(sent)) == sent
    assert "secret" not in repr(sent)


def test_country_modules_arrive_as_they_were() -> None:
    sent = Welcome(version="1", modules=tuple(installed_modules().values()))
    assert decode(FROM_CONTROLLER, encode(sent)) == sent


def test_counts_are_added_up_once_whatever_came_before() -> None:
    there, here = Funnel(), Funnel()
    here.count(NOON, "frames", 5)
    there.count(NOON, "frames", 3)
    for _ in range(2):
        here.add(decode(FROM_WORKER, encode(Counted(camera_id="gate", hours=there.drain()))).hours)
    assert (here.hours[0].frames, here.so_far.frames) == (8, 8)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"kind": "unheard of"}',
        '{"kind": "beat"}',
        '{"kind": "beat", "cpu_percent": NaN, "memory_available_mb": 1}',
        '{"kind": "bye", "more": 1}',
        '{"kind": "counted", "camera_id": "x", "hours": [{"starts_at": "2026-05-01T12:00:00"}]}',
        '{"kind": "counted", "camera_id": "x", "hours": [{"starts_at": "2026-05-01T12:00:00Z", "frames": -1}]}',
        '{"kind": "counted", "camera_id": "x", "hours": [], "number": -1}',
        '{"kind": "heard", "number": 1}',
        '{"kind": "shown", "camera_id": "x",'
        ' "scene": {"captured_at": "2026-05-01T12:00:00Z", "width_px": 0, "height_px": 1}}',
    ],
)
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(LinkBroken, match="makes no sense"):
        decode(FROM_WORKER, text)


def test_a_picture_that_claims_to_be_enormous_is_not_decoded() -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    with pytest.raises(LinkBroken, match="megapixels"):
        picture_of(bomb)
    with pytest.raises(LinkBroken, match="cannot be decoded"):
        picture_of(b"\xff\xd8\xff\xd9")
