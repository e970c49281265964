"""Validation: run recognition on the approved snapshots and say how many plates it reads, and whether correctly.

Nothing is changed. The result is a value that can be kept and compared with other runs (M-239 to M-245).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inference.recognition import Recognition, RecognitionSettings
from inference.snapshots import Snapshot
from inference.thresholds import Thresholds, suggest_thresholds
from inference.turns import working_s
from inference.types import Box, Picture, RejectionReason
from inference.voting import similarity
from inference.watch import Reads

# Street pictures hold tens of lines that are no plates; a person looks at the surest few.
MOST_REFUSED = 20
# A text that shares less than half with a plate was read somewhere else in the picture.
SAME_PLATE = 0.5

# Plates belong into the centre or the lower half of the picture; the centre is its middle third.
HIGH_IN_PICTURE = 1 / 3

Loaded = Callable[[str], Picture]
"""The picture of a snapshot by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A text that was read, `box` in pixels. `expected` when the approved plates name it."""

    text: str
    likelihood: float
    country_code: str | None
    box: Box
    expected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A find that did not become a reading, and why."""

    reason: RejectionReason
    text: str
    likelihood: float
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotResult:
    """One snapshot. `detected` plates are `correct` ones and `wrong` ones; `extra` texts belong to no plate."""

    name: str
    width_px: int
    height_px: int
    plates: tuple[str, ...]
    correct: tuple[str, ...]
    wrong: tuple[tuple[str, str], ...]
    """Pairs: the approved plate and what was read instead."""
    missed: tuple[str, ...]
    extra: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    refused: tuple[Refused, ...]
    elapsed_ms: float
    detect_ms: float
    read_ms: float

    @property
    def detected(self) -> int:
        return len(self.correct) + len(self.wrong)

    @property
    def reason(self) -> str:
        """Why plates are missing, in a word; empty when none are (M-237)."""
        if not self.missed:
            return ""
        likely = max(self.refused, key=lambda one: (one.text in self.missed, one.likelihood), default=None)
        return likely.reason.value if likely else "no plate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """One run over the approved snapshots."""

    plates: int
    detected: int
    correct: int
    wrong: int
    extra: int
    average_likelihood_percent: int | None
    """Of the detected plates, rounded; None when none was detected."""
    average_ms: int | None
    """Per snapshot, rounded, without the wait behind live cameras; None without snapshots."""
    detect_ms: int
    read_ms: int
    """The two steps of recognition on average (M-201)."""
    thresholds: Thresholds | None
    results: tuple[SnapshotResult, ...]

    @property
    def summary(self) -> str:
        return f"{self.detected} of {self.plates}"

    @property
    def advice(self) -> tuple[str, ...]:
        """What to change at the camera, from where its plates are."""
        places = [
            (one.box.y + one.box.height / 2) / result.height_px
            for result in self.results
            for one in result.candidates
            if one.expected
        ]
        high = sum(place < HIGH_IN_PICTURE for place in places)
        if not high:
            return ()
        return (
            f"{high} of {len(places)} plates lie high in the picture: turn the camera up, so that they are in the"
            " centre or the lower half of it.",
        )


def validate(
    snapshots: Sequence[Snapshot],
    load: Loaded,
    recognizer: Reads,
    settings: RecognitionSettings,
    *,
    discard_below: float,
    clock: Callable[[], float] = time.perf_counter,
    stopped: Callable[[], bool] = lambda: False,
) -> Validation:
    """Read every valid snapshot with these settings; texts below `discard_below` do not count as detected.

    `stopped` is asked between snapshots; a stopped run tells of those it saw.
    """
    results = []
    for snapshot in snapshots:
        if not snapshot.valid:
            continue
        if stopped():
            break
        picture = load(snapshot.name)
        started_s = working_s(clock)
        recognition = recognizer.recognize(picture, settings)
        elapsed_ms = (working_s(clock) - started_s) * 1000
        results.append(judge(snapshot, picture, recognition, discard_below=discard_below, elapsed_ms=elapsed_ms))
    return summed(results, discard_below=discard_below)


def judge(
    snapshot: Snapshot, picture: Picture, recognition: Recognition, *, discard_below: float, elapsed_ms: float
) -> SnapshotResult:
    """Compare one recognition with the approved plates."""
    height, width = picture.shape[:2]
    readings = sorted(recognition.readings, key=lambda reading: -reading.likelihood)
    texts = [reading.plate.plate_number for reading in readings if reading.likelihood >= discard_below]
    correct = tuple(plate for plate in snapshot.plates if plate in texts)
    unread = [plate for plate in snapshot.plates if plate not in correct]
    others = list(dict.fromkeys(text for text in texts if text not in correct))
    wrong = _pairs(unread, others)
    return SnapshotResult(
        name=snapshot.name,
        width_px=width,
        height_px=height,
        plates=snapshot.plates,
        correct=correct,
        wrong=wrong,
        missed=tuple(plate for plate in unread if plate not in {pair[0] for pair in wrong}),
        extra=tuple(text for text in others if text not in {pair[1] for pair in wrong}),
        candidates=tuple(
            Candidate(
                text=reading.plate.plate_number,
                likelihood=reading.likelihood,
                country_code=reading.plate.country_code,
                box=reading.box,
                expected=reading.plate.plate_number in snapshot.plates,
            )
            for reading in readings
        ),
        refused=tuple(
            Refused(reason=one.reason, text=one.text, likelihood=one.likelihood, box=one.box)
            for one in sorted(recognition.rejections, key=lambda one: -one.likelihood)[:MOST_REFUSED]
        ),
        elapsed_ms=elapsed_ms,
        detect_ms=recognition.stages.detect_ms,
        read_ms=recognition.stages.read_ms,
    )


def summed(results: Sequence[SnapshotResult], *, discard_below: float) -> Validation:
    """The figures of a run."""
    counted = [(one.expected, one.likelihood) for result in results for one in result.candidates]
    # What takes the place of a plate counts into the average as it does in the manual: it was detected.
    likelihoods = [
        next(one.likelihood for one in result.candidates if one.text == text)
        for result in results
        for text in (*result.correct, *(read for _, read in result.wrong))
    ]
    return Validation(
        plates=sum(len(result.plates) for result in results),
        detected=sum(result.detected for result in results),
        correct=sum(len(result.correct) for result in results),
        wrong=sum(len(result.wrong) for result in results),
        extra=sum(len(result.extra) for result in results),
        average_likelihood_percent=round(100 * sum(likelihoods) / len(likelihoods)) if likelihoods else None,
        average_ms=_average([result.elapsed_ms for result in results]) if results else None,
        detect_ms=_average([result.detect_ms for result in results]),
        read_ms=_average([result.read_ms for result in results]),
        thresholds=suggest_thresholds(
            [likelihood for expected, likelihood in counted if expected],
            [likelihood for expected, likelihood in counted if not expected],
            missed=sum(len(result.missed) for result in results),
        ),
        results=tuple(results),
    )


def _pairs(plates: Sequence[str], texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Each unread plate with the text that resembles it most, when at least half of it does."""
    free, pairs = list(texts), []
    for plate in plates:
        best = max(free, key=lambda text: similarity(plate, text), default=None)
        if best is not None and similarity(plate, best) >= SAME_PLATE:
            pairs.append((plate, best))
            free.remove(best)
    return tuple(pairs)


def _average(values: Sequence[float]) -> int:
    return round(sum(values) / len(values)) if values else 0
