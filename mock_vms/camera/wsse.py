"""WS-Security UsernameToken with PasswordDigest (Core 5.9.5): old, and what most clients still send."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from mock_vms.camera.times import parse_datetime
from mock_vms.camera.xml import WSSE, WSU, Element

# WSS advises five minutes; ONVIF names no number.
WINDOW = timedelta(seconds=300)
_REMEMBERED_TOKENS = 20_000
_DIGEST_TYPE = "#PasswordDigest"


class TokenRefused(Exception):
    """The token does not prove who is asking; the text says what is wrong with it, without secrets."""


class UsernameTokens:
    """Checks UsernameTokens against a fixed set of users, the camera's clock and the tokens already seen."""

    def __init__(self, *, users: Mapping[str, str], now: Callable[[], datetime]) -> None:
        self._users = users
        self._now = now
        self._seen: OrderedDict[tuple[str, str, str], datetime] = OrderedDict()

    def user_of(self, security: Element) -> str:
        """The user that a Security header proves; TokenRefused when it proves none."""
        user, password, nonce, created = _fields(security)
        secret = self._users.get(user)
        try:
            raw = base64.b64decode(nonce, validate=True)
            moment = parse_datetime(created)
        except (binascii.Error, ValueError) as error:
            raise TokenRefused("Nonce must be base64 and Created an xs:dateTime") from error
        # ONVIF hashes with SHA-1 by specification; the literal text of Created is hashed, not the parsed moment.
        proof = hashlib.sha1(raw + created.encode() + (secret or "").encode(), usedforsecurity=False).digest()
        if secret is None or not hmac.compare_digest(base64.b64encode(proof), password.encode()):
            raise TokenRefused("unknown user or wrong password")
        self._require_timely(moment)
        self._require_new((user, nonce, created))
        return user

    def _require_timely(self, created: datetime) -> None:
        offset = abs(self._now() - created)
        if offset > WINDOW:
            raise TokenRefused(
                f"Created is {offset.total_seconds():.0f} s away from the camera's clock, more than "
                f"{WINDOW.total_seconds():.0f} s; read GetSystemDateAndTime and add the difference"
            )

    def _require_new(self, token: tuple[str, str, str]) -> None:
        horizon = self._now() - 2 * WINDOW
        while self._seen and next(iter(self._seen.values())) < horizon:
            self._seen.popitem(last=False)
        if token in self._seen:
            raise TokenRefused("this token was used before; make a new Nonce for each request")
        self._seen[token] = self._now()
        if len(self._seen) > _REMEMBERED_TOKENS:
            self._seen.popitem(last=False)


def _fields(security: Element) -> tuple[str, str, str, str]:
    token = security.find(f"{{{WSSE}}}UsernameToken")
    if token is None:
        raise TokenRefused("the Security header holds no UsernameToken")
    password = token.find(f"{{{WSSE}}}Password")
    values = {
        "Username": token.findtext(f"{{{WSSE}}}Username"),
        "Password": None if password is None else password.text,
        "Nonce": token.findtext(f"{{{WSSE}}}Nonce"),
        "Created": token.findtext(f"{{{WSU}}}Created"),
    }
    missing = [name for name, value in values.items() if not value]
    if missing or password is None:
        raise TokenRefused(f"the UsernameToken lacks {', '.join(missing)}")
    if not password.get("Type", "").endswith(_DIGEST_TYPE):
        raise TokenRefused("the Password must be a PasswordDigest")
    user, proof, nonce, created = (value or "" for value in values.values())
    return user.strip(), proof.strip(), nonce.strip(), created
