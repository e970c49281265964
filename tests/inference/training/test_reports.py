"""What surrounds the trainings and needs no PyTorch: the likelihood's fit, scores and the model card."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.bench import Label
from inference.packs import find_pack
from inference.rank import DEFAULT_WEIGHTS
from inference.training.card import data_sets, write_card
from inference.training.likelihood import calibration_error, fit, write_section
from inference.training.score import _same
from inference.types import Box


def samples(count: int) -> tuple[list[dict[str, float]], list[bool], list[int]]:
    """Candidates whose truth depends on `syntax` alone, and not always."""
    rng = random.Random(1)
    found, right = [], []
    for _ in range(count):
        sample = {name: rng.gauss(0, 1) for name in DEFAULT_WEIGHTS} | {"bias": 1.0}
        found.append(sample)
        right.append(rng.random() < 1 / (1 + 2.718 ** (-3 * sample["syntax"])))
    return found, right, list(range(count))


def test_many_scenes_overrule_the_starting_weights_and_few_do_not() -> None:
    found, right, _ = samples(3000)
    many = fit(found, right)
    assert many["syntax"] == pytest.approx(3.0, abs=0.5)
    assert abs(many["margin"]) < 0.25
    few = fit(found[:4], right[:4])
    start = DEFAULT_WEIGHTS["margin"]
    assert abs(few["margin"] - start) < 0.7 * abs(many["margin"] - start)


def test_the_fitted_likelihood_is_calibrated_on_scenes_it_was_not_fitted_on() -> None:
    assert calibration_error(*samples(3000)) < 0.05


def test_the_likelihood_section_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    pack = tmp_path / "pack.toml"
    pack.write_text('name = "x"\n\n[reader]\nkind = "rows"\n\n[likelihood]\nbias = 9.0\nold = 1.0\n', encoding="utf-8")
    write_section(pack, {"bias": -1.0, "fit": 0.5})
    write_section(pack, {"bias": -2.0, "fit": 0.5})
    expected = 'name = "x"\n\n[reader]\nkind = "rows"\n\n[likelihood]\nbias = -2.0\nfit = 0.5\n'
    assert pack.read_text(encoding="utf-8") == expected


def test_only_american_labels_write_zero_for_o() -> None:
    def label(group: str) -> Label:
        return Label(group=group, path=Path("a.jpg"), box=Box(x=0, y=0, width=9, height=3), plate="AB0120")

    assert _same("ABOI2Q", label("us"))
    assert not _same("ABO120", label("eu"))
    assert not _same("AB0121", label("us"))


def test_the_card_names_every_training_set_its_licence_and_the_scores(tmp_path: Path) -> None:
    data, runs, out = tmp_path / "data", tmp_path / "runs", tmp_path / "docs"
    for folder in (data, runs / "detector", runs / "reader", out):
        folder.mkdir(parents=True)
    with (data / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["set", "file", "text", "licence", "split"])
        rows.writerow(["streets", "a.jpg", "AB12", "CC BY 4.0", "train"])
        rows.writerow(["streets", "a.jpg", "", "CC BY 4.0", "train"])
        rows.writerow(["kept", "b.jpg", "CD34", "MIT", "val"])
    step = {"step": 10, "minutes": 1.0, "recall": 0.5, "false": 0.25, "match": 0.75, "match_streets": 0.75}
    for name in ("detector", "reader"):
        (runs / name / f"{name}-log.jsonl").write_text(json.dumps(step) + "\n", encoding="utf-8")
    row = dict.fromkeys(("match", "found", "false", "ece", "reader_alone"), 0.125)
    row |= {"photos": 8.0, "cpu_ms": 50.0, "detect_cpu_ms": 20.0, "reader_cpu_ms": 3.0}
    assert data_sets(data) == [("streets", "CC BY 4.0", 1, 1)]
    errors = tmp_path / "errors.csv"
    errors.write_text("match,height_px,classes\n1,20,small\n0,22,small; tilted\n1,60,plain\n", encoding="utf-8")
    write_card(data=data, runs=runs, scores={"own": {"all": row}}, errors=errors, out=out)
    card = (out / "model-card-own.md").read_text(encoding="utf-8")
    assert "| streets | CC BY 4.0 | 1 | 1 |" in card
    assert "kept" not in card
    assert "| own | all | 8 | 0.125 |" in card
    assert "| 0 to 24 px | 2 | 0.50 |" in card
    assert "| 48 px and more | 1 | 1.00 |" in card
    assert "| tilted | 1 | 0.00 |" in card
    picture = cv2.imread(str(out / "model-card-own.png"))
    assert picture is not None and len(np.unique(picture.reshape(-1, 3), axis=0)) > 3


def test_the_shipped_likelihood_knows_its_features() -> None:
    names = set(find_pack("own").file.likelihood)
    assert {"bias", "fit", "found"} <= names
