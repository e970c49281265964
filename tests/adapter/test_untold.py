"""Passages and presences that the store does not take are told when it takes them again."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from adapter.api.ports import CameraState
from adapter.camera_presence import CameraPresence
from adapter.store.errors import StoreUnavailable
from adapter.untold import AGAIN_AFTER_S, MOST_KEPT, Untold
from events.types import CameraLost, CameraRestored

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


class Store:
    """Takes what it is told, unless it is down."""

    def __init__(self) -> None:
        self.down = False
        self.told: list[str] = []
        self.asked = 0
        self.now_s = 0.0

    async def tell(self, event_id: str, passage: Any) -> None:
        self.asked += 1
        if self.down:
            raise StoreUnavailable("no space left on the disk")
        self.told.append(event_id)

    async def system(self, event: CameraLost | CameraRestored) -> None:
        await self.tell(type(event).__name__, event)


def passage(number: int) -> Any:
    return SimpleNamespace(plate=SimpleNamespace(plate_number=f"AB{number:03}"), state="final")


async def told(untold: Untold, *numbers: int) -> None:
    for number in numbers:
        await untold.tell(str(number), passage(number))


async def test_what_the_store_did_not_take_is_told_in_its_order() -> None:
    store = Store()
    untold = Untold(store.tell, clock=lambda: store.now_s)
    await told(untold, 1)
    store.down = True
    await told(untold, 2, 3)
    assert (store.told, store.asked) == (["1"], 2), "a store that just failed is not waited for again"
    store.down = False
    await told(untold, 4)
    assert store.told == ["1"]
    store.now_s += AGAIN_AFTER_S
    await untold.again()
    assert store.told == ["1", "2", "3", "4"]
    await told(untold, 5)
    assert store.told[-1] == "5"


async def test_no_more_than_the_memory_has_room_for_is_kept_and_the_newest_are() -> None:
    store = Store()
    store.down = True
    untold = Untold(store.tell, clock=lambda: store.now_s)
    await told(untold, *range(MOST_KEPT + 3))
    store.down, store.now_s = False, AGAIN_AFTER_S
    await untold.again()
    assert store.told == [str(number) for number in range(3, MOST_KEPT + 3)]


async def test_a_camera_that_is_started_again_goes_on_with_what_could_not_be_told() -> None:
    store = Store()
    store.down = True
    before, after = (Untold(store.tell, clock=lambda: store.now_s) for _ in range(2))
    await told(before, 1, 2)
    after.take_over(before)
    store.down = False
    await told(after, 3)
    assert store.told == ["1", "2", "3"]


async def test_an_error_that_is_not_the_store_s_is_not_hidden() -> None:
    async def broken(event_id: str, passage: Any) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        await Untold(broken).tell("1", passage(1))


async def test_a_loss_that_could_not_be_stored_is_told_later() -> None:
    store, times = Store(), deque([NOON, *(NOON + timedelta(seconds=60 + at) for at in range(9))])
    presence = CameraPresence(pipeline=store, lost_after=timedelta(seconds=30), clock=times.popleft)  # type: ignore[arg-type]
    store.down = True
    with pytest.raises(StoreUnavailable):
        await presence.away("c1", "Gate", why="no picture")
    assert presence.state is CameraState.CONNECTING
    store.down = False
    await presence.away("c1", "Gate", why="no picture")
    await presence.away("c1", "Gate", why="no picture")
    assert (store.told, presence.state) == (["CameraLost"], CameraState.LOST)
    store.down = True
    with pytest.raises(StoreUnavailable):
        await presence.running("c1", "Gate")
    store.down = False
    await presence.running("c1", "Gate")
    await presence.running("c1", "Gate")
    assert store.told == ["CameraLost", "CameraRestored"]
