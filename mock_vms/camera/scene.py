"""The rendered street: vehicles with plates of chosen countries drive towards the camera at a true speed.

It needs no data. Speeds are real: metres become pixels through `Lens`, so an exposure time blurs a plate by as much as
it would blur a real one.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mock_vms.camera.lens import Lens
from mock_vms.camera.physics import Plane, Shutter, smear
from mock_vms.camera.plates import (
    STYLES,
    PlateStyle,
    could_be,
    draw_plate,
    normalized,
    plate_mips,
    random_plate,
    style_of,
    written,
)
from mock_vms.camera.ports import VehicleRequest
from mock_vms.camera.sensor import Region, View
from mock_vms.camera.sources import Billing, PassageTruth, PlayMode, Timeline, UnknownVehicleError
from mock_vms.camera.street import paint_street
from mock_vms.camera.vehicles import PLATE_HEIGHT_M, Vehicle

# Where a bumper is at the upper edge of the picture, and where the last of a long vehicle has left at the lower one.
ENTER_M, LEAVE_M = 52.0, 1.0
SLOWEST_KMH, FASTEST_KMH = 3.0, 250.0
LANE_OFFSET_M = 0.12


@dataclass(frozen=True, slots=True, kw_only=True)
class Approach:
    """One vehicle on its way."""

    vehicle: Vehicle
    plate: str
    country: str
    speed_mps: float
    x_m: float

    def distance_m(self, age_s: float) -> float:
        return ENTER_M - self.speed_mps * age_s


class StreetScene:
    """The default source. Plates that nobody asked for are rolled, or taken in turn from `plates`."""

    def __init__(
        self,
        *,
        countries: Sequence[str] = ("DE", "NL", "FR", "GB", "ES", "IT"),
        plates: Sequence[str] = (),
        mode: PlayMode = PlayMode.LOOP,
        every_s: float = 8.0,
        speed_kmh: float = 30.0,
        seed: int | None = None,
        gap_s: float = 1.5,
    ) -> None:
        """`every_s` is the free road between vehicles that come by themselves. ONCE shows `plates` and then rests."""
        self._styles = [style_of(country) for country in countries]
        if not self._styles:
            raise UnknownVehicleError("name at least one country for the plates")
        self._plates = tuple(plates)
        self._mode = mode
        self._speed_kmh = speed_kmh
        self._chance = random.Random(seed)
        self._shown = 0
        self._timeline: Timeline[Approach] = Timeline(
            billing=_bill, autoplay=self._next, gap_s=gap_s, autoplay_gap_s=every_s
        )

    def drive(self, request: VehicleRequest) -> int:
        if request.photo is not None:
            raise UnknownVehicleError("this camera films a rendered street and has no photos; leave the photo out")
        return self._timeline.ask(self._approach(request))

    def passages(self) -> list[PassageTruth]:
        return self._timeline.passages()

    def close(self) -> None:
        """Nothing is held."""

    def on_road(self, now_s: float) -> tuple[Approach, float] | None:
        """Who is driving towards the camera at this moment, and how many metres away."""
        showing = self._timeline.advance(now_s)
        return None if showing is None else (showing.item, showing.item.distance_m(showing.age_s))

    def render(self, now_s: float, size: tuple[int, int], shutter: Shutter) -> View:
        street = paint_street(size)
        on_road = self.on_road(now_s)
        if on_road is None:
            return View(background=street, picture=street, changed=None)
        lens = Lens.for_size(size)
        approach, z_m = on_road
        velocity = velocity_px_s(lens, approach, z_m)
        # The blur reaches half its length to either side; the ghost of WDR comes at most 1/120 s later.
        trail_px = (shutter.exposure_s / 2 + 0.01) * max(map(abs, velocity)) + 2
        region = _extent(lens, approach, z_m, trail_px)
        if region.width <= 2 or region.height <= 2:
            return View(background=street, picture=street, changed=None)
        layer: Plane = np.zeros((region.height, region.width, 4), dtype=np.uint8)
        approach.vehicle.draw(layer, lens, approach.x_m, z_m, (region.x, region.y))
        layer = smear(layer, velocity, shutter)
        picture = street.copy()
        inside = (slice(region.y, region.y + region.height), slice(region.x, region.x + region.width))
        picture[inside] = _over(layer, street[inside])
        return View(background=street, picture=picture, changed=region)

    def _approach(self, request: VehicleRequest) -> Approach:
        style = style_of(request.country) if request.country else self._style_for(request.plate)
        text = written(request.plate, style) if request.plate else random_plate(style, self._chance)
        speed_kmh = self._speed_kmh if request.speed_kmh is None else request.speed_kmh
        if not SLOWEST_KMH <= speed_kmh <= FASTEST_KMH:
            raise UnknownVehicleError(
                f"{speed_kmh:g} km/h: vehicles drive {SLOWEST_KMH:g} to {FASTEST_KMH:g} km/h here"
            )
        size_m = (style.width_mm / 1000, style.height_mm / 1000)
        vehicle = Vehicle.rolled(self._chance, plate=plate_mips(draw_plate(text, style)), plate_size_m=size_m)
        return Approach(
            vehicle=vehicle,
            plate=normalized(text),
            country=style.country,
            speed_mps=speed_kmh / 3.6,
            x_m=self._chance.uniform(-LANE_OFFSET_M, LANE_OFFSET_M),
        )

    def _style_for(self, plate: str | None) -> PlateStyle:
        """A style that such a number could be from, this street's countries first; any of them for a random one."""
        if plate is None:
            return self._chance.choice(self._styles)
        fitting = (style for style in (*self._styles, *STYLES.values()) if could_be(plate, style))
        return next(fitting, self._styles[0])

    def _next(self) -> Approach | None:
        if self._mode is PlayMode.ON_DEMAND:
            return None
        if self._mode is PlayMode.ONCE and self._shown >= len(self._plates):
            return None
        plate = self._plates[self._shown % len(self._plates)] if self._plates else None
        self._shown += 1
        return self._approach(VehicleRequest(plate=plate))


def velocity_px_s(lens: Lens, approach: Approach, z_m: float) -> tuple[float, float]:
    """How fast the plate moves on the screen."""
    step_s = 0.002
    before = lens.point(approach.x_m, PLATE_HEIGHT_M, z_m + approach.speed_mps * step_s)
    after = lens.point(approach.x_m, PLATE_HEIGHT_M, z_m - approach.speed_mps * step_s)
    return (after[0] - before[0]) / (2 * step_s), (after[1] - before[1]) / (2 * step_s)


def _extent(lens: Lens, approach: Approach, z_m: float, trail_px: float) -> Region:
    """The rectangle that the vehicle, its shadow and its blur lie in."""
    half, top = approach.vehicle.body.width / 2 + 0.4, approach.vehicle.height_m
    length = approach.vehicle.body.length + 0.8
    corners = [(approach.x_m + x, y, z_m + z) for x in (-half, half) for y in (0.0, top) for z in (-0.3, length)]
    pixels = lens.project(np.asarray(corners))
    size = (lens.width_px, lens.height_px)
    left, upper = np.clip(pixels.min(axis=0) - trail_px, -max(size), 2 * max(size))
    right, lower = np.clip(pixels.max(axis=0) + trail_px, -max(size), 2 * max(size))
    return Region(int(left), int(upper), int(right - left) + 1, int(lower - upper) + 1).grown(0, size)


def _over(layer: Plane, ground: Plane) -> Plane:
    """A layer with alpha-multiplied colours laid over the ground."""
    through = cv2.cvtColor(255 - layer[..., 3], cv2.COLOR_GRAY2BGR)
    behind = cv2.multiply(ground, through, scale=1 / 255)
    return np.asarray(cv2.add(behind, cv2.cvtColor(layer, cv2.COLOR_BGRA2BGR), dst=behind), dtype=np.uint8)


def _bill(approach: Approach) -> Billing:
    duration_s = (ENTER_M - LEAVE_M) / approach.speed_mps
    return Billing(label=approach.plate, plate=approach.plate, country=approach.country, duration_s=duration_s)
