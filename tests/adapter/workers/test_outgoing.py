"""What a worker keeps while nobody listens: in order, bounded, finals last to go."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from adapter.workers.messages import Beat, Counted, Told
from adapter.workers.outgoing import Outgoing
from inference.funnel import FunnelHour
from inference.types import Box, Direction, LicensePlate, PassageState, StageTimes

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
FINAL, PREVIEW = PassageState.FINAL, PassageState.PREVIEW


def told(passage_id: str, state: PassageState = FINAL, *, picture: bytes = b"") -> Told:
    return Told(
        camera_id="gate",
        passage_id=passage_id,
        state=state,
        object_id=1,
        plate=LicensePlate(plate_number="43HNN2"),
        likelihood=0.9,
        country_likelihood=0.9,
        characters=(),
        module_code=None,
        direction=Direction.ANY,
        started_at=NOON,
        ended_at=NOON,
        read_at=NOON,
        read_count=3,
        agreeing_reads=3,
        box=Box(x=1, y=1, width=10, height=3),
        frame_jpeg=picture,
        plate_png=b"",
        stages=StageTimes(),
    )


def counted() -> Counted:
    return Counted(camera_id="gate", hours=(FunnelHour(NOON),))


async def all_of(outgoing: Outgoing) -> list[object]:
    """What is to be said now, in order."""
    said = []
    try:
        while True:
            async with asyncio.timeout(0.05):
                said.append(await outgoing.next())
    except TimeoutError:
        return said


def names(said: list[object]) -> list[str]:
    return [one.passage_id if isinstance(one, Told) else one.kind for one in said]


async def test_what_was_not_acknowledged_is_said_again_on_the_next_link_with_the_same_number() -> None:
    outgoing = Outgoing()
    for name in ("a", "b", "c"):
        outgoing.keep(told(name))
    first = await all_of(outgoing)
    assert await all_of(outgoing) == []
    outgoing.heard(1)
    outgoing.begin()
    again = await all_of(outgoing)
    assert names(again) == ["b", "c"]
    assert [one.number for one in again] == [one.number for one in first[1:]]
    outgoing.heard(3)
    await asyncio.wait_for(outgoing.empty(), 1)


async def test_only_the_newest_of_what_is_shown_is_said_and_none_of_it_after_a_break() -> None:
    outgoing = Outgoing()
    for percent in (1, 2, 3):
        outgoing.show("beat", Beat(cpu_percent=percent, memory_available_mb=100))
    (beat,) = await all_of(outgoing)
    assert beat.cpu_percent == 3
    outgoing.show("beat", Beat(cpu_percent=4, memory_available_mb=100))
    outgoing.begin()
    assert await all_of(outgoing) == []


async def test_a_full_queue_loses_previews_first_then_counts_then_the_oldest_final(
    capsys: pytest.CaptureFixture[str],
) -> None:
    outgoing = Outgoing(most=3)
    for message in (told("old"), told("seen", PREVIEW), counted(), told("new"), told("newer")):
        outgoing.keep(message)
    outgoing.begin()
    assert names(await all_of(outgoing)) == ["old", "new", "newer"]
    assert "'preview': 1" in capsys.readouterr().out
    outgoing.keep(told("newest"))
    outgoing.begin()
    assert names(await all_of(outgoing)) == ["new", "newer", "newest"]


async def test_a_queue_is_full_by_its_bytes_as_well() -> None:
    outgoing = Outgoing(most_bytes=2500)
    for name in ("a", "b", "c"):
        outgoing.keep(told(name, picture=bytes(1000)))
    assert names(await all_of(outgoing)) == ["b", "c"]


async def test_a_passage_says_how_long_it_waited() -> None:
    now = [100.0]
    outgoing = Outgoing(clock=lambda: now[0])
    outgoing.keep(told("a"))
    now[0] = 142.0
    (late,) = await all_of(outgoing)
    assert late.waited_s == 42
