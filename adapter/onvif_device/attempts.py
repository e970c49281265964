"""Slows down password guessing: an address that fails too often is not listened to for a while."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime, timedelta

# A VMS with an old password retries every few seconds from each of its services; a guesser needs thousands.
_MOST_FAILURES = 20
_WINDOW = timedelta(minutes=1)
_MOST_ADDRESSES = 10_000


class Attempts:
    """Failed logins by address, bounded in number and in time."""

    def __init__(
        self, *, clock: Callable[[], datetime], most_failures: int = _MOST_FAILURES, window: timedelta = _WINDOW
    ) -> None:
        self._clock = clock
        self._most = most_failures
        self._window = window
        self._failures: OrderedDict[str, deque[datetime]] = OrderedDict()

    def blocked_for(self, address: str) -> timedelta | None:
        """How long the address must still wait, or None."""
        failures = self._failures.get(address)
        if failures is None:
            return None
        now = self._clock()
        while failures and failures[0] <= now - self._window:
            failures.popleft()
        if not failures:
            del self._failures[address]
            return None
        return failures[0] + self._window - now if len(failures) >= self._most else None

    def failed(self, address: str) -> None:
        """Count one failure."""
        failures = self._failures.setdefault(address, deque(maxlen=self._most))
        failures.append(self._clock())
        self._failures.move_to_end(address)
        while len(self._failures) > _MOST_ADDRESSES:
            self._failures.popitem(last=False)
