"""The judge of our XML is judged first: it must refuse what is wrong and own up to what it does not know."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.schemas import validate
from tests.shapes import check_shape

TDS = "http://www.onvif.org/ver10/device/wsdl"
TT = "http://www.onvif.org/ver10/schema"
ENV = "http://www.w3.org/2003/05/soap-envelope"
SCOPES = f"""<e:Envelope xmlns:e="{ENV}" xmlns:d="{TDS}" xmlns:tt="{TT}"><e:Body><d:GetScopesResponse><d:Scopes>
%s</d:Scopes></d:GetScopesResponse></e:Body></e:Envelope>"""


def test_a_valid_answer_passes_without_remarks() -> None:
    inside = "<tt:ScopeDef>Fixed</tt:ScopeDef><tt:ScopeItem>onvif://x</tt:ScopeItem>"
    assert validate((SCOPES % inside).encode()) == set()


@pytest.mark.parametrize(
    "inside",
    [
        "<tt:ScopeItem>onvif://x</tt:ScopeItem><tt:ScopeDef>Fixed</tt:ScopeDef>",
        "<tt:ScopeDef>Loose</tt:ScopeDef><tt:ScopeItem>onvif://x</tt:ScopeItem>",
        "<tt:ScopeDef>Fixed</tt:ScopeDef>",
    ],
)
def test_wrong_order_values_and_gaps_are_refused(inside: str) -> None:
    with pytest.raises(AssertionError, match="not valid"):
        validate((SCOPES % inside).encode())


def test_a_message_description_in_a_topic_set_is_looked_into() -> None:
    """It stands where any element may stand, so only the added declaration makes it checked."""
    topics = """<t:TopicSet xmlns:t="http://docs.oasis-open.org/wsn/t-1" xmlns:tt="%s">
    <x:a xmlns:x="x"><b><tt:MessageDescription>%s
    </tt:MessageDescription></b></x:a></t:TopicSet>"""
    item = '<tt:SimpleItemDescription Name="a" Type="tt:b"/>'
    assert validate((topics % (TT, f"<tt:Data>{item}</tt:Data>")).encode()) == set()
    with pytest.raises(AssertionError, match="not valid"):
        validate((topics % (TT, f"<tt:Data>{item.replace('Type', 'Kind')}</tt:Data>")).encode())


def test_what_the_schemas_do_not_know_is_named() -> None:
    media2 = b'<m:GetProfilesResponse xmlns:m="http://www.onvif.org/ver20/media/wsdl"/>'
    assert validate(media2) == {"{http://www.onvif.org/ver20/media/wsdl}GetProfilesResponse"}


def test_a_fault_needs_its_parts_in_order_and_declared_prefixes() -> None:
    fault = f"""<e:Fault xmlns:e="{ENV}"><e:Code><e:Value>e:Sender</e:Value>%s</e:Code>
    <e:Reason><e:Text xml:lang="en">why</e:Text></e:Reason></e:Fault>"""
    assert validate((fault % "").encode()) == set()
    with pytest.raises(AssertionError, match="declared prefix"):
        validate((fault % "<e:Subcode><e:Value>ter:InvalidArgVal</e:Value></e:Subcode>").encode())


TR2 = "http://www.onvif.org/ver20/media/wsdl"
PROFILES = f"""<m:GetProfilesResponse xmlns:m="{TR2}" xmlns:tt="{TT}"><m:Profiles %s><m:Name>a</m:Name>
<m:Configurations>%s</m:Configurations></m:Profiles></m:GetProfilesResponse>"""
ENCODER = """<m:VideoEncoder token="e"><tt:Name>n</tt:Name><tt:UseCount>1</tt:UseCount>
<tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>1</tt:Width><tt:Height>1</tt:Height></tt:Resolution>
<tt:Quality>80</tt:Quality></m:VideoEncoder>"""
SOURCE = """<m:VideoSource token="s"><tt:Name>n</tt:Name><tt:UseCount>1</tt:UseCount><tt:SourceToken>v</tt:SourceToken>
<tt:Bounds x="0" y="0" width="1" height="1"/></m:VideoSource>"""
TOKEN = 'token="p"'


def test_what_has_its_shape_passes() -> None:
    check_shape(etree.fromstring(PROFILES % (TOKEN, SOURCE + ENCODER)))


@pytest.mark.parametrize(
    ("attributes", "inside"),
    [
        ("", SOURCE),
        ('token="p" colour="red"', SOURCE),
        (TOKEN, ENCODER + SOURCE),
        (TOKEN, ENCODER.replace("<tt:Quality>80</tt:Quality>", "")),
        (TOKEN, ENCODER.replace("H264", "MPEG9")),
        (TOKEN, ENCODER.replace('token="e"', 'token="e" GovLength="long"')),
        (TOKEN, SOURCE.replace('width="1"', 'width="wide"')),
        (TOKEN, "<m:Something/>"),
    ],
)
def test_what_has_another_shape_is_refused(attributes: str, inside: str) -> None:
    with pytest.raises(AssertionError):
        check_shape(etree.fromstring(PROFILES % (attributes, inside)))


def test_an_element_that_nobody_has_described_is_refused() -> None:
    with pytest.raises(AssertionError, match="nobody has written down"):
        check_shape(etree.fromstring(f'<m:GetMasksResponse xmlns:m="{TR2}"/>'))
