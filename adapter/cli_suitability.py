"""`onvif-lpr camera suitability`: how well a camera suits plates. It joins the commands of `cli_settings`."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from adapter.cli_common import connect, console, note
from adapter.cli_data import _camera
from adapter.cli_settings import camera_app

__all__ = ["camera_app"]

COLOURS = {"ok": "green", "warn": "yellow", "bad": "red", "unknown": "dim"}


@camera_app.command("suitability")
def suitability(
    context: typer.Context,
    name: str,
    every: Annotated[bool, typer.Option("--all", help="Every check, not only what decides a factor.")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """A score from 0 to 100, and for exposure, field of view, shutter, resolution and positioning what weakens it."""
    service = connect(context)
    report = service.call("GET", f"/cameras/{_camera(service, name)['camera_id']}/suitability")
    if as_json:
        typer.echo(json.dumps(report, indent=2))
        return
    score = "not known yet" if report["score"] is None else f"{report['score']} of 100"
    judged = f"; {report['judged']} of 5 factors judged by {report['basis'] or 'no plate yet'}"
    console.print(Text.assemble("suitability: ", (score, "bold"), ", ", _coloured(report["verdict"]), judged))
    table = Table("factor", *(["check"] if every else []), "verdict", "measured", "limit", "cause and cure")
    for judgement in report["judgements"]:
        for row in judgement["checks"] if every else [judgement]:
            table.add_row(
                judgement["factor"],
                *([row["name"]] if every else []),
                _coloured(row["verdict"]),
                row["measured"],
                row["limit"],
                f"{row['cause']} {row['cure']}".strip(),
            )
    console.print(table)
    for one in report["notes"]:
        note(one)


def _coloured(verdict: str) -> Text:
    return Text(verdict, style=COLOURS[verdict])
