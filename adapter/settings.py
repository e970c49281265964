"""How the process runs: ports, folders, the inference device. Read once at the start.

Cameras, lists, rules and outputs are data, not settings: they live in the store and change without a restart.
Sources, the strongest first: environment (`ONVIF_LPR_HTTP_PORT=8080`), the settings file (`--settings FILE` or
`onvif-lpr.toml` in the working directory), the defaults below. An unknown key is refused by name.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, HttpUrl, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_FILE = Path("onvif-lpr.toml")
PREFIX = "ONVIF_LPR_"
# Read elsewhere: which settings file, and where the photos and clips for the benchmark lie.
OTHER_VARIABLES = frozenset({f"{PREFIX}SETTINGS", f"{PREFIX}DATA"})


class SettingsError(ValueError):
    """The settings cannot be used; the message names the key and what it takes."""


class Settings(BaseSettings):
    """All settings; `adapter/settings.sample.toml` and `docs/settings.md` list the same keys, and a test compares."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Field(
        default=Path("~/.local/share/onvif-lpr"),
        description="Folder of the database, the pictures, the keys, installed model packs and compiled models.",
    )
    server_name: str = Field(
        default="", max_length=200, description="Name of this LPR server; empty means the name of the host."
    )
    host: str = Field(default="0.0.0.0", description="Address the console, the API and the ONVIF face listen on.")  # noqa: S104 - a VMS on another machine must reach the face; nothing is open without login
    http_port: int = Field(default=8080, ge=0, le=65535, description="Port of the console and the REST API.")
    onvif_port: int = Field(default=8000, ge=0, le=65535, description="Port of the ONVIF device that a VMS adds.")
    rtsp_port: int = Field(default=8554, ge=0, le=65535, description="Port of the metadata stream.")
    public_url: HttpUrl | None = Field(
        default=None,
        description="How others reach the ONVIF device; used in picture links inside webhooks. "
        "Empty: the address listened on, or that of the interface towards the receiver.",
    )
    discovery: bool = Field(default=True, description="Answer WS-Discovery probes, so that a VMS finds the service.")
    discovery_port: int = Field(default=3702, ge=1, le=65535, description="UDP port of WS-Discovery.")
    pack: str = Field(default="own", description="Model pack that reads the plates.")
    device: str = Field(
        default="CPU", description="OpenVINO device: CPU, GPU, NPU, AUTO, or an order like AUTO:GPU,CPU."
    )
    inference_threads: int = Field(
        default=1, ge=0, le=64, description="Pictures read at the same time; 0: as many as the device is best at."
    )
    performance_hint: Literal["throughput", "latency"] = Field(
        default="throughput", description="What threads are for: throughput (many pictures) or latency (one, sooner)."
    )
    retention_hours: float = Field(default=24.0, gt=0, description="How long events and pictures are kept (M-252).")
    undelivered_hours: float = Field(
        default=168.0,
        gt=0,
        description="How long events and pictures are kept at most for an output that is still owed them.",
    )
    camera_lost_after_s: float = Field(
        default=10.0, gt=0, description="Seconds without a picture after which a camera counts as lost."
    )
    quota: Literal["unlimited", "classic"] = Field(
        default="unlimited", description="Limits: unlimited, or classic, which allows five country modules."
    )
    max_cameras: int = Field(default=0, ge=0, le=10_000, description="Most LPR cameras enabled at once; 0: no limit.")
    max_modules: int = Field(
        default=0, ge=0, le=10_000, description="Most country modules in use at once; 0: as quota says."
    )
    log_level: str = Field(
        default="info", pattern="^(debug|info|warning|error)$", description="debug, info, warning or error."
    )
    log_json: bool = Field(default=False, description="Write the log as JSON lines.")

    @property
    def data(self) -> Path:
        """The data folder with `~` resolved."""
        return self.data_dir.expanduser()

    @property
    def local_token_file(self) -> Path:
        """Where the service leaves an API token for the command line of this machine."""
        return self.data / "local.token"


def load_settings(file: Path | None = None, **overrides: Any) -> Settings:
    """Settings from file, environment and the command line. Raises SettingsError naming what is wrong."""
    values = _read_file(file)
    _refuse_unknown_variables()
    env_keys = {key for key in Settings.model_fields if _in_environment(key)}
    try:
        return Settings(**{key: value for key, value in values.items() if key not in env_keys} | overrides)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "settings"
        hint = "no such setting; see docs/settings.md" if first["type"] == "extra_forbidden" else first["msg"]
        raise SettingsError(f"{key}: {hint}") from error


def _read_file(file: Path | None) -> dict[str, Any]:
    path = file or DEFAULT_FILE
    if not path.exists():
        if file is not None:
            raise SettingsError(f"the settings file {file} does not exist; copy adapter/settings.sample.toml there")
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    except OSError as error:
        raise SettingsError(f"the settings file {path} cannot be read: {error.strerror}") from error


def _refuse_unknown_variables() -> None:
    """pydantic-settings passes over what it does not know, and a misspelt port would be the default one."""
    known = {f"{PREFIX}{key.upper()}" for key in Settings.model_fields} | OTHER_VARIABLES
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), sorted(known), n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise SettingsError(f"{name}: no such setting in the environment; {hint}see docs/settings.md")


def _in_environment(key: str) -> bool:
    return any(name.upper() == f"{PREFIX}{key.upper()}" for name in os.environ)
