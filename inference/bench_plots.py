"""The bench's plots as SVG files; needs matplotlib (`pip install onvif-lpr[dev]`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inference.bench_report import Report
from inference.errors import InferenceError


def write_plots(report: Report, folder: Path) -> list[Path]:
    """A plot for everything that was measured; raises InferenceError without matplotlib."""
    try:
        import matplotlib  # noqa: PLC0415  # only the plots need it
    except ImportError as error:
        raise InferenceError("plots need matplotlib; run: pip install matplotlib") from error
    matplotlib.use("svg")
    # Text stays text, and the same figures give the same file.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "onvif-lpr", "font.size": 9})
    from matplotlib import pyplot  # noqa: PLC0415  # after the backend is chosen

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, draw, measured in (
        ("reliability", _reliability, any(result.reliability for result in report.packs)),
        ("clips", _clips, any(result.clips for result in report.packs)),
        ("cost-width", _cost_width, any(result.curves for result in report.packs)),
        ("cost-area", _cost_area, any(result.curves for result in report.packs)),
        ("stages", _stages, any(result.stages for result in report.packs)),
        ("cameras", _cameras, bool(report.cameras)),
        ("cameras-together", _together, bool(report.fleets)),
    ):
        if not measured:
            continue
        figure, axes = pyplot.subplots(figsize=(5, 3.6), layout="constrained")
        draw(axes, report)
        axes.grid(alpha=0.3)
        axes.legend()
        path = folder / f"{name}.svg"
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)
        written.append(path)
    return written


def _reliability(axes: Any, report: Report) -> None:
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1, label="as said")
    for result in report.packs:
        if not result.reliability:
            continue
        means, rights, counts = zip(*result.reliability, strict=True)
        axes.plot(means, rights, marker="o", label=result.pack)
        for mean, right, count in zip(means, rights, counts, strict=True):
            axes.annotate(str(count), (mean, right), textcoords="offset points", xytext=(3, 3), fontsize=6)
    axes.set(xlabel="likelihood said", ylabel="share of reads that were right", title="Reliability", xlim=(0, 1.02))


def _clips(axes: Any, report: Report) -> None:
    results = [result for result in report.packs if result.clips]
    left = [0] * len(results)
    for label, of in (
        ("right", lambda clip: clip.right),
        ("wrong", lambda clip: (len(clip.expected) - clip.right) * bool(clip.finals)),
        ("missed", lambda clip: 0 if clip.finals else len(clip.expected)),
    ):
        counts = [sum(of(clip) for clip in result.clips) for result in results]
        axes.barh([result.pack for result in results], counts, left=left, label=label)
        left = [a + b for a, b in zip(left, counts, strict=True)]
    axes.set(xlabel="labelled vehicles", title="Clips")


def _stages(axes: Any, report: Report) -> None:
    found = [result.stages for result in report.packs if result.stages]
    left = [0.0] * len(found)
    for stage in ("decode_ms", "gate_ms", "detect_ms", "read_ms", "decide_ms", "track_ms"):
        spent = [getattr(one, stage) for one in found]
        axes.barh([one.pipeline for one in found], spent, left=left, label=stage.removesuffix("_ms"))
        left = [a + b for a, b in zip(left, spent, strict=True)]
    axes.set(xlabel="ms of one core per frame that is looked at", title="Stages")


def _cost_width(axes: Any, report: Report) -> None:
    for result in report.packs:
        axes.plot(*zip(*result.curves.get("width_px", [(0, 0)]), strict=True), marker="o", label=result.pack)
    axes.set(xlabel="width of the frame, px", ylabel="ms of one core per look", title="Cost over resolution")
    axes.set_ylim(bottom=0)


def _cost_area(axes: Any, report: Report) -> None:
    for result in report.packs:
        axes.plot(*zip(*result.curves.get("area", [(0, 0)]), strict=True), marker="o", label=result.pack)
    axes.set(xlabel="searched share of the frame", ylabel="ms of one core per look", title="Cost over area")
    axes.set_ylim(bottom=0)


def _cameras(axes: Any, report: Report) -> None:
    for result in report.packs:
        for trimmed, style in ((False, "-"), (True, "--")):
            chosen = [one for one in report.cameras if one.pipeline == result.pack and one.trimmed == trimmed]
            points = [(one.motion_share * 100, one.cameras_per_core) for one in chosen]
            if points:
                label = f"{result.pack}, {'area and height band' if trimmed else 'whole frame'}"
                axes.plot(*zip(*points, strict=True), marker="o", linestyle=style, label=label)
    axes.set(xlabel="frames with motion, %", ylabel="cameras per core", title="720p H.264 at 4 frames a second")
    axes.set_ylim(bottom=0)


def _together(axes: Any, report: Report) -> None:
    for result in report.packs:
        points = [(one.cameras, one.cpu_s / one.seconds) for one in report.fleets if one.pipeline == result.pack]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", label=result.pack)
    axes.set(xlabel="cameras that run together", ylabel="cores", title="720p H.264 at 4 frames a second, 5 % motion")
    axes.set_ylim(bottom=0)
