"""The fan-out: at once, to everybody, and a slow listener hurts only itself."""

from __future__ import annotations

import asyncio

from events.live import Live
from events.types import Event
from tests.fakes.events import event_id, plate_recognized


async def test_every_listener_gets_every_event_in_order() -> None:
    live = Live()
    with live.subscribe("a") as first, live.subscribe("b") as second:
        for number in range(1, 4):
            live.publish(plate_recognized(number))
        live.close()
        expected = [event_id(number) for number in range(1, 4)]
        assert [event.event_id async for event in first] == expected
        assert [event.event_id async for event in second] == expected


async def test_a_slow_listener_loses_its_own_oldest_events_and_they_are_counted() -> None:
    live = Live()
    with live.subscribe("slow", maxsize=2) as slow, live.subscribe("quick", maxsize=10) as quick:
        for number in range(1, 6):
            live.publish(plate_recognized(number))
        live.close()
        assert [event.event_id async for event in slow] == [event_id(4), event_id(5)]
        assert (slow.dropped, quick.dropped) == (3, 0)


async def test_a_waiting_listener_wakes_up() -> None:
    live = Live()
    with live.subscribe("waiting") as listener:
        waiting = asyncio.create_task(anext(listener))
        await asyncio.sleep(0)
        live.publish(plate_recognized(1))
        assert (await waiting).event_id == event_id(1)


async def test_a_listener_that_left_is_forgotten() -> None:
    live = Live()
    with live.subscribe("short"):
        assert len(live.listeners) == 1
    assert live.listeners == ()


def test_a_callback_is_called_before_publish_returns() -> None:
    live = Live()
    heard: list[Event] = []
    live.attach(heard.append)
    live.publish(plate_recognized(1))
    assert [event.event_id for event in heard] == [event_id(1)]
