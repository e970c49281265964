"""The bench's plots as SVG files; needs matplotlib (`pip install onvif-lpr[dev]`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inference.bench_report import Report
from inference.errors import InferenceError


def write_plots(report: Report, folder: Path) -> list[Path]:
    """Reliability, cost over resolution and area, cameras per core; raises InferenceError without matplotlib."""
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
    for name, draw in (
        ("reliability", _reliability),
        ("cost-width", _cost_width),
        ("cost-area", _cost_area),
        ("cameras", _cameras),
    ):
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
        means, rights, counts = zip(*result.reliability, strict=True)
        axes.plot(means, rights, marker="o", label=result.pack)
        for mean, right, count in zip(means, rights, counts, strict=True):
            axes.annotate(str(count), (mean, right), textcoords="offset points", xytext=(3, 3), fontsize=6)
    axes.set(xlabel="likelihood said", ylabel="share of reads that were right", title="Reliability", xlim=(0, 1.02))


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
