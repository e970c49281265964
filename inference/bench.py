"""How well a pack reads labelled photos.

`DIR/labels.csv` has the columns dataset, file, x, y, w, h, plate. Match: the best reading of a photo equals the plate;
in the set `us`, whose labels write 0 for both, O and Q count as 0 and I as 1. Found: some reading overlaps the plate.
False: readings that overlap none.
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.errors import InferenceError
from inference.read import FILE_SETTINGS, PictureResult, read_paths
from inference.recognition import RecognitionSettings
from inference.recognizer import Recognizer
from inference.types import Box, Reading

EU_MEMBERS = (
    "A B BG CY CZ D DK E EST F FIN GR H HR I IRL L LT LV M NL P PL RO S SK SLO".split()  # noqa: SIM905 - a table of codes
)
SET_MODULES: Mapping[str, tuple[str, ...]] = {"us": ("US",), "eu": ("X_XX", "X_EU", *EU_MEMBERS), "br": ("BR",)}
# Sets whose labels write 0 for O and Q, and 1 for I.
FOLDED_SETS = frozenset({"us"})
_FOLD = str.maketrans("OQI", "001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One photo's truth."""

    group: str
    path: Path
    box: Box
    plate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one photo."""

    group: str
    file: str
    plate: str
    text: str
    match: bool
    found: bool
    false_readings: int
    likelihood: float
    ms: float
    detect_ms: float
    read_ms: float
    raw_text: str
    refused: tuple[str, ...]


def read_labels(folder: Path) -> list[Label]:
    """The labels of a folder of photos."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        return [
            Label(
                group=row["dataset"],
                path=folder / row["file"],
                box=Box(x=float(row["x"]), y=float(row["y"]), width=float(row["w"]), height=float(row["h"])),
                plate=row["plate"],
            )
            for row in csv.DictReader(file)
        ]


def measure(
    recognizer: Recognizer,
    labels: Sequence[Label],
    *,
    modules: Mapping[str, tuple[str, ...]] = SET_MODULES,
    fold: frozenset[str] = FOLDED_SETS,
    settings: RecognitionSettings = FILE_SETTINGS,
) -> list[Outcome]:
    """Read every photo and compare."""
    outcomes = []
    for label in labels:
        codes = modules.get(label.group, ())
        for result in read_paths([label.path], modules=codes, settings=settings, recognizer=recognizer):
            outcomes.append(_compare(label, result, folded=label.group in fold))
    return outcomes


def summary(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """Per set and over all: share of matches, of plates found, false readings per photo, milliseconds."""
    groups = [*dict.fromkeys(outcome.group for outcome in outcomes), "all"]
    table = {}
    for group in groups:
        chosen = [o for o in outcomes if group in {"all", o.group}]
        table[group] = {
            "photos": float(len(chosen)),
            "match": statistics.fmean(o.match for o in chosen),
            "found": statistics.fmean(o.found for o in chosen),
            "false": statistics.fmean(o.false_readings for o in chosen),
            "detect_ms": statistics.median(o.detect_ms for o in chosen),
            "read_ms": statistics.median(o.read_ms for o in chosen),
            "ece": calibration_error([(o.likelihood, o.match) for o in chosen if o.text]),
        }
    return table


def reliability(pairs: Sequence[tuple[float, bool]], *, bins: int = 10) -> list[tuple[float, float, int]]:
    """Mean likelihood, share of right reads and count in each equal-width bin that is not empty."""
    rows = []
    for index in range(bins):
        inside = [(p, ok) for p, ok in pairs if min(int(p * bins), bins - 1) == index]
        if inside:
            mean = statistics.fmean(p for p, _ in inside)
            rows.append((mean, statistics.fmean(ok for _, ok in inside), len(inside)))
    return rows


def calibration_error(pairs: Sequence[tuple[float, bool]], *, bins: int = 10) -> float:
    """Expected calibration error: how far likelihood and share of right reads differ, over equal-width bins."""
    return sum(abs(mean - right) * count / len(pairs) for mean, right, count in reliability(pairs, bins=bins))


def same_plate(label: Label, text: str, *, folded: bool) -> bool:
    """Whether a whole plate was read; `folded` forgives O, Q for 0 and I for 1."""
    return text.translate(_FOLD) == label.plate.translate(_FOLD) if folded else text == label.plate


def _compare(label: Label, result: PictureResult, *, folded: bool) -> Outcome:
    if result.recognition is None:
        raise InferenceError(result.problem)
    readings = result.recognition.readings
    best: Reading | None = readings[0] if readings else None
    text = best.plate.plate_number if best else ""
    return Outcome(
        group=label.group,
        file=label.path.name,
        plate=label.plate,
        text=text,
        match=same_plate(label, text, folded=folded),
        found=any(reading.box.overlap(label.box) > 0 for reading in readings),
        false_readings=sum(reading.box.overlap(label.box) == 0 for reading in readings),
        likelihood=best.likelihood if best else 0.0,
        ms=result.ms,
        detect_ms=result.recognition.stages.detect_ms,
        read_ms=result.recognition.stages.read_ms,
        raw_text=best.raw_text if best else "",
        refused=tuple(
            f"{rejection.text}: {rejection.reason}"
            for rejection in result.recognition.rejections
            if rejection.box.overlap(label.box) > 0
        ),
    )
