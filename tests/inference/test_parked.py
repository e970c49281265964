"""Plates that stand in view: parked ones, ones that can never be told, and who drives by meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import cv2
import numpy as np
import pytest

from inference.recognition import Recognition, RecognitionSettings
from inference.types import Box, Frame, PassageState
from inference.watch import Observer, watch_settings
from tests.fakes.vehicles import reading
from tests.inference.test_watch import FAST, START, PaintedPlates, finals, scene, watched


async def test_a_parked_plate_is_read_again_seldom_and_told_once() -> None:
    told, _, reader, _ = await watched(lambda _: scene(car_x=200), 8 * 120, reader=PaintedPlates())
    assert finals(told) == ["43HNN2"]
    assert reader.calls < 80


def test_a_car_park_leaves_room_for_the_vehicle_that_drives_by() -> None:
    observer = Observer(watch_settings(RecognitionSettings(max_plates=2)))
    assert observer.recognition.max_plates == 2
    parked = [
        reading(text, Box(x=40 + 200 * at, y=300, width=80, height=20)) for at, text in enumerate(("AB12", "CD34"))
    ]
    for number in range(24):
        shown = [replace(one, box=replace(one.box, x=one.box.x + min(0, 10 * (number - 12)))) for one in parked]
        frame = Frame(
            picture=scene(), captured_at=START + timedelta(seconds=number / 4), monotonic_s=number / 4, sequence=number
        )
        plan, motion = observer.plan(frame)
        observer.update(frame, Recognition(readings=tuple(shown)), plan, motion)
    assert observer.recognition.max_plates == 4
    observer.change(watch_settings(RecognitionSettings(max_plates=None)))
    assert observer.recognition.max_plates is None


@pytest.mark.parametrize("faint", [{"cut": True}, {"likelihood": 0.3}])
async def test_a_parked_plate_that_can_never_be_told_is_read_again_as_seldom(faint: dict) -> None:
    def parks(number: int) -> np.ndarray:
        return scene(car_x=min(40 + 20 * number, 240))

    told, _, reader, _ = await watched(parks, 8 * 120, reader=PaintedPlates(**faint))
    assert finals(told) == []
    assert 20 < reader.calls < 90


async def test_a_plate_that_stops_where_the_gate_is_blind_is_not_taken_for_gone() -> None:
    quiet = 8 * 30
    right_half = ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))

    def stops(number: int) -> np.ndarray:
        return scene(car_x=min((number - quiet) * 25, 400) if number >= quiet else None)

    told, _, _, _ = await watched(stops, quiet + 8 * 12, settings=replace(FAST, masks=(right_half,)))
    assert finals(told) == ["43HNN2"]
    assert told[-1].state is PassageState.LOST
    assert told[-1].ended_at - told[-1].started_at > timedelta(seconds=5)


async def test_a_parked_plate_is_not_taken_for_gone_when_another_vehicle_leaves() -> None:
    def beside_a_parked_car(number: int) -> np.ndarray:
        picture = scene(car_x=440)
        if 400 <= number < 424:
            cv2.rectangle(picture, ((number - 400) * 12, 20), ((number - 400) * 12 + 150, 110), (200, 60, 40), -1)
        return picture

    told, _, reader, _ = await watched(beside_a_parked_car, 8 * 90)
    assert finals(told) == ["43HNN2"]
    assert [passage.state for passage in told].count(PassageState.LOST) <= 1
    # It is looked at while the other passes and after.
    assert reader.calls > 24
