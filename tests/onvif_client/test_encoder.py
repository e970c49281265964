"""Encoders through Media1 and Media2, on cameras that adapt, ignore and refuse."""

from __future__ import annotations

import pytest

from onvif_client.camera import Camera
from onvif_client.types import EncoderChange, Range
from tests.fakes.camera import FakeCamera, Quirks

BOTH = pytest.mark.parametrize("media1_only", [False, True], ids=["media2", "media1"])


def client(fake: FakeCamera) -> Camera:
    return Camera(fake.address, fake.user, fake.password)


async def encoder_of(camera: Camera):
    (profile,) = await camera.profiles()
    assert profile.encoder is not None
    return profile.encoder


@BOTH
async def test_options_are_read_per_encoding(media1_only):
    async with FakeCamera(quirks=Quirks(media1_only=media1_only)) as fake, client(fake) as camera:
        options = await camera.encoder_options(await encoder_of(camera))
        assert {each.encoding for each in options.encodings} == {"H264", "JPEG"}
        h264 = options.of("H264")
        assert h264 is not None
        assert h264.resolutions == ((1920, 1080), (1280, 720), (640, 480))
        assert h264.quality == Range(minimum=0, maximum=100)
        assert h264.gov_length == Range(minimum=1, maximum=300)
        assert h264.frame_rate == Range(minimum=1, maximum=25)
        assert options.of("H265") is None


@BOTH
@pytest.mark.requirement("M-158")
async def test_a_change_keeps_everything_else_and_is_read_back(media1_only):
    async with FakeCamera(quirks=Quirks(media1_only=media1_only)) as fake, client(fake) as camera:
        change = EncoderChange(quality=80.0, gov_length=25)
        report = await camera.apply_encoder(await encoder_of(camera), change)
        assert [(each.field, each.ok) for each in report] == [("quality", True), ("gov_length", True)]
        assert (fake.encoder["Quality"], fake.encoder["GovLength"]) == ("80", "25") or fake.encoder["Quality"] == "80.0"
        assert fake.encoder["Width"] == "1920"
        assert fake.encoder["Encoding"] == "H264"
        assert fake.count("SetVideoEncoderConfiguration") == 1


@BOTH
async def test_jpeg_takes_the_h264_settings_out(media1_only):
    async with FakeCamera(quirks=Quirks(media1_only=media1_only)) as fake, client(fake) as camera:
        change = EncoderChange(encoding="JPEG", width_px=1280, height_px=720)
        assert all(each.ok for each in await camera.apply_encoder(await encoder_of(camera), change))
        assert (fake.encoder["Encoding"], fake.encoder["Width"]) == ("JPEG", "1280")


@BOTH
async def test_values_the_camera_does_not_offer_are_moved_to_the_nearest(media1_only):
    async with FakeCamera(quirks=Quirks(media1_only=media1_only)) as fake, client(fake) as camera:
        change = EncoderChange(width_px=1300, height_px=700, quality=150.0, frame_rate=4.0, gov_length=900)
        report = {each.field: each for each in await camera.apply_encoder(await encoder_of(camera), change)}
        assert all(each.ok for each in report.values())
        assert (report["width_px"].got, report["height_px"].got) == ("1280", "720")
        assert float(report["quality"].got) == 100
        assert report["gov_length"].got == "300"
        # Media2 lists steps (25, 12.5, 6, 3, 1): the slowest that is not below 4. Media1 gives a range.
        assert float(report["frame_rate"].got) == (4 if media1_only else 6)


@BOTH
async def test_an_ignored_change_is_reported_and_not_repeated(media1_only):
    quirks = Quirks(media1_only=media1_only, ignored_fields=frozenset({"FrameRateLimit"}))
    async with FakeCamera(quirks=quirks) as fake, client(fake) as camera:
        change = EncoderChange(frame_rate=6.0, quality=80.0)
        report = {each.field: each for each in await camera.apply_encoder(await encoder_of(camera), change)}
        assert report["quality"].ok
        assert not report["frame_rate"].ok
        assert float(report["frame_rate"].got) == 25
        assert fake.count("SetVideoEncoderConfiguration") == 1


@BOTH
async def test_a_refused_field_does_not_cost_the_others(media1_only):
    quirks = Quirks(media1_only=media1_only, rejected_fields=frozenset({"Quality"}))
    async with FakeCamera(quirks=quirks) as fake, client(fake) as camera:
        change = EncoderChange(width_px=1280, height_px=720, frame_rate=6.0, quality=80.0)
        report = {each.field: each for each in await camera.apply_encoder(await encoder_of(camera), change)}
        assert {name for name, each in report.items() if not each.ok} == {"quality"}
        assert "not with these values" in report["quality"].detail
        assert fake.count("SetVideoEncoderConfiguration") == 4


async def test_a_structure_that_comes_incomplete_is_sent_complete():
    async with FakeCamera(quirks=Quirks(media1_only=True, no_multicast=True)) as fake, client(fake) as camera:
        assert all(
            each.ok for each in await camera.apply_encoder(await encoder_of(camera), EncoderChange(quality=80.0))
        )
        sent = next(each.body for each in fake.asked if each.operation == "SetVideoEncoderConfiguration")
        assert sent.findtext(".//{*}SessionTimeout") == "PT1M"


@BOTH
async def test_nothing_is_sent_when_everything_is_as_asked(media1_only):
    async with FakeCamera(quirks=Quirks(media1_only=media1_only)) as fake, client(fake) as camera:
        report = await camera.apply_encoder(await encoder_of(camera), EncoderChange(quality=50.0, encoding="H264"))
        assert all(each.ok for each in report)
        assert fake.count("SetVideoEncoderConfiguration") == 0
