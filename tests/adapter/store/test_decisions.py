"""A relay is pulsed at most once per decision, in time, and never because a process restarted."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from adapter.store.decisions import DecisionState
from rules.types import Outcome, RelayDecision
from tests.rules.examples import NOON, recognized

LATER = NOON + timedelta(seconds=4)
TOO_LATE = NOON + timedelta(seconds=5)


@pytest.fixture
async def decided(store):
    decision = RelayDecision(
        decision_id="d1",
        action_id="a1",
        camera_id="cam1",
        relay_token="gate",
        pulse=timedelta(seconds=2),
        expires_at=TOO_LATE,
        because="it is listed",
    )
    await store.journal.commit(recognized(), Outcome(relays=(decision,)), now=NOON)
    return store.decisions


async def test_only_one_of_many_claims_wins(decided):
    claims = await asyncio.gather(*(decided.claim("d1", LATER) for _ in range(10)))
    assert sorted(claims) == [False] * 9 + [True]


async def test_an_expired_decision_cannot_be_claimed(decided):
    assert not await decided.claim("d1", TOO_LATE)


async def test_a_refused_decision_is_never_claimed_and_is_nothing_that_a_new_start_finds(decided):
    assert await decided.refuse("d1", LATER, "the camera was not connected")
    (stored,) = await decided.of_event("event1")
    assert (stored.state, stored.detail) == (DecisionState.FAILED, "the camera was not connected")
    assert not await decided.claim("d1", LATER)
    assert await decided.abandon_unfinished(LATER) == []


async def test_a_claimed_decision_is_not_refused(decided):
    await decided.claim("d1", LATER)
    assert not await decided.refuse("d1", LATER, "too late")
    assert (await decided.of_event("event1"))[0].state is DecisionState.CLAIMED


async def test_an_unknown_decision_cannot_be_claimed(decided):
    assert not await decided.claim("d2", LATER)


async def test_a_finished_decision_says_how_it_ended(decided):
    await decided.claim("d1", LATER)
    assert await decided.finish("d1", LATER, error="the camera did not answer")
    (stored,) = await decided.of_event("event1")
    assert stored.state is DecisionState.FAILED
    assert stored.detail == "the camera did not answer"
    assert not await decided.finish("d1", LATER)


async def test_a_new_start_fails_what_was_left_pending_or_claimed(decided):
    await decided.claim("d1", LATER)

    (abandoned,) = await decided.abandon_unfinished(LATER)

    assert abandoned.state is DecisionState.LEFT_ACTIVE
    assert not await decided.claim("d1", LATER)
    assert await decided.abandon_unfinished(LATER) == []
    assert await decided.left_active() == [abandoned]


async def test_a_decision_that_was_not_claimed_leaves_no_relay_active(decided):
    (abandoned,) = await decided.abandon_unfinished(LATER)
    assert abandoned.state is DecisionState.FAILED
    assert await decided.left_active() == []


async def test_a_relay_that_was_let_go_is_no_longer_left_active(decided):
    await decided.claim("d1", LATER)
    await decided.abandon_unfinished(LATER)
    await decided.let_go(("cam1", "other"))
    assert len(await decided.left_active()) == 1
    await decided.let_go(("cam1", "gate"))
    assert await decided.left_active() == []
    assert await decided.last_pulses(NOON) == {}


async def test_last_pulses_count_promises_and_pulses_but_not_failures(decided):
    assert await decided.last_pulses(NOON) == {("cam1", "gate"): NOON}
    await decided.claim("d1", LATER)
    assert await decided.last_pulses(NOON) == {("cam1", "gate"): LATER}
    await decided.finish("d1", LATER, error="no answer")
    assert await decided.last_pulses(NOON) == {}
