"""The ONVIF client of one configured camera, with everything that its record says of the connection."""

from __future__ import annotations

from adapter.store.cameras import CameraRecord
from onvif_client.camera import Camera


def connection_to(record: CameraRecord) -> Camera:
    """Not connected yet: use it with `async with`."""
    return Camera(record.address, record.user, record.password or "", verify_tls=record.verify_tls)
