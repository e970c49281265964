"""What was received, as the page and the REST interface show it. Read only."""

from __future__ import annotations

from typing import Any

from mock_vms.vms.database import Database

# A page or an answer never holds more rows than this; whoever wants older ones asks with `before`.
MAX_ROWS = 10_000
# What the Type column says when the sender says nothing.
TYPES_SHOWN = {"PlateRecognized": "License plate", "ListMatched": "List match", "AlarmRaised": "Alarm"}
_COLUMNS = """
e.number, e.event_id, e.type, e.object, e.tag, e.alarm_type, e.name, e.list_name, e.camera_name, e.video_source,
e.priority, e.likelihood, e.source_id, e.utc_time, e.received_at
"""
_ALARM_COLUMNS = f"{_COLUMNS}, a.state, a.acknowledged_at, a.closed_at"
# The same plate at the same place and instant under two ids: a duplicate that the event id did not reveal.
_LOOKALIKES = """
SELECT coalesce(sum(n - 1), 0) AS n FROM (
    SELECT count(*) AS n FROM alarms a JOIN events e USING (event_id) WHERE a.superseded_by IS NULL
    GROUP BY e.object, e.utc_time, e.type, e.name, e.list_name, coalesce(nullif(e.video_source, ''), e.camera_name)
)
"""


class Reports:
    """Queries over the journal. Methods block shortly; call them in a thread from the event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def alarms(
        self, *, limit: int = 100, before: int | None = None, event_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Alarm rows, newest first. `before` is the `number` of the last row of the page before."""
        rows = self._database.rows(
            f"SELECT {_ALARM_COLUMNS} FROM alarms a JOIN events e USING (event_id) WHERE a.superseded_by IS NULL "  # noqa: S608  # constants
            "AND (:event_id IS NULL OR e.event_id = :event_id) AND (:before IS NULL OR e.number < :before) "
            "ORDER BY e.number DESC LIMIT :limit",
            {"event_id": event_id, "before": before, "limit": min(limit, MAX_ROWS)},
        )
        return self._with_details(rows)

    def events(
        self, *, limit: int = 100, before: int | None = None, event_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Everything received, alarm or not, newest first."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM events e WHERE (:event_id IS NULL OR e.event_id = :event_id) "  # noqa: S608  # constants
            "AND (:before IS NULL OR e.number < :before) ORDER BY e.number DESC LIMIT :limit",
            {"event_id": event_id, "before": before, "limit": min(limit, MAX_ROWS)},
        )
        return self._with_details(rows)

    def counts(self) -> dict[str, Any]:
        """How much came, by id: `unique` ids, `received` messages, and the duplicates among them."""
        channels = {
            row["channel"]: {
                "received": row["received"],
                "unique": row["ids"],
                "duplicates": row["received"] - row["ids"],
            }
            for row in self._database.rows(
                "SELECT channel, sum(count) AS received, count(*) AS ids FROM receipts GROUP BY channel"
            )
        }
        types = self._database.rows("SELECT type, count(*) AS n FROM events GROUP BY type ORDER BY type")
        states = self._database.rows(
            "SELECT state, count(*) AS n FROM alarms WHERE superseded_by IS NULL GROUP BY state ORDER BY state"
        )
        unique = self._number("SELECT count(DISTINCT event_id) AS n FROM receipts")
        received = sum(channel["received"] for channel in channels.values())
        return {
            "received": received,
            "unique": unique,
            "on_both_channels": sum(channel["unique"] for channel in channels.values()) - unique,
            "duplicates": sum(channel["duplicates"] for channel in channels.values()),
            "duplicates_shown": self._number(_LOOKALIKES),
            "alarms": sum(row["n"] for row in states),
            "channels": channels,
            "types": {row["type"]: row["n"] for row in types},
            "alarm_states": {row["state"]: row["n"] for row in states},
        }

    def _with_details(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Add to each row which channels brought it and which pictures there are."""
        by_id = {
            row["event_id"]: row
            | {
                "alarm_type": row["alarm_type"] or TYPES_SHOWN.get(row["type"], row["type"]),
                "channels": {},
                "pictures": {},
            }
            for row in rows
        }
        span = {"low": min((r["number"] for r in rows), default=0), "high": max((r["number"] for r in rows), default=0)}
        for receipt in self._database.rows(
            "SELECT r.* FROM receipts r JOIN events e USING (event_id) WHERE e.number BETWEEN :low AND :high", span
        ):
            if row := by_id.get(receipt["event_id"]):
                row["channels"][receipt["channel"]] = {
                    "origin": receipt["origin"],
                    "first_at": receipt["first_at"],
                    "duplicates": receipt["count"] - 1,
                }
        for picture in self._database.rows(
            "SELECT p.* FROM pictures p JOIN events e USING (event_id) WHERE e.number BETWEEN :low AND :high", span
        ):
            if row := by_id.get(picture["event_id"]):
                row["pictures"][picture["kind"]] = {"state": picture["state"], "error": picture["error"]}
        return list(by_id.values())

    def _number(self, query: str) -> int:
        return int(self._database.rows(query)[0]["n"])
