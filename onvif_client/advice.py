"""The numbers of plate photography as pure functions: shutter, plate width, resolution, contrast, compression, angles.

They are those of the administrator manual of the best-known LPR product, so that an installer who knows it finds them
again. Where that manual contradicts itself, the function says what we took.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

KMH_FACTOR = 11
MPH_FACTOR = 18
SHUTTER_TABLE_DENOMINATORS = (50, 100, 200, 250, 500, 750, 1000, 1500, 2000, 3000, 4000)

MIN_PIXELS_PER_STROKE = 2.7

# Lines of one field only are sharp while the vehicle moves: 215/130 and 280/170 in the printed table are both 1.65.
INTERLACED_FACTOR = 1.65

INCH_CM = 2.54

MIN_CONTRAST = 15
# Between the floor and this, plates read but noise and compression soon undo it. Clean plates in daylight show 80 up.
GOOD_CONTRAST = 40

GOOD_JPEG_QUALITY = 80
BAD_JPEG_QUALITY = 50


class Verdict(StrEnum):
    """UNKNOWN: nobody measured it. The functions here are told a measure, so none of them answers that."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"


class PlateRegion(StrEnum):
    EU = "eu"
    US = "us"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateSize:
    """The plates of a region: how wide they are and how thick a stroke is, and the area one car needs."""

    plate_width_cm: float
    stroke_cm: float
    car_area_cm: float
    table_width_px: int


# The US stroke is printed as 1/4 in in one place and 0.27 in in the formula; the formula's value gives the printed 780.
PLATE_SIZES = {
    PlateRegion.EU: PlateSize(plate_width_cm=52.0, stroke_cm=1.0, car_area_cm=200.0, table_width_px=170),
    PlateRegion.US: PlateSize(
        plate_width_cm=12 * INCH_CM, stroke_cm=0.27 * INCH_CM, car_area_cm=78 * INCH_CM, table_width_px=130
    ),
}

# As printed, not computed: 130 * 1.65 is 214.5.
INTERLACED_WIDTH_PX = {PlateRegion.US: 215, PlateRegion.EU: 280}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    name: str
    width_px: int
    height_px: int


# The manual prints 720p as 1280x1024, which is SXGA; both are listed with their right names.
COMMON_RESOLUTIONS = tuple(
    Resolution(name=name, width_px=width, height_px=height)
    for name, width, height in (
        ("QCIF", 176, 120),
        ("CIF", 352, 240),
        ("2CIF", 704, 240),
        ("VGA", 640, 480),
        ("4CIF", 704, 480),
        ("D1", 720, 576),
        ("SVGA", 800, 600),
        ("XGA", 1024, 768),
        ("720p", 1280, 720),
        ("SXGA", 1280, 1024),
    )
)


def shutter_limit_s(max_speed_kmh: float) -> float:
    """The longest exposure that keeps a plate sharp at this speed: 1 / (11 v) seconds."""
    return 1 / (KMH_FACTOR * _positive(max_speed_kmh, "speed"))


def shutter_limit_mph_s(max_speed_mph: float) -> float:
    """The same for miles per hour: 1 / (18 v) seconds."""
    return 1 / (MPH_FACTOR * _positive(max_speed_mph, "speed"))


def speed_limit_kmh(shutter_denominator: float) -> int:
    """The fastest vehicle that a shutter of 1/denominator s still shows sharply, in whole km/h."""
    return math.floor(shutter_denominator / KMH_FACTOR)


def speed_limit_mph(shutter_denominator: float) -> int:
    return math.floor(shutter_denominator / MPH_FACTOR)


def shutter_table() -> tuple[tuple[int, int, int], ...]:
    """Rows of (shutter denominator, km/h, mph)."""
    return tuple((each, speed_limit_kmh(each), speed_limit_mph(each)) for each in SHUTTER_TABLE_DENOMINATORS)


def min_plate_width_px(region: PlateRegion, *, moving_interlaced: bool = False) -> int:
    """How wide a single-line plate should be in the picture: the table's target, above the floor of 2.7 px/stroke."""
    return INTERLACED_WIDTH_PX[region] if moving_interlaced else PLATE_SIZES[region].table_width_px


def interlaced_need_px(progressive_px: float) -> float:
    """The need of an interlaced camera and a moving vehicle, for plates that are not in the table."""
    return progressive_px * INTERLACED_FACTOR


def pixels_needed(*, area_width: float, stroke_width: float) -> int:
    """Picture width for an area: width * 2.7 / stroke, both in one unit (cm or inches)."""
    exact = _positive(area_width, "area width") * MIN_PIXELS_PER_STROKE / _positive(stroke_width, "stroke width")
    # 78 * 2.7 / 0.27 is 780 and a hair in binary fractions; a hair is no reason for the next resolution.
    return math.ceil(round(exact, 6))


def pixels_needed_for(region: PlateRegion, *, area_width_cm: float | None = None) -> int:
    """Picture width for a region's plates: one car wide (200 cm, 78 in) unless the area was measured."""
    size = PLATE_SIZES[region]
    width = size.car_area_cm if area_width_cm is None else area_width_cm
    return pixels_needed(area_width=width, stroke_width=size.stroke_cm)


def lowest_resolution(width_px: float) -> Resolution | None:
    """The smallest common resolution at least this wide; None when all are too small.

    Two-to-one pictures (2CIF) are passed over: they lack the lines.
    """
    fitting = [each for each in COMMON_RESOLUTIONS if each.width_px >= width_px and each.name != "2CIF"]
    return min(fitting, key=lambda each: each.width_px * each.height_px, default=None)


def pixels_per_stroke(*, plate_width_px: float, region: PlateRegion) -> float:
    """Estimated from the width of the plate in the picture."""
    size = PLATE_SIZES[region]
    return plate_width_px * size.stroke_cm / size.plate_width_cm


def stroke_verdict(value_px: float) -> Verdict:
    """2.7 pixels per stroke pass, less fails."""
    return Verdict.OK if value_px >= MIN_PIXELS_PER_STROKE else Verdict.BAD


def plate_contrast(grey: NDArray[np.uint8]) -> float:
    """Grey levels between characters and background of a plate crop: the distance between the two Otsu classes.

    Class means, not extremes, so that a screw, a highlight or noise does not pass for contrast.
    """
    if grey.ndim != 2 or grey.size == 0:
        raise ValueError("contrast is measured on a grey crop: a two-dimensional array that is not empty")
    counts = np.bincount(grey.ravel(), minlength=256).astype(np.float64)
    levels = np.arange(256, dtype=np.float64)
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * levels)
    usable = (below > 0) & (above > 0)
    if not usable.any():
        return 0.0
    dark = np.divide(sums, below, out=np.zeros(256), where=usable)
    bright = np.divide(sums[-1] - sums, above, out=np.zeros(256), where=usable)
    spread = np.where(usable, below * above * (bright - dark) ** 2, -1.0)
    best = int(np.argmax(spread))
    return float(bright[best] - dark[best])


def contrast_verdict(levels: float) -> Verdict:
    """Below 15 grey levels is bad, 40 and above good; between them readable with nothing to spare."""
    if levels < MIN_CONTRAST:
        return Verdict.BAD
    return Verdict.OK if levels >= GOOD_CONTRAST else Verdict.WARN


def jpeg_quality_verdict(quality: float) -> Verdict:
    """80 % and more costs nothing worth mentioning, 50 % and less is unusable."""
    if quality <= BAD_JPEG_QUALITY:
        return Verdict.BAD
    return Verdict.OK if quality >= GOOD_JPEG_QUALITY else Verdict.WARN


def vertical_angle_verdict(degrees: float) -> Verdict:
    """How far the camera looks down: 15 to 30 degrees are recommended."""
    return Verdict.OK if 15 <= abs(degrees) <= 30 else Verdict.WARN


def horizontal_angle_verdict(degrees: float) -> Verdict:
    """How far the camera looks from the side: up to 15 degrees is well, up to 25 bearable."""
    if abs(degrees) <= 15:
        return Verdict.OK
    return Verdict.WARN if abs(degrees) <= 25 else Verdict.BAD


def roll_verdict(*, edge_offset_px: float, plate_height_px: float) -> Verdict:
    """The single-line rule: one horizontal line must cross the left and the right edge of the plate."""
    return Verdict.OK if abs(edge_offset_px) <= _positive(plate_height_px, "plate height") else Verdict.BAD


def _positive(value: float, name: str) -> float:
    if not value > 0 or not math.isfinite(value):
        raise ValueError(f"the {name} must be a number above zero, not {value}")
    return value
