"""Who is calling: HTTP Digest, a WS-UsernameToken, or both, in which case both must hold (Core 5.9)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from aiohttp import web

from adapter.onvif_device.attempts import Attempts
from adapter.onvif_device.http_digest import DigestRefused, HttpDigest
from adapter.onvif_device.ports import FaceUser, Users
from adapter.onvif_device.username_token import TokenRefused, UsernameTokens
from events.metadata.rtsp_stream import TooManyLogins
from events.xmlns import Element

_log = structlog.get_logger(__name__)


class NotAuthorized(Exception):
    """The request is not let in. `challenges` are the WWW-Authenticate values to send, if any."""

    def __init__(
        self,
        reason: str,
        *,
        http_status: int,
        challenges: tuple[str, ...] = (),
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.http_status = http_status
        self.challenges = challenges
        self.retry_after = retry_after


class Doorkeeper:
    """Checks the credentials of requests and counts the failures of addresses."""

    def __init__(self, *, users: Users, clock: Callable[[], datetime], attempts: Attempts | None = None) -> None:
        self._digest = HttpDigest(users=users, clock=clock)
        self._rtsp_digest = HttpDigest(users=users, clock=clock, qop=False)
        self._tokens = UsernameTokens(users=users, clock=clock)
        self._attempts = attempts or Attempts(clock=clock)

    def identify(self, request: web.Request, header: Element | None) -> FaceUser:
        """The user behind a request. Raises NotAuthorized."""
        address = request.remote or "unknown"
        wait = self._attempts.blocked_for(address)
        if wait is not None:
            raise NotAuthorized(
                "Too many failed logins from this address; wait a minute.", http_status=429, retry_after=wait
            )
        by_http = self._by_http(request, address)
        try:
            by_token = self._tokens.check(header)
        except TokenRefused as refused:
            self._failed(address, str(refused))
            raise NotAuthorized(f"Not authorized: {refused}.", http_status=400) from refused
        user = by_http or by_token
        if user is None:
            raise NotAuthorized(
                "This operation needs a login.", http_status=401, challenges=tuple(self._digest.challenges())
            )
        return user

    def authorize_rtsp(self, method: str, url: str, authorization: str | None, address: str) -> Sequence[str]:
        """The challenges to send with a 401, none when the request is let in: what the RTSP server asks.

        Failures count together with those over HTTP: a guesser shall not get a second set of tries at another port.
        """
        wait = self._attempts.blocked_for(address)
        if wait is not None:
            raise TooManyLogins(retry_after=wait)
        try:
            user = self._rtsp_digest.check(authorization, method=method, path=url)
        except DigestRefused as refused:
            if not refused.stale:
                self._failed(address, str(refused))
            return self._rtsp_digest.challenges(stale=refused.stale)
        return () if user is not None else self._rtsp_digest.challenges()

    def _by_http(self, request: web.Request, address: str) -> FaceUser | None:
        try:
            return self._digest.check(
                request.headers.get("Authorization"), method=request.method, path=request.raw_path
            )
        except DigestRefused as refused:
            if not refused.stale:
                self._failed(address, str(refused))
            challenges = tuple(self._digest.challenges(stale=refused.stale))
            raise NotAuthorized(f"Not authorized: {refused}.", http_status=401, challenges=challenges) from refused

    def _failed(self, address: str, reason: str) -> None:
        self._attempts.failed(address)
        _log.warning("login to the ONVIF face failed", address=address, reason=reason)
