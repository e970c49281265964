"""`onvif-lpr camera settings | set`: one camera's recognition settings, shown with their cost and changed live.

They join the commands of `cli_snapshots`.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from adapter.cli_common import connect, console, fail, note
from adapter.cli_data import _camera
from adapter.cli_snapshots import camera_app
from adapter.setting_catalog import shown

__all__ = ["camera_app"]


@camera_app.command("settings")
def settings(context: typer.Context, name: str, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Every recognition setting with value, default, unit, range, effect and cost; what it costs this camera."""
    service = connect(context)
    state = service.call("GET", f"/cameras/{_camera(service, name)['camera_id']}/recognition-settings")
    if as_json:
        typer.echo(json.dumps(state, indent=2))
        return
    table = Table("setting", "value", "default", "unit", "range", "effect", "cost", show_lines=True)
    for one in state["settings"]:
        info = one["info"]
        value = shown(one["value"])
        table.add_row(
            info["name"],
            value if one["is_default"] else Text(value, style="bold"),
            shown(info["default"]),
            info["unit"],
            info["range"],
            info["effect"],
            info["cost"],
        )
    console.print(table)
    _show_cost(state)


@camera_app.command("set")
def set_(
    context: typer.Context,
    name: str,
    changes: Annotated[
        list[str] | None, typer.Argument(help="key=value, like max_fps=6 or preset=fast; key= is the default.")
    ] = None,
    verify_tls: Annotated[
        bool | None, typer.Option(help="Whether to check the certificate of an https:// address; it connects anew.")
    ] = None,
) -> None:
    """Change recognition settings of a running camera; the others stay as they are."""
    if not changes and verify_tls is None:
        fail("give a change, like max_fps=6, or --no-verify-tls")
    recognition = dict(_parsed(change) for change in changes or ())
    body = {"recognition": recognition or None, "verify_tls": verify_tls}
    service = connect(context)
    path = f"/cameras/{_camera(service, name)['camera_id']}"
    service.call("PATCH", path, json={key: value for key, value in body.items() if value is not None})
    if verify_tls is not None:
        console.print(f"the certificate is {'checked' if verify_tls else 'not checked'} (the camera is connected anew)")
    if not recognition:
        return
    state = service.call("GET", f"{path}/recognition-settings")
    values = {one["info"]["name"]: one for one in state["settings"]}
    for key in recognition:
        one = values[key]
        how = "at once" if one["info"]["live"] else "the stream is opened again"
        console.print(f"{key}: {shown(one['value'])} {one['info']['unit']}".rstrip() + f" ({how})")
    _show_cost(state)


def _parsed(change: str) -> tuple[str, Any]:
    """`key=value`; a value that is no JSON is a word, an empty one puts the default back."""
    key, equals, text = change.partition("=")
    if not (equals and key.strip()):
        fail(f"{change!r} is no change; write key=value, like max_fps=6")
    if not text.strip():
        return key.strip(), None
    try:
        return key.strip(), json.loads(text)
    except (ValueError, RecursionError):
        return key.strip(), text.strip()


def _show_cost(state: dict[str, Any]) -> None:
    cost = state["cost"]
    if cost["looks"]:
        table = Table("preset", "ms per look", "of a core, average", "of a core, vehicle in view", "")
        for load in cost["loads"]:
            if load["ms_per_look"] is not None:
                shares = (f"{load[key] * 100:.0f} %" for key in ("core_share_average", "core_share_busy"))
                how = "measured" if load["measured"] else "estimated"
                table.add_row(load["preset"], f"{load['ms_per_look']:.0f}", *shares, how)
        console.print(table)
    for one in (*cost["notes"], state["validation"]["prompt"]):
        if one:
            note(one)
