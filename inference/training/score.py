"""Scores packs on photos with known plates, side by side: `python -m inference.training.score --photos DIR --out FILE`.

The folder has `labels.csv` with dataset, file, x, y, w, h, plate. Per set: "match" (the likeliest reading is the plate;
in `us` O and Q count as 0 and I as 1, as the labels write them), "found" (a reading overlaps the plate), false
readings per photo (they overlap no labelled plate), and the reader alone on the true boxes. Times are processor time on
one thread, so that neighbours on the machine do not count.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from inference.recognizer import RecognitionSettings, Recognizer, open_recognizer
from inference.regions import grow, quad_of_box
from inference.types import Box, Picture

LABELS_WRITE_ZERO = {"us": str.maketrans("OQI", "001")}


@dataclass(frozen=True, slots=True)
class Photo:
    """One picture and its labelled plate."""

    dataset: str
    picture: Picture
    box: Box
    text: str
    name: str


def photos(folder: Path, every: int = 1) -> Iterator[Photo]:
    """Every `every`-th labelled photo."""
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows[::every]:
        picture = cv2.imread(str(folder / row["file"]), cv2.IMREAD_COLOR)
        if picture is None:
            raise FileNotFoundError(f"{folder / row['file']} is named in labels.csv but cannot be read")
        x, y, w, h = (float(row[key]) for key in "xywh")
        box = Box(x=x, y=y, width=w, height=h)
        yield Photo(row["dataset"], np.asarray(picture, np.uint8), box, plain(row["plate"]), row["file"])


def plain(text: str) -> str:
    return "".join(c for c in text.upper() if c.isascii() and c.isalnum())


def same(read: str, photo: Photo) -> bool:
    table = LABELS_WRITE_ZERO.get(photo.dataset, {})
    return plain(read).translate(table) == photo.text.translate(table)


def score(
    recognizer: Recognizer, folder: Path, *, every: int = 1, misses: list[str] | None = None
) -> dict[str, object]:
    """Figures per set and over all for one pack."""
    settings = RecognitionSettings(max_seconds_per_frame=None)
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for photo in photos(folder, every):
        started = time.process_time()
        answer = recognizer.recognize(photo.picture, settings)
        spent = time.process_time() - started
        quad = grow(quad_of_box(photo.box), **recognizer.pack.file.reader.crops[0].model_dump())
        started = time.process_time()
        alone = recognizer.reader.read(photo.picture, [quad])[0].raw_text
        spent_reading = time.process_time() - started
        best = answer.readings[0].plate.plate_number if answer.readings else ""
        overlaps = [reading.box.overlap(photo.box) > 0 for reading in answer.readings]
        for name in (photo.dataset, "all"):
            row = sums[name]
            row["photos"] += 1
            row["match"] += same(best, photo)
            row["found"] += any(overlaps)
            row["false"] += overlaps.count(False)
            row["reader_alone"] += same(alone, photo)
            row["cpu_ms"] += spent * 1000
            row["reader_cpu_ms"] += spent_reading * 1000
        if misses is not None and not same(best, photo):
            misses.append(f"{photo.name} {photo.text} read {best or '-'} alone {alone} box {photo.box.width:.0f} px")
    return {
        name: {key: round(value / row["photos"], 4) if key != "photos" else int(value) for key, value in row.items()}
        for name, row in sums.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--packs", nargs="+", default=["own", "ppocr"])
    parser.add_argument("--data-dir", type=Path, help="where installed packs lie")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON with all figures")
    parser.add_argument("--misses", action="store_true", help="list what was not read rightly")
    options = parser.parse_args()
    figures = {}
    for name in options.packs:
        recognizer = open_recognizer(name, threads=1, data_dir=options.data_dir)
        misses: list[str] | None = [] if options.misses else None
        figures[name] = score(recognizer, options.photos, every=options.every, misses=misses)
        for dataset, row in figures[name].items():
            print(name, dataset, json.dumps(row), flush=True)
        for miss in misses or ():
            print("  ", miss)
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
