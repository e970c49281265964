from __future__ import annotations

import asyncio
import re
import struct
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from events.metadata.rtp import AccessUnit, metadata_payloads
from events.metadata.rtsp import RtspServer
from events.metadata.rtsp_queue import QUEUE_EVENTS, QUEUE_UNITS, Leg, UnitQueue
from events.metadata.rtsp_stream import RtspCounters, Stream, TooManyLogins

TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"


class LoudTrack:
    """A track that says what the test tells it to say."""

    clock_rate = 90_000

    def __init__(self, control="trackID=video", media="video", payload_type=96):
        self.control, self.media, self.payload_type = control, media, payload_type
        self.sinks = []
        self.subscribed = asyncio.Event()

    async def sdp_attributes(self):
        return [f"rtpmap:{self.payload_type} test/90000"]

    def subscribe(self, sink):
        self.sinks.append(sink)
        self.subscribed.set()
        return lambda: self.sinks.remove(sink)

    def say(self, *payloads, key=True):
        for sink in list(self.sinks):
            sink.put(AccessUnit(payloads=payloads, captured_at=datetime.now(UTC), key=key))


class Client:
    def __init__(self, reader, writer, url):
        self.reader, self.writer, self.url = reader, writer, url
        self.cseq = 0
        self.session = None

    async def ask(self, method, path="", headers=(), *, url=None):
        self.cseq += 1
        lines = [f"{method} {url or self.url + path} RTSP/1.0", f"CSeq: {self.cseq}", *headers]
        if self.session:
            lines.append(f"Session: {self.session}")
        self.writer.write("\r\n".join([*lines, "", ""]).encode())
        return await self.answer()

    async def answer(self):
        """Status, headers and body; packets that come in between are dropped."""
        while (first := await self.reader.readexactly(1)) == b"$":
            _, length = struct.unpack(">BH", await self.reader.readexactly(3))
            await self.reader.readexactly(length)
        head = (first + await self.reader.readuntil(b"\r\n\r\n")).decode()
        status = int(head.split(" ")[1])
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await self.reader.readexactly(int(headers.get("Content-Length", 0)))
        return status, headers, body.decode()

    async def packet(self):
        mark, channel, length = struct.unpack(">cBH", await self.reader.readexactly(4))
        assert mark == b"$"
        return channel, await self.reader.readexactly(length)

    async def watch(self, *controls):
        for number, control in enumerate(controls):
            transport = f"Transport: RTP/AVP/TCP;unicast;interleaved={2 * number}-{2 * number + 1}"
            status, headers, _ = await self.ask("SETUP", f"/{control}", [transport])
            assert status == 200
            self.session = headers["Session"].split(";")[0]
        status, headers, _ = await self.ask("PLAY")
        assert status == 200
        return headers


@asynccontextmanager
async def connected(server, path="/cam"):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Client(reader, writer, server.url(path))
    finally:
        writer.close()


@pytest.fixture
def track():
    return LoudTrack()


@pytest.fixture
async def server(track):
    async with asyncio.timeout(20), RtspServer(streams={"/cam": Stream(name="gate", tracks=(track,))}) as opened:
        yield opened


async def test_options_lists_the_methods(server):
    async with connected(server) as client:
        status, headers, _ = await client.ask("OPTIONS", url="*")
    assert status == 200
    assert {"DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER"} <= set(headers["Public"].split(", "))


async def test_describe_gives_a_session_under_aggregate_control(server):
    async with connected(server) as client:
        status, headers, sdp = await client.ask("DESCRIBE")
    assert status == 200
    assert headers["Content-Type"] == "application/sdp"
    assert headers["Content-Base"] == server.url("/cam") + "/"
    assert "s=gate\r\n" in sdp
    assert "a=control:*\r\n" in sdp
    assert "m=video 0 RTP/AVP 96\r\na=control:trackID=video\r\na=rtpmap:96 test/90000\r\n" in sdp


async def test_a_unit_arrives_with_a_sender_report_before_it_and_the_marker_on_its_last_packet(server, track):
    async with connected(server) as client:
        headers = await client.watch("trackID=video")
        assert re.fullmatch(r"clock=\d{8}T\d{6}\.\d{3}Z-", headers["Range"])
        first_sequence = int(re.search(r"seq=(\d+)", headers["RTP-Info"])[1])
        track.say(b"one", b"two")
        (report_channel, report), *packets = [await client.packet() for _ in range(3)]
    assert report_channel == 1
    assert report[1] == 200
    parsed = [struct.unpack_from(">BBHII", packet) for _, packet in packets]
    assert [channel for channel, _ in packets] == [0, 0]
    assert [packet[12:] for _, packet in packets] == [b"one", b"two"]
    assert [second for _, second, *_ in parsed] == [96, 0x80 | 96]
    assert [sequence for _, _, sequence, *_ in parsed] == [first_sequence, first_sequence + 1]
    assert {timestamp for *_, timestamp, _ in parsed} == {struct.unpack_from(">I", report, 16)[0]}
    assert len({ssrc for *_, ssrc in parsed} | {struct.unpack_from(">I", report, 4)[0]}) == 1


async def test_a_metadata_track_plays_beside_the_video(track):
    metadata = LoudTrack("trackID=meta", "application", 107)
    document = b"<MetadataStream>" + b"x" * 3000 + b"</MetadataStream>"
    async with (
        asyncio.timeout(20),
        RtspServer(streams={"/cam": Stream(name="gate", tracks=(track, metadata))}) as server,
        connected(server) as client,
    ):
        _, _, sdp = await client.ask("DESCRIBE")
        assert sdp.count("m=") == 2
        assert "m=application 0 RTP/AVP 107" in sdp
        await client.watch("trackID=video", "trackID=meta")
        metadata.say(*metadata_payloads(document))
        track.say(b"picture")
        received, packets = b"", []
        while len(packets) < 4:
            channel, packet = await client.packet()
            if channel % 2 == 0:
                packets.append((channel, packet))
                received += packet[12:] if channel == 2 else b""
        assert received == document
        assert [packet[1] & 0x80 != 0 for channel, packet in packets if channel == 2] == [False, False, True]
        assert packets[-1][0] == 0


async def test_a_client_that_joins_late_starts_at_a_key_unit(server, track):
    async with connected(server) as client:
        await client.watch("trackID=video")
        track.say(b"middle", key=False)
        track.say(b"start")
        track.say(b"next", key=False)
        await client.packet()
        assert [(await client.packet())[1][12:] for _ in range(2)] == [b"start", b"next"]


async def test_paused_and_gone_clients_cost_their_track_nothing(server, track):
    async with connected(server) as client:
        await client.watch("trackID=video")
        assert len(track.sinks) == 1
        assert (await client.ask("PAUSE"))[0] == 200
        assert track.sinks == []
        assert (await client.ask("PLAY"))[0] == 200
        assert len(track.sinks) == 1
        assert (await client.ask("TEARDOWN"))[0] == 200
        assert track.sinks == []
        assert await client.reader.read() == b""


async def test_a_client_that_vanishes_is_forgotten(server, track):
    async with connected(server) as client:
        await client.watch("trackID=video")
        client.writer.transport.abort()
    while track.sinks or server.counters.clients:
        await asyncio.sleep(0.001)


async def test_when_a_track_ends_the_client_is_told_and_disconnected(server, track):
    async with connected(server) as client:
        await client.watch("trackID=video")
        track.say(b"last")
        track.sinks[0].end()
        await client.packet()
        assert (await client.packet())[1][12:] == b"last"
        channel, bye = await client.packet()
        assert (channel, bye[1]) == (1, 203)
        assert await client.reader.read() == b""


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("DESCRIBE", "/elsewhere/../x", (), 404),
        ("SETUP", "/trackID=audio", (f"Transport: {TCP}",), 404),
        ("SETUP", "/trackID=video", ("Transport: RTP/AVP;unicast;client_port=5000-5001",), 461),
        ("SETUP", "/trackID=video", (), 461),
        ("SETUP", "/trackID=video", ("Transport: RTP/AVP/TCP;interleaved=7-900",), 400),
        ("PLAY", "", (), 455),
        ("PAUSE", "", (), 454),
        ("DESCRIBE", "", ("Require: onvif-replay",), 551),
        ("ANNOUNCE", "", (), 501),
    ],
)
async def test_what_cannot_be_done_is_refused_with_its_status(server, method, path, headers, status):
    async with connected(server, "/nowhere" if "elsewhere" in path else "/cam") as client:
        assert (await client.ask(method, path, headers))[0] == status


async def test_a_second_session_id_is_not_accepted(server):
    async with connected(server) as client:
        await client.watch("trackID=video")
        client.session = "0123456789abcdef"
        assert (await client.ask("PAUSE"))[0] == 454


async def test_a_track_must_be_named_when_there_are_several(track):
    other = LoudTrack("trackID=meta", "application", 107)
    async with (
        asyncio.timeout(20),
        RtspServer(streams={"/cam": Stream(name="", tracks=(track, other))}) as server,
        connected(server) as client,
    ):
        assert (await client.ask("SETUP", "", [f"Transport: {TCP}"]))[0] == 459


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\n\r\n",
        b"OPTIONS * RTSP/1.0\r\nCSeq: one\r\n\r\n",
        b"DESCRIBE rtsp://[oops/x RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x80" * 400 + b"\r\n\r\n",
        b"A" * 40_000,
    ],
)
async def test_garbage_is_answered_400_and_the_connection_closed(server, garbage):
    async with connected(server) as client:
        client.writer.write(garbage)
        assert (await client.answer())[0] == 400
        assert await client.reader.read() == b""
    assert server.counters.bad_requests == 1


async def test_another_rtsp_version_is_named_as_the_reason(server):
    async with connected(server) as client:
        client.writer.write(b"OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n")
        assert (await client.answer())[0] == 505


async def test_describe_setup_and_play_need_permission(track):
    asked = []

    def authorize(method, url, authorization, address):
        asked.append(method)
        assert address == "127.0.0.1"
        return () if authorization == "Digest good" else ('Digest realm="r", nonce="n"',)

    async with (
        asyncio.timeout(20),
        RtspServer(streams={"/cam": Stream(name="", tracks=(track,))}, authorize=authorize) as server,
        connected(server) as client,
    ):
        status, headers, _ = await client.ask("DESCRIBE")
        assert (status, headers["WWW-Authenticate"]) == (401, 'Digest realm="r", nonce="n"')
        assert (await client.ask("SETUP", "/trackID=video", [f"Transport: {TCP}"]))[0] == 401
        assert (await client.ask("PLAY"))[0] == 401
        assert (await client.ask("DESCRIBE", headers=["Authorization: Digest bad"]))[0] == 401
        assert (await client.ask("DESCRIBE", headers=["Authorization: Digest good"]))[0] == 200
        assert (await client.ask("OPTIONS"))[0] == 200
    assert asked == ["DESCRIBE", "SETUP", "PLAY", "DESCRIBE", "DESCRIBE"]


async def test_a_client_that_guesses_is_told_when_to_come_again(track):
    def authorize(method, url, authorization, address):
        raise TooManyLogins(retry_after=timedelta(seconds=41.5))

    async with (
        asyncio.timeout(20),
        RtspServer(streams={"/cam": Stream(name="", tracks=(track,))}, authorize=authorize) as server,
        connected(server) as client,
    ):
        status, headers, _ = await client.ask("DESCRIBE")
        assert (status, headers["Retry-After"]) == (503, "42")
        assert (await client.ask("OPTIONS"))[0] == 200


async def test_a_silent_client_is_disconnected_when_its_session_times_out(track):
    async with (
        asyncio.timeout(20),
        RtspServer(streams={"/cam": Stream(name="", tracks=(track,))}, session_timeout_s=0.2) as server,
        connected(server) as client,
    ):
        await client.watch("trackID=video")
        assert await client.reader.read() == b""
        assert track.sinks == []


async def test_receiver_reports_between_requests_are_taken(server):
    async with connected(server) as client:
        client.writer.write(b"$\x01\x00\x08" + bytes(8))
        assert (await client.ask("GET_PARAMETER"))[0] == 200


async def test_clients_beyond_the_limit_are_refused_and_the_others_stay(track):
    async with (
        asyncio.timeout(20),
        RtspServer(streams={"/cam": Stream(name="", tracks=(track,))}, client_limit=1) as server,
        connected(server) as first,
    ):
        assert (await first.ask("OPTIONS"))[0] == 200
        async with connected(server) as second:
            assert (await second.answer())[0] == 453
        assert (await first.ask("OPTIONS"))[0] == 200
    assert server.counters.refused_clients == 1


async def test_closing_the_server_disconnects_everyone_and_leaves_nothing(track):
    before = len(asyncio.all_tasks())
    for _ in range(10):
        async with (
            asyncio.timeout(20),
            RtspServer(streams={"/cam": Stream(name="", tracks=(track,))}) as server,
            connected(server) as client,
        ):
            await client.watch("trackID=video")
            await server.aclose()
            assert await client.reader.read() == b""
    assert track.sinks == []
    assert len(asyncio.all_tasks()) == before


async def test_a_slow_client_loses_whole_pictures_until_the_next_key(track):
    counters = RtspCounters()
    queue, leg = UnitQueue(counters), Leg(track, (0, 1))
    now = datetime.now(UTC)

    def put(name, *, key=False):
        queue.put(leg, AccessUnit(payloads=(name,), captured_at=now, key=key))

    put(b"key", key=True)
    for number in range(1, QUEUE_UNITS):
        put(b"%d" % number)
    assert counters.dropped_units == 0
    leg.packets = 1
    put(b"too much")
    put(b"depends on what was lost")
    put(b"new key", key=True)
    put(b"after it")
    assert counters.dropped_units == QUEUE_UNITS + 2
    assert [(await queue.get())[1].payloads[0] for _ in range(2)] == [b"new key", b"after it"]


async def test_a_slow_client_loses_scenes_and_no_event_until_there_are_very_many(track):
    counters = RtspCounters()
    queue, leg = UnitQueue(counters), Leg(track, (0, 1))
    now = datetime.now(UTC)

    def put(name, *, event=False):
        queue.put(leg, AccessUnit(payloads=(name,), captured_at=now, event=event))

    async def waiting(count):
        return [(await queue.get())[1].payloads[0] for _ in range(count)]

    put(b"first", event=True)
    for number in range(QUEUE_UNITS):
        put(b"%d" % number)
    put(b"second", event=True)
    put(b"newest scene")
    assert counters.dropped_units == QUEUE_UNITS
    assert await waiting(3) == [b"first", b"second", b"newest scene"]
    for number in range(QUEUE_EVENTS + 2):
        put(b"%d" % number, event=True)
    put(b"scene")
    assert counters.dropped_units == QUEUE_UNITS + 2
    assert await waiting(QUEUE_EVENTS + 1) == [*(b"%d" % number for number in range(2, QUEUE_EVENTS + 2)), b"scene"]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("rtsp://gate.example:8554/cam", "gate.example"),
        ("rtsp://guard:secret@[::1]/cam", "[::1]"),
        ("rtsp://<gate>/cam", "127.0.0.1"),
        ("/cam", "127.0.0.1"),
    ],
)
async def test_a_track_learns_how_its_listener_calls_this_host(server, track, url, host):
    async with connected(server) as client:
        client.url = url
        await client.watch(track.control)
        assert [sink.host for sink in track.sinks] == [host]


async def test_one_track_that_floods_does_not_take_what_another_queued(track):
    quiet = LoudTrack("trackID=meta", "application", 107)
    queue = UnitQueue(RtspCounters())
    flooding, other = Leg(track, (0, 1)), Leg(quiet, (2, 3))
    unit = AccessUnit(payloads=(b"x",), captured_at=datetime.now(UTC))
    queue.put(other, AccessUnit(payloads=(b"document",), captured_at=datetime.now(UTC)))
    for _ in range(3 * QUEUE_UNITS):
        queue.put(flooding, unit)
    assert (await queue.get())[1].payloads == (b"document",)


async def test_a_client_that_stops_reading_hurts_no_one_else(server, track):
    picture = bytes(60_000)  # the length field of an interleaved frame has 16 bits
    async with connected(server) as stuck, connected(server) as lively:
        await stuck.watch("trackID=video")
        await lively.watch("trackID=video")
        received = 0
        for _ in range(400):
            track.say(picture)
            channel = 1
            while channel != 0:
                channel, packet = await lively.packet()
            received += len(packet) == 12 + len(picture)
        assert received == 400
        assert server.counters.dropped_units > 100


async def test_closing_does_not_wait_for_a_client_that_stopped_reading(server, track):
    async with connected(server) as stuck:
        await stuck.watch("trackID=video")
        for _ in range(200):
            track.say(bytes(60_000))
            await asyncio.sleep(0)
        async with asyncio.timeout(60):
            await server.aclose()
    assert track.sinks == []


async def test_a_play_with_an_address_that_is_none_is_refused_like_any_other_request(server, track):
    async with connected(server) as client:
        transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
        _, headers, _ = await client.ask("SETUP", f"/{track.control}", [transport])
        client.session = headers["Session"].split(";")[0]
        assert (await client.ask("PLAY", url="rtsp://[::1/cam"))[0] == 400
