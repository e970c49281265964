"""Times as WS-BaseNotification clients write them: an xs:dateTime or an xs:duration."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter, ValidationError

_DURATION = re.compile(r"-?P(?=[\dT])(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?")
_MAX_LENGTH = 64
_TIMEDELTA = TypeAdapter(timedelta)
_DATETIME = TypeAdapter(datetime)


def parse_duration(text: str) -> timedelta:
    """An xs:duration; a year is 365 days and a month 30. Raises ValueError."""
    text = text.strip()
    if len(text) > _MAX_LENGTH or not _DURATION.fullmatch(text):
        raise ValueError(f"{text[:_MAX_LENGTH]!r} is not an xs:duration such as PT60S")
    try:
        return _TIMEDELTA.validate_python(text)
    except ValidationError as error:
        raise ValueError(f"{text!r} is not an xs:duration this service can count with") from error


def parse_date_time(text: str) -> datetime:
    """An xs:dateTime as aware UTC; without a zone it is taken as UTC. Raises ValueError."""
    text = text.strip()
    if len(text) > _MAX_LENGTH or not _DATE_TIME.fullmatch(text):
        raise ValueError(f"{text[:_MAX_LENGTH]!r} is not an xs:dateTime such as 2026-11-22T20:15:30Z")
    # Some stacks send seven digits (.NET ticks); six are what a datetime holds.
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    try:
        moment = _DATETIME.validate_python(text)
    except ValidationError as error:
        raise ValueError(f"{text!r} is no date of the calendar") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is out of range") from error


def parse_termination(text: str, now: datetime) -> datetime:
    """An absolute or relative termination time. Raises ValueError."""
    text = text.strip()
    if text.startswith(("P", "-P")):
        try:
            return now + parse_duration(text)
        except OverflowError as error:
            raise ValueError(f"{text!r} is too far away") from error
    return parse_date_time(text)
