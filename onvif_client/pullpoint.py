"""A pull point at the camera: what its relays, inputs and analytics report.

Subscriptions are where firmwares differ most: addresses nobody can reach, durations that are refused, Renew that does
not renew, only a handful of pull points that leak until the next restart. So the address is mended, an absolute time
follows a refused duration, a lost subscription is made anew once per pull, and leaving always unsubscribes.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

import structlog
from lxml import etree
from yarl import URL

from onvif_client import envelope as soap
from onvif_client.errors import CameraError, CameraMisbehaved, CameraRejected, CameraUnsupported
from onvif_client.services import Services

log = structlog.get_logger(__name__)

TOPICS = "http://www.onvif.org/ver10/topics"
CONCRETE_SET = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
EVENT_ACTION = "http://www.onvif.org/ver10/events/wsdl"
WSN_ACTION = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager"

LIFE_S = 60.0
# Renewed when a fifth is left, so that one lost Renew does not lose the subscription.
RENEW_AT = 0.8

MESSAGE_LIMIT = 64
# Some cameras ignore the limit; beyond this they are flooding.
ACCEPTED_MESSAGES = 1000

# What a refused or broken subscription ends in; the next one may do.
SUBSCRIPTION_ERRORS = (CameraRejected, CameraUnsupported, CameraMisbehaved)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One event message. `topic` is written with `tns1:` whatever prefix the camera used.

    `source` and `data` are the simple items. `elements` are the leaves of the element items by path, for example
    `LicensePlateInfo/LicensePlateInfo/PlateNumber`.
    """

    topic: str
    utc_time: datetime | None
    operation: str | None
    source: Mapping[str, str]
    data: Mapping[str, str]
    elements: Mapping[str, str] = field(default_factory=dict)


class PullPoint:
    """`async with PullPoint(services) as point:` and then `await point.pull()` in a loop. One task at a time."""

    def __init__(
        self,
        services: Services,
        *,
        topics: tuple[str, ...] = (),
        life_s: float = LIFE_S,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._services = services
        self._topics = topics
        self._life_s = life_s
        self._now = now
        self._monotonic = monotonic
        self._address: URL | None = None
        self._reference: tuple[etree._Element, ...] = ()
        self._absolute_times = False
        self._renew_at = 0.0

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def open(self) -> None:
        """Subscribe. A duration goes first; cameras that refuse it get the absolute time."""
        try:
            await self._create()
        except CameraRejected:
            if self._absolute_times:
                raise
            self._absolute_times = True
            await self._create()

    async def pull(self, *, timeout_s: float = 10.0) -> tuple[Notification, ...]:
        """Wait for messages, at most `timeout_s`; none when nothing happened. A lost subscription is made anew once."""
        if self._address is None:
            await self.open()
        try:
            await self._renew_in_time(timeout_s)
            return await self._pull(timeout_s)
        except SUBSCRIPTION_ERRORS as error:
            log.debug("subscription lost, subscribing again", problem=str(error))
            await self.aclose()
            await self.open()
            return await self._pull(timeout_s)

    async def aclose(self) -> None:
        """Give the pull point back; cameras have few. A camera that cannot be asked has forgotten it anyway."""
        address, self._address = self._address, None
        if address is None:
            return
        try:
            await self._call(address, etree.Element(f"{{{soap.WSNT}}}Unsubscribe"), f"{WSN_ACTION}/UnsubscribeRequest")
        except CameraError as error:
            log.debug("not unsubscribed", problem=str(error))

    async def _create(self) -> None:
        request = soap.element("tev:CreatePullPointSubscription")
        if self._topics:
            expression = etree.Element(
                f"{{{soap.WSNT}}}TopicExpression", nsmap={"wsnt": soap.WSNT, "tns1": TOPICS}, Dialect=CONCRETE_SET
            )
            expression.text = "|".join(self._topics)
            request.append(soap.element("tev:Filter", expression))
        request.append(soap.element("tev:InitialTerminationTime", text=self._until()))
        address = self._services.address(soap.TEV)
        answer = await self._call(
            address, request, f"{EVENT_ACTION}/EventPortType/CreatePullPointSubscriptionRequest", reference=()
        )
        reference = soap.child(answer, "SubscriptionReference")
        self._address = self._mend(soap.text(reference, "Address"), address)
        parameters = soap.child(reference, "ReferenceParameters")
        self._reference = () if parameters is None else tuple(_as_header(each) for each in soap.elements(parameters))
        self._remember_life(answer)

    async def _pull(self, timeout_s: float) -> tuple[Notification, ...]:
        assert self._address is not None
        request = soap.element(
            "tev:PullMessages",
            soap.element("tev:Timeout", text=_duration(timeout_s)),
            soap.element("tev:MessageLimit", text=str(MESSAGE_LIMIT)),
        )
        action = f"{EVENT_ACTION}/PullPointSubscription/PullMessagesRequest"
        answer = await self._call(self._address, request, action, wait_s=timeout_s)
        messages = soap.children(answer, "NotificationMessage")[:ACCEPTED_MESSAGES]
        return tuple(read_notification(each) for each in messages)

    async def _renew_in_time(self, timeout_s: float) -> None:
        """Renew when the life would end during the next wait. Not every camera counts a pull as a sign of life."""
        if self._monotonic() + timeout_s < self._renew_at:
            return
        assert self._address is not None
        action = f"{WSN_ACTION}/RenewRequest"
        try:
            answer = await self._call(self._address, self._renewal(), action)
        except CameraRejected:
            if self._absolute_times:
                raise
            self._absolute_times = True
            answer = await self._call(self._address, self._renewal(), action)
        self._remember_life(answer)

    def _renewal(self) -> etree._Element:
        request = etree.Element(f"{{{soap.WSNT}}}Renew", nsmap={"wsnt": soap.WSNT})
        etree.SubElement(request, f"{{{soap.WSNT}}}TerminationTime").text = self._until()
        return request

    async def _call(
        self,
        address: URL,
        request: etree._Element,
        action: str,
        *,
        reference: tuple[etree._Element, ...] | None = None,
        wait_s: float = 0.0,
    ) -> etree._Element:
        """Event calls need WS-Addressing; on other services some cameras refuse it."""
        headers = _addressing(address, action) + tuple(
            deepcopy(each) for each in (self._reference if reference is None else reference)
        )
        connection = self._services.connection
        return await connection.call(address, request, headers=headers, timeout_s=connection.timeout_s + wait_s)

    def _until(self) -> str:
        if not self._absolute_times:
            return _duration(self._life_s)
        end = self._now() + self._services.connection.clock_offset + timedelta(seconds=self._life_s)
        return end.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _remember_life(self, answer: etree._Element) -> None:
        current, end = _time(soap.text(answer, "CurrentTime")), _time(soap.text(answer, "TerminationTime"))
        granted_s = (end - current).total_seconds() if current is not None and end is not None else self._life_s
        # A camera that grants nothing or more than asked miscounts; what we asked for is the better guess.
        if not 0 < granted_s <= self._life_s:
            granted_s = self._life_s
        self._renew_at = self._monotonic() + granted_s * RENEW_AT

    def _mend(self, claimed: str, events: URL) -> URL:
        """Quirks of many vendors: `urn:uuid:...`, nothing at all, `http:///path`, another host or port."""
        if not claimed.lower().startswith(("http://", "https://")):
            return events.join(URL(claimed)) if claimed.startswith("/") else events
        scheme, _, rest = claimed.partition("://")
        if rest.startswith("/"):
            return events.join(URL(rest))
        return self._services.reachable(f"{scheme.lower()}://{rest}")


def read_notification(message: etree._Element) -> Notification:
    """A wsnt:NotificationMessage; what is missing is empty."""
    inner = soap.child(message, "Message", "Message")
    topic = soap.child(message, "Topic")
    data = soap.child(inner, "Data")
    return Notification(
        topic=_topic(topic) if topic is not None else "",
        utc_time=_time(inner.get("UtcTime", "")) if inner is not None else None,
        operation=inner.get("PropertyOperation") if inner is not None else None,
        source=_simple_items(soap.child(inner, "Source")),
        data=_simple_items(data),
        elements=dict(_leaves(data)),
    )


def _simple_items(group: etree._Element | None) -> dict[str, str]:
    return {name: each.get("Value", "") for each in soap.children(group, "SimpleItem") if (name := each.get("Name"))}


def _leaves(data: etree._Element | None) -> list[tuple[str, str]]:
    found = []
    for item in soap.children(data, "ElementItem"):
        for leaf in item.iter("{*}*"):
            if leaf is item or len(leaf):
                continue
            way = [soap.local_name(leaf)]
            for parent in leaf.iterancestors():
                if parent is item:
                    break
                way.append(soap.local_name(parent))
            found.append(("/".join([item.get("Name", ""), *reversed(way)]), soap.value_of(leaf)))
    return found


def _topic(element: etree._Element) -> str:
    root, slash, rest = soap.value_of(element).partition("/")
    prefix, _, name = root.rpartition(":")
    if element.nsmap.get(prefix) == TOPICS or prefix == "tns1":
        prefix = "tns1"
    path = "/".join(part.rpartition(":")[2] for part in rest.split("/")) if rest else ""
    return f"{prefix}:{name}{slash}{path}" if prefix else f"{name}{slash}{path}"


def _addressing(address: URL, action: str) -> tuple[etree._Element, ...]:
    found = []
    for name, value in (("Action", action), ("MessageID", f"urn:uuid:{uuid.uuid4()}"), ("To", str(address))):
        header = etree.Element(f"{{{soap.WSA}}}{name}", nsmap={"wsa": soap.WSA})
        header.text = value
        found.append(header)
    return tuple(found)


def _as_header(parameter: etree._Element) -> etree._Element:
    header = deepcopy(parameter)
    header.set(f"{{{soap.WSA}}}IsReferenceParameter", "true")
    return header


def _duration(seconds: float) -> str:
    return f"PT{max(1, round(seconds))}S"


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
