"""The read funnel as a page: bars and rows by the hour, and pictures of what was refused, by reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from adapter.api.ports import Services
from inference.funnel import CURES, FunnelHour, total
from inference.rejects import Rejected
from inference.types import RejectionReason

# A day, or a day beside the day before.
SPANS = (24, 48)

# The drawing's own units; the page stretches it. An hour is a bar and a gap.
HOUR_WIDTH, BAR_WIDTH, HEIGHT = 10, 8, 40

# Name, title and meaning of each stage, in the order in which plates get lost.
STAGES = (
    ("frames", "Frames", "taken from the camera"),
    ("motion", "Motion", "frames in which something moved"),
    ("without_plate", "Without plate", "frames looked at in which no plate was: time spent in vain"),
    ("found", "Found", "plates, and what looks like one, in analysed frames"),
    ("read", "Read", "finds that became a reading"),
    ("accepted", "Accepted", "vehicles that passed, each with its one plate"),
    ("matched", "Matched", "vehicles whose plate is on a list"),
    ("delivered", "Delivered", "vehicles that an output confirmed"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One hour in the drawing."""

    x: int
    y: float
    width: int
    height: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    """One stage over all hours, drawn to a scale of its own: thousands of frames bring a handful of vehicles."""

    title: str
    meaning: str
    total: int
    most: int
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """All that was refused for one reason."""

    reason: RejectionReason
    count: int
    cure: str
    finds: Sequence[Rejected]


async def page(request: web.Request, services: Services) -> dict[str, Any]:
    """What the template shows; `?hours=48` shows the day before as well."""
    camera = await services.store.cameras.get(request.match_info["camera_id"])
    span = next((span for span in SPANS if str(span) == request.query.get("hours")), SPANS[0])
    newest = services.clock().replace(minute=0, second=0, microsecond=0)
    starts = [newest - timedelta(hours=back) for back in reversed(range(span))]
    counted = [hour for hour in await services.cameras.funnel(camera.camera_id) if hour.starts_at >= starts[0]]
    finds = [one for one in services.cameras.rejects(camera.camera_id) if one.at >= starts[0]]
    return {
        "camera": camera,
        "span": span,
        "spans": SPANS,
        "starts": starts,
        "stages": stage_rows(counted, starts),
        "size": (span * HOUR_WIDTH, HEIGHT),
        "hours": counted[::-1],
        "all": total(counted),
        "refused": by_reason(counted, finds),
        "names": [name for name, _, _ in STAGES],
    }


def stage_rows(counted: Sequence[FunnelHour], starts: Sequence[datetime]) -> list[StageRow]:
    """Each stage with a bar for every hour, those without a count left empty."""
    by_start = {hour.starts_at: hour for hour in counted}
    hours = [by_start.get(start, FunnelHour(start)) for start in starts]
    rows = []
    for name, title, meaning in STAGES:
        counts = [getattr(hour, name) for hour in hours]
        most = max(counts, default=0)
        bars = [
            _bar(index, hour.starts_at, count, most)
            for index, (hour, count) in enumerate(zip(hours, counts, strict=True))
            if count
        ]
        looks = sum(hour.analysed for hour in hours)
        share = f" ({sum(counts) / looks:.0%} of {looks} looks)" if name == "without_plate" and looks else ""
        rows.append(StageRow(title=title, meaning=meaning + share, total=sum(counts), most=most, bars=bars))
    return rows


def by_reason(counted: Sequence[FunnelHour], finds: Sequence[Rejected]) -> list[Refused]:
    """The most frequent reason first. After a restart there are counts without pictures."""
    counts = total(counted).rejected
    reasons = counts.keys() | {one.reason for one in finds}
    return [
        Refused(
            reason=reason,
            count=counts[reason],
            cure=CURES[reason],
            finds=[one for one in finds if one.reason is reason],
        )
        for reason in sorted(reasons, key=lambda reason: (-counts[reason], reason))
    ]


def _bar(index: int, start: datetime, count: int, most: int) -> Bar:
    # The rarest event of a busy day must still be seen.
    height = max(1.0, round(HEIGHT * count / most, 1))
    return Bar(
        x=index * HOUR_WIDTH,
        y=HEIGHT - height,
        width=BAR_WIDTH,
        height=height,
        title=f"{start:%Y-%m-%d %H:%M}: {count}",
    )
