"""What a URL must be before anybody is asked to connect to it."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit


def split_url(url: str, *, schemes: Sequence[str]) -> SplitResult:
    """The parts of a URL whose host can be looked up. Raises ValueError with the reason when it cannot.

    Asked late, the resolver says the same as a UnicodeError from the depths of the event loop.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"it cannot be read as an address ({error})") from error
    if parts.scheme not in schemes:
        raise ValueError(f"only {' and '.join(schemes)} are allowed, not {parts.scheme or 'a URL without a scheme'}")
    if not host:
        raise ValueError("the URL names no host")
    if port == 0:
        raise ValueError("the port must be 1 to 65535")
    if any(ord(character) <= 32 or ord(character) == 127 for character in host):
        raise ValueError("the host name holds a space or a control character")
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise ValueError("a part of the host name is empty, longer than 63 characters or not allowed") from error
    return parts
