"""Pictures for the detector: real scenes, cropped and scaled so that plates of every size are seen, then spoiled.

A sample is (picture uint8 (size, size, 3) BGR, boxes float (n, 4) x0 y0 x1 y1, corners float (n, 4, 2)), in pixels.
Corners are known only where a warp made them: the whole scene is tilted by a random homography, and the upright box's
corners travel with it.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.label_table import read_table
from inference.training.scenes import SceneDresser

LABEL_COLUMNS = ("set", "file", "width", "plate_index", "x", "y", "w", "h", "split")
LONGEST_SIDE = 900  # scenes are kept in memory at most this large
SMALLEST_PLATE_PX, LARGEST_PLATE_SHARE = 14.0, 0.55
# Most plates hang level before the camera; those seen from the side or from high above lean, and some lean much.
LEVEL_DEG, LEANING_DEG, LEANING_SHARE, STEEPEST_DEG = 6.0, 15.0, 0.3, 35.0


@dataclass(frozen=True, slots=True)
class Scene:
    picture: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    name: str


def load_scenes(folder: Path, split: str, sets: tuple[str, ...] | None = None) -> list[Scene]:
    """Scenes of one split of a labelled folder (labels.csv), scaled to LONGEST_SIDE. Crop-only sets are left out."""
    boxes: dict[str, list[tuple[float, float, float, float]]] = {}
    for _, row in read_table(folder, *LABEL_COLUMNS):
        if row["split"] != split or (sets and row["set"] not in sets):
            continue
        if row["plate_index"] == "-1":
            boxes.setdefault(row["file"], [])
        elif row["x"] and float(row["w"]) < 0.9 * float(row["width"]):
            box = (float(row["x"]), float(row["y"]), float(row["w"]), float(row["h"]))
            boxes.setdefault(row["file"], []).append(box)
    scenes = []
    for name, found in sorted(boxes.items()):
        picture = cv2.imread(str(folder / name), cv2.IMREAD_COLOR)
        if picture is None:
            continue
        scale = min(1.0, LONGEST_SIDE / max(picture.shape[:2]))
        if scale < 1.0:
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        array = np.array([(x, y, x + w, y + h) for x, y, w, h in found], np.float32).reshape(-1, 4) * scale
        scenes.append(Scene(picture.astype(np.uint8), array, name))
    return scenes


def sample(
    scene: Scene, size: int, rng: random.Random, *, behind: Scene | None = None, dresser: SceneDresser | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_]]:
    """One training picture, the corners (n, 4, 2) of its plates, and which of these are exact (n).

    `behind` fills what `scene` leaves empty when it is made small; `dresser` swaps plates and adds lures.
    """
    ground = np.empty((size, size, 3), np.uint8)
    ground[:] = [rng.randrange(256) for _ in range(3)]
    corners = np.empty((0, 4, 2), np.float32)
    softness = 1.0
    for layer in (behind, scene):
        if layer is not None:
            softness, placed, cover = _lay(layer, ground, rng)
            covered = cover[tuple(np.clip(corners.mean(1).astype(int), 0, size - 1).T[::-1])] > 0
            corners = np.concatenate([corners[~covered], placed])
    picture = ground
    if rng.random() < 0.5:
        picture = picture[:, ::-1].copy()
        corners = corners[:, [1, 0, 3, 2]].copy()
        corners[..., 0] = size - corners[..., 0]
    exact = np.zeros(len(corners), np.bool_)
    if dresser is not None:
        corners, exact = dresser.dress(picture, corners, softness)
    return spoil(picture, rng), corners, exact


def _lay(
    scene: Scene, ground: NDArray[np.uint8], rng: random.Random
) -> tuple[float, NDArray[np.float32], NDArray[np.uint8]]:
    """Warp a scene onto `ground`; returns its scale, its plates' corners and which pixels it covers."""
    height, width = scene.picture.shape[:2]
    size = ground.shape[0]
    corners = np.stack([scene.boxes[:, [0, 2, 2, 0]], scene.boxes[:, [1, 1, 3, 3]]], axis=-1).astype(np.float32)
    if len(scene.boxes) and rng.random() < 0.92:
        x0, y0, x1, y1 = scene.boxes[rng.randrange(len(scene.boxes))]
        target = math.exp(rng.uniform(math.log(SMALLEST_PLATE_PX), math.log(LARGEST_PLATE_SHARE * size)))
        scale = float(np.clip(target / max(x1 - x0, 4.0), 0.15, 4.0))
        centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
        # The plate lands anywhere in the picture, now and then cut by the edge.
        place = np.array([rng.uniform(-0.01, 1.01), rng.uniform(-0.01, 1.01)]) * size
    else:
        scale = math.exp(rng.uniform(math.log(0.3), math.log(2.0)))
        centre = np.array([rng.uniform(0, width), rng.uniform(0, height)])
        place = np.array([size / 2, size / 2])
    matrix = _warp(centre, place, scale, size, rng)
    picture = scene.picture
    if scale < 0.6:  # a warp alone would alias
        picture = cv2.resize(picture, None, fx=scale * 1.2, fy=scale * 1.2, interpolation=cv2.INTER_AREA)
    shrunk = np.diag([width / picture.shape[1], height / picture.shape[0], 1.0])
    cv2.warpPerspective(
        picture, matrix @ shrunk, (size, size), dst=ground, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT
    )
    cover = cv2.warpPerspective(
        np.full((8, 8), 255, np.uint8), matrix @ np.diag([width / 8, height / 8, 1.0]), (size, size)
    )
    placed = cv2.perspectiveTransform(corners.reshape(1, -1, 2), matrix).reshape(-1, 4, 2) if len(corners) else corners
    return scale, placed.astype(np.float32), cover.astype(np.uint8)


def _warp(
    centre: NDArray[np.float64], place: NDArray[np.float64], scale: float, size: int, rng: random.Random
) -> NDArray[np.float64]:
    leans = rng.random() < LEANING_SHARE
    angle = math.radians(np.clip(rng.gauss(0, LEANING_DEG if leans else LEVEL_DEG), -STEEPEST_DEG, STEEPEST_DEG))
    shear = rng.gauss(0, 0.16 if leans else 0.08)
    aspect = math.exp(rng.gauss(0, 0.08))
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    linear = np.array([[cos * aspect, -sin + shear * scale], [sin, cos / aspect]])
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = place - linear @ centre
    tilt = np.eye(3)
    tilt[2, :2] = [rng.gauss(0, 0.12) / size, rng.gauss(0, 0.12) / size]
    shift = np.eye(3)
    shift[:2, 2] = -place
    back = np.eye(3)
    back[:2, 2] = place
    return back @ tilt @ shift @ matrix


def spoil(picture: NDArray[np.uint8], rng: random.Random) -> NDArray[np.uint8]:
    """Light, colour, blur, noise and compression as cameras do them."""
    if rng.random() < 0.2:
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if rng.random() < 0.7:
        gain, offset, gamma = rng.uniform(0.55, 1.4), rng.uniform(-35, 35), math.exp(rng.gauss(0, 0.3))
        table = np.clip((np.arange(256) / 255.0) ** gamma * 255 * gain + offset, 0, 255).astype(np.uint8)
        picture = cv2.LUT(picture, table)
    if rng.random() < 0.25:
        length = rng.randrange(3, 8)
        kernel = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1.0 / length
        turn = cv2.getRotationMatrix2D((length / 2 - 0.5, length / 2 - 0.5), rng.uniform(0, 180), 1.0)
        picture = cv2.filter2D(picture, -1, cv2.warpAffine(kernel, turn, (length, length)))
    elif rng.random() < 0.25:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.6))
    if rng.random() < 0.35:
        noise = np.empty(picture.shape, np.int16)
        cv2.randn(noise, 0, rng.uniform(2, 16))
        picture = np.clip(picture.astype(np.int16) + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, rng.randrange(25, 80)])
        picture = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return picture.astype(np.uint8)
