"""Under which address others reach the ONVIF face, when nobody has said: for links in what we send."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import urlsplit

# Addresses to listen on that are none to be told.
_EVERYWHERE = {"0.0.0.0": socket.AF_INET, "::": socket.AF_UNSPEC, "": socket.AF_UNSPEC}  # noqa: S104 - compared
_LOOK_UP_S = 5.0
_UNKNOWN = (OSError, UnicodeError, ValueError, TimeoutError)


class OwnAddress:
    """`port` is the face's; None until it is known. `public_url` is what somebody has said, None when nobody has."""

    def __init__(self, host: str, port: int | None, public_url: object = None) -> None:
        self._host = host
        self.port = port
        self.public_url = str(public_url) if public_url else None

    def at(self, host: str) -> str:
        """Our base URL for a client that calls this host so."""
        return self.public_url or f"http://{host}:{self.port}"

    async def towards(self, url: str) -> str | None:
        """Our base URL as the server behind `url` reaches it; None when that cannot be told.

        The address we listen on; when that is all of them, the one of the interface that leads to the server.
        """
        if not self.port:
            return None
        host = await _interface_towards(url, _EVERYWHERE[self._host]) if self._host in _EVERYWHERE else self._host
        if host is None:
            return None
        return self.at(f"[{host}]" if ":" in host else host)


async def _interface_towards(url: str, family: int) -> str | None:
    try:
        parts = urlsplit(url)
        async with asyncio.timeout(_LOOK_UP_S):
            found = await asyncio.get_running_loop().getaddrinfo(
                parts.hostname, parts.port or 80, family=family, type=socket.SOCK_DGRAM
            )
    except _UNKNOWN:
        return None
    for of_family, kind, protocol, _, address in found:
        with socket.socket(of_family, kind, protocol) as probe:
            try:
                probe.connect(address)  # UDP: nothing is sent, the system only chooses the way
            except OSError:
                continue
            return str(probe.getsockname()[0])
    return None
