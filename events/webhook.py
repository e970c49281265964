"""Tells a web server about events by signed POST requests, as the Standard Webhooks specification describes them.

`webhook-id` is the event id, the same on every attempt and on every channel: the receiver drops what it has seen.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import aiohttp
from standardwebhooks.webhooks import Webhook

from events import codec
from events.errors import OutputRefused, OutputUnavailable
from events.picture_links import Which, picture_url
from events.types import AlarmRaised, Delivery, Event, PlateRecognized
from events.urls import split_url
from events.xmlns import xs_time

_CONNECT_TIMEOUT_S = 5.0
_TOTAL_TIMEOUT_S = 15.0  # Standard Webhooks recommends 15 to 30 s
_MAX_ANSWER_BYTES = 16 * 1024  # we only want the first words of an error page
# What may be said of the very message. Every other refusal (401, 403, 404, a redirect) is of the way to the receiver: a
# proxy's while the VMS behind it is replaced, or a wrong address or token that a person is mending.
_ABOUT_THE_MESSAGE = {400, 413, 415, 422}
_GONE = 410
_PICTURES: tuple[Which, ...] = ("frame", "plate")
_UNAVAILABLE = (aiohttp.ClientError, TimeoutError, OSError)
# aiohttp lets through what the URL parser and the name resolver say of a host they cannot use.
_UNUSABLE = (aiohttp.InvalidURL, ValueError)


class UrlPolicy(Protocol):
    """Says whether an outbound URL may be called. Raises ValueError with a reason when not."""

    def check(self, url: str) -> None: ...


class OperatorUrlPolicy:
    """For URLs an administrator typed in: http and https with a host, private addresses only if allowed.

    A host name that resolves to a private address passes: the names of a site's own network are the administrator's
    business, and a client cannot set these URLs.
    """

    def __init__(self, *, deny_private: bool = False) -> None:
        self._deny_private = deny_private

    def check(self, url: str) -> None:
        host = split_url(url, schemes=("http", "https")).hostname or ""
        if self._deny_private and _is_private(host):
            raise ValueError(f"{host} is a private address and the policy denies those")


class Signer(Protocol):
    """What we use of standardwebhooks, which has no types."""

    def sign(self, msg_id: str, timestamp: datetime, data: str) -> str: ...


OwnUrl = Callable[[str], Awaitable[str | None]]
"""Our own address as the receiver at a URL reaches it, None when that cannot be told."""


async def _nobody_knows(url: str) -> str | None:
    return None


class WebhookOutput:
    """A durable output that POSTs signed JSON. The caller owns the aiohttp session."""

    def __init__(
        self,
        *,
        output_id: str,
        url: str,
        secret: str,
        session: aiohttp.ClientSession,
        public_url: str | None = None,
        own_url: OwnUrl = _nobody_knows,
        policy: UrlPolicy | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`secret` is `whsec_` and base64.

        `public_url` is our own address as receivers reach it, for picture links; without it, `own_url` is asked.
        """
        self.output_id = output_id
        self._url = url
        self._signer: Signer = Webhook(secret)
        self._session = session
        self._public_url = public_url
        self._own_url = own_url
        self._policy = policy or OperatorUrlPolicy()
        self._clock = clock

    async def send(self, delivery: Delivery) -> None:
        """POST once. Raises OutputRefused (it does not take this message, or is gone for good) or OutputUnavailable."""
        try:
            self._policy.check(self._url)
        except ValueError as error:
            raise OutputUnavailable(f"the URL is not allowed: {error}") from error
        event = delivery.event
        body = payload(event, public_url=self._public_url or await self._own_url(self._url))
        now = self._clock().astimezone(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": event.event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(event.event_id, now, body),
        }
        try:
            async with self._session.post(
                self._url,
                data=body.encode(),
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=_TOTAL_TIMEOUT_S, sock_connect=_CONNECT_TIMEOUT_S),
            ) as answer:
                words = await _first_words(answer) if answer.status >= 300 else ""
                self._judge(answer, words)
        except _UNUSABLE as error:
            raise OutputUnavailable(f"the URL cannot be used: {error}") from error
        except _UNAVAILABLE as error:
            raise OutputUnavailable(f"{type(error).__name__}: {error}".rstrip(": ")) from error

    def _judge(self, answer: aiohttp.ClientResponse, words: str) -> None:
        status = answer.status
        if 200 <= status < 300:
            return
        told = f"HTTP {status} {answer.reason or ''}".strip() + (f": {words}" if words else "")
        if 300 <= status < 400:
            told = f"{told}; redirects are not followed, configure the final URL"
        if status in _ABOUT_THE_MESSAGE or status == _GONE:
            raise OutputRefused(told, final=status == _GONE)
        raise OutputUnavailable(told, retry_after=_retry_after(answer.headers.get("retry-after"), self._clock()))


def payload(event: Event, *, public_url: str | None = None) -> str:
    """The JSON body: `id`, `type`, `time`, `data`. Plates are always strings, times end in `Z`."""
    return json.dumps(
        {
            "id": event.event_id,
            "type": event.kind,
            "time": xs_time(event.utc_time),
            "data": _data(event, public_url),
        },
        separators=(",", ":"),
        ensure_ascii=False,
    )


def _data(event: Event, public_url: str | None) -> dict[str, Any]:
    """The event's own fields, with picture files turned into links (or left out when we have no public address)."""
    data = codec.to_plain(event)
    data.pop("kind")
    if isinstance(event, PlateRecognized):
        # Flat beside the structure, so that a receiver without a JSON path language can use it.
        data["plate_number"] = event.plate.plate_number
        data["country_code"] = event.plate.country_code
    if isinstance(event, AlarmRaised | PlateRecognized):
        for which in _PICTURES:
            del data[f"{which}_picture"]
            data[f"{which}_picture_url"] = picture_url(event, which, public_url) if public_url else None
    return data


async def _first_words(answer: aiohttp.ClientResponse) -> str:
    raw = await answer.content.read(_MAX_ANSWER_BYTES)
    text = raw.decode("utf-8", errors="replace")
    return " ".join(text.split())[:200]


def _retry_after(value: str | None, now: datetime) -> timedelta | None:
    """The Retry-After header: seconds or an HTTP date."""
    if not value:
        return None
    if value.strip().isdecimal():
        return timedelta(seconds=min(int(value[:9]), 86_400))
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(moment - now, timedelta(0))


def _is_private(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
