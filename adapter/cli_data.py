"""`onvif-lpr camera | list | output`: the data of the running service."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit, urlunsplit

import typer
from rich.table import Table
from rich.text import Text

from adapter.cli_common import _Failing, connect, console, content_of, fail, note, save
from events.types import EVENT_KINDS

camera_app = typer.Typer(help="Cameras.", no_args_is_help=True)
list_app = typer.Typer(help="Match lists.", no_args_is_help=True)
output_app = typer.Typer(help="Where events are sent.", no_args_is_help=True)


def _by_name(rows: list[dict[str, Any]], name: str, kind: str, key: str) -> dict[str, Any]:
    for row in rows:
        if name in {row["name"], row[key]}:
            return row
    known = ", ".join(row["name"] for row in rows) or "none"
    fail(f"there is no {kind} named {name!r}; there is: {known}")


def _camera(service: _Failing, name: str) -> dict[str, Any]:
    return _by_name(service.call("GET", "/cameras"), name, "camera", "camera_id")


@camera_app.command("add")
def camera_add(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="ONVIF address (http://HOST[:PORT]) or stream (rtsp://...).")],
    name: Annotated[str, typer.Option(help="How people will call it.")],
    user: Annotated[str, typer.Option(help="Login of the camera.")] = "",
    password: Annotated[
        str, typer.Option(envvar="CAMERA_PASSWORD", help="Better given in the environment: CAMERA_PASSWORD.")
    ] = "",
    modules: Annotated[str, typer.Option(help="Country modules, like D,NL,B. None: all that are installed.")] = "",
    verify_tls: Annotated[
        bool, typer.Option(help="Whether to check the certificate of an https:// address; cameras make their own.")
    ] = True,
    max_speed: Annotated[
        float | None, typer.Option(min=1, max=300, help="km/h: also tune the camera for plates at this speed.")
    ] = None,
) -> None:
    """Add a camera, and with --max-speed tune it. A login inside the address is used and taken out of it."""
    service = connect(context)
    bare, url_user, url_password = _without_login(address if "://" in address else f"http://{address}")
    body = {
        "name": name,
        "address": bare,
        "user": user or url_user,
        "password": password or url_password or None,
        "modules": [code.strip() for code in modules.split(",") if code.strip()],
        "verify_tls": verify_tls,
    }
    added = service.call("POST", "/cameras", json=body)
    console.print(f"added {added['name']} ({added['camera_id']})")
    if max_speed is not None:
        camera_tune(context, name=added["camera_id"], max_speed=max_speed, apply=True)


def _without_login(address: str) -> tuple[str, str, str]:
    """The address of `rtsp://user:password@host/`, the user and the password: only the first is shown and logged."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address, "", ""  # the service says what is wrong with it
    login, _, host = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    return urlunsplit(parts._replace(netloc=host)), unquote(user), unquote(password)


@camera_app.command("list")
def camera_list(context: typer.Context) -> None:
    """All cameras."""
    service = connect(context)
    health = {camera["camera_id"]: camera for camera in service.call("GET", "/status")["cameras"]}
    table = Table("name", "address", "modules", "state", "detail")
    for camera in service.call("GET", "/cameras"):
        state = health.get(camera["camera_id"], {})
        table.add_row(
            camera["name"],
            camera["address"],
            ",".join(camera["modules"]) or "all",
            state.get("state", "?"),
            state.get("detail", ""),
        )
    console.print(table)


@camera_app.command("remove")
def camera_remove(context: typer.Context, name: str) -> None:
    """Stop and forget a camera; its events stay until retention removes them."""
    service = connect(context)
    service.call("DELETE", f"/cameras/{_camera(service, name)['camera_id']}")
    console.print(f"removed {name}")


@camera_app.command("test")
def camera_test(context: typer.Context, name: str) -> None:
    """Connect anew and say what the camera is and how it let us in."""
    service = connect(context)
    for key, value in service.call("POST", f"/cameras/{_camera(service, name)['camera_id']}/test").items():
        console.print(f"{key}: {value}")


@camera_app.command("tune")
def camera_tune(
    context: typer.Context,
    name: str,
    max_speed: Annotated[
        float | None, typer.Option(min=1, max=300, help="The fastest vehicle to be read, km/h.")
    ] = None,
    area_width: Annotated[
        float | None, typer.Option(help="Width in view where plates are read, cm; chooses the resolution.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Send it; without this the plan is only shown.")] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Put the camera back as it was before its first tuning.")
    ] = False,
) -> None:
    """Plan the camera's settings for plates; with --apply send them and read them back, with --rollback undo that."""
    if rollback == (max_speed is not None) or (rollback and (apply or area_width is not None)):
        fail("give either --max-speed, with or without --area-width and --apply, or --rollback")
    service = connect(context)
    camera_id = _camera(service, name)["camera_id"]
    if rollback:
        answer = service.call("POST", f"/cameras/{camera_id}/tune/rollback")
        _print_applied(answer["applied"], title="What the camera was put back to")
        if not answer["complete"]:
            fail("the camera did not take all of it back; try again, or set the rest by hand")
        return
    body = {"max_speed_kmh": max_speed, "area_width_cm": area_width, "apply": apply}
    answer = service.call("POST", f"/cameras/{camera_id}/tune", json=body)
    table = Table("setting", "now", "wanted", "why", title="The plan", title_justify="left")
    for change in answer["changes"]:
        table.add_row(change["field"], change["current"], change["desired"], change["reason"])
    console.print(table if answer["changes"] else "The camera is set as it should be.")
    for warning in answer["warnings"]:
        note(warning)
    _print_help(answer)
    if answer["applied"]:
        _print_applied(answer["applied"], title="What the camera made of it")


def _print_help(answer: dict[str, Any]) -> None:
    """What the three knobs of the exposure do, and what no setting can mend."""
    exposure = Table("", "was", "does", "costs", title="Exposure, in the order it is set", title_justify="left")
    for knob in answer["knobs"]:
        exposure.add_row(knob["name"], knob["now"], knob["does"], knob["costs"])
    console.print(exposure)
    for item in answer["checklist"]:
        console.print(Text.assemble(("check:", "bold"), f" {item}"))


def _print_applied(rows: list[dict[str, Any]], *, title: str) -> None:
    done = Table("setting", "asked", "got", "", title=title, title_justify="left")
    for row in rows:
        differs = Text("differs", style="red")
        done.add_row(row["field"], str(row["asked"]), str(row["got"]), "ok" if row["ok"] else differs)
    console.print(done)


@camera_app.command("snapshot")
def camera_snapshot(context: typer.Context, name: str, file: Path) -> None:
    """Save the newest picture as JPEG."""
    service = connect(context)
    save(file, service.call("GET", f"/cameras/{_camera(service, name)['camera_id']}/snapshot.jpg"))


def _list(service: _Failing, name: str) -> dict[str, Any]:
    return _by_name(service.call("GET", "/lists"), name, "list", "list_id")


@list_app.command("add")
def list_add(
    context: typer.Context,
    name: str,
    kind: Annotated[
        str | None, typer.Option(help="allow, deny, watch or neutral; a new list is watch unless told otherwise.")
    ] = None,
    plate: Annotated[list[str] | None, typer.Option(help="A plate or pattern with ? and *. Repeatable.")] = None,
) -> None:
    """Make a match list, or put plates into one that exists."""
    service = connect(context)
    found = next((row for row in service.call("GET", "/lists") if row["name"] == name), None)
    # A plate that was to be denied must not get into a list that opens the gate.
    if found is not None and kind not in {None, found["kind"]}:
        fail(f"the list {name} is of the kind {found['kind']}, not {kind}; nothing was added")
    found = found or service.call("POST", "/lists", json={"name": name, "kind": kind or "watch"})
    for pattern in plate or ():
        service.call("POST", f"/lists/{found['list_id']}/entries", json={"pattern": pattern})
    console.print(f"list {name}: {len(plate or ())} plates added")


@list_app.command("show")
def list_show(context: typer.Context) -> None:
    """All match lists."""
    table = Table("name", "kind", "policy", "plates", "cameras")
    for row in connect(context).call("GET", "/lists"):
        table.add_row(
            row["name"], row["kind"], row["policy"], str(row["entry_count"]), ",".join(row["camera_ids"]) or "all"
        )
    console.print(table)


@list_app.command("import")
def list_import(
    context: typer.Context,
    name: str,
    file: Path,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the list instead of adding to it.")] = False,
    confirm: Annotated[bool, typer.Option("--yes", help="Do it; without this the outcome is only shown.")] = False,
) -> None:
    """Import plates from a .txt or .csv file; shows what would happen unless --yes is given.

    Times in valid_from and valid_until are UTC unless they tell their offset, as in 2026-05-31T18:00+02:00. A day
    alone begins and ends in UTC.
    """
    content = content_of(file)
    service = connect(context)
    answer = service.call(
        "POST",
        f"/lists/{_list(service, name)['list_id']}/import",
        params={
            "format": "csv" if file.suffix.lower() == ".csv" else "txt",
            "mode": "replace" if replace else "add",
            "confirm": "true" if confirm else "false",
        },
        data=content,
    )
    verb = "done" if answer["applied"] else "would be"
    console.print(
        f"{verb}: {answer['added']} added, {answer['updated']} updated, {answer['unchanged']} unchanged, "
        f"{answer['removed']} removed, {answer['rejected_count']} rejected"
    )
    for row in answer["rejected"]:
        console.print(f"  line {row['line']}: {row['text']!r}: {row['reason']}")
    if not answer["applied"]:
        console.print("Nothing was changed; add --yes to do it.")


@list_app.command("export")
def list_export(
    context: typer.Context,
    name: str,
    file: Annotated[Path | None, typer.Argument(help="A .txt or .csv file; none: standard output as CSV.")] = None,
) -> None:
    """Export a list with its custom fields."""
    service = connect(context)
    kind = "txt" if file is not None and file.suffix.lower() == ".txt" else "csv"
    content: bytes = service.call("GET", f"/lists/{_list(service, name)['list_id']}/export", params={"format": kind})
    if file is None:
        sys.stdout.buffer.write(content)
    else:
        save(file, content)


@output_app.command("add")
def output_add(
    context: typer.Context,
    name: str,
    url: str,
    kind: Annotated[list[str] | None, typer.Option(help="Event kind to send, like AlarmRaised. None: all.")] = None,
) -> None:
    """Add a webhook. Prints the secret that signs it, this once."""
    for name_of_kind in kind or ():
        if name_of_kind not in EVENT_KINDS:
            fail(f"there is no kind of event {name_of_kind!r}; there are: {', '.join(EVENT_KINDS)}")
    answer = connect(context).call("POST", "/outputs", json={"name": name, "url": url, "event_kinds": kind or []})
    console.print(f"added {name}; it is signed with this secret:")
    typer.echo(answer["secret"])


@output_app.command("list")
def output_list(context: typer.Context) -> None:
    """All outputs and what they are owed."""
    table = Table("name", "url", "pending", "parked", "delivered", "error")
    for row in connect(context).call("GET", "/outputs"):
        figures = [str(row[name]) for name in ("pending", "parked", "delivered")]
        table.add_row(row["name"], row["url"], *figures, row["error"])
    console.print(table)
