"""What follows from a plate: matches, alarms, and a gate that opens only for good reasons."""

from __future__ import annotations

from datetime import timedelta

import pytest

from events.types import ActionFailed, CameraLost, ListKind, ServerLost
from inference.types import PassageState
from rules.match_lists import MatchIndex
from rules.rules import evaluate, evaluate_system, with_list_kinds
from rules.types import UNLISTED_LIST_ID, AlarmDefinition, Outcome, RelayAction
from tests.rules.examples import NOON, entries, ids, match_list, recognized

ALLOW, DENY = match_list("residents"), match_list("drive-offs", ListKind.DENY)
GATE = RelayAction(action_id="open", list_id="residents", camera_id="", relay_token="gate")
ALARM = AlarmDefinition(definition_id="d1", name="Drive-off", list_id="drive-offs", priority=1)


def ask(event, *, actions=(GATE,), alarms=(ALARM,), lists=None, last_pulses=None, now=NOON) -> Outcome:
    lines = lists if lists is not None else entries("residents", "ABC123") + entries("drive-offs", "BAD666")
    return evaluate(
        event,
        index=MatchIndex(lists=[ALLOW, DENY], entries=lines),
        alarm_definitions=alarms,
        relay_actions=actions,
        last_pulses=last_pulses or {},
        now=now,
        new_id=ids(),
    )


@pytest.mark.requirement("M-007", "M-016")
def test_a_listed_plate_is_matched_and_the_gate_is_told_why_it_opens():
    outcome = ask(recognized())
    (match,) = outcome.matches
    (decision,) = outcome.relays
    assert (match.list_name, match.pattern, match.recognized_id) == ("Residents", "ABC123", "event1")
    assert (decision.camera_id, decision.relay_token) == ("cam1", "gate")
    assert decision.expires_at == NOON + timedelta(seconds=5)
    assert "on the allow list 'Residents' by the entry 'ABC123'" in decision.because
    assert outcome.refusals == ()


@pytest.mark.requirement("M-006")
def test_lists_of_every_kind_can_drive_rules():
    actions = [
        GATE,
        RelayAction(action_id="block", list_id="drive-offs", camera_id="cam9", relay_token="pumps"),
        RelayAction(action_id="sign", list_id=UNLISTED_LIST_ID, camera_id="", relay_token="sign"),
    ]
    assert [one.relay_token for one in ask(recognized("ABC123"), actions=actions).relays] == ["gate"]
    assert [one.relay_token for one in ask(recognized("BAD666"), actions=actions).relays] == ["pumps"]
    assert [one.relay_token for one in ask(recognized("NEW1"), actions=actions).relays] == ["sign"]


def test_deny_beats_allow():
    lists = entries("residents", "ABC123") + entries("drive-offs", "ABC*")
    outcome = ask(recognized(), lists=lists)
    assert outcome.relays == ()
    assert "deny list 'Drive-Offs'" in outcome.refusals[0]


@pytest.mark.parametrize(
    ("changes", "now", "reason"),
    [
        ({"likelihood": 0.69}, NOON, "likelihood 0.69 is below the floor of 0.70"),
        ({"agreeing_reads": 1}, NOON, "only 1 of the 2 required reads"),
        ({"state": PassageState.LOST}, NOON, "picture was lost"),
        ({}, NOON + timedelta(seconds=5), "5.0 s old, later than the deadline of 5.0 s"),
    ],
)
def test_a_gate_stays_shut_for_a_reading_that_is_not_good_enough(changes, now, reason):
    outcome = ask(recognized(**changes), now=now)
    assert outcome.relays == ()
    assert reason in outcome.refusals[0]


def test_a_gate_is_not_pulsed_again_within_its_minimum_interval():
    pulses = {("cam1", "gate"): NOON - timedelta(seconds=4)}
    outcome = ask(recognized(), last_pulses=pulses)
    assert outcome.relays == ()
    assert "pulsed 4.0 s ago" in outcome.refusals[0]
    assert ask(recognized(), last_pulses={("cam1", "gate"): NOON - timedelta(seconds=5)}).relays
    assert ask(recognized(), last_pulses={("cam2", "gate"): NOON}).relays


def test_a_clock_that_was_set_back_does_not_keep_gates_shut():
    assert ask(recognized(), last_pulses={("cam1", "gate"): NOON + timedelta(hours=2)}).relays


def test_two_actions_on_one_relay_pulse_it_once():
    again = RelayAction(action_id="again", list_id="residents", camera_id="cam1", relay_token="gate")
    assert len(ask(recognized(), actions=[GATE, again]).relays) == 1


def test_the_same_passage_asked_twice_gives_the_same_decision():
    first, second = ask(recognized()).relays[0], ask(recognized()).relays[0]
    assert first.decision_id == second.decision_id
    assert ask(recognized(event_id="event2")).relays[0].decision_id != first.decision_id


def test_a_camera_clock_that_runs_ahead_does_not_lengthen_the_deadline():
    ahead = recognized(at=NOON + timedelta(hours=1))
    assert ask(ahead).relays[0].expires_at == NOON + timedelta(seconds=5)


def test_a_disabled_action_or_alarm_does_nothing_and_says_nothing():
    off = RelayAction(action_id="off", list_id="residents", camera_id="", relay_token="gate", enabled=False)
    silent = AlarmDefinition(definition_id="d2", name="x", list_id="residents", enabled=False)
    assert ask(recognized(), actions=[off], alarms=[silent]) == Outcome(matches=ask(recognized()).matches)


@pytest.mark.requirement("M-296", "M-303", "M-304", "M-305", "M-306")
def test_an_alarm_carries_object_tag_and_type():
    (alarm,) = ask(recognized("BAD666")).alarms
    assert (alarm.object, alarm.tag, alarm.type) == ("BAD666", "D", "List match")
    assert (alarm.name, alarm.priority, alarm.list_name) == ("Drive-off", 1, "Drive-Offs")
    assert alarm.frame_picture == "event1-frame.jpg"


@pytest.mark.requirement("M-259", "M-296")
def test_an_alarm_can_be_defined_for_plates_on_no_list():
    unknown = AlarmDefinition(definition_id="d3", name="Guest", list_id=UNLISTED_LIST_ID)
    assert [alarm.name for alarm in ask(recognized("NEW1"), alarms=[unknown]).alarms] == ["Guest"]
    assert ask(recognized("ABC123"), alarms=[unknown]).alarms == ()


def test_a_preview_may_open_the_gate_but_raises_nothing():
    outcome = ask(recognized(state=PassageState.PREVIEW))
    assert (outcome.matches, outcome.alarms) == ((), ())
    assert len(outcome.relays) == 1


@pytest.mark.requirement("M-297", "M-298")
def test_a_system_event_raises_the_alarms_defined_for_it():
    lost = CameraLost(event_id="l1", utc_time=NOON, camera_id="cam1", camera_name="North", detail="no frames")
    definition = AlarmDefinition(definition_id="d4", name="Blind", list_id="", event_kind="CameraLost")
    (alarm,) = evaluate_system(lost, alarm_definitions=[definition, ALARM], new_id=ids()).alarms
    assert (alarm.object, alarm.type, alarm.source_id) == ("North", "LPR camera connection lost", "l1")
    failed = ActionFailed(
        event_id="f1", utc_time=NOON, camera_id="cam1", action="relay gate", decision_id="x", detail="no answer"
    )
    assert evaluate_system(failed, alarm_definitions=[definition], new_id=ids()).alarms == ()


def test_an_alarm_on_a_server_is_about_the_server_and_no_camera():
    lost = ServerLost(event_id="s1", utc_time=NOON, server="north", detail="away")
    definition = AlarmDefinition(definition_id="d5", name="Away", list_id="", event_kind="ServerLost")
    (alarm,) = evaluate_system(lost, alarm_definitions=[definition, ALARM], new_id=ids()).alarms
    assert (alarm.object, alarm.type, alarm.source_id) == ("north", "LPR server not responding", "s1")
    assert (alarm.camera_id, alarm.camera_name) == ("", "")


def test_the_event_says_the_kinds_of_lists_but_not_of_the_unlisted_one():
    listed, unlisted = recognized(), recognized("NEW1")
    assert with_list_kinds(listed, ask(listed)).list_kinds == (ListKind.ALLOW,)
    assert with_list_kinds(unlisted, ask(unlisted)).list_kinds == ()
