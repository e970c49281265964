"""The read funnel counts each stage by the hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from inference.funnel import MOST_HOURS, Funnel, total
from inference.recognition import Recognition
from inference.tracker import Tracker
from inference.types import Rejection, RejectionReason, StageTimes
from tests.fakes.vehicles import Car, approach, box, reading, watch

NOON = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)


def test_frames_and_their_reasons_are_counted_in_their_hour() -> None:
    funnel = Funnel()
    recognition = Recognition(
        readings=(reading("43HNN2", box(100, 100)),),
        rejections=(Rejection(reason=RejectionReason.TOO_SMALL, box=box(5, 5)),),
        stages=StageTimes(detect_ms=20, read_ms=5),
    )
    funnel.count(NOON, "frames", 3)
    funnel.count(NOON, "motion")
    funnel.analysed(NOON, recognition, 30)
    funnel.count(NOON + timedelta(hours=1), "frames")
    first, second = funnel.hours
    assert (first.frames, first.motion, first.analysed, first.found, first.read) == (3, 1, 1, 2, 1)
    assert first.rejected == {RejectionReason.TOO_SMALL: 1}
    assert (first.detect_ms, first.read_ms, first.busy_ms) == (20, 5, 30)
    assert second.frames == 1
    assert total(funnel.hours).frames == 4
    assert total(funnel.hours).rejected[RejectionReason.TOO_SMALL] == 1


def test_only_final_passages_are_accepted_ones() -> None:
    funnel = Funnel()
    for passage in watch(Tracker(), [Car(text="43HNN2", path=approach())], until_s=6):
        funnel.passed(passage)
    assert total(funnel.hours).accepted == 1


def test_old_hours_are_forgotten_and_a_clock_that_jumps_back_breaks_nothing() -> None:
    funnel = Funnel()
    for hour in range(3 * MOST_HOURS):
        funnel.count(NOON + timedelta(hours=hour), "frames")
    assert len(funnel.hours) == MOST_HOURS
    funnel.count(NOON, "frames")
    assert len(funnel.hours) == MOST_HOURS
    assert total(funnel.hours).frames == MOST_HOURS + 1
    assert total(()).frames == 0
