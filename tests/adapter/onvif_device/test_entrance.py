"""Whatever is thrown at the SOAP entrance: an answer in SOAP, soon, and never a word of our insides."""

from __future__ import annotations

import asyncio
import io
import zlib
from pathlib import Path

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from adapter.onvif_device.face import MAX_BODY_BYTES, Patience
from tests.fakes.device_face import RunningFace, running_face
from tests.fakes.soap_caller import ENV, PREFIXES, SoapCaller, envelope, username_token
from tests.schemas import validate

DATE = "<tds:GetSystemDateAndTime/>"
BOMB = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaaaaaaaaaaaa">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%s;" % (b"" if n == 0 else b"%d" % (n - 1)) * 10) for n in range(12))
    + b"]>"
)
FILE = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>'


def inside(text: str) -> bytes:
    return envelope(f"<tds:GetServices><tds:IncludeCapability>{text}</tds:IncludeCapability></tds:GetServices>")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "empty"),
        (b"   \n", "empty"),
        (b"\x00\x01\x02", "not well-formed"),
        (b"<html><body>hello</body></html>", "not a SOAP 1.2 Envelope"),
        (b'{"json": true}', "not well-formed"),
        (envelope(DATE)[:-20], "not well-formed"),
        (BOMB + inside("&a11;"), "not"),
        (FILE + inside("&f;"), "document type declaration"),
        (b"<!DOCTYPE x SYSTEM 'http://127.0.0.1:1/x.dtd'>" + envelope(DATE), "document type declaration"),
        (b"<a>" * 5000 + b"</a>" * 5000, "not well-formed"),
        (envelope("<a>" * 300 + "</a>" * 300), "not well-formed"),
        (envelope(""), "Body is empty"),
        (f'<e:Envelope xmlns:e="{ENV}"/>'.encode(), "no Body"),
        (envelope(DATE).replace(b"2003/05/soap-envelope", b"2003/05/other"), "not a SOAP 1.2 Envelope"),
        (envelope("<GetSystemDateAndTime/>"), "does not know"),
        (envelope("<tds:NoSuchOperation/>"), "does not know NoSuchOperation"),
        (b"<?xml version='1.0' encoding='utf-16'?><x/>", "not well-formed"),
    ],
    ids=range(17),
)
async def test_nonsense_is_a_fault_that_says_what_is_wrong(
    face: RunningFace, admin: SoapCaller, body: bytes, word: str
) -> None:
    answer = await admin.post(face.url(), body)
    assert answer.status in {400, 500}
    assert word in answer.reason
    assert validate(answer.raw) == set()


async def test_soap_1_1_is_told_apart_from_nonsense(face: RunningFace, admin: SoapCaller) -> None:
    body = envelope(DATE).replace(ENV.encode(), b"http://schemas.xmlsoap.org/soap/envelope/")
    answer = await admin.post(face.url(), body)
    assert answer.codes == ["env:VersionMismatch"]


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_above_the_limit_is_refused_with_413(
    face: RunningFace, session: aiohttp.ClientSession, chunked: bool
) -> None:
    async def pieces():  # type: ignore[no-untyped-def]
        for _ in range(MAX_BODY_BYTES // 65536 + 2):
            yield b" " * 65536

    data = pieces() if chunked else io.BytesIO(b" " * (MAX_BODY_BYTES + 1))
    async with session.post(face.url(), data=data) as answer:
        assert answer.status == 413
        assert b"Fault" in await answer.read()


async def test_a_small_body_that_unpacks_to_a_huge_one_is_refused(face: RunningFace, admin: SoapCaller) -> None:
    packed = zlib.compress(b" " * (8 * MAX_BODY_BYTES))
    answer = await admin.post(face.url(), packed, **{"Content-Encoding": "deflate"})
    assert answer.status in {400, 413}
    assert answer.codes[0] == "env:Sender"


async def test_a_body_that_is_not_what_its_encoding_says_is_refused(face: RunningFace, admin: SoapCaller) -> None:
    answer = await admin.post(face.url(), b"not gzip at all", **{"Content-Encoding": "gzip"})
    assert answer.status == 400


async def test_a_request_that_never_ends_is_given_up_with_a_fault(tmp_path: Path) -> None:
    async with running_face(tmp_path, Patience(read_s=0.05)) as face:
        reader, writer = await asyncio.open_connection("127.0.0.1", face.port)
        writer.write(b"POST /onvif/device_service HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n<env:Envelope")
        async with asyncio.timeout(60):
            head = await reader.readuntil(b"\r\n\r\n")
            rest = await reader.readuntil(b"Envelope>")
        writer.close()
        await writer.wait_closed()
    assert b" 408 " in head.splitlines()[0]
    assert b"was not complete after 0.05 s" in rest


async def test_a_camera_that_does_not_answer_is_given_up_with_a_fault(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    async with running_face(tmp_path, Patience(answer_s=0.05)) as face:
        face.imaging.hangs = True
        answer = await SoapCaller(session, face.base_url, ("admin", "admin-pass")).call(
            "<timg:GetOptions><timg:VideoSourceToken>vs_north</timg:VideoSourceToken></timg:GetOptions>"
        )
    assert answer.codes == ["env:Receiver", "ter:Action"]
    assert "within 0.05 s" in answer.reason


async def test_the_face_stops_at_once_although_a_pull_waits(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(60):
        async with running_face(tmp_path) as face:
            caller = SoapCaller(session, face.base_url, ("admin", "admin-pass"))
            address = (await caller.call("<tev:CreatePullPointSubscription/>")).text(".//wsa:Address") or ""
            pull = "<tev:PullMessages><tev:Timeout>PT60S</tev:Timeout><tev:MessageLimit>9</tev:MessageLimit>"
            await caller.call(pull + "</tev:PullMessages>", path=address)  # the relay's state
            waiting = asyncio.create_task(caller.call(pull + "</tev:PullMessages>", path=address))
            while not any(point.pulling for point in face.subscriptions.points):
                await asyncio.sleep(0.001)
        answer = await waiting
    assert "no subscription" in answer.reason


async def test_a_bug_answers_in_soap_and_tells_nothing(face: RunningFace, admin: SoapCaller) -> None:
    def broken() -> list[object]:
        raise ZeroDivisionError("secret detail")

    face.cameras.cameras = broken  # type: ignore[assignment,method-assign]
    answer = await admin.call("<trt:GetProfiles/>")
    assert (answer.status, answer.codes) == (500, ["env:Receiver", "ter:Action"])
    assert answer.reason == "Internal error; see the log of the device."
    assert b"secret" not in answer.raw


async def test_the_wrong_path_or_method_is_not_found(face: RunningFace, session: aiohttp.ClientSession) -> None:
    async with session.get(face.url()) as answer:
        assert answer.status == 405
    async with session.post(face.url("no_service"), data=envelope(DATE)) as answer:
        assert answer.status == 404


async def test_the_message_id_of_a_refused_event_request_is_related_to(face: RunningFace, admin: SoapCaller) -> None:
    header = username_token("admin", "admin-pass") + "<wsa:MessageID>urn:uuid:1</wsa:MessageID>"
    answer = await admin.call("<tev:PullMessages/>", path="/onvif/subscription/unknown", header=header)
    assert answer.text(".//wsa:RelatesTo") == "urn:uuid:1"
    assert answer.text(".//wsa:Action") == "http://www.w3.org/2005/08/addressing/soap/fault"


_TAGS = [f"{prefix}:{local}" for prefix in PREFIXES for local in ("PullMessages", "Renew", "Seek", "GetProfiles")] + [
    "tev:CreatePullPointSubscription",
    "tev:Filter",
    "wsnt:TopicExpression",
    "wsnt:MessageContent",
    "tev:InitialTerminationTime",
    "tev:Timeout",
    "tev:MessageLimit",
    "tev:UtcTime",
    "tev:Reverse",
    "wsnt:TerminationTime",
    "wsnt:Unsubscribe",
    "tds:GetServices",
    "tds:GetCapabilities",
    "tds:Category",
    "tds:SetRelayOutputState",
    "tds:RelayOutputToken",
    "tds:LogicalState",
    "trt:GetStreamUri",
    "trt:ProfileToken",
    "trt:StreamSetup",
    "timg:SetImagingSettings",
    "timg:VideoSourceToken",
    "tan:GetRules",
    "tan:ConfigurationToken",
]
_VALUES = st.sampled_from(
    [
        "",
        "PT1S",
        "PT99999999H",
        "-PT1S",
        "P",
        "1",
        "0",
        "-1",
        "9" * 40,
        "profile_north",
        "vs_north",
        "vac_north",
        "2026-11-22T12:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "tns1:RuleEngine//.",
        "true",
        "%s%n",
        "\U0001f697",
        "&lt;x&gt;",
    ]
) | st.text(
    alphabet=st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="<&\ufffe\uffff"),
    max_size=30,
)
_ATTRIBUTES = st.sampled_from(
    [
        "",
        ' Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"',
        ' Dialect="urn:x"',
        ' xsi:nil="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"',
        ' xmlns="urn:other"',
    ]
)


@st.composite
def _trees(draw: st.DrawFn, depth: int = 3) -> str:
    tag, attributes = draw(st.sampled_from(_TAGS)), draw(_ATTRIBUTES)
    inner = "".join(draw(st.lists(_trees(depth - 1), max_size=3))) if depth and draw(st.booleans()) else draw(_VALUES)
    return f"<{tag}{attributes}>{inner}</{tag}>"


_BODIES = (
    _trees().map(envelope)
    | st.binary(max_size=200)
    | st.builds(lambda tree, cut: envelope(tree)[:cut], _trees(), st.integers(0, 1500))
    | st.builds(
        lambda tree, at, junk: envelope(tree)[:at] + junk + envelope(tree)[at:],
        _trees(),
        st.integers(0, 1500),
        st.binary(max_size=8),
    )
)
_PATHS = st.sampled_from(["device_service", "event_service", "media_service", "subscription/x", "subscription/%00%ff"])
_SECRETS = (b"Traceback", b'File "', b".py", b"site-packages", b"lxml", b"admin-pass")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests=st.lists(st.tuples(_BODIES, _PATHS, st.booleans()), min_size=1, max_size=6))
def test_no_request_breaks_the_entrance(tmp_path: Path, requests: list[tuple[bytes, str, bool]]) -> None:
    """Malformed, nested, cut, mixed and wrongly namespaced: always a SOAP answer within seconds."""
    asyncio.run(_send(tmp_path, requests))


async def _send(folder: Path, requests: list[tuple[bytes, str, bool]]) -> None:
    async with running_face(folder) as face, aiohttp.ClientSession() as session:
        caller = SoapCaller(session, face.base_url, None)
        for body, path, logged_in in requests:
            token = username_token("admin", "admin-pass").encode() if logged_in else b""
            sent = body.replace(b"<env:Header></env:Header>", b"<env:Header>" + token + b"</env:Header>")
            async with asyncio.timeout(60):
                answer = await caller.post(face.url(path), sent)
            assert answer.status in {200, 400, 401, 429, 500}
            root = etree.fromstring(answer.raw)
            assert root.tag == f"{{{ENV}}}Envelope"
            if answer.status != 200:
                assert answer.codes, "an error without a fault"
                validate(answer.raw)
                assert "Internal error" not in answer.reason
            assert not any(secret in answer.raw for secret in _SECRETS)
        assert (await caller.call(DATE)).status == 200
