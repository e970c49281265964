"""What a camera's recognition settings cost and delay, said before somebody pays for it. Plain code.

The figures are the camera's own: its funnel counts every look and the time it took.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapter.camera_recognition import CameraRecognition
from adapter.watching import watch_settings
from inference.funnel import FunnelHour, total
from inference.recognition import Polygon, Preset

# One look against one of the preset balanced: process time over photos of three regions, about the same for a pack that
# finds lines of text and for one that finds plates. With a minimum character height the looks of the presets are nearer
# in size, how near is the pack's matter: 0.6 to 0.7 and 1.2 to 1.4 were measured with 3 %.
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
UNKNOWN = "No estimate yet: the camera has not looked at enough pictures."


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
    """What the time span adds to every result."""
    measured_delay_s: float | None
    """From the first sight of a plate until its result was told, on average of late; None: nothing was told."""
    beside: Mapping[str, str]
    """The estimate that stands beside each setting that has one (M-203, M-232)."""
    notes: tuple[str, ...]


def cost(
    chosen: CameraRecognition,
    hours: Sequence[FunnelHour],
    *,
    frames_per_second: float = 0.0,
    measured_with: CameraRecognition | None = None,
) -> Cost:
    """`frames_per_second` is what the camera's watch takes now; 0 when it does not run.

    `measured_with` are the settings that the hours were counted with, when `chosen` are only tried.
    """
    counted = lately(hours)
    known = counted.busy_ms / counted.analysed if counted.analysed >= LEAST_LOOKS else None
    measured = (measured_with or chosen).preset
    loads = tuple(
        _load(preset, chosen, counted, known, measured=measured, frames_per_second=frames_per_second)
        for preset in Preset
    )
    notes = [
        UNLIMITED_RISK.format(name=name)
        for name in ("max_fps", "max_seconds_per_frame", "max_plates")
        if getattr(chosen, name) == "unlimited"
    ]
    return Cost(
        looks=counted.analysed,
        loads=loads,
        result_delay_s=chosen.partial_span_s,
        measured_delay_s=measured_delay_s(hours),
        beside=_beside(chosen, next(load for load in loads if load.preset is chosen.preset), measured_delay_s(hours)),
        notes=(*notes, *_hints(chosen)),
    )


def lately(hours: Sequence[FunnelHour]) -> FunnelHour:
    """The hours that say something about now, as one."""
    return total(hours[-HOURS:])


def measured_delay_s(hours: Sequence[FunnelHour]) -> float | None:
    """From the first sight of a plate until its result was told, on average of late."""
    delay_ms = lately(hours).average_delay_ms
    return None if delay_ms is None else round(delay_ms / 1000, 2)


def _load(
    preset: Preset,
    chosen: CameraRecognition,
    counted: FunnelHour,
    known: float | None,
    *,
    measured: Preset,
    frames_per_second: float,
) -> Load:
    if known is None:
        return Load(preset=preset, ms_per_look=None, core_share_average=None, core_share_busy=None, measured=False)
    ms = known * RELATIVE_COST[preset] / RELATIVE_COST[measured]
    settings = watch_settings(chosen, ())
    calm, busy = settings.rate(busy=False), settings.rate(busy=True)
    looked_at = counted.analysed / max(counted.frames, 1) if chosen.motion_gate else 1.0
    return Load(
        preset=preset,
        ms_per_look=round(ms, 1),
        core_share_average=round(min(1.0, (frames_per_second or calm or 0.0) * looked_at * ms / 1000), 3),
        # Without a limit the next look begins when one is done: the core is never idle.
        core_share_busy=round(1.0 if busy is None else min(1.0, busy * ms / 1000), 3),
        measured=preset is measured,
    )


def _beside(chosen: CameraRecognition, load: Load, delay_s: float | None) -> dict[str, str]:
    """A sentence for each setting whose cost can be told in figures of this camera."""
    said = {"areas": _searched(chosen.areas), "partial_span_s": _delay(chosen.partial_span_s, delay_s)}
    ms, average, busy = load.ms_per_look, load.core_share_average, load.core_share_busy
    if ms is None or average is None or busy is None:
        return said | dict.fromkeys(("preset", "max_fps", "calm_fps", "max_seconds_per_frame", "motion_gate"), UNKNOWN)
    how = "measured" if load.measured else "estimated from another preset"
    if not load.measured and chosen.character_height_min_percent is not None:
        how += ", of which it differs less with a minimum character height"
    in_view = f"About {_percent(busy)} of a processor core while a vehicle is in view."
    all_day = f"About {_percent(average)} of a processor core on average."
    limit = chosen.max_seconds_per_frame
    return said | {
        "preset": f"About {ms:.0f} ms per look with {load.preset} ({how}). {all_day}",
        "max_fps": in_view,
        "moving_fps": in_view,
        "calm_fps": all_day,
        "max_seconds_per_frame": f"A look takes about {ms:.0f} ms"
        + (": many are cut short by this limit." if limit != "unlimited" and ms > limit * 1000 else "."),
        "motion_gate": all_day if chosen.motion_gate else f"Every frame is looked at. {all_day}",
    }


def _searched(areas: Sequence[Polygon]) -> str:
    """The share of the picture that is searched: the smallest rectangle around the areas."""
    if not areas:
        return "The whole picture is searched."
    across, down = zip(*(point for area in areas for point in area), strict=True)
    searched = (max(across) - min(across)) * (max(down) - min(down))
    return f"About {_percent(searched)} of the picture is searched."


def _delay(span_s: float, measured_s: float | None) -> str:
    added = f"Adds up to {span_s:g} s to every result." if span_s else "Adds nothing to the time a result takes."
    if measured_s is None:
        return f"{added} No result has been told lately to measure."
    return f"{added} Measured of late: a result comes {measured_s:.1f} s after its plate is first seen, on average."


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


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
