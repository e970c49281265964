"""What an RTSP server serves: streams of tracks, and the sinks that tracks push access units into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from events.metadata.rtp import AccessUnit


class TooManyLogins(Exception):
    """The client failed to log in too often: it is answered 503 and told when to come again."""

    def __init__(self, *, retry_after: timedelta) -> None:
        super().__init__("too many failed logins")
        self.retry_after = retry_after


Authorize = Callable[[str, str, str | None, str], Sequence[str]]
"""(method, url, Authorization header, client's address) to the challenges that go with a 401; none when the request is
permitted. May raise TooManyLogins.

Offer Digest with MD5 and nothing else: it is the one scheme that every RTSP client speaks.
"""


class Sink(Protocol):
    """Where a track puts its units. Both methods return at once and are called on the event loop."""

    @property
    def host(self) -> str:
        """This host as the client calls it, ready for an address: a name or an address, IPv6 in brackets."""

    def put(self, unit: AccessUnit) -> None:
        """Offer one unit; the sink may drop it."""

    def end(self) -> None:
        """No more units will come: the client is told and disconnected, and may come again."""


class Track(Protocol):
    """One medium of a stream."""

    @property
    def control(self) -> str:
        """The last part of the track's URL, for example `trackID=video`."""

    @property
    def media(self) -> str:
        """SDP media type: `video` or `application`."""

    @property
    def payload_type(self) -> int:
        """26 for JPEG, 96 to 127 for what `rtpmap` explains."""

    @property
    def clock_rate(self) -> int:
        """Ticks of the RTP timestamp per second."""

    async def sdp_attributes(self) -> Sequence[str]:
        """The SDP `a=` lines without `a=`, except `control`. Called for every DESCRIBE."""

    def subscribe(self, sink: Sink) -> Callable[[], None]:
        """Put units into `sink`, beginning with a key unit soon, until the returned function is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What one path offers."""

    name: str
    tracks: tuple[Track, ...]


@dataclass(slots=True)
class RtspCounters:
    """What happened since the server opened. Dropped units were lost to slow clients only."""

    clients: int = 0
    refused_clients: int = 0
    sent_units: int = 0
    dropped_units: int = 0
    bad_requests: int = 0


async def session_description(stream: Stream) -> bytes:
    """SDP with one media section per track, all under aggregate control."""
    version = int(datetime.now(UTC).timestamp())
    lines = ["v=0", f"o=- {version} 1 IN IP4 0.0.0.0", f"s={plain(stream.name) or '-'}"]
    lines += ["c=IN IP4 0.0.0.0", "t=0 0", "a=control:*", "a=range:npt=now-"]
    for track in stream.tracks:
        lines.append(f"m={track.media} 0 RTP/AVP {track.payload_type}")
        lines.append(f"a=control:{track.control}")
        lines += [f"a={attribute}" for attribute in await track.sdp_attributes()]
    return "\r\n".join([*lines, ""]).encode()


def plain(text: str) -> str:
    """Text that cannot end a line: what goes into a header or an SDP line from outside."""
    return "".join(character for character in text if character.isprintable())[:256]
