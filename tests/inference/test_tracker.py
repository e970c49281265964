"""One vehicle, one passage: synthetic readings through the tracker."""

from __future__ import annotations

import math
import random
from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.tracker import Tracker, TrackerSettings
from inference.tracks import MOST_MET
from inference.types import Box, Direction, Frame, Passage, PassageState, Picture, Rejection, RejectionReason
from tests.fakes.vehicles import HEIGHT, WIDTH, Car, Path, approach, box, finals, frame, reading, reverse, watch


def shaky(text: str, at_s: float) -> str:
    """One reading in three has a wrong character, another one each time."""
    number = round(at_s * 4)
    if number % 3:
        return text
    place = number // 3 % len(text)
    return text[:place] + "EHX7"[number // 3 % 4] + text[place + 1 :]


def test_a_vehicle_that_drives_by_is_one_passage_with_its_plate() -> None:
    told = watch(Tracker(), [Car(text="43HNN2", path=approach())], until_s=6)
    assert finals(told) == ["43HNN2"]
    (final,) = [passage for passage in told if passage.state is PassageState.FINAL]
    assert final.plate.country_code == "NL"
    assert final.module_code == "NL"
    assert final.read_count >= 2
    assert final.frame_picture.shape == (720, 1280, 3)
    assert final.plate_picture.size > 0


def test_preview_final_and_lost_carry_the_same_object_id_in_this_order() -> None:
    told = watch(Tracker(), [Car(text="43HNN2", path=approach(), likelihood=lambda _: 0.7)], until_s=6)
    assert [passage.state for passage in told] == [PassageState.PREVIEW, PassageState.FINAL, PassageState.LOST]
    assert len({passage.object_id for passage in told}) == 1


def test_a_passage_closes_after_the_vehicle_leaves() -> None:
    tracker = Tracker(TrackerSettings(stop_above=1.0))
    told = watch(tracker, [Car(text="43HNN2", path=approach(for_s=2))], until_s=4, flush=False)
    assert finals(told) == ["43HNN2"]
    assert not tracker.in_view
    (lost,) = [passage for passage in told if passage.state is PassageState.LOST]
    assert (lost.ended_at - lost.started_at).total_seconds() == pytest.approx(2.0)


def test_single_wrong_characters_are_outvoted() -> None:
    told = watch(
        Tracker(TrackerSettings(stop_above=1.0)), [Car(text="43HNN2", path=approach(for_s=4), misread=shaky)], until_s=7
    )
    assert finals(told) == ["43HNN2"]


def test_a_plate_read_differently_in_every_frame_is_put_together_from_its_characters() -> None:
    wrong = ["X3HNN2", "4XHNN2", "43XNN2", "43HXN2", "43HNX2"]
    car = Car(text="43HNN2", path=approach(), misread=lambda _, at_s: wrong[round(at_s * 4) % 5])
    assert finals(watch(Tracker(TrackerSettings(stop_above=1.0)), [car], until_s=6)) == ["43HNN2"]


@pytest.mark.parametrize("misses", [0.2, 0.4])
@pytest.mark.parametrize("seed", range(5))
def test_missed_frames_do_not_split_a_passage(misses: float, seed: int) -> None:
    car = Car(text="43HNN2", path=approach(for_s=4))
    assert finals(watch(Tracker(), [car], until_s=7, misses=misses, seed=seed)) == ["43HNN2"]


def test_two_vehicles_side_by_side_are_two_passages() -> None:
    cars = [Car(text="43HNN2", path=approach(x=300)), Car(text="85GJ45", path=approach(x=950, from_s=0.3))]
    assert sorted(finals(watch(Tracker(), cars, until_s=6))) == ["43HNN2", "85GJ45"]


@pytest.mark.parametrize("seed", range(5))
def test_two_vehicles_that_cross_keep_their_plates(seed: int) -> None:
    def across(start: float, end: float, y: float):
        return lambda at_s: box(start + (end - start) * at_s / 4, y, 110) if at_s <= 4 else None

    cars = [
        Car(text="43HNN2", path=across(100, 1180, 400), misread=shaky),
        Car(text="85GJ45", path=across(1180, 100, 430)),
    ]
    told = watch(Tracker(TrackerSettings(stop_above=1.0)), cars, until_s=7, misses=0.15, seed=seed)
    finished = [passage for passage in told if passage.state is PassageState.FINAL]
    assert {passage.plate.plate_number: passage.direction for passage in finished} == {
        "43HNN2": Direction.RIGHT,
        "85GJ45": Direction.LEFT,
    }
    assert len(finished) == 2


def test_a_vehicle_following_one_second_behind_is_a_passage_of_its_own() -> None:
    cars = [Car(text="43HNN2", path=approach()), Car(text="85GJ45", path=approach(from_s=1.0))]
    assert finals(watch(Tracker(), cars, until_s=7)) == ["43HNN2", "85GJ45"]


def test_a_vehicle_that_takes_the_place_of_another_at_once_is_a_passage_of_its_own() -> None:
    cars = [
        Car(text="43HNN2", path=lambda at_s: box(640, 400, 140) if at_s <= 3 else None),
        Car(text="85GJ45", path=lambda at_s: box(642, 402, 138) if 3.2 <= at_s <= 6 else None),
    ]
    assert finals(watch(Tracker(), cars, until_s=9)) == ["43HNN2", "85GJ45"]


def test_stop_and_go_is_one_passage() -> None:
    move = approach(for_s=6)

    def stop_and_go(at_s: float) -> Box | None:
        return move(at_s if at_s < 2 else 2 if at_s < 12 else at_s - 10)

    told = watch(Tracker(), [Car(text="43HNN2", path=stop_and_go, likelihood=lambda _: 0.7)], until_s=20)
    assert finals(told) == ["43HNN2"]


def test_a_vehicle_that_backs_out_and_comes_again_soon_is_one_passage() -> None:
    def to_and_fro(at_s: float) -> Box | None:
        if at_s <= 3:
            return approach(for_s=3.5)(at_s)
        if at_s <= 6:
            return approach(for_s=3.5)(6 - at_s)
        return approach(from_s=9.0)(at_s)

    assert finals(watch(Tracker(), [Car(text="43HNN2", path=to_and_fro)], until_s=16)) == ["43HNN2"]


def test_the_same_plate_after_the_rearm_time_is_a_new_passage() -> None:
    def twice(at_s: float) -> Box | None:
        return approach()(at_s) or approach(from_s=20)(at_s)

    car = Car(text="43HNN2", path=twice)
    assert finals(watch(Tracker(), [car], until_s=26)) == ["43HNN2", "43HNN2"]
    assert finals(watch(Tracker(TrackerSettings(rearm_s=60)), [car], until_s=26)) == ["43HNN2"]


def test_direction_is_told_by_size() -> None:
    def direction(path) -> Direction:
        told = watch(Tracker(TrackerSettings(stop_above=1.0)), [Car(text="43HNN2", path=path)], until_s=7)
        return next(passage.direction for passage in told if passage.state is PassageState.FINAL)

    assert direction(approach()) is Direction.APPROACHING
    assert direction(reverse(approach(), total_s=3)) is Direction.DEPARTING


def test_a_parked_plate_is_one_passage_however_long_it_stands() -> None:
    tracker = Tracker()
    told = []
    for second in range(0, 3600, 5):
        told += tracker.update(frame(second), [reading("43HNN2", box(640 + second % 2, 400))], motion=[])
    assert finals(told) == ["43HNN2"]


def test_a_parked_plate_hidden_by_a_truck_is_no_second_passage() -> None:
    car = Car(text="43HNN2", path=lambda at_s: None if 20 < at_s < 50 else box(640, 400))
    assert finals(watch(Tracker(), [car], until_s=80)) == ["43HNN2"]


def test_a_parked_plate_does_not_hide_one_that_drives_by() -> None:
    cars = [
        Car(text="43HNN2", path=lambda _: box(300, 400)),
        Car(text="85GJ45", path=approach(from_s=10, x=500)),
    ]
    assert finals(watch(Tracker(), cars, until_s=20)) == ["43HNN2", "85GJ45"]


def test_a_plate_outside_the_region_looked_at_is_not_taken_for_gone() -> None:
    tracker = Tracker()
    elsewhere = Box(x=800, y=0, width=400, height=400)
    told = watch(tracker, [Car(text="43HNN2", path=lambda _: box(300, 400))], until_s=5, flush=False)
    for second in range(6, 60):
        told += tracker.update(frame(second), [], region=elsewhere)
    assert tracker.in_view
    assert finals(told) == ["43HNN2"]
    assert PassageState.LOST not in {passage.state for passage in told}


@pytest.mark.requirement("M-214")
def test_the_most_complete_reading_wins_over_partial_ones() -> None:
    def entering(text: str, at_s: float) -> str:
        return text[-4:] if at_s < 0.6 else text[:-1] if at_s < 0.9 else text

    def path(at_s: float) -> Box | None:
        return box(at_s * 250, 400, 140) if at_s < 4 else None

    told = watch(
        Tracker(TrackerSettings(partial_span_s=1.5)), [Car(text="43HNN2", path=path, misread=entering)], until_s=8
    )
    assert finals(told) == ["43HNN2"]


@pytest.mark.requirement("M-214")
@pytest.mark.parametrize("span_s", [0.0, 2.0, 5.0])
def test_the_time_span_delays_every_result(span_s: float) -> None:
    tracker = Tracker(TrackerSettings(partial_span_s=span_s, previews=False))
    for number in range(60):
        told = tracker.update(frame(number / 4), [reading("43HNN2", box(200 + 10 * number, 400), likelihood=0.97)])
        if told:
            assert number / 4 >= span_s
            assert number / 4 <= span_s + 1
            return
    pytest.fail("no passage")


@pytest.mark.requirement("M-214")
@pytest.mark.parametrize("parts", [("43HN", "43HNN2"), ("43HNN2", "HNN2"), ("HNN2", "43HNN2")])
def test_separate_pieces_of_one_plate_are_one_passage_with_the_most_complete_one(parts: tuple[str, str]) -> None:
    """A post hides the vehicle for longer than a track lives; each side of it shows another piece of the plate."""

    def path(at_s: float) -> Box | None:
        return box(150 + at_s * 250, 400, 140) if at_s < 0.8 or 2.0 < at_s < 3.0 else None

    car = Car(text="43HNN2", path=path, misread=lambda _, at_s: parts[at_s > 1.5])
    assert len(finals(watch(Tracker(), [car], until_s=8))) == 2
    told = watch(Tracker(TrackerSettings(partial_span_s=4.0)), [car], until_s=8, flush=False)
    assert finals(told) == ["43HNN2"]


@pytest.mark.requirement("M-214")
def test_the_time_span_delays_the_result_of_a_vehicle_that_has_gone_as_well() -> None:
    tracker = Tracker(TrackerSettings(partial_span_s=4.0))
    for number in range(40):
        at_s = number / 4
        seen = [reading("43HNN2", box(300 + 60 * number, 400), likelihood=0.97)] if at_s < 1 else []
        told = tracker.update(frame(at_s), seen) if at_s < 3 else tracker.release(100 + at_s)
        if told:
            assert [passage.state for passage in told] == [PassageState.FINAL, PassageState.LOST]
            assert 4.0 <= at_s <= 4.25
            return
    pytest.fail("no passage")


def test_two_plates_in_view_at_once_are_no_pieces_of_each_other() -> None:
    cars = [
        Car(text="43HNN2", path=lambda at_s: box(300 + 60 * at_s, 400) if at_s < 2 else None),
        Car(text="HNN2", path=lambda at_s: box(900 + 60 * at_s, 400) if at_s < 2 else None),
    ]
    told = watch(Tracker(TrackerSettings(partial_span_s=3.0)), cars, until_s=8)
    assert sorted(finals(told)) == ["43HNN2", "HNN2"]


def test_vehicles_that_wait_for_their_time_are_bounded() -> None:
    tracker = Tracker(TrackerSettings(partial_span_s=5.0, lost_after_s=0.1))
    told = []
    for number in range(200):
        told += tracker.update(frame(number / 100), [reading(f"{number:03d}ABC", box(40 + 6 * number, 400, 100))])
    assert len(tracker._waiting) <= 33


def test_a_new_rearm_time_counts_from_the_next_plate_on() -> None:
    def twice(at_s: float) -> Box | None:
        return approach()(at_s) or approach(from_s=20)(at_s)

    tracker = Tracker()
    car = Car(text="43HNN2", path=twice)
    told = watch(tracker, [car], until_s=10, flush=False)
    tracker.settings = TrackerSettings(rearm_s=60)
    for number in range(40, 104):
        one = car.read(number / 4)
        told += tracker.update(frame(number / 4), [one] if one else [])
    assert finals(told) == ["43HNN2"]


@pytest.mark.requirement("M-210", "M-204")
def test_two_sure_readings_that_agree_stop_the_vote() -> None:
    tracker = Tracker(TrackerSettings(previews=False))
    assert not tracker.update(frame(0), [reading("43HNN2", box(640, 400), likelihood=0.97)])
    told = tracker.update(frame(0.25), [reading("43HNN2", box(650, 405), likelihood=0.97)])
    assert finals(told) == ["43HNN2"]


def test_a_plate_that_comes_nearer_waits_for_better_readings_but_not_for_ever() -> None:
    tracker = Tracker(TrackerSettings(previews=False))
    told_at = []
    for number in range(16):
        where = approach()(number / 8)
        assert where is not None
        if finals(tracker.update(frame(number / 8), [reading("43HNN2", where, likelihood=0.97)])):
            told_at.append(number)
    assert len(told_at) == 1
    assert 6 <= told_at[0] <= 12


def test_far_readings_that_agree_do_not_outvote_the_near_ones() -> None:
    car = Car(text="43HNN2", path=approach(), misread=lambda text, at_s: "48HNN2" if at_s < 0.8 else text)
    sure = Car(text=car.text, path=car.path, misread=car.misread, likelihood=lambda _: 0.97)
    assert finals(watch(Tracker(), [sure], until_s=6, fps=8)) == ["43HNN2"]


@pytest.mark.requirement("M-211")
def test_votes_below_the_discard_threshold_give_no_passage() -> None:
    car = Car(text="43HNN2", path=approach(), likelihood=lambda _: 0.3)
    assert finals(watch(Tracker(TrackerSettings(discard_below=0.9)), [car], until_s=6)) == []
    assert finals(watch(Tracker(TrackerSettings(discard_below=0.2)), [car], until_s=6)) == ["43HNN2"]


def test_a_plate_found_but_not_read_keeps_its_track() -> None:
    path = approach(for_s=5)
    tracker = Tracker(TrackerSettings(stop_above=1.0))

    def blurred(at_s: float):
        where = path(at_s)
        if where is None or not 1 < at_s < 3:
            return [], []
        return [], [Rejection(reason=RejectionReason.BLURRED, box=where)]

    car = Car(text="43HNN2", path=lambda at_s: None if 1 < at_s < 3 else path(at_s))
    told = watch(tracker, [car], until_s=8, extra=blurred)
    assert finals(told) == ["43HNN2"]
    assert len({passage.object_id for passage in told}) == 1


def test_the_picture_is_the_sharpest_frame_that_shows_the_final_text() -> None:
    tracker = Tracker(TrackerSettings(stop_above=1.0))
    texts = [("43HNN2", 20.0), ("43HNN2", 90.0), ("43HNN7", 99.0), ("43HNN2", 10.0)]
    for number, (text, sharpness) in enumerate(texts):
        tracker.update(frame(number / 4), [reading(text, box(600 + 5 * number, 400), sharpness=sharpness)])
    (final,) = [passage for passage in tracker.flush(200) if passage.state is PassageState.FINAL]
    assert final.plate.plate_number == "43HNN2"
    assert final.read_at == frame(0.25).captured_at


def test_a_new_resolution_closes_what_was_open() -> None:
    tracker = Tracker(TrackerSettings(stop_above=1.0))
    for number in range(3):
        tracker.update(frame(number / 4), [reading("43HNN2", box(600, 400))])
    told = tracker.update(frame(1, width=640, height=360), [])
    assert finals(told) == ["43HNN2"]
    told = tracker.update(frame(1.2, width=640, height=360), [reading("43HNN2", box(300, 200, 60), likelihood=0.97)])
    told += tracker.update(frame(1.4, width=640, height=360), [reading("43HNN2", box(310, 210, 60), likelihood=0.97)])
    assert finals(told) == []


def test_the_scene_names_what_is_in_view() -> None:
    tracker = Tracker()
    seen = frame(0)
    tracker.update(seen, [reading("43HNN2", box(600, 400))])
    scene = tracker.scene(seen)
    assert [one.plate.plate_number for one in scene.objects if one.plate] == ["43HNN2"]
    assert (scene.width_px, scene.height_px) == (1280, 720)
    later = frame(0.25)
    tracker.update(later, [])
    assert tracker.scene(later).objects == ()


def test_memory_stays_bounded_over_thousands_of_vehicles() -> None:
    tracker = Tracker()
    for number in range(400):
        for step in range(3):
            at_s = number * 4 + step / 4
            tracker.update(frame(at_s), [reading(f"{number:04d}AB", box(400 + 30 * step, 400), likelihood=0.97)])
        for step in range(3, 8):
            tracker.update(frame(number * 4 + step / 4), [])
    assert not tracker.in_view
    assert len(tracker._memory._past) <= 128


def test_a_sign_does_not_remember_every_vehicle_that_passed_it() -> None:
    tracker = Tracker()
    sign = reading("OPENDAILY", box(80, 300))
    for number in range(150):
        for step in range(8):
            car = reading(f"{number * 77 % 1000:03d}AB", box(400 + 30 * step, 400), likelihood=0.97)
            tracker.update(frame(number * 4 + step / 4), [sign, car] if step < 3 else [sign])
    (track,) = tracker._tracks
    assert track.object_id == 1
    assert tracker._next_id > 150
    assert len(track.seen_with) == MOST_MET
    assert max(track.seen_with) == tracker._next_id - 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_a_random_street_gives_each_vehicle_at_most_one_final_passage(seed: int) -> None:
    chance = random.Random(seed)
    cars = [
        Car(
            text=f"{chance.randrange(10, 99)}{''.join(chance.choices('BDFGHJKLNPRSTVXZ', k=3))}{number + 1}",
            path=approach(from_s=3.5 * number + chance.uniform(0, 1.5), for_s=chance.uniform(2, 4)),
            likelihood=lambda at_s: 0.75 + 0.2 * math.sin(7 * at_s),
        )
        for number in range(4)
    ]
    told = watch(Tracker(), cars, until_s=24, misses=0.2, seed=seed)
    counted = Counter(finals(told))
    assert set(counted) == {car.text for car in cars}
    assert max(counted.values()) == 1
    for object_id in {passage.object_id for passage in told}:
        states = [passage.state for passage in told if passage.object_id == object_id]
        assert states.count(PassageState.FINAL) <= 1
        assert states[-1] is PassageState.LOST


def test_readings_at_the_rim_of_the_picture_do_not_break_the_crop() -> None:
    tracker = Tracker()
    rim = Box(x=-5, y=-3, width=100, height=20)
    far = Box(x=1270, y=715, width=100, height=40)
    for number in range(3):
        tracker.update(frame(number / 4), [reading("43HNN2", rim), reading("85GJ45", far)])
    for passage in tracker.flush(200):
        assert passage.plate_picture.size > 0
        assert passage.plate_picture.dtype == np.uint8


@pytest.mark.parametrize("path", [approach(), reverse(approach(), total_s=3.0)], ids=["approach", "reverse"])
@pytest.mark.parametrize("gap_s", [1.0, 2.0, 4.0])
def test_vehicles_with_plates_in_a_row_are_two_vehicles(path: Path, gap_s: float) -> None:
    """A fleet's second van follows the first one through the gate."""
    begin = next(at / 8 for at in range(400) if path(at / 8) is not None)
    end = next(at / 8 for at in range(round(begin * 8), 400) if path(at / 8) is None)
    follows = Car(text="B12347", likelihood=lambda _: 0.96, path=lambda at_s: path(at_s - (end - begin) - gap_s))
    told = watch(Tracker(), [Car(text="B12345", likelihood=lambda _: 0.96, path=path), follows], until_s=60)
    assert finals(told) == ["B12345", "B12347"]


def test_a_plate_misread_in_one_character_after_it_was_hidden_is_not_told_again() -> None:
    tracker = Tracker()
    told: list[Passage] = []
    for number in range(40):
        place = box(200 + 20 * number, 400)
        seen = [] if 12 <= number < 20 else [reading("43HNN2" if number < 12 else "43HWN2", place, likelihood=0.8)]
        told += tracker.update(frame(number / 4), seen)
    assert finals(told + tracker.flush(200)) == ["43HNN2"]


def test_a_vehicle_that_parks_keeps_one_frame_and_that_packed() -> None:
    tracker, told = Tracker(), []
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    shown = cv2.GaussianBlur(noise, (0, 0), 9)
    for number in range(40):
        place = box(min(100 + 60 * number, 640), 400)
        text = "43HNN2" if number != 3 else "43HNM2"
        told += tracker.update(replaced(frame(number / 4), shown.copy()), [reading(text, place)])
    assert finals(told) == ["43HNN2"]
    (track,) = tracker._tracks
    assert [shot.kept.nbytes < shown.nbytes / 20 for shot in track.shots.values()] == [True]
    told = tracker.flush(300)
    assert [passage.state for passage in told] == [PassageState.LOST]
    assert told[0].frame_picture.shape == shown.shape
    assert np.abs(told[0].frame_picture.astype(int) - shown).mean() < 3


def replaced(shot: Frame, picture: Picture) -> Frame:
    return Frame(picture=picture, captured_at=shot.captured_at, monotonic_s=shot.monotonic_s, sequence=shot.sequence)
