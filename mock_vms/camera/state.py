"""What one virtual camera is set to at this moment: the seam between its SOAP services and its picture.

The services write it, the stage (the picture) reads it before every frame. Single event loop, so no locks; the stage's
render thread takes a snapshot (`imaging`, `encoder(token)`), which is safe because the values are frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum


class ExposureMode(StrEnum):
    AUTO = "AUTO"
    MANUAL = "MANUAL"


class Encoding(StrEnum):
    JPEG = "JPEG"
    H264 = "H264"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagingSettings:
    """ONVIF ImagingSettings20. Times in microseconds, gain and iris in dB, the rest 0 to 100 (camera specific).

    The defaults are what a camera out of the box does to a plate: a long shutter, a lot of gain, sharpening, WDR.
    """

    exposure_mode: ExposureMode = ExposureMode.AUTO
    exposure_time_us: float = 40_000.0
    min_exposure_time_us: float = 100.0
    max_exposure_time_us: float = 40_000.0
    gain_db: float = 0.0
    min_gain_db: float = 0.0
    max_gain_db: float = 36.0
    iris_db: float = 0.0
    brightness: float = 50.0
    contrast: float = 50.0
    color_saturation: float = 50.0
    sharpness: float = 50.0
    wide_dynamic_range: bool = True
    wide_dynamic_range_level: float = 50.0
    backlight_compensation: bool = False
    ir_cut_filter: str = "AUTO"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSettings:
    """One video encoder configuration. `quality` 0 to 100, `bitrate_kbps` the ceiling."""

    token: str
    encoding: Encoding = Encoding.H264
    width_px: int = 1280
    height_px: int = 720
    frame_rate: float = 12.0
    gov_length: int = 12
    quality: float = 60.0
    bitrate_kbps: int = 4096


CORNERS = {
    "UpperLeft": (False, False),
    "UpperRight": (False, True),
    "LowerLeft": (True, False),
    "LowerRight": (True, True),
}
"""ONVIF's words for the corners: whether each is below, and whether it is on the right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OsdSettings:
    """A text in the picture; None is the clock. `x` and `y` (-1 to 1, y up) say where when `position` is Custom."""

    text: str | None = None
    position: str = "UpperLeft"
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayPulse:
    """One change of a relay, kept so that a demo can say when the gate opened and a test how often."""

    relay_token: str
    active: bool
    at: datetime


@dataclass(slots=True, kw_only=True)
class RelayOutput:
    """A relay output. Monostable relays fall back by themselves after `delay_s`."""

    token: str
    monostable: bool = True
    delay_s: float = 2.0
    idle_open: bool = True
    active: bool = False


@dataclass(slots=True, kw_only=True)
class CameraState:
    """Everything a client can change on the camera."""

    name: str = "Virtual camera"
    imaging: ImagingSettings = field(default_factory=ImagingSettings)
    encoders: dict[str, EncoderSettings] = field(
        default_factory=lambda: {
            "encoder_main": EncoderSettings(token="encoder_main"),
            "encoder_jpeg": EncoderSettings(token="encoder_jpeg", encoding=Encoding.JPEG, quality=70.0),
        }
    )
    relays: dict[str, RelayOutput] = field(default_factory=lambda: {"gate": RelayOutput(token="gate")})
    osds: dict[str, OsdSettings] = field(default_factory=dict)
    pulses: list[RelayPulse] = field(default_factory=list)
    listeners: list[Callable[[RelayPulse], None]] = field(default_factory=list)

    def encoder(self, token: str) -> EncoderSettings:
        """The settings of one encoder; KeyError when there is no such token."""
        return self.encoders[token]

    def set_encoder(self, settings: EncoderSettings) -> None:
        self.encoders[settings.token] = settings

    def set_relay(self, token: str, active: bool, at: datetime | None = None) -> None:
        """Switch a relay, remember when, and tell the listeners. KeyError when there is no such relay."""
        relay = self.relays[token]
        relay.active = active
        pulse = RelayPulse(relay_token=token, active=active, at=at or datetime.now(UTC))
        self.pulses.append(pulse)
        for listener in self.listeners:
            listener(pulse)

    def change_imaging(self, **fields: object) -> None:
        """Replace the named imaging fields."""
        self.imaging = replace(self.imaging, **fields)  # type: ignore[arg-type]  # names are checked by replace()
