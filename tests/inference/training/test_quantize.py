"""Eight bits for the reader: what is bright must be read as with sixteen. Needs the `training` extra."""

from __future__ import annotations

import random
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed here (pip install '.[training]')")
pytest.importorskip("nncf", reason="NNCF is not installed here (pip install '.[training]')")

from inference.models import ov  # noqa: E402 - after the skip
from inference.training.export import export  # noqa: E402
from inference.training.lens import see  # noqa: E402
from inference.training.plates import PlatePress  # noqa: E402
from inference.training.quantize import quantize, sensitive  # noqa: E402
from inference.training.reader_model import HEIGHT, WIDTH, ReaderExport, ReaderNet  # noqa: E402

ROOT = Path(__file__).parents[3]
START = ROOT / "inference" / "training" / "start" / "reader.pt"


@pytest.fixture(scope="module")
def crops() -> list[np.ndarray]:
    """Drawn plates as the reader gets them, (1, 64, 144, 1)."""
    fonts = sorted((ROOT / ".training" / "fonts" / "ttf").glob("*.ttf"))[:4]
    if not fonts:
        pytest.skip("no fonts to draw plates with; run: make training-fonts")
    rng = random.Random(3)
    press = PlatePress(fonts, rng)
    seen = [see(press.draw(), (WIDTH, HEIGHT), rng)[0] for _ in range(40)]
    return [cv2.cvtColor(one, cv2.COLOR_BGR2GRAY)[None, :, :, None] for one in seen]


# OpenVINO still traces with what PyTorch deprecates, and NNCF warns of its own next version.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_plate_brighter_than_the_calibrations_says_the_same_in_eight_bits(
    crops: list[np.ndarray], tmp_path: Path
) -> None:
    net = ReaderNet()
    net.load_state_dict({name: value.float() for name, value in torch.load(START, weights_only=True).items()})
    example = torch.randint(0, 256, (2, HEIGHT, WIDTH, 1), dtype=torch.uint8)
    export(ReaderExport(net), example, [-1, HEIGHT, WIDTH, 1], tmp_path / "reader.xml")
    full = ov.Core().read_model(tmp_path / "reader.xml")
    dim = [crop // 2 for crop in crops]
    bright = np.concatenate(crops)

    def answers(model: object) -> np.ndarray:
        return np.asarray(ov.Core().compile_model(model, "CPU")(bright)[0])

    expected = answers(full)
    off, off_when_all_is_rounded = (
        float(np.abs(answers(quantize(full.clone(), dim, exact=exact)) - expected).mean())
        for exact in (sensitive(full), [])
    )
    assert off < 0.002
    assert off_when_all_is_rounded > 5 * off
