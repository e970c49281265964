"""Rendered plates in the place of real ones, with exact corners, and writing that is not a plate (hard negatives).

Light and blur of the real plate are measured and given to the rendered one, so that only the plate is new.
"""

from __future__ import annotations

import math
import random
import string

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.training.painter import FlatPlate
from inference.training.plates import PlatePress

KEPT_PLATES = 240  # drawn plates to choose from; a few are redrawn with every batch


class SceneDresser:
    """Changes a warped training picture: swaps plates, adds lures. Not for several threads at once."""

    def __init__(self, press: PlatePress, rng: random.Random, *, swap: float = 0.6, lure: float = 0.3) -> None:
        self._press, self._rng = press, rng
        self._swap, self._lure = swap, lure
        self._plates = [press.draw() for _ in range(24)]

    def dress(
        self, picture: NDArray[np.uint8], corners: NDArray[np.float32], softness: float
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Changes `picture` in place; returns the corners of its plates, and which of them are exact (drawn plates).

        `softness`: how far the scene is enlarged.
        """
        rng = self._rng
        if len(self._plates) < KEPT_PLATES or rng.random() < 0.5:
            fresh = self._press.draw()
            if len(self._plates) < KEPT_PLATES:
                self._plates.append(fresh)
            else:
                self._plates[rng.randrange(KEPT_PLATES)] = fresh
        changed = corners.copy()
        exact = np.zeros(len(corners), np.bool_)
        if rng.random() < self._swap:
            for index, quad in enumerate(corners):
                if _inside(quad, picture.shape[1], picture.shape[0]) > 0.6:
                    changed[index] = self._swapped(picture, quad, rng.choice(self._plates), softness)
                    exact[index] = True
        if rng.random() < self._lure:
            for _ in range(rng.randrange(1, 4)):
                self._place_lure(picture, changed)
        return changed, exact

    def _swapped(
        self, picture: NDArray[np.uint8], quad: NDArray[np.float32], plate: FlatPlate, softness: float
    ) -> NDArray[np.float32]:
        """Warp a drawn plate over the real one, wholly covering it, at its own aspect."""
        rng = self._rng
        height, width = plate.picture.shape[:2]
        side = np.linalg.norm(quad[1] - quad[0]) + 1e-3
        along = (quad[1] - quad[0]) / side
        down = np.array([-along[1], along[0]], np.float32)
        # The box around a tilted plate is wider than the plate: its middle nine tenths must be covered, not all of it.
        need_w = side * 0.95
        need_h = float(np.linalg.norm(quad[3] - quad[0])) * 0.9
        unit = max(need_w / width, need_h / height) * rng.uniform(1.0, 1.12)
        half_w, half_h = unit * width / 2, unit * height / 2
        lean = rng.gauss(0, 0.10)
        turn = math.radians(rng.gauss(0, 3))
        along = along * math.cos(turn) + down * math.sin(turn)
        down = np.array([-along[1], along[0]], np.float32) + lean * along
        centre = quad.mean(0)
        pinch = 1 + rng.gauss(0, 0.03)
        target = np.array(
            [
                centre - half_w * along - half_h * pinch * down,
                centre + half_w * along - half_h / pinch * down,
                centre + half_w * along + half_h / pinch * down,
                centre - half_w * along + half_h * pinch * down,
            ],
            np.float32,
        )
        flat = _lit(plate.picture, _light(picture, quad), rng)
        shrink = max(1.0, width / max(1.0, 2 * half_w))
        if shrink > 1.5:  # a warp alone would alias
            flat = cv2.resize(flat, None, fx=1.2 / shrink, fy=1.2 / shrink, interpolation=cv2.INTER_AREA)
        source = np.array([[0, 0], [flat.shape[1], 0], [flat.shape[1], flat.shape[0]], [0, flat.shape[0]]], np.float32)
        matrix = cv2.getPerspectiveTransform(source, target)
        size = (picture.shape[1], picture.shape[0])
        warped = cv2.warpPerspective(flat, matrix, size, flags=cv2.INTER_LINEAR)
        mask = cv2.warpPerspective(np.full(flat.shape[:2], 255, np.uint8), matrix, size)
        sigma = 0.35 * max(1.0, softness) * rng.uniform(0.7, 1.5)
        low = np.maximum(np.floor(target.min(0) - 6).astype(int), 0)
        high = np.minimum(np.ceil(target.max(0) + 6).astype(int), size)
        part = (slice(low[1], high[1]), slice(low[0], high[0]))
        if high[0] <= low[0] or high[1] <= low[1]:
            return target
        share = cv2.GaussianBlur(mask[part], (0, 0), sigma)[..., None].astype(np.float32) / 255
        soft = cv2.GaussianBlur(warped[part], (0, 0), sigma)
        picture[part] = (picture[part] * (1 - share) + soft * share).astype(np.uint8)
        return target

    def _place_lure(self, picture: NDArray[np.uint8], plates: NDArray[np.float32]) -> None:
        rng = self._rng
        lure = rng.choice([_time_stamp, _sign, _sign, _grille])(rng)
        size = picture.shape[0]
        wide = math.exp(rng.uniform(math.log(30), math.log(size * 0.7)))
        lure = cv2.resize(lure, (max(8, int(wide)), max(4, int(wide * lure.shape[0] / lure.shape[1]))), interpolation=3)
        height, width = lure.shape[:2]
        if height >= size or width >= size:
            return
        x, y = rng.randrange(size - width), rng.randrange(size - height)
        for quad in plates:
            (x0, y0), (x1, y1) = quad.min(0), quad.max(0)
            if x < x1 + 4 and x + width > x0 - 4 and y < y1 + 4 and y + height > y0 - 4:
                return
        part = picture[y : y + height, x : x + width]
        opacity = lure[..., 3:].astype(np.float32) / 255
        part[:] = (part * (1 - opacity) + lure[..., :3] * opacity).astype(np.uint8)


def _inside(quad: NDArray[np.float32], width: int, height: int) -> float:
    (x0, y0), (x1, y1) = quad.min(0), quad.max(0)
    shared = max(0.0, min(x1, width) - max(x0, 0)) * max(0.0, min(y1, height) - max(y0, 0))
    return float(shared / max((x1 - x0) * (y1 - y0), 1e-6))


def _light(picture: NDArray[np.uint8], quad: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The dark and the bright colour (tenth and ninetieth percentile per channel) of what is there now."""
    low = np.maximum(quad.min(0).astype(int), 0)
    high = np.maximum(quad.max(0).astype(int), low + 2)
    part = picture[low[1] : high[1], low[0] : high[0]].reshape(-1, 3)
    if len(part) < 4:
        return np.zeros(3, np.float32), np.full(3, 200, np.float32)
    dark, bright = np.percentile(part, [10, 90], axis=0).astype(np.float32)
    return dark, np.maximum(bright, dark + 25)


def _lit(
    flat: NDArray[np.uint8], light: tuple[NDArray[np.float32], NDArray[np.float32]], rng: random.Random
) -> NDArray[np.uint8]:
    """The drawn plate between the same dark and bright as the real one, in its own colours."""
    dark, bright = light
    floor, top = float(dark.mean()), bright * rng.uniform(0.85, 1.1)
    return np.clip(flat.astype(np.float32) / 245 * (top - floor) + floor, 0, 255).astype(np.uint8)


def _time_stamp(rng: random.Random) -> NDArray[np.uint8]:
    """A clock or a camera's name as recorders burn it into the picture."""
    text = rng.choice(
        [
            f"20{rng.randrange(10, 30)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02} "
            f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}",
            f"{rng.randrange(1, 13):02}/{rng.randrange(1, 29):02}/20{rng.randrange(10, 30)}",
            f"CAM {rng.randrange(1, 33)}",
            f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}",
        ]
    )
    face = rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_PLAIN, cv2.FONT_HERSHEY_DUPLEX])
    (width, height), _ = cv2.getTextSize(text, face, 1.5, 2)
    canvas = np.zeros((height + 20, width + 20, 4), np.uint8)
    if rng.random() < 0.3:
        canvas[..., 3] = 255
    cv2.putText(canvas, text, (10, height + 10), face, 1.5, (0, 0, 0, 255), 6, cv2.LINE_AA)
    ink = rng.choice([(255, 255, 255, 255), (255, 255, 255, 255), (0, 255, 255, 255), (0, 220, 0, 255)])
    cv2.putText(canvas, text, (10, height + 10), face, 1.5, ink, 2, cv2.LINE_AA)
    return canvas


def _sign(rng: random.Random) -> NDArray[np.uint8]:
    """Shop signs, stickers, telephone numbers: words in lower case or long rows of digits, one to three lines."""
    lines = []
    for _ in range(rng.choice([1, 1, 2, 3])):
        kind = rng.random()
        if kind < 0.6:
            words = [
                "".join(rng.choices(string.ascii_lowercase, k=rng.randrange(3, 9))) for _ in range(rng.randrange(1, 4))
            ]
            lines.append(" ".join(words).capitalize())
        elif kind < 0.8:
            lines.append("-".join("".join(rng.choices(string.digits, k=3)) for _ in range(rng.randrange(3, 5))))
        else:
            lines.append("www." + "".join(rng.choices(string.ascii_lowercase, k=rng.randrange(5, 12))) + ".com")
    face = rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX])
    sizes = [cv2.getTextSize(line, face, 1.4, 3)[0] for line in lines]
    width, step = max(w for w, _ in sizes) + 30, sizes[0][1] + 22
    canvas = np.zeros((step * len(lines) + 20, width, 4), np.uint8)
    ground = [rng.randrange(256) for _ in range(3)]
    canvas[:] = (*ground, 255 if rng.random() < 0.8 else 0)
    ink = [255 - c if abs(c - 128) > 40 else 0 for c in ground]
    for index, line in enumerate(lines):
        at = ((width - sizes[index][0]) // 2, step * (index + 1) - 4)
        cv2.putText(canvas, line, at, face, 1.4, (*ink, 255), rng.randrange(2, 5), cv2.LINE_AA)
    return canvas


def _grille(rng: random.Random) -> NDArray[np.uint8]:
    """Bars, upright or level, with a rim: radiator grilles, vents, fences."""
    width, height = rng.randrange(160, 360), rng.randrange(50, 140)
    canvas = np.full((height, width, 4), 255, np.uint8)
    canvas[..., :3] = [rng.randrange(10, 90)] * 3
    shade = rng.randrange(90, 240)
    step, thick = rng.randrange(8, 26), rng.randrange(2, 7)
    if rng.random() < 0.6:
        for y in range(step // 2, height, step):
            cv2.line(canvas, (0, y), (width, y), (shade, shade, shade, 255), thick)
    else:
        for x in range(step // 2, width, step):
            cv2.line(canvas, (x, 0), (x, height), (shade, shade, shade, 255), thick)
    if rng.random() < 0.7:
        cv2.rectangle(canvas, (0, 0), (width - 1, height - 1), (shade, shade, shade, 255), rng.randrange(2, 8))
    return canvas
