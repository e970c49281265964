"""When was this picture taken? The sender's clock where it can be trusted, else our own."""

from __future__ import annotations

from datetime import datetime, timedelta

# A picture cannot come from the future, and a live one is never this old: beyond, the camera's clock is wrong.
AHEAD = timedelta(seconds=0.5)
BEHIND = timedelta(seconds=5)
# A camera whose clock is wrong still tells the rhythm. Its offset follows the quickest delivery and forgets slowly,
# because clocks drift by some 50 ppm.
FORGET = 0.002


class CaptureClock:
    """Turns the sender's times (RTCP sender reports) into times of this machine."""

    def __init__(self) -> None:
        self._offset: timedelta | None = None
        self.skew: timedelta | None = None
        """How far the camera's clock is from ours, None as long as it tells no time."""

    def captured_at(self, sent_at: datetime | None, arrived_at: datetime) -> datetime:
        """The capture time on our clock; never later than the arrival."""
        if sent_at is None:
            return arrived_at
        delay = arrived_at - sent_at
        if -AHEAD <= delay <= BEHIND:
            self.skew = timedelta(0)
            self._offset = None
            return min(sent_at, arrived_at)
        if self._offset is None or delay < self._offset or abs(delay - self._offset) > BEHIND:
            self._offset = delay
        else:
            self._offset += (delay - self._offset) * FORGET
        self.skew = -self._offset
        return min(sent_at + self._offset, arrived_at)
