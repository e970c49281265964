"""Where the time of a frame goes: milliseconds of one core for each step from the stream to the tracker."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from inference.bench_cameras import measure_decoding
from inference.bench_speed import EPOCH, FPS, Still, measure_gate
from inference.detector import Detector
from inference.reader import CharacterSlots, Reader
from inference.recognition import RecognitionSettings
from inference.recognizer import Recognizer
from inference.regions import Quad, Region
from inference.shapes import OFTEN
from inference.tracker import Tracker
from inference.types import Frame, Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """Mean milliseconds of one core. The first two are spent on every frame, the others where it is looked at."""

    pipeline: str
    decode_ms: float
    gate_ms: float
    detect_ms: float
    read_ms: float
    decide_ms: float
    """The country modules' search, the choice between finds, and cutting them out."""
    track_ms: float


class _Stopwatch:
    """The detector and the reader of a pack, and how long they worked."""

    def __init__(self, detector: Detector, reader: Reader) -> None:
        self._detector = detector
        self._reader = reader
        self.detect_s = self.read_s = 0.0

    def detect(self, picture: Picture, *, longest_px: int) -> list[Region]:
        started_s = time.process_time()
        regions = self._detector.detect(picture, longest_px=longest_px)
        self.detect_s += time.process_time() - started_s
        return regions

    def read(self, picture: Picture, quads: Sequence[Quad]) -> list[CharacterSlots]:
        started_s = time.process_time()
        slots = self._reader.read(picture, quads)
        self.read_s += time.process_time() - started_s
        return slots


def measure_stages(
    name: str, recognizer: Recognizer, stills: Sequence[Still], clip: Path, settings: RecognitionSettings
) -> Stages:
    """Look at each still once, as the frames of a stream in which the tracker follows what it finds."""
    watch = _Stopwatch(recognizer.detector, recognizer.reader)
    timed = Recognizer(pack=recognizer.pack, detector=watch, reader=watch, modules=recognizer.modules)
    # Compiling, and getting ready for shapes that a camera's frames keep, are no part of what a frame costs.
    for still in stills:
        for _ in range(OFTEN):
            timed.recognize(still.picture, settings)
    watch.detect_s = watch.read_s = 0.0
    tracker = Tracker()
    look_s = track_s = 0.0
    for number, still in enumerate(stills):
        frame = Frame(
            picture=still.picture,
            captured_at=EPOCH + timedelta(seconds=number / FPS),
            monotonic_s=number / FPS,
            sequence=number,
        )
        started_s = time.process_time()
        recognition = timed.recognize(still.picture, settings)
        looked_s = time.process_time()
        tracker.update(frame, recognition.readings, recognition.rejections)
        look_s += looked_s - started_s
        track_s += time.process_time() - looked_s
    each = 1000 / len(stills)
    decode_cpu_s, frames = measure_decoding(clip)
    return Stages(
        pipeline=name,
        decode_ms=decode_cpu_s * 1000 / frames,
        gate_ms=statistics.fmean(measure_gate(stills[0].picture)),
        detect_ms=watch.detect_s * each,
        read_ms=watch.read_s * each,
        decide_ms=(look_s - watch.detect_s - watch.read_s) * each,
        track_ms=track_s * each,
    )
