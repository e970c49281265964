"""What the tracker makes of little: one look, readings that nearly agree, plates at the edge; lettering is no plate."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference.tracker import Tracker, TrackerSettings
from inference.types import Box, Passage, PassageState, Reading, RejectionReason
from tests.fakes.vehicles import Car, approach, box, finals, frame, reading, watch


def test_a_false_text_seen_once_is_no_passage() -> None:
    def stray(at_s: float):
        return ([reading("77ABCD", box(200, 300), likelihood=0.75)] if at_s == 1.0 else []), []

    told = watch(Tracker(), [Car(text="43HNN2", path=approach())], until_s=6, extra=stray)
    assert finals(told) == ["43HNN2"]


def test_a_fast_vehicle_read_once_and_surely_is_a_passage() -> None:
    tracker = Tracker()
    told = tracker.update(frame(0), [])
    told += tracker.update(frame(0.25), [reading("43HNN2", box(640, 400), likelihood=0.97)])
    for number in range(2, 12):
        told += tracker.update(frame(number / 4), [])
    assert finals(told) == ["43HNN2"]


def looked_at(*seen: Reading | None) -> list[str]:
    """The final texts of looks a quarter of a second apart, None where nothing was read, and of five more."""
    tracker = Tracker()
    told: list[Passage] = []
    for number, one in enumerate((*seen, *[None] * 5)):
        told += tracker.update(frame(number / 4), [one] if one else [])
    return finals(told + tracker.flush(200))


@pytest.mark.parametrize(("second", "expected"), [("RK1019AE", ["RK019AF"]), ("7B55", [])])
def test_two_readings_that_nearly_agree_are_of_one_plate_and_tell_it(second: str, expected: list[str]) -> None:
    one = reading("RK019AF", box(535, 540, 142), likelihood=0.92)
    other = reading(second, box(536, 590, 146), likelihood=0.6)
    assert looked_at(one, other) == expected


def test_lettering_is_not_told_for_readings_that_nearly_agree() -> None:
    one = reading("8708", box(535, 540, 142), likelihood=0.9)
    assert looked_at(one, reading("87081", box(536, 590, 146), likelihood=0.6)) == []


@pytest.mark.parametrize(("x", "expected"), [(61, ["5VDA555"]), (1219, ["5VDA555"]), (640, [])])
def test_a_plate_read_once_as_it_comes_in_or_goes_out_is_a_passage(x: float, expected: list[str]) -> None:
    """In the middle of the picture the looks before and after would have seen it too."""
    assert looked_at(reading("5VDA555", box(x, 395, 108), likelihood=0.87)) == expected


@pytest.mark.requirement("M-050")
@pytest.mark.parametrize(("whole_at", "expected"), [(None, []), (3, ["43HNN2"])])
def test_a_plate_that_is_cut_in_every_reading_is_not_told(whole_at: int | None, expected: list[str]) -> None:
    places = [box(60 + 30 * number, 400) for number in range(4)]
    seen = [replace(reading("43HNN2", place), cut=number != whole_at) for number, place in enumerate(places)]
    assert looked_at(*seen) == expected


def test_a_plate_that_is_not_told_because_it_was_cut_is_counted_as_cut() -> None:
    tracker, reasons = Tracker(), []
    for number in range(12):
        seen = replace(reading("43HNN2", box(60 + 30 * number, 400)), cut=True)
        tracker.update(frame(number / 4), [seen] if number < 4 else [])
        reasons += [one.reason for _, one in tracker.take_refused()]
    assert reasons == [RejectionReason.CUT]


def test_a_vote_that_failed_is_given_back_once_with_the_frame_that_shows_it() -> None:
    tracker = Tracker(TrackerSettings(discard_below=0.95))
    for number in range(6):
        tracker.update(frame(number / 4), [reading("43HNN2", box(300 + 60 * number, 400), likelihood=0.4)])
    assert tracker.take_refused() == []
    tracker.flush(200)
    ((shown, refused),) = tracker.take_refused()
    assert (refused.reason, refused.text) == (RejectionReason.BELOW_THRESHOLD, "43HNN2")
    assert shown.picture.shape == frame(0).picture.shape
    assert tracker.take_refused() == []


def test_lettering_below_a_plate_that_came_in_cut_is_no_second_vehicle() -> None:
    tracker = Tracker()
    told: list[Passage] = []
    for number in range(14):
        x = 43.0 + 60 * number
        plate = reading("WE50", box(43, 498, 86)) if number == 0 else reading("FWE50", box(x, 498, 150))
        lettering = reading("SW722", box(x, 602, 92), likelihood=0.85)
        told += tracker.update(frame(number / 8), [plate, lettering] if number in {0, 3} else [plate])
    assert finals(told + tracker.flush(200)) == ["FWE50"]


def test_lettering_that_is_cut_in_every_frame_is_no_second_vehicle() -> None:
    tracker = Tracker()
    told: list[Passage] = []
    for number in range(14):
        plate = reading("02BBG7", box(960 + 2 * number, 405, 169))
        number_of_bus = reading("8708", box(1228 + 2 * number, 300, 102), likelihood=0.8)
        told += tracker.update(frame(number / 8), [plate, number_of_bus])
    assert finals(told + tracker.flush(200)) == ["02BBG7"]


def test_a_burned_in_text_at_the_edge_that_never_moves_is_no_passage() -> None:
    def overlay(at_s: float):
        return [reading("14B02819", box(1100, 16, 160), likelihood=0.98)], []

    tracker = Tracker()
    told = watch(tracker, [Car(text="43HNN2", path=approach())], until_s=10, extra=overlay)
    assert finals(told) == ["43HNN2"]


def test_a_text_that_appears_with_nothing_moving_around_it_is_no_passage() -> None:
    def sign(at_s: float):
        return ([reading("14BZ28", box(900, 300, 100), likelihood=0.98)] if at_s > 2 else []), []

    tracker = Tracker()
    told = watch(tracker, [], until_s=10, extra=sign, motion=lambda at_s: [box(900, 300, 100)] if at_s > 2 else [])
    assert finals(told) == []


def test_a_vehicle_that_stops_before_it_is_first_read_is_a_passage() -> None:
    def motion(at_s: float):
        return [Box(x=300, y=150, width=600, height=500)] if at_s < 2 else []

    car = Car(text="43HNN2", path=lambda at_s: box(640, 400) if at_s > 2.2 else None)
    assert finals(watch(Tracker(), [car], until_s=10, motion=motion)) == ["43HNN2"]


def test_a_vehicle_that_stands_low_in_the_picture_from_the_start_is_a_passage() -> None:
    def path(at_s: float) -> Box | None:
        return box(400, 676, 110) if at_s < 2 else box(400 - 60 * (at_s - 2), 676 + 6 * (at_s - 2), 112)

    def motion(at_s: float):
        return [Box(x=200, y=500, width=300, height=220)] if at_s > 2 else []

    car = Car(text="43HNN2", path=lambda at_s: path(at_s) if at_s < 4 else None, likelihood=lambda _: 0.6)
    assert finals(watch(Tracker(), [car], until_s=7, motion=motion)) == ["43HNN2"]


def test_a_plate_that_fills_the_picture_is_a_passage() -> None:
    car = Car(text="43HNN2", path=lambda at_s: box(640, 400, 1150), likelihood=lambda _: 0.6)
    assert finals(watch(Tracker(), [car], until_s=2, motion=lambda _: [])) == ["43HNN2"]


def test_tiny_lettering_whose_place_jumps_beside_a_plate_is_no_second_vehicle() -> None:
    path = approach(for_s=4)

    def wheels(at_s: float):
        where = path(at_s)
        if where is None:
            return [], []
        aside = 1.2 if round(at_s * 4) % 3 else 1.7
        x = where.x + aside * where.width
        tiny = Box(x=x, y=where.y, width=where.width / 9, height=where.height / 4)
        return [reading("W4B", tiny, likelihood=0.6)], []

    car = Car(text="43HNN2", path=path)
    assert finals(watch(Tracker(), [car], until_s=7, extra=wheels)) == ["43HNN2"]


def test_a_sticker_beside_the_plate_is_no_second_vehicle() -> None:
    path = approach()

    def sticker(at_s: float):
        where = path(at_s)
        if where is None:
            return [], []
        beside = Box(x=where.x, y=where.y + 1.6 * where.height, width=where.width, height=where.height / 2)
        return [reading("09AB92", beside, likelihood=0.7)], []

    for stop_above in (0.95, 1.0):
        tracker = Tracker(TrackerSettings(stop_above=stop_above))
        assert finals(watch(tracker, [Car(text="43HNN2", path=path)], until_s=6, extra=sticker)) == ["43HNN2"]


@pytest.mark.parametrize(("likelihood", "expected"), [(0.96, ["43HNN2", "9XTR80"]), (0.8, ["43HNN2"])])
def test_a_vehicle_close_behind_that_keeps_its_distance_is_told_when_its_plate_is_sure(
    likelihood: float, expected: list[str]
) -> None:
    path = approach()

    def behind(at_s: float):
        where = path(at_s)
        if where is None:
            return [], []
        above = Box(x=where.x, y=where.y - where.width, width=0.9 * where.width, height=0.9 * where.height)
        return [reading("9XTR80", above, likelihood=likelihood)], []

    told = watch(Tracker(), [Car(text="43HNN2", path=path)], until_s=6, extra=behind)
    assert sorted(finals(told)) == expected


def test_a_passage_says_how_many_readings_agree_with_it() -> None:
    said = ["43HNN2", "43HNH2", "43HNN2", "48HNN2", "43HNN2"]
    tracker, told = Tracker(TrackerSettings(stop_above=1.0)), list[Passage]()
    for number in range(12):
        seen = [reading(said[number], box(640, 400 + 20 * number), likelihood=0.8)] if number < len(said) else []
        told += tracker.update(frame(number / 4), seen)
    final = next(one for one in told if one.state is PassageState.FINAL)
    assert (final.plate.plate_number, final.read_count, final.agreeing_reads) == ("43HNN2", 5, 3)


@pytest.mark.parametrize(("below", "expected"), [(2.3, ["43HNN2", "8951283"]), (-2.3, ["43HNN2"]), (0.3, ["43HNN2"])])
def test_digits_far_below_a_plate_are_the_vehicle_in_front_and_no_telephone_number(
    below: float, expected: list[str]
) -> None:
    path = approach()

    def digits(at_s: float):
        where = path(at_s)
        if where is None:
            return [], []
        x, y = where.center
        return [reading("8951283", box(x, y + below * where.width, where.width), likelihood=0.85)], []

    car = Car(text="43HNN2", path=path, likelihood=lambda _: 0.97)
    assert sorted(finals(watch(Tracker(), [car], until_s=6, extra=digits))) == expected


def test_a_badge_that_is_read_surely_beside_the_plate_is_no_second_vehicle() -> None:
    path = approach()

    def badge(at_s: float):
        where = path(at_s)
        if where is None:
            return [], []
        x, y = where.center
        return [reading("C5", box(x + 1.2 * where.width, y - 0.1 * where.height, where.width / 3), likelihood=0.97)], []

    car = Car(text="43HNN2", path=path, likelihood=lambda _: 0.95)
    assert finals(watch(Tracker(), [car], until_s=6, extra=badge)) == ["43HNN2"]
