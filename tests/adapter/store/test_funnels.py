"""The hours of the read funnel outlive a restart, and stored events tell what became of the passages."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from adapter.jobs import purge, settle_funnels
from adapter.pictures import Pictures
from adapter.store.cameras import CameraRecord
from adapter.store.outputs import OutputRecord
from adapter.store.store import Store
from events.types import ListKind, ListMatched
from inference.funnel import Funnel, FunnelHour, Outcomes
from inference.types import RejectionReason
from rules.types import UNLISTED_LIST_ID, Outcome
from tests.adapter.store.conftest import CHEAP
from tests.rules.examples import NOON, recognized

HOUR = timedelta(hours=1)


def hour(starts_at=NOON, **changes) -> FunnelHour:
    return FunnelHour(starts_at=starts_at, frames=900, analysed=80, busy_ms=2000.25, told=3, delay_ms=4200.5, **changes)


def matched(event, list_id: str) -> ListMatched:
    return ListMatched(
        event_id=f"{event.event_id}-{list_id}",
        utc_time=event.utc_time,
        recognized_id=event.event_id,
        camera_id=event.camera_id,
        camera_name=event.camera_name,
        plate=event.plate,
        likelihood=event.likelihood,
        list_id=list_id,
        list_name=list_id,
        list_kind=ListKind.ALLOW,
        pattern="ABC*",
    )


async def pass_by(store: Store, event_id: str, *lists: str, at=NOON, camera_id: str = "cam1") -> None:
    event = recognized(event_id=event_id, at=at, camera_id=camera_id)
    outcome = Outcome(matches=tuple(matched(event, list_id) for list_id in lists))
    assert await store.journal.commit(event, outcome, now=at)


async def deliver(store: Store, output_id: str) -> None:
    for delivery in await store.outbox.due(output_id, NOON + 48 * HOUR, 100):
        await store.outbox.delivered(delivery.delivery_id, NOON)


async def add_output(store: Store, output_id: str, *event_kinds: str) -> None:
    await store.outputs.save(
        OutputRecord(output_id=output_id, name=output_id, url="", event_kinds=event_kinds, created_at=NOON)
    )


async def test_hours_come_back_as_they_were_when_the_store_is_opened_again(tmp_path):
    first = hour(matched=3, delivered=2, rejected=Counter({RejectionReason.TOO_SMALL: 4, RejectionReason.CUT: 1}))
    second = hour(NOON + HOUR)
    async with Store.in_folder(tmp_path, hasher=CHEAP) as store:
        await store.funnels.save({"cam1": [second, first], "cam2": [first]}, NOON + HOUR)
    async with Store.in_folder(tmp_path, hasher=CHEAP) as store:
        assert await store.funnels.load("cam1") == [first, second]
        assert await store.funnels.load("cam2") == [first]
        assert await store.funnels.load("cam3") == []


async def test_an_hour_that_goes_on_is_kept_as_it_stands_now(store):
    one = hour()
    for frames in (900, 901, 901):
        one.frames = frames
        await store.funnels.save({"cam1": [one]}, NOON)
    assert await store.funnels.load("cam1") == [one]


async def test_hours_are_forgotten_after_two_days_and_not_kept_again(store):
    old, new = hour(), hour(NOON + HOUR)
    await store.funnels.save({"cam1": [old, new]}, NOON + 48 * HOUR)
    assert await store.funnels.load("cam1") == [old, new]
    await store.funnels.save({"cam1": [old, new]}, NOON + 49 * HOUR)
    assert await store.funnels.load("cam1") == [new]


async def test_hours_that_were_counted_while_the_clock_ran_ahead_are_not_kept(store):
    ahead = hour(NOON.replace(year=2030))
    await store.funnels.save({"cam1": [ahead]}, NOON.replace(year=2030))
    await store.funnels.save({"cam1": [hour(), ahead]}, NOON)
    assert await store.funnels.load("cam1") == [hour()]


async def test_a_removed_camera_takes_its_hours_along(store):
    await store.cameras.add(
        CameraRecord(camera_id="cam1", name="North", address="rtsp://192.0.2.7/", user="", created_at=NOON)
    )
    await store.funnels.save({"cam1": [hour()], "cam2": [hour()]}, NOON)
    await store.cameras.remove("cam1")
    assert await store.funnels.load("cam1") == []
    assert await store.funnels.load("cam2") == [hour()]


async def test_a_passage_counts_as_matched_once_and_never_for_the_unlisted_list(store):
    await pass_by(store, "e1", "staff", "guests")
    await pass_by(store, "e2", UNLISTED_LIST_ID)
    await pass_by(store, "e3", "staff", at=NOON + HOUR)
    await pass_by(store, "e4", "staff", camera_id="cam2")
    await pass_by(store, "e5", "staff", at=NOON - HOUR)
    assert await store.funnels.outcomes("cam1", NOON) == {
        NOON: Outcomes(matched=1),
        NOON + HOUR: Outcomes(matched=1),
    }


async def test_the_outcomes_of_all_cameras_are_told_together(store):
    await pass_by(store, "e1", "staff")
    await pass_by(store, "e2", camera_id="cam2", at=NOON + HOUR)
    await pass_by(store, "e3", "staff", at=NOON - HOUR)
    assert await store.funnels.all_outcomes(NOON) == {
        "cam1": {NOON: Outcomes(matched=1)},
        "cam2": {NOON + HOUR: Outcomes()},
    }


async def test_a_passage_counts_as_delivered_when_an_output_has_confirmed_any_of_its_events(store):
    await add_output(store, "all")
    await add_output(store, "matches", "ListMatched")
    await pass_by(store, "e1", "staff", "guests")
    await pass_by(store, "e2", at=NOON + HOUR / 2)
    assert await store.funnels.outcomes("cam1", NOON) == {NOON: Outcomes(matched=1)}
    await deliver(store, "matches")
    assert await store.funnels.outcomes("cam1", NOON) == {NOON: Outcomes(matched=1, delivered=1)}
    await deliver(store, "all")
    assert await store.funnels.outcomes("cam1", NOON) == {NOON: Outcomes(matched=1, delivered=2)}


async def test_what_was_matched_stays_counted_when_its_events_are_purged(store, tmp_path):
    funnel = Funnel()
    funnel.count(NOON, "accepted")
    await pass_by(store, "e1", "staff")
    tomorrow = NOON + 25 * HOUR
    await settle_funnels(store, {"cam1": funnel}, tomorrow)
    await purge(store, Pictures(folder=tmp_path), 24 * HOUR, 24 * HOUR, tomorrow)
    assert await store.funnels.outcomes("cam1", NOON) == {}
    await settle_funnels(store, {"cam1": funnel}, tomorrow)
    assert [one.matched for one in funnel.hours] == [1]
    assert [one.matched for one in await store.funnels.load("cam1")] == [1]
