"""The read funnel counts each stage by the hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from inference.funnel import CURES, LONGEST_DELAY, MOST_HOURS, Funnel, FunnelHour, Outcomes, total
from inference.recognition import Recognition
from inference.tracker import Tracker
from inference.types import PassageState, Rejection, RejectionReason, StageTimes
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
    assert (first.average_ms, second.average_ms) == (30, None)
    assert second.frames == 1
    assert total(funnel.hours).frames == 4
    assert total(funnel.hours).rejected[RejectionReason.TOO_SMALL] == 1


def test_only_final_passages_are_accepted_ones() -> None:
    funnel = Funnel()
    for passage in watch(Tracker(), [Car(text="43HNN2", path=approach())], until_s=6):
        funnel.passed(passage)
    assert total(funnel.hours).accepted == 1


def test_the_time_until_a_result_is_told_is_averaged_without_clocks_that_jumped() -> None:
    funnel = Funnel()
    passages = watch(Tracker(), [Car(text="43HNN2", path=approach())], until_s=6)
    (final,) = [one for one in passages if one.state is PassageState.FINAL]
    for passage in passages:
        funnel.told(passage, passage.started_at + timedelta(seconds=1))
    funnel.told(final, final.started_at + timedelta(seconds=2))
    funnel.told(final, final.started_at - timedelta(seconds=1))
    funnel.told(final, final.started_at + LONGEST_DELAY + timedelta(seconds=1))
    (hour,) = funnel.hours
    assert (hour.told, hour.average_delay_ms) == (2, 1500)
    assert total([hour, hour]).average_delay_ms == 1500
    assert FunnelHour(NOON).average_delay_ms is None


def test_old_hours_are_forgotten_and_a_clock_that_jumps_back_breaks_nothing() -> None:
    funnel = Funnel()
    for hour in range(3 * MOST_HOURS):
        funnel.count(NOON + timedelta(hours=hour), "frames")
    assert len(funnel.hours) == MOST_HOURS
    funnel.count(NOON, "frames")
    assert len(funnel.hours) == MOST_HOURS
    assert total(funnel.hours).frames == MOST_HOURS
    assert funnel.hours[0].starts_at == NOON.replace(minute=0)
    assert total(()).frames == 0


def test_after_days_of_a_clock_that_ran_ahead_hours_are_counted_as_ever() -> None:
    funnel = Funnel()
    for hour in range(MOST_HOURS + 1):
        funnel.count(NOON.replace(year=2030) + timedelta(hours=hour), "frames")
    for hour in range(3):
        funnel.count(NOON + timedelta(hours=hour), "frames", 5)
    assert [hour.frames for hour in funnel.hours[:3]] == [5, 5, 5]


def test_hours_from_before_a_restart_are_added_to_what_was_counted_since() -> None:
    funnel = Funnel()
    funnel.count(NOON, "frames", 2)
    start = NOON.replace(minute=0)
    funnel.restore([FunnelHour(start - timedelta(hours=1), frames=5), FunnelHour(start, frames=3, found=1)])
    assert [(hour.frames, hour.found) for hour in funnel.hours] == [(5, 0), (5, 1)]
    funnel.count(NOON, "frames")
    assert funnel.hours[-1].frames == 6


def test_what_became_of_passages_never_counts_less_than_it_did() -> None:
    funnel = Funnel()
    funnel.count(NOON, "accepted", 3)
    start = NOON.replace(minute=0)
    funnel.settle({start: Outcomes(matched=2, delivered=1), start + timedelta(hours=1): Outcomes(matched=9)})
    funnel.settle({start: Outcomes(matched=1, delivered=3)})
    assert [(hour.matched, hour.delivered) for hour in funnel.hours] == [(2, 3)]


def test_what_was_counted_so_far_never_falls_and_begins_with_the_process() -> None:
    funnel = Funnel()
    start = NOON.replace(minute=0)
    funnel.restore([FunnelHour(start, frames=100, matched=4, delivered=1)])
    assert funnel.so_far == total(())
    for hour in range(2 * MOST_HOURS):
        funnel.count(NOON + timedelta(hours=hour), "frames")
    assert funnel.so_far.frames == 2 * MOST_HOURS > total(funnel.hours).frames
    before = funnel.so_far
    funnel.suppressed(NOON, [Rejection(reason=RejectionReason.STATIC_TEXT, box=box(5, 5))])
    assert funnel.so_far.rejected[RejectionReason.STATIC_TEXT] == 1
    assert not before.rejected


def test_what_became_of_passages_before_a_restart_is_not_counted_again() -> None:
    funnel = Funnel()
    start = NOON.replace(minute=0)
    funnel.restore([FunnelHour(start, accepted=5, matched=4, delivered=1)])
    for outcomes in (Outcomes(matched=4, delivered=1), Outcomes(matched=5, delivered=3), Outcomes(matched=2)):
        funnel.settle({start: outcomes})
    assert (funnel.so_far.matched, funnel.so_far.delivered) == (1, 2)


def test_a_look_is_in_vain_when_nothing_was_there_or_only_texts_that_no_plate_has() -> None:
    def looked(*reasons: RejectionReason, read: int = 0, plates: int | None = None) -> int:
        funnel = Funnel()
        recognition = Recognition(
            readings=tuple(reading("43HNN2", box(100, 100)) for _ in range(read)),
            rejections=tuple(Rejection(reason=reason, box=box(5, 5)) for reason in reasons),
            stages=StageTimes(),
        )
        funnel.analysed(NOON, recognition, 30, plates=plates)
        assert funnel.so_far.without_plate == total(funnel.hours).without_plate
        return funnel.so_far.without_plate

    assert looked() == 1
    assert looked(RejectionReason.NO_SYNTAX, RejectionReason.STATIC_TEXT) == 1
    assert looked(RejectionReason.NO_SYNTAX, RejectionReason.TOO_DARK) == 0
    assert looked(read=1) == 0
    assert looked(read=1, plates=0) == 1
    assert looked(RejectionReason.NO_SYNTAX, plates=1) == 0


def test_every_reason_has_a_cure() -> None:
    assert set(CURES) == set(RejectionReason)
