"""Times on the wire: xs:dateTime, xs:duration, and the camera's own clock, which may be wrong on purpose."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

# What a clock may be set to: far enough from the calendar's ends that adding a life to it cannot fall off.
EARLIEST_YEAR, LATEST_YEAR = 1970, 2105
_DURATION = re.compile(
    r"(?P<sign>-)?P(?!$)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<days>\d+)D)?"
    r"(?:T(?!$)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_LONGEST = timedelta(days=3650)


def utc_now() -> datetime:
    return datetime.now(UTC)


def parse_duration(text: str) -> timedelta:
    """An xs:duration; a year counts 365 days and a month 30. ValueError when it is none or longer than ten years."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text[:40]!r} is not an xs:duration such as PT60S")
    part = {name: float(value) for name, value in match.groupdict().items() if value and name != "sign"}
    days = part.get("years", 0) * 365 + part.get("months", 0) * 30 + part.get("days", 0)
    if days > _LONGEST.days or any(value > _LONGEST.total_seconds() for value in part.values()):
        raise ValueError(f"{text[:40]!r} is longer than ten years")
    duration = timedelta(
        days=days, hours=part.get("hours", 0), minutes=part.get("minutes", 0), seconds=part.get("seconds", 0)
    )
    return -duration if match["sign"] else duration


def parse_datetime(text: str) -> datetime:
    """An xs:dateTime in UTC; without a zone it is taken as UTC. ValueError when it is none."""
    moment = datetime.fromisoformat(text.strip())
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError as error:  # the first and last hours of the calendar, in another zone
        raise ValueError(f"{text[:40]!r} is not within the calendar") from error


def format_duration(duration: timedelta) -> str:
    seconds = f"{duration.total_seconds():.3f}".rstrip("0").rstrip(".")
    return f"PT{seconds}S"


def format_datetime(moment: datetime) -> str:
    """UTC with `Z`; fractions only when there are any, because some clients refuse them."""
    moment = moment.astimezone(UTC)
    spec = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=spec).replace("+00:00", "Z")


class CameraClock:
    """The clock of one camera: true time plus an offset that a quirk or SetSystemDateAndTime puts there."""

    def __init__(self, *, offset: timedelta = timedelta(), true_now: Callable[[], datetime] = utc_now) -> None:
        self._offset = offset
        self._true_now = true_now

    def now(self) -> datetime:
        return self._true_now() + self._offset

    def set(self, moment: datetime) -> None:
        """From now on the camera believes that it is `moment`."""
        self._offset = moment - self._true_now()

    def told(self, true_moment: datetime) -> datetime:
        """What this clock showed at a moment of true time."""
        return true_moment + self._offset
