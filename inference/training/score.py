"""Scores packs on photos with known plates, side by side: `python -m inference.training.score --photos DIR --out FILE`.

The pipeline's figures are those of `inference.bench`; added are the reader alone on the true boxes, without country
syntax, and processor time on one thread, so that neighbours on the machine do not count.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from inference.bench import Label, measure, read_labels, summary
from inference.errors import InferenceError
from inference.programs import run
from inference.read import load_picture
from inference.recognizer import Recognizer, open_recognizer
from inference.regions import grow, quad_of_box
from inference.training.near_duplicates import without_near

FOLD = str.maketrans("OQI", "001")


def score(recognizer: Recognizer, labels: Sequence[Label]) -> tuple[dict[str, dict[str, float | None]], list[str]]:
    """Figures per set and over all for one pack, and a line for every photo that was not read rightly."""
    started = time.process_time()
    outcomes = measure(recognizer, labels)
    whole_ms = (time.process_time() - started) * 1000
    table = summary(outcomes)
    alone: dict[str, list[bool]] = defaultdict(list)
    spent = {"load": 0.0, "detect_cpu_ms": 0.0, "reader_cpu_ms": 0.0}
    misses = []
    for label, outcome in zip(labels, outcomes, strict=True):
        times = [time.process_time()]
        picture = load_picture(label.path)
        times.append(time.process_time())
        recognizer.detector.detect(picture, longest_px=round(max(recognizer.pack.file.detector.longest_px.balanced)))
        times.append(time.process_time())
        quad = grow(quad_of_box(label.drawn_box), **recognizer.pack.file.reader.crops[0].model_dump())
        text = "".join(c for c in recognizer.reader.read(picture, [quad])[0].raw_text.upper() if c.isalnum())
        times.append(time.process_time())
        for stage, (before, after) in zip(spent, itertools.pairwise(times), strict=True):
            spent[stage] += (after - before) * 1000
        right = _same(text, label)
        for group in (label.group, "all"):
            alone[group].append(right)
        if not outcome.match:
            misses.append(
                f"{label.path.name} {label.plate} read {outcome.text or '-'}, alone {text}, "
                f"{label.drawn_box.width:.0f} px wide; {'; '.join(outcome.refused)}"
            )
    for group, row in table.items():
        row["reader_alone"] = sum(alone[group]) / len(alone[group])
        row |= {stage: total / len(labels) for stage, total in spent.items() if stage != "load"}
        row["cpu_ms"] = (whole_ms - spent["load"]) / len(labels)
    return {group: {key: _rounded(value) for key, value in row.items()} for group, row in table.items()}, misses


def _rounded(value: float | None) -> float | None:
    """Finer than any table shows, which rounds again; None is what could not be measured."""
    return None if value is None else round(value, 6)


def _same(text: str, label: Label) -> bool:
    if label.group == "us":
        return text.translate(FOLD) == label.plate.translate(FOLD)
    return text == label.plate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--packs", nargs="+", default=["own", "ppocr"])
    parser.add_argument("--data-dir", type=Path, help="where installed packs lie")
    parser.add_argument("--every", type=int, default=1, help="only every n-th photo")
    parser.add_argument("--out", type=Path, help="JSON with all figures")
    parser.add_argument("--data", type=Path, help="training pictures: photos too like one of them are left out")
    parser.add_argument("--misses", action="store_true", help="list what was not read rightly")
    options = parser.parse_args()
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
    labels = read_labels(options.photos, need_boxes=True)[:: options.every]
    if options.data:
        labels, left_out = without_near(labels, options.data)
        print(f"{len(left_out)} photos left out as too like a training picture", *(path.name for path in left_out))
        if not labels:
            raise InferenceError(f"every photo of {options.photos} is too like a training picture")
    figures = {}
    for name in options.packs:
        recognizer = open_recognizer(name, threads=1, data_dir=options.data_dir)
        figures[name], misses = score(recognizer, labels)
        for group, row in figures[name].items():
            print(name, group, json.dumps(row), flush=True)
        for miss in misses if options.misses else ():
            print("  ", miss)
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
