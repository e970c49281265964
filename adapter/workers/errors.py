"""What can go wrong between a worker and its controller, split by what the worker does.

WorkerError
├── LinkBroken      the other side is away, silent, or does not make sense: close, join again soon
└── JoinRefused     the controller will not have this worker as it is: a person has to act, unless a name becomes free
    └── TokenRefused    nothing changes until somebody makes another token: ask seldom
"""

from __future__ import annotations


class WorkerError(Exception):
    """The message names the cause and the cure."""


class LinkBroken(WorkerError):
    """The link is of no use any more."""


class JoinRefused(WorkerError):
    """The token, the name or the version is refused."""


class TokenRefused(JoinRefused):
    """The controller does not know the token, or it may not join."""
