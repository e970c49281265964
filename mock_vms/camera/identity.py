"""Who a virtual camera says it is: everything that follows from its name and stays the same for life."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

MANUFACTURER = "onvif-lpr"
MODEL = "Virtual camera"
HARDWARE = "virtual-camera"


class UserLevel(StrEnum):
    """ONVIF tt:UserLevel, the values we use."""

    ADMINISTRATOR = "Administrator"
    OPERATOR = "Operator"
    USER = "User"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """An account on the camera. Both digest schemes need the password itself, so it is kept in the clear."""

    name: str
    password: str
    level: UserLevel = UserLevel.ADMINISTRATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Name, serial number, MAC and endpoint address; the latter three are derived from the name.

    `profile_scopes` is empty by default: `Profile/...` scopes are claims that only registered products may make.
    A client that insists on one can be served by naming it.
    """

    name: str
    firmware: str = "0.1.0"
    profile_scopes: tuple[str, ...] = ()

    @property
    def uuid(self) -> uuid.UUID:
        return uuid.uuid5(uuid.NAMESPACE_URL, f"virtual-camera:{self.name}")

    @property
    def endpoint_reference(self) -> str:
        return f"urn:uuid:{self.uuid}"

    @property
    def serial_number(self) -> str:
        return self.uuid.hex[:12].upper()

    @property
    def mac_address(self) -> str:
        octets = bytes([0x02]) + self.uuid.bytes[:5]  # 02: locally administered, so it belongs to nobody
        return ":".join(f"{octet:02x}" for octet in octets)

    @property
    def scopes(self) -> tuple[str, ...]:
        root = "onvif://www.onvif.org"
        return (
            *(f"{root}/Profile/{quote(profile)}" for profile in self.profile_scopes),
            f"{root}/type/video_encoder",
            f"{root}/hardware/{HARDWARE}",
            f"{root}/name/{quote(self.name, safe='')}",
            f"{root}/location/desk",
            f"{root}/MacAddress/{self.mac_address}",
        )
