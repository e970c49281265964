"""Eight-bit weights for the pack: `python -m inference.training.quantize --fp16 DIR --data DIR --pack DIR`.

Takes the FP16 networks that `export` wrote, quantises them with NNCF on real training pictures, compares both on
held-out ones and ships whichever deserves it: eight bits unless they cost more than `MOST_LOST`. The figures go into
`quantization.json` beside the FP16 networks.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import nncf
import numpy as np
from numpy.typing import NDArray

from inference.detector import PlateMapDetector
from inference.errors import InferenceError
from inference.models import Network, ov
from inference.programs import run
from inference.reader import RowsReader
from inference.training.detector_data import Scene, load_scenes
from inference.training.export import set_digests
from inference.training.reader_data import RealCrop, load_real, real_view
from inference.training.reader_model import ALPHABET, HEIGHT, WIDTH
from inference.training.train_detector import iou

# Shares of held-out plates that eight bits may lose before sixteen are shipped: they take half the time, and a vehicle
# that passes is looked at often.
MOST_LOST = 0.01
CALIBRATION_PICTURES, LONGEST_PX = 160, 640
FOLD = str.maketrans("OQI", "001")


def quantize(model: Any, samples: list[NDArray[np.uint8]], *, exact: Sequence[str] = ()) -> Any:
    """Eight-bit weights and activations where that is safe: not in layers named `exact`, nor after the last one."""
    return nncf.quantize(
        model,
        nncf.Dataset(samples),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(samples),
        # Slow for large networks. With it 993 of 1,000 crops are read as with sixteen bits, not 991.
        fast_bias_correction=not exact,
        ignored_scope=nncf.IgnoredScope(names=list(exact), types=["Sigmoid", "SoftPlus", "Softmax"], validate=False),
    )


def sensitive(model: Any) -> list[str]:
    """The reader's layers that eight bits harm, or hardly make faster.

    What makes every plate equally strong, for what is brighter than most pictures of the calibration would be cut there
    (one plate of twenty; of the strongest, one of twelve); the first and the last convolution; those with few weights.
    """
    layers = [(op.get_type_name(), op.get_friendly_name()) for op in model.get_ordered_ops()]
    convolutions = [name for kind, name in layers if kind == "Convolution"]
    others = [name for kind, name in layers if kind in {"Divide", "MVN", "MatMul", "GroupConvolution"}]
    return [convolutions[0], convolutions[-1], *others]


def opened(model: Any) -> Network:
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1})
    return Network(name="candidate", compiled=compiled, requests=1)


def scaled(scene: Scene) -> NDArray[np.uint8]:
    """(1, height, width, 3) bytes as the detector sees them."""
    scale = LONGEST_PX / max(scene.picture.shape[:2])
    smaller = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    picture = cv2.resize(scene.picture, None, fx=scale, fy=scale, interpolation=smaller)
    height, width = (-(-n // PlateMapDetector.multiple) * PlateMapDetector.multiple for n in picture.shape[:2])
    padded = np.zeros((1, height, width, 3), np.uint8)
    padded[0, : picture.shape[0], : picture.shape[1]] = picture
    return padded


def score_detector(model: Any, scenes: list[Scene]) -> float:
    """Share of labelled plates that some region overlaps with an IoU of 0.3 or more."""
    detector = PlateMapDetector(network=opened(model))
    found = total = 0
    for scene in scenes:
        regions = detector.detect(np.asarray(scene.picture, np.uint8), longest_px=LONGEST_PX)
        boxes = [
            (r.box.x, r.box.y, r.box.x + r.box.width, r.box.y + r.box.height) for r in regions if r.likelihood >= 0.3
        ]
        for truth in scene.boxes:
            total += 1
            found += any(iou(tuple(float(v) for v in truth), box) >= 0.3 for box in boxes)
    return found / max(1, total)


def score_reader(model: Any, crops: list[RealCrop]) -> float:
    """Share of plates read wholly right without any country's syntax, O = 0 and I = 1."""
    reader = RowsReader(network=opened(model), alphabet=ALPHABET, width_px=WIDTH, height_px=HEIGHT)
    quad = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
    rng, right = random.Random(0), 0
    for crop in crops:
        view = cv2.cvtColor(real_view(crop, rng, plain=True), cv2.COLOR_GRAY2BGR)
        text = reader.read(np.asarray(view, np.uint8), [quad])[0].raw_text
        right += text.translate(FOLD) == crop.text.translate(FOLD)
    return right / max(1, len(crops))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fp16", type=Path, required=True, help="what inference.training.export wrote")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pack", type=Path, required=True)
    options = parser.parse_args()
    # Everything is looked for first: quantising takes minutes.
    for path in (options.fp16 / "detector.xml", options.fp16 / "reader.xml", options.pack / "pack.toml"):
        if not path.is_file():
            raise InferenceError(f"there is no {path}")
    rng = random.Random(1)
    scenes, held_out_scenes = load_scenes(options.data, "train"), load_scenes(options.data, "val")
    crops, held_out_crops = load_real(options.data, "train"), load_real(options.data, "val")
    if not scenes or not crops:
        raise InferenceError(
            f"{options.data / 'labels.csv'} names no scene, or no plate with a text, in the split train"
        )
    seen = [scaled(scene) for scene in rng.sample(scenes, min(CALIBRATION_PICTURES, len(scenes)))]
    read = [
        real_view(crop, rng)[None, :, :, None] for crop in rng.sample(crops, min(4 * CALIBRATION_PICTURES, len(crops)))
    ]
    figures: dict[str, dict[str, float]] = {}

    def score(name: str, model: Any) -> float:
        return score_detector(model, held_out_scenes) if name == "detector" else score_reader(model, held_out_crops)

    for name, samples in (("detector", seen), ("reader", read)):
        full = ov.Core().read_model(options.fp16 / f"{name}.xml")
        small = quantize(full.clone(), samples, exact=sensitive(full) if name == "reader" else ())
        ov.save_model(small, options.fp16 / f"{name}-int8.xml", compress_to_fp16=True)
        figures[name] = {"fp16": round(score(name, full), 4), "int8": round(score(name, small), 4)}
        shipped = "int8" if figures[name]["fp16"] - figures[name]["int8"] <= MOST_LOST else "fp16"
        figures[name]["bits"] = 8 if shipped == "int8" else 16
        print(f"{name}: {json.dumps(figures[name])}, ships {shipped}", flush=True)
        stem = f"{name}-int8" if shipped == "int8" else name
        for suffix in (".xml", ".bin"):
            shutil.copyfile(options.fp16 / f"{stem}{suffix}", options.pack / f"{name}{suffix}")
    (options.fp16 / "quantization.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    set_digests(options.pack / "pack.toml")


if __name__ == "__main__":
    run(main)
