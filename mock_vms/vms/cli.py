"""`mock-vms serve`: the judge as a process of its own. One JSON line on standard output says where it listens."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

from mock_vms.vms.failures import Failures
from mock_vms.vms.service import Settings, running

app = typer.Typer(
    help="A small VMS that adds ONVIF devices, receives signed webhooks and shows alarms.", no_args_is_help=True
)


@app.callback()
def top() -> None:
    """Keeps `serve` a word of its own."""


@app.command()
def serve(  # noqa: PLR0917  # typer reads the options from the signature
    data: Annotated[Path, typer.Option(envvar="MOCK_VMS_DATA", help="Where everything is kept.")] = Path(
        "mock-vms-data"
    ),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8090,
    token: Annotated[
        str | None, typer.Option(envvar="MOCK_VMS_TOKEN", help="Login; made up and kept when absent.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="No login; only on a loopback address.")] = False,
    webhook: Annotated[
        list[str] | None,
        typer.Option(envvar="MOCK_VMS_WEBHOOKS", help="NAME=SECRET, or NAME to have a secret made up. Repeatable."),
    ] = None,
    device: Annotated[list[str] | None, typer.Option(help="http://HOST:PORT of an ONVIF device. Repeatable.")] = None,
    device_user: Annotated[str, typer.Option(envvar="MOCK_VMS_DEVICE_USER")] = "",
    device_password: Annotated[str, typer.Option(envvar="MOCK_VMS_DEVICE_PASSWORD")] = "",
    failures: Annotated[
        str, typer.Option(help="Switches, for example delay=2,error=500,drop,lose_answer,refuse,forget.")
    ] = "",
    pull_s: Annotated[float, typer.Option(help="How long one pull waits for messages.")] = 5.0,
    keep_days: Annotated[float, typer.Option(help="Retention.")] = 30.0,
    picture_host: Annotated[
        list[str] | None, typer.Option(help="A host, besides the devices, that pictures may be fetched from.")
    ] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Run until SIGTERM or SIGINT."""
    _log_to_stderr(log_level)
    try:
        settings = Settings(
            data=data,
            host=host,
            port=port,
            token=token,
            open_to_loopback=open_,
            webhooks=dict(_webhook(text) for text in webhook or ()),
            devices=tuple(device or ()),
            device_user=device_user,
            device_password=device_password,
            failures=Failures.parse(failures),
            pull_s=pull_s,
            keep_days=keep_days,
            picture_hosts=frozenset(picture_host or ()),
        )
        asyncio.run(_run(settings))
    except (ValueError, OSError) as error:
        typer.echo(f"mock-vms: {error}", err=True)
        raise typer.Exit(2) from error


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as vms:
        typer.echo(json.dumps(vms.as_json()))
        sys.stdout.flush()
        vms.failed.add_done_callback(lambda _: stop.set())
        await stop.wait()
        if vms.failed.done():
            vms.failed.result()


def _webhook(text: str) -> tuple[str, str | None]:
    name, _, secret = text.partition("=")
    if not name or not name.replace("-", "").replace("_", "").isalnum() or len(name) > 64:
        raise ValueError(f"{name!r} is no name of a webhook; use letters, digits, - and _")
    return name, secret or None


def _log_to_stderr(level: str) -> None:
    """Lines on standard error; the ONVIF library's own logging, which starts at import, is turned down to errors."""
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise typer.BadParameter(f"{level!r} is no log level; use debug, info, warning or error")
    logging.getLogger().setLevel(logging.ERROR)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def main() -> None:
    """Console script `mock-vms`."""
    app()
