"""Turns check-points into OpenVINO networks: `python -m inference.training.export --runs DIR --out DIR`.

A reader that was trained further from earlier weights may be drawn back towards them (`--former FILE --share 0.3`): the
mean of both reads held-out plates better than either (Wortsman et al., 2022).
Writes OpenVINO IR with FP16 weights and checks on random input that it answers as the trained network does.
`inference.training.quantize` takes them from there into the pack.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from inference.models import ov
from inference.programs import run
from inference.training.detector_model import DetectorExport, DetectorNet
from inference.training.reader_model import HEIGHT, WIDTH, ReaderExport, ReaderNet

# FP16 weights move a likelihood by far less than this.
TOLERANCE = 0.02
# Newer processors would round to bfloat16, which is their business and not the export's.
EXACT = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}


def load_average(net: nn.Module, checkpoint: Path, former: Path | None = None, share: float = 1.0) -> nn.Module:
    """The averaged weights of a training, ready to answer; a `share` of them, the rest are those it began with."""
    state = torch.load(checkpoint, weights_only=True)["average"]
    if former is not None:
        begun = torch.load(former, weights_only=True)
        state = {
            key: begun[key].to(one.dtype).lerp(one, share) if one.is_floating_point() else one
            for key, one in state.items()
        }
    net.load_state_dict(state)
    return net.eval()


def export(module: nn.Module, example: torch.Tensor, shape: list[int], target: Path) -> float:
    """Write `module` as IR; returns the largest difference between the two on the example."""
    module.eval()
    with torch.no_grad():
        answer = module(example)
    model = ov.convert_model(module, example_input=example, input=[(shape, ov.Type.u8)])
    target.parent.mkdir(parents=True, exist_ok=True)
    ov.save_model(model, target, compress_to_fp16=True)
    compiled: Any = ov.Core().compile_model(target, "CPU", EXACT)
    given = compiled(example.numpy())
    expected = answer if isinstance(answer, tuple) else (answer,)
    return max(float(np.abs(given[i] - one.numpy()).max()) for i, one in enumerate(expected))


def set_digests(pack_toml: Path) -> None:
    """Put the sha256 of every named file into the pack's description, each on the line after its name."""
    text = pack_toml.read_text(encoding="utf-8")
    for key, name in re.findall(r'^(file|numbers) = "([^"]+)"', text, flags=re.MULTILINE):
        digest = hashlib.sha256((pack_toml.parent / name).read_bytes()).hexdigest()
        pattern = rf'({key} = "{re.escape(name)}"\n(?:numbers_)?sha256 = ")[0-9a-f]{{64}}'
        text, count = re.subn(pattern, rf"\g<1>{digest}", text)
        if count != 1:
            raise ValueError(f"{pack_toml} has no sha256 line right after the line of {name}")
    pack_toml.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="folder with detector/ and reader/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--former", type=Path, help="the reader's weights that the training began with (--start)")
    parser.add_argument("--share", type=float, default=1.0, help="of the new weights, 0 to 1; the rest are the former")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    detector = DetectorExport(load_average(DetectorNet(), options.runs / "detector" / "detector.pt"))
    reader = ReaderExport(
        load_average(ReaderNet(), options.runs / "reader" / "reader.pt", options.former, options.share)
    )
    scene = torch.randint(0, 256, (1, 256, 320, 3), dtype=torch.uint8)
    crops = torch.randint(0, 256, (2, HEIGHT, WIDTH, 1), dtype=torch.uint8)
    for name, module, example, shape in (
        ("detector", detector, scene, [1, -1, -1, 3]),
        ("reader", reader, crops, [-1, HEIGHT, WIDTH, 1]),
    ):
        off = export(module, example, shape, options.out / f"{name}.xml")
        print(f"{name}: largest difference to the trained network {off:.4f}")
        if name == "reader" and off > TOLERANCE:
            raise SystemExit("the exported reader answers differently; nothing should be shipped")


if __name__ == "__main__":
    run(main)
