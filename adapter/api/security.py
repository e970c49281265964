"""Who is asking, and may the browser be trusted to mean it: sessions, tokens, CSRF, headers.

Nothing is open but the login page, its style sheet and `/health`. Programs send `Authorization: Bearer`; people have a
session cookie, and every change they make carries the session's CSRF token.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from aiohttp import web

from adapter.api.bodies import FORM_TYPE, end_broken_body, read_form
from adapter.api.errors import KNOWN_ERRORS, ApiError, as_api_error
from adapter.api.ports import SERVICES
from adapter.store.users import Role
from adapter.workers.messages import JOIN_PATH

COOKIE = "onvif_lpr_session"
CSRF_HEADER = "X-CSRF-Token"

# A shift and a bit; a forgotten browser is signed out after an hour.
LONGEST_SESSION = timedelta(hours=12)
IDLE_SESSION = timedelta(hours=1)
# More people than any site has; the oldest session goes first.
MOST_SESSIONS = 1_000

OPEN_PATHS = frozenset({"/health", "/login", "/static/console.css", "/static/icon.svg"})
# While a one-time password is in force, only these work.
CHANGE_PATHS = frozenset({"/password", "/logout", "/api/v1/me", "/api/v1/me/password"})
SAFE_METHODS = frozenset({"GET", "HEAD"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}

log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who is asking. `csrf` is empty for tokens."""

    name: str
    role: Role
    is_token: bool = False
    csrf: str = ""

    @property
    def actor(self) -> str:
        return f"token:{self.name}" if self.is_token else self.name


IDENTITY = web.RequestKey("identity", Identity)


@dataclass(frozen=True, slots=True)
class _Session:
    user: str
    csrf: str
    made_at: datetime
    seen_at: datetime


class Sessions:
    """Signed-in browsers, by the hash of their cookie. In memory: a restart signs everybody out."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def begin(self, user: str, now: datetime) -> str:
        """A new session; the cookie's value."""
        cookie = secrets.token_urlsafe(32)
        self._sessions[_hash(cookie)] = _Session(user, secrets.token_urlsafe(24), now, now)
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        return cookie

    def find(self, cookie: str, now: datetime) -> tuple[str, str] | None:
        """(user, CSRF token) of a session that has not ended."""
        key = _hash(cookie)
        session = self._sessions.get(key)
        if session is None:
            return None
        if not self.lasts(cookie, now):
            del self._sessions[key]
            return None
        self._sessions[key] = replace(session, seen_at=now)
        return session.user, session.csrf

    def lasts(self, cookie: str, now: datetime) -> bool:
        """Whether the session has not ended; unlike `find` this is no sign of life."""
        session = self._sessions.get(_hash(cookie))
        return (
            session is not None and now - session.made_at <= LONGEST_SESSION and now - session.seen_at <= IDLE_SESSION
        )

    def end(self, cookie: str) -> None:
        self._sessions.pop(_hash(cookie), None)

    def end_all(self, user: str) -> None:
        """Sign a user out everywhere: the password or the role changed."""
        for key in [key for key, session in self._sessions.items() if session.user == user]:
            del self._sessions[key]


SESSIONS = web.AppKey("sessions", Sessions)


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refusals as JSON for programs and scripts, as a short text for a browser's address bar; headers on everything."""
    try:
        response = await handler(request)
    except KNOWN_ERRORS as error:
        known = as_api_error(error)
        response = known.response() if _wants_json(request) else _page_error(request, known)
    except web.HTTPException as error:
        if error.status < 400:
            error.headers.update(HEADERS)
            raise
        code = (error.reason or "error").lower().replace(" ", "_")
        known = ApiError(error.status, code, f"{error.reason}: {request.method} {request.path[:200]}.")
        response = known.response()
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
    end_broken_body(request, response)
    if not response.prepared:
        response.headers.update(HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
    return response


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let nobody in who is not known, nor a change that the session's own pages did not send."""
    if request.path in OPEN_PATHS:
        return await handler(request)
    header = request.headers.get("Authorization")
    if header is not None:
        request[IDENTITY] = await _token_identity(request, header)
        if may_only_join(request[IDENTITY], request.path):
            raise ApiError(403, "forbidden", "This token lets a worker join and opens nothing else.")
        return await handler(request)
    identity, must_change = await _session_identity(request)
    if request.method not in SAFE_METHODS:
        await _require_csrf(request, identity)
    if must_change and request.path not in CHANGE_PATHS:
        raise ApiError(403, "password_change_required", "Replace the one-time password first, at /password.")
    request[IDENTITY] = identity
    return await handler(request)


def may_only_join(identity: Identity, path: str) -> bool:
    """Whether this is a worker somewhere else than at its door."""
    return identity.role is Role.WORKER and path != JOIN_PATH


async def _token_identity(request: web.Request, header: str) -> Identity:
    services = request.app[SERVICES]
    scheme, _, text = header.partition(" ")
    token = await services.store.tokens.check(text.strip(), services.clock()) if scheme.lower() == "bearer" else None
    if token is None:
        raise ApiError(401, "unauthorized", "The token is unknown or has expired; make a new one under Accounts.")
    return Identity(name=token.name, role=token.role, is_token=True)


async def _session_identity(request: web.Request) -> tuple[Identity, bool]:
    services = request.app[SERVICES]
    found = request.app[SESSIONS].find(request.cookies.get(COOKIE, ""), services.clock())
    user = await services.store.users.get(found[0]) if found else None
    if found is None or user is None or not user.enabled:
        raise ApiError(401, "unauthorized", "Sign in at /login, or send a token: Authorization: Bearer ...")
    return Identity(name=user.name, role=user.role, csrf=found[1]), user.must_change


async def _require_csrf(request: web.Request, identity: Identity) -> None:
    sent = request.headers.get(CSRF_HEADER, "")
    if not sent and request.content_type == FORM_TYPE:
        sent = (await read_form(request)).get("csrf", "")
    if not hmac.compare_digest(sent.encode("utf-8", "replace"), identity.csrf.encode()):
        raise ApiError(403, "csrf", f"The header {CSRF_HEADER} is missing or old; reload the page.")


def _wants_json(request: web.Request) -> bool:
    return request.path.startswith("/api/") or "text/html" not in request.headers.get("Accept", "")


def _page_error(request: web.Request, error: ApiError) -> web.Response:
    if error.status == 401:
        return web.Response(status=303, headers={"Location": "/login"})
    if error.code == "password_change_required":
        return web.Response(status=303, headers={"Location": "/password"})
    return web.Response(status=error.status, text=f"{error.detail}\n")


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "surrogatepass")).hexdigest()
