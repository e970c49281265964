"""`onvif-lpr worker`: an LPR server on this host that a controller on another one gives cameras to."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from uuid import uuid4

import typer

from adapter.cli_common import fail, log_to_stderr, settings_from
from adapter.settings import Settings
from adapter.workers.names import MOST_CHARACTERS, host_name, is_name

# A token has 48 characters; a larger file is another one.
MOST_TOKEN_BYTES = 4096


def worker(
    context: typer.Context,
    controller: Annotated[str, typer.Option(help="Address of the controller's console, like https://lpr.example.org.")],
    token_file: Annotated[Path, typer.Option(help="File with an API token of the role worker.")],
    name: Annotated[str | None, typer.Option(help="Name of this LPR server; the host's unless given.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of model packs and compiled models.")] = None,
    plain_http: Annotated[
        bool, typer.Option("--plain-http", help="Allow http:// to another host: cameras' passwords travel readable.")
    ] = False,
) -> None:
    """Watch cameras for a controller on another host, until SIGTERM or Ctrl-C.

    Pack, device, threads and log are settings, as of the service.
    """
    settings = settings_from(context, **({} if data_dir is None else {"data_dir": data_dir}))
    _check_address(controller, plain_http=plain_http)
    name = host_name() if name is None else name
    if not is_name(name):
        fail(
            f"--name {name!r}: a letter or digit, then letters, digits, dots, dashes and underscores,"
            f" {MOST_CHARACTERS} in all at most"
        )
    token = _token_of(token_file)
    log_to_stderr(settings)
    raise typer.Exit(asyncio.run(_work(settings, controller, token, name)))


async def _work(settings: Settings, controller: str, token: Callable[[], str], name: str) -> int:
    # Models and decoders; other commands start faster without them.
    from adapter.recognizing import inference_threads, load_recognizer  # noqa: PLC0415
    from adapter.server import VERSION  # noqa: PLC0415
    from adapter.workers.messages import PROTOCOL, Hello  # noqa: PLC0415
    from adapter.workers.worker import Worker  # noqa: PLC0415
    from inference.errors import InferenceError  # noqa: PLC0415

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        recognizer = await load_recognizer(settings)
    except (InferenceError, OSError) as error:
        typer.echo(f"The worker cannot run: {error}", err=True)
        return 2
    hello = Hello(
        protocol=PROTOCOL,
        name=name,
        session=uuid4().hex,
        host_name=socket.getfqdn(),
        version=VERSION,
        pack=recognizer.pack.file.name,
        device=recognizer.device,
        started_at=datetime.now(UTC),
    )
    with inference_threads(recognizer, settings) as executor:
        one = Worker(
            controller=controller,
            token=token,
            hello=hello,
            recognizer=recognizer,
            executor=executor,
            on_modules=lambda modules: recognizer.use_modules({module.code: module for module in modules}),
        )
        async with asyncio.TaskGroup() as group:
            running = group.create_task(one.run(), name="worker")
            await stop.wait()
            await one.leave()
            running.cancel()
    return 0


def _check_address(controller: str, *, plain_http: bool) -> None:
    try:
        parts = urlsplit(controller)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        fail(f"--controller {controller} is no address: {error}")
    if parts.scheme not in {"http", "https"} or not host or parts.username or parts.query:
        fail(
            "--controller is the address of the controller's console, like https://lpr.example.org or http://HOST:8080"
        )
    if parts.scheme == "http" and not plain_http and not _is_loopback(host):
        fail(
            "the passwords of cameras travel over this link: put the controller behind HTTPS (docs/workers.md),"
            " or say --plain-http in a network that nobody else can read"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _token_of(path: Path) -> Callable[[], str]:
    """Reads the file anew each time: a token is renewed without a restart. Fails now when there is none."""

    def read() -> str:
        with path.open("rb") as file:
            return file.read(MOST_TOKEN_BYTES).decode("ascii", "replace").strip()

    try:
        if not read():
            fail(f"the token file {path} is empty; make a token of the role worker on the console, under Accounts")
    except OSError as error:
        fail(f"the token file {path} cannot be read: {error.strerror}")
    return read
