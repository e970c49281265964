"""The bench's whole answer: accuracy, clips, cost and cameras per core of every pack; as JSON here, else see beside."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from inference.bench import FOLDED_SETS, SET_MODULES, Label, Outcome, measure, reliability, summary
from inference.bench_cameras import (
    CameraCost,
    Extent,
    FleetCost,
    measure_cameras,
    measure_fleet,
    write_clip,
    write_fleet_clips,
)
from inference.bench_speed import REFERENCE, Cost, RapidOcr, Still, cost_curve, measure_costs, still_of
from inference.bench_stages import Stages, measure_stages
from inference.bench_video import Cached, ClipScore, clip_row, clip_settings, read_clip_labels, run_clips
from inference.packs import pack_names, pack_problem
from inference.read import FILE_SETTINGS
from inference.recognizer import Recognizer, open_recognizer


@dataclass(slots=True, kw_only=True)
class PackResult:
    """One pack's figures; what was not asked for is empty."""

    pack: str
    memory_mb: float | None = None
    """What opening the pack and reading the first photo added to the process, MiB."""
    outcomes: list[Outcome] = field(default_factory=list)
    clips: list[ClipScore] = field(default_factory=list)
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    stages: Stages | None = None

    @property
    def reliability(self) -> list[tuple[float, float, int]]:
        return reliability([(o.likelihood, o.match) for o in self.outcomes if o.text])


@dataclass(slots=True, kw_only=True)
class Report:
    """Everything one run measured."""

    packs: list[PackResult] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    cameras: list[CameraCost] = field(default_factory=list)
    fleets: list[FleetCost] = field(default_factory=list)

    def cost(self, pipeline: str, scenario: str) -> Cost | None:
        """What a pipeline cost in a scenario; None when that was not measured."""
        return next((one for one in self.costs if (one.pipeline, one.scenario) == (pipeline, scenario)), None)

    def ratio(self, cost: Cost) -> float | None:
        """How many times faster than rapidocr's own pipeline; None when that did not run."""
        reference = self.cost(REFERENCE, "whole")
        return reference.mean_ms / cost.mean_ms if reference and cost.scenario != "reader" else None

    def as_json(self) -> dict[str, Any]:
        return {
            "packs": [
                {
                    "pack": one.pack,
                    "memory_mb": one.memory_mb,
                    "sets": summary(one.outcomes) if one.outcomes else {},
                    "reliability": one.reliability,
                    "curves": one.curves,
                    "stages": asdict(one.stages) if one.stages else None,
                    "photos": [asdict(outcome) for outcome in one.outcomes],
                    "clips": [clip.as_json() for clip in one.clips],
                }
                for one in self.packs
            ],
            "costs": [
                {
                    "pipeline": one.pipeline,
                    "scenario": one.scenario,
                    "mean_ms": one.mean_ms,
                    "frames_per_second": 1000 / one.mean_ms,
                    "match": one.match,
                    "times_faster_than_rapidocr": self.ratio(one),
                }
                for one in self.costs
            ],
            "cameras": [asdict(one) | {"cameras_per_core": one.cameras_per_core} for one in self.cameras],
            "fleets": [asdict(one) | {"cameras_per_core": one.cameras_per_core} for one in self.fleets],
        }


def installed_packs(data_dir: Path | None = None) -> list[str]:
    """The packs whose weights are there."""
    return [name for name in pack_names(data_dir) if not pack_problem(name, data_dir=data_dir)]


def run(
    packs: Sequence[str],
    labels: Sequence[Label] = (),
    *,
    clips: Path | None = None,
    modules: Sequence[str] = (),
    device: str = "CPU",
    threads: int = 1,
    data_dir: Path | None = None,
    speed: bool = True,
    speed_photos: int = 24,
    extent: Extent | None = None,
    reference: Callable[[], RapidOcr] | None = RapidOcr,
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Accuracy on all photos and clips; cost on `speed_photos` of the photos, spread over the sets, rapidocr beside.

    Without `modules` each set of photos has those of its countries, and clips have all.
    """
    by_set = {label.group: tuple(modules) for label in labels} if modules else SET_MODULES
    report = Report()
    recognizers: dict[str, Recognizer] = {}
    for name in packs:
        before = psutil.Process().memory_info().rss
        recognizers[name] = open_recognizer(name, device=device, threads=threads, data_dir=data_dir)
        result = PackResult(pack=name)
        if labels:
            say(f"{name}: reading {len(labels)} photos")
            result.outcomes += measure(recognizers[name], labels[:1], modules=by_set)
            result.memory_mb = (psutil.Process().memory_info().rss - before) / 2**20
            result.outcomes += measure(recognizers[name], labels[1:], modules=by_set)
        report.packs.append(result)
    if clips is not None:
        _clips(report, recognizers, clips, modules, say)
    if speed and labels:
        chosen = list(labels[:: max(1, len(labels) // speed_photos)])
        say(f"speed: {len(chosen)} frames of 1280x720 through {', '.join(packs)} and rapidocr, taking turns")
        peer = _opened(reference, say)
        report.costs = measure_costs(recognizers, chosen, modules=by_set, fold=FOLDED_SETS, reference=peer)
        _speed(report, recognizers, [still_of(label) for label in chosen], extent or Extent(), say)
    return report


def _clips(
    report: Report,
    recognizers: Mapping[str, Recognizer],
    clips: Path,
    modules: Sequence[str],
    say: Callable[[str], None],
) -> None:
    labels = read_clip_labels(clips)
    for result in report.packs:
        say(f"{result.pack}: watching {len(labels)} clips")
        reads = Cached(recognizers[result.pack], None, result.pack)
        for score in run_clips(clips, labels, reads, clip_settings(modules)):
            result.clips.append(score)
            say(f"{len(result.clips)} of {len(labels)}: {clip_row(score)}")


def _speed(
    report: Report,
    recognizers: Mapping[str, Recognizer],
    stills: Sequence[Still],
    extent: Extent,
    say: Callable[[str], None],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        say(f"cameras: {extent.clip_s} s of 720p H.264 at 4 frames a second, by share of frames with motion")
        report.cameras = measure_cameras(recognizers, stills[0], Path(folder), extent)
        say("what each stage, size and area costs")
        sample = Path(folder) / "sample.mp4"
        write_clip(stills[0], sample, motion_share=0.05, seconds=extent.fleet_clip_s)
        for result in report.packs:
            recognizer = recognizers[result.pack]
            result.stages = measure_stages(result.pack, recognizer, stills, sample, FILE_SETTINGS)
            result.curves = cost_curve(recognizer, stills[0])
        clips = write_fleet_clips(stills[0], Path(folder), extent)
        for name, recognizer in recognizers.items():
            for count in extent.camera_counts:
                say(f"{name}: {count} cameras together for {extent.fleet_clip_s} s")
                seconds, settle_s = extent.fleet_clip_s, extent.fleet_settle_s
                fleet = measure_fleet(name, recognizer, clips, count, seconds=seconds, settle_s=settle_s)
                report.fleets.append(fleet)


def _opened(reference: Callable[[], RapidOcr] | None, say: Callable[[str], None]) -> RapidOcr | None:
    if reference is None:
        return None
    try:
        return reference()
    except ImportError as error:
        say(f"rapidocr cannot be compared with: {error}")
        return None
