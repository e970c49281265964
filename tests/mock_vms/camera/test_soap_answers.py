"""Every operation of the virtual camera is asked once, and every answer is held against ONVIF's schemas."""

from __future__ import annotations

import pytest
from lxml import etree

from mock_vms.camera.state import OsdSettings
from tests.mock_vms.camera.soap_client import NS, camera_and_client
from tests.schemas import validate

TOKEN = "<{p}:VideoSourceToken>video_source</{p}:VideoSourceToken>"
MAIN = "<{p}:ProfileToken>profile_main</{p}:ProfileToken>"
CONFIGURATION = "<{p}:ConfigurationToken>{token}</{p}:ConfigurationToken>"
SOURCE = "video_source_config"
RELAY = "<{p}:RelayOutputToken>gate</{p}:RelayOutputToken>"
PROPERTIES = (
    "<{p}:Properties><tt:Mode>Bistable</tt:Mode><tt:DelayTime>PT0S</tt:DelayTime>"
    "<tt:IdleState>open</tt:IdleState></{p}:Properties>"
)
ENCODER_1 = """<trt:Configuration token="encoder_main"><tt:Name>n</tt:Name><tt:UseCount>1</tt:UseCount>
<tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>1280</tt:Width><tt:Height>720</tt:Height></tt:Resolution>
<tt:Quality>80</tt:Quality></trt:Configuration><trt:ForcePersistence>true</trt:ForcePersistence>"""
ENCODER_2 = """<tr2:Configuration token="encoder_main"><tt:Name>n</tt:Name><tt:UseCount>1</tt:UseCount>
<tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>1280</tt:Width><tt:Height>720</tt:Height></tt:Resolution>
<tt:Quality>80</tt:Quality></tr2:Configuration>"""
DATE_AND_TIME = """<tds:DateTimeType>Manual</tds:DateTimeType><tds:DaylightSavings>false</tds:DaylightSavings>
<tds:UTCDateTime><tt:Time><tt:Hour>20</tt:Hour><tt:Minute>15</tt:Minute><tt:Second>30</tt:Second></tt:Time>
<tt:Date><tt:Year>2026</tt:Year><tt:Month>11</tt:Month><tt:Day>22</tt:Day></tt:Date></tds:UTCDateTime>"""
STREAM = """<trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>RTSP</tt:Protocol>
</tt:Transport></trt:StreamSetup>"""
PULL = "<tev:Timeout>PT0S</tev:Timeout><tev:MessageLimit>5</tev:MessageLimit>"

# What is inside the request, by operation; operations that need nothing are not listed.
INSIDE = {
    "tds:GetServices": "<tds:IncludeCapability>true</tds:IncludeCapability>",
    "tds:GetCapabilities": "<tds:Category>All</tds:Category>",
    "tds:SetSystemDateAndTime": DATE_AND_TIME,
    "tds:SetDiscoveryMode": "<tds:DiscoveryMode>Discoverable</tds:DiscoveryMode>",
    "tds:SetRelayOutputState": RELAY.format(p="tds") + "<tds:LogicalState>active</tds:LogicalState>",
    "tmd:SetRelayOutputState": RELAY.format(p="tmd") + "<tmd:LogicalState>active</tmd:LogicalState>",
    "tds:SetRelayOutputSettings": RELAY.format(p="tds") + PROPERTIES.format(p="tds"),
    "tmd:SetRelayOutputSettings": f'<tmd:RelayOutput token="gate">{PROPERTIES.format(p="tt")}</tmd:RelayOutput>',
    "trt:GetProfile": MAIN.format(p="trt"),
    "trt:GetVideoSourceConfiguration": CONFIGURATION.format(p="trt", token=SOURCE),
    "trt:GetVideoEncoderConfiguration": CONFIGURATION.format(p="trt", token="encoder_main"),
    "trt:GetCompatibleVideoSourceConfigurations": MAIN.format(p="trt"),
    "trt:GetCompatibleVideoEncoderConfigurations": MAIN.format(p="trt"),
    "trt:GetGuaranteedNumberOfVideoEncoderInstances": CONFIGURATION.format(p="trt", token=SOURCE),
    "trt:SetVideoEncoderConfiguration": ENCODER_1,
    "trt:SetSynchronizationPoint": MAIN.format(p="trt"),
    "trt:GetStreamUri": STREAM + MAIN.format(p="trt"),
    "trt:GetSnapshotUri": MAIN.format(p="trt"),
    "tr2:GetProfiles": "<tr2:Type>All</tr2:Type>",
    "tr2:GetVideoEncoderInstances": CONFIGURATION.format(p="tr2", token=SOURCE),
    "tr2:SetVideoEncoderConfiguration": ENCODER_2,
    "tr2:SetSynchronizationPoint": MAIN.format(p="tr2"),
    "tr2:GetStreamUri": "<tr2:Protocol>RTSP</tr2:Protocol>" + MAIN.format(p="tr2"),
    "tr2:GetSnapshotUri": MAIN.format(p="tr2"),
    **{
        f"timg:{name}": TOKEN.format(p="timg")
        for name in ("GetImagingSettings", "GetOptions", "GetMoveOptions", "GetStatus")
    },
    "timg:SetImagingSettings": TOKEN.format(p="timg")
    + "<timg:ImagingSettings><tt:Sharpness>10</tt:Sharpness></timg:ImagingSettings>",
    "tev:PullMessages": PULL,
    "wsnt:Renew": "<wsnt:TerminationTime>PT90S</wsnt:TerminationTime>",
}
# Written in the DeviceIO namespace, as some clients do; the schemas know these three in the device namespace only.
NOT_IN_SCHEMA = {f"{{{NS['tmd']}}}{name}" for name in ("GetRelayOutputsResponse", "SetRelayOutputStateResponse")} | {
    f"{{{NS['tmd']}}}GetVideoSourcesResponse"
}
PREFIXES = {uri: prefix for prefix, uri in NS.items()}


async def test_every_answer_is_valid_by_the_schemas() -> None:
    """All operations of all tables, found in the tables themselves, so that a new one cannot be left out."""
    async with camera_and_client() as (camera, client):
        unknown = set()
        for path, name in operations(camera):
            operation = prefixed(name)
            if operation.endswith(("SystemReboot", "SetSystemDateAndTime", "Unsubscribe")):
                continue  # these change what the others need; each has its own test
            url = await client.subscribe() if path == "subscription" else f"{client.root}/onvif/{path}"
            answer = await client.call(f"<{operation}>{INSIDE.get(operation, '')}</{operation}>", url=url)
            assert answer.status == 200, (operation, answer.content)
            assert answer.body.tag == f"{name}Response"
            unknown |= validate(answer.envelope)
    not_media2 = {name for name in unknown if not name.startswith(f"{{{NS['tr2']}}}")}
    assert not_media2 == NOT_IN_SCHEMA
    assert f"{{{NS['tr2']}}}GetProfilesResponse" in unknown  # the schemas are older than Media2


@pytest.mark.parametrize("prefix", ["trt", "tr2"])
async def test_texts_in_the_picture_are_told_in_valid_xml(prefix: str) -> None:
    async with camera_and_client() as (camera, client):
        camera.state.osds["clock"] = OsdSettings(position="UpperRight")
        camera.state.osds["name"] = OsdSettings(text="North gate", position="Custom", x=-0.5, y=0.25)
        inside = CONFIGURATION.format(p=prefix, token=SOURCE)
        answer = await client.call(f"<{prefix}:GetOSDs>{inside}</{prefix}:GetOSDs>")
        assert validate(answer.envelope) <= {f"{{{NS['tr2']}}}GetOSDsResponse"}
        told = [(osd.get("token"), osd.findtext("tt:Position/tt:Type", "", NS)) for osd in answer.body]
        assert told == [("clock", "UpperRight"), ("name", "Custom")]
        assert answer.body[1].find("tt:Position/tt:Pos", NS).attrib == {"x": "-0.5", "y": "0.25"}
        wrong = CONFIGURATION.format(p=prefix, token="none")
        assert (await client.call(f"<{prefix}:GetOSDs>{wrong}</{prefix}:GetOSDs>")).status == 400


@pytest.mark.parametrize("operation", ["SystemReboot", "SetSystemDateAndTime"])
async def test_answers_that_end_or_shift_things_are_valid_too(operation: str) -> None:
    async with camera_and_client() as (_, client):
        answer = await client.call(f"<tds:{operation}>{INSIDE.get(f'tds:{operation}', '')}</tds:{operation}>")
        assert answer.status == 200
        assert validate(answer.envelope) == set()


async def test_unsubscribe_is_valid_and_ends_the_pull_point() -> None:
    async with camera_and_client() as (camera, client):
        address = await client.subscribe()
        answer = await client.call("<wsnt:Unsubscribe/>", url=address)
        assert validate(answer.envelope) == set()
        assert len(camera.pull_points) == 0


async def test_the_old_and_the_new_media_service_tell_of_the_same_encoder() -> None:
    """Structural checks of Media2, which the schemas lack: element order and the Types rule."""
    async with camera_and_client() as (_, client):
        bare = (await client.call("<tr2:GetProfiles/>")).body
        assert [_names(profile) for profile in bare] == [["Name"], ["Name"]]
        partly = (await client.call("<tr2:GetProfiles><tr2:Type>VideoEncoder</tr2:Type></tr2:GetProfiles>")).body
        assert [_names(c) for c in partly.iterfind("tr2:Profiles/tr2:Configurations", NS)] == [["VideoEncoder"]] * 2
        encoder = partly.find("tr2:Profiles/tr2:Configurations/tr2:VideoEncoder", NS)
        assert encoder is not None
        order = ["Name", "UseCount", "Encoding", "Resolution", "RateControl", "Multicast", "Quality"]
        assert _names(encoder) == order
        assert encoder.get("GovLength") == "12"
        old = (await client.call("<trt:GetVideoEncoderConfigurations/>")).body[0]
        assert old.get("token") == encoder.get("token")
        assert old.findtext("tt:Resolution/tt:Width", None, NS) == encoder.findtext("tt:Resolution/tt:Width", None, NS)


async def test_media2_options_have_one_element_per_encoding() -> None:
    async with camera_and_client() as (_, client):
        answer = await client.call("<tr2:GetVideoEncoderConfigurationOptions/>")
        options = {e.findtext("tt:Encoding", "", NS): e for e in answer.body}
        assert set(options) == {"JPEG", "H264"}
        order = ["Encoding", "QualityRange", *["ResolutionsAvailable"] * 3, "BitrateRange"]
        assert _names(options["H264"]) == order
        assert options["H264"].get("GovLengthRange") == "1 100"
        rates = [float(rate) for rate in (options["JPEG"].get("FrameRatesSupported") or "").split()]
        assert rates == sorted(rates, reverse=True)
        assert 4.0 in rates


async def test_every_address_names_the_host_that_the_client_used() -> None:
    async with camera_and_client() as (camera, client):
        url = f"http://localhost:{camera.http_port}/onvif/device_service"
        answer = await client.call(
            "<tds:GetServices><tds:IncludeCapability>0</tds:IncludeCapability></tds:GetServices>", url=url
        )
        addresses = [e.text or "" for e in answer.body.iterfind("tds:Service/tds:XAddr", NS)]
        assert len(addresses) == 6
        assert all(address.startswith(f"http://localhost:{camera.http_port}/onvif/") for address in addresses)


async def test_the_topic_set_names_only_its_root_in_a_namespace() -> None:
    async with camera_and_client() as (_, client):
        answer = await client.call("<tev:GetEventProperties/>")
        leaf = answer.body.find(".//tns1:Device/Trigger/Relay", NS)
        assert leaf is not None
        assert leaf.get("{http://docs.oasis-open.org/wsn/t-1}topic") == "true"
        assert None not in leaf.nsmap, "a default namespace would put the topics into it"


def operations(camera: object) -> list[tuple[str, str]]:
    tables = camera.operations  # type: ignore[attr-defined]
    return [(path, name) for path, table in tables.items() for name in table]


def prefixed(name: str) -> str:
    qname = etree.QName(name)
    return f"{PREFIXES[qname.namespace or '']}:{qname.localname}"


def _names(element: etree._Element) -> list[str]:
    return [etree.QName(child).localname for child in element]
