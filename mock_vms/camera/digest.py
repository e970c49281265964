"""HTTP Digest access authentication (RFC 2617 and RFC 7616), for HTTP and RTSP alike.

The scheme is the same in both protocols, so the SOAP door, the snapshot door and the RTSP server share one
`DigestAuthority`. Nonces are signed instead of remembered; only the use counts of a nonce are kept, and those are
bounded.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

# Long enough that a client that polls each minute is not challenged every time, short enough to forget.
NONCE_LIFE_S = 300.0
_REMEMBERED_USES = 20_000
_LONGEST_HEADER = 4096
_PARAMETER = re.compile(r'\b(\w++)\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s,]++))')
_HASHES: Mapping[str, Callable[[bytes], str]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
}


class DigestAuthority:
    """Checks Authorization headers against a fixed set of users and words the challenges."""

    def __init__(
        self, *, realm: str, users: Mapping[str, str], qop: bool = True, clock: Callable[[], float] = time.time
    ) -> None:
        self._realm = realm
        self._users = users
        self._qop = qop
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._uses: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def challenges(self, *, stale: bool = False) -> list[str]:
        """Values for WWW-Authenticate, in order of preference. MD5 first: ONVIF demands it and old clients read one."""
        return [self._challenge(algorithm, stale) for algorithm in _HASHES]

    def challenge(self, *, stale: bool = False) -> str:
        """One MD5 challenge, for protocols whose clients expect a single header (RTSP)."""
        return self._challenge("MD5", stale)

    def authorize(self, method: str, uri: str, header: str | None) -> bool:
        """Whether the header proves that a known user asks for this method and URI."""
        return self.user_of(method, uri, header) is not None

    def user_of(self, method: str, uri: str, header: str | None) -> str | None:
        """The name of the user who signed the request, None when nobody validly did."""
        fields = _parse(header)
        user = self._signer(method, uri, fields)
        if user is None or self._age_s(fields["nonce"]) > NONCE_LIFE_S:
            return None
        return user if self._first_use(fields) else None

    def is_stale(self, method: str, uri: str, header: str | None) -> bool:
        """Whether a refused request was rightly signed, but with a nonce that is used up.

        The client is told so by `stale=true`: it shall sign again, and not think that its password is wrong.
        """
        return self._signer(method, uri, _parse(header)) is not None

    def _signer(self, method: str, uri: str, fields: Mapping[str, str]) -> str | None:
        user = fields.get("username", "")
        password = self._users.get(user)
        if password is None or fields.get("realm") != self._realm or not self._is_ours(fields.get("nonce", "")):
            return None
        if not _same_target(uri, fields.get("uri", "")):
            return None
        expected = self._expected(method, password, fields)
        return user if expected is not None and _same(expected, fields.get("response", "").lower()) else None

    def _expected(self, method: str, password: str, fields: Mapping[str, str]) -> str | None:
        digest = _HASHES.get(fields.get("algorithm", "MD5").upper())
        if digest is None:
            return None
        nonce, qop = fields["nonce"], fields.get("qop")
        ha1 = digest(_bytes(f"{fields['username']}:{self._realm}:{password}"))
        ha2 = digest(_bytes(f"{method}:{fields['uri']}"))
        if qop is None:  # RFC 2069 style; still what many RTSP clients send
            return digest(_bytes(f"{ha1}:{nonce}:{ha2}"))
        if qop != "auth":
            return None
        return digest(_bytes(f"{ha1}:{nonce}:{fields.get('nc', '')}:{fields.get('cnonce', '')}:{qop}:{ha2}"))

    def _first_use(self, fields: Mapping[str, str]) -> bool:
        """With qop each (nonce, nc, cnonce) may be used once: a repeated request is a replay."""
        if "qop" not in fields:
            return True
        use = (fields["nonce"], fields.get("nc", ""), fields.get("cnonce", ""))
        if use in self._uses:
            return False
        self._uses[use] = None
        if len(self._uses) > _REMEMBERED_USES:
            self._uses.popitem(last=False)
        return True

    def _challenge(self, algorithm: str, stale: bool) -> str:
        qop = ', qop="auth"' if self._qop else ""
        used_up = ", stale=true" if stale else ""
        return f'Digest realm="{self._realm}", nonce="{self._nonce()}"{qop}{used_up}, algorithm={algorithm}'

    def _nonce(self) -> str:
        stamp = f"{int(self._clock()):x}.{secrets.token_hex(8)}"
        return f"{stamp}.{self._sign(stamp)}"

    def _is_ours(self, nonce: str) -> bool:
        stamp, _, signature = nonce.rpartition(".")
        return _same(self._sign(stamp), signature)

    def _age_s(self, nonce: str) -> float:
        return self._clock() - int(nonce.partition(".")[0], 16)

    def _sign(self, stamp: str) -> str:
        return hmac.new(self._secret, _bytes(stamp), "sha256").hexdigest()[:32]


def _parse(header: str | None) -> dict[str, str]:
    if header is None or len(header) > _LONGEST_HEADER or header[:7].lower() != "digest ":
        return {}
    return {
        match[1].lower(): re.sub(r"\\(.)", r"\1", match[2]) if match[2] is not None else match[3]
        for match in _PARAMETER.finditer(header[7:])
    }


def _bytes(text: str) -> bytes:
    """Header values are bytes that were decoded leniently; this gives the bytes back."""
    return text.encode("utf-8", "surrogateescape")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(_bytes(one), _bytes(other))


def _same_target(asked: str, signed: str) -> bool:
    """HTTP clients sign the path, RTSP clients the presentation's URL even when they ask for a track below it."""
    if not signed:
        return False
    if asked.startswith("rtsp"):
        asked_path, signed_path = urlsplit(asked).path.rstrip("/"), urlsplit(signed).path.rstrip("/")
        return asked_path == signed_path or asked_path.startswith(signed_path + "/")
    return _path_of(asked) == _path_of(signed)


def _path_of(target: str) -> str:
    """Path and query of a request target, which through a proxy is a whole URL."""
    if not target.startswith(("http://", "https://")):
        return target
    parts = urlsplit(target)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
