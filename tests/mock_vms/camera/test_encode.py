from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from events.metadata.rtp import split_annex_b
from mock_vms.camera.encode import H264Encoder, encode_jpeg, open_encoder, parameter_sets
from mock_vms.camera.state import EncoderSettings, Encoding

SETTINGS = EncoderSettings(token="x", width_px=320, height_px=180, frame_rate=10, gov_length=5)


def moving(count, *, grain=25):
    """I420 pictures of something that moves, with enough detail to cost bits."""
    chance = np.random.default_rng(4)
    sheet = cv2.GaussianBlur(chance.normal(128, grain * 4, (270, 640)).astype(np.float32), (0, 0), 2)
    for number in range(count):
        planes = np.full((270, 320), 128, dtype=np.uint8)
        planes[:180] = np.clip(
            sheet[:180, number * 3 : number * 3 + 320] + chance.normal(0, grain / 4, (180, 320)), 16, 235
        )
        yield planes


def sizes(settings, count=20):
    encoder = open_encoder(settings)
    encoded = [encoder.encode(picture, force_key=False) for picture in moving(count)]
    return [sum(map(len, payloads)) for payloads, _ in encoded], [key for _, key in encoded]


def test_a_key_frame_comes_each_gov_and_whenever_it_is_asked_for():
    assert [index for index, key in enumerate(sizes(SETTINGS, 13)[1]) if key] == [0, 5, 10]
    encoder = open_encoder(replace(SETTINGS, gov_length=100))
    keys = [encoder.encode(picture, force_key=number == 3)[1] for number, picture in enumerate(moving(6))]
    assert keys == [True, False, False, True, False, False]


def test_every_key_frame_carries_the_parameter_sets_that_the_sdp_states():
    encoder = H264Encoder(SETTINGS)
    stated = set(parameter_sets(SETTINGS))
    assert {unit[0] & 0x1F for unit in stated} == {7, 8}
    for number, picture in enumerate(moving(7)):
        units = encoder.nal_units(picture, force_key=False)
        if number % SETTINGS.gov_length == 0:
            assert stated <= set(units)
        assert all(b"\x00\x00\x01" not in unit for unit in units)
        assert split_annex_b(b"".join(b"\x00\x00\x00\x01" + unit for unit in units)) == units


@pytest.mark.parametrize("encoding", list(Encoding))
def test_more_quality_costs_more_bytes(encoding):
    settings = replace(SETTINGS, encoding=encoding, bitrate_kbps=100_000)
    totals = [sum(sizes(replace(settings, quality=quality))[0]) for quality in (10, 40, 70, 100)]
    assert all(less < more for less, more in pairwise(totals))


def test_the_bit_rate_ceiling_holds():
    settings = replace(SETTINGS, quality=100, gov_length=50)
    free, _ = sizes(replace(settings, bitrate_kbps=16_000), 100)
    capped, _ = sizes(replace(settings, bitrate_kbps=200), 100)
    kbps = sum(capped) * 8 / 1000 / (100 / settings.frame_rate)
    assert sum(free) > 2 * sum(capped)
    assert kbps < 200 * 1.25


def test_a_jpeg_has_the_size_and_the_picture_that_were_encoded():
    (planes,) = moving(1)
    decoded = cv2.imdecode(np.frombuffer(encode_jpeg(planes, 90), np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == (180, 320, 3)
    again = cv2.cvtColor(decoded, cv2.COLOR_BGR2YUV_I420)[:180]
    assert np.abs(again.astype(int) - planes[:180]).mean() < 4


@pytest.mark.parametrize("quality", [-5, 0, 1000])
def test_any_quality_number_gives_a_picture(quality):
    (planes,) = moving(1)
    assert encode_jpeg(planes, quality)[:2] == b"\xff\xd8"


def test_the_stream_is_of_the_main_profile_that_the_media_service_states():
    (sequence_set,) = (unit for unit in parameter_sets(SETTINGS) if unit[0] & 0x1F == 7)
    assert sequence_set[1] == 77
