"""What can go wrong with a camera, split by what the caller does next.

CameraError
├── CameraUnreachable   no answer, or "come back later": back off and try again
├── CameraRefused       bad password, locked account or too low a user level: do not hammer, it locks accounts
├── CameraUnsupported   the camera does not have this: show it and go on
├── CameraRejected      the camera has it but not with these values: change the request
└── CameraMisbehaved    the answer is not ONVIF (HTML, broken XML, wrong element, too large): show it and go on
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

# Common firmware locks an account for half an hour after a few bad logins. Asking less often than that, we can never
# be why it stays locked.
REFUSED_RETRY = timedelta(minutes=40)

# Query names under which cameras take credentials in snapshot and stream addresses.
SECRET_QUERY_NAMES = frozenset({"user", "usr", "username", "password", "passwd", "pwd", "pass", "auth", "token", "key"})


class CameraError(Exception):
    """Anything a camera did or did not do. The message names the cause and the cure."""


class CameraUnreachable(CameraError):
    """The camera did not answer, or asked us to come back later."""


class CameraRefused(CameraError):
    """The camera did not let this user in. Trying again at once may lock the account (see REFUSED_RETRY)."""


class CameraUnsupported(CameraError):
    """The camera does not offer this function."""


class CameraRejected(CameraError):
    """The camera offers the function and refused these values."""


class CameraMisbehaved(CameraError):
    """The camera answered with something that is not the ONVIF answer to the question."""


def redact_url(url: str) -> str:
    """The address fit for a log: without user, password and query secrets. Never raises."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        netloc = f"***@{host}" if "@" in parts.netloc else host
        pairs = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return "<unreadable address>"
    if any(name.lower() in SECRET_QUERY_NAMES for name, _ in pairs):
        shown = [(name, "***" if name.lower() in SECRET_QUERY_NAMES else value) for name, value in pairs]
        return urlunsplit(parts._replace(netloc=netloc, query=urlencode(shown, safe="*")))
    return urlunsplit(parts._replace(netloc=netloc))
