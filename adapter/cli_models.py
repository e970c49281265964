"""`onvif-lpr read | modules | models`: reading without a service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from adapter.cli_common import console, fail, printable, settings_from, tell

modules_app = typer.Typer(help="Country modules.", no_args_is_help=True)
models_app = typer.Typer(help="Model packs.", no_args_is_help=True)

VIDEOS = {".mp4", ".mkv", ".avi", ".mov", ".ts", ".webm", ".m4v"}


def read(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Pictures, videos, or folders of them.")],
    pack: Annotated[str, typer.Option(help="Model pack.")] = "own",
    modules: Annotated[str, typer.Option(help="Country modules, like D,NL,B. None: all that are installed.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per picture or vehicle.")] = False,
    device: Annotated[str, typer.Option(help="OpenVINO device.")] = "CPU",
    threads: Annotated[int, typer.Option(min=1, max=64)] = 2,
) -> None:
    """Read the plates in pictures and videos."""
    from inference.errors import InferenceError  # noqa: PLC0415 - loading OpenVINO only when needed
    from inference.module_library import ModuleLibrary  # noqa: PLC0415
    from inference.read import FILE_SETTINGS  # noqa: PLC0415
    from inference.recognizer import open_recognizer  # noqa: PLC0415

    codes = tuple(code.strip() for code in modules.split(",") if code.strip())
    settings = replace(FILE_SETTINGS, modules=codes)
    files = list(_files(paths))
    if not files:
        fail("no pictures or videos there")
    data_dir = settings_from(context).data
    try:
        for notice in ModuleLibrary.open(data_dir).notices:
            tell(notice)
        recognizer = open_recognizer(pack, device=device, threads=threads, data_dir=data_dir)
        recognizer.check(settings)
        rows = _rows(files, recognizer, settings)
        if as_json:
            for row in rows:
                typer.echo(json.dumps(row))
        else:
            _show(rows)
    except InferenceError as error:
        fail(str(error))


def _files(paths: list[Path]) -> Iterator[Path]:
    from inference.read import PICTURE_SUFFIXES  # noqa: PLC0415

    for path in paths:
        if path.is_dir():
            kinds = PICTURE_SUFFIXES | VIDEOS
            yield from sorted(f for f in path.rglob("*") if f.suffix.lower() in kinds and f.is_file())
        elif path.is_file():
            yield path
        else:
            fail(f"{path} does not exist")


def _rows(files: list[Path], recognizer: Any, settings: Any) -> Iterator[dict[str, Any]]:
    from inference.errors import SourceError  # noqa: PLC0415
    from inference.read import read_paths  # noqa: PLC0415
    from inference.video import read_video  # noqa: PLC0415

    for file in files:
        if file.suffix.lower() in VIDEOS:
            try:
                for vehicle in read_video(file, recognizer, settings):
                    yield vehicle.as_json()
            except (SourceError, OSError) as error:
                # As with pictures: one that cannot be read does not end the others; what was read of it stays told.
                yield {"file": str(file), "error": str(error)}
        else:
            for result in read_paths([file], settings=settings, recognizer=recognizer):
                yield _picture_row(result)


def _picture_row(result: Any) -> dict[str, Any]:
    readings = result.recognition.readings if result.recognition else ()
    row = {
        "file": str(result.path),
        "ms": round(result.ms, 2),
        "plates": [
            {
                "text": reading.plate.plate_number,
                "spelling": reading.spelling,
                "likelihood": round(reading.likelihood, 4),
                "country": reading.plate.country_code,
                "box": [round(v, 1) for v in (reading.box.x, reading.box.y, reading.box.width, reading.box.height)],
            }
            for reading in readings
        ],
    }
    return row | ({"error": result.problem} if result.problem else {})


def _show(rows: Iterator[dict[str, Any]]) -> None:
    table = Table("file", "plate", "country", "likelihood", "ms or seconds")
    for row in rows:
        name = printable(Path(row["file"]).name)
        if "error" in row:
            table.add_row(name, Text(printable(row["error"]), style="dim"), "", "", "")
        elif "plates" not in row:
            span = f"{row['start_s']:.1f}-{row['end_s']:.1f} s"
            table.add_row(name, row["text"], row["country"] or "?", f"{row['likelihood']:.2f}", span)
        elif row["plates"]:
            for plate in row["plates"]:
                likelihood = f"{plate['likelihood']:.2f}"
                table.add_row(name, plate["spelling"], plate["country"] or "?", likelihood, f"{row['ms']:.0f}")
        else:
            table.add_row(name, Text("no plate", style="dim"), "", "", f"{row['ms']:.0f}")
    console.print(table)


@modules_app.command("list")
def modules_list(context: typer.Context) -> None:
    """All country modules: ours, and your own in the folder `modules` of the data folder."""
    from inference.module_library import ModuleLibrary  # noqa: PLC0415

    library = ModuleLibrary.open(settings_from(context).data)
    table = Table("code", "ISO", "country or region", "priority", "from")
    for code, module in sorted(library.modules.items()):
        origin = "own, replaces ours" if code in library.replaced else "own" if code in library.own else "built in"
        table.add_row(code, module.iso or "-", module.name, str(module.priority), origin)
    console.print(table)
    for notice in library.notices:
        tell(notice)


@modules_app.command("check")
def modules_check(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Module files. None: your own in the folder `modules` of the data folder."),
    ] = None,
) -> None:
    """Say what is wrong with country module files and how to mend it."""
    from inference.module_library import own_modules_folder  # noqa: PLC0415
    from inference.modules import check_module, installed_modules  # noqa: PLC0415

    folder = own_modules_folder(settings_from(context).data)
    chosen = files or sorted(folder.glob("*.toml"))
    if not chosen:
        fail(f"{folder} holds no country module; name a file to check, or put one there")
    wrong = False
    for file in chosen:
        problems = check_module(file)
        wrong = wrong or bool(problems)
        for problem in problems:
            console.print(Text.assemble((f"{printable(file.name)}:", "red"), f" {problem}"))
        if not problems:
            replaces = f"; in {folder} it replaces the built-in one" if file.stem in installed_modules() else ""
            console.print(f"{file.name}: ok{replaces}", highlight=False, soft_wrap=True)
    raise typer.Exit(1 if wrong else 0)


@models_app.command("list")
def models_list(context: typer.Context) -> None:
    """The model packs, a user's own included: their licences, and whether they can be used."""
    from inference.errors import InferenceError  # noqa: PLC0415
    from inference.packs import describe_pack, pack_names, pack_problem  # noqa: PLC0415

    data_dir = settings_from(context).data
    table = Table("pack", "licence", "what", "installed")
    for name in pack_names(data_dir):
        try:
            described = describe_pack(name, data_dir=data_dir)
        except InferenceError as error:
            table.add_row(name, "?", "?", f"no: {error}")
            continue
        problem = pack_problem(name, data_dir=data_dir)
        table.add_row(name, described.licence, described.title, f"no: {problem}" if problem else "yes")
    console.print(table)


@models_app.command("install")
def models_install(
    context: typer.Context,
    name: str,
    source: Annotated[
        str | None,
        typer.Option("--from", help="Folder that holds the weights, or a mirror's address. None: from the project."),
    ] = None,
) -> None:
    """Install a pack's weights after checking their checksums; without --from they are downloaded."""
    from inference.download import download_pack  # noqa: PLC0415
    from inference.errors import InferenceError  # noqa: PLC0415
    from inference.packs import describe_pack, install_pack  # noqa: PLC0415

    try:
        data_dir = settings_from(context).data
        described = describe_pack(name, data_dir=data_dir)
        console.print(f"{name}: {described.title}", highlight=False, soft_wrap=True)
        console.print(f"licence: {described.licence}", highlight=False)
        console.print(f"source: {described.source}", highlight=False, soft_wrap=True)
        if source is None or source.startswith(("http://", "https://")):
            download_pack(
                name,
                mirror=source,
                data_dir=data_dir,
                say=lambda text: console.print(text, highlight=False, soft_wrap=True),
            )
        else:
            install_pack(name, source_dir=Path(source), data_dir=data_dir)
    except (InferenceError, OSError) as error:
        fail(str(error))
    console.print(f"installed {name}")
