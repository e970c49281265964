"""What was received: every event once, however often and by however many channels it comes.

The key is the event id. A repeat is counted, never shown again, and may fill in what the first channel left out (a
pull point knows no camera name, a webhook does). `record` is one transaction: after it returns nothing is forgotten.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from mock_vms.vms.database import Database
from mock_vms.vms.errors import NoSuchThing
from mock_vms.vms.types import (
    AlarmState,
    Change,
    ChangeKind,
    Channel,
    DeviceAccount,
    PictureKind,
    Received,
    from_text,
    to_text,
)

FILLED_IN = ("object", "tag", "alarm_type", "name", "list_name", "camera_name", "video_source", "source_id")
# One vehicle, one row: an alarm takes the place of the list match it follows from. The match is named by its id, or
# both follow from the same recognition and name the same list.
_LINKS = """
SELECT m.event_id AS match_id, r.event_id AS alarm_id
FROM events m JOIN alarms a ON a.event_id = m.event_id AND a.superseded_by IS NULL
JOIN events r ON r.type = 'AlarmRaised' AND r.source_id <> ''
  AND (r.source_id = m.event_id OR (r.source_id = m.source_id AND r.list_name = m.list_name))
WHERE m.type = 'ListMatched' AND
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmDefinitions:
    """Which events this VMS makes alarms of, as an operator would define it in any VMS.

    A match on the list of everybody who is on no list is not an alarm by itself; when somebody defined one, the sender
    raises it as AlarmRaised.
    """

    types: frozenset[str] = frozenset({"AlarmRaised", "ListMatched"})
    unlisted_names: frozenset[str] = frozenset({"unlisted license plates", "unlisted"})

    def covers(self, event: Received) -> bool:
        if event.type == "ListMatched" and event.list_name.lower() in self.unlisted_names:
            return False
        return event.type in self.types


class Journal:
    """Writes what the channels deliver. Every method is one transaction and may be called from any thread."""

    def __init__(self, *, database: Database, definitions: AlarmDefinitions) -> None:
        self._database = database
        self._definitions = definitions

    def record(
        self,
        events: Sequence[Received],
        *,
        channel: Channel,
        origin: str,
        now: datetime,
        message_id: str | None = None,
        seen_until: datetime | None = None,
    ) -> list[Change]:
        """Store a batch. `message_id` makes a webhook idempotent, `seen_until` moves a device's Seek mark forward."""
        changes: list[Change] = []
        with self._database.transaction() as connection:
            if message_id is not None and not self._first(connection, origin, message_id, events, now):
                return [Change(kind=ChangeKind.DUPLICATE, event_id=event.event_id) for event in events]
            for event in events:
                changes += self._store(connection, event, channel=channel, origin=origin, now=now)
            if seen_until is not None:
                connection.execute(
                    "UPDATE devices SET seen_until = max(coalesce(seen_until, ''), ?) WHERE device_id = ?",
                    (to_text(seen_until), origin),
                )
        return changes

    def acknowledge(self, event_id: str, now: datetime) -> None:
        """An operator has seen the alarm. A closed alarm stays closed. NoSuchThing when there is no such alarm."""
        self._change_state(
            event_id,
            "UPDATE alarms SET acknowledged_at = coalesce(acknowledged_at, ?), "
            "state = CASE state WHEN 'new' THEN 'acknowledged' ELSE state END WHERE event_id = ?",
            now,
        )

    def close_alarm(self, event_id: str, now: datetime) -> None:
        """The alarm is done. NoSuchThing when there is no such alarm."""
        self._change_state(
            event_id,
            "UPDATE alarms SET closed_at = coalesce(closed_at, ?), state = 'closed' WHERE event_id = ?",
            now,
        )

    def devices(self) -> list[DeviceAccount]:
        """The devices that were added, oldest first."""
        return [
            DeviceAccount(
                device_id=row["device_id"],
                address=row["address"],
                user=row["user"],
                password=row["password"],
                added_at=from_text(row["added_at"]),
                seen_until=from_text(row["seen_until"]) if row["seen_until"] else None,
            )
            for row in self._database.rows("SELECT * FROM devices ORDER BY added_at, device_id")
        ]

    def add_device(self, account: DeviceAccount) -> None:
        """Remember a device, or its new account; what was seen of it stays known."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO devices (device_id, address, user, password, added_at) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET address = excluded.address, user = excluded.user, "
                "password = excluded.password",
                (account.device_id, account.address, account.user, account.password, to_text(account.added_at)),
            )

    def remove_device(self, device_id: str) -> None:
        with self._database.transaction() as connection:
            if not connection.execute("DELETE FROM devices WHERE device_id = ?", (device_id,)).rowcount:
                raise NoSuchThing(f"There is no device {device_id!r}.")

    def picture_kept(self, event_id: str, kind: PictureKind, file: str) -> None:
        """A picture that came inside its event is in the pictures folder."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO pictures VALUES (?, ?, '', '', 'stored', 0, 0, ?, NULL) "
                "ON CONFLICT DO UPDATE SET state = 'stored', file = excluded.file, error = NULL",
                (event_id, kind, file),
            )

    def forget_before(self, moment: datetime) -> list[str]:
        """Retention: drop what was received before `moment`; gives the picture files that nobody needs any more."""
        limit = to_text(moment)
        with self._database.transaction() as connection:
            files = connection.execute(
                "SELECT file FROM pictures JOIN events USING (event_id) WHERE received_at < ? AND file IS NOT NULL",
                (limit,),
            ).fetchall()
            connection.execute("DELETE FROM events WHERE received_at < ?", (limit,))
            connection.execute("DELETE FROM receipts WHERE last_at < ?", (limit,))
            connection.execute("DELETE FROM messages WHERE first_at < ?", (limit,))
            connection.execute("DELETE FROM output_history WHERE at < ?", (limit,))
        return [str(row["file"]) for row in files]

    def secret(self, name: str, fresh: str) -> str:
        """A secret that was made up once and stays the same over restarts: `fresh` when there is none yet."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?)", (name, fresh))
            row = connection.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()
        return str(row["value"])

    def _first(
        self, connection: sqlite3.Connection, origin: str, message_id: str, events: Iterable[Received], now: datetime
    ) -> bool:
        """Whether this webhook id is new. A repeat counts against the event that the id stood for."""
        row = connection.execute(
            "UPDATE messages SET count = count + 1 WHERE origin = ? AND message_id = ? RETURNING event_id",
            (origin, message_id),
        ).fetchone()
        if row is None:
            event_id = ",".join(event.event_id for event in events)
            connection.execute(
                "INSERT INTO messages VALUES (?, ?, ?, ?, 1)", (origin, message_id, event_id, to_text(now))
            )
            return True
        connection.execute(
            "UPDATE receipts SET count = count + 1, last_at = ? WHERE event_id = ? AND channel = ?",
            (to_text(now), row["event_id"], Channel.WEBHOOK),
        )
        return False

    def _store(
        self, connection: sqlite3.Connection, event: Received, *, channel: Channel, origin: str, now: datetime
    ) -> list[Change]:
        moment = to_text(now)
        connection.execute(
            "INSERT INTO receipts VALUES (?, ?, ?, ?, ?, 1) "
            "ON CONFLICT DO UPDATE SET count = count + 1, last_at = excluded.last_at",
            (event.event_id, channel, origin, moment, moment),
        )
        fields = {name: getattr(event, name) for name in FILLED_IN}
        new = connection.execute(
            "INSERT INTO events (event_id, type, object, tag, alarm_type, name, list_name, camera_name, video_source, "
            "priority, likelihood, source_id, utc_time, received_at) VALUES (:event_id, :type, :object, :tag, "
            ":alarm_type, :name, :list_name, :camera_name, :video_source, :priority, :likelihood, :source_id, "
            ":utc_time, :received_at) ON CONFLICT DO NOTHING",
            fields
            | {
                "event_id": event.event_id,
                "type": event.type,
                "priority": event.priority,
                "likelihood": event.likelihood,
                "utc_time": to_text(event.utc_time),
                "received_at": moment,
            },
        ).rowcount
        self._want_pictures(connection, event, origin)
        if new:
            is_alarm = self._definitions.covers(event)
            if is_alarm:
                connection.execute(
                    "INSERT INTO alarms (event_id, state) VALUES (?, ?)", (event.event_id, AlarmState.NEW)
                )
            kind = ChangeKind.ALARM if is_alarm else ChangeKind.EVENT
        else:
            kind = ChangeKind.UPDATED if self._fill_in(connection, event) else ChangeKind.DUPLICATE
        changes = [Change(kind=kind, event_id=event.event_id)]
        return changes if kind is ChangeKind.DUPLICATE else changes + self._supersede(connection, event)

    def _fill_in(self, connection: sqlite3.Connection, event: Received) -> bool:
        """Complete what an earlier channel left empty; nothing that is known is ever overwritten."""
        changed = 0
        for name in FILLED_IN:
            if value := getattr(event, name):
                changed += connection.execute(
                    f"UPDATE events SET {name} = ? WHERE event_id = ? AND {name} = ''",  # noqa: S608  # our own names
                    (value, event.event_id),
                ).rowcount
        for name in ("priority", "likelihood"):
            if (value := getattr(event, name)) is not None:
                changed += connection.execute(
                    f"UPDATE events SET {name} = ? WHERE event_id = ? AND {name} IS NULL",  # noqa: S608  # our own names
                    (value, event.event_id),
                ).rowcount
        return changed > 0

    def _supersede(self, connection: sqlite3.Connection, event: Received) -> list[Change]:
        """Withdraw list matches whose alarm is here, whichever of the two came first; handling done is carried over."""
        where = {"ListMatched": "m.event_id = ?", "AlarmRaised": "r.event_id = ?"}.get(event.type)
        if where is None:
            return []
        links = connection.execute(_LINKS + where, (event.event_id,)).fetchall()
        for link in links:
            connection.execute(
                "UPDATE alarms SET superseded_by = ? WHERE event_id = ?", (link["alarm_id"], link["match_id"])
            )
            connection.execute(
                "UPDATE alarms SET (state, acknowledged_at, closed_at) = "
                "(SELECT state, acknowledged_at, closed_at FROM alarms WHERE event_id = ?) "
                "WHERE event_id = ? AND state = 'new'",
                (link["match_id"], link["alarm_id"]),
            )
        return [Change(kind=ChangeKind.WITHDRAWN, event_id=link["match_id"]) for link in links]

    def _want_pictures(self, connection: sqlite3.Connection, event: Received, origin: str) -> None:
        """Ask for each picture once, also when two channels call the same one by different names."""
        known = connection.execute("SELECT kind, url FROM pictures WHERE event_id = ?", (event.event_id,)).fetchall()
        paths = {_path(row["url"]): row["kind"] for row in known}
        for kind, url in event.picture_urls.items():
            if paths.setdefault(_path(url), kind) == kind:
                connection.execute(
                    "INSERT INTO pictures VALUES (?, ?, ?, ?, 'wanted', 0, 0, NULL, NULL) ON CONFLICT DO UPDATE SET "
                    "url = excluded.url, origin = excluded.origin, state = 'wanted', attempts = 0, next_at = 0 "
                    "WHERE state = 'failed'",
                    (event.event_id, kind, url, origin),
                )

    def _change_state(self, event_id: str, statement: str, now: datetime) -> None:
        with self._database.transaction() as connection:
            if not connection.execute(statement, (to_text(now), event_id)).rowcount:
                raise NoSuchThing(f"There is no alarm {event_id!r}.")


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return url  # the fetcher will say what is wrong with it
