"""Who may look and switch: one token, as a bearer or as a cookie; open without it only on a loopback address.

Webhooks are outside of this: their signature is their login. Virtual outputs always want the token, even when the rest
is open, because a gate is not a page.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from urllib.parse import SplitResult, urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

COOKIE = "mock_vms"
_OPEN_PATHS = ("/webhooks/", "/static/", "/login", "/health")
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def is_loopback(host: str) -> bool:
    """Whether a host name or address in a URL or a `--host` means this machine and nothing else."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Access:
    """Checks requests against the token. `open_to_loopback` needs no login for anything but outputs."""

    def __init__(self, *, token: str, open_to_loopback: bool) -> None:
        self._token = token.encode()
        self._open = open_to_loopback

    @property
    def cookie(self) -> str:
        """What the browser keeps: it proves the token without being it."""
        return hmac.new(self._token, b"mock-vms page cookie", hashlib.sha256).hexdigest()

    def is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(errors="replace"), self._token)

    def has_token(self, request: web.Request) -> bool:
        """Whether the request carries the token or the cookie made from it."""
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.is_token(value.strip()):
            return True
        return hmac.compare_digest(request.cookies.get(COOKIE, "").encode(errors="replace"), self.cookie.encode())

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """401 (or the login page) without the token, 403 for a page of another site that sends our cookie."""
        if not request.path.startswith(_OPEN_PATHS) and (refusal := self._refusal(request)) is not None:
            refusal.headers.update(_HEADERS)
            return refusal
        return await handler(request)

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self._open and not is_loopback(_split(f"//{request.host}").hostname or ""):
            return _error(403, "This page is open to this machine only; the Host header names another one.")
        origin = request.headers.get("Origin")
        if request.method not in _SAFE_METHODS and origin and _split(origin).netloc != request.host:
            return _error(403, "A page of another site may not change anything here.")
        if self.has_token(request) or (self._open and not request.path.startswith("/outputs/")):
            return None
        if request.method in _SAFE_METHODS and "text/html" in request.headers.get("Accept", ""):
            return web.Response(status=303, headers={"Location": "/login"})
        return _error(401, "Send the token that mock-vms printed: Authorization: Bearer TOKEN.")


def _split(address: str) -> SplitResult:
    """An address out of a header; one that cannot be read names no host."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Signal `on_response_prepare`: nothing is framed, sniffed, cached or loaded from elsewhere."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)
