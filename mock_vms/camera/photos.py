"""A folder of photos as traffic: each photo comes nearer, passes slowly at full size, and leaves.

The photo is never cropped while it passes and never blown up more than twice, so its plate is as legible as in the
photo. What moves on the screen blurs by its speed on the screen times the exposure time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import structlog
from numpy.typing import NDArray

from mock_vms.camera.files import chosen_file, media_files, playing_order
from mock_vms.camera.physics import Plane, Shutter, smear
from mock_vms.camera.ports import VehicleRequest
from mock_vms.camera.sensor import Region, View
from mock_vms.camera.sources import Billing, PassageTruth, PlayMode, Timeline, UnknownVehicleError

log = structlog.get_logger(__name__)

Placement = NDArray[np.float64]
"""The 2 x 3 matrix from photo to screen."""

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")

APPROACH_S, LEAVE_S = 0.9, 0.7
# Beyond twice its size a photo shows nothing more, and readers are used to smaller characters.
LARGEST_SCALE = 2.0
FAR_SCALE, NEAR_SCALE = 0.45, 0.93
ROAD_BGR = (88, 86, 84)


class PhotoDriveBy:
    """Photos of vehicles, one drive-by each. `plates` gives the truth by file name where it is known."""

    def __init__(
        self,
        *,
        paths: Sequence[Path],
        mode: PlayMode = PlayMode.LOOP,
        plates: Mapping[str, str] | None = None,
        legible_s: float = 3.4,
        gap_s: float = 1.5,
    ) -> None:
        self._paths = media_files(paths, PICTURE_SUFFIXES, "photos")
        self._plates = plates or {}
        self._legible_s = legible_s
        self._mode = mode
        self._order = playing_order(self._paths, mode)
        self._asked = playing_order(self._paths, PlayMode.LOOP)
        self._timeline: Timeline[Path] = Timeline(billing=self._bill, autoplay=self._next, gap_s=gap_s)
        self._roads: dict[tuple[int, int], Plane] = {}
        self._broken = 0
        self._fitted: tuple[Path, tuple[int, int], Plane] | None = None

    def drive(self, request: VehicleRequest) -> int:
        return self._timeline.ask(chosen_file(self._paths, request, self._plates) or next(self._asked))

    def passages(self) -> list[PassageTruth]:
        return self._timeline.passages()

    def close(self) -> None:
        self._fitted = None

    def render(self, now_s: float, size: tuple[int, int], shutter: Shutter) -> View:
        road = self._road(size)
        showing = self._timeline.advance(now_s)
        if showing is None:
            return View(background=road, picture=road, changed=None)
        try:
            photo = self._fit(showing.item, size)
        except UnknownVehicleError as error:
            if showing.number != self._broken:
                log.warning("photos.unreadable", detail=str(error))
                self._broken = showing.number
            return View(background=road, picture=road, changed=None)
        matrix, velocity = self._motion(showing.age_s, photo, size)
        region = _covered(matrix, photo, size)
        if region.width <= 0 or region.height <= 0:
            return View(background=road, picture=road, changed=None)
        matrix[:, 2] -= (region.x, region.y)
        patch = cv2.warpAffine(
            photo,
            matrix,
            (region.width, region.height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=ROAD_BGR,
        )
        picture = road.copy()
        inside = (slice(region.y, region.y + region.height), slice(region.x, region.x + region.width))
        picture[inside] = smear(np.asarray(patch, dtype=np.uint8), velocity, shutter)
        return View(background=road, picture=picture, changed=region)

    def _motion(self, age_s: float, photo: Plane, size: tuple[int, int]) -> tuple[Placement, tuple[float, float]]:
        """Where the photo is, and how fast its plate (lower middle of the photo) moves, in pixels per second."""
        step = 1 / 60
        matrix = self._placement(age_s, photo, size)
        point = np.array([photo.shape[1] * 0.5, photo.shape[0] * 0.62, 1.0])
        moved = (self._placement(age_s + step, photo, size) - self._placement(age_s - step, photo, size)) @ point
        return matrix, (float(moved[0] / (2 * step)), float(moved[1] / (2 * step)))

    def _placement(self, age_s: float, photo: Plane, size: tuple[int, int]) -> Placement:
        """Photo to screen. Comes from the far end, passes with a slow zoom and a slight weave, leaves downwards."""
        width, height = photo.shape[1], photo.shape[0]
        coming = min(max(age_s / APPROACH_S, 0.0), 1.0)
        passing = (age_s - APPROACH_S) / self._legible_s
        leaving = max(0.0, (age_s - APPROACH_S - self._legible_s) / LEAVE_S)
        scale = FAR_SCALE + (NEAR_SCALE - FAR_SCALE) * _eased(coming) + (1 - NEAR_SCALE) * min(max(passing, 0), 1)
        slack_x, slack_y = size[0] - width * scale, size[1] - height * scale
        x = slack_x * (0.5 + 0.12 * math.sin(2.0 * min(age_s, APPROACH_S + self._legible_s)))
        y = slack_y * (0.15 + 0.7 * min(max((age_s / (APPROACH_S + self._legible_s)), 0), 1))
        y += (size[1] + 2) * leaving**2
        return np.array([[scale, 0.0, x], [0.0, scale, y]])

    def _fit(self, path: Path, size: tuple[int, int]) -> Plane:
        """The photo at the largest size it will be shown at. Decoded once per passage."""
        if self._fitted is not None and self._fitted[:2] == (path, size):
            return self._fitted[2]
        photo = read_picture(path)
        scale = min(size[0] / photo.shape[1], size[1] / photo.shape[0], LARGEST_SCALE)
        smoothing = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        fitted = np.asarray(cv2.resize(photo, None, fx=scale, fy=scale, interpolation=smoothing), dtype=np.uint8)
        self._fitted = (path, size, fitted)
        return fitted

    def _road(self, size: tuple[int, int]) -> Plane:
        if size not in self._roads:
            self._roads[size] = np.full((size[1], size[0], 3), ROAD_BGR, dtype=np.uint8)
        return self._roads[size]

    def _bill(self, path: Path) -> Billing:
        duration_s = APPROACH_S + self._legible_s + LEAVE_S
        return Billing(label=path.name, plate=self._plates.get(path.name), country=None, duration_s=duration_s)

    def _next(self) -> Path | None:
        return next(self._order, None)


def read_picture(path: Path) -> Plane:
    """A colour picture from a file; UnknownVehicleError when it is none."""
    try:
        data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise UnknownVehicleError(f"{path} cannot be read: {error.strerror}") from error
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if picture is None:
        raise UnknownVehicleError(f"{path} is not a picture that can be decoded; offer JPEG or PNG files")
    return np.asarray(picture, dtype=np.uint8)


def _covered(matrix: Placement, photo: Plane, size: tuple[int, int]) -> Region:
    """The part of the screen that the photo, and its blur of a few pixels, lies on."""
    left, top = matrix[:, 2]
    right, bottom = left + photo.shape[1] * matrix[0, 0], top + photo.shape[0] * matrix[1, 1]
    return Region(int(left), int(top), math.ceil(right - left), math.ceil(bottom - top)).grown(16, size)


def _eased(part: float) -> float:
    """From 0 to 1, arriving gently."""
    return 1 - (1 - part) ** 2
