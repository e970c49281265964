"""Answers that are not what was asked for: each ends in an error with cause and cure, in bounded memory and time."""

from __future__ import annotations

import gzip

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from onvif_client.answers import read_answer
from onvif_client.camera import Camera
from onvif_client.envelope import parse, read_fault
from onvif_client.errors import (
    CameraError,
    CameraMisbehaved,
    CameraRejected,
    CameraUnreachable,
    CameraUnsupported,
    redact_url,
)
from onvif_client.http import ANSWER_LIMIT_BYTES, Answer
from tests.fakes.camera import FakeCamera, Quirks

BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%s;" % (str(n - 1).encode() if n else b"") * 10) for n in range(9))
    + b']><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><x>&a8;</x></e:Body></e:Envelope>'
)
READ_FILE = (
    b'<!DOCTYPE b [<!ENTITY f SYSTEM "file:///etc/hostname">]>'
    b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body><GetProfilesResponse>&f;'
    b"</GetProfilesResponse></e:Body></e:Envelope>"
)


def envelope(inner: str) -> bytes:
    return (
        f'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>{inner}</e:Body></e:Envelope>'.encode()
    )


def answering(data: bytes, *, status: int = 200, kind: str = "application/soap+xml", **headers: str):
    return lambda: web.Response(body=data, status=status, content_type=kind, headers=headers)


WHOLE = envelope(
    '<t:GetProfilesResponse xmlns:t="urn:t"><t:Profiles token="a">é &amp; &#233;</t:Profiles></t:GetProfilesResponse>'
)

BAD_ANSWERS = {
    "a web page": (answering(b"<!DOCTYPE html><html>hello</html>", kind="text/html"), CameraMisbehaved, "web page"),
    "a web page with a byte order mark": (answering(b"\xef\xbb\xbf<HTML></HTML>"), CameraMisbehaved, "web page"),
    "an entity bomb": (answering(BOMB), CameraMisbehaved, "document type"),
    "an entity in UTF-16": (answering(READ_FILE.decode().encode("utf-16")), CameraMisbehaved, "document type"),
    "an external entity": (answering(READ_FILE), CameraMisbehaved, "document type"),
    "cut XML": (answering(envelope("<GetProfilesResponse>")[:-30]), CameraMisbehaved, "broken XML"),
    "no XML at all": (answering(b"\x00\x01\x02garbage"), CameraMisbehaved, "broken XML"),
    "an empty answer": (answering(b""), CameraMisbehaved, "empty answer"),
    "an empty body": (answering(envelope("")), CameraMisbehaved, "nothing in it"),
    "no envelope": (answering(b"<GetProfilesResponse/>"), CameraMisbehaved, "SOAP envelope"),
    "the wrong element": (answering(envelope("<GetUsersResponse/>")), CameraMisbehaved, "<GetUsersResponse>"),
    "too much": (answering(b" " * (ANSWER_LIMIT_BYTES + 1)), CameraMisbehaved, "more than"),
    "a gzip bomb": (
        answering(gzip.compress(b" " * (ANSWER_LIMIT_BYTES * 4)), **{"Content-Encoding": "gzip"}),
        CameraMisbehaved,
        "more than",
    ),
    "broken gzip": (answering(b"not gzip", **{"Content-Encoding": "gzip"}), CameraUnreachable, "cannot be reached"),
    "a redirect": (
        answering(b"", status=302, Location="http://192.0.2.99/"),
        CameraMisbehaved,
        "redirects",
    ),
    "not found": (answering(b"nothing", status=404, kind="text/plain"), CameraUnsupported, "HTTP 404"),
    "a busy camera": (answering(b"", status=503), CameraUnreachable, "busy"),
    "an error without a fault": (answering(b"oops", status=500), CameraMisbehaved, "HTTP 500"),
    "a fault": (
        answering(envelope("<e:Fault><e:Code><e:Value>e:Sender</e:Value></e:Code></e:Fault>"), status=400),
        CameraRejected,
        "Sender",
    ),
    "a fault with status 200": (
        answering(envelope("<e:Fault><e:Reason><e:Text>no</e:Text></e:Reason></e:Fault>")),
        CameraRejected,
        "no",
    ),
    "a fault with an undeclared prefix": (
        answering(
            envelope("<e:Fault><ter:Code><e:Value>ter:ActionNotSupported</e:Value></ter:Code></e:Fault>"), status=500
        ),
        CameraUnsupported,
        "ActionNotSupported",
    ),
}


@pytest.mark.parametrize("media1_only", [False, True], ids=["lxml", "zeep"])
@pytest.mark.parametrize("name", BAD_ANSWERS)
async def test_a_bad_answer_becomes_a_clear_error(name, media1_only):
    answer, kind, words = BAD_ANSWERS[name]
    quirks = Quirks(media1_only=media1_only)
    async with FakeCamera(quirks=quirks) as fake, Camera(fake.address, fake.user, fake.password) as camera:
        fake.quirks.answers["GetProfiles"] = answer
        with pytest.raises(kind) as caught:
            await camera.profiles()
        assert words in str(caught.value)


@pytest.mark.parametrize("name", ["a web page", "an entity bomb", "the wrong element", "a busy camera"])
async def test_a_bad_first_answer_ends_the_connection_attempt_cleanly(name):
    answer, kind, words = BAD_ANSWERS[name]
    async with FakeCamera(quirks=Quirks(answers={"GetDeviceInformation": answer})) as fake:
        with pytest.raises(kind, match=words):
            await Camera(fake.address, fake.user, fake.password).connect()


async def test_an_answer_that_does_not_follow_the_schema_is_no_crash():
    strange = envelope('<GetProfilesResponse xmlns="urn:x"><Profiles><a/></Profiles></GetProfilesResponse>')
    quirks = Quirks(media1_only=True, answers={"GetProfiles": answering(strange)})
    async with FakeCamera(quirks=quirks) as fake, Camera(fake.address, fake.user, fake.password) as camera:
        try:
            assert await camera.profiles() == ()
        except CameraError as error:
            assert "GetProfiles" in str(error)


async def test_a_slow_camera_runs_into_the_time_out():
    quirks = Quirks(slow={"GetProfiles": 30.0})
    async with (
        FakeCamera(quirks=quirks) as fake,
        Camera(fake.address, fake.user, fake.password, timeout_s=0.3) as camera,
    ):
        with pytest.raises(CameraUnreachable, match=r"within 0\.3 s"):
            await camera.profiles()


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (b"<html>login</html>", "text/html", "not a picture"),
        (b"\xff\xd8" + b"\0" * 17_000_000, "image/jpeg", "more than"),
    ],
    ids=["web page", "huge"],
)
async def test_a_snapshot_that_is_no_picture_is_refused(data, kind, words):
    quirks = Quirks(answers={"GET": answering(data, kind=kind)})
    async with FakeCamera(quirks=quirks) as fake, Camera(fake.address, fake.user, fake.password) as camera:
        with pytest.raises(CameraMisbehaved, match=words):
            await camera.snapshot("p1")


@given(st.integers(0, len(WHOLE)), st.binary(max_size=8), st.integers(0, 8))
def test_no_damaged_answer_raises_anything_but_our_error(at, junk, lost):
    damaged = Answer(status=200, body=WHOLE[:at] + junk + WHOLE[at + lost :], content_type="", challenges=(), date=None)
    try:
        read_answer("GetProfiles", damaged)
    except CameraError as error:
        assert "GetProfiles" in str(error)


def test_soap_11_faults_are_read_too():
    data = (
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault>'
        b"<faultcode>e:Server</faultcode><faultstring>out of memory</faultstring></e:Fault></e:Body></e:Envelope>"
    )
    fault = read_fault(parse(data, asked="x")[0][0])
    assert fault is not None
    assert (fault.codes, fault.reason) == (("Server",), "out of memory")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://user:secret@192.0.2.1/live", "rtsp://***@192.0.2.1/live"),
        ("rtsp://us@er:se/c@192.0.2.1:554/live?x=1", None),
        ("http://192.0.2.1/snap?usr=a&pwd=secret&w=1", "http://192.0.2.1/snap?usr=***&pwd=***&w=1"),
        ("http://192.0.2.1/snap?w=1", "http://192.0.2.1/snap?w=1"),
        ("http://[broken", "<unreadable address>"),
    ],
)
def test_addresses_are_logged_without_secrets(url, shown):
    redacted = redact_url(url)
    assert "secret" not in redacted
    if shown is not None:
        assert redacted == shown
