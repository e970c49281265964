"""What all commands share: settings, the way to the running service, and how a command fails."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any, NoReturn

import structlog
import typer
from rich.console import Console
from rich.text import Text

from adapter.client import ServiceClient, ServiceError
from adapter.settings import Settings, SettingsError, load_settings

# What names of cameras, files and plates have in brackets or between colons is theirs: no text is markup, ours neither.
console = Console(markup=False, emoji=False)
errors = Console(stderr=True, markup=False, emoji=False)


def fail(message: str) -> NoReturn:
    """One sentence on standard error, exit code 1."""
    # Paths and addresses stay whole on one line, to be copied.
    errors.print(Text.assemble(("error:", "red"), f" {message}"), soft_wrap=True)
    raise typer.Exit(1)


def tell(message: str) -> None:
    """One sentence on standard error that is no failure."""
    errors.print(_noted(message), soft_wrap=True)


def note(message: str) -> None:
    """One sentence beside a result."""
    console.print(_noted(message))


def _noted(message: str) -> Text:
    return Text.assemble(("note:", "yellow"), f" {message}")


def printable(text: str) -> str:
    """The name of a file as a terminal may show it: nothing in it moves the cursor, and all of it can be encoded."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def content_of(file: Path) -> bytes:
    """What a file of the user's holds; the command fails when it cannot be read."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        fail(f"{file} does not exist")
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}")


def save(file: Path, content: bytes) -> None:
    """Write a file for the user and say so; the command fails when it cannot be written."""
    try:
        file.write_bytes(content)
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}")
    console.print(f"saved {file}", soft_wrap=True)


def settings_from(context: typer.Context, **overrides: Any) -> Settings:
    """The settings of this command line."""
    given: dict[str, Any] = context.find_root().obj or {}
    if given.get("data_dir") is not None:
        overrides["data_dir"] = given["data_dir"]
    try:
        return load_settings(given.get("settings"), **overrides)
    except SettingsError as error:
        fail(str(error))


class _Failing:
    """A client whose failures end the command with their message."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            return self._client.call(method, path, **arguments)
        except ServiceError as error:
            fail(str(error))


def connect(context: typer.Context) -> _Failing:
    """The running service of this machine."""
    try:
        return _Failing(ServiceClient.of_this_machine(settings_from(context)))
    except ServiceError as error:
        fail(str(error))


def log_to_stderr(settings: Settings) -> None:
    """Standard output belongs to the line that says we are ready; the log goes to standard error."""
    number = logging.getLevelNamesMapping()[settings.log_level.upper()]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if settings.log_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            renderer,
        ]
        if settings.log_json
        else [structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"), renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr)
