"""Does anything move where we look? The cheap question before the dear one.

Works on a grey picture 320 wide, so it costs half a millisecond whatever the camera sends, and asks for no colours.
Answers with the boxes of what moved, in pixels of the full frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.images import grey_of
from inference.types import Box, Frame

WIDTH_PX = 320
# Sensor noise after the downscale and blur stays below this many grey levels by day; at night it is measured.
LEAST_STEP = 9.0
NOISE_TIMES = 4.0
# No sensor is this noisy after the averaging: half the picture changed by more, so it is another picture (a cut in a
# recording, a camera that turned, the light switched on), and what was learned about the old one means nothing.
MOST_NOISE = 7.0
# Share of the small picture that a blob needs: a motorcycle plate's surroundings at 20 m cover more.
LEAST_BLOB = 0.0007
# The reference follows the picture with this time constant, so a vehicle that stopped is part of it soon.
SETTLE_S = 0.7
# The scene is what has been there for long: what a vehicle leaves behind is no motion, though the reference still
# remembers the vehicle. Its light is followed with the first time constant; what is new in it, a vehicle that waits,
# becomes part of it with the second.
SCENE_S, PART_OF_SCENE_S = 60.0, 600.0
# It changes slowly, so it is not compared with every frame.
FOLLOW_EVERY_S = 1.0
# Before this nobody can say what belongs to the scene, and after so long another picture is another scene.
KNOWN_AFTER_S = 20.0
# A blob that comes back in one place again and again, small and alone, is a clock, a lamp or a flag.
NUISANCE_SHARE = 0.012
NUISANCE_TIMES = 10
NUISANCE_FORGET_S = 30.0
MOST_NUISANCES = 16
MOST_BLOBS = 24

Polygon = Sequence[tuple[float, float]]
"""Corners in shares of the picture, 0 to 1, so that it fits every resolution of the camera."""

_Grey = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MotionResult:
    """Whether something moved, and where. `whole` when the picture changed all over (or is the first)."""

    moved: bool
    boxes: tuple[Box, ...] = ()
    whole: bool = False

    def __bool__(self) -> bool:
        return self.moved


@dataclass(slots=True)
class _Nuisance:
    box: tuple[int, int, int, int]
    times: int
    last_s: float


class MotionGate:
    """Compares each frame with two references: one that follows within a second, and the scene without its vehicles.

    Motion is what differs from both. One gate per camera; calls must not overlap.
    """

    def __init__(
        self, areas: Sequence[Polygon] = (), masks: Sequence[Polygon] = (), *, sensitivity: float = 1.0
    ) -> None:
        self._areas = [list(area) for area in areas]
        self._masks = [list(mask) for mask in masks]
        self._sensitivity = sensitivity
        self._size: tuple[int, int] | None = None
        self._reference: _Grey | None = None
        self._scene: _Grey | None = None
        self._grey: _Grey | None = None
        """The last frame, where it is like one before it."""
        self._step = LEAST_STEP
        self._begun_s = self._as_known_s = self._followed_s = 0.0
        self._first: list[_Grey] = []
        """What a young scene showed, second by second."""
        self._mask: NDArray[np.uint8] | None = None
        self._mask_px = 0
        self._last_s = 0.0
        self._nuisances: list[_Nuisance] = []

    def change(self, areas: Sequence[Polygon], masks: Sequence[Polygon], *, sensitivity: float) -> None:
        """Look elsewhere from the next frame on. What is known of the picture stays: nothing has moved by this."""
        self._areas = [list(area) for area in areas]
        self._masks = [list(mask) for mask in masks]
        self._sensitivity = sensitivity
        if self._reference is not None:
            mask = self._draw_mask(self._reference.shape[1], self._reference.shape[0])
            self._mask, self._mask_px = mask, max(1, cv2.countNonZero(mask))

    def moved(self, frame: Frame) -> MotionResult:
        """What changed since the frames before; a first frame, a cut and a new size count as motion everywhere."""
        width, height = frame.size
        grey = self._shrink(frame)
        if self._reference is None or self._scene is None or self._mask is None or self._size != (width, height):
            self._size = (width, height)
            self._mask = self._draw_mask(grey.shape[1], grey.shape[0])
            self._mask_px = max(1, cv2.countNonZero(self._mask))
            self._begin_scene(grey, frame.monotonic_s)
            return self._begin(frame, grey)
        self._grey = grey
        change, noise = _change(grey, self._reference)
        if noise > MOST_NOISE and self._scene_age_s() >= KNOWN_AFTER_S / 2:
            # A lorry that filled the picture has come or gone, or this is another picture altogether.
            self._reference = grey.copy()
            change, noise = _change(grey, self._scene)
        self._step = max(LEAST_STEP, NOISE_TIMES * noise) / self._sensitivity
        hot = cv2.compare(change, self._step, cv2.CMP_GT) & self._mask
        if cv2.countNonZero(hot):
            hot &= cv2.compare(_change(grey, self._scene)[0], self._step, cv2.CMP_GT)
        elapsed_s = max(0.02, frame.monotonic_s - self._last_s)
        self._last_s = frame.monotonic_s
        cv2.accumulateWeighted(grey, self._reference, 1.0 - math.exp(-elapsed_s / SETTLE_S))
        if frame.monotonic_s - self._followed_s >= FOLLOW_EVERY_S:
            self._follow(grey, frame.monotonic_s)
        if noise > MOST_NOISE:
            return self._begin(frame, grey)
        return self._blobs(hot, frame.monotonic_s, width / grey.shape[1], height / grey.shape[0])

    def empty(self) -> bool:
        """Whether the last frame showed nothing but the scene where we look: who came lately has gone."""
        if self._grey is None or self._scene is None or self._mask is None:
            return False
        if self._scene_age_s() < KNOWN_AFTER_S:
            return False
        strange = cv2.compare(_change(self._grey, self._scene)[0], self._step, cv2.CMP_GT) & self._mask
        return bool(cv2.countNonZero(_opened(strange)) < LEAST_BLOB * strange.size)

    def _scene_age_s(self) -> float:
        return self._last_s - self._begun_s

    def _follow(self, grey: _Grey, now_s: float) -> None:
        """What the scene is now."""
        assert self._scene is not None
        change, noise = _change(grey, self._scene)
        if noise <= MOST_NOISE:
            self._as_known_s = now_s
        elif now_s - self._as_known_s > KNOWN_AFTER_S:
            self._begin_scene(grey, now_s)
            return
        strange = cv2.compare(change, self._step, cv2.CMP_GT)
        elapsed_s, age_s = now_s - self._followed_s, now_s - self._begun_s
        self._followed_s = now_s
        if age_s < KNOWN_AFTER_S:
            # What was there most of the time. A mean would keep a trace of each vehicle, to be taken for motion later.
            self._first.append(grey)
            if len(self._first) % 2:
                self._scene = np.median(self._first, axis=0)
            return
        self._first.clear()
        cv2.accumulateWeighted(grey, self._scene, 1.0 - math.exp(-elapsed_s / SCENE_S), ~strange)
        cv2.accumulateWeighted(grey, self._scene, 1.0 - math.exp(-elapsed_s / PART_OF_SCENE_S), strange)

    def _begin_scene(self, grey: _Grey, now_s: float) -> None:
        self._scene, self._first = grey.copy(), [grey]
        self._begun_s = self._as_known_s = self._followed_s = now_s

    def _begin(self, frame: Frame, grey: _Grey) -> MotionResult:
        """A picture that has nothing to do with the one before: motion everywhere, and the reference begins anew."""
        width, height = frame.size
        self._reference = grey
        self._grey = None
        self._last_s = frame.monotonic_s
        self._nuisances.clear()
        return MotionResult(True, (Box(x=0, y=0, width=width, height=height),), whole=True)

    def _shrink(self, frame: Frame) -> _Grey:
        width, height = frame.size
        small = grey_of(frame, WIDTH_PX, max(1, round(height * WIDTH_PX / width)))
        return np.asarray(cv2.GaussianBlur(small, (3, 3), 0), dtype=np.float32)

    def _draw_mask(self, width: int, height: int) -> NDArray[np.uint8]:
        mask = np.full((height, width), 0 if self._areas else 255, np.uint8)
        for polygons, value in ((self._areas, 255), (self._masks, 0)):
            for polygon in polygons:
                corners = np.array([(x * width, y * height) for x, y in polygon], np.float32).round().astype(np.int32)
                cv2.fillPoly(mask, [corners], value)
        return mask

    def _blobs(self, hot: NDArray[np.uint8], now_s: float, across: float, down: float) -> MotionResult:
        if not cv2.countNonZero(hot):
            return MotionResult(False)
        hot = _opened(hot)
        share = cv2.countNonZero(hot) / self._mask_px
        joined = cv2.dilate(hot, np.ones((7, 7), np.uint8))
        count, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
        least = LEAST_BLOB * hot.size
        blobs = []
        for x, y, width, height, _ in sorted(stats[1:count].tolist(), key=lambda row: -row[4])[:MOST_BLOBS]:
            # Dilating grew each side by three; what counts is what changed.
            if cv2.countNonZero(hot[y : y + height, x : x + width]) >= least:
                blobs.append((x, y, width, height))
        real = self._without_nuisances(blobs, hot.size, now_s)
        boxes = tuple(Box(x=x * across, y=y * down, width=w * across, height=h * down) for x, y, w, h in real)
        return MotionResult(bool(boxes), boxes, whole=share > 0.6)

    def _without_nuisances(
        self, blobs: list[tuple[int, int, int, int]], picture_px: int, now_s: float
    ) -> list[tuple[int, int, int, int]]:
        """Leave out small blobs known to come back in the same place; learn them only while nothing else moves."""
        self._nuisances = [one for one in self._nuisances if now_s - one.last_s <= NUISANCE_FORGET_S]
        small = [blob for blob in blobs if blob[2] * blob[3] <= NUISANCE_SHARE * picture_px]
        large = [blob for blob in blobs if blob not in small]
        if large or len(small) > 3:
            return blobs
        real = []
        for blob in small:
            known = next((one for one in self._nuisances if _alike(one.box, blob)), None)
            if known is None:
                if len(self._nuisances) < MOST_NUISANCES:
                    self._nuisances.append(_Nuisance(blob, 1, now_s))
                real.append(blob)
                continue
            known.times += 1
            known.last_s = now_s
            if known.times <= NUISANCE_TIMES:
                real.append(blob)
        return real


def _change(grey: _Grey, reference: _Grey) -> tuple[_Grey, float]:
    """How far each pixel is from a reference, in grey levels, and how far noise alone takes it."""
    change = grey - reference
    # A cloud or the camera's own exposure shifts the whole picture; that is not motion.
    change -= _middle(change[::4, ::4])
    size = np.asarray(cv2.absdiff(change, 0.0), np.float32)
    return size, _middle(size[::4, ::4]) / 0.6745


def _opened(hot: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Without lone pixels."""
    return np.asarray(cv2.morphologyEx(hot, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)), np.uint8)


def _middle(values: _Grey) -> float:
    """The median; numpy's own costs several times more on so few values."""
    half = values.size // 2
    return float(np.partition(values, half, axis=None)[half])


def _alike(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    a = Box(x=one[0], y=one[1], width=one[2], height=one[3])
    b = Box(x=other[0], y=other[1], width=other[2], height=other[3])
    return a.iou(b) > 0.4
