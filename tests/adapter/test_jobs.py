"""What runs by the clock goes on when the store or the disk fails it."""

from __future__ import annotations

from structlog.testing import capture_logs

from adapter.jobs import surviving
from adapter.store.errors import StoreUnavailable


async def test_a_job_that_the_store_fails_is_logged_once_and_goes_on() -> None:
    outcomes = [StoreUnavailable("disk full"), PermissionError("read-only"), None, StoreUnavailable("locked")]
    runs = 0

    async def job() -> None:
        nonlocal runs
        runs += 1
        if error := outcomes[runs - 1]:
            raise error

    surviving_job = surviving("retention", job)
    with capture_logs() as logs:
        for _ in outcomes:
            await surviving_job()
    assert [(one["log_level"], one["error"]) for one in logs] == [
        ("error", "disk full"),
        ("debug", "read-only"),
        ("error", "locked"),
    ]
