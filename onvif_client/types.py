"""The nouns of the camera side: what a camera says about itself, as frozen values.

None means that the camera did not say. In a value that asks for a change, None means "leave it as it is".
Times are microseconds, gain and iris decibels; other imaging levels are in the camera's own units (see the options).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any


class MediaVersion(StrEnum):
    """Which media service a profile was read from."""

    MEDIA1 = "media1"
    MEDIA2 = "media2"


class ExposureMode(StrEnum):
    AUTO = "AUTO"
    MANUAL = "MANUAL"


class IrCutFilter(StrEnum):
    """ON is day (infrared is filtered out), OFF is night."""

    ON = "ON"
    OFF = "OFF"
    AUTO = "AUTO"


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraInformation:
    manufacturer: str
    model: str
    firmware_version: str
    serial_number: str
    hardware_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What a number may be set to. Cameras say minimum == maximum for a value that is read only."""

    minimum: float
    maximum: float

    @property
    def settable(self) -> bool:
        return self.maximum > self.minimum

    def clamp(self, value: float) -> float:
        return min(max(value, self.minimum), self.maximum)

    def at(self, share: float) -> float:
        """The value at a share (0 to 1) of the range."""
        return self.minimum + share * (self.maximum - self.minimum)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfiguration:
    """One video encoder configuration. `quality` is in the camera's own scale."""

    token: str
    name: str
    encoding: str
    width_px: int
    height_px: int
    quality: float
    frame_rate: float | None = None
    bitrate_kbps: int | None = None
    gov_length: int | None = None
    codec_profile: str | None = None
    use_count: int | None = None
    media: MediaVersion = MediaVersion.MEDIA1


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingOptions:
    """What one encoding can be set to. `frame_rates` lists the steps when the camera names them."""

    encoding: str
    resolutions: tuple[tuple[int, int], ...] = ()
    quality: Range | None = None
    frame_rate: Range | None = None
    frame_rates: tuple[float, ...] = ()
    bitrate_kbps: Range | None = None
    gov_length: Range | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderOptions:
    encodings: tuple[EncodingOptions, ...] = ()

    def of(self, encoding: str) -> EncodingOptions | None:
        """The options of one encoding, None when the camera does not offer it."""
        return next((each for each in self.encodings if each.encoding == encoding), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderChange:
    """What to change on an encoder; None leaves the field alone."""

    encoding: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    quality: float | None = None
    frame_rate: float | None = None
    bitrate_kbps: int | None = None
    gov_length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A media profile: which source it shows and how it is encoded."""

    token: str
    name: str
    media: MediaVersion
    video_source_token: str | None = None
    encoder: EncoderConfiguration | None = None
    video_source_configuration: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnScreenText:
    """A text or logo that the camera writes into its picture: about where, in shares of the picture, y down."""

    token: str
    text: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def polygon(self) -> tuple[tuple[float, float], ...]:
        """The corners, clockwise from top left."""
        return ((self.left, self.top), (self.right, self.top), (self.right, self.bottom), (self.left, self.bottom))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagingSettings:
    """ONVIF ImagingSettings20, flat. Imaging belongs to the sensor: it changes the recorded picture too."""

    exposure_mode: ExposureMode | None = None
    exposure_time_us: float | None = None
    min_exposure_time_us: float | None = None
    max_exposure_time_us: float | None = None
    gain_db: float | None = None
    min_gain_db: float | None = None
    max_gain_db: float | None = None
    iris_db: float | None = None
    min_iris_db: float | None = None
    max_iris_db: float | None = None
    brightness: float | None = None
    contrast: float | None = None
    color_saturation: float | None = None
    sharpness: float | None = None
    wide_dynamic_range: bool | None = None
    wide_dynamic_range_level: float | None = None
    backlight_compensation: bool | None = None
    backlight_compensation_level: float | None = None
    ir_cut_filter: IrCutFilter | None = None
    tone_compensation: bool | None = None
    defogging: bool | None = None
    noise_reduction: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagingOptions:
    """What imaging can be set to: `ranges` by the number fields of ImagingSettings, `switches` by its booleans.

    A field in neither is not settable. A switch that lists one value only is read only.
    """

    exposure_modes: frozenset[ExposureMode] = frozenset()
    ir_cut_filters: frozenset[IrCutFilter] = frozenset()
    ranges: dict[str, Range] = field(default_factory=dict)
    switches: dict[str, frozenset[bool]] = field(default_factory=dict)

    def range_of(self, name: str) -> Range | None:
        """The range of a number field when it can be set, else None."""
        found = self.ranges.get(name)
        return found if found is not None and found.settable else None

    def can_switch(self, name: str, to: bool) -> bool:
        """Whether a boolean field can be set to this value (one listed value is read only)."""
        values = self.switches.get(name, frozenset())
        return to in values and len(values) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedChange:
    """One field asked of the camera and what it says afterwards (cameras answer OK and ignore)."""

    field: str
    asked: str
    got: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayOutput:
    """A relay output. A monostable relay falls back by itself after `delay`."""

    token: str
    monostable: bool
    delay: timedelta
    idle_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseResult:
    """What became of a relay pulse. `released` is None when the camera itself releases the relay."""

    activated: bool
    released: bool | None
    falls_back_after: timedelta = timedelta(0)
    """When the camera itself does so."""
    detail: str = ""


def shown(value: Any) -> str:
    """A value as an installer reads it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
