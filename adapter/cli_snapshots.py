"""More of `onvif-lpr camera`: take, snapshots, validate, autoconfigure, funnel. They join those of `cli_data`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.table import Table

from adapter.auto_capture import MOST_HOURS, MOST_VEHICLES
from adapter.cli_common import connect, console, content_of, fail, note
from adapter.cli_data import _camera, camera_app
from adapter.client import LONG_WORK_S
from inference.funnel import CURES
from inference.types import RejectionReason

__all__ = ["camera_app"]


@camera_app.command("take")
def take(context: typer.Context, name: str) -> None:
    """Keep the newest live picture as a snapshot."""
    service = connect(context)
    kept = service.call("POST", f"/cameras/{_camera(service, name)['camera_id']}/snapshots/take")
    console.print(f"kept {kept['name']}")


@camera_app.command("auto-capture")
def auto_capture(
    context: typer.Context,
    name: str,
    vehicles: Annotated[
        int | None, typer.Option(min=1, max=MOST_VEHICLES, help="Start: keep a snapshot of each of so many vehicles.")
    ] = None,
    hours: Annotated[
        float | None,
        typer.Option(min=0.1, max=MOST_HOURS, help="End it after so long at the latest; 24 unless given."),
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="End it; its snapshots stay.")] = False,
) -> None:
    """Keep snapshots of the vehicles that pass, to be approved later; without options say how far it is."""
    if stop and vehicles is not None:
        fail("give either --vehicles or --stop")
    if hours is not None and vehicles is None:
        fail("--hours limits a capture that begins; give --vehicles with it")
    service = connect(context)
    path = f"/cameras/{_camera(service, name)['camera_id']}/auto-capture"
    if stop:
        service.call("DELETE", path)
        console.print("ended; see `onvif-lpr camera snapshots`")
        return
    if vehicles is not None:
        service.call("PUT", path, json={"vehicles": vehicles} | ({"hours": hours} if hours is not None else {}))
    state = service.call("GET", path)
    if state is None:
        console.print("not started; start it with --vehicles N")
        return
    until = "" if state["ended"] else f", until {state['until'][:16].replace('T', ' ')} UTC at the latest"
    console.print(f"{state['taken']} of {state['wanted']} vehicles captured{until}")
    if state["ended"]:
        console.print(state["ended"])


@camera_app.command("snapshots")
def snapshots(
    context: typer.Context,
    name: str,
    add: Annotated[list[Path] | None, typer.Option(help="Import a JPEG or PNG. Repeatable.")] = None,
    approve: Annotated[str, typer.Option(help="Approve this snapshot; without --plate as it is read.")] = "",
    plate: Annotated[list[str] | None, typer.Option(help="The true plate of the approved one. Repeatable.")] = None,
    reject: Annotated[str, typer.Option(help="Reject this snapshot.")] = "",
) -> None:
    """Import, approve or reject snapshots, and show them all."""
    if plate and not approve:
        fail("--plate tells what an approved snapshot shows; give --approve with it")
    service = connect(context)
    every = f"/cameras/{_camera(service, name)['camera_id']}/snapshots"
    for file in add or ():
        service.call("POST", every, data=content_of(file))
    if approve:
        body: dict[str, Any] = {"approval": "approved"} | ({"plates": plate} if plate else {})
        service.call("PATCH", f"{every}/{quote(approve, safe='')}", json=body)
    if reject:
        service.call("PATCH", f"{every}/{quote(reject, safe='')}", json={"approval": "rejected"})
    answer = service.call("GET", every)
    table = Table("snapshot", "state", "plates", "light", "weather", "vehicle")
    for row in answer["snapshots"]:
        tags = (row[tag] or "" for tag in ("light", "weather", "vehicle"))
        table.add_row(row["name"], row["approval"], ", ".join(row["plates"]), *tags)
    console.print(table)
    for hint in answer["coverage"]["hints"]:
        note(hint)


@camera_app.command("validate")
def validate(context: typer.Context, name: str) -> None:
    """Read all approved snapshots and compare with their plates."""
    service = connect(context)
    path = f"/cameras/{_camera(service, name)['camera_id']}/validate"
    answer = service.call("POST", path, json={}, within_s=LONG_WORK_S)
    table = Table("snapshot", "correct", "wrong", "missed", "why")
    for row in answer["results"]:
        wrong = ", ".join(f"{plate} read as {text}" for plate, text in row["wrong"])
        table.add_row(row["name"], ", ".join(row["correct"]), wrong, ", ".join(row["missed"]), row["reason"])
    console.print(table)
    _figures("License plates", answer)
    for advice in answer["advice"]:
        note(advice)
    if answer["thresholds"]:
        suggested = answer["thresholds"]
        console.print(
            f"suggested: discard below {suggested['discard_below']:.2f}, stop above {suggested['stop_above']:.2f} "
            f"({suggested['why']})"
        )


@camera_app.command("autoconfigure")
def autoconfigure(
    context: typer.Context,
    name: str,
    apply: Annotated[bool, typer.Option("--apply", help="Store it; overwrites manual changes.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Put back what the last --apply overwrote.")] = False,
) -> None:
    """Find area, character heights, preset and thresholds from the approved snapshots."""
    if apply and undo:
        fail("give either --apply or --undo")
    service = connect(context)
    path = f"/cameras/{_camera(service, name)['camera_id']}/autoconfigure"
    if undo:
        service.call("POST", path + "/undo")
        console.print("the former settings are back")
        return
    answer = service.call("POST", path, json={"apply": apply}, within_s=LONG_WORK_S)
    table = Table("setting", "before", "after")
    for key, old in answer["old"].items():
        table.add_row(key, str(old), str(answer["new"][key]))
    console.print(table)
    _figures("before", answer["before"])
    _figures("after", answer["after"])
    for one in answer["notes"]:
        note(one)
    if not answer["applied"]:
        console.print("Nothing was changed." if not answer["changed"] else "Nothing was changed; add --apply to do it.")


@camera_app.command("funnel")
def funnel(context: typer.Context, name: str) -> None:
    """Where plates get lost, hour by hour, and what can be done about it."""
    service = connect(context)
    stages = ("frames", "motion", "without_plate", "found", "read", "accepted", "matched", "delivered")
    titles = (stage.replace("_", " ") for stage in stages)
    table = Table("hour", *titles, "ms/frame", "result after", "refused")
    refused: Counter[str] = Counter()
    for row in service.call("GET", f"/cameras/{_camera(service, name)['camera_id']}/funnel"):
        refused.update(row["rejected"])
        reasons = ", ".join(f"{reason} {count}" for reason, count in row["rejected"].items())
        average = "" if row["average_ms"] is None else f"{row['average_ms']:.0f}"
        delay = "" if row["average_delay_ms"] is None else f"{row['average_delay_ms'] / 1000:.1f} s"
        table.add_row(row["starts_at"][:13], *(str(row[stage]) for stage in stages), average, delay, reasons)
    console.print(table)
    for reason, count in refused.most_common():
        console.print(f"{reason} {count}: {CURES[RejectionReason(reason)]}", soft_wrap=True, highlight=False)


def _figures(title: str, one: dict[str, Any]) -> None:
    likelihood = one["average_likelihood_percent"]
    console.print(
        f"{title}: {one['summary']} detected, {one['correct']} correct, {one['wrong']} wrong, {one['extra']} extra; "
        f"average {'-' if likelihood is None else likelihood} %, {one['average_ms']} ms"
    )
