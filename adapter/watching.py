"""From a camera's stored recognition settings to the settings of its watch. Unknown or impossible values are refused.

The store keeps only what differs from the defaults, so a better default of a new version reaches every camera.
Names, units and ranges are those of the requirements M-189 to M-214.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inference.av_feed import Transport
from inference.recognition import Preset, RecognitionSettings
from inference.tracker import TrackerSettings
from inference.watch import WatchSettings

HardwareDecode = Literal["off", "auto", "vaapi", "cuda", "qsv", "amf", "drm", "vulkan", "d3d11va", "videotoolbox"]
"""FFmpeg's names for the devices that decode."""
Share = float
Polygon = tuple[tuple[Share, Share], ...]


class SettingsRefused(ValueError):
    """A recognition setting cannot be used; the message names it and what it takes."""


class CameraRecognition(BaseModel):
    """What a person may set for one camera. Shares are of the picture, 0 to 1; times in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    areas: tuple[Polygon, ...] = Field(default=(), max_length=16, description="Recognition area (M-191); empty: all.")
    masks: tuple[Polygon, ...] = Field(default=(), max_length=16, description="Where motion means nothing.")
    character_height_min: Share | None = Field(default=None, gt=0, lt=1, description="M-195, share of the height.")
    character_height_max: Share | None = Field(default=None, gt=0, le=1, description="M-195, share of the height.")
    preset: Preset = Field(default=Preset.BALANCED, description="Speed against quality (M-202).")
    max_fps: float | None = Field(default=4.0, gt=0, le=60, description="Frames read per second; null: all (M-206).")
    max_seconds_per_frame: float | None = Field(default=None, gt=0, le=10, description="M-208; null: unlimited.")
    max_plates: int | None = Field(default=5, ge=1, le=50, description="Plates per frame; null: unlimited (M-213).")
    stop_above: Share = Field(default=0.95, ge=0, le=1, description="Final at once above this likelihood (M-210).")
    discard_below: Share = Field(default=0.5, ge=0, le=1, description="No passage below this likelihood (M-211).")
    partial_span_s: float = Field(default=0.0, ge=0, le=5, description="Wait for the whole plate (M-214).")
    rearm_s: float = Field(default=10.0, ge=0, le=3600, description="The same plate within this time is one passage.")
    deinterlace: bool = Field(default=False, description="Compensate for interlacing (M-205).")
    rotation: int = Field(default=0, description="Turn the picture by 0, 90, 180 or 270 degrees.")
    key_frames_only: bool = Field(default=False, description="Decode key frames only (M-160).")
    transport: Transport = Field(default=Transport.AUTO, description="RTSP over tcp or udp; auto: tcp, then udp.")
    hardware_decode: HardwareDecode = Field(
        default="off", description="Decode on a graphics chip: off, auto, or by name; the processor where it cannot."
    )
    mask_osd: bool = Field(default=True, description="Do not read texts that the camera says it writes (ONVIF OSD).")

    @model_validator(mode="after")
    def _consistent(self) -> CameraRecognition:
        low, high = self.character_height_min, self.character_height_max
        if low is not None and high is not None and low >= high:
            raise ValueError("character_height_min must be below character_height_max")
        if self.discard_below > self.stop_above:
            raise ValueError("discard_below must not be above stop_above")
        if self.rotation not in {0, 90, 180, 270}:
            raise ValueError("rotation is 0, 90, 180 or 270")
        return self

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> CameraRecognition:
        """Raises SettingsRefused."""
        try:
            return cls(**stored)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"]) or "recognition"
            raise SettingsRefused(f"{key}: {first['msg']}") from error

    def watch_settings(self, modules: tuple[str, ...]) -> WatchSettings:
        return WatchSettings(
            recognition=RecognitionSettings(
                areas=self.areas,
                character_height_min=self.character_height_min,
                character_height_max=self.character_height_max,
                # One frame's reading is evidence, not a verdict: the tracker's vote decides what is discarded.
                discard_below=min(self.discard_below, 0.3),
                stop_above=self.stop_above,
                max_plates=self.max_plates,
                max_seconds_per_frame=self.max_seconds_per_frame,
                modules=modules,
                preset=self.preset,
            ),
            tracker=TrackerSettings(
                stop_above=self.stop_above,
                discard_below=self.discard_below,
                partial_span_s=self.partial_span_s,
                rearm_s=self.rearm_s,
            ),
            masks=self.masks,
            max_fps=self.max_fps,
        )
