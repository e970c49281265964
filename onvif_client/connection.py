"""One camera's HTTP side: bounded, timed, logged in. Both SOAP layers (zeep and lxml) and the snapshots go through it.

How it logs in: the camera's clock is read without credentials first, so that the time inside a UsernameToken is the
camera's own. UsernameToken goes first; when the camera answers 401 with a Digest challenge, HTTP Digest follows
without a token. What worked is remembered. A wrong password therefore costs two failed logins at most, and then this
object asks no more until REFUSED_RETRY has passed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from lxml import etree
from yarl import URL

from onvif_client import envelope as soap
from onvif_client.answers import camera_time, date_of, is_refusal, read_answer, status_error
from onvif_client.auth import DigestLogin, basic_header, offers_basic, username_token
from onvif_client.errors import REFUSED_RETRY, CameraRefused, CameraRejected, CameraUnsupported, redact_url
from onvif_client.http import Answer, Http

# Imaging and encoder changes restart parts of a camera; answers have been seen after more than ten seconds.
SLOW_OPERATIONS = frozenset({"SetImagingSettings", "SetVideoEncoderConfiguration"})
SLOW_FACTOR = 3

# A clock that moved less than this cannot be why a token was refused: the strictest firmware allows 5 s.
CLOCK_MOVED = timedelta(seconds=3)

CONTENT_TYPE = {"Content-Type": "application/soap+xml; charset=utf-8"}


class Login(StrEnum):
    """What the camera was found to accept."""

    UNKNOWN = "unknown"
    USERNAME_TOKEN = "username_token"
    DIGEST = "digest"


class Connection:
    """`open` before use, `aclose` after. `url` is the device service address."""

    def __init__(
        self,
        *,
        url: URL,
        user: str,
        password: str,
        timeout_s: float = 10.0,
        verify_tls: bool = True,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = url
        self.login = Login.UNKNOWN
        self.clock_offset = timedelta(0)
        self.failed_logins = 0
        self._user = user
        self._password = password
        self.timeout_s = timeout_s
        self._http = Http(verify_tls=verify_tls)
        self._now = now
        self._monotonic = monotonic
        self._digest: DigestLogin | None = None
        self._first_login = asyncio.Lock()
        self._refused_at: float | None = None

    async def open(self) -> None:
        await self._http.open()

    async def aclose(self) -> None:
        await self._http.aclose()

    def held(self) -> AbstractAsyncContextManager[None]:
        """See `Http.held`."""
        return self._http.held()

    async def call(
        self,
        url: URL,
        request: etree._Element,
        *,
        headers: tuple[etree._Element, ...] = (),
        timeout_s: float | None = None,
        authenticate: bool = True,
    ) -> etree._Element:
        """Ask with a body element; returns the answer's body element."""
        return await self.exchange(url, soap.wrap(request, headers), timeout_s=timeout_s, authenticate=authenticate)

    async def exchange(
        self,
        url: URL,
        envelope: etree._Element,
        *,
        content_headers: dict[str, str] | None = None,
        timeout_s: float | None = None,
        authenticate: bool = True,
    ) -> etree._Element:
        """Send a whole envelope; returns the body element of the answer, which is the one asked for."""
        body = soap.body_of(envelope, asked="request")
        operation = soap.local_name(body)
        ask = _Ask(
            url=url,
            operation=operation,
            envelope=envelope,
            headers=CONTENT_TYPE if content_headers is None else content_headers,
            timeout_s=timeout_s if timeout_s is not None else self._timeout_of(operation),
        )
        answer = await (self._ask_as_user(ask) if authenticate and self._user else self._post(ask))
        return read_answer(ask.operation, answer)

    async def get(self, url: URL, *, limit_bytes: int, timeout_s: float | None = None) -> tuple[bytes, str]:
        """Fetch a resource of the camera; returns the bytes and their content type. One login attempt at most."""
        self._refuse_early("GET")
        timeout_s = timeout_s if timeout_s is not None else self.timeout_s
        headers: dict[str, str] = {}
        if self._digest is not None:
            headers = {"Authorization": self._digest_header("GET", url)}
        answer = await self._http.send("GET", url, headers=headers, timeout_s=timeout_s, limit_bytes=limit_bytes)
        if answer.status == 401 and self._user:
            header = self._answer_challenge("GET", url, answer)
            if header is not None:
                headers = {"Authorization": header}
                answer = await self._http.send(
                    "GET", url, headers=headers, timeout_s=timeout_s, limit_bytes=limit_bytes
                )
        asked = f"GET {redact_url(str(url))}"
        if answer.status in (401, 403):
            self._count_refusal()
            raise CameraRefused(self._refusal(asked))
        if answer.status != 200:
            raise status_error(asked, answer)
        return answer.body, answer.content_type

    async def read_clock(self) -> timedelta:
        """Read the camera's clock and keep its offset; some cameras want a login even for this."""
        request = soap.element("tds:GetSystemDateAndTime")
        ask = _Ask(
            url=self.url,
            operation="GetSystemDateAndTime",
            envelope=soap.wrap(request),
            headers=CONTENT_TYPE,
            timeout_s=self.timeout_s,
        )
        answer = await self._post(ask)
        if is_refusal(answer) and self._user:
            # Its clock is hidden, but every HTTP answer tells the time too.
            self._use_clock(date_of(answer.date))
            answer = await self._ask_as_user(ask)
        try:
            self._use_clock(camera_time(read_answer(ask.operation, answer)))
        except (CameraUnsupported, CameraRejected):
            self._use_clock(date_of(answer.date))
        return self.clock_offset

    async def _ask_as_user(self, ask: _Ask) -> Answer:
        if self.login is not Login.UNKNOWN:
            return await self._ask_logged_in(ask)
        async with self._first_login:
            # Side by side, first calls with a wrong password would each count as a failed login.
            return await self._ask_logged_in(ask)

    async def _ask_logged_in(self, ask: _Ask) -> Answer:
        self._refuse_early(ask.operation)
        if self.login is Login.DIGEST and self._digest is not None:
            answer = await self._post(ask, authorization=self._digest_header("POST", ask.url))
        else:
            answer = await self._post(ask, token=True)
            if is_refusal(answer) and self.login is Login.USERNAME_TOKEN and await self._clock_moved():
                answer = await self._post(ask, token=True)
        if answer.status == 401:
            header = self._answer_challenge("POST", ask.url, answer) if self.login is not Login.USERNAME_TOKEN else None
            if header is not None:
                if self.login is Login.UNKNOWN:
                    self.failed_logins += 1
                answer = await self._post(ask, authorization=header)
                if not is_refusal(answer):
                    self.login = Login.DIGEST
        if is_refusal(answer):
            self._count_refusal()
            raise CameraRefused(self._refusal(ask.operation))
        if self.login is Login.UNKNOWN:
            self.login = Login.USERNAME_TOKEN
        self.failed_logins = 0
        return answer

    def _answer_challenge(self, method: str, url: URL, answer: Answer) -> str | None:
        """An Authorization header for a 401, None when it offers nothing we can use."""
        digest = DigestLogin.from_challenges(answer.challenges)
        if digest is not None:
            self._digest = digest
            return self._digest_header(method, url)
        # Basic shows the password to the wire. Cameras ask for it on snapshots only; SOAP has better ways.
        if method == "GET" and offers_basic(answer.challenges):
            return basic_header(user=self._user, password=self._password)
        return None

    def _digest_header(self, method: str, url: URL) -> str:
        assert self._digest is not None
        return self._digest.header(method=method, url=url, user=self._user, password=self._password)

    async def _clock_moved(self) -> bool:
        """Whether the camera's clock jumped since we read it (a reboot); reading it costs no login."""
        before = self.clock_offset
        answer = await self._post(
            _Ask(
                url=self.url,
                operation="GetSystemDateAndTime",
                envelope=soap.wrap(soap.element("tds:GetSystemDateAndTime")),
                headers=CONTENT_TYPE,
                timeout_s=self.timeout_s,
            )
        )
        if answer.status != 200:
            return False
        self._use_clock(camera_time(soap.body_of(soap.parse(answer.body, asked="GetSystemDateAndTime"), asked="clock")))
        return abs(self.clock_offset - before) > CLOCK_MOVED

    def _use_clock(self, camera_time: datetime | None) -> None:
        if camera_time is not None:
            self.clock_offset = camera_time - self._now()

    async def _post(self, ask: _Ask, *, token: bool = False, authorization: str | None = None) -> Answer:
        envelope = ask.envelope
        if token:
            envelope = _with_header(
                envelope,
                username_token(user=self._user, password=self._password, created=self._now() + self.clock_offset),
            )
        headers = dict(ask.headers)
        if authorization is not None:
            headers["Authorization"] = authorization
        return await self._http.send(
            "POST", ask.url, body=soap.serialize(envelope), headers=headers, timeout_s=ask.timeout_s
        )

    def _timeout_of(self, operation: str) -> float:
        return self.timeout_s * (SLOW_FACTOR if operation in SLOW_OPERATIONS else 1)

    def _refuse_early(self, operation: str) -> None:
        """Once refused with no success since, ask no more for a while: the next wrong login could lock the account."""
        if self._refused_at is None:
            return
        if self._monotonic() - self._refused_at >= REFUSED_RETRY.total_seconds():
            self._refused_at = None
            self.failed_logins = 0
            return
        raise CameraRefused(f"{operation} was not sent: {self._refusal('the last login')}")

    def _count_refusal(self) -> None:
        self.failed_logins += 1
        # Somebody who was let in before has too low a level for this one call, or the password was just changed.
        if self.login is Login.UNKNOWN or self.failed_logins >= 3:
            self._refused_at = self._monotonic()

    def _refusal(self, operation: str) -> str:
        where = redact_url(str(self.url.origin()))
        if not self._user:
            return f"{operation}: {where} wants a login. Give the camera's user and password."
        if self.login is not Login.UNKNOWN:
            return (
                f"{operation}: {where} does not allow this to user '{self._user}'. Raise its level in the camera,"
                " or check whether the password was changed."
            )
        return (
            f"{operation}: {where} refused user '{self._user}'. Check user and password, and that the user is enabled"
            " for ONVIF in the camera (a list of its own on many models). Wait before trying again: cameras lock"
            " accounts, often for half an hour."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    url: URL
    operation: str
    envelope: etree._Element
    headers: dict[str, str]
    timeout_s: float


def _with_header(envelope: etree._Element, header: etree._Element) -> etree._Element:
    """A copy of the envelope with one header more; the original may be sent again without it."""
    copy = etree.fromstring(etree.tostring(envelope))
    found = soap.child(copy, "Header")
    if found is None:
        found = etree.Element(etree.QName(etree.QName(copy).namespace, "Header"))
        copy.insert(0, found)
    found.append(header)
    return copy
