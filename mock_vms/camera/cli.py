"""`virtual-camera`: one virtual ONVIF camera as a process, for desks, demos and tests.

When it is ready it prints one line of JSON on standard output, so that a parent process can wait for it; everything
else goes to standard error. SIGINT and SIGTERM end it cleanly.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import signal
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

from mock_vms.camera.app import VirtualCamera, open_camera
from mock_vms.camera.clips import VideoFile
from mock_vms.camera.identity import User
from mock_vms.camera.photos import PhotoDriveBy
from mock_vms.camera.quirks import QUIRKS, Quirks
from mock_vms.camera.scene import StreetScene
from mock_vms.camera.settings import VirtualCameraSettings
from mock_vms.camera.sources import PlayMode, Source, UnknownVehicleError

_COUNTRIES = "DE,NL,FR,GB,ES,IT"
# Long enough that one vehicle is gone, and its passage closed, before the next one comes.
_PHOTO_PAUSE_S, _CLIP_PAUSE_S, _STREET_PAUSE_S = 1.5, 2.5, 8.0

app = typer.Typer(add_completion=False)


@app.command()
def run(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    http_port: Annotated[int, typer.Option(help="Port of the ONVIF services; 0 takes a free one.")] = 0,
    rtsp_port: Annotated[int, typer.Option(help="Port of the streams; 0 takes a free one.")] = 0,
    discovery_port: Annotated[int, typer.Option(help="UDP port for unicast probes; 0 for none.")] = 0,
    multicast: Annotated[bool, typer.Option(help="Answer multicast probes on port 3702.")] = True,
    name: Annotated[str, typer.Option(help="Name of the camera; its serial number and MAC follow from it.")] = "Gate 1",
    user: Annotated[str, typer.Option(help="Name of the administrator.")] = "admin",
    password: Annotated[
        str | None,
        typer.Option(envvar="VIRTUAL_CAMERA_PASSWORD", help="Password; made up and printed when left out."),
    ] = None,
    photos: Annotated[Path | None, typer.Option(help="Photo or folder of photos: each one drives by.")] = None,
    video: Annotated[Path | None, typer.Option(help="Clip or folder of clips instead of the rendered street.")] = None,
    countries: Annotated[str, typer.Option(help="Countries of the plates in the rendered street.")] = _COUNTRIES,
    plates: Annotated[str, typer.Option(help="Plates that drive by in turn, comma separated; else random ones.")] = "",
    speed_kmh: Annotated[float, typer.Option(help="Speed in the rendered street.")] = 30.0,
    autoplay: Annotated[float | None, typer.Option(help="Seconds between vehicles; 0: only those asked for.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Show what there is once instead of over and over.")] = False,
    light: Annotated[float, typer.Option(help="Daylight: 1 a bright day, 0.05 dusk, 0.002 a lit street.")] = 1.0,
    relay: Annotated[list[str] | None, typer.Option(help="Token of a relay output; may be repeated.")] = None,
    profile_scope: Annotated[list[str] | None, typer.Option(help="Profile scope to claim, such as Streaming.")] = None,
    quirk: Annotated[list[str] | None, typer.Option(help="NAME or NAME=VALUE; see --list-quirks.")] = None,
    list_quirks: Annotated[bool, typer.Option("--list-quirks", help="Print the quirks and end.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log what happens inside.")] = False,
) -> None:
    """Put a virtual ONVIF camera on the network."""
    if list_quirks:
        for entry in QUIRKS:
            typer.echo(f"{entry.usage:32} {entry.does}")
        return
    try:
        settings = VirtualCameraSettings(
            name=name,
            users=(User(name=user, password=password or secrets.token_urlsafe(9)),),
            host=host,
            http_port=http_port,
            rtsp_port=rtsp_port,
            discovery_port=discovery_port or None,
            multicast=multicast,
            relays=tuple(relay or ("gate",)),
            profile_scopes=tuple(profile_scope or ()),
            quirks=Quirks.parse(quirk or ()),
        )
        source = _source(
            photos=photos,
            video=video,
            countries=_words(countries),
            plates=_words(plates),
            speed_kmh=speed_kmh,
            autoplay_s=autoplay,
            once=once,
        )
    except (ValueError, OSError, UnknownVehicleError) as error:
        typer.echo(f"virtual-camera: {error}", err=True)
        raise typer.Exit(2) from error
    _log_to_stderr(logging.DEBUG if verbose else logging.WARNING)
    try:
        asyncio.run(_serve(settings, source, light=light, tell_password=password is None))
    except OSError as error:
        typer.echo(f"virtual-camera: cannot listen: {error}. Choose another port, or 0 for a free one.", err=True)
        raise typer.Exit(1) from error


async def _serve(settings: VirtualCameraSettings, source: Source, *, light: float, tell_password: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    async with open_camera(settings, source=source, light=light) as camera:
        typer.echo(json.dumps(_addresses(camera, tell_password=tell_password)))
        sys.stdout.flush()
        await stop.wait()


def _addresses(camera: VirtualCamera, *, tell_password: bool) -> dict[str, object]:
    """What a parent process or a person needs in order to reach the camera."""
    admin = camera.settings.users[0]
    told: dict[str, object] = {
        "name": camera.settings.name,
        "device": camera.device_url,
        "rtsp": camera.stream_url("encoder_main"),
        "control": camera.control_url,
        "discovery_port": camera.discovery_port,
        "endpoint": camera.identity.endpoint_reference,
        "user": admin.name,
    }
    if tell_password:
        told["password"] = admin.password
    return told


def _source(
    *,
    photos: Path | None,
    video: Path | None,
    countries: list[str],
    plates: list[str],
    speed_kmh: float,
    autoplay_s: float | None,
    once: bool,
) -> Source:
    if photos is not None and video is not None:
        raise ValueError("--photos and --video are alternatives; give one of them")
    mode = PlayMode.ONCE if once else PlayMode.LOOP
    if autoplay_s is not None and autoplay_s <= 0:
        mode, autoplay_s = PlayMode.ON_DEMAND, None
    if photos is not None:
        return PhotoDriveBy(paths=[photos], mode=mode, gap_s=autoplay_s or _PHOTO_PAUSE_S)
    if video is not None:
        return VideoFile(paths=[video], mode=mode, gap_s=autoplay_s or _CLIP_PAUSE_S)
    pause_s = autoplay_s or _STREET_PAUSE_S
    return StreetScene(countries=countries, plates=plates, mode=mode, every_s=pause_s, speed_kmh=speed_kmh)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _log_to_stderr(level: int) -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
