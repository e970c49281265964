from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.metadata.rtsp_message import (
    BODY_LIMIT_BYTES,
    HEADER_LIMIT_BYTES,
    BadRequestError,
    InterleavedFrame,
    Request,
    parse_head,
    parse_transport,
    read_message,
)


async def read(data: bytes):
    reader = asyncio.StreamReader(limit=HEADER_LIMIT_BYTES)
    reader.feed_data(data)
    reader.feed_eof()
    return await read_message(reader)


async def test_a_request_is_read_with_its_body():
    request = await read(b"GET_PARAMETER rtsp://a/b RTSP/1.0\r\nCSeq: 4\r\nContent-Length: 3\r\n\r\nabc")
    assert isinstance(request, Request)
    assert (request.method, request.url, request.headers["cseq"], request.body) == (
        "GET_PARAMETER",
        "rtsp://a/b",
        "4",
        b"abc",
    )


async def test_an_interleaved_frame_is_told_from_a_request():
    assert await read(b"$\x01\x00\x02hi") == InterleavedFrame(channel=1, payload=b"hi")


@pytest.mark.parametrize("data", [b"", b"\r\n", b"OPTIONS * RT", b"$\x01\x00\x09hi", b"$\x01"])
async def test_a_connection_that_ends_early_is_an_end_and_no_error(data):
    assert await read(data) is None


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"HELLO\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nno colon here\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nContent-Length: many\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n", 400),
        (f"OPTIONS * RTSP/1.0\r\nContent-Length: {BODY_LIMIT_BYTES + 1}\r\n\r\n".encode(), 413),
        (b"OPTIONS * RTSP/1.0\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
        (b"OPTIONS * RTSP/1.0\r\n" + b"A: b\r\n" * 100 + b"\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nA: " + b"x" * 2 * HEADER_LIMIT_BYTES + b"\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nA: \xff\xfe\r\n\r\n", 400),
    ],
)
async def test_what_is_no_request_or_too_large_is_refused(data, status):
    with pytest.raises(BadRequestError) as refused:
        await read(data)
    assert refused.value.status == status


@given(st.binary(max_size=400))
def test_any_head_is_a_request_or_a_bad_request(data):
    try:
        parse_head(b"OPTIONS " + data)
    except BadRequestError as error:
        assert error.status == 400


@given(st.text(max_size=80))
def test_any_transport_header_is_read_or_refused(text):
    try:
        offers = parse_transport("RTP/AVP/TCP;interleaved=" + text)
    except ValueError:
        return
    assert offers[0].interleaved
    assert all(0 <= channel <= 255 for channel in offers[0].channels or ())


def test_the_alternatives_of_a_transport_header_keep_their_order():
    first, second = parse_transport("RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;unicast;interleaved=2-3")
    assert not first.interleaved
    assert second.interleaved
    assert second.channels == (2, 3)
