"""Events to test with: complete, plausible, and easy to vary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from events.types import (
    AlarmRaised,
    CameraLost,
    CameraRestored,
    ListKind,
    ListMatched,
    PlateRecognized,
    RelayChanged,
    RelayState,
)
from inference.types import Box, CharacterLikelihood, Direction, LicensePlate, PassageState

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def event_id(number: int) -> str:
    return f"{number:032x}"


def plate_recognized(number: int = 1, **changes: Any) -> PlateRecognized:
    moment = NOON + timedelta(seconds=number)
    fields: dict[str, Any] = {
        "event_id": event_id(number),
        "utc_time": moment,
        "state": PassageState.FINAL,
        "camera_id": "north",
        "camera_name": "Gate North",
        "plate": LicensePlate(plate_number="AB12CDE", country_code="GB"),
        "likelihood": 0.93,
        "country_likelihood": 0.88,
        "characters": (CharacterLikelihood(character="A", likelihood=0.97, alternatives=(("4", 0.02),)),),
        "module_code": "GB",
        "direction": Direction.APPROACHING,
        "box": Box(x=505.6, y=468.0, width=166.4, height=43.2),
        "frame_width_px": 1280,
        "frame_height_px": 720,
        "first_seen_at": moment - timedelta(seconds=1),
        "read_at": moment + timedelta(milliseconds=300),
        "read_count": 7,
        "agreeing_reads": 6,
        "list_kinds": (ListKind.ALLOW,),
        "frame_picture": f"{event_id(number)}-frame.jpg",
        "plate_picture": f"{event_id(number)}-plate.jpg",
    }
    return PlateRecognized(**(fields | changes))


def list_matched(number: int = 2, **changes: Any) -> ListMatched:
    fields: dict[str, Any] = {
        "event_id": event_id(number),
        "utc_time": NOON + timedelta(seconds=number),
        "recognized_id": event_id(1),
        "camera_id": "north",
        "camera_name": "Gate North",
        "plate": LicensePlate(plate_number="AB12CDE", country_code="GB"),
        "likelihood": 0.93,
        "list_id": "staff",
        "list_name": "Staff",
        "list_kind": ListKind.ALLOW,
        "pattern": "AB12*",
    }
    return ListMatched(**(fields | changes))


def alarm_raised(number: int = 3, **changes: Any) -> AlarmRaised:
    fields: dict[str, Any] = {
        "event_id": event_id(number),
        "utc_time": NOON + timedelta(seconds=number),
        "name": "Unwanted vehicle",
        "priority": 1,
        "object": "AB12CDE",
        "tag": "GB",
        "type": "List match",
        "camera_id": "north",
        "camera_name": "Gate North",
        "source_id": event_id(2),
        "list_name": "Staff",
        "likelihood": 0.93,
        "frame_picture": f"{event_id(1)}-frame.jpg",
        "plate_picture": f"{event_id(1)}-plate.jpg",
    }
    return AlarmRaised(**(fields | changes))


def camera_lost(number: int = 4, **changes: Any) -> CameraLost:
    fields: dict[str, Any] = {
        "event_id": event_id(number),
        "utc_time": NOON + timedelta(seconds=number),
        "camera_id": "north",
        "camera_name": "Gate North",
        "detail": "no frame for 10 s",
    }
    return CameraLost(**(fields | changes))


def camera_restored(number: int = 5) -> CameraRestored:
    return CameraRestored(
        event_id=event_id(number),
        utc_time=NOON + timedelta(seconds=number),
        camera_id="north",
        camera_name="Gate North",
    )


def relay_changed(number: int = 6, **changes: Any) -> RelayChanged:
    fields: dict[str, Any] = {
        "event_id": event_id(number),
        "utc_time": NOON + timedelta(seconds=number),
        "camera_id": "north",
        "relay_token": "gate",
        "state": RelayState.ACTIVE,
        "decision_id": event_id(1),
    }
    return RelayChanged(**(fields | changes))
