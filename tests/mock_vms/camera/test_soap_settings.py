"""What is set is what is read back, and nothing outside the ranges that the camera tells is ever set."""

from __future__ import annotations

import pytest

from mock_vms.camera.state import CameraState, Encoding, ExposureMode, ImagingSettings
from tests.mock_vms.camera.soap_client import NS, Answer, SoapClient, camera_and_client

TOKEN = "<timg:VideoSourceToken>video_source</timg:VideoSourceToken>"
PLATE_SETTINGS = """<tt:BacklightCompensation><tt:Mode>OFF</tt:Mode></tt:BacklightCompensation>
<tt:Contrast>40</tt:Contrast><tt:Exposure><tt:Mode>MANUAL</tt:Mode><tt:ExposureTime>1818</tt:ExposureTime>
<tt:Gain>6</tt:Gain></tt:Exposure><tt:IrCutFilter>ON</tt:IrCutFilter><tt:Sharpness>10</tt:Sharpness>
<tt:WideDynamicRange><tt:Mode>OFF</tt:Mode></tt:WideDynamicRange>"""


async def test_imaging_settings_reach_the_picture_and_are_read_back() -> None:
    async with camera_and_client() as (camera, client):
        assert (await _set_imaging(client, PLATE_SETTINGS)).status == 200
        imaging = camera.state.imaging
        assert imaging.exposure_mode is ExposureMode.MANUAL
        assert (imaging.exposure_time_us, imaging.gain_db, imaging.sharpness) == (1818.0, 6.0, 10.0)
        assert (imaging.wide_dynamic_range, imaging.ir_cut_filter, imaging.contrast) == (False, "ON", 40.0)
        told = (await client.call(f"<timg:GetImagingSettings>{TOKEN}</timg:GetImagingSettings>")).body[0]
        assert told.findtext("tt:Exposure/tt:ExposureTime", None, NS) == "1818"
        assert told.findtext("tt:WideDynamicRange/tt:Mode", None, NS) == "OFF"
        assert told.findtext("tt:Brightness", None, NS) == "50", "what was not sent stays"


@pytest.mark.parametrize(
    "setting",
    [
        "<tt:Sharpness>101</tt:Sharpness>",
        "<tt:Sharpness>NaN</tt:Sharpness>",
        "<tt:Contrast>-1</tt:Contrast>",
        "<tt:Exposure><tt:Mode>SOMETIMES</tt:Mode></tt:Exposure>",
        "<tt:Exposure><tt:Mode>AUTO</tt:Mode><tt:ExposureTime>1</tt:ExposureTime></tt:Exposure>",
        "<tt:Exposure><tt:MaxExposureTime>50</tt:MaxExposureTime></tt:Exposure>",  # below the present minimum
        "<tt:Exposure><tt:MinGain>20</tt:MinGain><tt:MaxGain>10</tt:MaxGain></tt:Exposure>",
        "<tt:IrCutFilter>MAYBE</tt:IrCutFilter>",
    ],
)
async def test_a_refused_imaging_request_changes_nothing_at_all(setting: str) -> None:
    async with camera_and_client() as (camera, client):
        answer = await _set_imaging(client, f"<tt:Brightness>70</tt:Brightness>{setting}")
        assert answer.subcodes == ["InvalidArgVal", "SettingsInvalid"], answer.content
        assert camera.state.imaging == ImagingSettings()


async def test_a_number_with_a_comma_is_refused_and_not_guessed() -> None:
    async with camera_and_client() as (_, client):
        assert (await _set_imaging(client, "<tt:Sharpness>10,5</tt:Sharpness>")).subcodes == ["InvalidArgs"]


async def test_the_bounds_that_options_tell_are_the_bounds_that_hold() -> None:
    async with camera_and_client() as (_, client):
        options = (await client.call(f"<timg:GetOptions>{TOKEN}</timg:GetOptions>")).body[0]
        for name in ("MinExposureTime", "MaxGain", "Iris"):
            low, high = (float(options.findtext(f"tt:Exposure/tt:{name}/tt:{end}", "", NS)) for end in ("Min", "Max"))
            for value, accepted in ((low, True), (high, True), (low - 1, False), (high + 1, False)):
                setting = f"<tt:Exposure><tt:Mode>AUTO</tt:Mode><tt:{name}>{value}</tt:{name}></tt:Exposure>"
                assert ((await _set_imaging(client, setting)).status == 200) is accepted, (name, value)


@pytest.mark.parametrize("prefix", ["trt", "tr2"])
async def test_an_encoder_is_set_in_the_words_of_either_media_service(prefix: str) -> None:
    async with camera_and_client() as (camera, client):
        answer = await _set_encoder(
            client, prefix, Encoding="JPEG", Quality="80", FrameRateLimit="4", Width="640", Height="360"
        )
        assert answer.status == 200, answer.content
        encoder = camera.state.encoder("encoder_main")
        assert (encoder.encoding, encoder.quality, encoder.frame_rate) == (Encoding.JPEG, 80.0, 4.0)
        assert (encoder.width_px, encoder.height_px, encoder.bitrate_kbps) == (640, 360, 8192)
        for service in ("trt", "tr2"):
            told = (await client.call(f"<{service}:GetVideoEncoderConfigurations/>")).body[0]
            assert told.findtext("tt:Encoding", None, NS) == "JPEG"
            assert told.findtext("tt:RateControl/tt:FrameRateLimit", None, NS) == "4"
            assert told.find("tt:H264", NS) is None


@pytest.mark.parametrize("prefix", ["trt", "tr2"])
async def test_the_group_of_pictures_is_set_where_each_service_has_it(prefix: str) -> None:
    async with camera_and_client() as (camera, client):
        if prefix == "trt":
            answer = await _set_encoder(client, prefix, more="<tt:H264><tt:GovLength>3</tt:GovLength></tt:H264>")
        else:
            answer = await _set_encoder(client, prefix, attributes='GovLength="3"')
        assert answer.status == 200
        assert camera.state.encoder("encoder_main").gov_length == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"Encoding": "H265"},
        {"Quality": "101"},
        {"FrameRateLimit": "60"},
        {"FrameRateLimit": "0"},
        {"BitrateLimit": "1"},
        {"Width": "1281"},
    ],
)
@pytest.mark.parametrize("prefix", ["trt", "tr2"])
async def test_what_an_encoder_cannot_do_is_a_config_modify_fault(prefix: str, wrong: dict[str, str]) -> None:
    async with camera_and_client() as (camera, client):
        answer = await _set_encoder(client, prefix, **wrong)
        assert answer.subcodes == ["InvalidArgVal", "ConfigModify"]
        assert next(iter(wrong)).removesuffix("Width") in answer.reason
        assert camera.state.encoder("encoder_main") == CameraState().encoder("encoder_main")


async def _set_imaging(client: SoapClient, settings: str) -> Answer:
    body = f"{TOKEN}<timg:ImagingSettings>{settings}</timg:ImagingSettings>"
    return await client.call(f"<timg:SetImagingSettings>{body}</timg:SetImagingSettings>")


async def _set_encoder(
    client: SoapClient, prefix: str, *, attributes: str = "", more: str = "", **changes: str
) -> Answer:
    values = {"Encoding": "H264", "Width": "1280", "Height": "720", "Quality": "60"}
    values |= {"FrameRateLimit": "12", "BitrateLimit": "8192", **changes}
    value = {name: f"<tt:{name}>{text}</tt:{name}>" for name, text in values.items()}
    size = f"<tt:Resolution>{value['Width']}{value['Height']}</tt:Resolution>"
    rate = f"<tt:RateControl>{value['FrameRateLimit']}{value['BitrateLimit']}</tt:RateControl>"
    inside = f"{value['Encoding']}{size}{value['Quality']}{rate}{more}"
    configuration = f'<{prefix}:Configuration token="encoder_main" {attributes}>{inside}</{prefix}:Configuration>'
    name = f"{prefix}:SetVideoEncoderConfiguration"
    return await client.call(f"<{name}>{configuration}</{name}>")
