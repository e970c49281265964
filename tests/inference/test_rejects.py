"""Of what was refused, the newest finds of each reason are kept with a small picture."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest

from inference.funnel import Funnel
from inference.rank import DEFAULT_WEIGHTS
from inference.reading import PlateReader
from inference.recognition import Recognition, RecognitionSettings
from inference.rejects import MAX_WIDTH_PX, MOST_PER_REASON, SPACING_S, Rejects
from inference.types import Box, Frame, Rejection, RejectionReason
from tests.fakes.spoken_reader import SpokenReader, candidate_reader, decoder_of, region, street, window

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
BOX = Box(x=100, y=100, width=80, height=20)
CUT, TOO_SMALL = RejectionReason.CUT, RejectionReason.TOO_SMALL


def rejection(reason: RejectionReason = CUT, box: Box = BOX, *, text: str = "", likelihood: float = 0.0) -> Rejection:
    return Rejection(reason=reason, box=box, text=text, likelihood=likelihood)


def note(rejects: Rejects, now_s: float, *refused: Rejection, picture: np.ndarray | None = None) -> None:
    if picture is None:
        picture = np.full((240, 640, 3), 90, np.uint8)
    frame = Frame(picture=picture, captured_at=NOON + timedelta(seconds=now_s), monotonic_s=now_s, sequence=1)
    rejects.note(frame, refused)


def shape_of(jpeg: bytes) -> tuple[int, int]:
    height, width = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    return width, height


def test_a_find_is_kept_with_its_reason_cure_and_picture() -> None:
    rejects = Rejects()
    picture = np.full((240, 640, 3), 20, np.uint8)
    picture[100:120, 100:180] = 250
    note(rejects, 0, rejection(text="AB12", likelihood=0.2), picture=picture)
    (kept,) = rejects.all()
    assert (kept.reason, kept.text, kept.likelihood, kept.at, kept.box) == (CUT, "AB12", 0.2, NOON, BOX)
    assert "whole" in kept.cure
    assert rejects.find(kept.reject_id) == kept
    assert rejects.find(kept.reject_id + 1) is None
    shown = cv2.imdecode(np.frombuffer(kept.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert shown.shape == (34, 136, 3)
    assert shown[17, 68].min() > 200
    assert shown[2, 2].max() < 60


def test_each_reason_keeps_its_newest_finds_and_no_more() -> None:
    rejects = Rejects()
    note(rejects, 0, rejection())
    for number in range(3 * MOST_PER_REASON):
        note(rejects, number * SPACING_S, rejection(TOO_SMALL, text=str(number)))
    kept = rejects.all()
    assert [one.reason for one in kept] == [TOO_SMALL] * MOST_PER_REASON + [CUT]
    assert kept[0].text == str(3 * MOST_PER_REASON - 1)
    assert [one.reject_id for one in kept] == sorted((one.reject_id for one in kept), reverse=True)


def test_the_same_reason_again_within_a_moment_is_the_same_find() -> None:
    rejects = Rejects()
    for now_s, text in ((0, "a"), (SPACING_S - 0.1, "b"), (SPACING_S, "c")):
        note(rejects, now_s, rejection(text=text), rejection(TOO_SMALL, text=text))
    assert [(one.reason, one.text) for one in rejects.all()] == [
        (TOO_SMALL, "c"),
        (CUT, "c"),
        (TOO_SMALL, "a"),
        (CUT, "a"),
    ]


def test_of_one_frame_the_likeliest_find_of_a_reason_is_kept() -> None:
    rejects = Rejects()
    note(rejects, 0, *(rejection(text=text, likelihood=sure) for text, sure in (("a", 0.1), ("b", 0.4), ("c", 0.2))))
    assert [one.text for one in rejects.all()] == ["b"]


def test_a_clock_that_goes_back_does_not_silence_a_reason() -> None:
    rejects = Rejects()
    note(rejects, 1000, rejection(text="before"))
    note(rejects, 1, rejection(text="after"))
    assert [one.text for one in rejects.all()] == ["after", "before"]


def test_the_picture_ends_at_the_frames_edge_and_is_never_wide() -> None:
    rejects = Rejects()
    note(rejects, 0, rejection(box=Box(x=-10, y=230, width=80, height=20)))
    note(rejects, 10, rejection(box=Box(x=0, y=0, width=640, height=160)))
    wide, corner = rejects.all()
    assert shape_of(corner.jpeg) == (98, 17)
    assert shape_of(wide.jpeg) == (MAX_WIDTH_PX, 108)


def test_a_find_outside_the_picture_is_left_out_and_does_not_stand_in_the_way() -> None:
    rejects = Rejects()
    note(rejects, 0, rejection(box=Box(x=900, y=100, width=80, height=20)))
    assert rejects.all() == ()
    note(rejects, 0.1, rejection())
    assert len(rejects.all()) == 1


def test_pictures_are_forgotten_when_their_time_is_over() -> None:
    rejects = Rejects()
    for now_s in (0, 60):
        note(rejects, now_s, rejection())
    rejects.forget(NOON + timedelta(seconds=30))
    assert [one.at for one in rejects.all()] == [NOON + timedelta(seconds=60)]


@pytest.mark.requirement("M-093")
def test_a_plate_of_low_confidence_and_one_that_cannot_be_read_are_logged_with_their_pictures() -> None:
    """Dirty plates pass too: what the reader refuses is counted by the hour, and kept with its picture."""
    rejects, funnel = Rejects(), Funnel()
    for now_s, level, text, discard_below in ((0, 230, "AYO9034", 0.9999), (5, 16, "HOTEL12345", 0.5)):
        spoken, decoder = SpokenReader({(370, 317): text}), decoder_of(("BR",))
        reader = PlateReader(
            candidates=candidate_reader(spoken, decoder), decoder=decoder, weights=DEFAULT_WEIGHTS, character_share=0.72
        )
        settings = RecognitionSettings(modules=("BR",), max_seconds_per_frame=None, discard_below=discard_below)
        picture = street(level=level)
        readings, refused = reader.read(window(picture), [region(300, 300)], settings, deadline=None)
        assert readings == ()
        note(rejects, now_s, *refused, picture=picture)
        funnel.analysed(NOON, Recognition(rejections=refused), 20.0)
    unreadable, unsure = rejects.all()
    assert (unsure.reason, unsure.text) == (RejectionReason.BELOW_THRESHOLD, "AYO9034")
    assert unsure.likelihood > 0.5
    assert unreadable.reason is RejectionReason.TOO_DARK
    assert min(*shape_of(unsure.jpeg), *shape_of(unreadable.jpeg)) > 30
    (hour,) = funnel.hours
    assert hour.rejected == {RejectionReason.BELOW_THRESHOLD: 1, RejectionReason.TOO_DARK: 1}
