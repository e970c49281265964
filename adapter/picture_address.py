"""Where a camera's pictures come from: what its owner typed, its RTSP stream, or its snapshots when it has no stream.

Snapshots are a fallback: fewer pictures, more work for the camera. A camera whose stream gives nothing is polled for
them, and its stream is tried again beside it, ever more seldom.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog

from onvif_client.camera import Camera
from onvif_client.errors import REFUSED_RETRY, CameraMisbehaved, CameraRejected, CameraUnsupported

log = structlog.get_logger(__name__)

# A stream that never gave a picture is given up after this: cameras that reboot take their RTSP server up last.
FALL_BACK_AFTER = timedelta(seconds=20)
FIRST_TRY_AGAIN, LAST_TRY_AGAIN = timedelta(minutes=1), timedelta(minutes=15)
# Polled a little faster than pictures are analysed, so that one that came late does not cost a turn.
POLL_SHARE = 0.8
USUAL_POLL_S, LONGEST_POLL_S = 0.25, 2.0

# Words in the paths of pictures, of all the vendors whose paths begin like a device's.
_PICTURE_WORDS = (
    "snap",
    "image",
    "picture",
    "still",
    "mjpeg",
    "mjpg",
    ".jpg",
    ".jpeg",
    ".png",
    ".cgi",
    "video",
    "stream",
)
_CANNOT = (CameraUnsupported, CameraRejected, CameraMisbehaved)


def is_onvif_address(address: str) -> bool:
    """An http(s) address without a path, or with a device service's; any other names pictures.

    Hikvision's own snapshots are at /onvif-http/snapshot, others' at /onvif/snapshot.jpg and /onvif/media/snapshot.
    """
    try:
        parts = urlsplit(address)
    except ValueError:  # kept by a version that checked less
        return False
    if parts.scheme not in {"http", "https"}:
        return False
    path = parts.path.lower().rstrip("/")
    if not path:
        return True
    return "onvif" in path.split("/") and not any(word in path for word in _PICTURE_WORDS)


def poll_s(max_fps: float | None) -> float:
    """How often to ask for snapshots when so many pictures per second are analysed at most."""
    return min(LONGEST_POLL_S, POLL_SHARE / max_fps) if max_fps else USUAL_POLL_S


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureAddress:
    """An address to read from, and whether it came from an ONVIF camera that can be asked for another."""

    url: str
    is_onvif: bool = True
    is_snapshots: bool = False
    stream: str | None = None
    """The stream to go back to while snapshots are polled; None when the camera has none."""


class PictureChoice:
    """Remembers, for one camera, whether its stream is of any use."""

    def __init__(self, *, clock: Callable[[], datetime], first_try_again: timedelta = FIRST_TRY_AGAIN) -> None:
        self.note = ""
        """Why snapshots are polled, in words; empty while the stream is used."""
        self._clock = clock
        self._why_useless: str | None = None
        self._has_snapshots = True
        self._first_try_again = self._pause = first_try_again

    async def choose(self, camera: Camera, profile_token: str) -> PictureAddress:
        """The stream, or the snapshots of a camera whose stream is missing or useless. Raises CameraError."""
        missing: Exception | None = None
        stream: str | None = None
        try:
            stream = await camera.stream_uri(profile_token)
        except _CANNOT as error:
            missing = error
        if stream is not None and self._why_useless is None:
            self.note = ""
            return PictureAddress(url=stream)
        try:
            snapshots = await camera.snapshot_uri(profile_token)
        except _CANNOT:
            self._has_snapshots = False
            if stream is not None:
                return PictureAddress(url=stream)
            raise missing or CameraUnsupported("The camera names neither a stream nor snapshots.") from None
        self._has_snapshots = True
        self.note = f"Snapshots are polled instead of the stream: {missing or self._why_useless}"
        return PictureAddress(url=snapshots, is_snapshots=True, stream=stream)

    def gives_up(self, *, since: datetime, ever_came: bool, refused: bool, error: str) -> bool:
        """Whether a lost stream should be left for snapshots; if so, it is remembered."""
        patient = timedelta(0) if refused else FALL_BACK_AFTER
        if ever_came or not self._has_snapshots or self._clock() - since < patient:
            return False
        self._why_useless = error
        self._pause = REFUSED_RETRY if refused else min(self._pause, LAST_TRY_AGAIN)
        return True

    def try_again_after(self) -> timedelta:
        """How long to leave the stream alone before it is tried once more; longer each time."""
        pause = self._pause
        self._pause = max(pause, min(2 * pause, LAST_TRY_AGAIN))
        return pause

    def is_back(self) -> None:
        """The stream gave a picture."""
        log.info("stream is back", note=self.note)
        self._why_useless, self._pause, self.note = None, self._first_try_again, ""
