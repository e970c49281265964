"""`onvif-lpr read | bench | modules | models`: reading without a service."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from adapter.cli_common import console, fail

modules_app = typer.Typer(help="Country modules.", no_args_is_help=True)
models_app = typer.Typer(help="Model packs.", no_args_is_help=True)

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}
VIDEOS = {".mp4", ".mkv", ".avi", ".mov", ".ts", ".webm", ".m4v"}
# A picture of more than this many pixels is not from a camera; decoding it could take all the memory.
MOST_PIXELS = 100_000_000


def read(
    paths: Annotated[list[Path], typer.Argument(help="Pictures, videos, or folders of them.")],
    pack: Annotated[str, typer.Option(help="Model pack.")] = "ppocr",
    modules: Annotated[str, typer.Option(help="Country modules, like D,NL,B. None: all that are installed.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per picture or vehicle.")] = False,
    device: Annotated[str, typer.Option(help="OpenVINO device.")] = "CPU",
    threads: Annotated[int, typer.Option(min=1, max=64)] = 2,
) -> None:
    """Read the plates in pictures and videos."""
    from inference.errors import InferenceError  # noqa: PLC0415 - loading OpenVINO only when it is needed
    from inference.recognition import RecognitionSettings  # noqa: PLC0415
    from inference.recognizer import open_recognizer  # noqa: PLC0415

    codes = tuple(code.strip() for code in modules.split(",") if code.strip())
    settings = RecognitionSettings(modules=codes, max_seconds_per_frame=None)
    files = list(_files(paths))
    if not files:
        fail("no pictures or videos there")
    try:
        recognizer = open_recognizer(pack, device=device, threads=threads)
        rows = _rows(files, recognizer, settings)
        if as_json:
            for row in rows:
                typer.echo(json.dumps(row))
        else:
            _show(rows)
    except InferenceError as error:
        fail(str(error))


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.suffix.lower() in PICTURES | VIDEOS)
        elif path.is_file():
            yield path
        else:
            fail(f"{path} does not exist")


def _rows(files: list[Path], recognizer: Any, settings: Any) -> Iterator[dict[str, Any]]:
    from inference.video import read_video  # noqa: PLC0415

    for file in files:
        if file.suffix.lower() in VIDEOS:
            for vehicle in read_video(file, recognizer, settings):
                yield vehicle.as_json()
        else:
            yield _read_picture(file, recognizer, settings)


def _read_picture(file: Path, recognizer: Any, settings: Any) -> dict[str, Any]:
    import cv2  # noqa: PLC0415

    try:
        picture = cv2.imread(str(file), cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None or picture.shape[0] * picture.shape[1] > MOST_PIXELS:
        reason = "not a picture that can be decoded" if picture is None else "more pixels than any camera has"
        return {"file": str(file), "ms": 0.0, "plates": [], "error": reason}
    started = time.perf_counter()
    recognition = recognizer.recognize(picture, settings)
    spent_ms = (time.perf_counter() - started) * 1000
    return {
        "file": str(file),
        "ms": round(spent_ms, 2),
        "plates": [
            {
                "text": reading.plate.plate_number,
                "likelihood": round(reading.likelihood, 4),
                "country": reading.plate.country_code,
                "box": [round(v, 1) for v in (reading.box.x, reading.box.y, reading.box.width, reading.box.height)],
            }
            for reading in recognition.readings
        ],
    }


def _show(rows: Iterator[dict[str, Any]]) -> None:
    table = Table("file", "plate", "country", "likelihood", "ms or seconds")
    for row in rows:
        name = Path(row["file"]).name
        if "plates" not in row:
            span = f"{row['start_s']:.1f}-{row['end_s']:.1f} s"
            table.add_row(name, row["text"], row["country"] or "?", f"{row['likelihood']:.2f}", span)
        elif row["plates"]:
            for plate in row["plates"]:
                likelihood = f"{plate['likelihood']:.2f}"
                table.add_row(name, plate["text"], plate["country"] or "?", likelihood, f"{row['ms']:.0f}")
        else:
            table.add_row(name, f"[dim]{row.get('error', 'no plate')}[/dim]", "", "", f"{row['ms']:.0f}")
    console.print(table)


def bench(
    context: typer.Context,
    photos: Annotated[Path | None, typer.Option(help="Folder of labelled photos (labels.csv).")] = None,
    clips: Annotated[Path | None, typer.Option(help="Folder of labelled clips (labels.csv).")] = None,
    pack: Annotated[str, typer.Option()] = "ppocr",
) -> None:
    """Measure accuracy and speed on labelled photos and clips."""
    from inference import bench as photo_bench  # noqa: PLC0415
    from inference import bench_video  # noqa: PLC0415

    if photos is None and clips is None:
        fail("nothing to measure: give --photos DIR or --clips DIR")
    code = 0
    if photos is not None:
        code |= photo_bench.main(["--pack", pack, "--photos", str(photos)])
    if clips is not None:
        code |= bench_video.main(["--pack", pack, "--clips", str(clips)])
    raise typer.Exit(code)


@modules_app.command("list")
def modules_list() -> None:
    """All country modules."""
    from inference.modules import installed_modules  # noqa: PLC0415

    table = Table("code", "ISO", "country or region", "priority")
    for code, module in sorted(installed_modules().items()):
        table.add_row(code, module.iso or "-", module.name, str(module.priority))
    console.print(table)


@modules_app.command("check")
def modules_check(files: list[Path]) -> None:
    """Say what is wrong with country module files and how to mend it."""
    from inference.modules import check_module  # noqa: PLC0415

    wrong = False
    for file in files:
        problems = check_module(file)
        wrong = wrong or bool(problems)
        for problem in problems:
            console.print(f"[red]{file.name}:[/red] {problem}", highlight=False)
        if not problems:
            console.print(f"{file.name}: ok")
    raise typer.Exit(1 if wrong else 0)


@models_app.command("list")
def models_list() -> None:
    """The model packs and their licences."""
    from inference.packs import describe_pack, pack_names  # noqa: PLC0415

    table = Table("pack", "licence", "what")
    for name in pack_names():
        described = describe_pack(name)
        table.add_row(name, described.licence, described.title)
    console.print(table)


@models_app.command("install")
def models_install(
    name: str, source: Annotated[Path, typer.Option("--from", help="Folder that holds the weights.")]
) -> None:
    """Install a pack's weights after checking their checksums."""
    from inference.errors import InferenceError  # noqa: PLC0415
    from inference.packs import install_pack  # noqa: PLC0415

    try:
        described = install_pack(name, source_dir=source)
    except InferenceError as error:
        fail(str(error))
    console.print(f"installed {name} (licence {described.licence})")
