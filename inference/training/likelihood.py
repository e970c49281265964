"""Fits a pack's `[likelihood]` on street scenes: `python -m inference.training.likelihood --data DIR --pack own`.

A logistic model over `inference.rank.features`, held near the weights that all packs start from, since labelled scenes
are few. Writes the section into the pack's `pack.toml` with `--write`.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.areas import search_window
from inference.errors import InferenceError
from inference.label_table import read_table
from inference.packs import PACKS_DIR
from inference.programs import run
from inference.rank import DEFAULT_WEIGHTS, features
from inference.recognizer import RecognitionSettings, Recognizer, open_recognizer
from inference.types import Box

Floats = NDArray[np.float64]
LABEL_COLUMNS = ("file", "split", "width", "x", "y", "w", "h", "text")
# The calibration is measured on each part of the scenes with weights fitted on the others.
FOLDS = 5
FOLD = str.maketrans("OQI", "001")  # labels read by eye cannot tell these apart


def evidence(recognizer: Recognizer, folder: Path, split: str) -> tuple[list[dict[str, float]], list[bool], list[int]]:
    """Features of every candidate in the scenes whose plates are all read, whether it is right, and its scene."""
    scenes: dict[str, list[dict[str, str]]] = defaultdict(list)
    for _, row in read_table(folder, *LABEL_COLUMNS):
        if row["split"] == split and row["x"] and float(row["w"]) < 0.6 * float(row["width"]):
            scenes[row["file"]].append(row)
    settings = RecognitionSettings(max_seconds_per_frame=None)
    found, right, origin = [], [], []
    for number, (name, rows) in enumerate(sorted(scenes.items())):
        picture = cv2.imread(str(folder / name), cv2.IMREAD_COLOR)
        if picture is None or not all(row["text"] for row in rows):
            continue
        window = search_window(np.asarray(picture, np.uint8), (), None)
        if window is None:
            continue
        longest = round(max(recognizer.pack.file.detector.longest_px.balanced))
        regions = recognizer.detector.detect(window.picture, longest_px=longest)
        candidates, _ = recognizer.plate_reader(settings).candidates.read(
            window, regions, settings, deadline=None, closer=recognizer.close_up(window, longest).look
        )
        for candidate, _ in candidates:
            if candidate.best is None:
                continue
            text = candidate.best.text.translate(FOLD)
            box = candidate.region.box
            found.append(features(candidate))
            right.append(any(box.overlap(_box(row)) > 0 and row["text"].translate(FOLD) == text for row in rows))
            origin.append(number)
    return found, right, origin


def fit(samples: list[dict[str, float]], right: list[bool], *, pull: float = 3.0) -> dict[str, float]:
    """Weights that explain which candidates were right, pulled towards DEFAULT_WEIGHTS by `pull` (Newton's method)."""
    names = list(samples[0])
    x = np.array([[sample[name] for name in names] for sample in samples])
    y = np.array(right, np.float64)
    start = np.array([DEFAULT_WEIGHTS.get(name, 0.0) for name in names])
    strength = np.array([0.1 if name == "bias" else pull for name in names])
    weights = start.copy()

    def cost(at: Floats) -> float:
        total = x @ at
        return float((np.logaddexp(0, total) - y * total).sum() + (strength * (at - start) ** 2).sum() / 2)

    for _ in range(50):
        share = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ (share - y) + strength * (weights - start)
        curve = (x * (share * (1 - share))[:, None]).T @ x + np.diag(strength)
        step = np.linalg.solve(curve, slope)
        # A full step overshoots where the start is far off; half steps until it gets better.
        while cost(weights - step) > cost(weights) and np.abs(step).max() > 1e-9:
            step = step / 2
        weights = weights - step
    return {name: round(float(weight), 3) for name, weight in zip(names, weights, strict=True)}


def calibration_error(samples: list[dict[str, float]], right: list[bool], origin: list[int]) -> float:
    """Mean gap between likelihood and truth in ten bins, each candidate judged by weights fitted on other scenes."""
    shares = np.zeros(len(samples))
    folds = np.array(origin) % FOLDS
    for fold in range(FOLDS):
        rest = [i for i in range(len(samples)) if folds[i] != fold]
        weights = fit([samples[i] for i in rest], [right[i] for i in rest])
        for i in np.nonzero(folds == fold)[0]:
            total = sum(weights[name] * value for name, value in samples[i].items())
            shares[i] = 1 / (1 + np.exp(-np.clip(total, -30, 30)))
    truth, bins = np.array(right, np.float64), np.minimum((shares * 10).astype(int), 9)
    gaps = [(bins == b).mean() * abs(shares[bins == b].mean() - truth[bins == b].mean()) for b in set(bins.tolist())]
    return float(sum(gaps))


def write_section(pack_toml: Path, weights: dict[str, float]) -> None:
    text = re.sub(r"\n*\[likelihood\][^\[]*", "\n", pack_toml.read_text(encoding="utf-8")).rstrip("\n")
    lines = "\n".join(f"{name} = {weight}" for name, weight in weights.items())
    pack_toml.write_text(f"{text}\n\n[likelihood]\n{lines}\n", encoding="utf-8")


def _box(row: dict[str, str]) -> Box:
    return Box(x=float(row["x"]), y=float(row["y"]), width=float(row["w"]), height=float(row["h"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pack", default="own")
    parser.add_argument("--splits", nargs="+", default=["val", "train"])
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    recognizer = open_recognizer(options.pack, threads=1)
    samples: list[dict[str, float]] = []
    right: list[bool] = []
    origin: list[int] = []
    for split in options.splits:
        more = evidence(recognizer, options.data, split)
        samples, right, origin = samples + more[0], right + more[1], origin + more[2]
    if len({number % FOLDS for number in origin}) < 2:
        raise InferenceError(
            f"{options.data} has too few scenes of {' and '.join(options.splits)} whose plates all have a text and in "
            f"which {options.pack} finds a candidate"
        )
    weights = fit(samples, right)
    print(f"{len(samples)} candidates, {sum(right)} right; off by {calibration_error(samples, right, origin):.3f}")
    for name, weight in weights.items():
        print(f"{name} = {weight}")
    if options.write:
        write_section(PACKS_DIR / options.pack / "pack.toml", weights)


if __name__ == "__main__":
    run(main)
