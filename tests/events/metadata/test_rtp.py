from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.metadata.rtp import (
    NTP_EPOCH,
    PAYLOAD_BYTES,
    h264_payloads,
    h264_sdp_attributes,
    jpeg_payloads,
    metadata_payloads,
    rtcp_report,
    rtp_packet,
    rtp_time,
    split_annex_b,
)


def encoded_jpeg(width: int, height: int, *options: int) -> bytes:
    picture = np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return cv2.imencode(".jpg", picture, list(options))[1].tobytes()


def test_a_byte_stream_is_split_at_start_codes_of_three_and_four_bytes():
    stream = b"\x00\x00\x00\x01\x67\x42\x00\x1f\x00\x00\x01\x68\xce\x00\x00\x00\x01\x65\x88\x84"
    assert split_annex_b(stream) == [b"\x67\x42\x00\x1f", b"\x68\xce", b"\x65\x88\x84"]


def test_a_byte_stream_without_a_start_code_has_no_units():
    assert split_annex_b(b"\x65\x88\x84") == []


@given(st.integers(2, 5 * PAYLOAD_BYTES))
def test_a_unit_of_any_size_comes_back_whole_from_its_fragments(size):
    unit = bytes([0x65]) + bytes(number % 251 for number in range(size - 1))
    payloads = h264_payloads([unit])
    assert all(len(payload) <= PAYLOAD_BYTES for payload in payloads)
    if len(payloads) == 1:
        assert payloads[0] == unit
        return
    assert {payload[0] for payload in payloads} == {0x60 | 28}
    assert [payload[1] & 0x80 != 0 for payload in payloads] == [True] + [False] * (len(payloads) - 1)
    assert [payload[1] & 0x40 != 0 for payload in payloads] == [False] * (len(payloads) - 1) + [True]
    header = bytes([payloads[0][0] & 0xE0 | payloads[0][1] & 0x1F])
    assert header + b"".join(payload[2:] for payload in payloads) == unit


def test_the_sdp_names_profile_and_parameter_sets():
    rtpmap, fmtp = h264_sdp_attributes(96, [b"\x67\x4d\x00\x1f\xaa", b"\x68\xee", b"\x06\x05"])
    assert rtpmap == "rtpmap:96 H264/90000"
    assert fmtp == "fmtp:96 packetization-mode=1;profile-level-id=4D001F;sprop-parameter-sets=Z00AH6o=,aO4="


def test_jpeg_payloads_carry_size_tables_and_gapless_offsets():
    picture = encoded_jpeg(320, 200)
    payloads = jpeg_payloads(picture)
    scan = b""
    for number, payload in enumerate(payloads):
        offset, kind, quality, width, height = struct.unpack_from(">IBBBB", payload)
        assert (offset, kind, quality, width * 8, height * 8) == (len(scan), 1, 255, 320, 200)
        assert len(payload) <= PAYLOAD_BYTES
        scan += payload[8:] if number else payload[8 + 4 + 128 :]
    assert struct.unpack_from(">BBH", payloads[0], 8) == (0, 0, 128)
    assert picture.endswith(scan + b"\xff\xd9")


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (encoded_jpeg(64, 64, cv2.IMWRITE_JPEG_PROGRESSIVE, 1), "baseline"),
        (encoded_jpeg(64, 64, cv2.IMWRITE_JPEG_RST_INTERVAL, 1), "restart"),
        (encoded_jpeg(2048, 64), "2040"),
        (encoded_jpeg(64, 64, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444), "4:2:0"),
        (b"GIF89a", "not a JPEG"),
        (encoded_jpeg(64, 64)[:100], "JPEG"),
    ],
)
def test_a_jpeg_that_rfc_2435_cannot_carry_is_refused_with_the_reason(picture, reason):
    with pytest.raises(ValueError, match=reason):
        jpeg_payloads(picture)


@given(st.binary(max_size=300))
def test_damaged_jpegs_are_refused_and_never_crash(rest):
    with pytest.raises(ValueError, match="JPEG"):
        jpeg_payloads(b"\xff\xd8\xff\xc0" + rest[:200])


@given(st.binary(max_size=4 * PAYLOAD_BYTES))
def test_a_metadata_document_is_the_join_of_its_payloads(document):
    payloads = metadata_payloads(document)
    assert b"".join(payloads) == document
    assert all(0 < len(payload) <= PAYLOAD_BYTES for payload in payloads)


def test_the_sender_report_ties_the_wall_clock_to_the_track_clock():
    captured = datetime(2026, 11, 22, 20, 15, 30, 250_000, tzinfo=UTC)
    offset = 12345
    report = rtcp_report(
        ssrc=7,
        at=captured,
        timestamp=rtp_time(captured, clock_rate=90_000, offset=offset),
        packets=3,
        octets=99,
        cname="a",
    )
    _, kind, words, ssrc, seconds, fraction, timestamp, packets, octets = struct.unpack_from(">BBHIIIIII", report)
    assert (kind, ssrc, packets, octets) == (200, 7, 3, 99)
    stated = NTP_EPOCH + timedelta(seconds=seconds + fraction / 2**32)
    assert abs(stated - captured) < timedelta(microseconds=2)
    later = captured + timedelta(seconds=2)
    assert (rtp_time(later, clock_rate=90_000, offset=offset) - timestamp) & 0xFFFFFFFF == 180_000
    description = report[4 * (words + 1) :]
    assert description[1] == 202
    assert len(description) == 4 * (struct.unpack_from(">H", description, 2)[0] + 1)


def test_a_packet_has_the_fixed_header_of_rfc_3550():
    packet = rtp_packet(b"xy", payload_type=96, marker=True, sequence=65_537, timestamp=5, ssrc=9)
    assert struct.unpack_from(">BBHII", packet) == (0x80, 0x80 | 96, 1, 5, 9)
    assert packet[12:] == b"xy"
