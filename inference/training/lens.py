"""How a camera shows a drawn plate: perspective, blur, light, noise, compression and too few pixels."""

from __future__ import annotations

import math
import random

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.training.painter import FlatPlate


def see(
    drawn: FlatPlate, size: tuple[int, int], rng: random.Random, background: NDArray[np.uint8] | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The plate as a crop of `size` (width, height) shows it after a detector's box: tilted, loose, blurred, noisy.

    Also returns where its characters' left and right sides are now, (n, 2, 2).
    """
    width, height = size
    plate = drawn.picture
    flat_height, flat_width = plate.shape[:2]
    # The detector's box is a little loose or tight; the crop is stretched to the reader's input whatever its aspect.
    margin_x, margin_y = rng.uniform(-0.03, 0.18), rng.uniform(-0.05, 0.25)
    tilt, shear = math.radians(rng.gauss(0, 4)), rng.gauss(0, 0.10)
    corners = np.array([[0, 0], [flat_width, 0], [flat_width, flat_height], [0, flat_height]], np.float32)
    centred = corners - corners.mean(0)
    turned = centred @ np.array([[math.cos(tilt), math.sin(tilt)], [-math.sin(tilt), math.cos(tilt)]], np.float32)
    turned[:, 0] += shear * turned[:, 1]
    turned *= 1 + rng.gauss(0, 0.02) * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    low, high = turned.min(0), turned.max(0)
    span = (high - low) * np.array([1 + 2 * margin_x, 1 + 2 * margin_y], np.float32)
    start = low - (high - low) * np.array([margin_x, margin_y], np.float32)
    placed = (turned - start) / span * np.array([width, height], np.float32)
    placed += np.array([rng.gauss(0, 0.012) * width, rng.gauss(0, 0.02) * height], np.float32)
    # Pixels the camera really had: below 12 px of character height nobody can read, so it is not taught.
    scale = math.exp(rng.uniform(math.log(0.26), math.log(1.3)))
    matrix = cv2.getPerspectiveTransform(corners, placed.astype(np.float32))
    if background is None:
        crop = np.empty((height, width, 3), np.uint8)
        crop[:] = [rng.randrange(256) for _ in range(3)]
        if rng.random() < 0.5:
            crop = np.clip(
                crop + np.random.default_rng(rng.randrange(1 << 30)).normal(0, 25, crop.shape), 0, 255
            ).astype(np.uint8)
            crop = cv2.GaussianBlur(crop, (0, 0), 3)
    else:
        crop = cv2.resize(background, size)
    crop = cv2.warpPerspective(
        plate, matrix, size, dst=crop.copy(), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_TRANSPARENT
    )
    places = cv2.perspectiveTransform(drawn.places.reshape(1, -1, 2), matrix).reshape(-1, 2, 2)
    return camera(crop, scale, rng), places.astype(np.float32)


def camera(crop: NDArray[np.uint8], scale: float, rng: random.Random) -> NDArray[np.uint8]:
    """Lens, sensor and encoder: low resolution, blur, light, noise, compression, sharpening."""
    size = (crop.shape[1], crop.shape[0])
    if rng.random() < 0.25:
        crop = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if rng.random() < 0.3:
        length = rng.randrange(3, 9)
        kernel = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1.0 / length
        angle = rng.choice([0, 90, rng.uniform(0, 180)])
        turn = cv2.getRotationMatrix2D((length / 2 - 0.5, length / 2 - 0.5), angle, 1.0)
        kernel = cv2.warpAffine(kernel, turn, (length, length))
        crop = cv2.filter2D(crop, -1, kernel / max(kernel.sum(), 1e-3))
    if rng.random() < 0.5:
        crop = cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.3, 1.9))
    if scale < 1:
        small = (max(20, round(size[0] * scale)), max(10, round(size[1] * scale)))
        crop = cv2.resize(crop, small, interpolation=cv2.INTER_AREA)
    gain, offset, gamma = rng.uniform(0.35, 1.35), rng.uniform(-30, 40), math.exp(rng.gauss(0, 0.35))
    if rng.random() < 0.1:
        gain, offset = rng.uniform(1.3, 2.2), rng.uniform(0, 60)
    table = np.clip((np.arange(256) / 255.0) ** gamma * 255 * gain + offset, 0, 255).astype(np.uint8)
    crop = cv2.LUT(crop, table)
    if rng.random() < 0.06:
        crop = 255 - crop
    if rng.random() < 0.6:
        noise = np.empty(crop.shape, np.int16)
        cv2.randn(noise, 0, rng.uniform(1, 18) * min(1.0, 0.4 + scale))
        crop = np.clip(crop.astype(np.int16) + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        # Small pictures on the web and streams of few bits show blocks; what is drawn must know them too.
        if rng.random() < 0.4:
            crop = _sharpened(crop, rng.uniform(0.5, 2.0), 0.9)
        quality = rng.randrange(6, 30) if rng.random() < 0.4 else rng.randrange(20, 90)
        _, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, quality])
        crop = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    if crop.shape[1] != size[0]:
        crop = cv2.resize(crop, size, interpolation=rng.choice([cv2.INTER_LINEAR, cv2.INTER_LINEAR, cv2.INTER_CUBIC]))
    if rng.random() < 0.15:
        crop = _sharpened(crop, 0.8, 1.5)
    return crop.astype(np.uint8)


def _sharpened(picture: NDArray[np.uint8], strength: float, radius_px: float) -> NDArray[np.uint8]:
    """As cameras do it: edges get a bright and a dark seam."""
    soft = cv2.GaussianBlur(picture, (0, 0), radius_px)
    return np.asarray(cv2.addWeighted(picture, 1 + strength, soft, -strength, 0), np.uint8)
