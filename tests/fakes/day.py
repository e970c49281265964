"""A camera's day at a gate, as fast as it is taken: traffic, a parked car, a sign, losses and changes of the stream.

One object is source and recogniser, so that the recogniser knows what is in the frame without looking at it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np

from inference.recognition import Recognition, RecognitionSettings
from inference.source import SourceState, SourceStatus
from inference.types import Box, Frame, Picture, Rejection, RejectionReason
from tests.fakes.vehicles import reading

FPS = 4
START = datetime(2026, 5, 1, tzinfo=UTC)
# As wide as the motion gate looks at, and flat: the gate's whole work, on few pixels.
SIZES = ((320, 24), (320, 32))
VEHICLE_EVERY, VEHICLE_FOR = 120 * FPS, 3 * FPS
# The first passes a while after the start, and none while the stream is away.
VEHICLE_FROM = 20 * FPS
PARKED_EVERY, PARKED_FROM, PARKED_FOR = 7200 * FPS, 140 * FPS, 900 * FPS
LOST_EVERY, LOST_FROM, LOST_FOR = 600 * FPS, 590 * FPS, 8 * FPS
RESIZED_EVERY = 3600 * FPS
SIGN_TEXT = "OPENDAILY"
SIGN = Box(x=4, y=9, width=30, height=7)
_PAINT = 230


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a day must have told."""

    vehicles: int
    parked: int


class Day:
    """`Pictures` and `Reads` of one camera for so many frames; `clock` is its simulated time."""

    def __init__(self, frames: int) -> None:
        self.interval_s = 0.0
        self.state = SourceState(status=SourceStatus.RUNNING, since=START)
        self.taken = self.losses = self.opened = self.closed = 0
        self._frames = frames
        self._number = -1
        self._grounds = [np.full((height, width, 3), 90, np.uint8) for width, height in SIZES]

    async def open(self) -> None:
        self.opened += 1

    async def aclose(self) -> None:
        self.closed += 1

    def clock(self) -> float:
        """Seconds of the day."""
        return self._number / FPS

    async def next_frame(self, timeout_s: float) -> Frame | None:
        """The next one at once; None for each time-out's worth of frames that were lost."""
        self._number += 1
        if self._number >= self._frames:
            self.state = replace(self.state, status=SourceStatus.ENDED)
            return None
        if self.lost(self._number):
            self._lose(timeout_s)
            return None
        if self.state.status is not SourceStatus.RUNNING:
            self.state = replace(self.state, status=SourceStatus.RUNNING, error="")
        self.taken += 1
        return Frame(
            picture=self._paint(self._number),
            captured_at=START + timedelta(seconds=self.clock()),
            monotonic_s=self.clock(),
            sequence=self._number,
        )

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        """Every plate of the newest frame; each vehicle is misread once, and a glimpse of it cannot be read."""
        number = self._number
        readings = [reading(SIGN_TEXT, SIGN, likelihood=0.8)]
        rejections = []
        if (where := parked(number)) is not None:
            readings.append(reading(parked_plate(number), where))
        if (where := vehicle(number)) is not None:
            step = (number - VEHICLE_FROM) % VEHICLE_EVERY
            if step == 0:
                rejections.append(Rejection(reason=RejectionReason.TOO_SMALL, box=where))
            else:
                text = vehicle_plate(number)
                readings.append(reading(text if step != 5 else f"{text[:-1]}X", where, likelihood=0.9))
        return Recognition(readings=tuple(readings), rejections=tuple(rejections))

    @staticmethod
    def lost(number: int) -> bool:
        """Whether this frame never came."""
        return LOST_FROM <= number % LOST_EVERY < LOST_FROM + LOST_FOR

    def expected(self) -> Expected:
        """How many vehicles drove by and how many parked, told in full."""
        vehicles = len({(n - VEHICLE_FROM) // VEHICLE_EVERY for n in range(VEHICLE_FROM, self._frames, VEHICLE_EVERY)})
        return Expected(vehicles=vehicles, parked=len(range(PARKED_FROM, self._frames, PARKED_EVERY)))

    def _lose(self, timeout_s: float) -> None:
        if self.state.status is SourceStatus.RUNNING:
            self.losses += 1
            self.state = replace(self.state, status=SourceStatus.LOST, error="the camera is away")
        last = self._number - self._number % LOST_EVERY + LOST_FROM + LOST_FOR - 1
        self._number = min(last, self._number + round(timeout_s * FPS) - 1)

    def _paint(self, number: int) -> Picture:
        picture = self._grounds[number // RESIZED_EVERY % 2].copy()
        for where in (vehicle(number), parked(number)):
            if where is not None:
                top_left = round(where.x) - 20, max(0, round(where.y) - 12)
                cv2.rectangle(picture, top_left, (round(where.right) + 20, round(where.bottom) + 4), (_PAINT,) * 3, -1)
        return picture


def vehicle(number: int) -> Box | None:
    """Crosses from left to right within its seconds."""
    step = (number - VEHICLE_FROM) % VEHICLE_EVERY
    if number < VEHICLE_FROM or step >= VEHICLE_FOR:
        return None
    return Box(x=60 + step * 14.0, y=9, width=30, height=7)


def parked(number: int) -> Box | None:
    """Rolls in, stands for its quarter of an hour, and is gone."""
    step = number % PARKED_EVERY - PARKED_FROM
    if not 0 <= step < PARKED_FOR:
        return None
    return Box(x=280 - 20 + min(step, 8) * 2.0, y=13, width=30, height=7)


def vehicle_plate(number: int) -> str:
    """A plate of its own for each passage."""
    return f"V{(number - VEHICLE_FROM) // VEHICLE_EVERY * 7919 % 100_000:05d}K"


def parked_plate(number: int) -> str:
    return f"P{number // PARKED_EVERY:03d}RK"
