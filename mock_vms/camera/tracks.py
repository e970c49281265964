"""One encoder's RTSP track: who watches it, when its next picture is due, and its units' way to the event loop."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from events.metadata.rtp import AccessUnit, h264_sdp_attributes
from events.metadata.rtsp_stream import Sink
from mock_vms.camera.encode import Encoder, open_encoder, parameter_sets
from mock_vms.camera.physics import Plane
from mock_vms.camera.state import CameraState, EncoderSettings, Encoding

log = structlog.get_logger(__name__)

_PAYLOAD_TYPES = {Encoding.H264: 96, Encoding.JPEG: 26}

# Units on their way from the render thread to the event loop. More than this means that the loop is stuck.
_IN_FLIGHT_LIMIT = 4


class VideoTrack:
    """An `events.metadata.rtsp_stream.Track`. The subscribers live on the event loop, the encoder on the thread."""

    control = "trackID=video"
    media = "video"
    clock_rate = 90_000

    def __init__(
        self, *, state: CameraState, token: str, loop: asyncio.AbstractEventLoop, wake: Callable[[], None]
    ) -> None:
        self._state = state
        self._token = token
        self._loop = loop
        self._wake = wake
        self._sinks: dict[int, tuple[Sink, object]] = {}
        self._subscriptions = 0
        self._wants_key = False
        self._in_flight = 0
        self._settings: EncoderSettings | None = None
        self._encoder: Encoder | None = None
        self.due_s = 0.0
        self.dropped_units = 0

    @property
    def payload_type(self) -> int:
        return _PAYLOAD_TYPES[self._state.encoder(self._token).encoding]

    @property
    def size(self) -> tuple[int, int]:
        settings = self._state.encoder(self._token)
        return settings.width_px, settings.height_px

    @property
    def watched(self) -> bool:
        return bool(self._sinks)

    async def sdp_attributes(self) -> Sequence[str]:
        settings = self._state.encoder(self._token)
        about = [f"framerate:{settings.frame_rate:g}"]
        if settings.encoding is Encoding.JPEG:
            return ["rtpmap:26 JPEG/90000", *about]
        sets = await asyncio.to_thread(parameter_sets, settings)
        # RFC 8866 frame rate; some clients size their buffers by it.
        return [*h264_sdp_attributes(self.payload_type, list(sets)), *about]

    def subscribe(self, sink: Sink) -> Callable[[], None]:
        self._subscriptions += 1
        key = self._subscriptions
        self._sinks[key] = (sink, _shape(self._state.encoder(self._token)))
        self._wants_key = True
        self._wake()

        def unsubscribe() -> None:
            self._sinks.pop(key, None)

        return unsubscribe

    def encode(self, picture: Plane, captured_at: datetime, now_s: float) -> None:
        """Encode one picture and send it on its way. Render thread only."""
        settings = self._state.encoder(self._token)
        self.due_s = (math.floor(now_s * settings.frame_rate + 1e-6) + 1) / settings.frame_rate
        if self._settings != settings or self._encoder is None:
            self._reopen(settings)
        if picture.shape[1] != settings.width_px & ~1 or self._encoder is None:
            return  # the size changed after the picture was drawn; the next one fits
        if self._in_flight >= _IN_FLIGHT_LIMIT:
            self.dropped_units += 1
            self._wants_key = True
            return
        force_key, self._wants_key = self._wants_key, False
        payloads, key = self._encoder.encode(picture, force_key=force_key)
        self._in_flight += 1
        self._post(self._publish, AccessUnit(payloads=payloads, captured_at=captured_at, key=key))

    def _reopen(self, settings: EncoderSettings) -> None:
        """A new encoder. When codec or size change, a running stream cannot go on: clients are sent to ask again."""
        before, self._settings = self._settings, settings
        self._encoder = open_encoder(settings)
        if before is not None and _shape(before) != _shape(settings):
            self._post(self._end_outdated)

    def _post(self, call: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            log.debug("stage.loop_closed")  # the loop ended before the stage was closed; nobody is left to tell

    def _publish(self, unit: AccessUnit) -> None:
        self._in_flight -= 1
        for sink, _ in list(self._sinks.values()):
            sink.put(unit)

    def _end_outdated(self) -> None:
        current = _shape(self._state.encoder(self._token))
        for key, (sink, shape) in list(self._sinks.items()):
            if shape != current:
                del self._sinks[key]
                sink.end()


def _shape(settings: EncoderSettings) -> tuple[object, ...]:
    return settings.encoding, settings.width_px, settings.height_px
