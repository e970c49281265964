"""The words of the event service: the topic set, the relay's property event, a notification."""

from __future__ import annotations

from datetime import datetime

from lxml import etree

from mock_vms.camera.filters import CONCRETE_SET, RELAY_TOPIC
from mock_vms.camera.subscriptions import Notification
from mock_vms.camera.xml import PREFIXES, TNS1, WSTOP, Element, tt, wsnt, wstop


def relay_notification(token: str, *, active: bool, at: datetime, operation: str) -> Notification:
    """tns1:Device/Trigger/Relay, the only way to learn a relay's state. `operation` is Initialized or Changed."""
    message = tt(
        "Message",
        tt("Source", tt("SimpleItem", Name="RelayToken", Value=token)),
        tt("Data", tt("SimpleItem", Name="LogicalState", Value="active" if active else "inactive")),
        UtcTime=at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        PropertyOperation=operation,
    )
    return Notification(RELAY_TOPIC, message)


def notification_message(notification: Notification) -> Element:
    """A wsnt:NotificationMessage with a copy of the message, so that one notification can go to many."""
    topic = wsnt("Topic", "tns1:" + "/".join(notification.topic.path), Dialect=CONCRETE_SET)
    copy = etree.fromstring(etree.tostring(notification.message))
    return wsnt("NotificationMessage", topic, wsnt("Message", copy))


def topic_set() -> Element:
    """Only the root of a topic has a namespace, its descendants have none (Core 9.6.2)."""
    description = tt(
        "MessageDescription",
        tt("Source", tt("SimpleItemDescription", Name="RelayToken", Type="tt:ReferenceToken")),
        tt("Data", tt("SimpleItemDescription", Name="LogicalState", Type="tt:RelayLogicalState")),
        IsProperty=True,
    )
    root, trigger, relay = RELAY_TOPIC.path
    leaf = etree.Element(relay, nsmap=PREFIXES)
    leaf.set(f"{{{WSTOP}}}topic", "true")
    leaf.append(description)
    middle = etree.Element(trigger, nsmap=PREFIXES)
    middle.append(leaf)
    top = etree.Element(f"{{{TNS1}}}{root}", nsmap=PREFIXES)
    top.append(middle)
    return wstop("TopicSet", top)
