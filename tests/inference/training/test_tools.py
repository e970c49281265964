"""The tools around the trainings, from their command line to what they print and write; none of them needs PyTorch."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.programs import run
from inference.rank import DEFAULT_WEIGHTS
from inference.recognizer import open_recognizer
from inference.selftest import KNOWN_TEXT, known_picture
from inference.training.card import write_card
from inference.training.likelihood import evidence
from inference.training.score import _rounded

COLUMNS = (
    *("set", "dataset", "file", "width", "height", "plate_index", "x", "y", "w", "h"),
    *("text", "plate", "country", "licence", "split"),
)
# Where the known picture has its plate.
PLATE = (120, 150, 240, 56)
WRONG = "ZZ999Z"

Tool = Callable[..., tuple[int, str, str]]


def write_labels(folder: Path, rows: list[dict[str, object]]) -> None:
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of a drawn plate, labelled for the trainings and for the bench; the last label is not what is drawn."""
    found = tmp_path_factory.mktemp("labelled")
    rows: list[dict[str, object]] = []
    for index, light in enumerate((1.0, 0.9, 0.8, 0.95, 0.85)):
        picture = np.asarray(known_picture() * light, np.uint8)
        cv2.imwrite(str(found / f"{index}.png"), picture)
        text = WRONG if index == 4 else KNOWN_TEXT
        sides = (picture.shape[1], picture.shape[0], 0, *PLATE)
        names = ("drawn", "eu", f"{index}.png", *sides, text, text, "NL", "MIT", "train" if index < 2 else "val")
        rows.append(dict(zip(COLUMNS, names, strict=True)))
    write_labels(found, rows)
    return found


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tool:
    """Runs `python -m inference.training.NAME ARGUMENTS`: exit code, what it printed, what it complained of."""

    def called(name: str, *arguments: object) -> tuple[int, str, str]:
        main = importlib.import_module(f"inference.training.{name}").main
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            run(main)
        out, err = capsys.readouterr()
        code = ended.value.code
        # Python prints a text given to `sys.exit` and ends with 1.
        return (1, out, f"{err}{code}") if isinstance(code, str) else (int(code or 0), out, err)

    return called


def test_the_likelihood_is_fitted_on_what_a_pack_finds_in_scenes(folder: Path, tool: Tool) -> None:
    found, right, origin = evidence(open_recognizer("own", threads=1), folder, "val")
    assert len(found) == len(right) == len(origin) >= 3
    assert set(origin) == {0, 1, 2}
    assert any(right) and not all(right)
    assert set(found[0]) >= set(DEFAULT_WEIGHTS)
    code, out, err = tool("likelihood", "--data", folder, "--pack", "own")
    assert (code, err) == (0, "")
    first, *weights = out.splitlines()
    assert first.split(" candidates")[0].isdigit()
    assert {line.split(" = ")[0] for line in weights} == set(found[0])


def test_scenes_kept_from_training_are_scored_and_misses_named(folder: Path, tool: Tool) -> None:
    code, out, _ = tool("held_out", "--data", folder, "--packs", "own", "--misses")
    assert code == 0
    assert "drawn           2 of    3 right (0.667)" in out
    assert f"{WRONG} read {KNOWN_TEXT}, 240 px wide, drawn" in out


def test_scores_and_errors_become_a_model_card(folder: Path, tmp_path: Path, tool: Tool) -> None:
    scores, errors, card = tmp_path / "runs" / "scores.json", tmp_path / "errors", tmp_path / "docs"
    code, out, _ = tool("score", "--photos", folder, "--packs", "own", "--out", scores, "--misses")
    assert code == 0
    assert f"4.png {WRONG} read {KNOWN_TEXT}" in out
    row = json.loads(scores.read_text(encoding="utf-8"))["own"]["all"]
    assert (row["photos"], row["match"], row["found"], row["reader_alone"]) == (5, 0.8, 1, 0.8)
    code, out, _ = tool("errors", "--photos", folder, "--pack", "own", "--out", errors)
    assert code == 0
    assert "1 misses of 5" in out
    assert cv2.imread(str(errors / "errors.png")) is not None
    given = ("--data", folder, "--runs", tmp_path / "runs", "--scores", scores, "--errors", errors / "errors.csv")
    assert tool("card", *given, "--out", card)[0] == 0
    text = (card / "model-card-own.md").read_text(encoding="utf-8")
    assert "| own | all | 5 | 0.800 | 1.000 |" in text
    assert "| drawn | MIT | 2 | 2 |" in text
    assert "| 48 px and more | 5 | 0.80 |" in text


def test_a_set_in_which_nothing_is_read_is_scored_too(folder: Path, tmp_path: Path, tool: Tool) -> None:
    photos, scores = tmp_path / "photos", tmp_path / "scores.json"
    photos.mkdir()
    cv2.imwrite(str(photos / "empty.png"), np.full((360, 480, 3), 90, np.uint8))
    (photos / "labels.csv").write_text("file,plate,x,y,w,h\nempty.png,AB12CD,100,100,240,56\n", encoding="utf-8")
    assert tool("score", "--photos", photos, "--packs", "own", "--out", scores)[0] == 0
    assert json.loads(scores.read_text(encoding="utf-8"))["own"]["all"]["ece"] is None
    errors = tmp_path / "errors.csv"
    errors.write_text("match,height_px,classes\n0,56,plain\n", encoding="utf-8")
    given = ("--data", folder, "--runs", tmp_path, "--scores", scores, "--errors", errors, "--out", tmp_path)
    assert tool("card", *given)[0] == 0
    assert "| own | all | 1 | 0.000 | 0.000 | 0.000 | - |" in (tmp_path / "model-card-own.md").read_text(
        encoding="utf-8"
    )


def test_shares_are_not_rounded_twice(folder: Path, tmp_path: Path) -> None:
    row = dict.fromkeys(("match", "found", "false", "ece", "reader_alone"), _rounded(212 / 218))
    row |= {"photos": 218.0, "cpu_ms": 1.0, "detect_cpu_ms": 1.0, "reader_cpu_ms": 1.0}
    errors = tmp_path / "errors.csv"
    errors.write_text("match,height_px,classes\n1,56,plain\n", encoding="utf-8")
    write_card(data=folder, runs=tmp_path, scores={"own": {"all": row}}, errors=errors, out=tmp_path)
    assert "| own | all | 218 | 0.972 |" in (tmp_path / "model-card-own.md").read_text(encoding="utf-8")


def test_near_duplicates_are_named_and_a_folder_without_pictures_is_no_good_news(
    folder: Path, tmp_path: Path, tool: Tool
) -> None:
    code, out, _ = tool("near_duplicates", "--data", folder, "--photos", folder)
    assert code == 0
    assert out.endswith("5 of 5 photos are near a training picture\n")
    for name, arguments in (("near_duplicates", ()), ("score", ("--packs", "own"))):
        for nothing in (tmp_path, tmp_path / "missing"):
            code, out, err = tool(name, "--data", nothing, "--photos", folder, *arguments)
            assert (code, out) == (1, "")
            assert err == f"error: {nothing} holds no picture (.jpg, .jpeg or .png) to compare with"
    code, out, err = tool("score", "--data", folder, "--photos", folder, "--packs", "own")
    assert (code, "every photo of" in err) == (1, True)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("likelihood", ("--data",)),
        ("held_out", ("--data",)),
        ("score", ("--photos",)),
        ("errors", ("--out", "errors", "--photos")),
        ("near_duplicates", ("--data", ".", "--photos")),
        ("card", ("--runs", ".", "--scores", "scores.json", "--errors", "errors.csv", "--data")),
    ],
)
def test_labels_that_cannot_be_used_end_a_tool_with_one_sentence(
    name: str, arguments: tuple[str, ...], tmp_path: Path, tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scores.json").write_text("{}", encoding="utf-8")
    assert tool(name, *arguments, "missing")[::2] == (
        1,
        "error: missing/labels.csv cannot be read: No such file or directory",
    )
    for content, said in ((b"a,b\n1,2\n", "has no column "), (b"\xff\xfe\x00", "is not text in UTF-8")):
        (tmp_path / "labels.csv").write_bytes(content)
        code, _, err = tool(name, *arguments, tmp_path)
        assert code == 1
        assert err.startswith(f"error: {tmp_path / 'labels.csv'} {said}")


def test_what_a_tool_needs_beyond_the_table_is_said(folder: Path, tmp_path: Path, tool: Tool) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "labels.csv").write_text("file,plate\na.jpg,AB12\n", encoding="utf-8")
    for name in ("errors", "score"):
        code, _, err = tool(name, "--photos", photos, "--out", tmp_path / "out")
        assert (code, "boxes" in err) == (1, True)
    write_labels(photos, [])
    assert "no plate with a text" in tool("held_out", "--data", photos)[2]
    assert "too few scenes" in tool("likelihood", "--data", photos)[2]
    assert "there is no model pack 'x'" in tool("held_out", "--data", folder, "--packs", "x")[2]
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        rows: list[dict[str, object]] = [dict(row) for row in csv.DictReader(file)]
    write_labels(photos, rows)
    assert (
        tool("held_out", "--data", photos)[2] == f"error: {photos / '2.png'} cannot be read: No such file or directory"
    )
