"""Addresses as people type them, checked before anybody is asked to connect, with words that say what to write."""

from __future__ import annotations

from urllib.parse import urlsplit

from events.urls import split_url

CAMERA_SCHEMES = ("http", "https", "rtsp", "rtsps")
WEB_SCHEMES = ("http", "https")


def camera_address(text: str) -> str:
    """An ONVIF device's or a stream's address, as given. Raises ValueError."""
    return _checked(
        text,
        CAMERA_SCHEMES,
        example="http://192.0.2.10 or rtsp://192.0.2.10/stream",
        login="leave user and password out of the address and give them as user and password",
    )


def web_address(text: str) -> str:
    """A web server's address, as given. Raises ValueError."""
    return _checked(
        text,
        WEB_SCHEMES,
        example="https://vms.example/hook",
        login="leave user and password out of the address; the signature is what receivers know us by",
    )


def _checked(text: str, schemes: tuple[str, ...], *, example: str, login: str) -> str:
    if any(character.isspace() or not character.isprintable() for character in text):
        raise ValueError(f"an address holds no spaces and no control characters; write it like {example}")
    if _has_login(text):
        raise ValueError(login)
    try:
        split_url(text, schemes=schemes)
    except ValueError as error:
        raise ValueError(f"{error}; write it like {example}") from error
    return text


def _has_login(text: str) -> bool:
    try:
        return "@" in urlsplit(text).netloc
    except ValueError:
        # Not readable as an address: better one word too many than a password in a log.
        return "@" in text
