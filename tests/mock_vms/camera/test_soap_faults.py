"""Bad input gets a fault that names the cause, and never more than that."""

from __future__ import annotations

import pytest

from mock_vms.camera.door import BODY_LIMIT_BYTES
from tests.mock_vms.camera.soap_client import Answer, camera_and_client, envelope
from tests.schemas import validate

BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope"><env:Body>&b;</env:Body></env:Envelope>"""
STEAL = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY file SYSTEM "file:///etc/passwd">]>
<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope"><env:Body><x>&file;</x></env:Body></env:Envelope>"""
SOAP_11 = b"""<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><a/></e:Body></e:Envelope>"""
PROFILES = "<trt:GetProfiles/>"


@pytest.mark.parametrize(
    ("document", "code", "subcodes"),
    [
        (b"", "Sender", ["WellFormed"]),
        (b"GET ME THE PROFILES", "Sender", ["WellFormed"]),
        (b"<a><b></a>", "Sender", ["WellFormed"]),
        (b"\xff\xfe\x00", "Sender", ["WellFormed"]),
        (BOMB, "Sender", ["WellFormed"]),
        (STEAL, "Sender", ["WellFormed"]),
        (b"<a/>", "Sender", ["Tag"]),
        (SOAP_11, "VersionMismatch", []),
        (envelope(""), "Sender", ["Tag"]),
        (envelope(PROFILES * 2), "Sender", ["Tag"]),
        (envelope("<GetProfiles/>"), "Receiver", ["ActionNotSupported"]),
        (envelope("<trt:NoSuchThing/>"), "Receiver", ["ActionNotSupported"]),
        (envelope("<tds:GetHostname/>"), "Receiver", ["ActionNotSupported"]),  # at the wrong address
        (envelope(PROFILES, '<x:a xmlns:x="urn:x" env:mustUnderstand="true"/>'), "MustUnderstand", []),
        (envelope("<trt:GetProfiles>" + "<a>" * 300 + "</a>" * 300 + "</trt:GetProfiles>"), "Sender", ["WellFormed"]),
    ],
)
async def test_what_is_no_request_gets_a_fault_that_says_so(document: bytes, code: str, subcodes: list[str]) -> None:
    async with camera_and_client() as (_, client):
        answer = await client.post(f"{client.root}/onvif/media_service", document)
        _check_fault(answer, subcodes)
        assert answer.text("env:Code/env:Value") == f"env:{code}"
        assert b"root:" not in answer.content, "the password file leaked"


async def test_a_huge_body_is_refused_before_it_is_read_as_xml() -> None:
    async with camera_and_client() as (_, client):
        answer = await client.post(f"{client.root}/onvif/media_service", b"<" + b"a" * BODY_LIMIT_BYTES)
        assert answer.status == 413
        validate(answer.envelope)


async def test_an_unknown_service_is_not_found() -> None:
    async with camera_and_client() as (_, client):
        assert (await client.post(f"{client.root}/onvif/ptz_service", b"")).status == 404
        async with client.session.get(f"{client.root}/onvif/device_service") as response:
            assert response.status == 405


@pytest.mark.parametrize(
    ("body", "subcodes"),
    [
        ("<trt:GetProfile/>", ["InvalidArgs"]),
        ("<trt:GetProfile><trt:ProfileToken>x</trt:ProfileToken></trt:GetProfile>", ["InvalidArgVal", "NoProfile"]),
        (
            "<trt:GetVideoEncoderConfiguration><trt:ConfigurationToken>x</trt:ConfigurationToken>"
            "</trt:GetVideoEncoderConfiguration>",
            ["InvalidArgVal", "NoConfig"],
        ),
        ("<trt:SetVideoEncoderConfiguration/>", ["InvalidArgs"]),
        (
            "<tr2:GetStreamUri><tr2:Protocol>RtspMulticast</tr2:Protocol></tr2:GetStreamUri>",
            ["InvalidArgVal", "InvalidStreamSetup"],
        ),
        (
            "<timg:GetOptions><timg:VideoSourceToken>x</timg:VideoSourceToken></timg:GetOptions>",
            ["InvalidArgVal", "NoSource"],
        ),
        (
            "<tds:GetCapabilities><tds:Category>PTZ</tds:Category></tds:GetCapabilities>",
            ["ActionNotSupported", "NoSuchService"],
        ),
        ("<tds:GetServices><tds:IncludeCapability>maybe</tds:IncludeCapability></tds:GetServices>", ["InvalidArgs"]),
        (
            "<tds:SetSystemDateAndTime><tds:DateTimeType>Manual</tds:DateTimeType>"
            "<tds:DaylightSavings>false</tds:DaylightSavings><tds:UTCDateTime><tt:Time><tt:Hour>25</tt:Hour>"
            "<tt:Minute>0</tt:Minute><tt:Second>0</tt:Second></tt:Time><tt:Date><tt:Year>2026</tt:Year>"
            "<tt:Month>1</tt:Month><tt:Day>1</tt:Day></tt:Date></tds:UTCDateTime></tds:SetSystemDateAndTime>",
            ["InvalidArgVal", "InvalidDateTime"],
        ),
    ],
)
async def test_wrong_arguments_get_the_subcodes_of_the_standard(body: str, subcodes: list[str]) -> None:
    async with camera_and_client() as (_, client):
        _check_fault(await client.call(body), subcodes)


async def test_a_failing_request_leaves_the_camera_answering() -> None:
    async with camera_and_client() as (_, client):
        for _ in range(20):
            await client.post(f"{client.root}/onvif/media_service", BOMB)
        assert (await client.call(PROFILES)).status == 200


def _check_fault(answer: Answer, subcodes: list[str]) -> None:
    assert answer.status in (400, 500), answer.content
    assert answer.headers["Content-Type"].startswith("application/soap+xml")
    validate(answer.envelope)
    assert answer.subcodes == subcodes
    assert len(answer.reason) > 10
