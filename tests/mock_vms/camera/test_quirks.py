"""Each quirk does what its line in the table says, and nothing else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from mock_vms.camera.quirks import QUIRKS, Quirks
from mock_vms.camera.state import ImagingSettings
from tests.mock_vms.camera.soap_client import NS, Answer, SoapClient, camera_and_client
from tests.schemas import validate

TOKEN = "<timg:VideoSourceToken>video_source</timg:VideoSourceToken>"
PROFILES = "<trt:GetProfiles/>"
SERVICES = "<tds:GetServices><tds:IncludeCapability>false</tds:IncludeCapability></tds:GetServices>"
OPTIONS = f"<timg:GetOptions>{TOKEN}</timg:GetOptions>"


def test_every_quirk_of_the_table_has_a_field_and_every_field_a_quirk() -> None:
    fields = {name.replace("_", "-") for name in Quirks.__dataclass_fields__}
    assert fields == {quirk.name for quirk in QUIRKS}


@pytest.mark.parametrize("word", ["clock-skew=soon", "clock-skew", "digest-only=yes", "ignore-fields=", "slow=1e400"])
def test_a_quirk_that_is_written_wrongly_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=word.partition("=")[0]):
        Quirks.parse([word])


async def test_clock_skew_shows_and_tokens_are_checked_against_it() -> None:
    async with camera_and_client("clock-skew=3600") as (_, client):
        assert (await client.call(PROFILES)).status == 400
        told = (await client.call("<tds:GetSystemDateAndTime/>")).body
        hour = int(told.findtext(".//tt:UTCDateTime/tt:Time/tt:Hour", "", NS))
        assert hour in {(datetime.now(UTC) + timedelta(hours=1, seconds=s)).hour for s in (-5, 0)}
        client.clock_offset = timedelta(hours=1)
        assert (await client.call(PROFILES)).status == 200


async def test_digest_only_answers_a_good_token_with_a_401_page() -> None:
    async with camera_and_client("digest-only") as (_, client):
        answer = await client.call(PROFILES)
        assert answer.status == 401
        assert answer.headers["Content-Type"].startswith("text/html")
        assert answer.headers["WWW-Authenticate"].startswith("Digest ")


async def test_wsse_only_never_challenges() -> None:
    async with camera_and_client("wsse-only") as (_, client):
        assert (await client.call(PROFILES)).status == 200
        client.user = None
        answer = await client.call(PROFILES)
        assert (answer.status, answer.subcodes) == (400, ["NotAuthorized"])
        assert "WWW-Authenticate" not in answer.headers


async def test_imaging_options_can_be_missing_altogether_or_in_part() -> None:
    async with camera_and_client("no-imaging-options") as (_, client):
        assert (await client.call(OPTIONS)).subcodes == ["ActionNotSupported"]
    async with camera_and_client("no-exposure-options") as (_, client):
        answer = await client.call(OPTIONS)
        assert answer.body.find("timg:ImagingOptions/tt:Exposure", NS) is None
        assert answer.body.find("timg:ImagingOptions/tt:Sharpness", NS) is not None
        assert validate(answer.envelope) == set()


async def test_ignored_fields_are_answered_ok_and_keep_their_value() -> None:
    async with camera_and_client("ignore-fields=Sharpness,ExposureTime,Quality") as (camera, client):
        settings = (
            "<tt:Contrast>40</tt:Contrast><tt:Exposure><tt:Mode>MANUAL</tt:Mode>"
            "<tt:ExposureTime>1818</tt:ExposureTime></tt:Exposure><tt:Sharpness>10</tt:Sharpness>"
        )
        body = f"{TOKEN}<timg:ImagingSettings>{settings}</timg:ImagingSettings>"
        assert (await client.call(f"<timg:SetImagingSettings>{body}</timg:SetImagingSettings>")).status == 200
        imaging, untouched = camera.state.imaging, ImagingSettings()
        assert (imaging.sharpness, imaging.exposure_time_us) == (untouched.sharpness, untouched.exposure_time_us)
        assert imaging.contrast == 40.0
        assert (await _set_encoder(client)).status == 200
        assert camera.state.encoder("encoder_main").quality == 60.0
        assert camera.state.encoder("encoder_main").width_px == 640


async def test_wrong_xaddr_names_a_host_that_is_not_there_in_every_address() -> None:
    async with camera_and_client("wrong-xaddr") as (camera, client):
        services = await client.call(SERVICES)
        addresses = [e.text or "" for e in services.body.iterfind("tds:Service/tds:XAddr", NS)]
        stream = await client.call(
            "<tr2:GetStreamUri><tr2:Protocol>RTSP</tr2:Protocol><tr2:ProfileToken>profile_main</tr2:ProfileToken>"
            "</tr2:GetStreamUri>"
        )
        addresses += [stream.text("tr2:Uri") or "", await client.subscribe()]
        assert all("://192.0.2.99:" in address for address in addresses), addresses
        assert all(f":{camera.http_port}/" in address for address in addresses if address.startswith("http"))


async def test_media1_only_has_no_media2() -> None:
    async with camera_and_client("media1-only") as (_, client):
        services = await client.call(SERVICES)
        assert NS["tr2"] not in [e.text for e in services.body.iterfind("tds:Service/tds:Namespace", NS)]
        assert (await client.call("<tr2:GetProfiles/>")).status == 404
        assert (await client.call(PROFILES)).status == 200


async def test_html_answer_is_a_page_with_status_200() -> None:
    async with camera_and_client("html-answer") as (_, client):
        answer = await client.call("<tds:GetSystemDateAndTime/>")
        assert (answer.status, answer.content[:15]) == (200, b"<!DOCTYPE html>")


async def test_slow_makes_every_answer_wait() -> None:
    async with camera_and_client("slow=0.2") as (_, client):
        loop = asyncio.get_running_loop()
        started = loop.time()
        assert (await client.call("<tds:GetSystemDateAndTime/>")).status == 200
        assert loop.time() - started >= 0.2


async def test_relative_times_are_refused_and_absolute_ones_taken() -> None:
    async with camera_and_client("relative-time-refused") as (camera, client):
        body = "<tev:InitialTerminationTime>{}</tev:InitialTerminationTime>"
        refused = await client.call(
            f"<tev:CreatePullPointSubscription>{body.format('PT60S')}</tev:CreatePullPointSubscription>"
        )
        assert refused.body.find(".//wsnt:UnacceptableInitialTerminationTimeFault", NS) is not None
        moment = (camera.clock.now() + timedelta(seconds=60)).isoformat()
        assert await client.subscribe(body.format(moment))


async def _set_encoder(client: SoapClient) -> Answer:
    size = "<tt:Resolution><tt:Width>640</tt:Width><tt:Height>360</tt:Height></tt:Resolution>"
    inside = f"<tt:Encoding>H264</tt:Encoding>{size}<tt:Quality>90</tt:Quality>"
    configuration = f'<tr2:Configuration token="encoder_main">{inside}</tr2:Configuration>'
    return await client.call(f"<tr2:SetVideoEncoderConfiguration>{configuration}</tr2:SetVideoEncoderConfiguration>")
