"""Every way to drive by gives one passage per vehicle, with its plate: as readings, and filmed for real."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inference.bench import Label
from inference.recognizer import Recognizer, open_recognizer
from inference.tracker import Tracker, TrackerSettings
from inference.types import Box, Direction, Passage, PassageState, Reading
from mock_vms.camera.plates import draw_plate, normalized, style_of
from tests.fakes.vehicles import box, finals, frame, reading
from tests.inference.benchmark_drives import is_part, run_drive
from tests.inference.drives import FPS, SIZE, Drive, Scenario, Site, Subject, make_drive

PLATES = ("43HNN2", "85GJ45")
SIGNS = "BDFGHJKLNPRSTVXZ0123456789"
# Below this many pixels a fake reader misreads more than one character in some frames.
SMALL_PX = 60.0


def subject(plate: str) -> Subject:
    """A grey photo with a plate's box in it, for drives that nobody films."""
    where = Box(x=250, y=280, width=140, height=30)
    label = Label(group="eu", path=Path(f"{plate}.jpg"), box=where, plate=plate)
    return Subject(label=label, photo=np.full((400, 640, 3), 90, np.uint8))


def drawn(text: str, country: str) -> Subject:
    """A drawn plate on a plain body, for drives that are filmed without any photo."""
    plate = cv2.resize(draw_plate(text, style_of(country)), (150, 32), interpolation=cv2.INTER_AREA)
    photo = np.full((420, 660, 3), (70, 60, 50), np.uint8)
    cv2.rectangle(photo, (120, 60), (540, 170), (130, 120, 110), -1)
    cv2.rectangle(photo, (90, 190), (570, 215), (30, 30, 30), -1)
    photo[290:322, 255:405] = plate
    label = Label(group="eu", path=Path(text), box=Box(x=255, y=290, width=150, height=32), plate=normalized(text))
    return Subject(label=label, photo=photo)


def drive(scenario: Scenario, seed: int) -> Drive:
    return make_drive(scenario, [subject(plate) for plate in PLATES], seed)


def seen(drive: Drive, at_s: float, chance: random.Random, *, misses: float, errors: float) -> list[Reading]:
    """What a reader makes of one frame: some plates missed, some characters wrong, cut plates read in part."""
    boxes = [(vehicle.label.plate, where) for vehicle in drive.vehicles if (where := drive.box(vehicle, at_s))]
    readings = []
    for text, where in boxes:
        hidden = any(other.width > where.width and hides(other, where) for _, other in boxes if other is not where)
        shown = cut_to_picture(where)
        if hidden or shown is None or chance.random() < misses:
            continue
        count = round(len(text) * shown.width / where.width)
        kept = text[len(text) - count :] if where.x < 0 else text[:count]
        if len(kept) < 3 or shown.height < 0.7 * where.height:
            continue
        likelihood = chance.uniform(0.75, 0.97)
        if chance.random() < errors * (2 if where.width < SMALL_PX else 1):
            place = chance.randrange(len(kept))
            kept = kept[:place] + chance.choice(SIGNS) + kept[place + 1 :]
            likelihood = chance.uniform(0.4, 0.9)
        sharpness = 0.5 * min(1.0, where.width / 120)
        one = reading(kept, shown, likelihood=likelihood, sharpness=sharpness)
        readings.append(replace(one, cut=shown.area < 0.99 * where.area))
    chance.shuffle(readings)
    return readings


def hides(near: Box, far: Box) -> bool:
    """The nearer vehicle, about four plates wide and three high, is before the plate of the other."""
    body = Box(
        x=near.x - 1.6 * near.width,
        y=near.y - 1.9 * near.width,
        width=4.2 * near.width,
        height=2.7 * near.width,
    )
    return body.overlap(far) > 0.3 * far.area


def cut_to_picture(where: Box) -> Box | None:
    left, top = max(0.0, where.x), max(0.0, where.y)
    right, bottom = min(SIZE[0] - 1.0, where.right), min(SIZE[1] - 1.0, where.bottom)
    return Box(x=left, y=top, width=right - left, height=bottom - top) if right > left and bottom > top else None


def watched(
    drive: Drive, *, seed: int = 0, misses: float = 0.1, errors: float = 0.1, tracker: Tracker | None = None
) -> list[Passage]:
    tracker = tracker or Tracker()
    chance = random.Random(seed)
    told: list[Passage] = []
    for number in range(round(drive.duration_s * FPS)):
        at_s = number / FPS
        told += tracker.update(frame(at_s), seen(drive, at_s, chance, misses=misses, errors=errors))
    return told + tracker.flush(100 + drive.duration_s)


@pytest.mark.parametrize("scenario", Scenario)
@pytest.mark.parametrize("seed", range(4))
def test_each_vehicle_of_each_scenario_is_one_passage_with_its_plate(scenario: Scenario, seed: int) -> None:
    told = watched(drive(scenario, seed), seed=seed)
    assert sorted(finals(told)) == sorted(PLATES[: scenario.vehicles])


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(list(Scenario)),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
    st.floats(0.0, 0.3),
    st.floats(0.0, 0.2),
)
def test_whatever_is_missed_and_misread_a_vehicle_is_told_at_most_once_and_never_in_part(
    scenario: Scenario, way: int, seed: int, misses: float, errors: float
) -> None:
    drive_by = drive(scenario, way)
    told = watched(drive_by, seed=seed, misses=misses, errors=errors)
    assert len(finals(told)) <= scenario.vehicles
    for text in finals(told):
        assert not any(is_part(text, plate, folded=False) for plate in PLATES)
    objects = {passage.object_id for passage in told}
    for object_id in objects:
        states = [passage.state for passage in told if passage.object_id == object_id]
        assert states.count(PassageState.FINAL) <= 1
        assert states[-1] is PassageState.LOST


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(list(Scenario)), min_size=1, max_size=4), st.integers(0, 10_000))
# The last vehicle's plate shares half of its characters with the one before it, whose track it was taken for.
@example([Scenario.PAIR, Scenario.FOLLOWING], 370)
def test_any_interleaving_of_drives_gives_one_passage_per_vehicle(scenarios: Sequence[Scenario], seed: int) -> None:
    """One drive after the other before one camera, every vehicle with a plate of its own."""
    chance = random.Random(seed)
    tracker = Tracker()
    told: list[Passage] = []
    expected: list[str] = []
    now_s = 0.0
    for number, scenario in enumerate(scenarios):
        texts = [f"{chance.randrange(10, 99)}{''.join(chance.choices('BDFGHJKLNPRSTVXZ', k=3))}{number}" for _ in "12"]
        if texts[0][:2] == texts[1][:2]:
            texts[1] = f"{(int(texts[1][:2]) + 1) % 90 + 10}{texts[1][2:]}"
        expected += texts[: scenario.vehicles]
        by = make_drive(scenario, [subject(text) for text in texts], chance.randrange(10_000))
        for step in range(round(by.duration_s * FPS)):
            readings = seen(by, step / FPS, chance, misses=0.1, errors=0.05)
            told += tracker.update(frame(now_s + step / FPS), readings)
        now_s += by.duration_s
    told += tracker.flush(100 + now_s)
    assert sorted(finals(told)) == sorted(expected)


@pytest.fixture(scope="module")
def own() -> Recognizer:
    return open_recognizer("own", threads=1)


@pytest.mark.parametrize("seed", range(3))
def test_the_way_and_the_dwell_of_each_vehicle_are_told(seed: int) -> None:
    def lost(scenario: Scenario) -> dict[str, Passage]:
        told = watched(drive(scenario, seed), seed=seed, errors=0.0)
        return {passage.plate.plate_number: passage for passage in told if passage.state is PassageState.LOST}

    def dwell_s(passage: Passage) -> float:
        return (passage.ended_at - passage.started_at).total_seconds()

    assert lost(Scenario.SINGLE)[PLATES[0]].direction is Direction.APPROACHING
    crossed = lost(Scenario.CROSSING)
    assert [crossed[plate].direction for plate in PLATES] == [Direction.RIGHT, Direction.LEFT]
    going = lost(Scenario.STOP_AND_GO)[PLATES[0]]
    assert going.direction is Direction.APPROACHING
    # Three seconds at rest, and the way itself.
    assert 4.5 <= dwell_s(going) <= drive(Scenario.STOP_AND_GO, seed).duration_s


def test_the_kept_picture_is_the_one_the_plate_is_seen_best_in() -> None:
    """Sharpness is the steepest edges' share of the contrast, 0 to 1: a large blurred plate shows less."""
    tracker = Tracker(TrackerSettings(stop_above=1.0))
    seen_as = [(120.0, 0.5), (150.0, 0.15), (140.0, 0.55), (148.0, 0.2)]
    for number, (width, sharpness) in enumerate(seen_as):
        tracker.update(frame(number / 4), [reading("43HNN2", box(640, 300 + width, width), sharpness=sharpness)])
    (final,) = [passage for passage in tracker.flush(200) if passage.state is PassageState.FINAL]
    assert final.read_at == frame(0.5).captured_at
    assert final.box.width == 140


def test_a_plate_seen_once_a_second_is_final_without_waiting_for_it_to_leave() -> None:
    tracker = Tracker()
    told: list[Passage] = []
    for second in range(4):
        told += tracker.update(frame(second), [reading("43HNN2", box(600 + 40 * second, 400), likelihood=0.97)])
    assert finals(told) == ["43HNN2"]


def test_filmed_encoded_and_read_each_vehicle_is_one_passage(own: Recognizer) -> None:
    """One second apart, at night, through the camera's blur, noise and codec."""
    score = run_drive(make_drive(Scenario.FOLLOWING, [drawn("43-HNN-2", "NL"), drawn("AB-123-CD", "FR")], 1), own)
    assert [(vehicle.plate, vehicle.exact) for vehicle in score.vehicles] == [("43HNN2", True), ("AB123CD", True)]
    assert not any(vehicle.partial for vehicle in score.vehicles)
    assert score.extra == []


def test_a_drive_shows_the_same_pictures_each_time() -> None:
    by = make_drive(Scenario.SINGLE, [drawn("43-HNN-2", "NL")], 1)
    first, second = ([picture for _, (_, picture) in zip(range(4), by.frames(), strict=False)] for _ in "12")
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
    assert not np.array_equal(first[0], first[3])


def test_the_road_has_the_same_ways_seen_by_another_camera() -> None:
    """The plates of one drive are smaller or larger together, and three pictures are encoded for one looked at."""
    widths = set()
    for seed in range(8):
        gate, road = (make_drive(Scenario.SINGLE, [subject(PLATES[0])], seed, site) for site in Site)
        assert gate.light is road.light
        assert gate.encoder.frame_rate == FPS
        assert road.encoder.frame_rate == 3 * FPS
        assert road.encoder.bitrate_kbps / 3 <= 1000
        assert road.lens_px > gate.lens_px == 0.0
        nearest = road.vehicles[0].plate.width
        assert 80 <= nearest <= 160
        widths.add(round(nearest))
    assert len(widths) > 4


def test_the_truth_lies_where_the_plate_is_filmed() -> None:
    by = make_drive(Scenario.SINGLE, [drawn("43-HNN-2", "NL")], 0)
    at_s, picture = list(by.frames())[12]
    where = by.box(by.vehicles[0], at_s)
    assert where is not None
    inside = picture[int(where.y) : int(where.bottom), int(where.x) : int(where.right)]
    # Dutch plates are yellow: much less blue than red, as nothing else here.
    assert inside[..., 2].mean() - inside[..., 0].mean() > 60
