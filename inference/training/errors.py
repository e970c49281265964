"""What kind of plate a pack misreads: `python -m inference.training.errors --photos DIR --pack own --out DIR`.

Writes `errors.csv` (one row per photo with its classes), prints how often each class is read rightly, and draws
`errors.png`, every miss with its truth and what was read instead. The next round of training starts from this page.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.bench import Label, Outcome, measure, read_labels
from inference.programs import run
from inference.quality import Quality
from inference.quality import measure as measure_quality
from inference.read import load_picture
from inference.recognizer import open_recognizer
from inference.regions import Region, quad_of_box

# Where a class begins; the medians of the measured photos lie well on the other side.
SMALL_WIDTH_PX = 80
TILTED_DEGREES = 5.0
STACKED_ASPECT = 1.7
BLURRED_SHARPNESS = 0.16
FAINT_CONTRAST = 60.0
# Night without a lamp, or deep shadow: the plate's middle grey.
DARK_BRIGHTNESS = 70.0
# Writing and pictures behind the characters: how much of the plate is neither ground nor ink.
STYLISED_SHARE = 0.32
COLUMNS = ("set", "file", "plate", "read", "match", "likelihood", "width_px", "height_px", "classes")
CELL = (240, 116)
PER_ROW = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One photo, what was read, and what is special about its plate."""

    label: Label
    outcome: Outcome
    classes: tuple[str, ...]
    crop: NDArray[np.uint8]


def classes_of(label: Label, quality: Quality, tilt_degrees: float, between: float) -> tuple[str, ...]:
    """The names of everything that may make this plate hard; `plain` when nothing does."""
    aspect = label.drawn_box.width / max(label.drawn_box.height, 1.0)
    found = {
        "small": label.drawn_box.width < SMALL_WIDTH_PX,
        "tilted": abs(tilt_degrees) > TILTED_DEGREES,
        "stacked": aspect < STACKED_ASPECT,
        "blurred": quality.sharpness < BLURRED_SHARPNESS,
        "faint": quality.contrast < FAINT_CONTRAST,
        "stylised": between > STYLISED_SHARE,
        "light on dark": quality.dark_on_light < 0.5,
        "dark": quality.brightness < DARK_BRIGHTNESS,
    }
    return tuple(name for name, holds in found.items() if holds) or ("plain",)


def between_ground_and_ink(grey: NDArray[np.uint8]) -> float:
    """Share of pixels whose grey lies between the plate's dark and light, 0 to 1: pictures, washes of colour, blur."""
    low, high = np.percentile(grey, (5, 95))
    span = max(float(high - low), 1.0)
    level = (grey.astype(np.float32) - low) / span
    return float(((level > 0.3) & (level < 0.7)).mean())


def cases(pack: str, labels: Sequence[Label]) -> Iterator[Case]:
    """Every photo with its outcome and classes; the tilt is that of the region found, 0 where none was."""
    recognizer = open_recognizer(pack, threads=1)
    longest = round(max(recognizer.pack.file.detector.longest_px.balanced))
    for label, outcome in zip(labels, measure(recognizer, labels), strict=True):
        picture, box = load_picture(label.path), label.drawn_box
        regions = [r for r in recognizer.detector.detect(picture, longest_px=longest) if r.box.iou(box) > 0.3]
        quad = quad_of_box(box)
        x, y, w, h = (round(v) for v in (box.x, box.y, box.width, box.height))
        crop = picture[max(0, y - h // 5) : y + h + h // 5, max(0, x - w // 10) : x + w + w // 10]
        grey = cv2.cvtColor(picture[max(0, y) : y + h, max(0, x) : x + w], cv2.COLOR_BGR2GRAY)
        yield Case(
            label=label,
            outcome=outcome,
            classes=classes_of(
                label,
                measure_quality(picture, quad),
                max(map(_tilt_degrees, regions), key=abs, default=0.0),
                between_ground_and_ink(np.asarray(grey, np.uint8)),
            ),
            crop=np.asarray(crop, np.uint8),
        )


def table(rows: Sequence[tuple[Sequence[str], bool]]) -> list[tuple[str, int, int]]:
    """From the classes of each photo and whether it was read: class, how many photos, how many read; worst first."""
    names = sorted({name for classes, _ in rows for name in classes})
    counted = []
    for name in names:
        chosen = [match for classes, match in rows if name in classes]
        counted.append((name, len(chosen), sum(chosen)))
    return sorted(counted, key=lambda row: row[2] / row[1])


def sheet(misses: Sequence[Case]) -> NDArray[np.uint8]:
    """All misses on one page: truth > what was read, the plate, its classes."""
    width, height = CELL
    rows = max(1, -(-len(misses) // PER_ROW))
    page = np.full((rows * height, PER_ROW * width, 3), 255, np.uint8)
    for index, case in enumerate(misses):
        top, left = index // PER_ROW * height, index % PER_ROW * width
        scale = min((width - 6) / case.crop.shape[1], (height - 40) / case.crop.shape[0])
        shown = cv2.resize(case.crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        page[top + 20 : top + 20 + shown.shape[0], left : left + shown.shape[1]] = shown
        read = case.outcome.text or "-"
        cv2.putText(page, f"{case.label.plate} > {read}", (left + 2, top + 14), 0, 0.45, (0, 0, 200), 1, cv2.LINE_AA)
        cv2.putText(page, ", ".join(case.classes), (left + 2, top + height - 6), 0, 0.38, (90, 60, 0), 1, cv2.LINE_AA)
    return page


def _tilt_degrees(region: Region) -> float:
    along = region.quad[1] - region.quad[0]
    return float(np.degrees(np.arctan2(along[1], along[0])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--pack", default="own")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    found = list(cases(options.pack, read_labels(options.photos, need_boxes=True)))
    with (options.out / "errors.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for case in found:
            out, box = case.outcome, case.label.drawn_box
            size = f"{box.width:.0f}", f"{box.height:.0f}"
            classes = "; ".join(case.classes)
            rows.writerow(
                (out.group, out.file, out.plate, out.text, int(out.match), f"{out.likelihood:.2f}", *size, classes)
            )
    for name, count, right in table([(case.classes, case.outcome.match) for case in found]):
        print(f"{name:14s} {right:4d} of {count:4d} right ({right / count:.2f})")
    misses = [case for case in found if not case.outcome.match]
    cv2.imwrite(str(options.out / "errors.png"), sheet(misses))
    print(f"{len(misses)} misses of {len(found)} in {options.out / 'errors.png'}")


if __name__ == "__main__":
    run(main)
