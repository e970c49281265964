"""What a source reads from: one blocking object per connection, used by its decode thread alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from urllib.parse import quote, urlsplit, urlunsplit

import cv2
import numpy as np

from inference.image_size import is_sane
from inference.types import Grey, Picture

# A query of a cheap camera's URL may carry the login: ?user=admin&password=secret.
_SECRET_QUERY = re.compile(r"((?:user|usr|login|pass|passwd|password|pwd|auth|token|key|secret)\w*=)[^&\s'\"]*", re.I)
_LOGIN = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s'\"]*@", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedGrey:
    """The brightness of a decoded picture, which video carries apart from its colours."""

    size: tuple[int, int]
    """Width and height in pixels."""
    scaled_to: Callable[[int, int], Grey]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """One decoded picture, turned into BGR only when somebody wants it."""

    to_picture: Callable[[], Picture]
    grey: DecodedGrey | None = None
    """Given only where `to_picture` cannot fail later either; None where brightness costs as much as colours."""
    sent_at: datetime | None = None
    """The sender's own capture time, where it gives one."""
    media_s: float | None = None
    """Seconds since the start of a recording; None for live pictures."""
    interlaced: bool = False
    """The stream says that the picture holds two moments, line by line."""


class Feed(Protocol):
    """A connection to something that gives pictures. Every call returns within its time-out."""

    @property
    def corrupt(self) -> int:
        """Packets and pictures that could not be decoded."""

    @property
    def hint(self) -> str:
        """What a person should know or change although pictures come; empty when all is well."""

    def open(self) -> None:
        """Connect; raises a SourceError."""

    def read(self) -> Decoded | None:
        """The next picture, or None when this packet held none; raises a SourceError."""

    def interrupt(self) -> None:
        """From another thread: let a waiting call end at once where that is possible; its time-out does it anyway."""

    def close(self) -> None:
        """Let go; safe to call twice and after a failed open."""


def redact_url(text: str) -> str:
    """The text without logins: everything between a scheme and its last @, and secrets in queries."""
    return _SECRET_QUERY.sub(r"\1***", _LOGIN.sub(r"\1***@", text))


def with_login(url: str, username: str | None, password: str | None) -> str:
    """The URL with a login, percent-encoded; unchanged without a user name."""
    if not username:
        return url
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    login = f"{quote(username, safe='')}:{quote(password or '', safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{host}"))


def decode_image(data: bytes) -> Picture | None:
    """A JPEG, PNG, BMP or WebP as BGR; None when it is none, is damaged, or claims more pixels than any camera has."""
    if not is_sane(data):
        return None
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if picture is None else np.asarray(picture, dtype=np.uint8)
