"""Events and lists that the tests of rules and store share."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from events.types import ListKind, PlateRecognized
from inference.types import Box, Direction, LicensePlate, PassageState
from rules.types import ListEntry, MatchList

NOON = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


def ids(prefix: str = "id"):
    """A new_id that counts."""
    numbers = itertools.count(1)
    return lambda: f"{prefix}{next(numbers)}"


def recognized(
    plate: str = "ABC123", *, event_id: str = "event1", at: datetime = NOON, camera_id: str = "cam1", **fields
) -> PlateRecognized:
    return PlateRecognized(
        **{
            "event_id": event_id,
            "utc_time": at,
            "state": PassageState.FINAL,
            "camera_id": camera_id,
            "camera_name": f"Camera {camera_id}",
            "plate": LicensePlate(plate_number=plate, country_code="DE"),
            "likelihood": 0.95,
            "country_likelihood": 0.9,
            "characters": (),
            "module_code": "D",
            "direction": Direction.APPROACHING,
            "box": Box(x=10, y=20, width=100, height=25),
            "frame_width_px": 1280,
            "frame_height_px": 720,
            "first_seen_at": at - timedelta(seconds=1),
            "read_at": at,
            "read_count": 5,
            "agreeing_reads": 4,
            "frame_picture": f"{event_id}-frame.jpg",
            "plate_picture": f"{event_id}-plate.jpg",
            **fields,
        }
    )


def match_list(list_id: str, kind: ListKind = ListKind.ALLOW, **fields) -> MatchList:
    return MatchList(**{"list_id": list_id, "name": list_id.title(), "kind": kind, **fields})


def entries(list_id: str, *patterns: str, **fields) -> list[tuple[str, ListEntry]]:
    return [(list_id, ListEntry(entry_id=f"{list_id}-{pattern}", pattern=pattern, **fields)) for pattern in patterns]
