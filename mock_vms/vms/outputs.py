"""Virtual outputs: a gate, a lamp, a siren that others switch over HTTP, and the relays that devices report.

A pulse is stored with its end, so an output that was active when the process died falls back when it starts again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from mock_vms.vms.database import Database
from mock_vms.vms.types import RelayReport, clip, from_text, to_text

LONGEST_PULSE_S = 3600.0
MAX_OUTPUTS = 200  # whoever makes up names must not fill the page
HISTORY_SHOWN = 20
HISTORY_KEPT = 1000


class Outputs:
    """States and history. Methods that write block shortly and may be called from any thread."""

    def __init__(self, *, database: Database, changed: Callable[[], None]) -> None:
        self._database = database
        self._changed = changed
        """Told from the event loop when a pulse ends."""
        self._wake = asyncio.Event()

    def switch(
        self, name: str, *, active: bool, because: str, now: datetime, pulse_s: float | None = None
    ) -> dict[str, Any]:
        """Set a virtual output; with `pulse_s` it falls back by itself. ValueError when something is out of range."""
        label = clip(name)
        if not label:
            raise ValueError("an output needs a name")
        if pulse_s is not None and not 0 < pulse_s <= LONGEST_PULSE_S:
            raise ValueError(f"pulse_s must be above 0 and at most {LONGEST_PULSE_S:g} seconds, not {pulse_s}")
        until = now + timedelta(seconds=pulse_s) if pulse_s is not None and active else None
        output_id = f"virtual/{label}"
        with self._database.transaction() as connection:
            count = connection.execute("SELECT count(*) AS n FROM outputs WHERE output_id <> ?", (output_id,))
            if count.fetchone()["n"] >= MAX_OUTPUTS:
                raise ValueError(f"there are already {MAX_OUTPUTS} outputs; use one of them")
            self._write(connection, (output_id, label, "virtual"), active=active, now=now, until=until, because=because)
        return {"name": label, "state": _word(active), "until": to_text(until) if until else None}

    def relay(self, device_id: str, report: RelayReport) -> None:
        """A device reports a relay. Older news than what is known, and no news, change nothing."""
        output_id = f"{device_id}/{report.relay_token}"
        with self._database.transaction() as connection:
            known = connection.execute("SELECT * FROM outputs WHERE output_id = ?", (output_id,)).fetchone()
            if known and (known["state"] == _word(report.active) or from_text(known["changed_at"]) > report.utc_time):
                return
            count = connection.execute("SELECT count(*) AS n FROM outputs").fetchone()
            if not known and count["n"] >= MAX_OUTPUTS:
                return
            self._write(
                connection,
                (output_id, report.relay_token, device_id),
                active=report.active,
                now=report.utc_time,
                until=None,
                because="reported by the device",
            )

    def all(self) -> list[dict[str, Any]]:
        """Every output with its state and its newest changes."""
        outputs = self._database.rows("SELECT * FROM outputs ORDER BY origin = 'virtual' DESC, output_id")
        for output in outputs:
            output["history"] = self._database.rows(
                "SELECT state, at, because FROM output_history WHERE output_id = ? ORDER BY number DESC LIMIT ?",
                (output["output_id"], HISTORY_SHOWN),
            )
        return outputs

    def wake(self) -> None:
        """A pulse may have begun. From the event loop only."""
        self._wake.set()

    async def run(self) -> None:
        """End pulses when their time has come, until cancelled."""
        while True:
            self._wake.clear()
            ended, idle_s = await asyncio.to_thread(self._end_pulses, datetime.now(UTC))
            if ended:
                self._changed()
            try:
                async with asyncio.timeout(idle_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _end_pulses(self, now: datetime) -> tuple[int, float | None]:
        with self._database.transaction() as connection:
            due = connection.execute("SELECT * FROM outputs WHERE until <= ?", (to_text(now),)).fetchall()
            for row in due:
                output = (row["output_id"], row["label"], row["origin"])
                self._write(connection, output, active=False, now=now, until=None, because="the pulse ended")
            row = connection.execute("SELECT min(until) AS until FROM outputs").fetchone()
        if row["until"] is None:
            return len(due), None
        return len(due), max(0.01, (from_text(row["until"]) - datetime.now(UTC)).total_seconds())

    def _write(
        self,
        connection: sqlite3.Connection,
        output: tuple[str, str, str],
        *,
        active: bool,
        now: datetime,
        until: datetime | None,
        because: str,
    ) -> None:
        moment = to_text(now)
        connection.execute(
            "INSERT INTO outputs VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state, "
            "changed_at = excluded.changed_at, until = excluded.until",
            (*output, _word(active), moment, to_text(until) if until else None),
        )
        connection.execute(
            "INSERT INTO output_history (output_id, state, at, because) VALUES (?, ?, ?, ?)",
            (output[0], _word(active), moment, clip(because)),
        )
        connection.execute(
            "DELETE FROM output_history WHERE output_id = ?1 AND number <= (SELECT number FROM output_history "
            "WHERE output_id = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
            (output[0], HISTORY_KEPT),
        )


def _word(active: bool) -> str:
    return "active" if active else "inactive"
