"""Capture times: the camera's own where they can be true, ours where they cannot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from inference.clock import CaptureClock, Lag, MediaTime

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def test_without_a_senders_time_a_picture_was_taken_when_it_came() -> None:
    clock = CaptureClock()
    assert clock.captured_at(None, NOW) == NOW
    assert clock.skew is None


def test_a_synchronised_camera_is_believed() -> None:
    clock = CaptureClock()
    assert clock.captured_at(NOW - seconds(0.3), NOW) == NOW - seconds(0.3)
    assert clock.skew == seconds(0)


def test_a_picture_is_never_from_the_future() -> None:
    assert CaptureClock().captured_at(NOW + seconds(0.2), NOW) == NOW


def test_a_camera_an_hour_ahead_gives_the_rhythm_and_not_the_hour() -> None:
    clock = CaptureClock()
    delays = [0.4, 0.1, 0.9, 0.1, 0.5]
    times = []
    for number, delay in enumerate(delays):
        taken = NOW + seconds(number)
        times.append(clock.captured_at(taken + timedelta(hours=1), taken + seconds(delay)))
    assert clock.skew is not None
    assert abs(clock.skew - timedelta(hours=1)) < seconds(0.2)
    # Once the quickest delivery has been seen, the jitter of the network no longer shows.
    steps = [(late - early).total_seconds() for early, late in pairwise(times[1:])]
    assert all(abs(step - 1) < 0.05 for step in steps)


def test_a_clock_at_the_limit_of_what_is_believed_does_not_jump_to_and_fro() -> None:
    clock = CaptureClock()
    times = []
    for number in range(40):
        taken = NOW + seconds(number)
        delay = 0.1 + 0.2 * (number % 3)
        times.append(clock.captured_at(taken - seconds(4.8), taken + seconds(delay)))
    assert max((late - early).total_seconds() for early, late in pairwise(times[4:])) < 1.6
    assert min((late - early).total_seconds() for early, late in pairwise(times[4:])) > 0.4


def test_a_camera_that_sets_its_clock_is_followed() -> None:
    clock = CaptureClock()
    clock.captured_at(NOW + timedelta(hours=1), NOW)
    assert clock.captured_at(NOW + seconds(1) + timedelta(hours=5), NOW + seconds(1)) == NOW + seconds(1)


def test_a_recordings_clock_survives_gaps_jumps_and_missing_times() -> None:
    media = MediaTime()
    shown = [media.at(time) for time in (5.0, 5.1, 5.2, 900.0, 900.1, 2.0, None, 2.2)]
    steps = [later - earlier for earlier, later in pairwise(shown)]
    assert shown[0] == 0
    assert all(0 < step < 0.5 for step in steps)


def test_a_decoder_that_cannot_keep_up_is_behind_until_it_has_caught_up() -> None:
    lag = Lag()
    slow = [lag.behind(number / 25, number / 25 * 1.2, 0.0) for number in range(400)]
    assert not slow[0]
    assert slow[-1]
    now_s = 400 / 25 * 1.2
    fast = [lag.behind((400 + number) / 25, now_s + number / 100, 0.0) for number in range(250)]
    assert not fast[-1]


def test_a_decoder_that_waits_for_packets_is_never_behind() -> None:
    for speed in (0.5, 0.0, -1.0):
        lag = Lag()
        assert not any(lag.behind(number / 25 * speed, number / 25, 0.03) for number in range(1000))
