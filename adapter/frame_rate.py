"""How many frames per second are looked at, over the last few seconds."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

# The rate shown is that of the last few seconds.
RATE_FRAMES = 32
FORGOTTEN_AFTER = timedelta(seconds=5)


class FrameRate:
    """Plain code: the caller brings the time."""

    def __init__(self) -> None:
        self._times: deque[datetime] = deque(maxlen=RATE_FRAMES)

    def note(self, now: datetime) -> None:
        self._times.append(now)

    def at(self, now: datetime) -> float:
        """Frames per second; 0 when none came lately."""
        times = self._times
        if len(times) < 2 or now - times[-1] > FORGOTTEN_AFTER:
            return 0.0
        return round((len(times) - 1) / max((times[-1] - times[0]).total_seconds(), 1e-3), 1)
