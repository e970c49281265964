"""`onvif-lpr bench`: how well and how fast the model packs read on this machine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from adapter.cli_common import fail, settings_from

# Where labelled photos and clips are found when nobody says: its folders `photos` and `video`.
DATA_VARIABLE = "ONVIF_LPR_DATA"


def bench(
    context: typer.Context,
    photos: Annotated[Path | None, typer.Option(help="Folder of labelled photos (labels.csv: file,plate).")] = None,
    clips: Annotated[Path | None, typer.Option(help="Folder of labelled clips (labels.csv: file,plate).")] = None,
    pack: Annotated[
        list[str] | None, typer.Option(help="Model pack; may repeat. None: all that are installed.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Only every n-th photo.")] = 1,
    modules: Annotated[str, typer.Option(help="Country modules, like D,NL. None: photos by set, clips all.")] = "",
    speed: Annotated[bool, typer.Option(help="Measure times, cameras per core and cost curves on photos.")] = True,
    device: Annotated[str, typer.Option(help="OpenVINO device.")] = "CPU",
    threads: Annotated[int, typer.Option(min=1, max=64)] = 1,
    misses: Annotated[bool, typer.Option(help="List the photos that were not read rightly.")] = False,
    plots: Annotated[Path | None, typer.Option(help="Folder for the plots (SVG).")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Compare with the targets; exit 1 when one is missed.")
    ] = False,
    targets: Annotated[Path | None, typer.Option(help="Targets of your own (TOML) for --check.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with every figure.")] = False,
) -> None:
    """Measure accuracy and speed on labelled photos and clips, side by side with rapidocr's own pipeline."""
    from inference import bench_table, bench_targets  # noqa: PLC0415 - loading OpenVINO only when needed
    from inference.bench import read_labels  # noqa: PLC0415
    from inference.bench_plots import write_plots  # noqa: PLC0415
    from inference.bench_report import installed_packs, run  # noqa: PLC0415
    from inference.errors import InferenceError, SourceError  # noqa: PLC0415

    if photos is None and clips is None:
        photos, clips = _found()
    data_dir = settings_from(context).data
    try:
        wanted = bench_targets.read_targets(targets or bench_targets.TARGETS)
        report = run(
            pack or installed_packs(data_dir),
            read_labels(photos)[::every] if photos is not None else (),
            clips=clips,
            modules=tuple(code.strip() for code in modules.split(",") if code.strip()),
            device=device,
            threads=threads,
            data_dir=data_dir,
            speed=speed,
            say=lambda text: typer.echo(text, err=True),
        )
        for path in write_plots(report, plots) if plots is not None else ():
            typer.echo(f"wrote {path}", err=True)
    except (InferenceError, SourceError, OSError) as error:
        fail(str(error))
    checks = bench_targets.check(report, wanted) if check else []
    if as_json:
        typer.echo(json.dumps(report.as_json() | ({"checks": [one.as_json() for one in checks]} if check else {})))
    else:
        for line in bench_table.lines(report, misses=misses):
            typer.echo(line)
        for line in bench_targets.lines(checks) if check else ():
            typer.echo(line)
    raise typer.Exit(1 if check and bench_targets.failed(checks) else 0)


def _found() -> tuple[Path | None, Path | None]:
    """The photos and clips of the data folder, those that are there."""
    data = Path(os.environ[DATA_VARIABLE]) if DATA_VARIABLE in os.environ else None
    photos, clips = (
        (folder if data is not None and (folder := data / name).is_dir() else None) for name in ("photos", "video")
    )
    if photos is None and clips is None:
        fail(f"nothing to measure: give --photos DIR or --clips DIR, or set {DATA_VARIABLE} to a folder that has both")
    return photos, clips
