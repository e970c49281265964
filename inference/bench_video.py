"""Clips with truth through the pack of choice: right, wrong, missed and extra passages, and what they cost.

    python -m inference.bench_video --pack ppocr --clips DIR [--only NAME] [--fps 4] [--cache DIR]

DIR holds `labels.csv` (file, plate) and the clips it names. A passage that resembles no labelled plate is
`extra`; a person must look whether it is an unlabelled vehicle or a false reading, so `--keep DIR` keeps its picture.
"""

from __future__ import annotations

import argparse
import hashlib
import pickle
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import cv2

from inference.errors import InferenceError, SourceError
from inference.label_table import read_table
from inference.packs import DEFAULT_PACK
from inference.programs import run
from inference.recognition import Recognition, RecognitionSettings
from inference.recognizer import open_recognizer
from inference.types import Box, Frame, Passage, PassageState, Picture, Reading, Rejection, as_read
from inference.video import watch_video
from inference.voting import similarity
from inference.watch import Reads, ReadsTogether, WatchSettings, watch_settings

# A text with so much of a plate in it is a reading of that plate.
ALIKE = 0.6
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class ClipScore:
    """How one clip came out."""

    file: str
    expected: list[str]
    finals: list[Passage] = field(default_factory=list)
    frames: int = 0
    busy_ms: float = 0.0

    @property
    def texts(self) -> list[str]:
        return [passage.plate.plate_number for passage in self.finals]

    @property
    def right(self) -> int:
        return sum(text in self.texts for text in self.expected)

    @property
    def repeated(self) -> int:
        return len(self.texts) - len(set(self.texts))

    @property
    def told_once(self) -> int:
        """Labelled vehicles with exactly one final passage, rightly read or not."""
        whose = [self._whose(text) for text in self.texts]
        return sum(whose.count(place) == 1 for place in range(len(self.expected)))

    @property
    def extra(self) -> list[str]:
        """Texts that resemble no labelled plate: an unlabelled vehicle, or no vehicle at all; a person must look."""
        return [text for text in dict.fromkeys(self.texts) if self._whose(text) is None]

    def _whose(self, text: str) -> int | None:
        """The labelled vehicle whose plate this is, or a misreading of it."""
        alike = [similarity(text, plate) for plate in self.expected]
        best = max(range(len(alike)), key=alike.__getitem__, default=None)
        return best if best is not None and alike[best] >= ALIKE else None

    def as_json(self) -> dict[str, object]:
        return {
            "file": self.file,
            "expected": self.expected,
            "told": [[one.plate.plate_number, one.likelihood] for one in self.finals],
            "right": self.right,
            "told_once": self.told_once,
            "repeated": self.repeated,
            "extra": self.extra,
            "frames": self.frames,
            "busy_ms": self.busy_ms,
        }


class Cached:
    """A recogniser that remembers what it said about a picture, so that tracker work need not wait for models."""

    def __init__(self, recognizer: Reads, folder: Path | None, version: str) -> None:
        self._recognizer = recognizer
        self._folder = folder
        self._version = version
        self.frames = 0
        self.busy_ms = 0.0

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        """From the cache when this very picture was seen with these settings, else from the model."""
        self.frames += 1
        if self._folder is None:
            return self._fresh(picture, settings, region)
        key = hashlib.sha256(picture.tobytes() + repr((settings, region, self._version)).encode()).hexdigest()
        path = self._folder / f"{key}.pickle"
        if path.exists():
            known, busy_ms = pickle.loads(path.read_bytes())  # noqa: S301  # written below by this program
            self.busy_ms += busy_ms
            assert isinstance(known, Recognition)
            return known
        before = self.busy_ms
        recognition = self._fresh(picture, settings, region)
        self._folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps((recognition, self.busy_ms - before)))
        return recognition

    def together(self, looks: Sequence[Reading | Rejection], settings: RecognitionSettings) -> Reading | None:
        """Never remembered: it changes with the tracker."""
        return self._recognizer.together(looks, settings) if isinstance(self._recognizer, ReadsTogether) else None

    def _fresh(self, picture: Picture, settings: RecognitionSettings, region: Box | None) -> Recognition:
        started_s = time.process_time()
        recognition = self._recognizer.recognize(picture, settings, region=region)
        self.busy_ms += (time.process_time() - started_s) * 1000
        return recognition


def read_clip_labels(clips: Path) -> dict[str, list[str]]:
    """The plates of each clip, as `labels.csv` (file, plate) has them; raises InferenceError when it cannot be used."""
    plates: dict[str, list[str]] = defaultdict(list)
    for line, row in read_table(clips, "file", "plate"):
        plate = "".join(c for c in as_read(row["plate"]) if c.isalnum())
        if not row["file"] or not plate:
            raise InferenceError(f"{clips / 'labels.csv'}, line {line}: a file and its plate are needed")
        plates[row["file"]].append(plate)
    if not plates:
        raise InferenceError(f"{clips / 'labels.csv'} names no clip")
    return dict(plates)


def clip_settings(modules: Sequence[str] = (), *, fps: float = 4.0, moving_fps: float = 8.0) -> WatchSettings:
    """How a clip is watched: as a camera is, but without a time limit, so that a busy machine reads no less."""
    recognition = RecognitionSettings(modules=tuple(modules), max_seconds_per_frame=None)
    return replace(watch_settings(recognition), max_fps=fps, moving_fps=moving_fps)


def run_clips(
    clips: Path, labels: dict[str, list[str]], reads: Cached, settings: WatchSettings, *, verbose: bool = False
) -> Iterator[ClipScore]:
    """Each clip through the same code that watches cameras; raises InferenceError naming one that cannot be read."""
    for file, expected in labels.items():
        score = ClipScore(file=file, expected=expected)
        frames, busy_ms = reads.frames, reads.busy_ms
        on_look = _show if verbose else None
        try:
            for passage in watch_video(clips / file, reads, settings, epoch=EPOCH, on_look=on_look):
                if passage.state is PassageState.FINAL:
                    score.finals.append(passage)
        except SourceError as error:
            raise InferenceError(f"{clips / file}: {error}") from error
        score.frames, score.busy_ms = reads.frames - frames, reads.busy_ms - busy_ms
        yield score


def _show(frame: Frame, recognition: Recognition) -> None:
    texts = [
        f"{one.plate.plate_number}:{one.likelihood:.2f}@{one.box.center[0]:.0f},{one.box.center[1]:.0f}"
        f"w{one.box.width:.0f}/{one.module_code}"
        for one in recognition.readings
    ]
    refused = [f"{one.text or '-'}:{one.likelihood:.2f}({one.reason})" for one in recognition.rejections]
    print(f"    {frame.monotonic_s:6.2f}  {' '.join(texts) or '-'}   | {' '.join(refused)}")  # noqa: T201  # a program


def clip_row(score: ClipScore) -> str:
    """How one clip came out, on one line."""
    finals = " ".join(f"{passage.plate.plate_number}({passage.likelihood:.2f})" for passage in score.finals)
    state = "right" if score.right == len(score.expected) else "WRONG" if score.finals else "MISSED"
    per_frame = score.busy_ms / score.frames if score.frames else 0.0
    extra = f"extra {' '.join(score.extra)}" if score.extra else ""
    twice = "TWICE" if score.repeated else ""
    return (
        f"{score.file:24} {'/'.join(score.expected):10} {state:6} {score.frames:4} frames {per_frame:6.1f} ms  "
        f"{finals} {extra} {twice}"
    ).rstrip()


def main(arguments: list[str] | None = None) -> int:
    """Print the table; exit 0 when every labelled plate was told exactly once."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", default=DEFAULT_PACK)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--modules", default="", help="codes of the country modules, by comma; all when empty")
    parser.add_argument("--only", default="", help="part of a clip's name")
    parser.add_argument("--fps", type=float, default=4.0)
    parser.add_argument("--moving-fps", type=float, default=8.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data-dir", type=Path, help="where installed packs and country modules of your own lie")
    parser.add_argument("--cache", type=Path, help="remember what was read here; delete it when reading changes")
    parser.add_argument("--keep", type=Path, help="write the picture of each extra passage here")
    parser.add_argument("--region", action="store_true", help="search only around motion and known plates")
    parser.add_argument("--verbose", action="store_true", help="show every analysed frame")
    options = parser.parse_args(arguments)
    modules = tuple(code for code in options.modules.split(",") if code)
    settings = replace(
        clip_settings(modules, fps=options.fps, moving_fps=options.moving_fps), look_at_motion_only=options.region
    )
    labels = {file: plates for file, plates in read_clip_labels(options.clips).items() if options.only in file}
    if not labels:
        raise InferenceError(f"no clip of {options.clips} has {options.only!r} in its name")
    reads = Cached(
        open_recognizer(options.pack, threads=options.threads, data_dir=options.data_dir), options.cache, options.pack
    )
    scores = []
    for score in run_clips(options.clips, labels, reads, settings, verbose=options.verbose):
        scores.append(score)
        print(clip_row(score), flush=True)  # noqa: T201  # a program
        if options.keep is not None:
            _keep(options.keep, score)
    return _sum_up(scores)


def _keep(folder: Path, score: ClipScore) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for passage in score.finals:
        if passage.plate.plate_number in score.extra:
            name = f"{Path(score.file).stem}-{passage.plate.plate_number}.png"
            cv2.imwrite(str(folder / name), passage.plate_picture)


def _sum_up(scores: list[ClipScore]) -> int:
    print(clip_sum(scores))  # noqa: T201  # a program
    return 0 if all(score.right == len(score.expected) and not score.repeated for score in scores) else 1


def clip_sum(scores: Sequence[ClipScore]) -> str:
    """All clips on one line."""
    vehicles, right = sum(len(score.expected) for score in scores), sum(score.right for score in scores)
    missed = sum(len(score.expected) for score in scores if not score.finals)
    frames, busy_ms = sum(score.frames for score in scores), sum(score.busy_ms for score in scores)
    return (
        f"{vehicles} labelled vehicles: {right} right, {vehicles - right - missed} wrong, {missed} missed; "
        f"{sum(len(score.extra) for score in scores)} extra, {sum(score.repeated for score in scores)} told twice; "
        f"{frames} frames analysed, {busy_ms / max(frames, 1):.1f} ms of one core each"
    )


if __name__ == "__main__":
    run(main)
