"""The metadata of one camera as an RTSP track: newest only, pushed to whoever plays it.

track = MetadataTrack()
Stream(name="north", tracks=(track,))        # for RtspServer
track.show(scene); track.tell(message, base_url)
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
        if self._sinks:
            self._push(scene_document(scene), scene.captured_at)

    def tell(self, message: Message, base_url: str) -> None:
        """Tell of an event. Returns at once."""
        if self._sinks:
            self._push(event_document(message, base_url), message.utc_time)

    def close(self) -> None:
        """The camera is gone: end every client's stream."""
        for sink in tuple(self._sinks):
            sink.end()

    def _push(self, document: bytes, captured_at: datetime) -> None:
        unit = AccessUnit(payloads=metadata_payloads(document), captured_at=captured_at)
        for sink in tuple(self._sinks):
            sink.put(unit)
