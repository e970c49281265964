"""When was this picture taken? Clocks of cameras, of recordings, and how far a decoder is behind them."""

from __future__ import annotations

from datetime import datetime, timedelta

# A picture cannot come from the future, and a live one is never this old: beyond, the camera's clock is wrong.
AHEAD = timedelta(seconds=0.5)
BEHIND = timedelta(seconds=5)
# A clock at the limit must not be believed for one picture and not for the next.
SURELY = 0.8
# A camera whose clock is wrong still tells the rhythm. Its offset follows the quickest delivery and forgets slowly,
# because clocks drift by some 50 ppm.
FORGET = 0.002
# A recording's clock that jumps by more than this was cut; it goes on at the usual pace.
LONGEST_STEP_S = 5.0
USUAL_STEP_S = 0.04
# A decoder that is this late, and never has to wait for the next packet, works on a backlog.
LAG_S, CAUGHT_UP_S = 1.5, 0.3
LEAST_IDLE = 0.15
# Idleness is a mean over about this many packets.
IDLE_OVER = 15


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
        limit = SURELY if self._offset is not None else 1.0
        if -AHEAD * limit <= delay <= BEHIND * limit:
            self.skew = timedelta(0)
            self._offset = None
            return min(sent_at, arrived_at)
        if self._offset is None or delay < self._offset or abs(delay - self._offset) > BEHIND:
            self._offset = delay
        else:
            self._offset += (delay - self._offset) * FORGET
        self.skew = -self._offset
        return min(sent_at + self._offset, arrived_at)


class MediaTime:
    """A recording's own clock, made steady: never backwards, no leap longer than a cut deserves."""

    def __init__(self) -> None:
        self._last: float | None = None
        self._step = USUAL_STEP_S
        self.now_s = 0.0

    def at(self, time_s: float | None) -> float:
        """Seconds since the first picture."""
        if time_s is not None and self._last is not None:
            step = time_s - self._last
            if 0 < step <= LONGEST_STEP_S:
                self._step = step
            self.now_s += self._step
        elif self._last is not None:
            self.now_s += self._step
        self._last = time_s if time_s is not None else self._last if self._last is not None else 0.0
        return self.now_s


class Lag:
    """How far decoding is behind a live stream: the stream's time against ours, from the quickest packet on."""

    def __init__(self) -> None:
        self._least: float | None = None
        self._last_s: float | None = None
        self._idle = 1.0
        self._behind = False

    def behind(self, stream_s: float, now_s: float, waited_s: float) -> bool:
        """After each packet: its stream time, the time now, and how long we had to wait for it."""
        spent_s = now_s - self._last_s if self._last_s is not None else waited_s
        self._last_s = now_s
        share = min(1.0, waited_s / spent_s) if spent_s > 0 else 0.0
        self._idle += (share - self._idle) / IDLE_OVER
        offset = now_s - stream_s
        if self._least is None or offset < self._least or self._idle > LEAST_IDLE:
            # Who waits for packets has no backlog, whatever the stream's clock says (some run slow or stand still).
            self._least = offset
        late_s = offset - self._least
        self._behind = late_s > (CAUGHT_UP_S if self._behind else LAG_S)
        return self._behind
