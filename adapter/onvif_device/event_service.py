"""The Event service: parses requests, asks `events.onvif.subscriptions`, writes the answers. Nothing more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from lxml import etree

from adapter.onvif_device.addresses import SUBSCRIPTION_PATH
from adapter.onvif_device.call import Access, Answer, Call, Operation, not_supported
from events import soap
from events.onvif import filters, topics
from events.onvif.errors import FaultName, SubscriptionFault
from events.onvif.filters import Filter
from events.onvif.messages import Message
from events.onvif.subscriptions import Subscriptions
from events.onvif.terms import parse_date_time, parse_duration
from events.xmlns import NAMESPACES, Element, name, node, xs_duration, xs_time

_TEV = "http://www.onvif.org/ver10/events/wsdl"
_PORT = f"{_TEV}/EventPortType"
_PULL = f"{_TEV}/PullPointSubscription"
_MANAGER = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager"

_MOST_EXPRESSIONS = 32  # per filter: topics of a large device, times a margin
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


class EventService:
    """Answers `tev` requests, and those of `wsnt` on a subscription's address."""

    def __init__(
        self,
        *,
        subscriptions: Subscriptions,
        clock: Callable[[], datetime],
        properties: Callable[[], Iterable[Message]] = tuple,
    ) -> None:
        """`properties` gives what is so at present, for properties of which no event has told yet."""
        self._subscriptions = subscriptions
        self._clock = clock
        self._present = properties

    def operations(self) -> Iterable[Operation]:
        read = Access.READ_MEDIA
        yield Operation(
            request="tev:GetServiceCapabilities",
            access=Access.PRE_AUTH,
            answer=self._capabilities,
            action=f"{_PORT}/GetServiceCapabilitiesResponse",
        )
        yield Operation(
            request="tev:GetEventProperties",
            access=read,
            answer=self._properties,
            action=f"{_PORT}/GetEventPropertiesResponse",
        )
        yield Operation(
            request="tev:CreatePullPointSubscription",
            access=read,
            answer=self._faulting(self._create),
            action=f"{_PORT}/CreatePullPointSubscriptionResponse",
        )
        yield Operation(
            request="tev:PullMessages",
            access=read,
            answer=self._faulting(self._pull),
            action=f"{_PULL}/PullMessagesResponse",
            may_wait=True,
        )
        yield Operation(
            request="tev:SetSynchronizationPoint",
            access=read,
            answer=self._faulting(self._synchronize),
            action=f"{_PULL}/SetSynchronizationPointResponse",
        )
        yield Operation(
            request="tev:Seek", access=read, answer=self._faulting(self._seek), action=f"{_PULL}/SeekResponse"
        )
        yield Operation(
            request="wsnt:Renew", access=read, answer=self._faulting(self._renew), action=f"{_MANAGER}/RenewResponse"
        )
        yield Operation(
            request="wsnt:Unsubscribe",
            access=read,
            answer=self._faulting(self._unsubscribe),
            action=f"{_MANAGER}/UnsubscribeResponse",
        )
        yield Operation(request="wsnt:Subscribe", access=read, answer=_refuse("Subscribe (use a pull point)"))
        for operation, access in (
            ("GetEventBrokers", read),
            ("AddEventBroker", Access.WRITE_SYSTEM),
            ("DeleteEventBroker", Access.WRITE_SYSTEM),
        ):
            yield Operation(request=f"tev:{operation}", access=access, answer=_refuse(operation))

    def capabilities(self) -> Element:
        return node(
            "tev:Capabilities",
            WSSubscriptionPolicySupport="true",
            WSPullPointSupport="true",
            WSPausableSubscriptionManagerInterfaceSupport="false",
            MaxNotificationProducers="0",
            MaxPullPoints=str(self._subscriptions.capacity),
            PersistentNotificationStorage="true",
        )

    async def _capabilities(self, call: Call) -> Element:
        return node("tev:GetServiceCapabilitiesResponse", self.capabilities())

    async def _properties(self, call: Call) -> Element:
        return node(
            "tev:GetEventPropertiesResponse",
            node("tev:TopicNamespaceLocation", "http://www.onvif.org/onvif/ver10/topics/topicns.xml"),
            node("wsnt:FixedTopicSet", "true"),
            topics.topic_set(),
            node("wsnt:TopicExpressionDialect", filters.CONCRETE),
            node("wsnt:TopicExpressionDialect", filters.CONCRETE_SET),
            node("tev:MessageContentFilterDialect", filters.ITEM_FILTER),
            node("tev:MessageContentSchemaLocation", "http://www.onvif.org/onvif/ver10/schema/onvif.xsd"),
        )

    async def _create(self, call: Call) -> Element:
        wanted = _read_filter(call.request.find(name("tev:Filter")))
        policy = call.request.find(name("tev:SubscriptionPolicy"))
        self._remember()
        granted = self._subscriptions.create(
            wanted=wanted,
            initial_termination=_termination(call, "tev:InitialTerminationTime"),
            changed_only=policy is not None and policy.find(name("tev:ChangedOnly")) is not None,
        )
        address = f"{call.base_url}{SUBSCRIPTION_PATH}{granted.subscription_id}"
        return node(
            "tev:CreatePullPointSubscriptionResponse",
            node("tev:SubscriptionReference", node("wsa:Address", address)),
            node("wsnt:CurrentTime", xs_time(granted.current_time)),
            node("wsnt:TerminationTime", xs_time(granted.termination_time)),
        )

    async def _pull(self, call: Call) -> Element:
        subscription_id = _subscription_id(call)
        pulled = await self._subscriptions.pull(
            subscription_id,
            timeout=_duration(call.text("tev:Timeout")),
            limit=_message_limit(call.text("tev:MessageLimit")),
            connected=call.connected,
        )
        if pulled.messages and not call.connected():
            self._subscriptions.give_back(subscription_id, pulled.messages)
            raise soap.receiver_fault("ter:Action", reason="The client has gone.")
        return node(
            "tev:PullMessagesResponse",
            node("tev:CurrentTime", xs_time(pulled.current_time)),
            node("tev:TerminationTime", xs_time(pulled.termination_time)),
            *(message.render(call.base_url) for message in pulled.messages),
        )

    async def _synchronize(self, call: Call) -> Element:
        self._remember()
        self._subscriptions.set_synchronization_point(_subscription_id(call))
        return node("tev:SetSynchronizationPointResponse")

    async def _seek(self, call: Call) -> Element:
        try:
            utc_time = parse_date_time(call.text("tev:UtcTime"))
        except ValueError as error:
            raise soap.sender_fault("ter:InvalidArgVal", reason=f"UtcTime: {error}.") from error
        reverse = call.optional_text("tev:Reverse") in {"true", "1"}
        self._subscriptions.seek(_subscription_id(call), utc_time=utc_time, reverse=reverse)
        return node("tev:SeekResponse")

    async def _renew(self, call: Call) -> Element:
        granted = self._subscriptions.renew(_subscription_id(call), _termination(call, "wsnt:TerminationTime"))
        return node(
            "wsnt:RenewResponse",
            node("wsnt:TerminationTime", xs_time(granted.termination_time)),
            node("wsnt:CurrentTime", xs_time(granted.current_time)),
        )

    async def _unsubscribe(self, call: Call) -> Element:
        self._subscriptions.unsubscribe(_subscription_id(call))
        return node("wsnt:UnsubscribeResponse")

    def _remember(self) -> None:
        for prop in self._present():
            self._subscriptions.remember(prop)

    def _faulting(self, answer: Answer) -> Answer:
        """Translate refusals of the subscriptions where they enter the wire."""

        async def translated(call: Call) -> Element:
            try:
                return await answer(call)
            except SubscriptionFault as refused:
                raise wsn_fault(refused, self._clock()) from refused

        return translated


def wsn_fault(refused: SubscriptionFault, now: datetime) -> soap.Fault:
    """A refusal as SOAP: Receiver, with the WS-Notification element in the Detail (Core 9.9)."""
    if refused.name is FaultName.PULL_MESSAGES:
        assert refused.max_timeout is not None
        detail = node(
            refused.name.value,
            node("tev:MaxTimeout", xs_duration(refused.max_timeout)),
            node("tev:MaxMessageLimit", str(refused.max_messages)),
        )
    else:
        detail = node(refused.name.value, node("wsrf-bf:Timestamp", xs_time(now)))
        if refused.minimum_time is not None:
            detail.append(node("wsnt:MinimumTime", xs_time(refused.minimum_time)))
        if refused.maximum_time is not None:
            detail.append(node("wsnt:MaximumTime", xs_time(refused.maximum_time)))
        if refused.unknown_filter:
            detail.append(_unknown_filter(refused.unknown_filter))
    return soap.Fault(("env:Receiver",), refused.reason, detail=detail)


def _unknown_filter(clark: str) -> Element:
    """The name is a QName: its prefix must be declared, whoever's namespace it is."""
    qname = etree.QName(clark)
    if qname.namespace == NAMESPACES["wsnt"] or qname.namespace is None:
        return node("wsnt:UnknownFilter", f"wsnt:{qname.localname}" if qname.namespace else qname.localname)
    element = etree.Element(name("wsnt:UnknownFilter"), nsmap={soap.FOREIGN_PREFIX: qname.namespace})
    element.text = f"{soap.FOREIGN_PREFIX}:{qname.localname}"
    return element


def _refuse(what: str) -> Answer:
    async def answer(call: Call) -> Element:
        raise not_supported(what)

    return answer


def _subscription_id(call: Call) -> str:
    if call.subscription_id is None:
        raise SubscriptionFault(
            FaultName.RESOURCE_UNKNOWN, "Send this to the address that CreatePullPointSubscription returned."
        )
    return call.subscription_id


def _termination(call: Call, qualified: str) -> str | None:
    """Optional and nillable: both mean that we choose."""
    element = call.request.find(name(qualified))
    if element is None or element.get(_NIL) in {"true", "1"}:
        return None
    return (element.text or "").strip() or None


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise soap.sender_fault("ter:InvalidArgVal", reason=f"Timeout: {error}.") from error


def _message_limit(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text[:12]) < 1:
        raise soap.sender_fault("ter:InvalidArgVal", reason="MessageLimit must be a whole number above zero.")
    return int(text[:12])


def _read_filter(element: Element | None) -> Filter:
    """Several topic expressions are alternatives; several content filters must all hold."""
    if element is None:
        return filters.EVERYTHING
    patterns: list[filters.TopicPattern] = []
    contents: list[etree.XPath] = []
    for position, child in enumerate(element):
        if position >= _MOST_EXPRESSIONS:
            raise SubscriptionFault(
                FaultName.INVALID_FILTER,
                f"A filter may hold {_MOST_EXPRESSIONS} expressions.",
                unknown_filter=str(child.tag),
            )
        text = (child.text or "").strip()
        dialect = child.get("Dialect", "")
        if child.tag == name("wsnt:TopicExpression"):
            patterns += filters.parse_topics(text, dialect or filters.CONCRETE_SET, child.nsmap)
        elif child.tag == name("wsnt:MessageContent"):
            contents.append(filters.parse_content(text, dialect))
        else:
            shown = str(child.tag)[:120]
            raise SubscriptionFault(
                FaultName.INVALID_FILTER, f"{shown} is not a filter this device knows.", unknown_filter=shown
            )
    return Filter(topics=tuple(patterns), contents=tuple(contents))
