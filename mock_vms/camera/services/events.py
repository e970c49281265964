"""The Event service: pull points with the relays' property event (Core 9)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from mock_vms.camera.filters import CONCRETE, CONCRETE_SET, ITEM_FILTER, read_filter, wsn_fault
from mock_vms.camera.quirks import Quirks
from mock_vms.camera.services.event_messages import notification_message, relay_notification, topic_set
from mock_vms.camera.services.operation import Access, Call, Handler, Operation, optional_child
from mock_vms.camera.soap import SoapFault
from mock_vms.camera.state import CameraState, RelayPulse
from mock_vms.camera.subscriptions import MAX_PULL_POINTS, Notification, PullPoints
from mock_vms.camera.times import CameraClock, parse_datetime, parse_duration
from mock_vms.camera.xml import TEV, WSNT, Element, Maker, tev, wsa, wsnt

_EVENTS = "http://www.onvif.org/ver10/events/wsdl"
_NOTIFICATION = "http://docs.oasis-open.org/wsn/bw-2"
DEFAULT_LIFE = timedelta(seconds=60)
_SHORTEST_LIFE, _LONGEST_LIFE = timedelta(seconds=1), timedelta(hours=24)
MAX_TIMEOUT = timedelta(minutes=2)
MAX_MESSAGE_LIMIT = 1024


class EventService:
    """Serves the event address and, through `subscription_operations`, the addresses of the pull points."""

    def __init__(self, *, state: CameraState, clock: CameraClock, quirks: Quirks, pull_points: PullPoints) -> None:
        self._state = state
        self._clock = clock
        self._quirks = quirks
        self._pull_points = pull_points
        read = Access.READ_MEDIA
        port = f"{_EVENTS}/EventPortType"
        self.operations: Mapping[str, Operation] = {
            **_row(TEV, port, "GetServiceCapabilities", Access.PRE_AUTH, self._get_capabilities),
            **_row(TEV, port, "GetEventProperties", read, self._get_properties),
            **_row(TEV, port, "CreatePullPointSubscription", read, self._create),
        }
        port, manager = f"{_EVENTS}/PullPointSubscription", f"{_NOTIFICATION}/SubscriptionManager"
        self.subscription_operations: Mapping[str, Operation] = {
            **_row(TEV, port, "PullMessages", read, self._pull),
            **_row(TEV, port, "SetSynchronizationPoint", read, self._synchronize),
            **_row(WSNT, manager, "Renew", read, self._renew),
            **_row(WSNT, manager, "Unsubscribe", read, self._unsubscribe),
        }

    def relay_changed(self, pulse: RelayPulse) -> None:
        """A listener of `CameraState`: tells all pull points."""
        at = self._clock.told(pulse.at)
        told = relay_notification(pulse.relay_token, active=pulse.active, at=at, operation="Changed")
        self._pull_points.publish(told)

    def capabilities(self) -> Element:
        return tev(
            "Capabilities",
            WSSubscriptionPolicySupport=False,
            WSPullPointSupport=True,
            WSPausableSubscriptionManagerInterfaceSupport=False,
            MaxNotificationProducers=0,
            MaxPullPoints=MAX_PULL_POINTS,
            PersistentNotificationStorage=False,
        )

    def _get_capabilities(self, call: Call) -> Element:
        return tev("GetServiceCapabilitiesResponse", self.capabilities())

    def _get_properties(self, call: Call) -> Element:
        return tev(
            "GetEventPropertiesResponse",
            tev("TopicNamespaceLocation", "http://www.onvif.org/onvif/ver10/topics/topicns.xml"),
            wsnt("FixedTopicSet", True),
            topic_set(),
            wsnt("TopicExpressionDialect", CONCRETE),
            wsnt("TopicExpressionDialect", CONCRETE_SET),
            tev("MessageContentFilterDialect", ITEM_FILTER),
            tev("MessageContentSchemaLocation", "http://www.onvif.org/onvif/ver10/schema/onvif.xsd"),
        )

    def _create(self, call: Call) -> Element:
        point = self._pull_points.create(
            passes=read_filter(call.child("Filter")),
            life=self._life(call.optional("InitialTerminationTime"), "UnacceptableInitialTerminationTimeFault"),
            changed_only=_wants_changes_only(call),
            initial=self._properties(),
        )
        reference = tev("SubscriptionReference", wsa("Address", call.addresses.subscription(point.id)))
        current, termination = self._times(point.life, wsnt)
        return tev("CreatePullPointSubscriptionResponse", reference, current, termination)

    async def _pull(self, call: Call) -> Element:
        point = self._pull_points.find(call.subscription_id)
        timeout = _duration(call.required("Timeout"))
        limit = _whole(call.required("MessageLimit"))
        if not timedelta(0) <= timeout <= MAX_TIMEOUT or limit < 1:
            detail = tev(
                "PullMessagesFaultResponse", tev("MaxTimeout", MAX_TIMEOUT), tev("MaxMessageLimit", MAX_MESSAGE_LIMIT)
            )
            reason = f"Timeout must be within 0 to {MAX_TIMEOUT.total_seconds():.0f} s, MessageLimit at least 1"
            raise SoapFault(reason, code="Receiver", detail=detail)
        taken = await self._pull_points.pull(point, limit=min(limit, MAX_MESSAGE_LIMIT), timeout=timeout)
        current, termination = self._times(self._pull_points.remaining(point), tev)
        return tev("PullMessagesResponse", current, termination, map(notification_message, taken))

    def _synchronize(self, call: Call) -> Element:
        point = self._pull_points.find(call.subscription_id)
        self._pull_points.resend(point, self._properties())
        return tev("SetSynchronizationPointResponse")

    def _renew(self, call: Call) -> Element:
        point = self._pull_points.find(call.subscription_id)
        life = self._life(call.optional("TerminationTime"), "UnacceptableTerminationTimeFault")
        self._pull_points.renew(point, life)
        current, termination = self._times(life, wsnt)
        return wsnt("RenewResponse", termination, current)

    def _unsubscribe(self, call: Call) -> Element:
        self._pull_points.remove(self._pull_points.find(call.subscription_id))
        return wsnt("UnsubscribeResponse")

    def _properties(self) -> list[Notification]:
        now = self._clock.now()
        return [
            relay_notification(relay.token, active=relay.active, at=now, operation="Initialized")
            for relay in self._state.relays.values()
        ]

    def _life(self, asked: str | None, fault: str) -> timedelta:
        """How long a subscription shall live, from a duration, a moment on the camera's clock, or nothing."""
        if asked is None:
            return DEFAULT_LIFE
        try:
            if asked.lstrip("-").startswith("P"):
                if self._quirks.relative_time_refused:
                    raise self._unacceptable(fault, "This camera takes absolute termination times only")
                life = parse_duration(asked)
            else:
                life = parse_datetime(asked) - self._clock.now()
        except ValueError as error:
            raise self._unacceptable(fault, f"{asked[:60]!r} is neither a duration nor a date and time") from error
        if not _SHORTEST_LIFE <= life <= _LONGEST_LIFE:
            raise self._unacceptable(fault, f"A life of {life} is not within {_SHORTEST_LIFE} to {_LONGEST_LIFE}")
        return life

    def _unacceptable(self, fault: str, reason: str) -> SoapFault:
        now = self._clock.now()
        bounds = wsnt("MinimumTime", now + _SHORTEST_LIFE), wsnt("MaximumTime", now + _LONGEST_LIFE)
        return wsn_fault(fault, reason, *bounds)

    def _times(self, remaining: timedelta, make: Maker) -> tuple[Element, Element]:
        """Their difference is exactly the life: some clients compare it with the one they asked for."""
        now = self._clock.now()
        return make("CurrentTime", now), make("TerminationTime", now + remaining)


def _row(namespace: str, port: str, name: str, access: Access, handler: Handler) -> dict[str, Operation]:
    return {f"{{{namespace}}}{name}": Operation(access=access, handler=handler, action=f"{port}/{name}Response")}


def _wants_changes_only(call: Call) -> bool:
    policy = call.child("SubscriptionPolicy")
    return policy is not None and optional_child(policy, "ChangedOnly") is not None


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise SoapFault(str(error), "InvalidArgs") from error


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise SoapFault(f"MessageLimit must be a whole number, not {text[:40]!r}", "InvalidArgs") from error
