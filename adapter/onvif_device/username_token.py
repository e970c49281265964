"""WS-Security UsernameToken with a password digest, as every common ONVIF client sends it (Core 5.9.5)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapter.onvif_device.ports import FaceUser, Users
from events.onvif.terms import parse_date_time
from events.xmlns import Element, name

# WS-Security recommends five minutes; clients that are further off read our clock first (GetSystemDateAndTime).
WINDOW = timedelta(minutes=5)
_REMEMBERED = 20_000
_DIGEST = "#PasswordDigest"
_UNKNOWN_USER_PASSWORD = "no such user"  # hashed like a real one, so that time does not tell who exists


class TokenRefused(Exception):
    """The token does not prove anything; the text says why, without saying which part of a login was wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    username: str
    digest: str
    nonce: bytes
    created: str

    def expected(self, password: str) -> str:
        # The literal Created text is hashed: clients write it with Z, +00:00 or milliseconds.
        raw = self.nonce + self.created.encode() + password.encode()
        return base64.b64encode(hashlib.sha1(raw, usedforsecurity=False).digest()).decode()


class UsernameTokens:
    """Checks tokens and remembers them, so that none works twice."""

    def __init__(self, *, users: Users, clock: Callable[[], datetime]) -> None:
        self._users = users
        self._clock = clock
        self._seen: OrderedDict[tuple[str, bytes, str], datetime] = OrderedDict()

    def check(self, header: Element | None) -> FaceUser | None:
        """The user, or None when the message carries no token. Raises TokenRefused."""
        element = header.find(f"{name('wsse:Security')}/{name('wsse:UsernameToken')}") if header is not None else None
        if element is None:
            return None
        token = _read(element)
        now = self._clock()
        try:
            created = parse_date_time(token.created)
        except ValueError as error:
            raise TokenRefused("the token's Created is not a time") from error
        user = self._users.find(token.username)
        password = user.password if user is not None else _UNKNOWN_USER_PASSWORD
        matches = hmac.compare_digest(token.expected(password).encode(), token.digest.encode())
        if user is None or not matches:
            raise TokenRefused("user name or password is wrong")
        if abs(now - created) > WINDOW:
            raise TokenRefused(
                "the token's Created is more than five minutes off our clock; read GetSystemDateAndTime first"
            )
        self._remember(token, now)
        return user

    def _remember(self, token: _Token, now: datetime) -> None:
        while self._seen and next(iter(self._seen.values())) < now - 2 * WINDOW:
            self._seen.popitem(last=False)
        key = (token.username, token.nonce, token.created)
        if key in self._seen:
            raise TokenRefused("the token was used before")
        self._seen[key] = now
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)


def _read(element: Element) -> _Token:
    password = element.find(name("wsse:Password"))
    nonce = _text(element, "wsse:Nonce")
    created = _text(element, "wsu:Created")
    if password is None or not nonce or not created:
        raise TokenRefused("the token lacks Password, Nonce or Created")
    if not (password.get("Type") or "").endswith(_DIGEST):
        raise TokenRefused("only a PasswordDigest is accepted, never a clear password")
    try:
        raw_nonce = base64.b64decode(nonce, validate=True)
    except (binascii.Error, ValueError) as error:
        raise TokenRefused("the token's Nonce is not base64") from error
    if len(raw_nonce) > 256 or len(created) > 64:
        raise TokenRefused("the token's Nonce or Created is too long")
    return _Token(
        username=_text(element, "wsse:Username"),
        digest=(password.text or "").strip(),
        nonce=raw_nonce,
        created=created,
    )


def _text(element: Element, qualified: str) -> str:
    found = element.find(name(qualified))
    return (found.text or "").strip() if found is not None else ""
