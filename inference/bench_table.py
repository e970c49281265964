"""The bench's report for people, line by line."""

from __future__ import annotations

from collections.abc import Iterator

from inference.bench import summary
from inference.bench_report import PackResult, Report
from inference.bench_video import clip_row, clip_sum


def lines(report: Report, *, misses: bool = False) -> list[str]:
    """Every figure; with `misses` also each photo that was not read rightly."""
    rows = []
    for result in report.packs:
        rows += list(_accuracy(result, misses=misses))
    for result in report.packs:
        rows += list(_clips(result))
    rows += [*_stages(report), *_costs(report), *_cameras(report)]
    return rows


def _accuracy(result: PackResult, *, misses: bool) -> Iterator[str]:
    for group, row in summary(result.outcomes).items() if result.outcomes else ():
        yield (
            f"{result.pack:>10} {group:>6}  match {_share(row['match'])}  found {_share(row['found'])}"
            f"  false {_share(row['false'])}  calibration error {_share(row['ece'])}"
            f"  detect {row['detect_ms']:.1f} ms  read {row['read_ms']:.1f} ms"
        )
    if result.memory_mb is not None:
        yield f"{result.pack:>10} memory {result.memory_mb:.0f} MiB"
    for o in result.outcomes if misses else ():
        if not o.match:
            yield f"  {o.group} {o.file} {o.plate}: {o.text or '-'} ({o.likelihood:.2f}) {'; '.join(o.refused)}"


def _clips(result: PackResult) -> Iterator[str]:
    if result.clips:
        yield f"{result.pack:>10} clips"
        yield from (clip_row(clip) for clip in result.clips)
        yield f"{result.pack:>10} {clip_sum(result.clips)}"


def _stages(report: Report) -> Iterator[str]:
    found = [result.stages for result in report.packs if result.stages is not None]
    if found:
        yield "ms of one core per 1280x720 frame: each frame is decoded and gated, the rest is for those looked at"
        yield f"{'':>11} {'decode':>8} {'gate':>8} {'detect':>8} {'read':>8} {'decide':>8} {'track':>8}"
    for one in found:
        figures = (one.decode_ms, one.gate_ms, one.detect_ms, one.read_ms, one.decide_ms, one.track_ms)
        yield f"{one.pipeline:>11} " + " ".join(f"{ms:8.2f}" for ms in figures)


def _costs(report: Report) -> Iterator[str]:
    for cost in report.costs:
        ratio = report.ratio(cost)
        match = "" if cost.match is None else f"  match {cost.match:.3f}"
        beside = "" if ratio is None else f"  {ratio:6.1f} x rapidocr"
        rate = 1000 / cost.mean_ms
        yield (
            f"{cost.pipeline:>11} {cost.scenario:<9} {cost.mean_ms:8.2f} ms  {rate:7.1f} frames/s a core{match}{beside}"
        )


def _cameras(report: Report) -> Iterator[str]:
    for camera in report.cameras:
        yield (
            f"{camera.pipeline:>11} {camera.motion_share:4.0%} motion {'area+band' if camera.trimmed else 'whole':<9}"
            f" {camera.cameras_per_core:6.1f} cameras a core ({camera.looks} looks, decoding {camera.decode_cpu_s:.2f}"
            f" of {camera.cpu_s:.2f} s)"
        )
    for fleet in report.fleets:
        yield (
            f"{fleet.pipeline:>11} {fleet.cameras:3} cameras together {fleet.cpu_s / fleet.seconds:6.2f} cores"
            f" {fleet.cameras_per_core:6.1f} cameras a core ({fleet.frames_per_second:.2f} frames/s each,"
            f" {fleet.looks} looks, {fleet.memory_mb / fleet.cameras:.0f} MiB each)"
        )


def _share(value: float | None) -> str:
    return "  -  " if value is None else f"{value:.3f}"
