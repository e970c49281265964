"""RTSP 1.0 on the wire: reading requests and interleaved frames within limits, writing responses and transports."""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

HEADER_LIMIT_BYTES = 16 * 1024
BODY_LIMIT_BYTES = 64 * 1024
_HEADER_COUNT_LIMIT = 64
_METHOD = re.compile(r"[A-Za-z_]{1,32}")

REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    413: "Request Entity Too Large",
    453: "Not Enough Bandwidth",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    459: "Aggregate Operation Not Allowed",
    461: "Unsupported Transport",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "RTSP Version not supported",
    551: "Option not supported",
}


class BadRequestError(Exception):
    """What arrived is no RTSP request, or breaks a limit. The connection cannot be read any further."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. Header names are lower case; a repeated header keeps its last value."""

    method: str
    url: str
    version: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class InterleavedFrame:
    """A `$` frame from the client: its receiver reports. Any of them keeps the session alive."""

    channel: int
    payload: bytes


async def read_message(reader: asyncio.StreamReader) -> Request | InterleavedFrame | None:
    """The next thing the client sent, None at the end of the connection. BadRequestError when it is not RTSP."""
    try:
        first = await reader.readexactly(1)
        while first in b"\r\n":
            first = await reader.readexactly(1)
        if first == b"$":
            channel, length = struct.unpack(">BH", await reader.readexactly(3))
            return InterleavedFrame(channel=channel, payload=await reader.readexactly(length))
        head = first + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequestError(400, f"the request head is longer than {HEADER_LIMIT_BYTES} bytes") from error
    request = parse_head(head)
    length_bytes = _content_length(request.headers)
    if not length_bytes:
        return request
    try:
        body = await reader.readexactly(length_bytes)
    except asyncio.IncompleteReadError:
        return None
    return Request(method=request.method, url=request.url, version=request.version, headers=request.headers, body=body)


def parse_head(head: bytes) -> Request:
    """Request line and headers; BadRequestError when they do not follow RFC 2326."""
    if len(head) > HEADER_LIMIT_BYTES:
        raise BadRequestError(400, f"the request head is longer than {HEADER_LIMIT_BYTES} bytes")
    try:
        lines = head.decode("utf-8").split("\r\n")
    except UnicodeDecodeError as error:
        raise BadRequestError(400, "the request head is not UTF-8 text") from error
    parts = lines[0].split(" ")
    if len(parts) != 3 or not _METHOD.fullmatch(parts[0]) or not parts[2].startswith("RTSP/"):
        raise BadRequestError(400, "the first line is not `METHOD url RTSP/1.0`")
    fields = [line for line in lines[1:] if line]
    if len(fields) > _HEADER_COUNT_LIMIT:
        raise BadRequestError(400, f"more than {_HEADER_COUNT_LIMIT} headers")
    headers: dict[str, str] = {}
    for line in fields:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise BadRequestError(400, "a header line has no name and colon")
        headers[name.strip().lower()] = value.strip()
    return Request(method=parts[0].upper(), url=parts[1], version=parts[2], headers=headers)


def _content_length(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise BadRequestError(400, "Content-Length is not a number")
    if len(text) > 9 or int(text) > BODY_LIMIT_BYTES:
        raise BadRequestError(413, f"the body is longer than {BODY_LIMIT_BYTES} bytes")
    return int(text)


def response_bytes(
    status: int, *, cseq: str | None = None, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
) -> bytes:
    """A complete response. Header values must not come unchecked from a client."""
    lines = [f"RTSP/1.0 {status} {REASONS[status]}"]
    if cseq is not None:
        lines.append(f"CSeq: {cseq}")
    lines += [f"{name}: {value}" for name, value in headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def interleaved_frame(channel: int, packet: bytes) -> bytes:
    """RFC 2326 section 10.12: a packet between the responses on the same connection."""
    return struct.pack(">cBH", b"$", channel, len(packet)) + packet


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportOffer:
    """One alternative of a client's `Transport` header. `channels` is None when it leaves the choice to us."""

    interleaved: bool
    channels: tuple[int, int] | None = None


def parse_transport(header: str) -> list[TransportOffer]:
    """The alternatives a client offers, best first. ValueError when an interleaved range is not one."""
    offers = []
    for alternative in header.split(","):
        protocol, *parameters = [part.strip() for part in alternative.split(";")]
        options = dict(part.partition("=")[::2] for part in parameters)
        channels = None
        if "interleaved" in options:
            low, _, high = options["interleaved"].partition("-")
            channels = (int(low), int(high) if high else int(low) + 1)
            if not (0 <= channels[0] <= 255 and 0 <= channels[1] <= 255 and channels[0] != channels[1]):
                raise ValueError("interleaved channels are two different numbers from 0 to 255")
        offers.append(TransportOffer(interleaved=protocol.upper() == "RTP/AVP/TCP", channels=channels))
    return offers
