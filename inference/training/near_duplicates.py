"""Pictures both trained on and measured with: `python -m inference.training.near_duplicates --data DIR --photos DIR`.

A perceptual hash (differences of brightness between neighbours on a 9 x 8 thumbnail, 64 bits) survives scaling,
compression and a little cropping. What is too near a training picture must not be measured with.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.bench import Label, read_labels
from inference.errors import InferenceError
from inference.programs import run

# Copies differ in up to 6 bits; different photos in about 30, two dark roads in 8.
SAME_BITS = 6


def picture_hash(picture: NDArray[np.uint8]) -> int:
    """64 bits that hardly change when the picture is scaled or compressed again."""
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits = (small[:, 1:] > small[:, :-1]).flatten()
    return int("".join("1" if bit else "0" for bit in bits), 2)


def hashes(paths: Iterable[Path]) -> dict[Path, int]:
    """The hash of every readable picture."""
    found = {}
    for path in paths:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is not None:
            found[path] = picture_hash(np.asarray(picture, np.uint8))
    return found


def near(photos: dict[Path, int], trained: dict[Path, int], most_bits: int = SAME_BITS) -> dict[Path, tuple[Path, int]]:
    """Photos with a training picture within `most_bits`: the nearest one and how many bits differ."""
    if not trained:
        return {}
    names = list(trained)
    found = {}
    for photo, mine in photos.items():
        distances = [(mine ^ trained[name]).bit_count() for name in names]
        best = int(np.argmin(distances))
        if distances[best] <= most_bits:
            found[photo] = (names[best], distances[best])
    return found


def training_pictures(folder: Path) -> list[Path]:
    """Every picture below a labelled training folder; raises InferenceError where there is none.

    Without pictures no photo would be near one, which looks like good news.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not found:
        raise InferenceError(f"{folder} holds no picture (.jpg, .jpeg or .png) to compare with")
    return found


def without_near(labels: Sequence[Label], folder: Path) -> tuple[list[Label], list[Path]]:
    """The labels whose photos are unlike every training picture, and the photos left out."""
    left_out = near(hashes(label.path for label in labels), hashes(training_pictures(folder)))
    return [label for label in labels if label.path not in left_out], sorted(left_out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="training pictures")
    parser.add_argument("--photos", type=Path, required=True, help="photos to measure with")
    options = parser.parse_args()
    labels = read_labels(options.photos)
    found = near(hashes(label.path for label in labels), hashes(training_pictures(options.data)))
    for photo, (picture, bits) in sorted(found.items()):
        print(f"{photo.name}: {bits} of 64 bits from {picture.name}")
    print(f"{len(found)} of {len(labels)} photos are near a training picture")


if __name__ == "__main__":
    run(main)
