"""Decoding on a graphics chip: which device works here is found out before a camera is asked for its pictures.

A device that does not work costs speed and never the picture: decoding falls back to the processor, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import av
import av.error
from av.codec.hwaccel import HWAccel, hwdevices_available

OFF, AUTO = "off", "auto"
# What cameras send. A device is of use when it decodes one of them; a stream it cannot decode falls back by itself.
CODECS = ("h264", "hevc", "mjpeg")
# A driver that is missing, a device file we may not open, a codec the device does not have.
FOREIGN = (av.error.FFmpegError, OSError, ValueError, NotImplementedError)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeDevice:
    """The device to decode on, None for the processor, and what to tell when that is not what was wanted."""

    device: str | None = None
    hint: str = ""


def _open_device(device: str, codec: str) -> object:
    return HWAccel(device_type=device, allow_software_fallback=False).create(av.Codec(codec, "r"))


def choose_device(
    wanted: str,
    *,
    built_in: Callable[[], Sequence[str]] = hwdevices_available,
    open_device: Callable[[str, str], object] = _open_device,
) -> DecodeDevice:
    """`off`, `auto` (the first that works) or a device by FFmpeg's name for it."""
    if wanted == OFF:
        return DecodeDevice()
    problems = []
    for device in built_in() if wanted == AUTO else (wanted,):
        problem = _problem(device, built_in(), open_device)
        if not problem:
            return DecodeDevice(device=device)
        problems.append(f"{device}: {problem}")
    told = "; ".join(problems) or "no device is built in"
    return DecodeDevice(
        hint=f"pictures are decoded by the processor, not by hardware ({told}); install its driver, let this user open"
        " the device, or set hardware_decode to off"
    )


def _problem(device: str, built_in: Sequence[str], open_device: Callable[[str, str], object]) -> str:
    """Why a device decodes nothing that cameras send; empty when it does."""
    if device not in built_in:
        return f"not built in, there are {', '.join(built_in) or 'none'}"
    problem = ""
    for codec in CODECS:
        try:
            open_device(device, codec)
        except FOREIGN as error:
            problem = problem or getattr(error, "strerror", None) or str(error) or type(error).__name__
        else:
            return ""
    return problem
