"""The metadata of one camera as an RTSP track, pushed to whoever plays it: the newest scene, and every event.

track = MetadataTrack()
Stream(name="north", tracks=(track,))        # for RtspServer
track.show(scene); track.tell(message, base_url_at)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from events.metadata.rtp import AccessUnit, metadata_payloads
from events.metadata.rtsp_stream import Sink
from events.metadata.scene import event_document, scene_document
from events.onvif.messages import Message
from inference.types import Scene

_PAYLOAD_TYPE = 107  # the dynamic type that ONVIF's own samples use


class MetadataTrack:
    """Implements `events.metadata.rtsp_stream.Track`. Documents are made only while somebody listens."""

    control = "trackID=meta"
    media = "application"
    payload_type = _PAYLOAD_TYPE
    clock_rate = 90_000

    def __init__(self) -> None:
        self._sinks: list[Sink] = []
        self._newest: datetime | None = None

    @property
    def listeners(self) -> int:
        return len(self._sinks)

    async def sdp_attributes(self) -> Sequence[str]:
        return (f"rtpmap:{_PAYLOAD_TYPE} vnd.onvif.metadata/90000", "recvonly")

    def subscribe(self, sink: Sink) -> Callable[[], None]:
        """Push documents into `sink` until the returned function is called."""
        self._sinks.append(sink)

        def unsubscribe() -> None:
            if sink in self._sinks:
                self._sinks.remove(sink)

        return unsubscribe

    def show(self, scene: Scene) -> None:
        """Tell what is in one frame. Returns at once."""
        self._newest = scene.captured_at
        if self._sinks:
            unit = _unit(scene_document(scene), scene.captured_at)
            for sink in tuple(self._sinks):
                sink.put(unit)

    def tell(self, message: Message, base_url_at: Callable[[str], str]) -> None:
        """Tell of an event. Returns at once. `base_url_at` makes the start of links of how a client calls this host."""
        # An event is told after frames that are newer, and clients expect RTP time to go on: UtcTime says when it was.
        at = self._newest or message.utc_time
        units: dict[str, AccessUnit] = {}
        for sink in tuple(self._sinks):
            if sink.host not in units:
                units[sink.host] = _unit(event_document(message, base_url_at(sink.host)), at, event=True)
            sink.put(units[sink.host])

    def close(self) -> None:
        """The camera is gone: end every client's stream."""
        for sink in tuple(self._sinks):
            sink.end()


def _unit(document: bytes, captured_at: datetime, *, event: bool = False) -> AccessUnit:
    return AccessUnit(payloads=metadata_payloads(document), captured_at=captured_at, event=event)
