"""What runs by the clock. Each job is a plain coroutine that knows nothing of schedulers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from adapter.pictures import Pictures
from adapter.store.store import Store

log = structlog.get_logger(__name__)

RETENTION_EVERY = timedelta(minutes=10)
# Who did what is asked for long after the plates are gone.
AUDIT_KEPT = timedelta(days=365)


async def purge(store: Store, pictures: Pictures, kept: timedelta, now: datetime) -> int:
    """Forget events older than `kept` with their pictures (M-252, M-253); how many pictures went."""
    files = await store.journal.purge(now - kept)
    await pictures.remove(list(files))
    await store.audit.purge(now - AUDIT_KEPT)
    if files:
        log.info("events purged", pictures=len(files), older_than_h=kept.total_seconds() / 3600)
    return len(files)


@contextmanager
def schedule(*, store: Store, pictures: Pictures, retention: timedelta) -> Iterator[None]:
    """Run all jobs until the block is left. A run that is still under way is not started a second time."""
    scheduler = AsyncIOScheduler(timezone=UTC)

    async def retention_job() -> None:
        await purge(store, pictures, retention, datetime.now(UTC))

    scheduler.add_job(
        retention_job,
        "interval",
        seconds=RETENTION_EVERY.total_seconds(),
        id="retention",
        max_instances=1,
        coalesce=True,
        misfire_grace_time=None,
    )
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)
