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
    photos: Annotated[Path | None, typer.Option(help="Folder of labelled photos (labels.csv).")] = None,
    clips: Annotated[Path | None, typer.Option(help="Folder of labelled clips (labels.csv).")] = None,
    pack: Annotated[
        list[str] | None, typer.Option(help="Model pack; may repeat. None: all that are installed.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Only every n-th photo.")] = 1,
    modules: Annotated[str, typer.Option(help="Country modules for all photos, like D,NL. None: by set.")] = "",
    speed: Annotated[bool, typer.Option(help="Measure times, cameras per core and cost curves as well.")] = True,
    device: Annotated[str, typer.Option(help="OpenVINO device.")] = "CPU",
    threads: Annotated[int, typer.Option(min=1, max=64)] = 1,
    misses: Annotated[bool, typer.Option(help="List the photos that were not read rightly.")] = False,
    plots: Annotated[Path | None, typer.Option(help="Folder for the plots (SVG).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with every figure.")] = False,
) -> None:
    """Measure accuracy and speed on labelled photos and clips, side by side with rapidocr's own pipeline."""
    from inference.bench_report import installed_packs  # noqa: PLC0415 - loading OpenVINO only when needed
    from inference.bench_video import main as bench_clips  # noqa: PLC0415

    if photos is None and clips is None and DATA_VARIABLE in os.environ:
        data = Path(os.environ[DATA_VARIABLE])
        photos, clips = data / "photos", None if as_json else data / "video"
    if photos is None and clips is None:
        fail(f"nothing to measure: give --photos DIR or --clips DIR, or set {DATA_VARIABLE}")
    packs = pack or installed_packs()
    data_dir = settings_from(context).data
    code = 0
    if photos is not None:
        _bench_photos(photos, packs, every, modules, speed, device, threads, misses, plots, as_json, data_dir)
    if clips is not None:
        for name in packs:
            typer.echo(f"{name}: clips")
            code |= bench_clips(["--pack", name, "--clips", str(clips), "--data-dir", str(data_dir)])
    raise typer.Exit(code)


def _bench_photos(
    photos: Path,
    packs: list[str],
    every: int,
    modules: str,
    speed: bool,
    device: str,
    threads: int,
    misses: bool,
    plots: Path | None,
    as_json: bool,
    data_dir: Path,
) -> None:
    from inference.bench import SET_MODULES, read_labels  # noqa: PLC0415
    from inference.bench_plots import write_plots  # noqa: PLC0415
    from inference.bench_report import lines, run  # noqa: PLC0415
    from inference.errors import InferenceError  # noqa: PLC0415

    codes = tuple(code.strip() for code in modules.split(",") if code.strip())
    try:
        labels = read_labels(photos)[::every]
        by_set = {label.group: codes for label in labels} if codes else SET_MODULES
        report = run(
            packs,
            labels,
            modules=by_set,
            device=device,
            threads=threads,
            data_dir=data_dir,
            speed=speed,
            say=lambda text: typer.echo(text, err=True),
        )
        if plots is not None:
            for path in write_plots(report, plots):
                typer.echo(f"wrote {path}", err=True)
    except (InferenceError, OSError, KeyError) as error:
        fail(str(error))
    if as_json:
        typer.echo(json.dumps(report.as_json()))
    else:
        for line in lines(report, misses=misses):
            typer.echo(line)
