"""Topic expressions and item filters: what is understood, what is refused, and that nothing else is evaluated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.onvif import topics
from events.onvif.errors import FaultName, SubscriptionFault
from events.onvif.filters import CONCRETE, CONCRETE_SET, ITEM_FILTER, Filter, parse_content, parse_topics
from events.onvif.messages import from_event
from tests.fakes.events import plate_recognized

TNS1 = "http://www.onvif.org/ver10/topics"
PLATE, ALARM, RELAY = topics.LICENSE_PLATE, topics.ALARM, topics.RELAY


def told(expression: str, dialect: str = CONCRETE_SET, prefixes: dict[str | None, str] | None = None) -> set[str]:
    """The topics that an expression lets through."""
    found = Filter(topics=parse_topics(expression, dialect, prefixes or {"tns1": TNS1}))
    return {topic.expression for topic in topics.TOPICS if found.wants_topic(topic.path)}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("tns1:RuleEngine/Recognition/LicensePlate", {PLATE.expression}),
        ("tns1:Device/Trigger/Relay", {RELAY.expression}),
        ("tns1:RuleEngine/Recognition/lpr:Alarm", {ALARM.expression}),
        ("tns1:RuleEngine/Recognition/Alarm", {ALARM.expression}),
        ("tns1:RuleEngine", set()),
        ("tns1:Device//.", {RELAY.expression}),
        ("tns1:Device/Trigger/Relay//.", {RELAY.expression}),
        (
            " tns1:Device/Trigger/Relay |\n tns1:RuleEngine/Recognition/LicensePlate ",
            {RELAY.expression, PLATE.expression},
        ),
        ("tns1:RuleEngine/Recognition/LicensePlate/Deeper", set()),
        ("tns1:NoSuchTopic//.", set()),
    ],
)
def test_an_expression_lets_through_its_topics_and_no_others(expression: str, expected: set[str]) -> None:
    assert told(expression) == expected


def test_a_whole_root_holds_everything_below_it() -> None:
    assert {PLATE.expression, ALARM.expression} <= told("tns1:RuleEngine//.")
    assert RELAY.expression not in told("tns1:RuleEngine//.")


def test_prefixes_mean_what_the_client_declares() -> None:
    assert told("x:Device/Trigger/Relay", prefixes={"x": TNS1}) == {RELAY.expression}
    assert told("tns1:Device/Trigger/Relay", prefixes={"tns1": "urn:other"}) == set()


def test_a_client_that_forgets_to_declare_tns1_is_understood() -> None:
    assert told("tns1:Device/Trigger/Relay", prefixes={None: "urn:other"}) == {RELAY.expression}


@pytest.mark.parametrize(
    "expression", ["", "|", "x:Device", "tns1:", "tns1:A//B", "tns1:A/*", "//.", "tns1:A|", "tns1:A b", "a" * 5000]
)
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(SubscriptionFault) as refused:
        parse_topics(expression, CONCRETE_SET, {"tns1": TNS1})
    assert refused.value.name is FaultName.INVALID_TOPIC


@pytest.mark.parametrize("expression", ["tns1:Device//.", "tns1:Device|tns1:RuleEngine"])
def test_the_concrete_dialect_has_neither_subtrees_nor_alternatives(expression: str) -> None:
    with pytest.raises(SubscriptionFault) as refused:
        parse_topics(expression, CONCRETE, {"tns1": TNS1})
    assert refused.value.name is FaultName.INVALID_TOPIC
    assert told("tns1:Device/Trigger/Relay", CONCRETE) == {RELAY.expression}


def test_an_unknown_dialect_is_refused_by_name() -> None:
    with pytest.raises(SubscriptionFault) as refused:
        parse_topics("tns1:Device", "urn:xpath", {})
    assert refused.value.name is FaultName.DIALECT_UNKNOWN


def holds(expression: str) -> bool:
    message = from_event(plate_recognized())
    assert message is not None
    return Filter(contents=(parse_content(expression, ITEM_FILTER),)).wants_content(message.content)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('boolean(//tt:SimpleItem[@Name="VideoSource" and @Value="vs_north"])', True),
        ('boolean(//tt:SimpleItem[@Name="VideoSource" and @Value="vs_south"])', False),
        ("boolean(//SimpleItem[@Name='Rule'])", True),
        ("boolean(//anything:SimpleItem[@Name='Rule'])", True),
        ('boolean(//tt:ElementItem[@Name="LicensePlateInfo"])', True),
        ('not(boolean(//tt:SimpleItem[@Name="Label"]))', False),
        ('boolean(//tt:SimpleItem[@Name="Label"]) and boolean(//tt:SimpleItem[@Name="Rule"])', True),
        ('boolean(//tt:SimpleItem[@Name="No"]) or boolean(//tt:SimpleItem[@Name="Rule"])', True),
        (
            '(boolean(//tt:SimpleItem[@Name="No"]) or boolean(//tt:SimpleItem)) and not(boolean(//tt:ElementItem))',
            False,
        ),
        ('boolean(//tt:SimpleItem[(@Name="Rule" or @Name="No") and not(@Value="x")])', True),
        ('//tt:SimpleItem[@Value="Whitelisted"]', True),
    ],
)
def test_an_item_filter_is_evaluated_on_the_message(expression: str, expected: bool) -> None:
    assert holds(expression) is expected


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "true()",
        "count(//tt:SimpleItem) > 1",
        "boolean(//*)",
        "boolean(/tt:Message)",
        "boolean(//tt:SimpleItem[1])",
        'boolean(//tt:SimpleItem[@Other="x"])',
        'boolean(//tt:SimpleItem[@Name!="x"])',
        'boolean(//tt:SimpleItem[contains(@Name, "x")])',
        "boolean(document('file:///etc/passwd'))",
        'boolean(//tt:SimpleItem[@Name="x"]',
        'boolean(//tt:SimpleItem[@Name="x])',
        "not(" * 40 + "//tt:SimpleItem" + ")" * 40,
        "(" * 3000,
        "x" * 5000,
    ],
)
def test_everything_else_that_xpath_could_do_is_refused(expression: str) -> None:
    with pytest.raises(SubscriptionFault) as refused:
        parse_content(expression, ITEM_FILTER)
    assert refused.value.name is FaultName.INVALID_CONTENT


def test_an_unknown_content_dialect_is_refused() -> None:
    with pytest.raises(SubscriptionFault) as refused:
        parse_content("true()", "http://www.w3.org/TR/1999/REC-xpath-19991116")
    assert refused.value.name is FaultName.INVALID_FILTER


_PIECES = st.sampled_from(
    [
        "boolean",
        "not",
        "(",
        ")",
        "[",
        "]",
        "//",
        "tt:SimpleItem",
        "@Name",
        "@Value",
        "=",
        '"x"',
        "'y'",
        "and",
        "or",
        " ",
    ]
)


@given(st.lists(_PIECES, max_size=25).map("".join) | st.text(max_size=60))
def test_any_text_is_either_a_filter_that_can_be_evaluated_or_refused(text: str) -> None:
    try:
        assert isinstance(holds(text), bool)
    except SubscriptionFault as refused:
        assert refused.name is FaultName.INVALID_CONTENT
