"""What a camera's recognition settings cost and delay, said before somebody pays for it. Plain code.

The figures are the camera's own: its funnel counts every look and the time it took.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapter.watching import CameraRecognition
from inference.funnel import FunnelHour, total
from inference.recognition import Preset

# One look against one of the preset balanced: process time over photos of three regions, the same for a pack that finds
# lines of text and for one that finds plates.
RELATIVE_COST = {Preset.FAST: 0.6, Preset.BALANCED: 1.0, Preset.ACCURATE: 1.85}
# Fewer looks than this are warming up, not a measurement.
LEAST_LOOKS = 5
# Old hours were counted under other settings and other weather.
HOURS = 2
# The manual's frame rate for moving vehicles (M-161).
FEWEST_FPS = 4.0

UNLIMITED_RISK = (
    "{name} is unlimited: recognition may take longer and the processor load may rise, which delays the other cameras "
    "too. Watch the load shown here."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one preset costs this camera. None: nothing has been looked at yet."""

    preset: Preset
    ms_per_look: float | None
    core_share_average: float | None
    """Of one processor core, at the share of frames that were looked at lately."""
    core_share_busy: float | None
    """Of one processor core, while a vehicle is in view; 1 is all of it."""
    measured: bool
    """False: estimated from another preset's looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The load of each preset, the delay of every result, and what to beware of."""

    looks: int
    loads: tuple[Load, ...]
    result_delay_s: float
    notes: tuple[str, ...]


def cost(chosen: CameraRecognition, hours: Sequence[FunnelHour], *, frames_per_second: float = 0.0) -> Cost:
    """`frames_per_second` is what the camera's watch takes now; 0 when it does not run."""
    counted = total(hours[-HOURS:])
    known = counted.busy_ms / counted.analysed if counted.analysed >= LEAST_LOOKS else None
    loads = tuple(_load(preset, chosen, counted, known, frames_per_second) for preset in Preset)
    notes = [
        UNLIMITED_RISK.format(name=name)
        for name in ("max_fps", "max_seconds_per_frame", "max_plates")
        if getattr(chosen, name) == "unlimited"
    ]
    return Cost(
        looks=counted.analysed, loads=loads, result_delay_s=chosen.partial_span_s, notes=(*notes, *_hints(chosen))
    )


def _load(
    preset: Preset, chosen: CameraRecognition, counted: FunnelHour, known: float | None, frames_per_second: float
) -> Load:
    if known is None:
        return Load(preset=preset, ms_per_look=None, core_share_average=None, core_share_busy=None, measured=False)
    ms = known * RELATIVE_COST[preset] / RELATIVE_COST[chosen.preset]
    settings = chosen.watch_settings(())
    calm, busy = settings.rate(busy=False), settings.rate(busy=True)
    looked_at = counted.analysed / max(counted.frames, 1)
    return Load(
        preset=preset,
        ms_per_look=round(ms, 1),
        core_share_average=round(min(1.0, (frames_per_second or calm or 0.0) * looked_at * ms / 1000), 3),
        # Without a limit the next look begins when one is done: the core is never idle.
        core_share_busy=round(1.0 if busy is None else min(1.0, busy * ms / 1000), 3),
        measured=preset is chosen.preset,
    )


def _hints(chosen: CameraRecognition) -> list[str]:
    hints = []
    if chosen.partial_span_s:
        hints.append(
            f"Every result comes {chosen.partial_span_s:g} s after a plate is first read (partial_span_s). "
            "Make sure that no moving objects block the view before raising it."
        )
    if chosen.key_frames_only:
        hints.append(
            "Only key frames are decoded: most cameras send fewer than the four frames per second that are needed."
        )
    if chosen.max_fps != "unlimited" and chosen.max_fps < FEWEST_FPS:
        hints.append(f"max_fps is below {FEWEST_FPS:g} frames per second: moving vehicles may be missed.")
    return hints
