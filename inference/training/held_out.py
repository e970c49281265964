"""The whole pipeline on scenes kept from training: `python -m inference.training.held_out --data DIR --packs own`.

Nobody looked at these while choosing rules, so they tell more about pictures from elsewhere than the bench's photos.
All country modules take part; O and Q count as 0, I as 1, for the texts were read by people who cannot tell either.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inference.errors import InferenceError
from inference.label_table import read_table
from inference.programs import run
from inference.read import FILE_SETTINGS, load_picture
from inference.recognizer import open_recognizer
from inference.training.by_eye import read_by_eye
from inference.types import Box
from inference.watch import Reads

LABEL_COLUMNS = ("set", "file", "plate_index", "x", "y", "w", "h", "text", "split")
# Pictures of one plate alone are the reader's business.
CROPS_ONLY = frozenset({"lprnet_cn", "darkplate_crops", "read_crops"})
SAME_PLATE_IOU, NO_PLATE_IOU = 0.2, 0.1
MOST_PLATES = 8
FOLD = str.maketrans("OQI", "001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """A labelled plate; `text` is empty where nobody could read it, `group` the set it is from."""

    box: Box
    text: str
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was read in the place of a plate with a known text; empty where nothing was."""

    truth: Truth
    read: str

    @property
    def match(self) -> bool:
        return self.read.translate(FOLD) == self.truth.text.translate(FOLD)


def scenes(folder: Path, split: str = "val") -> dict[Path, list[Truth]]:
    """Pictures of one split in which some plate's text is known, with all their labelled plates."""
    by_eye = read_by_eye()
    found: dict[Path, list[Truth]] = defaultdict(list)
    for _, row in read_table(folder, *LABEL_COLUMNS):
        if row["split"] != split or not row["x"] or row["set"] in CROPS_ONLY:
            continue
        text, _ = by_eye.get((row["file"], row["plate_index"]), (row["text"], ""))
        x, y, width, height = (float(row[key]) for key in ("x", "y", "w", "h"))
        box = Box(x=x, y=y, width=width, height=height)
        found[folder / row["file"]].append(Truth(box=box, text=text, group=row["set"]))
    return {path: plates for path, plates in sorted(found.items()) if any(plate.text for plate in plates)}


def measure(recognizer: Reads, labelled: Mapping[Path, Sequence[Truth]]) -> tuple[list[Result], int]:
    """A result for each plate with a known text, and how many readings overlap no labelled plate."""
    settings = replace(FILE_SETTINGS, max_plates=MOST_PLATES)
    results, false = [], 0
    for path, plates in labelled.items():
        try:
            picture = load_picture(path)
        except ValueError as error:
            raise InferenceError(str(error)) from error
        readings = recognizer.recognize(picture, settings).readings
        false += sum(all(one.box.iou(plate.box) < NO_PLATE_IOU for plate in plates) for one in readings)
        for plate in plates:
            if plate.text:
                texts = [one.plate.plate_number for one in readings if one.box.iou(plate.box) > SAME_PLATE_IOU]
                results.append(Result(truth=plate, read=texts[0] if texts else ""))
    return results, false


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--packs", nargs="+", default=["own"])
    parser.add_argument("--data-dir", type=Path, help="where installed packs lie")
    parser.add_argument("--misses", action="store_true", help="list what was not read rightly")
    options = parser.parse_args()
    labelled = scenes(options.data)
    if not labelled:
        raise InferenceError(f"{options.data / 'labels.csv'} names no plate with a text in the split val")
    for pack in options.packs:
        results, false = measure(open_recognizer(pack, threads=1, data_dir=options.data_dir), labelled)
        for group in [*sorted({one.truth.group for one in results}), "all"]:
            chosen = [one.match for one in results if group in {"all", one.truth.group}]
            print(
                f"{pack:12s} {group:12s} {sum(chosen):4d} of {len(chosen):4d} right ({sum(chosen) / len(chosen):.3f})"
            )
        print(f"{pack:12s} {false} readings of no labelled plate in {len(labelled)} pictures", flush=True)
        for one in results if options.misses else ():
            if not one.match:
                width = one.truth.box.width
                print(f"   {one.truth.text} read {one.read or '-'}, {width:.0f} px wide, {one.truth.group}")


if __name__ == "__main__":
    run(main)
