"""The bench's whole answer: accuracy, cost and cameras per core of every pack, as a table, as JSON and as plots."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import psutil

from inference.bench import FOLDED_SETS, SET_MODULES, Label, Outcome, measure, reliability, summary
from inference.bench_speed import (
    REFERENCE,
    CameraCost,
    Cost,
    RapidOcr,
    cost_curve,
    measure_camera,
    measure_costs,
    still_of,
    write_clip,
)
from inference.errors import InferenceError
from inference.packs import find_pack, pack_names
from inference.recognizer import Recognizer, open_recognizer

MOTION_SHARES = (0.0, 0.05, 0.2, 0.5)


@dataclass(slots=True, kw_only=True)
class PackResult:
    """One pack's figures."""

    pack: str
    memory_mb: float = 0.0
    """What opening the pack and reading the first photo added to the process, MiB."""
    outcomes: list[Outcome] = field(default_factory=list)
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    @property
    def reliability(self) -> list[tuple[float, float, int]]:
        return reliability([(o.likelihood, o.match) for o in self.outcomes if o.text])


@dataclass(slots=True, kw_only=True)
class Report:
    """Everything one run measured."""

    packs: list[PackResult] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    cameras: list[CameraCost] = field(default_factory=list)

    def ratio(self, cost: Cost) -> float | None:
        """How many times faster than rapidocr's own pipeline; None when that did not run."""
        reference = next((one for one in self.costs if one.pipeline == REFERENCE), None)
        return reference.mean_ms / cost.mean_ms if reference else None

    def as_json(self) -> dict[str, Any]:
        return {
            "packs": [
                {
                    "pack": one.pack,
                    "memory_mb": one.memory_mb,
                    "sets": summary(one.outcomes) if one.outcomes else {},
                    "reliability": one.reliability,
                    "curves": one.curves,
                    "photos": [asdict(outcome) for outcome in one.outcomes],
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
        }


def installed_packs() -> list[str]:
    """The packs whose weights are there."""
    found = []
    for name in pack_names():
        try:
            find_pack(name)
        except InferenceError:
            continue
        found.append(name)
    return found


def run(
    packs: Sequence[str],
    labels: Sequence[Label],
    *,
    modules: Mapping[str, tuple[str, ...]] = SET_MODULES,
    device: str = "CPU",
    threads: int = 1,
    data_dir: Path | None = None,
    speed: bool = True,
    speed_photos: int = 24,
    say: Callable[[str], None] = lambda _: None,
) -> Report:
    """Accuracy on all photos; cost on `speed_photos` of them, spread over the sets, with rapidocr beside."""
    cv2.setNumThreads(1)
    report = Report()
    recognizers: dict[str, Recognizer] = {}
    for name in packs:
        say(f"{name}: reading {len(labels)} photos")
        before = psutil.Process().memory_info().rss
        recognizers[name] = open_recognizer(name, device=device, threads=threads, data_dir=data_dir)
        first = measure(recognizers[name], labels[:1], modules=modules)
        memory_mb = (psutil.Process().memory_info().rss - before) / 2**20
        rest = measure(recognizers[name], labels[1:], modules=modules)
        report.packs.append(PackResult(pack=name, memory_mb=memory_mb, outcomes=first + rest))
    if speed:
        chosen = list(labels[:: max(1, len(labels) // speed_photos)])
        say(f"speed: {len(chosen)} frames of 1280x720 through {', '.join(packs)} and rapidocr, taking turns")
        report.costs = measure_costs(recognizers, chosen, modules=modules, fold=FOLDED_SETS, reference=_reference(say))
        say("cameras: a minute of 720p H.264 at 4 frames a second, and what size and area cost")
        report.cameras = _cameras(recognizers, chosen[0])
        for result in report.packs:
            result.curves = cost_curve(recognizers[result.pack], still_of(chosen[0]))
    return report


def _reference(say: Callable[[str], None]) -> RapidOcr | None:
    try:
        return RapidOcr()
    except ImportError as error:
        say(f"rapidocr cannot be compared with: {error}")
        return None


def _cameras(recognizers: Mapping[str, Recognizer], label: Label) -> list[CameraCost]:
    still = still_of(label)
    costs = []
    with tempfile.TemporaryDirectory() as folder:
        for share in MOTION_SHARES:
            clip = Path(folder) / f"{share}.mp4"
            write_clip(still, clip, motion_share=share)
            for name, recognizer in recognizers.items():
                for trim in (False, True):
                    costs.append(measure_camera(name, recognizer, clip, still, motion_share=share, trim=trim))
    return costs


def lines(report: Report, *, misses: bool = False) -> list[str]:
    """The report for people."""
    rows = []
    for result in report.packs:
        for group, row in summary(result.outcomes).items():
            rows.append(
                f"{result.pack:>10} {group:>4}  match {row['match']:.3f}  found {row['found']:.3f}"
                f"  false {row['false']:.3f}  calibration error {row['ece']:.3f}"
            )
        rows.append(f"{result.pack:>10} memory {result.memory_mb:.0f} MiB")
        if misses:
            rows += [
                f"  {o.group} {o.file} {o.plate}: {o.text or '-'} ({o.likelihood:.2f}) {'; '.join(o.refused)}"
                for o in result.outcomes
                if not o.match
            ]
    for cost in report.costs:
        ratio = report.ratio(cost)
        match = "" if cost.match is None else f"  match {cost.match:.3f}"
        beside = "" if ratio is None else f"  {ratio:6.1f} x rapidocr"
        rate = 1000 / cost.mean_ms
        rows.append(
            f"{cost.pipeline:>11} {cost.scenario:<9} {cost.mean_ms:8.2f} ms  {rate:7.1f} frames/s a core{match}{beside}"
        )
    for camera in report.cameras:
        rows.append(
            f"{camera.pipeline:>11} {camera.motion_share:4.0%} motion {'area+band' if camera.trimmed else 'whole':<9}"
            f" {camera.cameras_per_core:6.1f} cameras a core ({camera.looks} looks, decoding {camera.decode_cpu_s:.2f}"
            f" of {camera.cpu_s:.2f} s)"
        )
    return rows
