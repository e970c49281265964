"""How one virtual camera runs: addresses, accounts, what stands in front of it, and its quirks. Read once."""

from __future__ import annotations

from dataclasses import dataclass, field

from mock_vms.camera.identity import User
from mock_vms.camera.quirks import Quirks


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualCameraSettings:
    """Port 0 lets the system choose. `discovery_port` is the unicast one; None means no unicast discovery."""

    name: str = "Virtual camera"
    users: tuple[User, ...]
    host: str = "127.0.0.1"
    http_port: int = 0
    rtsp_port: int = 0
    discovery_port: int | None = None
    multicast: bool = False
    relays: tuple[str, ...] = ("gate",)
    profile_scopes: tuple[str, ...] = ()
    quirks: Quirks = field(default_factory=Quirks)

    def __post_init__(self) -> None:
        if not self.users:
            raise ValueError("a camera needs at least one user")
