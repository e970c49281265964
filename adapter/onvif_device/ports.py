"""What the device face needs from the service behind it. Small, so that tests and the service can both offer it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from pathlib import Path
from typing import Protocol

from events.types import RelayState
from events.xmlns import Element


class UserLevel(IntEnum):
    """ONVIF tt:UserLevel; a greater one may do what a lesser one may."""

    ANONYMOUS = 0
    USER = 1
    OPERATOR = 2
    ADMINISTRATOR = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceUser:
    """An account for VMSs, apart from the logins of people: both digest schemes need the clear password."""

    name: str
    password: str = field(repr=False)
    level: UserLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceCamera:
    """One LPR camera as a VMS sees it: a video source, a profile and an analytics configuration."""

    camera_id: str
    name: str
    width_px: int = 1280
    height_px: int = 720
    frame_rate: float = 12.0
    encoding: str = "H264"
    """`H264` or `JPEG`: what the stream behind GetStreamUri carries."""
    online: bool | None = None
    """Whether its picture comes; None while that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceRelay:
    """One relay output of one camera."""

    camera_id: str
    relay_token: str
    monostable: bool = True
    pulse: timedelta = timedelta(seconds=2)
    idle_open: bool = True
    state: RelayState = RelayState.INACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceIdentity:
    """Who we are. `device_uuid` and `serial_number` stay the same for the life of the installation."""

    device_uuid: str
    name: str = "onvif-lpr"
    location: str = ""
    manufacturer: str = "onvif-lpr"
    model: str = "LPR adapter"
    firmware_version: str = "0"
    serial_number: str = "0"
    hardware_id: str = "onvif-lpr"
    mac_address: str = "00:00:00:00:00:00"
    profiles: tuple[str, ...] = ("Streaming",)
    """Profile scopes to announce. `M` and `T` are claims reserved for registered products: an operator may set them."""


class Cameras(Protocol):
    """The LPR cameras of now; asked at every request, so changes need no restart."""

    def cameras(self) -> Sequence[FaceCamera]: ...

    def stream_uri(self, camera_id: str, host: str) -> str | None:
        """The RTSP address of the camera's stream as a client that reached us as `host` (no port) can open it."""

    async def snapshot(self, camera_id: str) -> bytes | None:
        """A JPEG of now, or None when there is no picture."""


class Users(Protocol):
    """The accounts of the face."""

    def find(self, name: str) -> FaceUser | None: ...

    def all(self) -> Sequence[FaceUser]: ...


class Pictures(Protocol):
    """The kept pictures of events; `adapter.pictures.Pictures` is one."""

    def find(self, name: str) -> Path | None:
        """The file named `<event id>-<frame|plate>.jpg`, or None."""


class RelayRefused(Exception):
    """The relay could not be driven; the text says why."""


class Relays(Protocol):
    """The relay outputs of all cameras."""

    def relays(self) -> Sequence[FaceRelay]: ...

    async def set_state(self, *, camera_id: str, relay_token: str, state: RelayState, by: str) -> None:
        """Drive a relay because the VMS user `by` asked, and audit it. Raises RelayRefused."""


class NoImaging(Exception):
    """The camera has no ONVIF imaging service."""


class ImagingRefused(Exception):
    """The camera did not take the request; the text is its reason."""


class Imaging(Protocol):
    """Passes imaging requests through to the camera."""

    async def forward(self, *, camera_id: str, operation: str, arguments: Sequence[Element]) -> Element:
        """Send `timg:<operation>` with the camera's own VideoSourceToken in front of `arguments`; the camera's
        response element. Raises NoImaging or ImagingRefused."""
