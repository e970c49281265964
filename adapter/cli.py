"""`onvif-lpr`: the service, and everything a person does to it from a shell."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from adapter import cli_bench, cli_data, cli_models, cli_suitability, cli_worker
from adapter.cli_common import connect, console, errors, fail, log_to_stderr, settings_from
from adapter.settings import Settings

app = typer.Typer(
    help="Turns any ONVIF or RTSP camera into a licence-plate camera for any VMS.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(cli_suitability.camera_app, name="camera")
app.add_typer(cli_data.list_app, name="list")
app.add_typer(cli_data.output_app, name="output")
app.add_typer(cli_models.modules_app, name="modules")
app.add_typer(cli_models.models_app, name="models")
app.command("read")(cli_models.read)
app.command("bench")(cli_bench.bench)
app.command("worker")(cli_worker.worker)


@app.callback()
def main_options(
    context: typer.Context,
    settings: Annotated[
        Path | None, typer.Option("--settings", envvar="ONVIF_LPR_SETTINGS", help="Settings file (TOML).")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Data folder; overrides the settings.")] = None,
) -> None:
    """Options that stand before the command."""
    context.obj = {"settings": settings, "data_dir": data_dir}


@app.command()
def serve(
    context: typer.Context,
    http_port: Annotated[int | None, typer.Option(help="Console and API; 0 takes a free port.")] = None,
    onvif_port: Annotated[int | None, typer.Option(help="ONVIF face; 0 takes a free port.")] = None,
    rtsp_port: Annotated[int | None, typer.Option(help="Metadata stream; 0 takes a free port.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    discovery: Annotated[bool | None, typer.Option(help="Answer WS-Discovery.")] = None,
) -> None:
    """Run the service until SIGTERM or Ctrl-C. Prints its addresses as one line of JSON when it is ready."""
    given = {
        "http_port": http_port,
        "onvif_port": onvif_port,
        "rtsp_port": rtsp_port,
        "host": host,
        "discovery": discovery,
    }
    settings = settings_from(context, **{key: value for key, value in given.items() if value is not None})
    log_to_stderr(settings)
    raise typer.Exit(asyncio.run(_serve(settings)))


async def _serve(settings: Settings) -> int:
    # The service pulls in models, decoders and SOAP; other commands start faster without them.
    from adapter.service import running  # noqa: PLC0415
    from adapter.store.errors import StoreError  # noqa: PLC0415
    from inference.errors import InferenceError  # noqa: PLC0415

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with running(settings) as service:
            _tell_first_start(service.first)
            ready = {
                "console": service.console_url,
                "onvif": service.onvif_url,
                "rtsp": service.rtsp_url,
                "data": str(settings.data),
            }
            typer.echo(json.dumps(ready))
            await stop.wait()
    except (StoreError, InferenceError, OSError) as error:
        errors.print(Text.assemble(("The service cannot run:", "red"), f" {error}"))
        return 2
    return 0


def _tell_first_start(first: Any) -> None:
    """Once, on the terminal, never in the log."""
    if first.administrator_password:
        typer.echo("First start. Sign in to the console once with this one-time password:", err=True)
        typer.echo(f"    {first.administrator}  {first.administrator_password}", err=True)
    if first.vms_password:
        typer.echo("A VMS adds this device over ONVIF with:", err=True)
        typer.echo(f"    vms  {first.vms_password}", err=True)


@app.command()
def status(context: typer.Context, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """The LPR server's name, status, load and cameras."""
    answer = connect(context).call("GET", "/status")
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
        return
    console.print(Text.assemble((answer["name"], "bold"), f" ({answer['host_name']}): {answer['status']}"))
    console.print(
        f"up {answer['uptime_s'] / 3600:.1f} h, CPU {answer['cpu_percent']:.0f} %, "
        f"{answer['memory_available_mb']:.0f} MB free, {answer['recognized']} plates recognised"
    )
    table = Table("camera", "state", "recognised", "frames missed", "result after", "detail")
    for camera in answer["cameras"]:
        delay = "" if camera["result_delay_s"] is None else f"{camera['result_delay_s']:.1f} s"
        figures = (str(camera["recognized"]), str(camera["frames_missed"]), delay)
        table.add_row(camera["name"], camera["state"], *figures, camera["detail"])
    console.print(table)


@app.command()
def discover(
    address: Annotated[
        list[str] | None,
        typer.Option(help="IP or IP:PORT to ask directly, with its port of WS-Discovery (UDP 3702). Repeatable."),
    ] = None,
    subnet: Annotated[list[str] | None, typer.Option(help="Network to sweep, like 192.0.2.0/24. Repeatable.")] = None,
    timeout: Annotated[float, typer.Option(min=0.5, max=60, help="Seconds to listen.")] = 3.0,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Find ONVIF cameras in the network."""
    from onvif_client.discovery import discover as probe  # noqa: PLC0415
    from onvif_client.errors import CameraError  # noqa: PLC0415

    try:
        found = asyncio.run(probe(timeout_s=timeout, addresses=address or (), subnets=subnet or ()))
    except CameraError as error:
        fail(str(error))
    rows = [
        {"name": device.name or "", "hardware": device.hardware or "", "address": (device.xaddrs or ("",))[0]}
        for device in found
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        console.print(
            "No camera answered. Multicast does not cross routers: try --subnet, or --address of a camera you know."
        )
    table = Table("name", "hardware", "address")
    for row in rows:
        table.add_row(row["name"], row["hardware"], row["address"])
    console.print(table)


def main() -> None:
    """Console script `onvif-lpr`."""
    os.environ.setdefault("OPENVINO_TELEMETRY", "0")
    app()
