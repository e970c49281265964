"""The trainings of our own pack. They need the `training` extra; without PyTorch everything here is skipped."""

from __future__ import annotations

import csv
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed here (pip install '.[training]')")
cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed here")

from inference.packs import PACKS_DIR, find_pack  # noqa: E402
from inference.recognizer import RecognitionSettings, open_recognizer  # noqa: E402
from inference.selftest import KNOWN_TEXT, known_picture  # noqa: E402
from inference.training.detector_data import Scene, sample  # noqa: E402 - after the skip
from inference.training.export import load_average  # noqa: E402
from inference.training.lens import see  # noqa: E402
from inference.training.plates import PlatePress  # noqa: E402
from inference.training.reader_data import UNKNOWN, classes_of  # noqa: E402
from inference.training.reader_model import ALPHABET, COLUMNS, NOTHING, ROWS, ReaderNet  # noqa: E402
from inference.training.scenes import SceneDresser  # noqa: E402
from inference.training.train_detector import targets  # noqa: E402
from inference.training.train_reader import decode, reading_loss  # noqa: E402

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def fonts() -> list[Path]:
    found = sorted((ROOT / ".training" / "fonts" / "ttf").glob("*.ttf"))[:4]
    if not found:
        pytest.skip("no fonts to draw plates with; run: make training-fonts")
    return found


@pytest.fixture
def data(tmp_path: Path, fonts: list[Path]) -> Path:
    """A labelled folder in the trainings' format, with drawn plates on noise."""
    press = PlatePress(fonts, random.Random(1))
    folder = tmp_path / "data"
    folder.mkdir()
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        columns = ["set", "file", "width", "height", "plate_index", "x", "y", "w", "h", "text", "split"]
        rows = csv.DictWriter(file, columns)
        rows.writeheader()
        for index in range(8):
            scene = np.random.default_rng(index).integers(0, 200, (240, 320, 3), np.uint8)
            plate = press.draw()
            scene[90:130, 80:200] = cv2.resize(plate.picture, (120, 40))
            cv2.imwrite(str(folder / f"{index}.png"), scene)
            split = "val" if index % 4 == 0 else "train"
            values = ["drawn", f"{index}.png", 320, 240, 0, 80, 90, 120, 40, plate.text, split]
            rows.writerow(dict(zip(columns, values, strict=True)))
    return folder


def run(module: str, *arguments: str | Path, fails: bool = False) -> str:
    """What a tool prints; what it complains of where it is to fail."""
    command = [sys.executable, "-m", f"inference.training.{module}", *map(str, arguments)]
    command += ["--threads", "1"] if module.startswith("train_") else []
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == int(fails), done.stderr[-2000:]
    return done.stderr if fails else done.stdout


@pytest.mark.slow
def test_the_detectors_training_runs_and_resumes(data: Path, fonts: list[Path], tmp_path: Path) -> None:
    arguments = ("--data", data, "--fonts", fonts[0].parent, "--out", tmp_path / "run", "--scenes", "4")
    assert "from step 0" in run("train_detector", *arguments, "--steps", "2")
    again = run("train_detector", *arguments, "--steps", "1")
    assert "from step 2" in again
    assert '"recall"' in again


@pytest.mark.slow
def test_the_readers_training_runs_and_resumes(data: Path, fonts: list[Path], tmp_path: Path) -> None:
    arguments = ("--data", data, "--fonts", fonts[0].parent, "--out", tmp_path / "run")
    assert "from step 0" in run("train_reader", *arguments, "--steps", "2")
    again = run("train_reader", *arguments, "--steps", "1")
    assert "from step 2" in again
    assert '"match_drawn"' in again


@pytest.mark.slow
def test_a_training_without_fonts_or_scenes_ends_at_once_and_says_so(data: Path, tmp_path: Path) -> None:
    for module in ("train_detector", "train_reader"):
        given = ("--data", data, "--out", tmp_path / module, "--steps", "1")
        assert "holds neither .ttf files nor @fontsource packages" in run(
            module, *given, "--fonts", tmp_path / "none", fails=True
        )
    lines = (data / "labels.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (data / "labels.csv").write_text(lines[0], encoding="utf-8")
    assert "names no scene to train on" in run("train_detector", *given, fails=True)


@pytest.mark.slow
def test_trained_weights_become_a_pack_that_reads(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("nncf", reason="NNCF is not installed here (pip install '.[training]')")
    for name in ("detector", "reader"):
        begun = torch.load(ROOT / "inference" / "training" / "start" / f"{name}.pt", weights_only=True)
        (tmp_path / "runs" / name).mkdir(parents=True)
        whole = {key: one.float() if one.is_floating_point() else one for key, one in begun.items()}
        torch.save({"average": whole}, tmp_path / "runs" / name / f"{name}.pt")
    fp16, pack = tmp_path / "fp16", tmp_path / "home" / "models" / "own"
    assert "detector" in run("export", "--runs", tmp_path / "runs", "--out", fp16)
    given = ("--fp16", fp16, "--data", data, "--pack", pack)
    assert f"there is no {pack / 'pack.toml'}" in run("quantize", *given, fails=True)
    shutil.copytree(PACKS_DIR / "own", pack)
    assert "reader: " in run("quantize", *given)
    assert set(json.loads((fp16 / "quantization.json").read_text(encoding="utf-8"))) == {"detector", "reader"}
    found = find_pack("own", data_dir=tmp_path / "home")
    assert found.reader_path == pack / "reader.xml"
    assert found.reader_path.read_bytes() != (PACKS_DIR / "own" / "reader.xml").read_bytes()
    readings = (
        open_recognizer("own", threads=1, data_dir=tmp_path / "home")
        .recognize(known_picture(), RecognitionSettings(max_seconds_per_frame=None))
        .readings
    )
    assert [one.plate.plate_number for one in readings] == [KNOWN_TEXT]


def test_a_drawn_plate_knows_where_its_characters_are(fonts: list[Path]) -> None:
    press = PlatePress(fonts, random.Random(2))
    for _ in range(40):
        plate = press.draw()
        height, width = plate.picture.shape[:2]
        assert len(plate.places) == len(plate.text)
        assert (plate.places[:, 0, 0] < plate.places[:, 1, 0]).all()
        assert plate.places[..., 0].min() >= 0 and plate.places[..., 0].max() <= width + 1
        assert plate.places[..., 1].max() <= height
        upper = plate.places[: len(plate.text) - plate.lower]
        assert (np.diff(upper[:, 0, 0]) > 0).all()
        if plate.lower:
            assert plate.places[-1, 0, 1] > upper[0, 0, 1]


def test_a_seen_plate_fills_the_crop_and_keeps_its_characters_inside(fonts: list[Path]) -> None:
    rng = random.Random(3)
    press = PlatePress(fonts, rng)
    for _ in range(20):
        view, places = see(press.draw(), (144, 64), rng)
        assert view.shape == (64, 144, 3)
        assert places[..., 0].min() > -8 and places[..., 0].max() < 152


def test_columns_between_characters_say_nothing_and_lines_go_to_their_rows() -> None:
    places = np.array([[[10, 20], [26, 20]], [[40, 20], [56, 20]], [[70, 50], [86, 50]]], np.float32)
    classes = classes_of("ABC", 1, places)
    assert classes.shape == (ROWS, COLUMNS)
    assert set(classes[0]) == {ALPHABET.index("A"), ALPHABET.index("B"), NOTHING, UNKNOWN}
    assert set(classes[1]) == {ALPHABET.index("C"), NOTHING, UNKNOWN}
    assert classes[0, 8] == NOTHING


def test_the_readers_loss_falls_with_the_right_answer_and_lines_are_read_in_order() -> None:
    columns = torch.full((1, ROWS, COLUMNS), NOTHING)
    for column, char in ((3, "A"), (9, "A"), (14, "7")):
        columns[0, 0, column] = ALPHABET.index(char)
    columns[0, 1, 5] = ALPHABET.index("Z")
    logits = 12.0 * torch.nn.functional.one_hot(columns, NOTHING + 1).float()
    assert decode(logits) == ["AA7Z"]
    right = reading_loss(logits, ["AA7Z"], [1], columns)
    assert right < 0.1
    assert reading_loss(logits, ["AA8Z"], [1], columns) > right + 5
    assert reading_loss(logits, ["AA7Z"], [UNKNOWN], columns) < 0.1


def test_the_reader_sees_the_same_plate_in_bright_and_dark() -> None:
    torch.manual_seed(0)
    net = ReaderNet().eval()
    plate = torch.rand(1, 1, 64, 144)
    with torch.no_grad():
        assert torch.allclose(net(plate), net(plate * 0.5 + 0.1), atol=0.2)


def test_targets_teach_the_corners_of_a_tilted_plate() -> None:
    quad = np.array([[40, 60], [104, 52], [106, 72], [42, 80]], np.float32)
    heat, values, mask = targets([quad[None]], [np.ones(1, np.bool_)], 160)
    y, x = divmod(int(heat[0, 0].argmax()), heat.shape[-1])
    assert heat[0, 0, y, x] == 1.0 and mask[0, 0, y, x] > 0
    at = np.array([x + 0.5, y + 0.5], np.float32)
    corners = (values[0, 4:, y, x].numpy().reshape(4, 2) + at) * 8
    assert np.allclose(corners, quad, atol=1e-3)
    assert values[0, 0, y, x].item() == pytest.approx((at[0] * 8 - 40) / 8)


def test_a_plate_mostly_outside_is_neither_taught_nor_punished() -> None:
    quad = np.array([[-60, 60], [20, 60], [20, 80], [-60, 80]], np.float32)
    heat, _, mask = targets([quad[None]], [np.ones(1, np.bool_)], 160)
    assert (heat == -1).any() and not (heat > 0.5).any() and not mask.any()


def test_a_swapped_plate_lies_where_its_corners_say(fonts: list[Path]) -> None:
    rng = random.Random(4)
    dresser = SceneDresser(PlatePress(fonts, rng), rng, swap=1.0, lure=0.0)
    quad = np.array([[[100, 140], [180, 138], [181, 160], [101, 162]]], np.float32)
    for _ in range(10):
        # Noise: on an even ground a plate's own grey may by chance be the ground's.
        picture = np.random.default_rng(4).integers(20, 230, (320, 320, 3), dtype=np.uint8)
        before = picture.copy()
        corners, exact = dresser.dress(picture, quad, 1.0)
        assert exact.all()
        inside = cv2.fillConvexPoly(np.zeros((320, 320), np.uint8), corners[0].astype(np.int32), 1) > 0
        changed = (picture != before).any(axis=2)
        assert changed[inside].mean() > 0.9
        far = cv2.dilate(inside.astype(np.uint8), np.ones((17, 17), np.uint8)) == 0
        assert not changed[far].any()


def test_samples_cover_small_and_large_plates_and_fill_the_picture() -> None:
    rng = random.Random(5)
    scenes = [
        Scene(np.full((300, 400, 3), 120, np.uint8), np.array([[100, 100, 180, 130]], np.float32), "one"),
        Scene(np.full((300, 400, 3), 60, np.uint8), np.array([[200, 100, 260, 120]], np.float32), "two"),
    ]
    widths = []
    for _ in range(80):
        picture, corners, _exact = sample(scenes[0], 256, rng, behind=scenes[1])
        assert picture.shape == (256, 256, 3)
        widths += [float(np.ptp(quad[:, 0])) for quad in corners]
    assert min(widths) < 24 and max(widths) > 120


def test_weights_are_drawn_back_towards_those_they_began_with(tmp_path: Path) -> None:
    former, trained = (torch.nn.BatchNorm1d(2) for _ in range(2))
    torch.nn.init.constant_(former.weight, 1.0)
    torch.nn.init.constant_(trained.weight, 2.0)
    torch.save(
        {key: one.half() if one.is_floating_point() else one for key, one in former.state_dict().items()},
        tmp_path / "former.pt",
    )
    torch.save({"average": trained.state_dict()}, tmp_path / "reader.pt")
    for share, expected in ((0.0, 1.0), (0.25, 1.25), (1.0, 2.0)):
        net = load_average(torch.nn.BatchNorm1d(2), tmp_path / "reader.pt", tmp_path / "former.pt", share)
        assert net.weight.tolist() == [expected] * 2
