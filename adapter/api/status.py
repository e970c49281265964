"""The manual's status strings, exactly (M-143 to M-150)."""

from __future__ import annotations

from collections.abc import Sequence

from adapter.api.ports import CameraHealth, CameraState
from adapter.workers.places import Presence

NO_CAMERAS = "No LPR cameras configured"
ALL_RUNNING = "All LPR cameras are running"
NOT_RESPONDING = "Service not responding"
NOT_CONNECTED = "Not connected to surveillance system"
NOT_RUNNING = "Service not running"
NO_EVENT_SERVER = "Event Server not connected"
UNKNOWN_ERROR = "Unknown error"


def worker_status(presence: Presence | None, cameras: Sequence[CameraHealth]) -> str:
    """The status of another LPR server; None when nobody has heard of it since the start."""
    if presence is Presence.STOPPED:
        return NOT_RUNNING
    return status_text(cameras) if presence is Presence.RESPONDING else NOT_RESPONDING


def status_text(cameras: Sequence[CameraHealth]) -> str:
    """The status of a server that answers, from its cameras; disabled ones do not count."""
    enabled = [camera for camera in cameras if camera.state is not CameraState.DISABLED]
    if not enabled:
        return NO_CAMERAS
    running = sum(camera.state is CameraState.RUNNING for camera in enabled)
    return ALL_RUNNING if running == len(enabled) else f"{running} of {len(enabled)} LPR cameras running"
