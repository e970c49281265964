"""How well a pack reads labelled photos.

`DIR/labels.csv` has the columns file and plate, and perhaps dataset and x, y, w, h (the plate's box in pixels). Match:
the best reading of a photo equals the plate, letters and digits alone; in the set `us`, whose labels write 0 for both,
O and Q count as 0 and I as 1. Found: some reading overlaps the plate. False: readings that overlap none. Both need the
box.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.errors import InferenceError
from inference.label_table import read_table
from inference.read import FILE_SETTINGS, PictureResult, read_paths
from inference.recognition import RecognitionSettings
from inference.recognizer import Recognizer
from inference.types import Box, Reading, as_read

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
    plate: str
    box: Box | None = None
    """None where nobody drew it; what needs it is then not measured."""

    @property
    def drawn_box(self) -> Box:
        """The box, where it was asked for when the labels were read (`need_boxes`)."""
        assert self.box is not None
        return self.box


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one photo."""

    group: str
    file: str
    plate: str
    text: str
    match: bool
    found: bool | None
    false_readings: int | None
    likelihood: float
    ms: float
    detect_ms: float
    read_ms: float
    raw_text: str
    refused: tuple[str, ...]


def read_labels(folder: Path, *, need_boxes: bool = False) -> list[Label]:
    """The labels of a folder of photos; raises InferenceError naming the line that is wrong."""
    path = folder / "labels.csv"
    labels = [_label(row, folder, f"{path}, line {line}") for line, row in read_table(folder, "file", "plate")]
    if not labels:
        raise InferenceError(f"{path} names no photo")
    if need_boxes and any(label.box is None for label in labels):
        raise InferenceError(f"{path} needs the plates' boxes as well: the columns x, y, w and h, in pixels")
    return labels


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


def summary(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float | None]]:
    """Per set and over all: shares of matches and of plates found, false readings per photo, milliseconds."""
    groups = [*dict.fromkeys(outcome.group for outcome in outcomes), "all"]
    table: dict[str, dict[str, float | None]] = {}
    for group in groups:
        chosen = [o for o in outcomes if group in {"all", o.group}]
        table[group] = {
            "photos": float(len(chosen)),
            "match": statistics.fmean(o.match for o in chosen),
            "found": _mean([o.found for o in chosen]),
            "false": _mean([o.false_readings for o in chosen]),
            "detect_ms": statistics.median(o.detect_ms for o in chosen),
            "read_ms": statistics.median(o.read_ms for o in chosen),
            "ece": calibration_error(pairs) if (pairs := [(o.likelihood, o.match) for o in chosen if o.text]) else None,
        }
    return table


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


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


def _label(row: Mapping[str, str], folder: Path, where: str) -> Label:
    file, plate = row["file"], "".join(c for c in as_read(row["plate"]) if c.isalnum())
    if not file or not plate:
        raise InferenceError(f"{where}: a file and its plate are needed")
    given = [row.get(side, "") for side in ("x", "y", "w", "h")]
    box = None
    if any(given):
        try:
            x, y, width, height = map(float, given)
        except ValueError as error:
            raise InferenceError(f"{where}: x, y, w and h are four numbers or all empty, not {given}") from error
        box = Box(x=x, y=y, width=width, height=height)
    return Label(group=row.get("dataset") or "photos", path=folder / file, plate=plate, box=box)


def _compare(label: Label, result: PictureResult, *, folded: bool) -> Outcome:
    if result.recognition is None:
        raise InferenceError(result.problem)
    readings = result.recognition.readings
    best: Reading | None = readings[0] if readings else None
    text, box = best.plate.plate_number if best else "", label.box
    return Outcome(
        group=label.group,
        file=label.path.name,
        plate=label.plate,
        text=text,
        match=same_plate(label, text, folded=folded),
        found=None if box is None else any(reading.box.overlap(box) > 0 for reading in readings),
        false_readings=None if box is None else sum(reading.box.overlap(box) == 0 for reading in readings),
        likelihood=best.likelihood if best else 0.0,
        ms=result.ms,
        detect_ms=result.recognition.stages.detect_ms,
        read_ms=result.recognition.stages.read_ms,
        raw_text=best.raw_text if best else "",
        refused=tuple(
            f"{rejection.text}: {rejection.reason}"
            for rejection in result.recognition.rejections
            if box is None or rejection.box.overlap(box) > 0
        ),
    )
