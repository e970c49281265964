"""Writes the model card from a run.

    python -m inference.training.card --data DIR --runs DIR --scores FILE --errors FILE [--out DIR]

Everything countable comes from files: data sets and licences from `labels.csv`, learning curves from the trainings'
logs, scores from `inference.training.score`, what is hard from `inference.training.errors`.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from inference.label_table import read_table
from inference.packs import PACKS_DIR
from inference.programs import run
from inference.training.by_eye import read_by_eye
from inference.training.errors import table

LIMITS = """\
* Latin letters A-Z and digits only; characters of other scripts and diacritics are not read.
* Characters lower than 12 pixels in the picture are refused as too small: nothing below was taught.
* The corner head learned from warped scenes and from drawn plates put in the place of real ones; no corner was labelled
  by hand.
* Two-line plates were seen almost only as drawn ones; motorcycles are rare in the scenes.
* Night views without colour, telephoto views and Latin American plates are few in the real data.
* The pictures come from public collections and lean towards a few countries and their cameras; a site's own pictures
  tell more than the figures here.
* Registration plates are personal data: use only where the law allows it.
"""


def data_sets(folder: Path) -> list[tuple[str, str, int, int]]:
    """Set, licence, pictures and readable plates used for training."""
    pictures: dict[tuple[str, str], set[str]] = defaultdict(set)
    texts: dict[tuple[str, str], int] = defaultdict(int)
    by_eye = read_by_eye()
    for _, row in read_table(folder, "set", "file", "text", "licence", "split"):
        if row["split"] == "train":
            key = (row["set"], row["licence"])
            pictures[key].add(row["file"])
            texts[key] += bool(row["text"]) or (row["file"], row.get("plate_index", "")) in by_eye
    return [(*key, len(pictures[key]), texts[key]) for key in sorted(pictures)]


def read_log(path: Path) -> list[dict[str, float]]:
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def draw_curves(detector: list[dict[str, float]], reader: list[dict[str, float]], target: Path) -> None:
    """Two small plots side by side: the detector's recall and the reader's matches on held-out pictures, by step."""
    canvas = np.full((260, 840, 3), 255, np.uint8)
    _plot(canvas[:, :420], "detector: recall, IoU 0.5", [(line["step"], line["recall"]) for line in detector])
    _plot(canvas[:, 420:], "reader: plates read, no syntax", [(line["step"], line["match"]) for line in reader])
    cv2.imwrite(str(target), canvas, [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _plot(part: Any, title: str, points: list[tuple[float, float]]) -> None:
    height, width = part.shape[:2]
    left, top, right, bottom = 44, 34, width - 16, height - 34
    grey, ink, face = (190, 190, 190), (60, 60, 60), cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(part, title, (left, 20), face, 0.45, ink, 1, cv2.LINE_AA)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = round(bottom - share * (bottom - top))
        cv2.line(part, (left, y), (right, y), grey, 1)
        cv2.putText(part, f"{share:.2f}", (6, y + 4), face, 0.36, ink, 1, cv2.LINE_AA)
    last = max((step for step, _ in points), default=1)
    cv2.putText(part, f"{last:.0f} steps", (right - 76, height - 12), face, 0.38, ink, 1, cv2.LINE_AA)
    line = [(left + s / last * (right - left), bottom - v * (bottom - top)) for s, v in points]
    cv2.polylines(part, [np.array(line, np.int32)], False, (170, 90, 20), 2, cv2.LINE_AA)


# Heights of whole plates in the photos, pixels; characters are about two thirds of a European plate's height, half of
# an American one's.
HEIGHTS = (0, 24, 32, 48, 10_000)


def _hard_tables(errors: Path) -> list[str]:
    """Shares read by the plate's height and by what makes it hard."""
    with errors.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = ["| plate height | photos | read |", "|---|---|---|"]
    for low, high in itertools.pairwise(HEIGHTS):
        chosen = [int(row["match"]) for row in rows if low <= float(row["height_px"]) < high]
        if chosen:
            name = f"{low} to {high} px" if high < HEIGHTS[-1] else f"{low} px and more"
            lines.append(f"| {name} | {len(chosen)} | {sum(chosen) / len(chosen):.2f} |")
    lines += ["", "| kind of plate | photos | read |", "|---|---|---|"]
    kinds = table([(row["classes"].split("; "), bool(int(row["match"]))) for row in rows])
    return lines + [f"| {name} | {count} | {right / count:.2f} |" for name, count, right in kinds]


def write_card(*, data: Path, runs: Path, scores: dict[str, Any], errors: Path, out: Path) -> None:
    """`model-card-own.md` and `model-card-own.png` in `out`."""
    detector = read_log(runs / "detector" / "detector-log.jsonl")
    reader = read_log(runs / "reader" / "reader-log.jsonl")
    draw_curves(detector, reader, out / "model-card-own.png")
    sizes = {path.name: path.stat().st_size for path in sorted((PACKS_DIR / "own").glob("*.bin"))}
    sets = [f"| {name} | {licence} | {pictures} | {texts} |" for name, licence, pictures, texts in data_sets(data)]
    lines = [
        "# Model card: the pack `own`",
        "",
        "A plate detector with corners (anchor-free, one map at stride 8) and a reader of one- and two-line plates",
        "(columns, CTC), trained here from nothing. Written by `python -m inference.training.card`.",
        "",
        f"* Weights: Apache-2.0; {', '.join(f'{name} {size / 1e6:.1f} MB' for name, size in sizes.items())}.",
        f"* Detector: {_steps(detector)}. Reader: {_steps(reader)}.",
        "* The reader's weights are those of one run from nothing. The detector was trained in several rounds, each",
        "  begun with the last one's weights (`--start`): one round from nothing to its figures was not measured.",
        "* Made again by `make training-fonts train-detector train-reader export-own PLATES=DIR`.",
        "",
        "## Data",
        "",
        "Real pictures (training part only) and plates drawn by `inference/training/plates.py` in OFL fonts; the drawn",
        "ones are put into the real scenes too. Sets under CC BY are named here as their licence asks.",
        "",
        "| set | licence | pictures | plates with text |",
        "|---|---|---|---|",
        *sets,
        "",
        "## Scores",
        "",
        "On photos never trained on; `match`: the whole pipeline's likeliest reading is the label; `reader_alone`:",
        "the true boxes without country syntax. Times are processor milliseconds on one thread, all packs in one",
        "run: compare them with each other only.",
        "",
        *_score_table(scores),
        "",
        "What is hard (`python -m inference.training.errors` draws every miss; *dark* is night and deep shadow):",
        "",
        *_hard_tables(errors),
        "",
        "![learning curves](model-card-own.png)",
        "",
        "Held-out pictures at the end of training: " + _held_out(detector, reader) + ".",
        "",
        "## Limits",
        "",
        LIMITS,
    ]
    (out / "model-card-own.md").write_text("\n".join(lines), encoding="utf-8")


def _steps(log: list[dict[str, float]]) -> str:
    return (
        f"{log[-1]['step']} steps in {log[-1]['minutes']} minutes of shared time"
        if log
        else "as the round before left it"
    )


def _held_out(detector: list[dict[str, float]], reader: list[dict[str, float]]) -> str:
    parts = []
    if detector:
        last = detector[-1]
        parts.append(f"detector recall {last['recall']:.2f} with {last['false']:.2f} false boxes per scene")
    if reader:
        named = [f"{key.removeprefix('match_')} {value:.2f}" for key, value in reader[-1].items() if "match_" in key]
        parts.append("reader, plates wholly right: " + ", ".join(named))
    return "; ".join(parts)


def _score_table(scores: dict[str, Any]) -> list[str]:
    columns = ("match", "found", "false", "ece", "reader_alone", "cpu_ms", "detect_cpu_ms", "reader_cpu_ms")
    rows = ["| pack | set | photos | " + " | ".join(columns) + " |", "|---" * (3 + len(columns)) + "|"]
    for pack, sets in scores.items():
        for name, row in sets.items():
            figures = " | ".join(_figure(row[key], 1 if key.endswith("ms") else 3) for key in columns)
            rows.append(f"| {pack} | {name} | {row['photos']:.0f} | {figures} |")
    return rows


def _figure(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--scores", type=Path, required=True, help="what inference.training.score wrote")
    parser.add_argument("--errors", type=Path, required=True, help="errors.csv of inference.training.errors")
    parser.add_argument("--out", type=Path, default=Path("docs"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    scores = json.loads(options.scores.read_text(encoding="utf-8"))
    write_card(data=options.data, runs=options.runs, scores=scores, errors=options.errors, out=options.out)


if __name__ == "__main__":
    run(main)
