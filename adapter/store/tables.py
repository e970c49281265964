"""The tables. SQLite by default, PostgreSQL by the same definitions: no types that only one of them knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    true,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time as microseconds since 1970: exact, sortable, and the same in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone cannot be stored")
        return (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


# Named constraints, so that a migration can change them in every database.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite hands out row numbers only for a column that is exactly INTEGER.
_RowNumber = BigInteger().with_variant(Integer, "sqlite")

cameras = Table(
    "cameras",
    metadata,
    Column("camera_id", String(64), primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("address", Text, nullable=False),
    Column("user", String(200), nullable=False),
    Column("password", LargeBinary),
    Column("profile_token", String(200)),
    Column("video_source_token", String(200)),
    Column("enabled", Boolean, nullable=False),
    Column("modules", JSON, nullable=False),
    Column("recognition", JSON, nullable=False),
    Column("selected_lists", JSON),
    Column("max_speed_kmh", Float),
    Column("description", Text, nullable=False),
    Column("server", String(64), nullable=False, server_default=""),
    Column("verify_tls", Boolean, nullable=False, server_default=true()),
    Column("created_at", UtcTime, nullable=False),
)

match_lists = Table(
    "match_lists",
    metadata,
    Column("list_id", String(64), primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("kind", String(20), nullable=False),
    Column("policy", String(20), nullable=False),
    Column("camera_ids", JSON, nullable=False),
    Column("columns", JSON, nullable=False),
    Column("edition", Integer, nullable=False, server_default="0"),
    Column("created_at", UtcTime, nullable=False),
)

# Not NULL, for which no two entries would count as the same.
STAYS = 0
"""`until` of an entry that no edition takes away; the first one that could is 1."""

list_entries = Table(
    "list_entries",
    metadata,
    Column("entry_id", String(64), primary_key=True),
    Column("list_id", ForeignKey("match_lists.list_id", ondelete="CASCADE"), nullable=False),
    Column("pattern", String(64), nullable=False),
    Column("normal", String(64), nullable=False),
    Column("valid_from", UtcTime),
    Column("valid_until", UtcTime),
    Column("fields", JSON, nullable=False),
    # The editions of its list from which on, and until which, it is shown.
    Column("since", Integer, nullable=False, server_default="0"),
    Column("until", Integer, primary_key=True, server_default="0"),
    UniqueConstraint("list_id", "normal", "until"),
)

list_backups = Table(
    "list_backups",
    metadata,
    Column("backup_id", _RowNumber, primary_key=True, autoincrement=True),
    Column("list_id", ForeignKey("match_lists.list_id", ondelete="CASCADE"), nullable=False),
    Column("saved_at", UtcTime, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

alarm_definitions = Table(
    "alarm_definitions",
    metadata,
    Column("definition_id", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("list_id", ForeignKey("match_lists.list_id", ondelete="CASCADE")),
    Column("event_kind", String(40), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
)

relay_actions = Table(
    "relay_actions",
    metadata,
    Column("action_id", String(64), primary_key=True),
    Column("list_id", ForeignKey("match_lists.list_id", ondelete="CASCADE"), nullable=False),
    Column("camera_id", String(64), nullable=False),
    Column("relay_token", String(200), nullable=False),
    Column("pulse_ms", Integer, nullable=False),
    Column("likelihood_floor", Float, nullable=False),
    Column("agreeing_reads", Integer, nullable=False),
    Column("minimum_interval_ms", Integer, nullable=False),
    Column("deadline_ms", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("event_id", String(64), primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("utc_time", UtcTime, nullable=False),
    Column("stored_at", UtcTime, nullable=False),
    # The event of the passage this belongs to: retention removes a passage as a whole.
    Column("root_id", String(64), nullable=False),
    Column("camera_id", String(64), nullable=False),
    Column("plate", String(64)),
    Column("list_id", String(64)),
    Column("refusals", JSON, nullable=False),
    Column("content", Text, nullable=False),
    Index(None, "utc_time", "event_id"),
    Index(None, "kind", "utc_time"),
    Index(None, "root_id"),
    Index(None, "plate", "utc_time"),
)

alarms = Table(
    "alarms",
    metadata,
    Column("alarm_id", ForeignKey("events.event_id", ondelete="CASCADE"), primary_key=True),
    Column("utc_time", UtcTime, nullable=False),
    Column("state", String(20), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Column("changed_by", String(200), nullable=False),
    Column("note", Text, nullable=False),
    Index(None, "state", "utc_time"),
)

outputs = Table(
    "outputs",
    metadata,
    Column("output_id", String(64), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("name", String(200), nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("secret", LargeBinary),
    Column("event_kinds", JSON, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", _RowNumber, primary_key=True, autoincrement=True),
    Column("output_id", ForeignKey("outputs.output_id", ondelete="CASCADE"), nullable=False),
    Column("event_id", ForeignKey("events.event_id"), nullable=False),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcTime, nullable=False),
    Column("error", Text, nullable=False),
    Column("finished_at", UtcTime),
    Index(None, "output_id", "state", "next_attempt_at"),
    Index(None, "event_id"),
)

decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", String(64), primary_key=True),
    Column("event_id", String(64), nullable=False),
    Column("action_id", String(64), nullable=False),
    Column("camera_id", String(64), nullable=False),
    Column("relay_token", String(200), nullable=False),
    Column("pulse_ms", Integer, nullable=False),
    Column("decided_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("because", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("claimed_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("detail", Text, nullable=False),
    Index(None, "state"),
    Index(None, "event_id"),
    Index(None, "decided_at"),
)

users = Table(
    "users",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("role", String(20), nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("must_change", Boolean, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("token_id", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("role", String(20), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("created_by", String(200), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

onvif_users = Table(
    "onvif_users",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("password", LargeBinary, nullable=False),
    Column("level", String(20), nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", _RowNumber, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(60), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "at"),
)

funnel_hours = Table(
    "funnel_hours",
    metadata,
    Column("camera_id", String(64), primary_key=True),
    Column("starts_at", UtcTime, primary_key=True),
    Column("counts", JSON, nullable=False),
)

facts = Table(
    "facts",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("value", Text, nullable=False),
)
"""Single values that belong to the installation: the server's name, its identity, the check of the key file."""
