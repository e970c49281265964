"""Drive-bys rendered from labelled photos, watched as a camera is: what the vote over frames is worth.

    python -m tests.inference.benchmark_drives --photos DIR [--pack ppocr] [--site road] [--every 4] [--cache DIR]

DIR is as in `inference.bench`; the sites are those of `tests.inference.drives`. Exact: the vehicle got one final
passage, with its plate (compared as in the bench). Best single frame: what a system without a vote would report, the
reading with the highest likelihood among all that lay on the vehicle's plate, in every frame that was looked at. Any
frame: the plate was among those readings, as much as choosing one of them can ever give. Twice: vehicles with more
than one final passage. Partial: final texts that are a part of the vehicle's plate. Extra: final passages on no
vehicle's plate. ECE: the calibration error of the final passages' likelihood. The last lines compare with the
targets; the exit code is 1 when one is missed. Above 0.95 for the best single frame there is no room for the five
points: then every vehicle must be right.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from inference.bench import FOLDED_SETS, SET_MODULES, Label, calibration_error, read_labels
from inference.bench_video import Cached
from inference.programs import run
from inference.recognition import Recognition, RecognitionSettings
from inference.recognizer import open_recognizer
from inference.types import Box, Frame, Passage, PassageState, Picture, Reading
from inference.video import watch_pictures
from inference.watch import Reads, watch_settings
from tests.inference.drives import FPS, Drive, Scenario, Site, Subject, Vehicle, make_drive

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
# A vote over frames must be worth so much more than the best of them.
LEAST_GAIN = 0.05
# Every photo drives by alone; the other scenarios take every third one, so that a run stays within an hour.
OTHERS_EVERY = 3
_FOLD = str.maketrans("OQI", "001")


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleScore:
    """How one vehicle of one drive came out."""

    scenario: str
    light: str
    group: str
    file: str
    seed: int
    plate: str
    finals: tuple[tuple[str, float], ...]
    single: str
    single_likelihood: float
    read: tuple[str, ...]
    """The texts of all readings on its plate."""

    @property
    def kinds(self) -> set[str]:
        """The rows of the table that it counts in."""
        return {self.scenario, self.light, self.group, "all"}

    @property
    def exact(self) -> bool:
        return len(self.finals) == 1 and self.is_right(self.finals[0][0])

    @property
    def single_exact(self) -> bool:
        return self.is_right(self.single)

    @property
    def once_exact(self) -> bool:
        return any(self.is_right(text) for text in self.read)

    @property
    def partial(self) -> bool:
        return any(is_part(text, self.plate, folded=self.group in FOLDED_SETS) for text, _ in self.finals)

    def is_right(self, text: str) -> bool:
        folded = self.group in FOLDED_SETS
        return _normal(text, folded=folded) == _normal(self.plate, folded=folded)


@dataclass(slots=True, kw_only=True)
class DriveScore:
    """One drive: its vehicles, and final passages that belong to none of them."""

    vehicles: list[VehicleScore]
    extra: list[tuple[str, float]]


def is_part(text: str, plate: str, *, folded: bool) -> bool:
    """A run of the plate's characters, but not all of them."""
    text, plate = _normal(text, folded=folded), _normal(plate, folded=folded)
    return 0 < len(text) < len(plate) and text in plate


def run_drive(drive: Drive, reads: Reads) -> DriveScore:
    """Watch one drive and compare with its truth."""
    codes = [code for vehicle in drive.vehicles for code in SET_MODULES.get(vehicle.label.group, ())]
    settings = watch_settings(
        RecognitionSettings(modules=tuple(dict.fromkeys(codes)), max_seconds_per_frame=None),
        max_fps=4.0,
        moving_fps=FPS,
    )
    singles: dict[int, list[Reading]] = {place: [] for place in range(len(drive.vehicles))}

    def on_look(frame: Frame, recognition: Recognition) -> None:
        for reading in recognition.readings:
            place = whose(drive, reading.box, frame.monotonic_s)
            if place is not None:
                singles[place].append(reading)

    finals: dict[int | None, list[Passage]] = {}
    pictures = ((at_s, partial(_same, picture)) for at_s, picture in drive.frames())
    for passage in watch_pictures(pictures, reads, settings, epoch=EPOCH, on_look=on_look):
        if passage.state is PassageState.FINAL:
            place = whose(drive, passage.box, (passage.read_at - EPOCH).total_seconds())
            finals.setdefault(place, []).append(passage)
    scores = [
        _score(drive, vehicle, finals.get(place, []), singles[place]) for place, vehicle in enumerate(drive.vehicles)
    ]
    return DriveScore(vehicles=scores, extra=[_told(passage) for passage in finals.get(None, [])])


def whose(drive: Drive, box: Box, at_s: float) -> int | None:
    """Which vehicle's plate this box lies on, by its place in the drive."""
    shared = {}
    for place, vehicle in enumerate(drive.vehicles):
        truth = drive.box(vehicle, at_s)
        if truth is not None and (overlap := truth.overlap(box)) > 0:
            shared[place] = overlap / truth.area
    return max(shared, key=shared.__getitem__, default=None)


def plan(labels: Sequence[Label], scenarios: Sequence[Scenario], site: Site = Site.GATE) -> Iterator[Drive]:
    """The drives of these photos, the vehicles of one drive from one set."""
    for scenario in scenarios:
        for group in dict.fromkeys(label.group for label in labels):
            chosen = [label for label in labels if label.group == group]
            step = 1 if scenario is Scenario.SINGLE else OTHERS_EVERY
            for start in range(0, len(chosen) - scenario.vehicles + 1, step):
                subjects = [Subject.of(label) for label in chosen[start : start + scenario.vehicles]]
                yield make_drive(scenario, subjects, start, site)


def table(scores: Sequence[DriveScore]) -> dict[str, dict[str, float]]:
    """Per scenario, per set and over all: counts and shares."""
    vehicles = [vehicle for score in scores for vehicle in score.vehicles]
    kinds = [getattr(vehicle, of) for of in ("scenario", "light", "group") for vehicle in vehicles]
    rows = {}
    for name in [*dict.fromkeys(kinds), "all"]:
        chosen = [v for v in vehicles if name in v.kinds]
        told = [(likelihood, v.is_right(text)) for v in chosen for text, likelihood in v.finals]
        where = [s for s in scores if any(name in v.kinds for v in s.vehicles)]
        rows[name] = {
            "vehicles": len(chosen),
            "exact": sum(v.exact for v in chosen) / len(chosen),
            "single": sum(v.single_exact for v in chosen) / len(chosen),
            "any": sum(v.once_exact for v in chosen) / len(chosen),
            "one": sum(len(v.finals) == 1 for v in chosen) / len(chosen),
            "missed": sum(not v.finals for v in chosen),
            "twice": sum(len(v.finals) > 1 for v in chosen),
            "partial": sum(v.partial for v in chosen),
            "extra": sum(len(s.extra) for s in where),
            "ece": calibration_error(told) if told else 0.0,
        }
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One target of the drives, and whether it was reached."""

    name: str
    reached: bool
    figures: str


def verdicts(row: Mapping[str, float]) -> list[Verdict]:
    """What all drives together must show."""
    # Where single frames are nearly all right, there is no room for five points more: then all must be right.
    wanted = row["single"] + LEAST_GAIN
    needed = min(1.0, wanted)
    full = wanted > 1.0 + 1e-9
    one = round(row["one"] * row["vehicles"])
    return [
        Verdict(
            name="exact per vehicle, "
            + ("all: 5 points more have no room" if full else "5 points above the best single frame"),
            reached=row["exact"] >= needed - 1e-9,
            figures=f"{row['exact']:.3f} >= {needed:.3f}",
        ),
        Verdict(
            name="exactly one passage per vehicle, and none of no vehicle",
            reached=one == row["vehicles"] and not row["extra"],
            figures=f"{one} of {row['vehicles']:.0f}, {row['extra']:.0f} extra",
        ),
        Verdict(name="no partial reads", reached=not row["partial"], figures=f"{row['partial']:.0f}"),
    ]


def main(arguments: list[str] | None = None) -> int:
    """Print the table and the targets; exit 1 when one of them is missed or nothing drove by."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pack", default="ppocr")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1, help="take one photo in so many")
    parser.add_argument("--offset", type=int, default=0, help="the first photo taken")
    parser.add_argument("--site", default=Site.GATE.value, choices=[site.value for site in Site])
    parser.add_argument("--scenario", action="append", choices=[one.name.lower() for one in Scenario])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cache", type=Path, help="remember what was read here; delete it when reading changes")
    parser.add_argument("--json", type=Path, help="write every vehicle's result here")
    parser.add_argument("--verbose", action="store_true", help="name every vehicle that was not exact")
    options = parser.parse_args(arguments)
    labels = read_labels(options.photos, need_boxes=True)[options.offset :: options.every]
    scenarios = [one for one in Scenario if not options.scenario or one.name.lower() in options.scenario]
    reads = Cached(open_recognizer(options.pack, threads=options.threads), options.cache, options.pack)
    scores = []
    for drive in plan(labels, scenarios, Site(options.site)):
        scores.append(run_drive(drive, reads))
        if options.verbose:
            _name(scores[-1])
    if not scores:
        print("no drives: there are fewer photos of one set than a scenario has vehicles", file=sys.stderr)
        return 1
    rows = table(scores)
    _print(rows, reads)
    if options.json is not None:
        options.json.write_text(json.dumps({"summary": rows, "drives": [asdict(one) for one in scores]}, indent=1))
    reached = verdicts(rows["all"])
    for one in reached:
        print(f"{'pass' if one.reached else 'MISS'}  {one.name}: {one.figures}")
    return 0 if all(one.reached for one in reached) else 1


def _same(picture: Picture) -> Picture:
    return picture


def _score(drive: Drive, vehicle: Vehicle, finals: Sequence[Passage], read: Sequence[Reading]) -> VehicleScore:
    best = max(read, key=lambda reading: reading.likelihood, default=None)
    return VehicleScore(
        scenario=drive.scenario.value,
        light=drive.light.value,
        group=vehicle.label.group,
        file=vehicle.label.path.name,
        seed=drive.seed,
        plate=vehicle.label.plate,
        finals=tuple(_told(passage) for passage in finals),
        single=best.plate.plate_number if best else "",
        single_likelihood=best.likelihood if best else 0.0,
        read=tuple(reading.plate.plate_number for reading in read),
    )


def _told(passage: Passage) -> tuple[str, float]:
    return passage.plate.plate_number, passage.likelihood


def _normal(text: str, *, folded: bool) -> str:
    plain = "".join(character for character in text.upper() if character.isalnum())
    return plain.translate(_FOLD) if folded else plain


def _name(score: DriveScore) -> None:
    for one in score.vehicles:
        if not one.exact:
            told = " ".join(f"{text}:{likelihood:.2f}" for text, likelihood in one.finals) or "-"
            single = f"{one.single}:{one.single_likelihood:.2f}{'=' if one.single_exact else ''}"
            print(f"  {one.scenario:20} {one.group} {one.plate:9} told {told:24} single {single}", flush=True)
    if score.extra:
        print(f"  {score.vehicles[0].scenario:20} extra {score.extra}", flush=True)


def _print(rows: dict[str, dict[str, Any]], reads: Cached) -> None:
    print(
        "| what | vehicles | exact | best single frame | any frame "
        "| one passage | missed | twice | partial | extra | ECE |"
    )
    for name, row in rows.items():
        print(
            f"| {name} | {row['vehicles']} | {row['exact']:.3f} | {row['single']:.3f} | {row['any']:.3f} "
            f"| {row['one']:.3f} | {row['missed']} | {row['twice']} | {row['partial']} | {row['extra']} "
            f"| {row['ece']:.3f} |"
        )
    print(f"{reads.frames} frames looked at, {reads.busy_ms / max(reads.frames, 1):.0f} ms of one core each")


if __name__ == "__main__":
    run(main)
