"""Envelopes: read with care, written so that every prefix in use is declared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from events import soap
from events.xmlns import NAMESPACES, node, xs_float, xs_time
from tests.fakes.events import NOON
from tests.schemas import validate

ENV = NAMESPACES["env"]


def request(body: str = "<x xmlns='urn:x'/>", header: str = "") -> bytes:
    return (
        f'<e:Envelope xmlns:e="{ENV}" xmlns:wsa="{NAMESPACES["wsa"]}"><e:Header>{header}</e:Header>'
        f"<e:Body>{body}</e:Body></e:Envelope>"
    ).encode()


def test_a_request_is_known_by_its_first_body_child_whatever_stands_around_it() -> None:
    read = soap.parse(request("<!-- a comment --><?pi x?> <x xmlns='urn:x'/> <y/>"))
    assert read.request_name == "{urn:x}x"


def test_addressing_headers_are_read_when_they_are_there() -> None:
    read = soap.parse(request(header="<wsa:MessageID> urn:uuid:1 </wsa:MessageID><wsa:Action>a</wsa:Action>"))
    assert (read.message_id, read.action) == ("urn:uuid:1", "a")
    assert soap.parse(request()).message_id is None


def test_entities_are_never_resolved() -> None:
    body = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>' + request("<x xmlns='urn:x'>&f;</x>")
    with pytest.raises(soap.Fault, match="document type declaration"):
        soap.parse(body)


def test_an_answer_declares_the_prefixes_that_stand_in_its_texts() -> None:
    content = node("tev:X", node("wsnt:Topic", "tns1:Device/Trigger/Relay"), node("tt:SimpleItem", Name="lpr:EventId"))
    root = etree.fromstring(soap.envelope(content, action="urn:action", relates_to="urn:uuid:1"))
    topic, item = root[1][0]
    assert topic.nsmap["tns1"] == NAMESPACES["tns1"]
    assert item.nsmap["lpr"] == NAMESPACES["lpr"]
    assert "tds" not in item.nsmap
    assert root.findtext(f"{{{ENV}}}Header/{{{NAMESPACES['wsa']}}}RelatesTo") == "urn:uuid:1"


def test_without_an_action_there_is_no_header() -> None:
    root = etree.fromstring(soap.envelope(node("tds:GetHostnameResponse")))
    assert root.find(f"{{{ENV}}}Header") is None


def test_subcodes_nest_and_their_prefixes_are_declared() -> None:
    fault = soap.sender_fault("ter:InvalidArgVal", "ter:NoConfig", reason="Unknown configuration token.")
    text = soap.fault_envelope(fault)
    assert validate(text) == set()
    root = etree.fromstring(text)
    assert [value.text for value in root.iter(f"{{{ENV}}}Value")] == ["env:Sender", "ter:InvalidArgVal", "ter:NoConfig"]
    assert root.find(f".//{{{ENV}}}Subcode").nsmap["ter"] == NAMESPACES["ter"]  # type: ignore[union-attr]
    assert fault.http_status == 400


@given(st.text())
def test_any_reason_makes_a_readable_fault(reason: str) -> None:
    text = soap.fault_envelope(soap.receiver_fault("ter:Action", reason=reason))
    assert validate(text) == set()


@given(st.binary(max_size=300))
def test_any_bytes_are_an_envelope_or_a_fault(body: bytes) -> None:
    with pytest.raises(soap.Fault):
        soap.parse(body)


@given(st.text())
def test_a_node_carries_any_text_that_somebody_typed(text: str) -> None:
    element = etree.fromstring(etree.tostring(node("tt:Name", text, token=text)))
    assert element.get("token") is not None


@pytest.mark.parametrize(
    ("value", "text"), [(0.93, "0.93"), (1e-9, "0"), (-0.0, "0"), (1.0, "1"), (-0.42, "-0.42"), (100.0, "100")]
)
def test_numbers_are_written_without_exponents(value: float, text: str) -> None:
    assert xs_float(value) == text


def test_times_end_in_z() -> None:
    assert xs_time(NOON) == "2026-11-22T12:00:00Z"
    assert xs_time(NOON.replace(microsecond=250_400)) == "2026-11-22T12:00:00.250Z"
