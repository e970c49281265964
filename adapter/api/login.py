"""Signing in and out, and replacing the one-time password."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import aiohttp_jinja2
import structlog
from aiohttp import web

from adapter.api.accounts import change_own_password
from adapter.api.bodies import read_form
from adapter.api.endpoint import Call
from adapter.api.errors import ApiError
from adapter.api.ports import SERVICES
from adapter.api.security import COOKIE, IDENTITY, LONGEST_SESSION, SESSIONS
from adapter.onvif_device.attempts import Attempts
from adapter.store.audit import AuditEntry
from adapter.store.errors import Refused

log = structlog.get_logger(__name__)

ATTEMPTS = web.AppKey("attempts", Attempts)
# One at a time: a thousand guesses sent at once must not all be checked before the first failure is counted.
SIGNING_IN = web.AppKey("signing_in", asyncio.Lock)


def add_routes(app: web.Application) -> None:
    app.router.add_get("/login", _form)
    app.router.add_post("/login", _sign_in)
    app.router.add_post("/logout", _sign_out)
    app.router.add_get("/password", _password_form)
    app.router.add_post("/password", _change_password)


async def _form(request: web.Request) -> web.Response:
    return _render("login.html", request, {})


async def _sign_in(request: web.Request) -> web.Response:
    services, attempts = request.app[SERVICES], request.app[ATTEMPTS]
    _require_own_origin(request)
    name, password = await _texts(request, "name", "password")
    # By address against one guesser, by name against many who share the work.
    keys = (f"address {request.remote}", f"name {name}")
    async with request.app[SIGNING_IN]:
        wait = max((blocked for key in keys if (blocked := attempts.blocked_for(key))), default=None)
        if wait is not None:
            message = f"Too many failed attempts. Try again in {max(1, round(wait.total_seconds()))} seconds."
            return _render("login.html", request, {"problem": message}, status=429)
        user = await services.store.users.check(name, password)
        if user is None:
            for key in keys:
                attempts.failed(key)
    if user is None:
        log.warning("sign-in failed", address=request.remote)
        return _render("login.html", request, {"problem": "The name or the password is wrong."}, status=401)
    now = services.clock()
    cookie = request.app[SESSIONS].begin(user.name, now)
    await services.store.audit.add(AuditEntry(at=now, actor=user.name, action="sign-in", subject=user.name))
    response = web.Response(status=303, headers={"Location": "/password" if user.must_change else "/"})
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=int(LONGEST_SESSION.total_seconds()),
        httponly=True,
        samesite="Strict",
        secure=request.secure,
        path="/",
    )
    return response


async def _sign_out(request: web.Request) -> web.Response:
    request.app[SESSIONS].end(request.cookies.get(COOKIE, ""))
    response = web.Response(status=303, headers={"Location": "/login"})
    response.del_cookie(COOKIE, path="/")
    return response


async def _password_form(request: web.Request) -> web.Response:
    return _render("password.html", request, {"identity": request[IDENTITY]})


async def _change_password(request: web.Request) -> web.Response:
    identity = request[IDENTITY]
    current, password, again = await _texts(request, "current", "password", "again")
    call = Call(services=request.app[SERVICES], identity=identity, path={}, query=None, body=None, request=request)
    try:
        if password != again:
            raise ApiError(409, "refused", "The two new passwords differ.")
        await change_own_password(call, current, password)
    except (ApiError, Refused) as error:
        return _render("password.html", request, {"identity": identity, "problem": str(error)}, status=409)
    response = web.Response(status=303, headers={"Location": "/login"})
    response.del_cookie(COOKIE, path="/")
    return response


async def _texts(request: web.Request, *names: str) -> tuple[str, ...]:
    """Form fields as texts; a missing one is empty."""
    form = await read_form(request)
    return tuple(form.get(name, "")[:500] for name in names)


def _require_own_origin(request: web.Request) -> None:
    """Another site must not sign a browser in under an account of its choice."""
    origin = request.headers.get("Origin")
    if origin is None:
        return
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        host = ""
    if host != request.host:
        raise ApiError(403, "csrf", "The form was sent from another site.")


def _render(template: str, request: web.Request, context: dict[str, Any], status: int = 200) -> web.Response:
    return aiohttp_jinja2.render_template(template, request, context, status=status)
