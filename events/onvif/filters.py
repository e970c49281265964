"""What a subscriber wants to hear: topic expressions and the ItemFilter subset of XPath (Core 9.4.4, 9.6.3).

Nothing a client sends is evaluated as it came: topic expressions are compared step by step, item filters are parsed
by their grammar and written anew before lxml sees them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lxml import etree

from events.onvif.errors import FaultName, SubscriptionFault
from events.onvif.topics import LPR, TNS1, Step, TopicPath
from events.xmlns import NAMESPACES, Element

CONCRETE = "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete"
CONCRETE_SET = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
ITEM_FILTER = "http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter"

_MAX_LENGTH = 4096  # a filter over all topics of a large device is a few hundred characters
_MAX_DEPTH = 16
_Rule = Callable[[], str]
_NAME = re.compile(r"(?:([^\W\d][\w.-]*):)?([^\W\d][\w.-]*)")
# Literal prefixes of clients that forget to declare them.
_UNDECLARED = {"tns1": TNS1, "lpr": LPR}


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPattern:
    """One path of a topic expression; `subtree` for a trailing `//.`."""

    path: TopicPath
    subtree: bool

    def matches(self, topic: TopicPath) -> bool:
        if len(topic) < len(self.path) or (not self.subtree and len(topic) != len(self.path)):
            return False
        # The root compares by namespace and name, children by name: clients differ in how they prefix them.
        return topic[0] == self.path[0] and all(
            ours[1] == asked[1] for ours, asked in zip(topic[1:], self.path[1:], strict=False)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """The whole filter of a subscription. Empty `topics` means every topic; all `contents` must hold."""

    topics: tuple[TopicPattern, ...] = ()
    contents: tuple[etree.XPath, ...] = ()

    def wants_topic(self, topic: TopicPath) -> bool:
        return not self.topics or any(pattern.matches(topic) for pattern in self.topics)

    def wants_content(self, message: Element) -> bool:
        """`message` is the tt:Message."""
        return all(bool(content(message)) for content in self.contents)


EVERYTHING = Filter()


def parse_topics(text: str, dialect: str, prefixes: Mapping[str | None, str]) -> tuple[TopicPattern, ...]:
    """The paths of one TopicExpression. `prefixes` are the namespaces in scope. Raises SubscriptionFault."""
    if dialect not in {CONCRETE, CONCRETE_SET}:
        raise SubscriptionFault(
            FaultName.DIALECT_UNKNOWN,
            f"Topic expression dialect {dialect!r} is not known; use {CONCRETE_SET}.",
        )
    if len(text) > _MAX_LENGTH:
        raise _bad_topic("it is too long")
    if dialect == CONCRETE and ("|" in text or "//" in text):
        raise _bad_topic("the Concrete dialect knows neither '|' nor '//.'; use the ConcreteSet dialect")
    return tuple(_parse_path(part.strip(), prefixes) for part in text.split("|"))


def _parse_path(text: str, prefixes: Mapping[str | None, str]) -> TopicPattern:
    subtree = text.endswith("//.")
    steps: list[Step] = []
    for position, part in enumerate(text.removesuffix("//.").split("/")):
        match = _NAME.fullmatch(part.strip())
        if match is None:
            raise _bad_topic(f"{part.strip()[:80]!r} is not a topic name")
        prefix, local = match.groups()
        namespace = ""
        if prefix is not None:
            namespace = prefixes.get(prefix) or _UNDECLARED.get(prefix, "")
            if not namespace and position == 0:
                raise _bad_topic(f"the prefix {prefix!r} is not declared")
        steps.append((namespace, local))
    return TopicPattern(path=tuple(steps), subtree=subtree)


def _bad_topic(why: str) -> SubscriptionFault:
    return SubscriptionFault(FaultName.INVALID_TOPIC, f"The topic expression is invalid: {why}.")


def parse_content(text: str, dialect: str) -> etree.XPath:
    """An ItemFilter expression, checked against its grammar. Raises SubscriptionFault."""
    if dialect != ITEM_FILTER:
        raise SubscriptionFault(
            FaultName.INVALID_FILTER,
            f"Message content filter dialect {dialect!r} is not known; use {ITEM_FILTER}.",
            unknown_filter=f"{{{NAMESPACES['wsnt']}}}MessageContent",
        )
    if len(text) > _MAX_LENGTH:
        raise _bad_content("it is too long")
    parser = _ItemFilterParser(text)
    return etree.XPath(parser.parse(), namespaces={"tt": NAMESPACES["tt"]})


_TOKEN = re.compile(
    r"""\s*(?:(?P<literal>"[^"]*"|'[^']*')|(?P<attribute>@\w+)|(?P<name>[^\W\d][\w.-]*(?::[^\W\d][\w.-]*)?)"""
    r"""|(?P<mark>//|[()\[\]=]))"""
)


class _ItemFilterParser:
    """Recursive descent over the grammar of Core 9.4.4; `parse` gives the same expression in our own prefixes."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0

    def parse(self) -> str:
        expression = self._disjunction(self._term)
        if self._next != len(self._tokens):
            raise _bad_content(f"{self._tokens[self._next]!r} is not expected there")
        return f"boolean({expression})"

    def _disjunction(self, operand: _Rule) -> str:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _bad_content("it is nested too deeply")
        parts = [operand()]
        while self._peek() in {"and", "or"}:
            parts.append(self._take())
            parts.append(operand())
        self._depth -= 1
        return " ".join(parts)

    def _term(self) -> str:
        """`boolean(path)`, `not(expression)` or `(expression)`."""
        token = self._peek()
        if token == "boolean":
            self._take()
            return self._enclosed("boolean", self._path_or_expression)
        if token == "not":
            self._take()
            return self._enclosed("not", lambda: self._disjunction(self._term))
        if token == "(":
            return self._enclosed("", lambda: self._disjunction(self._term))
        return self._path()

    def _path_or_expression(self) -> str:
        return self._path() if self._peek() == "//" else self._disjunction(self._term)

    def _path(self) -> str:
        self._expect("//")
        _, _, local = self._take().rpartition(":")
        if local not in {"SimpleItem", "ElementItem"}:
            raise _bad_content("a path is //tt:SimpleItem or //tt:ElementItem")
        path = f"descendant::tt:{local}"
        if self._peek() == "[":
            self._take()
            path += f"[{self._disjunction(self._comparison)}]"
            self._expect("]")
        return path

    def _comparison(self) -> str:
        token = self._peek()
        if token == "not":
            self._take()
            return self._enclosed("not", lambda: self._disjunction(self._comparison))
        if token == "(":
            return self._enclosed("", lambda: self._disjunction(self._comparison))
        attribute = self._take()
        if attribute not in {"@Name", "@Value"}:
            raise _bad_content("only @Name and @Value can be compared")
        self._expect("=")
        literal = self._take()
        if literal[:1] not in {'"', "'"}:
            raise _bad_content("an attribute is compared with a quoted text")
        return f"{attribute}={literal}"

    def _enclosed(self, function: str, inner: _Rule) -> str:
        self._expect("(")
        text = inner()
        self._expect(")")
        return f"{function}({text})"

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        if not token:
            raise _bad_content("it ends too early")
        self._next += 1
        return token

    def _expect(self, token: str) -> None:
        if self._take() != token:
            raise _bad_content(f"{token!r} is missing")


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    text = text.strip()
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _bad_content(f"{text[position : position + 20]!r} is outside the ItemFilter grammar")
        tokens.append(match.group().strip())
        position = match.end()
    return tokens


def _bad_content(why: str) -> SubscriptionFault:
    return SubscriptionFault(FaultName.INVALID_CONTENT, f"The message content filter is invalid: {why}.")
