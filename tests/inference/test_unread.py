"""Plates that no picture by itself shows: followed apart, and told only when all pictures together show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from inference.tracker import TOGETHER_ALONE, Tracker
from inference.tracks import Track
from inference.types import Box, Passage, PassageState, Reading, Rejection, RejectionReason
from inference.unread import MOST_FOLLOWED, READ_WITHIN_S, UnreadPlates
from tests.fakes.vehicles import START, Glimpse, box, finals, frame, reading

PLATE = "43HNN2"
SURE = TOGETHER_ALONE + 0.1


def found(where: Box, text: str = "4BN2", reason: RejectionReason = RejectionReason.BLURRED) -> Rejection:
    return Rejection(reason=reason, box=where, text=text, likelihood=0.05, seen=Glimpse())


def coming(number: int) -> Box:
    return box(640, 250 + 50 * number, 60 + 10 * number)


def hearing(text: str = PLATE, *, likelihood: float = SURE) -> Tracker:
    """A tracker whose reader makes this of several looks at a plate that was never read."""
    tracker = Tracker()
    tracker.together = lambda looks: reading(text, box(640, 250), likelihood=likelihood) if looks else None
    tracker.update(frame(-1), [], motion=[])
    return tracker


def drive(
    tracker: Tracker, finds: int, *, then: Sequence[Reading] = (), reason: RejectionReason = RejectionReason.BLURRED
) -> list[Passage]:
    """A plate is found so often, then read like this, picture by picture, and then it is gone."""
    told = []
    for number in range(finds):
        told += tracker.update(frame(number / 4), [], [found(coming(number), reason=reason)], motion=[])
    for number, one in enumerate(then, finds):
        told += tracker.update(frame(number / 4), [one], motion=[])
    for number in range(finds + len(then), finds + len(then) + 4 * round(READ_WITHIN_S + 2)):
        told += tracker.update(frame(number / 4), [], motion=[])
    return told


def test_what_all_pictures_say_together_is_told_once_with_the_picture_that_shows_it_largest() -> None:
    final, lost = drive(hearing(), 5)
    assert (final.state, lost.state) == (PassageState.FINAL, PassageState.LOST)
    assert final.object_id == lost.object_id
    assert final.plate.plate_number == PLATE
    assert final.likelihood == pytest.approx(SURE)
    assert final.box == coming(4)
    assert final.read_at == frame(1.0).captured_at
    assert (final.started_at, final.ended_at) == (frame(0).captured_at, frame(1.0).captured_at)
    # No two readings agree: a gate that asks for them stays shut.
    assert final.agreeing_reads == 1


def test_it_is_told_when_the_stream_ends_as_well() -> None:
    tracker = hearing()
    for number in range(5):
        assert tracker.update(frame(number / 4), [], [found(coming(number))], motion=[]) == []
    assert finals(tracker.flush(101.0)) == [PLATE]
    assert tracker.flush(101.0) == []


@pytest.mark.parametrize(
    ("likelihood", "finds", "text", "reason"),
    [
        (TOGETHER_ALONE - 0.05, 5, PLATE, RejectionReason.BLURRED),
        (SURE, 2, PLATE, RejectionReason.BLURRED),
        (SURE, 5, "POLICE", RejectionReason.BLURRED),
        (SURE, 5, PLATE, RejectionReason.CUT),
    ],
    ids=["unsure", "too few pictures", "lettering", "cut off in each"],
)
def test_what_may_be_no_plate_is_not_told(likelihood: float, finds: int, text: str, reason: RejectionReason) -> None:
    assert drive(hearing(text, likelihood=likelihood), finds, reason=reason) == []


def test_a_plate_that_is_read_after_all_is_told_by_its_readings_alone() -> None:
    readings = [reading("12ABC3", coming(number), likelihood=0.97) for number in range(4, 8)]
    assert finals(drive(hearing(), 4, then=readings)) == ["12ABC3"]


def test_a_misreading_of_a_plate_that_is_read_elsewhere_is_not_told() -> None:
    tracker = hearing("43HNW8")
    readings = [reading(PLATE, box(200, 300 + 40 * number), likelihood=0.97) for number in range(4)]
    assert finals(drive(tracker, 5, then=readings)) == [PLATE]


def test_a_sign_is_not_told_however_often_it_is_found() -> None:
    tracker, told = hearing(), list[Passage]()
    for number in range(40):
        told += tracker.update(frame(number / 4), [], [found(box(900, 300))], motion=[])
    assert [*told, *tracker.flush(120.0)] == []


def test_no_frame_is_kept_of_what_does_not_move() -> None:
    plates = UnreadPlates()
    begun = [Track(object_id=number, started_at=START, first_s=100, looks=1) for number in range(2)]
    for number in range(4):
        finds = [found(box(900, 300)), found(coming(number))]
        plates.follow(frame(number / 4), finds, cut=lambda _: False, begin=begun.pop)
    moving, sign = sorted(plates.gone(200.0), key=lambda one: one.track.furthest, reverse=True)
    assert (sign.frame, sign.box) == (None, None)
    assert moving.box == coming(3)


def test_many_signs_leave_room_for_a_vehicle() -> None:
    tracker, told = hearing(), list[Passage]()
    signs = [found(box(60 + 140 * place, 80)) for place in range(MOST_FOLLOWED + 1)]
    for number in range(20):
        vehicle = [found(coming(number - 5))] if 5 <= number < 12 else []
        told += tracker.update(frame(number / 4), [], [*signs, *vehicle], motion=[])
    assert finals([*told, *tracker.flush(120.0)]) == [PLATE]


def test_nobody_looks_more_often_because_of_it() -> None:
    tracker = hearing()
    for number in range(3):
        tracker.update(frame(number / 4), [], [found(coming(number))], motion=[])
    assert not (tracker.in_view or tracker.hungry)
    assert tracker.scene(frame(0.5)).objects == ()


def test_without_a_reader_that_joins_pictures_nothing_is_told() -> None:
    tracker = hearing()
    tracker.together = None
    assert drive(tracker, 5) == []


def test_a_find_of_which_nothing_was_kept_is_not_followed() -> None:
    tracker, told = hearing(), list[Passage]()
    for number in range(5):
        told += tracker.update(frame(number / 4), [], [replace(found(coming(number)), seen=None)], motion=[])
    assert [*told, *tracker.flush(120.0)] == []
