"""From a camera's recognition settings to those of its watch, and to and from what auto-configuration chooses."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from adapter.camera_recognition import CameraRecognition, Unlimited
from inference.autoconfigure import Tuned
from inference.recognition import RecognitionSettings
from inference.tracker import TrackerSettings
from inference.watch import WatchSettings

# One frame's reading is evidence, not a verdict: below this even the vote of many makes nothing of it.
FRAME_DISCARD_BELOW = 0.3

TUNED = frozenset(
    {
        "areas",
        "character_height_min_percent",
        "character_height_max_percent",
        "preset",
        "stop_above",
        "discard_below",
    }
)
"""The settings that auto-configuration overwrites."""


def tuned_part(chosen: CameraRecognition) -> Tuned:
    """The part that auto-configuration chooses."""
    low, high = chosen.character_height_min_percent, chosen.character_height_max_percent
    return Tuned(
        areas=chosen.areas,
        character_height_min=_share(low),
        character_height_max=_share(high),
        preset=chosen.preset,
        stop_above=chosen.stop_above,
        discard_below=chosen.discard_below,
    )


def watch_settings(chosen: CameraRecognition, modules: tuple[str, ...]) -> WatchSettings:
    """The settings as the camera's watch takes them; `modules` are its country modules."""
    tuned = tuned_part(chosen)
    return WatchSettings(
        recognition=RecognitionSettings(
            areas=tuned.areas,
            character_height_min=tuned.character_height_min,
            character_height_max=tuned.character_height_max,
            # The tracker's vote decides what is discarded.
            discard_below=min(chosen.discard_below, FRAME_DISCARD_BELOW),
            stop_above=chosen.stop_above,
            max_plates=None if chosen.max_plates == "unlimited" else chosen.max_plates,
            max_seconds_per_frame=_limit(chosen.max_seconds_per_frame),
            modules=modules,
            preset=chosen.preset,
        ),
        tracker=TrackerSettings(
            stop_above=chosen.stop_above,
            discard_below=chosen.discard_below,
            partial_span_s=chosen.partial_span_s,
            lost_after_s=chosen.lost_after_s,
            rearm_s=chosen.rearm_s,
            parked_rearm_s=chosen.parked_rearm_s,
        ),
        masks=chosen.masks,
        max_fps=chosen.calm_fps,
        moving_fps=math.inf if chosen.moving_fps is None else chosen.moving_fps,
        limit_fps=_limit(chosen.max_fps),
        reread_s=chosen.reread_s,
        motion_gate=chosen.motion_gate,
        motion_sensitivity=chosen.motion_sensitivity,
        look_at_motion_only=chosen.look_at_motion_only,
    )


def snapshot_settings(chosen: CameraRecognition, modules: tuple[str, ...]) -> RecognitionSettings:
    """The settings for pictures that somebody kept: the same, without the limit of time.

    They wait for live cameras, and that wait would use the limit up: the load would be measured, not the settings.
    """
    return replace(watch_settings(chosen, modules).recognition, max_seconds_per_frame=None)


def tuned_values(tuned: Tuned) -> dict[str, Any]:
    """What auto-configuration chose, by the names and in the units of these settings."""
    return {
        "areas": tuned.areas,
        "character_height_min_percent": _percent(tuned.character_height_min),
        "character_height_max_percent": _percent(tuned.character_height_max),
        "preset": tuned.preset,
        "stop_above": tuned.stop_above,
        "discard_below": tuned.discard_below,
    }


def _limit(value: float | Unlimited) -> float | None:
    return None if value == "unlimited" else value


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _percent(share: float | None) -> float | None:
    return None if share is None else round(share * 100, 3)
