"""What can go wrong, split by what the caller does about it.

VmsError
├── DeviceError
│   ├── DeviceUnreachable   try again soon, with backoff
│   ├── DeviceRefused       wrong user or password: try again late, hammering locks accounts
│   └── SubscriptionGone    the pull point is no more: make a new one and seek
├── RequestRefused          answer with its `status`; nothing was changed
│   └── WebhookRefused      nothing was stored
├── PictureRefused          show the alarm without the picture, keep the reason
└── NoSuchThing             answer 404
"""

from __future__ import annotations


class VmsError(Exception):
    """Every error this room raises on purpose."""


class DeviceError(VmsError):
    """Something is wrong between us and one ONVIF device."""


class DeviceUnreachable(DeviceError):
    """The device did not answer, or what it answered is not ONVIF."""


class DeviceRefused(DeviceError):
    """The device does not accept the user or the password."""


class SubscriptionGone(DeviceError):
    """The device no longer knows the pull point."""


class RequestRefused(VmsError):
    """A request that cannot be used; `status` is the HTTP answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class WebhookRefused(RequestRefused):
    """A webhook that is not stored."""


class PictureRefused(VmsError):
    """A picture that is not fetched or not kept; `final` when another try cannot help."""

    def __init__(self, message: str, *, final: bool) -> None:
        super().__init__(message)
        self.final = final


class NoSuchThing(VmsError):
    """The alarm, device or output that was asked for does not exist."""
