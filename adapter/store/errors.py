"""What the store can refuse, split by what the caller does about it.

StoreError
├── NotFound        there is no such thing (any more): 404
├── Conflict        another thing has that name or id: 409, choose another
├── Refused         the store protects this: 409, says why
├── SecretLost      a secret cannot be decrypted: the key file does not belong to this database
└── StoreUnavailable  the database cannot be opened or used: at the start stop and let a person look, later try again
"""

from __future__ import annotations

from events.errors import OutboxUnavailable


class StoreError(Exception):
    """Anything this room raises on purpose."""


class NotFound(StoreError):
    """There is no such thing (any more)."""


class Conflict(StoreError):
    """Another thing has that name or id already."""


class Refused(StoreError):
    """The store protects this; the message says why."""


class SecretLost(StoreError):
    """A secret cannot be decrypted with the key file at hand."""


class StoreUnavailable(StoreError, OutboxUnavailable):
    """The database cannot be opened, migrated or written."""
