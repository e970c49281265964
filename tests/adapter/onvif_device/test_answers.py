"""What the face says and does; that every answer has the right form is in `test_every_answer.py`."""

from __future__ import annotations

import pytest

from tests.fakes.device_face import RunningFace
from tests.fakes.soap_caller import PREFIXES, SoapCaller
from tests.schemas import validate


async def test_media2_lists_only_the_configurations_that_were_asked_for(admin: SoapCaller) -> None:
    none = await admin.call("<tr2:GetProfiles/>")
    assert [profile.get("token") for profile in none.all(".//tr2:Profiles")] == ["profile_north", "profile_south"]
    assert none.find(".//tr2:Configurations") is None
    some = await admin.call(
        "<tr2:GetProfiles><tr2:Token>profile_north</tr2:Token><tr2:Type>Metadata</tr2:Type>"
        "<tr2:Type>VideoSource</tr2:Type></tr2:GetProfiles>"
    )
    (configurations,) = some.all(".//tr2:Configurations")
    assert [child.tag.rpartition("}")[2] for child in configurations] == ["VideoSource", "Metadata"]
    everything = await admin.call("<tr2:GetProfiles><tr2:Type>All</tr2:Type></tr2:GetProfiles>")
    assert [child.tag.rpartition("}")[2] for child in everything.find(".//tr2:Configurations")] == [
        "VideoSource",
        "VideoEncoder",
        "Analytics",
        "Metadata",
    ]


async def test_media2_encoder_configurations_are_in_the_order_of_the_newer_schema(admin: SoapCaller) -> None:
    answer = await admin.call("<tr2:GetVideoEncoderConfigurations/>")
    first = answer.find(".//tr2:Configurations")
    names = [child.tag.rpartition("}")[2] for child in first]
    assert names == ["Name", "UseCount", "Encoding", "Resolution", "RateControl", "Quality"]
    assert first.get("GovLength") == "12"


async def test_every_address_follows_the_host_that_the_client_used(face: RunningFace, admin: SoapCaller) -> None:
    host = f"localhost:{face.port}"
    for request in (
        "<tds:GetServices><tds:IncludeCapability>false</tds:IncludeCapability></tds:GetServices>",
        "<tds:GetCapabilities/>",
        "<tev:CreatePullPointSubscription/>",
        "<trt:GetSnapshotUri><trt:ProfileToken>profile_north</trt:ProfileToken></trt:GetSnapshotUri>",
    ):
        answer = await admin.call(request, path=f"http://{host}/onvif/device_service")
        addresses = [
            element.text
            for element in answer.root.iter()
            if (element.text or "").startswith("http://")
            and "/onvif/" in element.text
            and "onvif.org" not in element.text
        ]
        assert addresses
        assert all(address.startswith(f"http://{host}/onvif/") for address in addresses)


async def test_a_host_header_that_is_no_host_is_not_repeated(face: RunningFace, admin: SoapCaller) -> None:
    data = b"<env:Envelope xmlns:env='http://www.w3.org/2003/05/soap-envelope'><env:Body><GetCapabilities "
    data += b"xmlns='http://www.onvif.org/ver10/device/wsdl'/></env:Body></env:Envelope>"
    answer = await admin.post(face.url(), data, Host='evil"<x>')
    assert b"evil" not in answer.raw
    assert answer.text(".//tt:Device/tt:XAddr") == face.url()


async def test_passwords_are_never_told(admin: SoapCaller) -> None:
    answer = await admin.call("<tds:GetUsers/>")
    assert [user.text for user in answer.all(".//tt:Username")] == ["admin", "guard", "viewer"]
    assert b"pass" not in answer.raw.lower()


async def test_a_stream_that_is_not_there_is_a_fault_that_names_the_camera(admin: SoapCaller) -> None:
    answer = await admin.call(
        "<tr2:GetStreamUri><tr2:Protocol>RTSP</tr2:Protocol><tr2:ProfileToken>profile_south</tr2:ProfileToken>"
        "</tr2:GetStreamUri>"
    )
    assert answer.codes == ["env:Receiver", "ter:Action", "ter:IncompleteConfiguration"]
    assert "Gate South" in answer.reason
    validate(answer.raw)


@pytest.mark.parametrize(
    ("request_xml", "codes"),
    [
        ("<trt:GetProfile/>", ["env:Sender", "ter:InvalidArgs"]),
        (
            "<trt:GetProfile><trt:ProfileToken>no</trt:ProfileToken></trt:GetProfile>",
            ["env:Sender", "ter:InvalidArgVal", "ter:NoProfile"],
        ),
        (
            "<tan:GetRules><tan:ConfigurationToken>no</tan:ConfigurationToken></tan:GetRules>",
            ["env:Sender", "ter:InvalidArgVal", "ter:NoConfig"],
        ),
        (
            "<tan:CreateRules><tan:ConfigurationToken>vac_north</tan:ConfigurationToken></tan:CreateRules>",
            ["env:Sender", "ter:Action", "ter:FixedRules"],
        ),
        (
            "<tan:DeleteAnalyticsModules><tan:ConfigurationToken>vac_north</tan:ConfigurationToken>"
            "</tan:DeleteAnalyticsModules>",
            ["env:Sender", "ter:Action", "ter:FixedModules"],
        ),
        (
            "<timg:GetOptions><timg:VideoSourceToken>no</timg:VideoSourceToken></timg:GetOptions>",
            ["env:Sender", "ter:InvalidArgVal", "ter:NoSource"],
        ),
        ("<tds:SystemReboot/>", ["env:Receiver", "ter:ActionNotSupported"]),
        ("<tev:GetEventBrokers/>", ["env:Receiver", "ter:ActionNotSupported"]),
        ("<wsnt:Subscribe/>", ["env:Receiver", "ter:ActionNotSupported"]),
        ("<trt:SetVideoEncoderConfiguration/>", ["env:Receiver", "ter:ActionNotSupported"]),
    ],
)
async def test_what_cannot_be_done_is_a_fault_with_its_subcodes(
    admin: SoapCaller, request_xml: str, codes: list[str]
) -> None:
    answer = await admin.call(request_xml)
    assert answer.codes == codes
    assert answer.status == (400 if codes[0] == "env:Sender" else 500)
    assert answer.reason.endswith(".")
    validate(answer.raw)


async def test_imaging_is_passed_through_to_the_camera_without_our_token(face: RunningFace, admin: SoapCaller) -> None:
    answer = await admin.call(
        "<timg:SetImagingSettings><timg:VideoSourceToken>vs_north</timg:VideoSourceToken><timg:ImagingSettings>"
        "<tt:Brightness>40</tt:Brightness></timg:ImagingSettings></timg:SetImagingSettings>"
    )
    assert answer.status == 200
    assert face.imaging.asked == [("north", "SetImagingSettings", [f"{{{PREFIXES['timg']}}}ImagingSettings"])]


async def test_a_camera_without_imaging_says_so(admin: SoapCaller) -> None:
    answer = await admin.call(
        "<timg:GetOptions><timg:VideoSourceToken>vs_south</timg:VideoSourceToken></timg:GetOptions>"
    )
    assert answer.codes == ["env:Receiver", "ter:ActionNotSupported", "ter:NoImagingForSource"]


async def test_an_answer_of_the_camera_without_content_is_not_passed_on(face: RunningFace, admin: SoapCaller) -> None:
    """A camera that answers OK and nothing else would make this device's answer invalid."""
    face.imaging.says_nothing = True
    answer = await admin.call(
        "<timg:GetOptions><timg:VideoSourceToken>vs_north</timg:VideoSourceToken></timg:GetOptions>"
    )
    assert answer.codes == ["env:Receiver", "ter:Action"]
    assert "GetOptions" in answer.reason
    assert validate(answer.raw) == set()


async def test_a_refusal_of_the_camera_is_told_with_its_reason(face: RunningFace, admin: SoapCaller) -> None:
    face.imaging.refusal = "Gain is out of range"
    answer = await admin.call(
        "<timg:SetImagingSettings><timg:VideoSourceToken>vs_north</timg:VideoSourceToken></timg:SetImagingSettings>"
    )
    assert answer.codes == ["env:Sender", "ter:InvalidArgVal", "ter:SettingsInvalid"]
    assert "Gain is out of range" in answer.reason


async def test_a_relay_is_driven_in_the_name_of_the_user(face: RunningFace, admin: SoapCaller) -> None:
    await admin.call(
        "<tds:SetRelayOutputState><tds:RelayOutputToken>north.gate</tds:RelayOutputToken>"
        "<tds:LogicalState>active</tds:LogicalState></tds:SetRelayOutputState>"
    )
    assert [(*asked[:2], asked[2].value, asked[3]) for asked in face.relays.asked] == [
        ("north", "gate", "active", "admin")
    ]


@pytest.mark.parametrize(
    ("token", "state", "codes"),
    [
        ("gate", "active", ["env:Sender", "ter:InvalidArgVal", "ter:RelayToken"]),
        ("north.gate", "open", ["env:Sender", "ter:InvalidArgVal"]),
    ],
)
async def test_a_relay_request_that_makes_no_sense_moves_nothing(
    face: RunningFace, admin: SoapCaller, token: str, state: str, codes: list[str]
) -> None:
    answer = await admin.call(
        f"<tds:SetRelayOutputState><tds:RelayOutputToken>{token}</tds:RelayOutputToken>"
        f"<tds:LogicalState>{state}</tds:LogicalState></tds:SetRelayOutputState>"
    )
    assert answer.codes == codes
    assert face.relays.asked == []
