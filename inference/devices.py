"""Which device computes: what AUTO stands for, one device after the other until one answers rightly.

OpenVINO has an AUTO of its own. It answers from the processor while the graphics chip still compiles, so a known
answer asked at the start would be the processor's; it takes all cores whatever the settings say; and it changes devices
later without a word. Here AUTO is a list of devices, each checked by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog

from inference.errors import InferenceError, PackError

AUTO = "AUTO"

_log = structlog.get_logger(__name__)
Opened = TypeVar("Opened")


def candidates(device: str, offered: Sequence[str]) -> tuple[str, ...]:
    """The devices that `device` stands for, best first: AUTO, `AUTO:GPU,CPU` or one by name, in capitals or not.

    NPUs are used only when they are named: they take minutes to compile shapes that a GPU or CPU takes at once.
    """
    name, _, wanted = device.partition(":")
    if name.upper() != AUTO:
        return (device.upper(),)
    if wanted:
        return tuple(one.strip().upper() for one in wanted.split(",") if one.strip())
    # OpenVINO numbers several graphics chips from the built-in one upwards; the last is a card of its own.
    chips = sorted((one for one in offered if one.split(".")[0] == "GPU"), reverse=True)
    return (*chips, "CPU")


def first_right(devices: Sequence[str], open_on: Callable[[str], Opened]) -> Opened:
    """What opens on the first device that can and answers rightly; PackError names what each said when none does."""
    refusals = []
    for device in devices:
        try:
            opened = open_on(device)
        except InferenceError as error:
            if len(devices) == 1:
                raise
            refusals.append(str(error))
            _log.warning("inference device refused", device=device, error=str(error))
        else:
            if len(devices) > 1:
                _log.info("inference device chosen", device=device)
            return opened
    raise PackError("no device can be used: " + "; ".join(refusals))
