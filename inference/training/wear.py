"""What years and weather do to a plate: dirt, and the shadow that happens to lie on it."""

from __future__ import annotations

import random

import cv2
import numpy as np
from numpy.typing import NDArray


def worn(image: NDArray[np.uint8], rng: random.Random) -> NDArray[np.uint8]:
    """The plate with some dirt and a shadow, now and then."""
    height, width = image.shape[:2]
    if rng.random() < 0.25:
        dirt = cv2.resize(
            np.random.default_rng(rng.randrange(1 << 30)).random((6, 14)).astype(np.float32),
            (width, height),
            interpolation=cv2.INTER_CUBIC,
        )[..., None]
        image = (image * (1 - 0.5 * rng.random() * dirt.clip(0, 1))).astype(np.uint8)
    if rng.random() < 0.25:
        shade = np.ones((height, width, 1), np.float32)
        edge = np.array(
            [
                [rng.uniform(-0.3, 1.3) * width, 0],
                [rng.uniform(-0.3, 1.3) * width, height],
                [width * 2, height],
                [width * 2, 0],
            ],
            np.int32,
        )
        cv2.fillPoly(shade, [edge], rng.uniform(0.35, 0.8))
        image = (image * shade).astype(np.uint8)
    return image
