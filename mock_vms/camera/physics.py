"""What the imaging settings do to the light: exposure, motion blur, noise, tone, WDR and sharpening.

The model is small and its laws are the physical ones: blur is speed times time, brightness is light times time times
gain, noise is what gain amplifies. Sources draw the scene as a perfectly exposed picture (level 1) with the motion blur
of `Shutter`; `Sensor` does the rest on the luma and chroma planes that the encoders need anyway.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mock_vms.camera.state import ExposureMode, ImagingSettings

Plane = NDArray[np.uint8]

# On a bright day an open iris needs this long for a well exposed picture without gain.
REFERENCE_EXPOSURE_S = 0.0015

# From f/1.4 to f/64 or so: what an automatic iris can take away before the shutter has to help.
IRIS_RANGE_DB = 46.0

# Display values follow light with this exponent, as in sRGB and BT.709.
GAMMA = 2.2

# Noise at 0 dB in grey levels: of the read-out, and of the photons in a white pixel.
READ_NOISE, SHOT_NOISE = 0.25, 0.7

# Below one part in a hundred of daylight a camera on AUTO swings its infra-red filter out and turns monochrome.
NIGHT_LIGHT = 0.01

# A WDR sensor takes a second, later exposure and mixes the two: moving things get a faint second edge.
WDR_SECOND_EXPOSURE_S = 1 / 120

NEUTRAL_SHARPNESS = 15.0
_NOISE_MARGIN_PX = 64
_NOISE_STEP = 32.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shutter:
    """What a source must know to draw motion: for how long light is gathered, and WDR's ghost."""

    exposure_s: float
    ghost: float = 0.0
    """Weight, 0 to 0.5, of the second edge `WDR_SECOND_EXPOSURE_S` later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How the camera exposes at this moment. `level` is the light on the sensor after gain; 1 is well exposed."""

    time_s: float
    gain_db: float
    iris_db: float
    level: float


def expose(imaging: ImagingSettings, light: float) -> Exposure:
    """Manual exposure obeys. Automatic exposure takes the longest shutter it may, then the iris, then gain.

    Most cameras do that out of the box, because a long shutter gives the cleanest picture of what stands still.
    """
    if imaging.exposure_mode == ExposureMode.MANUAL:
        time_s, gain_db, iris_db = imaging.exposure_time_us / 1e6, imaging.gain_db, imaging.iris_db
    else:
        target = 1.6 if imaging.backlight_compensation else 1.0
        time_s, gain_db, iris_db = imaging.max_exposure_time_us / 1e6, imaging.min_gain_db, 0.0
        excess_db = _decibels(_level(time_s, gain_db, 0.0, light) / target)
        if excess_db > 0:
            iris_db = min(excess_db, IRIS_RANGE_DB)
            shorter = 10 ** (-(excess_db - iris_db) / 20)
            time_s = max(time_s * shorter, min(imaging.min_exposure_time_us / 1e6, time_s))
        else:
            gain_db = max(imaging.min_gain_db, min(imaging.max_gain_db, gain_db - excess_db))
    return Exposure(time_s=time_s, gain_db=gain_db, iris_db=iris_db, level=_level(time_s, gain_db, iris_db, light))


def shutter_of(imaging: ImagingSettings, exposure: Exposure) -> Shutter:
    strength = imaging.wide_dynamic_range_level / 100 if imaging.wide_dynamic_range else 0.0
    return Shutter(exposure_s=exposure.time_s, ghost=0.3 * strength)


def noise_sigma(exposure: Exposure) -> float:
    """Standard deviation in grey levels of a mid-grey pixel: read-out grows with gain, photon noise with its root."""
    gain = 10 ** (exposure.gain_db / 20)
    return math.hypot(READ_NOISE * gain, SHOT_NOISE * math.sqrt(gain * 0.5))


def _level(time_s: float, gain_db: float, iris_db: float, light: float) -> float:
    return float(light * time_s / REFERENCE_EXPOSURE_S * 10 ** ((gain_db - iris_db) / 20))


def _decibels(ratio: float) -> float:
    return 20 * math.log10(max(ratio, 1e-9))


def smear(layer: Plane, velocity_px_s: tuple[float, float], shutter: Shutter) -> Plane:
    """The layer as it looks when it moves at this speed while light is gathered.

    A box as long as the way, along the way: short boxes by a filter, long ones by averaging the layer with itself
    shifted by twice the way each time, which is the same thing and cheap.
    """
    dx, dy = (component * shutter.exposure_s for component in velocity_px_s)
    length = math.hypot(dx, dy)
    doublings = max(0, math.ceil(math.log2(length / 3.0))) if length > 3.0 else 0
    pieces = 2**doublings
    layer = _short_box(layer, dx / pieces, dy / pieces)
    shifts = [(dx / pieces * 2**step, dy / pieces * 2**step, 0.5) for step in range(doublings)]
    if shutter.ghost > 0:
        vx, vy = velocity_px_s
        shifts.append((vx * WDR_SECOND_EXPOSURE_S, vy * WDR_SECOND_EXPOSURE_S, shutter.ghost))
    owed_x = owed_y = 0.0
    for shift_x, shift_y, weight in shifts:
        sx, sy = round(shift_x), round(shift_y)
        # Moved back by half each time, what rounding takes given back the next time: the picture stays where it was.
        back_x, back_y = round(sx / 2 + owed_x), round(sy / 2 + owed_y)
        owed_x, owed_y = owed_x + sx / 2 - back_x, owed_y + sy / 2 - back_y
        layer = _mixed(layer, (-back_x, -back_y), (sx - back_x, sy - back_y), weight)
    return layer


def _short_box(layer: Plane, dx: float, dy: float) -> Plane:
    if abs(dx) < 0.05 and abs(dy) < 0.05:
        return layer
    filtered = cv2.sepFilter2D(layer, -1, _box(dx), _box(dy), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(filtered, dtype=np.uint8)


def _box(length: float) -> NDArray[np.float32]:
    """The box of one pixel (the pixel itself) widened by a motion of `length` pixels, centred."""
    half = (abs(length) + 1) / 2
    reach = math.ceil(half - 0.5)
    edges = np.arange(-reach, reach + 2) - 0.5
    overlap = np.minimum(edges[1:], half) - np.maximum(edges[:-1], -half)
    return np.asarray(overlap / overlap.sum(), dtype=np.float32)


def _mixed(layer: Plane, one: tuple[int, int], other: tuple[int, int], weight: float) -> Plane:
    """The layer moved by `one` pixels, with a share `weight` of the layer moved by `other`."""
    if one == other == (0, 0):
        return layer
    height, width = layer.shape[:2]
    rim_x, rim_y = max(abs(one[0]), abs(other[0])), max(abs(one[1]), abs(other[1]))
    padded = cv2.copyMakeBorder(layer, rim_y, rim_y, rim_x, rim_x, cv2.BORDER_REPLICATE)
    first, second = (padded[rim_y - y : rim_y - y + height, rim_x - x : rim_x - x + width] for x, y in (one, other))
    return np.asarray(cv2.addWeighted(first, 1 - weight, second, weight, 0), dtype=np.uint8)


class Tone:
    """The per-pixel part of developing: exposure, brightness and contrast for luma; saturation for chroma."""

    def __init__(self, imaging: ImagingSettings, exposure: Exposure, *, light: float) -> None:
        factor = exposure.level ** (1 / GAMMA)
        luma = (np.arange(256) - 16) / 219
        contrast = 2 ** ((imaging.contrast - 50) / 50)
        toned = (np.clip(luma * factor, 0, 1) - 0.5) * contrast + 0.5 + (imaging.brightness - 50) / 50 * 0.3
        self.luma: Plane = np.clip(toned * 219 + 16.5, 16, 235).astype(np.uint8)
        # What is over-exposed turns white, so its colour fades; what is dark is dark in colour too.
        colour = min(factor, 1 / max(factor, 1e-6)) * imaging.color_saturation / 50 * min(contrast, 1.5)
        if imaging.ir_cut_filter == "OFF" or (imaging.ir_cut_filter == "AUTO" and light < NIGHT_LIGHT):
            colour = 0.0
        self.is_neutral = abs(factor - 1) < 0.01 and contrast == 1 and imaging.brightness == 50
        self.keeps_colour = abs(colour - 1) < 0.01
        self.chroma: Plane = np.clip((np.arange(256) - 128) * colour + 128.5, 16, 240).astype(np.uint8)

    def develop_luma(self, plane: Plane) -> Plane:
        return plane if self.is_neutral else np.asarray(cv2.LUT(plane, self.luma), dtype=np.uint8)

    def develop_chroma(self, plane: Plane) -> Plane:
        return plane if self.keeps_colour else np.asarray(cv2.LUT(plane, self.chroma), dtype=np.uint8)


def flatten_contrast(luma: Plane, base: Plane, strength: float) -> Plane:
    """WDR: wide differences of light are evened out, and with them the contrast of what is inside them."""
    detail, ground = 1 - 0.35 * strength, -0.35 * strength
    centre = (1 - detail - ground) * 118.0
    return np.asarray(cv2.addWeighted(luma, detail, base, ground, centre), dtype=np.uint8)


def sharpen(luma: Plane, sharpness: float) -> Plane:
    """Unsharp mask: 15 of 100 is neutral, less is soft, more rings at every edge."""
    if abs(sharpness - NEUTRAL_SHARPNESS) < 1:
        return luma
    soft = cv2.GaussianBlur(luma, (5, 5), 1.0)
    if sharpness < NEUTRAL_SHARPNESS:
        mixing = 0.5 * (1 - sharpness / NEUTRAL_SHARPNESS)
        return np.asarray(cv2.addWeighted(luma, 1 - mixing, soft, mixing, 0), dtype=np.uint8)
    amount = (sharpness - NEUTRAL_SHARPNESS) / (100 - NEUTRAL_SHARPNESS) * 3.0
    return np.asarray(cv2.addWeighted(luma, 1 + amount, soft, -amount, 0), dtype=np.uint8)


class Noise:
    """A sheet of noise that is laid over each picture at another place: as random as it looks, at a tenth the price."""

    def __init__(self, seed: int = 1) -> None:
        self._random = np.random.default_rng(seed)
        self._sheet: Plane = np.zeros((0, 0), dtype=np.uint8)

    def add(self, luma: Plane, sigma: float) -> Plane:
        """`luma` with noise of this deviation. Below a third of a grey level there is nothing to see."""
        if sigma < 0.33:
            return luma
        height, width = luma.shape
        if self._sheet.shape != (height + _NOISE_MARGIN_PX, width + _NOISE_MARGIN_PX):
            drawn = self._random.standard_normal(
                (height + _NOISE_MARGIN_PX, width + _NOISE_MARGIN_PX), dtype=np.float32
            )
            self._sheet = np.clip(drawn * _NOISE_STEP + 128.5, 0, 255).astype(np.uint8)
        top, left = (int(value) for value in self._random.integers(0, _NOISE_MARGIN_PX, size=2))
        sheet = self._sheet[top : top + height, left : left + width]
        weight = sigma / _NOISE_STEP
        return np.asarray(cv2.addWeighted(luma, 1, sheet, weight, -128 * weight), dtype=np.uint8)
