"""An alarm goes only the ways that are open to it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from events.types import AlarmRaised
from rules.alarms import Alarm, AlarmState, TransitionRefused, change
from tests.rules.examples import NOON

RAISED = AlarmRaised(
    event_id="a1",
    utc_time=NOON,
    name="Drive-off",
    priority=1,
    object="BAD666",
    tag="D",
    type="List match",
    camera_id="cam1",
    camera_name="North",
    source_id="m1",
)
LATER = NOON + timedelta(minutes=1)


def alarm(state: AlarmState = AlarmState.NEW) -> Alarm:
    return Alarm(raised=RAISED, state=state, changed_at=NOON)


@pytest.mark.requirement("M-302")
def test_an_alarm_is_acknowledged_worked_on_put_on_hold_and_closed():
    one = alarm()
    for state in (AlarmState.ACKNOWLEDGED, AlarmState.IN_PROGRESS, AlarmState.ON_HOLD, AlarmState.CLOSED):
        one = change(one, state, at=LATER, by="anna")
        assert (one.state, one.changed_by, one.changed_at) == (state, "anna", LATER)


@pytest.mark.parametrize("state", [state for state in AlarmState if state is not AlarmState.CLOSED])
def test_a_closed_alarm_stays_closed(state):
    with pytest.raises(TransitionRefused, match="a closed alarm stays closed"):
        change(alarm(AlarmState.CLOSED), state, at=LATER, by="anna")


def test_nothing_goes_back_to_new():
    with pytest.raises(TransitionRefused, match="cannot become new"):
        change(alarm(AlarmState.ACKNOWLEDGED), AlarmState.NEW, at=LATER, by="anna")


def test_a_second_click_changes_nothing_but_a_note_is_kept():
    first = change(alarm(), AlarmState.ACKNOWLEDGED, at=LATER, by="anna")
    assert change(first, AlarmState.ACKNOWLEDGED, at=LATER, by="ben") is first
    noted = change(first, AlarmState.ACKNOWLEDGED, at=LATER, by="ben", note="guard sent")
    assert (noted.note, noted.changed_by) == ("guard sent", "ben")
