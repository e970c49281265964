"""Events as JSON: every event survives the way there and back, old text stays readable, nonsense is named."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import codec
from events.errors import CodecError
from events.types import ActionFailed, Event, ServerLost, ServerRestored
from tests.fakes.events import (
    NOON,
    alarm_raised,
    camera_lost,
    camera_restored,
    event_id,
    list_matched,
    plate_recognized,
    relay_changed,
)

EVENTS: list[Event] = [
    plate_recognized(),
    plate_recognized(plate_picture=None, frame_picture=None, module_code=None),
    list_matched(),
    alarm_raised(),
    camera_lost(),
    camera_restored(),
    relay_changed(),
    ServerLost(event_id=event_id(10), utc_time=NOON, server="north", detail="gone"),
    ServerRestored(event_id=event_id(11), utc_time=NOON, server="north"),
    ActionFailed(
        event_id=event_id(9), utc_time=NOON, camera_id="north", action="gate", decision_id=event_id(1), detail="late"
    ),
]

# Written by version 1. It must be readable for ever; never change it.
WRITTEN_BY_VERSION_1 = (
    '{"version":1,"kind":"CameraLost","event_id":"00000000000000000000000000000004",'
    '"utc_time":"2026-11-22T12:00:04Z","camera_id":"north","camera_name":"Gate North","detail":"no frame for 10 s"}'
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_an_event_comes_back_as_it_was(event: Event) -> None:
    assert codec.decode(codec.encode(event)) == event


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_the_same_event_always_gives_the_same_text_on_one_line(event: Event) -> None:
    assert codec.encode(codec.decode(codec.encode(event))) == codec.encode(event)
    assert "\n" not in codec.encode(event)


@given(st.text(max_size=40), st.floats(0, 1))
def test_any_text_and_any_likelihood_survive(text: str, likelihood: float) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    event = alarm_raised(name=text, likelihood=likelihood)
    assert codec.decode(codec.encode(event)) == event


def test_text_of_version_1_is_readable() -> None:
    assert codec.decode(WRITTEN_BY_VERSION_1) == camera_lost(4)


def test_a_field_that_a_later_program_added_is_ignored() -> None:
    plain = json.loads(WRITTEN_BY_VERSION_1) | {"weather": "rain"}
    assert codec.decode(json.dumps(plain)) == camera_lost(4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[]", "a JSON object"),
        ("{}", "version None"),
        ('{"version":99}', "upgrade"),
        ('{"version":1}', "kind"),
        ('{"version":1,"kind":"Nothing"}', "Nothing"),
        (WRITTEN_BY_VERSION_1.replace('"detail":"no frame for 10 s"', '"detail":5'), "detail"),
        (WRITTEN_BY_VERSION_1.replace("2026-11-22T", "yesterday "), "utc_time"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_nonsense_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(CodecError, match=words):
        codec.decode(text)
