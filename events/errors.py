"""What can go wrong on the way to a receiver, split by what the caller does about it.

EventsError
├── CodecError              a stored event cannot be read: keep the bytes, show the reason
├── OutboxUnavailable       what is owed cannot be read or written now: pause, send nothing, try again
├── OutputUnavailable       the receiver cannot be told anything now: try again for days
└── OutputRefused           the receiver will never take this event: park it for a person
"""

from __future__ import annotations

from datetime import timedelta


class EventsError(Exception):
    """Anything this room raises on purpose."""


class CodecError(EventsError):
    """Text that is no event of a version this program knows."""


class OutboxUnavailable(EventsError):
    """Whoever keeps the outbox cannot use it now (a full disk, a lock); it may be back in a moment."""


class OutputUnavailable(EventsError):
    """The receiver is down, slow, busy, or cannot be reached with this address or token.

    `retry_after` is its own wish, when it named one.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class OutputRefused(EventsError):
    """The receiver said no to this event. `final` means that asking again is pointless (410 Gone)."""

    def __init__(self, message: str, *, final: bool = False) -> None:
        super().__init__(message)
        self.final = final
