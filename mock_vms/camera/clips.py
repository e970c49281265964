"""Video clips as traffic: each clip plays at its own pace, letterboxed, with a blank road between clips.

A clip keeps the blur that its own camera gave it; gain, tone, sharpness and the encoder still do what they are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import av
import av.error
import cv2
import numpy as np
import structlog

from mock_vms.camera.files import chosen_file, media_files, playing_order
from mock_vms.camera.physics import Plane, Shutter
from mock_vms.camera.ports import VehicleRequest
from mock_vms.camera.sensor import Region, View
from mock_vms.camera.sources import Billing, PassageTruth, PlayMode, Timeline, UnknownVehicleError

log = structlog.get_logger(__name__)

CLIP_SUFFIXES = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".ts", ".m4v")
BLANK_BGR = (64, 62, 60)
_UNREADABLE = (av.error.FFmpegError, OSError, ValueError)


class VideoFile:
    """Clips, one passage each, announced by file name. `plates` gives the truth by file name where it is known."""

    def __init__(
        self,
        *,
        paths: Sequence[Path],
        mode: PlayMode = PlayMode.LOOP,
        plates: Mapping[str, str] | None = None,
        gap_s: float = 2.5,
    ) -> None:
        self._paths = media_files(paths, CLIP_SUFFIXES, "video clips")
        self._plates = plates or {}
        self._order = playing_order(self._paths, mode)
        self._asked = playing_order(self._paths, PlayMode.LOOP)
        self._timeline: Timeline[Path] = Timeline(billing=self._bill, autoplay=self._next, gap_s=gap_s)
        self._player: _Player | None = None
        self._blanks: dict[tuple[int, int], Plane] = {}

    def drive(self, request: VehicleRequest) -> int:
        return self._timeline.ask(chosen_file(self._paths, request, self._plates) or next(self._asked))

    def passages(self) -> list[PassageTruth]:
        return self._timeline.passages()

    def close(self) -> None:
        if self._player is not None:
            self._player.close()
            self._player = None

    def render(self, now_s: float, size: tuple[int, int], shutter: Shutter) -> View:
        blank = self._blank(size)
        showing = self._timeline.advance(now_s)
        if showing is None:
            self.close()
            return View(background=blank, picture=blank, changed=None)
        if self._player is None or self._player.number != showing.number:
            self.close()
            try:
                self._player = _Player(showing.item, showing.number)
            except _UNREADABLE:  # told when it was announced; nothing comes in its place
                return View(background=blank, picture=blank, changed=None)
        frame = self._player.frame_at(showing.age_s)
        if frame is None:
            return View(background=blank, picture=blank, changed=None)
        scale = min(size[0] / frame.shape[1], size[1] / frame.shape[0])
        width, height = round(frame.shape[1] * scale), round(frame.shape[0] * scale)
        smoothing = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        x, y = (size[0] - width) // 2, (size[1] - height) // 2
        picture = blank.copy()
        picture[y : y + height, x : x + width] = cv2.resize(frame, (width, height), interpolation=smoothing)
        return View(background=blank, picture=picture, changed=Region(x, y, width, height))

    def _blank(self, size: tuple[int, int]) -> Plane:
        if size not in self._blanks:
            self._blanks[size] = np.full((size[1], size[0], 3), BLANK_BGR, dtype=np.uint8)
        return self._blanks[size]

    def _bill(self, path: Path) -> Billing:
        try:
            duration_s = clip_duration_s(path)
        except UnknownVehicleError as error:
            log.warning("clips.unreadable", detail=str(error))
            duration_s = 0.0
        return Billing(label=path.name, plate=self._plates.get(path.name), country=None, duration_s=duration_s)

    def _next(self) -> Path | None:
        return next(self._order, None)


def clip_duration_s(path: Path) -> float:
    """How long the clip's video lasts; UnknownVehicleError when it is no video."""
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            if stream.duration and stream.time_base:
                return float(stream.duration * stream.time_base)
            if container.duration:
                return container.duration / av.time_base
    except (*_UNREADABLE, IndexError) as error:
        raise UnknownVehicleError(f"{path} cannot be played: {error}") from error
    raise UnknownVehicleError(f"{path} does not say how long it is; remux it, for example to MP4")


class _Player:
    """One clip being decoded forward. Frames whose time has passed are decoded and skipped, as decoders must."""

    def __init__(self, path: Path, number: int) -> None:
        self.number = number
        self._path = path
        self._container = av.open(str(path))
        self._container.streams.video[0].thread_type = "SLICE"
        self._frames: Iterator[av.VideoFrame] = self._container.decode(video=0)
        self._first_s: float | None = None
        self._ahead: av.VideoFrame | None = None
        self._shown: Plane | None = None

    def frame_at(self, age_s: float) -> Plane | None:
        """The newest frame at this age of the clip; the last one when the clip has run out."""
        newest = None
        while True:
            if self._ahead is None:
                self._ahead = self._decode()
            if self._ahead is None or self._age_of(self._ahead) > age_s:
                break
            newest, self._ahead = self._ahead, None
        if newest is not None:
            self._shown = np.asarray(newest.to_ndarray(format="bgr24"), dtype=np.uint8)
        return self._shown

    def close(self) -> None:
        self._container.close()

    def _decode(self) -> av.VideoFrame | None:
        try:
            return next(self._frames, None)
        except _UNREADABLE as error:
            log.warning("clips.damaged", path=str(self._path), detail=str(error))
            return None

    def _age_of(self, frame: av.VideoFrame) -> float:
        at_s = float(frame.time or 0.0)
        if self._first_s is None:
            self._first_s = at_s
        return at_s - self._first_s
