"""One plate in several pictures: what no picture says by itself, and how the tracker hears it."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from inference.areas import search_window
from inference.rank import DEFAULT_WEIGHTS, Candidate
from inference.reading import PICTURES, PlateReader
from inference.recognition import RecognitionSettings
from inference.tracker import Tracker
from inference.types import Passage, Reading, Rejection, RejectionReason
from inference.voting import JOINT_SURE
from tests.fakes.spoken_reader import SpokenReader, candidate_reader, decoder_of, region, window
from tests.fakes.vehicles import Glimpse, box, finals, frame, reading

SETTINGS = RecognitionSettings(modules=("BR",), max_seconds_per_frame=None)


def plate_reader(text: str, *, share: float) -> PlateReader:
    spoken, decoder = SpokenReader({(370, 317): text}, share=share), decoder_of(("BR",))
    return PlateReader(
        candidates=candidate_reader(spoken, decoder), decoder=decoder, weights=DEFAULT_WEIGHTS, character_share=0.72
    )


def look(text: str, *, share: float = 0.9) -> Reading | Rejection:
    """What one picture gave, whatever was made of it."""
    readings, rejections = plate_reader(text, share=share).read(window(), [region(300, 300)], SETTINGS, deadline=None)
    return (*readings, *rejections)[0]


def test_pictures_that_mostly_agree_outvote_the_surest_one() -> None:
    looks = [look("AVO9034", share=0.95), look("AYO9034"), look("AYO9034"), look("AYO9034", share=0.8)]
    said = plate_reader("", share=0.9).together(looks)
    assert said is not None
    assert (said.plate.plate_number, said.plate.country_code, said.module_code) == ("AYO9034", "BR", "BR")
    assert [one.character for one in said.characters] == list("AYO9034")


def test_looks_that_gave_no_reading_are_heard_too() -> None:
    once = look("AYO9034", share=0.5)
    refused = [Rejection(reason=RejectionReason.BELOW_THRESHOLD, box=once.box, likelihood=0.3, seen=once.seen)] * 3
    said = plate_reader("", share=0.9).together([look("AVO9034", share=0.6), *refused])
    assert said is not None
    assert said.plate.plate_number == "AYO9034"


@pytest.mark.parametrize("looks", [[], [look("AYO9034")], [reading("AYO9034", box(0, 0))] * 3])
def test_one_picture_or_those_of_another_reader_say_nothing_together(looks: list[Reading | Rejection]) -> None:
    assert plate_reader("", share=0.9).together(looks) is None


def test_no_more_than_the_surest_pictures_are_read() -> None:
    poor = [replace(look("AVO9034"), likelihood=0.01) for _ in range(3 * PICTURES)]
    said = plate_reader("", share=0.9).together([*poor, *[look("AYO9034")] * PICTURES])
    assert said is not None
    assert said.plate.plate_number == "AYO9034"


def told_when_together(says: Reading | None, *, refused: int = 0) -> tuple[list[str], list[int]]:
    """Final texts of a plate read three times as `43HNH2` that goes, and how many looks were joined each time."""
    tracker, joined, told = Tracker(), [], list[Passage]()

    def together(looks: list[Reading | Rejection]) -> Reading | None:
        joined.append(len(looks))
        return says

    tracker.together = together  # type: ignore[assignment]  # a list is a sequence
    for number in range(3 + refused):
        place = box(640, 400 + 20 * number)
        seen = replace(reading("43HNH2", place, likelihood=0.7), seen=Glimpse())
        lost = Rejection(reason=RejectionReason.BLURRED, box=place, likelihood=0.1, seen=Glimpse())
        told += tracker.update(frame(number / 4), [seen] if number < 3 else [], [lost] if number >= 3 else [])
    for number in range(8):
        told += tracker.update(frame(2 + number / 4), [])
    return finals(told), joined


def test_the_tracker_believes_the_pictures_together_rather_than_the_vote() -> None:
    says = reading("43HNN2", box(640, 400), likelihood=JOINT_SURE + 0.1)
    texts, joined = told_when_together(says, refused=2)
    assert texts == ["43HNN2"]
    # Once, when it goes, with the looks that gave no reading.
    assert joined == [5]


def test_an_unsure_answer_leaves_the_vote_as_it_is() -> None:
    assert told_when_together(reading("43HNN2", box(640, 400), likelihood=JOINT_SURE - 0.1))[0] == ["43HNH2"]
    assert told_when_together(None)[0] == ["43HNH2"]


def test_what_is_sure_at_once_is_not_read_again() -> None:
    tracker, told = Tracker(), list[Passage]()
    tracker.together = lambda looks: pytest.fail("a sure vote needs no help")
    for number in range(4):
        told += tracker.update(frame(number / 4), [reading("43HNN2", box(640, 400), likelihood=0.97)])
    for number in range(4, 12):
        told += tracker.update(frame(number / 4), [])
    assert finals(told) == ["43HNN2"]


@pytest.mark.parametrize(("pictures", "crops"), [(2, 0), (3, 1)])
def test_three_pictures_are_also_laid_on_each_other(pictures: int, crops: int) -> None:
    spoken, decoder = SpokenReader({(370, 317): "AYO9034"}, share=0.9), decoder_of(("BR",))
    reader = PlateReader(
        candidates=candidate_reader(spoken, decoder, crops=[{}]),
        decoder=decoder,
        weights=DEFAULT_WEIGHTS,
        character_share=0.72,
    )
    seen = look("AYO9034")
    assert seen.seen is not None
    looks = [replace(seen, seen=seen.seen.kept(window().picture))] * pictures
    before = spoken.crops
    said = reader.together(looks)
    assert said is not None and said.plate.plate_number == "AYO9034"
    assert spoken.crops - before == crops


def test_what_is_kept_of_a_plate_in_an_area_is_cut_from_the_whole_picture() -> None:
    picture = np.zeros((720, 1280, 3), np.uint8)
    cv2.rectangle(picture, (800, 500), (940, 534), (255, 255, 255), -1)
    area = search_window(picture, (((0.5, 0.5), (1, 0.5), (1, 1), (0.5, 1)),), None)
    assert area is not None and (area.x, area.y) == (640, 360)
    spoken = plate_reader("", share=0.9)
    _, (refused,) = spoken.read(area, [region(160, 140)], SETTINGS, deadline=None)
    assert isinstance(refused.seen, Candidate)
    patch = refused.seen.kept(picture).patch
    assert patch is not None
    # White where the plate is, black in the room around it.
    assert patch[patch.shape[0] // 2].tolist().count(255) > patch.shape[1] * 0.7
    assert patch[0].max() == patch[-1].max() == 0


@pytest.mark.parametrize(
    ("text", "likelihood", "looks", "expected"),
    [("43HNN2", 0.6, 4, ["43HNN2"]), ("43HNN2", 0.6, 2, []), ("43HNN2", 0.4, 4, []), ("POLICE", 0.6, 4, [])],
)
def test_a_plate_read_once_is_told_when_three_pictures_together_say_so(
    text: str, likelihood: float, looks: int, expected: list[str]
) -> None:
    tracker = Tracker()
    told = tracker.update(frame(0), [])
    tracker.together = lambda looks: reading(text, box(640, 400), likelihood=likelihood)
    for number in range(looks):
        place = box(640, 400 + 20 * number)
        lost = Rejection(reason=RejectionReason.BLURRED, box=place, likelihood=0.1, seen=Glimpse())
        seen = [replace(reading(text, place, likelihood=0.55), seen=Glimpse())] if number == 0 else []
        told += tracker.update(frame(number / 4), seen, [] if seen else [lost])
    for number in range(8):
        told += tracker.update(frame(2 + number / 4), [])
    assert finals(told) == expected
