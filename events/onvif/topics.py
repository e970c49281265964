"""The topics we speak of: what each message carries, and the tree that GetEventProperties shows."""

from __future__ import annotations

from dataclasses import dataclass

from events.xmlns import NAMESPACES, Element, name, node

Step = tuple[str, str]
"""Namespace and local name; the namespace is empty for a standard child."""

TopicPath = tuple[Step, ...]

TNS1 = NAMESPACES["tns1"]
LPR = NAMESPACES["lpr"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of a message. `element` items carry XML, the others a text value."""

    name: str
    type: str
    element: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A leaf of the topic set. A property has a state that a late subscriber is told at once."""

    path: TopicPath
    source: tuple[Item, ...] = ()
    data: tuple[Item, ...] = ()
    is_property: bool = False

    @property
    def expression(self) -> str:
        """As a Concrete topic expression with our prefixes: `tns1:RuleEngine/Recognition/LicensePlate`."""
        return "/".join(f"{_prefix(namespace)}{local}" for namespace, local in self.path)


def _path(expression: str) -> TopicPath:
    steps: list[Step] = []
    for step in expression.split("/"):
        prefix, _, local = step.rpartition(":")
        steps.append((NAMESPACES[prefix] if prefix else "", local))
    return tuple(steps)


_VIDEO_SOURCE = (Item(name="VideoSource", type="tt:ReferenceToken"), Item(name="Rule", type="xs:string"))

# Analytics specification, annex G.3, without the optional items that one camera cannot measure (Speed, VehicleInfo).
LICENSE_PLATE = Topic(
    path=_path("tns1:RuleEngine/Recognition/LicensePlate"),
    source=_VIDEO_SOURCE,
    data=(
        Item(name="Likelihood", type="xs:float"),
        Item(name="Label", type="xs:string"),
        Item(name="ImageURI", type="xs:anyURI"),
        Item(name="Direction", type="tt:Direction"),
        Item(name="lpr:EventId", type="xs:string"),
        Item(name="BoundingBox", type="tt:Rectangle", element=True),
        Item(name="LicensePlateInfo", type="tt:LicensePlateInfo", element=True),
    ),
)

LIST_MATCH = Topic(
    path=_path("tns1:RuleEngine/Recognition/lpr:ListMatch"),
    source=_VIDEO_SOURCE,
    data=(
        Item(name="Likelihood", type="xs:float"),
        Item(name="lpr:EventId", type="xs:string"),
        Item(name="lpr:SourceId", type="xs:string"),
        Item(name="lpr:ListName", type="xs:string"),
        Item(name="lpr:ListKind", type="xs:string"),
        Item(name="lpr:Pattern", type="xs:string"),
        Item(name="LicensePlateInfo", type="tt:LicensePlateInfo", element=True),
    ),
)

ALARM = Topic(
    path=_path("tns1:RuleEngine/Recognition/lpr:Alarm"),
    source=_VIDEO_SOURCE,
    data=(
        Item(name="Likelihood", type="xs:float"),
        Item(name="ImageURI", type="xs:anyURI"),
        Item(name="lpr:EventId", type="xs:string"),
        Item(name="lpr:SourceId", type="xs:string"),
        Item(name="lpr:Name", type="xs:string"),
        Item(name="lpr:Priority", type="xs:int"),
        Item(name="lpr:Object", type="xs:string"),
        Item(name="lpr:Tag", type="xs:string"),
        Item(name="lpr:Type", type="xs:string"),
        Item(name="lpr:ListName", type="xs:string"),
        Item(name="lpr:CameraName", type="xs:string"),
    ),
)

# A camera that is gone is what SignalLoss says of an encoder's input: VMSs already know it as "video loss". Its shape
# is that of the other VideoSource properties of the imaging service (MotionAlarm): Source/Source, Data/State.
SIGNAL_LOSS = Topic(
    path=_path("tns1:VideoSource/SignalLoss"),
    source=(Item(name="Source", type="tt:ReferenceToken"),),
    data=(Item(name="State", type="xs:boolean"), Item(name="lpr:EventId", type="xs:string")),
    is_property=True,
)

RELAY = Topic(
    path=_path("tns1:Device/Trigger/Relay"),
    source=(Item(name="RelayToken", type="tt:ReferenceToken"),),
    data=(Item(name="LogicalState", type="tt:RelayLogicalState"), Item(name="lpr:EventId", type="xs:string")),
    is_property=True,
)

ACTION_FAILED = Topic(
    path=_path("tns1:RuleEngine/Recognition/lpr:ActionFailed"),
    source=_VIDEO_SOURCE,
    data=(
        Item(name="lpr:EventId", type="xs:string"),
        Item(name="lpr:SourceId", type="xs:string"),
        Item(name="lpr:Action", type="xs:string"),
        Item(name="lpr:Detail", type="xs:string"),
    ),
)

# Sent by Seek when the pull pointer reaches the oldest stored event (Core 9.11).
BUFFER_BEGIN = Topic(path=_path("tns1:EventBuffer/Begin"))

TOPICS = (LICENSE_PLATE, LIST_MATCH, ALARM, ACTION_FAILED, SIGNAL_LOSS, RELAY, BUFFER_BEGIN)


def topic_set() -> Element:
    """The wstop:TopicSet. Only roots and vendor topics are namespaced; no default namespace may be in scope (9.6.2)."""
    root = node("wstop:TopicSet")
    for topic in TOPICS:
        parent = root
        for namespace, local in topic.path:
            tag = f"{{{namespace}}}{local}" if namespace else local
            child = parent.find(tag)
            if child is None:
                child = node(_prefix(namespace) + local)
                parent.append(child)
            parent = child
        parent.set(name("wstop:topic"), "true")
        parent.append(message_description(topic))
    return root


def message_description(topic: Topic, tag: str = "tt:MessageDescription") -> Element:
    """What a message of this topic carries, as tt:MessageDescriptionType."""
    description = node(tag, **({"IsProperty": "true"} if topic.is_property else {}))
    if topic.source:
        description.append(node("tt:Source", *(_item_description(item) for item in topic.source)))
    if topic.data:
        ordered = sorted(topic.data, key=lambda item: item.element)
        description.append(node("tt:Data", *(_item_description(item) for item in ordered)))
    return description


def _item_description(item: Item) -> Element:
    tag = "tt:ElementItemDescription" if item.element else "tt:SimpleItemDescription"
    return node(tag, Name=item.name, Type=item.type)


def _prefix(namespace: str) -> str:
    return {"": "", TNS1: "tns1:", LPR: "lpr:"}[namespace]
