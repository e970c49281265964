"""HTTP Digest (RFC 7616, `qop=auth`): the login that profiles M and T ask for, over HTTP and over RTSP."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from urllib.request import parse_http_list

from adapter.onvif_device.ports import FaceUser, Users

REALM = "onvif-lpr"
NONCE_LIFE = timedelta(minutes=5)
_MOST_NONCES = 5_000
_MOST_USES = 10_000
_ALGORITHMS: Mapping[str, Callable[[bytes], str]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}
_UNKNOWN_USER_PASSWORD = "no such user"


class DigestRefused(Exception):
    """The Authorization header proves nothing. `stale` asks the client to try again with a new nonce."""

    def __init__(self, reason: str, *, stale: bool = False) -> None:
        super().__init__(reason)
        self.stale = stale


class HttpDigest:
    """Makes challenges and checks answers. Nonces are signed, not stored; only their use is remembered.

    `algorithms` are offered in that order. MD5 alone is the default: clients that join several WWW-Authenticate headers
    into one line (Node, requests) mix up the challenges. `qop=False` is for RTSP, whose clients (live555) know the
    older form only; there an answer can be repeated until its nonce expires.
    """

    def __init__(
        self,
        *,
        users: Users,
        clock: Callable[[], datetime],
        algorithms: tuple[str, ...] = ("MD5",),
        qop: bool = True,
    ) -> None:
        self._users = users
        self._clock = clock
        self._algorithms = algorithms
        self._qop = qop
        self._key = secrets.token_bytes(32)
        self._used: OrderedDict[str, set[int]] = OrderedDict()

    def challenges(self, *, stale: bool = False) -> list[str]:
        """The WWW-Authenticate values of a 401."""
        nonce = self._new_nonce()
        middle = ', qop="auth"' if self._qop else ""
        tail = ", stale=true" if stale else ""
        return [
            f'Digest realm="{REALM}"{middle}, algorithm={algorithm}, nonce="{nonce}"{tail}'
            for algorithm in self._algorithms
        ]

    def check(self, authorization: str | None, *, method: str, path: str) -> FaceUser | None:
        """The user, or None when there is no Digest header. `path` as requested, with query. Raises DigestRefused."""
        scheme, _, parameters = (authorization or "").partition(" ")
        if scheme.lower() != "digest":
            return None
        given = _parameters(parameters)
        algorithm = given.get("algorithm", "MD5").upper()
        if algorithm not in self._algorithms:
            raise DigestRefused(f"the Digest algorithm must be {' or '.join(self._algorithms)}")
        if given.get("realm") != REALM or (self._qop and given.get("qop") != "auth"):
            raise DigestRefused("the Digest answer does not fit the challenge")
        asked = given.get("uri", "")
        if not _same_target(asked, path):
            raise DigestRefused("the Digest answer is for another address")
        user = self._users.find(given.get("username", ""))
        password = user.password if user is not None else _UNKNOWN_USER_PASSWORD
        expected = _expected(given, _ALGORITHMS[algorithm], password=password, method=method)
        matches = hmac.compare_digest(expected.encode(), given.get("response", "").lower().encode())
        self._check_nonce(given.get("nonce", ""))
        if user is None or not matches:
            raise DigestRefused("user name or password is wrong")
        if self._qop:
            self._use(given["nonce"], _hexadecimal(given.get("nc", "")))
        return user

    def _new_nonce(self) -> str:
        moment = f"{int(self._clock().timestamp()):012x}{secrets.token_hex(8)}"
        return moment + self._signature(moment)

    def _signature(self, moment: str) -> str:
        return hmac.new(self._key, moment.encode(), hashlib.sha256).hexdigest()[:32]

    def _check_nonce(self, nonce: str) -> None:
        moment, signature = nonce[:28], nonce[28:]
        if not hmac.compare_digest(self._signature(moment).encode(), signature.encode()):
            raise DigestRefused("the nonce is not ours", stale=True)
        age = self._clock().timestamp() - int(moment[:12], 16)
        if not 0 <= age + 1 <= NONCE_LIFE.total_seconds():
            raise DigestRefused("the nonce has expired", stale=True)

    def _use(self, nonce: str, count: int) -> None:
        used = self._used.setdefault(nonce, set())
        if count in used:
            raise DigestRefused("the Digest answer was used before", stale=True)
        if len(used) >= _MOST_USES:
            raise DigestRefused("the nonce has been used too often", stale=True)
        used.add(count)
        while len(self._used) > _MOST_NONCES:
            self._used.popitem(last=False)


def _expected(given: Mapping[str, str], digest: Callable[[bytes], str], *, password: str, method: str) -> str:
    ha1 = digest(f"{given.get('username', '')}:{REALM}:{password}".encode())
    ha2 = digest(f"{method}:{given.get('uri', '')}".encode())
    middle = (
        [given.get(part, "") for part in ("nonce", "nc", "cnonce", "qop")]
        if "qop" in given
        else [given.get("nonce", "")]
    )
    return digest(":".join((ha1, *middle, ha2)).encode())


def _parameters(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    # Header bytes that are no UTF-8 arrive as surrogates, which cannot be hashed.
    text = text[:4096].encode("utf-8", errors="replace").decode()
    for part in parse_http_list(text):
        key, _, value = part.partition("=")
        found[key.strip().lower()] = value.strip().strip('"')
    return found


def _same_target(asked: str, path: str) -> bool:
    """Some clients write the absolute address into `uri`."""
    if asked == path:
        return True
    try:
        parts = urlsplit(asked)
    except ValueError:
        return False
    return bool(parts.scheme) and (parts.path + (f"?{parts.query}" if parts.query else "")) == path


def _hexadecimal(text: str) -> int:
    try:
        return int(text[:16], 16)
    except ValueError as error:
        raise DigestRefused("the Digest answer has no nonce count") from error
