"""Develops what a source shows into the I420 planes that the encoders take, touching only what moved."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mock_vms.camera.physics import (
    Exposure,
    Noise,
    Plane,
    Tone,
    flatten_contrast,
    noise_sigma,
    sharpen,
)
from mock_vms.camera.state import ImagingSettings

# Sharpening looks two pixels around; eight keep the seam of the developed region invisible.
_MARGIN_PX = 8

# WDR judges light by neighbourhoods of about a sixteenth of the picture.
_BASE_SIZE = (64, 36)


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of whole pixels."""

    x: int
    y: int
    width: int
    height: int

    def grown(self, margin: int, size: tuple[int, int]) -> Region:
        """Larger by `margin` on each side, on even coordinates, inside a picture of `size`."""
        left, top = max(0, self.x - margin) & ~1, max(0, self.y - margin) & ~1
        right = min(size[0], (self.x + self.width + margin + 1) & ~1)
        bottom = min(size[1], (self.y + self.height + margin + 1) & ~1)
        return Region(left, top, max(0, right - left), max(0, bottom - top))


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a source shows: BGR, even sizes. `background` keeps its identity while nothing in it changes.

    `changed` is where `picture` differs from `background`; None when it does not.
    """

    background: Plane
    picture: Plane
    changed: Region | None


class Sensor:
    """One camera's sensor. Keeps the developed background, so an empty street costs next to nothing."""

    def __init__(self) -> None:
        self._noise = Noise()
        self._background: Plane | None = None
        self._settings: tuple[ImagingSettings, Exposure, float] | None = None
        self._tone: Tone | None = None
        self._developed: Plane = np.zeros((0, 0), dtype=np.uint8)

    def develop(self, view: View, imaging: ImagingSettings, exposure: Exposure, *, light: float) -> Plane:
        """The I420 picture, shape (height * 3 / 2, width). The caller owns it."""
        height, width = view.picture.shape[:2]
        settings = (imaging, exposure, light)
        if self._tone is None or settings != self._settings:
            self._tone = Tone(imaging, exposure, light=light)
            self._background = None
            self._settings = settings
        changed = view.changed.grown(_MARGIN_PX, (width, height)) if view.changed else None
        if changed is not None and changed.width * changed.height > 0.6 * width * height:
            out = self._develop_all(view.picture, imaging)
        else:
            if self._background is not view.background:
                self._developed = self._develop_all(view.background, imaging)
                self._background = view.background
            out = self._developed.copy()
            if changed is not None and changed.width and changed.height:
                self._develop_region(out, view.picture, changed, imaging)
        luma = out[:height]
        luma[:] = self._noise.add(luma, noise_sigma(exposure))
        return out

    def _develop_all(self, picture: Plane, imaging: ImagingSettings) -> Plane:
        out = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)
        height, width = picture.shape[:2]
        region = Region(0, 0, width, height)
        base = self._base(picture, imaging)
        self._apply(out, out, region, base, imaging)
        return out

    def _develop_region(self, out: Plane, picture: Plane, region: Region, imaging: ImagingSettings) -> None:
        part = picture[region.y : region.y + region.height, region.x : region.x + region.width]
        planes = np.asarray(cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)
        base = self._base(picture, imaging)
        if base is not None:
            base = base[region.y : region.y + region.height, region.x : region.x + region.width]
        self._apply(out, planes, region, base, imaging)

    def _apply(self, out: Plane, planes: Plane, region: Region, base: Plane | None, imaging: ImagingSettings) -> None:
        """Develop `planes` (an I420 picture of the region) into its place in `out`."""
        assert self._tone is not None
        luma = self._tone.develop_luma(planes[: region.height])
        if base is not None:
            luma = flatten_contrast(luma, self._tone.develop_luma(base), imaging.wide_dynamic_range_level / 100)
        luma = sharpen(luma, imaging.sharpness)
        height = out.shape[0] * 2 // 3
        out[region.y : region.y + region.height, region.x : region.x + region.width] = luma
        for target, source in zip(chroma_planes(out, height), chroma_planes(planes, region.height), strict=True):
            rows = slice(region.y // 2, (region.y + region.height) // 2)
            columns = slice(region.x // 2, (region.x + region.width) // 2)
            target[rows, columns] = self._tone.develop_chroma(source)

    def _base(self, picture: Plane, imaging: ImagingSettings) -> Plane | None:
        """The light of each neighbourhood, at full size; None when WDR is off."""
        if not imaging.wide_dynamic_range or imaging.wide_dynamic_range_level <= 0:
            return None
        height, width = picture.shape[:2]
        small = cv2.resize(picture[::4, ::4], _BASE_SIZE, interpolation=cv2.INTER_AREA)
        grey = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), (0, 0), 3.0)
        return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def chroma_planes(planes: Plane, height: int) -> tuple[Plane, Plane]:
    """The two chroma planes of a contiguous I420 picture, as views."""
    width = planes.shape[1]
    flat = planes.reshape(-1)
    quarter = height * width // 4
    first = flat[height * width : height * width + quarter].reshape(height // 2, width // 2)
    second = flat[height * width + quarter : height * width + 2 * quarter].reshape(height // 2, width // 2)
    return first, second
