"""What runs by the clock. Each job is a plain coroutine that knows nothing of schedulers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from adapter.fleet import Fleet
from adapter.pictures import FOLDERS, Pictures, event_of
from adapter.snapshot_control import UNREVIEWED_KEPT, SnapshotControl
from adapter.store.errors import StoreError
from adapter.store.store import Store
from inference.funnel import Funnel
from inference.snapshots import SnapshotsProblem

log = structlog.get_logger(__name__)

RETENTION_EVERY = timedelta(minutes=10)
# A minute of counts may be lost with the power; an orderly end loses none.
FUNNELS_EVERY = timedelta(minutes=1)
# Who did what is asked for long after the plates are gone.
AUDIT_KEPT = timedelta(days=365)
# A picture without an event is left for this much longer: clocks are set, and an event may wait for the store.
STRAY_KEPT = timedelta(days=1)


async def purge(store: Store, pictures: Pictures, kept: timedelta, undelivered_kept: timedelta, now: datetime) -> int:
    """Forget events older than `kept` with their pictures (M-252, M-253); how many pictures went.

    What an output is still owed stays until it is older than `undelivered_kept`, too.
    """
    if undelivered := await store.outbox.forget(now - max(kept, undelivered_kept)):
        log.warning("forgotten undelivered", deliveries=undelivered)
    files = await store.journal.purge(now - kept)
    await pictures.remove(list(files))
    await store.audit.purge(now - AUDIT_KEPT)
    if files:
        log.info("events purged", pictures=len(files), older_than_h=kept.total_seconds() / 3600)
    return len(files)


async def sweep(store: Store, pictures: Pictures, kept: timedelta, now: datetime) -> int:
    """Remove old pictures whose event was never stored, in one folder a run: in all of them within two days."""
    folder = int(now.timestamp() / RETENTION_EVERY.total_seconds()) % FOLDERS
    old = await pictures.written_before(now - kept - STRAY_KEPT, folder)
    stored = await store.journal.known([event_of(name) for name in old])
    stray = [name for name in old if event_of(name) not in stored]
    await pictures.remove(stray)
    if stray:
        log.info("pictures without an event removed", pictures=len(stray))
    return len(stray)


async def forget_unreviewed(snapshots: SnapshotControl, now: datetime) -> None:
    """Auto-captured snapshots wait a week for a person, not for ever."""
    try:
        forgotten = await snapshots.forget_unreviewed(now - UNREVIEWED_KEPT)
    except SnapshotsProblem as error:
        log.error("snapshots cannot be tidied", error=str(error))
        return
    if forgotten:
        log.info("unreviewed snapshots removed", snapshots=forgotten)


async def settle_funnels(store: Store, funnels: Mapping[str, Funnel], now: datetime) -> None:
    """Count what was matched and delivered, and keep it; to be done before the events that tell it are purged."""
    for camera_id, funnel in funnels.items():
        if hours := funnel.hours:
            funnel.settle(await store.funnels.outcomes(camera_id, hours[0].starts_at))
    await _save(store, funnels, now)


async def save_funnels(store: Store, fleet: Fleet) -> None:
    """Keep what the read funnels of all cameras have counted, for the next start."""
    await _save(store, fleet.funnels, datetime.now(UTC))


async def _save(store: Store, funnels: Mapping[str, Funnel], now: datetime) -> None:
    await store.funnels.save({camera_id: funnel.hours for camera_id, funnel in funnels.items()}, now)


def surviving(name: str, job: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """The job; when the store or the disk fails it, that is logged once until it succeeds again."""
    failed = False

    async def run() -> None:
        nonlocal failed
        try:
            await job()
            failed = False
        except (StoreError, OSError) as error:
            (log.debug if failed else log.error)("job failed", job=name, error=str(error))
            failed = True

    return run


@contextmanager
def schedule(
    *,
    store: Store,
    fleet: Fleet,
    pictures: Pictures,
    snapshots: SnapshotControl,
    retention: timedelta,
    undelivered_kept: timedelta,
) -> Iterator[None]:
    """Run all jobs until the block is left. A run that is still under way is not started a second time."""
    scheduler = AsyncIOScheduler(timezone=UTC)

    async def retention_job() -> None:
        now = datetime.now(UTC)
        await settle_funnels(store, fleet.funnels, now)
        await purge(store, pictures, retention, undelivered_kept, now)
        await sweep(store, pictures, retention, now)
        for camera in fleet.cameras:
            camera.rejects.forget(now - retention)
        await forget_unreviewed(snapshots, now)

    async def funnels_job() -> None:
        await save_funnels(store, fleet)

    def every(period: timedelta, job: Callable[[], Awaitable[None]], name: str) -> None:
        scheduler.add_job(
            surviving(name, job),
            "interval",
            seconds=period.total_seconds(),
            id=name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
        )

    every(RETENTION_EVERY, retention_job, "retention")
    every(FUNNELS_EVERY, funnels_job, "funnels")
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)
