"""Which notifications a subscription wants: topic expressions and ItemFilters (Core 9.4.4, 9.6.3)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

from mock_vms.camera.soap import SoapFault
from mock_vms.camera.times import utc_now
from mock_vms.camera.xml import TNS1, TT, WSRF_BF, Element, Maker, children_of, name_of, wsnt

CONCRETE = "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete"
CONCRETE_SET = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
ITEM_FILTER = "http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter"
_NAME = r"[\w.-]+"
_PATH = re.compile(rf"(?:({_NAME}):)?({_NAME}(?:/(?:{_NAME}:)?{_NAME})*)(//\.)?")
_LONGEST_EXPRESSION = 2000
# The words an ItemFilter is made of. Nothing else of XPath is ever evaluated. Quantifiers are possessive: the text is a
# client's, and one that almost matches must not be tried in every way there is.
_TOKEN = re.compile(
    r"""\s*+(boolean\(|not\(|\(|\)|and\b|or\b
    |//(?:\w++:)?(?:SimpleItem|ElementItem)
    \[(?:\s*+@(?:Name|Value)\s*+=\s*+(?:"[^"]*+"|'[^']*+')\s*+(?:and|or)?)++\])\s*+""",
    re.VERBOSE,
)
_PREFIX = re.compile(r"//(?:\w+:)?(SimpleItem|ElementItem)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic: the namespace of its root and the names from the root down."""

    namespace: str
    path: tuple[str, ...]


RELAY_TOPIC = Topic(namespace=TNS1, path=("Device", "Trigger", "Relay"))
Filter = Callable[[Topic, Element], bool]


def read_filter(element: Element | None) -> Filter:
    """The filter in a wsnt:FilterType; without one everything passes. WSN faults for what cannot be understood."""
    expressions, contents = [], []
    for child in children_of(element) if element is not None else []:
        name, dialect = name_of(child), child.get("Dialect", "")
        text = (child.text or "").strip()
        if len(text) > _LONGEST_EXPRESSION:
            raise _unknown_filter(name, f"A filter longer than {_LONGEST_EXPRESSION} characters is refused")
        if name == "TopicExpression":
            expressions.append(_topics(child, text, dialect))
        elif name == "MessageContent":
            contents.append(_content(text, dialect))
        else:
            raise _unknown_filter(name, f"A filter of {name} is not offered")

    def passes(topic: Topic, message: Element) -> bool:
        wanted = not expressions or any(expression(topic) for expression in expressions)
        return wanted and all(content(message) for content in contents)

    return passes


def wsn_fault(name: str, reason: str, *extra: Element, make: Maker = wsnt) -> SoapFault:
    """A WS-BaseNotification fault: env:Receiver with the fault's own element as detail (Core 9.9)."""
    base = Maker(WSRF_BF)
    detail = make(name, base("Timestamp", utc_now()), base("Description", reason), extra)
    return SoapFault(reason, code="Receiver", detail=detail)


def _unknown_filter(name: str, reason: str) -> SoapFault:
    return wsn_fault("InvalidFilterFault", reason, wsnt("UnknownFilter", f"wsnt:{name}"))


def _topics(element: Element, text: str, dialect: str) -> Callable[[Topic], bool]:
    if dialect not in ("", CONCRETE, CONCRETE_SET):
        raise wsn_fault("TopicExpressionDialectUnknownFault", f"The dialect {dialect[:100]!r} is not known")
    if dialect == CONCRETE and ("|" in text or "//" in text):
        raise wsn_fault("InvalidTopicExpressionFault", "The Concrete dialect has neither | nor //.")
    paths = [_path(element, part.strip()) for part in text.split("|")]

    def matches(topic: Topic) -> bool:
        return any(
            topic.namespace == namespace and (topic.path[: len(path)] == path if below else topic.path == path)
            for namespace, path, below in paths
        )

    return matches


def _path(element: Element, text: str) -> tuple[str, tuple[str, ...], bool]:
    match = _PATH.fullmatch(text)
    if match is None:
        raise wsn_fault("InvalidTopicExpressionFault", f"{text[:100]!r} is not a topic path")
    prefix, path, below = match.groups()
    # Some clients never declare tns1; it is taken for what everybody means by it.
    namespace = element.nsmap.get(prefix) or (TNS1 if prefix in (None, "tns1") else None)
    if namespace is None:
        raise wsn_fault("InvalidTopicExpressionFault", f"The prefix {prefix!r} is not declared")
    return namespace, tuple(name.rpartition(":")[2] for name in path.split("/")), bool(below)


def _content(text: str, dialect: str) -> Callable[[Element], bool]:
    if dialect != ITEM_FILTER:
        raise wsn_fault("InvalidMessageContentExpressionFault", f"The dialect {dialect[:100]!r} is not known")
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise wsn_fault("InvalidMessageContentExpressionFault", f"Not an ItemFilter near {text[position:][:60]!r}")
        position = token.end()
    try:
        expression = etree.XPath(_PREFIX.sub(r"descendant-or-self::tt:\1", text), namespaces={"tt": TT})
        expression(Maker(TT)("Message"))
    except etree.XPathError as error:
        raise wsn_fault("InvalidMessageContentExpressionFault", f"Not an ItemFilter: {text[:100]!r}") from error

    def matches(message: Element) -> bool:
        try:
            return bool(expression(message))
        except etree.XPathError:  # such as `… and not()`, which shows only when the first part holds
            return False

    return matches
