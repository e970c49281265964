"""The stage: one virtual camera's picture. A source is filmed through a sensor, encoded, and offered over RTSP.

One render thread per camera. It draws only while somebody watches, at the encoders' frame rates, and hands finished
access units to the event loop; nothing waits in line. Settings are read from `CameraState` before every picture.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Self

import structlog

from events.metadata.rtsp_stream import Stream
from mock_vms.camera.encode import encode_jpeg
from mock_vms.camera.overlay import write
from mock_vms.camera.physics import Plane, expose, shutter_of
from mock_vms.camera.ports import VehicleRequest
from mock_vms.camera.sensor import Sensor
from mock_vms.camera.sources import PassageTruth, Source
from mock_vms.camera.state import CameraState
from mock_vms.camera.tracks import VideoTrack

log = structlog.get_logger(__name__)

# The render thread looks up this often when nobody watches, and `aclose` returns within this and one picture's time.
IDLE_LOOK_S = 0.5
STOP_TIMEOUT_S = 2.0


class Stage:
    """Ties a camera's settings to what stands in front of it. Use as `async with`."""

    def __init__(self, *, state: CameraState, source: Source, light: float = 1.0) -> None:
        """`light` is the daylight on the scene: 1 a bright day, 0.05 dusk, 0.002 a lit street at night."""
        self._state = state
        self._source = source
        self._light = light
        self._sensors: dict[tuple[int, int], Sensor] = {}
        self._rendering = threading.Lock()
        self._latest: tuple[float, Plane] | None = None
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._tracks: dict[str, VideoTrack] = {}
        # Wall clock at the start, then monotonic: capture times never jump, whatever happens to the machine's clock.
        self._clock_offset_s = time.time() - time.monotonic()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._tracks = {
            token: VideoTrack(state=self._state, token=token, loop=loop, wake=self._wake.set)
            for token in self._state.encoders
        }
        self._thread = threading.Thread(target=self._run, name=f"stage-{self._state.name}", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop the render thread and close the source, within two seconds."""
        if self._thread is None:
            return
        self._stopping.set()
        self._wake.set()
        await asyncio.to_thread(self._thread.join, STOP_TIMEOUT_S)
        if self._thread.is_alive():
            log.error("stage.stuck", camera=self._state.name)
        else:
            self._source.close()
        self._thread = None

    def snapshot_jpeg(self) -> bytes:
        """The newest picture of the main encoder's size as JPEG. Blocks for a picture's time; any thread may call."""
        main = next(iter(self._state.encoders.values()))
        quality = max(encoder.quality for encoder in self._state.encoders.values())
        latest = self._latest
        size = _even(main.width_px, main.height_px)
        if latest is None or self._now() - latest[0] > 1 / main.frame_rate or latest[1].shape[1] != size[0]:
            latest = (0.0, self._render(size))
        return encode_jpeg(latest[1], quality)

    async def drive(self, request: VehicleRequest) -> int:
        """Let a vehicle drive by as soon as the road is free; the number of its passage."""
        number = self._source.drive(request)
        self._wake.set()
        return number

    def passages(self) -> Sequence[PassageTruth]:
        """What has passed and is passing, oldest first."""
        return self._source.passages()

    def rtsp_streams(self) -> Mapping[str, Stream]:
        """One stream per encoder, at `/` and its token."""
        return {
            f"/{token}": Stream(name=f"{self._state.name} {token}", tracks=(track,))
            for token, track in self._tracks.items()
        }

    def _now(self) -> float:
        return time.monotonic() + self._clock_offset_s

    def _run(self) -> None:
        """The render thread. It only ends before `aclose` by a bug, whose traceback the interpreter prints."""
        try:
            self._film()
        finally:
            if not self._stopping.is_set():
                log.error("stage.render_thread_died", camera=self._state.name)

    def _film(self) -> None:
        """On each tick of a watched track's frame rate, draw, develop and encode."""
        while not self._stopping.is_set():
            watched = [track for track in self._tracks.values() if track.watched]
            pause_s = min((track.due_s - self._now() for track in watched), default=IDLE_LOOK_S)
            if pause_s > 0:
                self._wake.wait(min(pause_s, IDLE_LOOK_S))
                self._wake.clear()
                continue
            now_s = self._now()
            drawn: dict[tuple[int, int], Plane] = {}
            for track in watched:
                if track.due_s > now_s:
                    continue
                size = _even(*track.size)
                if size not in drawn:
                    drawn[size] = self._render(size)
                track.encode(drawn[size], datetime.fromtimestamp(now_s, UTC), now_s)

    def _render(self, size: tuple[int, int]) -> Plane:
        with self._rendering:
            now_s = self._now()
            imaging = self._state.imaging
            exposure = expose(imaging, self._light)
            view = self._source.render(now_s, size, shutter_of(imaging, exposure))
            if len(self._sensors) > 3:
                self._sensors.clear()  # sizes come and go with the clients' settings; keep the few in use
            sensor = self._sensors.setdefault(size, Sensor())
            developed = sensor.develop(view, imaging, exposure, light=self._light)
            picture = write(developed, self._state.osds.values(), datetime.fromtimestamp(now_s, UTC))
            self._latest = (now_s, picture)
            return picture


def _even(width_px: int, height_px: int) -> tuple[int, int]:
    return width_px & ~1, height_px & ~1
