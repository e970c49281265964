"""One ONVIF device through onvif-zeep: connect, subscribe, seek, pull, renew, unsubscribe. Blocking; one thread each.

Traps of the library that this file knows: the constructor creates a pull point that nobody unsubscribes; it has no
Renew, no Unsubscribe and no time-outs; every error is an ONVIFError around the real one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin, urlsplit

import onvif
import requests
import zeep.exceptions
from lxml import etree

from mock_vms.vms.errors import DeviceError, DeviceRefused, DeviceUnreachable, SubscriptionGone
from mock_vms.vms.transport import OnvifTransport

EVENTS = "http://www.onvif.org/ver10/events/wsdl"
PULL_POINT = f"{EVENTS}/PullPointSubscription"
# Three missed pulls and a slow renewal fit into it, and a pull point we leave behind by dying is gone after a minute.
SUBSCRIPTION_LIFE = timedelta(seconds=60)
# What a slow device may need on top of the time that it was asked to wait for messages.
ANSWER_TIMEOUT_S = 10.0
FOREIGN_ERRORS = (
    onvif.ONVIFError,
    zeep.exceptions.Error,
    requests.RequestException,
    etree.LxmlError,
    OSError,
    # zeep indexes into answers that lack what the schema promises
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One message of a pull: the topic as written and the tt:Message element."""

    topic: str
    message: etree._Element


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a device answers. onvif-zeep fixes the path to /onvif/device_service."""

    host: str
    port: int
    scheme: str = "http"

    @classmethod
    def parse(cls, text: str) -> Address:
        """From `http://host:port/…` or `host:port`; ValueError with the reason."""
        try:
            url = urlsplit(text if "://" in text else f"http://{text}")
            host, port = url.hostname or "", url.port
            host.encode("idna")  # what the resolver would say much later
        except ValueError as error:
            raise ValueError(f"{text!r} is no address of an ONVIF device ({error}); write http://HOST:PORT") from error
        if url.scheme not in {"http", "https"} or not host:
            raise ValueError(f"{text!r} is no address of an ONVIF device; write http://HOST:PORT")
        if url.username or url.password:
            raise ValueError("give user and password separately, not inside the address")
        return cls(host=host, port=port or (443 if url.scheme == "https" else 80), scheme=url.scheme)

    @property
    def device_id(self) -> str:
        return f"{self._bracketed}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.device_id}"

    @property
    def client_host(self) -> str:
        """The host as ONVIFCamera wants it: it puts a port behind and a scheme in front when there is none."""
        return f"{self.scheme}://{self._bracketed}"

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


class _Client(onvif.ONVIFCamera):  # type: ignore[misc]  # onvif-zeep has no types
    """ONVIFCamera without the pull point that its constructor would create and forget.

    The constructor asks for the event service inside a bare `except: pass`; refusing it there keeps the device clean.
    """

    _constructed = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._constructed = True

    def create_events_service(self, from_template: bool = True) -> Any:
        if not self._constructed:
            raise onvif.ONVIFError("no event service before it is asked for")
        return super().create_events_service(from_template)


class OnvifDevice:
    """A connected device and its one pull point."""

    def __init__(self, *, address: Address, user: str, password: str, pull_s: float) -> None:
        self._address = address
        self._user = user
        self._password = password
        self._pull_s = pull_s
        self._client: Any = None
        self._pull_point: Any = None
        self._manager: Any = None
        self.model = ""
        self.camera_names: dict[str, str] = {}

    def connect(self) -> None:
        """Log in, learn the services and who the device is."""
        transport = OnvifTransport(
            user=self._user, password=self._password, operation_timeout_s=self._pull_s + ANSWER_TIMEOUT_S
        )
        with _translated():
            self._client = _Client(
                self._address.client_host,
                self._address.port,
                self._user,
                self._password,
                adjust_time=True,
                no_cache=True,
                transport=transport,
            )
            about = self._client.devicemgmt.GetDeviceInformation()
            self.model = " ".join(filter(None, (about.Manufacturer, about.Model, about.FirmwareVersion)))
            self._client.create_events_service()
        self.camera_names = self._video_sources()

    def subscribe(self) -> None:
        """Create the pull point. An old one of ours runs out by itself."""
        with _translated():
            answer = self._client.events.CreatePullPointSubscription(
                {"InitialTerminationTime": f"PT{SUBSCRIPTION_LIFE.seconds}S"}
            )
            written = str(answer.SubscriptionReference.Address._value_1 or "").strip()
            service_url = self._client.xaddrs[EVENTS]
            # Some devices write a relative address or a bare URN; then the event service itself is the best guess.
            address = urljoin(service_url, written)
            address = address if urlsplit(address).scheme in {"http", "https"} else service_url
            self._client.xaddrs[PULL_POINT] = address
            self._pull_point = self._client.create_pullpoint_service()
            self._manager = self._pull_point.zeep_client.create_service(
                f"{{{EVENTS}}}SubscriptionManagerBinding", address
            )

    def seek(self, utc_time: datetime) -> None:
        """Ask for everything stored since `utc_time`. DeviceError when the device keeps nothing."""
        with _translated():
            self._pull_point.Seek({"UtcTime": utc_time.astimezone(UTC), "Reverse": False})

    def synchronize(self) -> None:
        """Ask for the present state of every property (relays), which a Seek has swept away."""
        with _translated():
            self._pull_point.SetSynchronizationPoint()

    def pull(self, limit: int) -> Sequence[Notification]:
        """Wait up to `pull_s` for messages; empty when none came. SubscriptionGone when the pull point is no more."""
        with _translated(while_pulling=True):
            answer = self._pull_point.PullMessages({"Timeout": timedelta(seconds=self._pull_s), "MessageLimit": limit})
            return list(_notifications(answer.NotificationMessage or ()))

    def renew(self) -> None:
        with _translated(while_pulling=True):
            self._manager.Renew(TerminationTime=f"PT{SUBSCRIPTION_LIFE.seconds}S")

    def unsubscribe(self) -> None:
        with _translated():
            if self._manager is not None:
                self._manager.Unsubscribe()
        self._manager = self._pull_point = None

    def now(self) -> datetime:
        """The time by the device's own clock."""
        offset: timedelta | None = self._client.dt_diff if self._client is not None else None
        return datetime.now(UTC) + (offset or timedelta())

    def close(self) -> None:
        """Close the connections; the device is not asked."""
        if self._client is not None:
            self._client.transport.session.close()
            self._client = self._pull_point = self._manager = None

    def _video_sources(self) -> dict[str, str]:
        """The names of the device's cameras by video source token; empty when it has no media service."""
        try:
            with _translated():
                profiles = self._client.create_media_service().GetProfiles() or ()
                sources = [p.VideoSourceConfiguration for p in profiles if p.VideoSourceConfiguration is not None]
                return {str(s.SourceToken): str(s.Name) for s in sources if s.SourceToken and s.Name}
        except DeviceError:
            return {}  # a device without pictures may still send events; its tokens are shown as they are


def _notifications(holders: Sequence[Any]) -> Iterator[Notification]:
    for holder in holders:
        topic = getattr(holder.Topic, "_value_1", holder.Topic)
        message = getattr(holder.Message, "_value_1", holder.Message)
        if isinstance(topic, str) and isinstance(message, etree._Element):
            yield Notification(topic=topic, message=message)


@contextmanager
def _translated(*, while_pulling: bool = False) -> Iterator[None]:
    """Errors of onvif-zeep, zeep, requests and lxml as ours."""
    try:
        yield
    except FOREIGN_ERRORS as error:
        cause = _cause(error)
        text = _plain(cause)
        if _is_refusal(cause, text):
            raise DeviceRefused(f"the device refuses the user or the password ({text})") from error
        if while_pulling and isinstance(cause, zeep.exceptions.Fault):
            raise SubscriptionGone(f"the device ended the subscription ({text})") from error
        raise DeviceUnreachable(text) from error


def _plain(cause: BaseException) -> str:
    """One short sentence; requests buries it in the names of its own classes."""
    if isinstance(cause, requests.Timeout):
        return "no answer in time"
    buried = getattr(cause.args[0] if cause.args else None, "reason", None)
    text = str(buried or cause).rsplit("Failed to establish a new connection: ", 1)[-1]
    return " ".join(text.split())[:300] or type(cause).__name__


def _cause(error: BaseException) -> BaseException:
    """What onvif-zeep wrapped: it keeps only the text, Python keeps the exception as its context."""
    while isinstance(error, onvif.ONVIFError) and error.__context__ is not None:
        error = error.__context__
    return error


def _is_refusal(cause: BaseException, text: str) -> bool:
    if isinstance(cause, zeep.exceptions.TransportError):
        return cause.status_code in {401, 403}
    if not isinstance(cause, zeep.exceptions.Fault):
        return False
    return any("NotAuthorized" in str(code) for code in cause.subcodes or ()) or "not authorized" in text.lower()
