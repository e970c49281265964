"""The bench: its figures are those of what it ran, its answer is whole as table, JSON and plots."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner

from adapter.cli import app
from inference import bench_report, bench_speed
from inference.av_feed import read_file
from inference.bench import Label, read_labels, reliability, same_plate
from inference.bench_plots import write_plots
from inference.bench_report import Report, installed_packs, lines, run
from inference.bench_speed import CameraCost, Cost, measure_decoding, measure_gate, quarter, still_of, write_clip
from inference.motion import MotionGate
from inference.selftest import KNOWN_TEXT, known_picture
from inference.types import Box


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> list[Label]:
    """One photo with a known plate, as a labelled set of its own."""
    folder = tmp_path_factory.mktemp("photos")
    cv2.imwrite(str(folder / "known.png"), known_picture())
    height, width = known_picture().shape[:2]
    box = f"{width * 0.2},{height * 0.3},{width * 0.6},{height * 0.4}"
    (folder / "labels.csv").write_text(f"dataset,file,x,y,w,h,plate\neu,known.png,{box},{KNOWN_TEXT}\n")
    return read_labels(folder)


@pytest.fixture(scope="module")
def report(labels: list[Label]) -> Report:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench_speed, "CLIP_S", 4)
        patch.setattr(bench_report, "MOTION_SHARES", (0.5,))
        patch.setattr(bench_report, "_reference", lambda _say: None)
        return run(["own"], labels, modules={"eu": ("X_XX",)})


def test_reliability_says_what_was_said_and_what_was_true() -> None:
    rows = reliability([(0.95, True), (0.95, False), (0.15, False)])
    assert rows == [(0.15, 0.0, 1), (0.95, 0.5, 2)]


def test_look_alikes_are_forgiven_only_where_the_labels_fold_them() -> None:
    label = Label(group="us", path=Path("a.jpg"), box=Box(x=0, y=0, width=1, height=1), plate="A0B1")
    assert same_plate(label, "AOBI", folded=True)
    assert not same_plate(label, "AOBI", folded=False)


def test_a_photo_becomes_a_720p_frame_with_its_plate_in_place(labels: list[Label]) -> None:
    still = still_of(labels[0])
    assert still.picture.shape == (720, 1280, 3)
    x, y = still.box.center
    (left, top), _, (right, bottom), _ = quarter(still)
    assert left * 1280 <= x <= right * 1280
    assert top * 720 <= y <= bottom * 720
    assert (right - left) * (bottom - top) == pytest.approx(0.25)


def test_the_gate_says_no_to_sensor_noise(labels: list[Label]) -> None:
    spent = measure_gate(still_of(labels[0]).picture, frames=6)
    assert len(spent) == 5
    assert all(ms > 0 for ms in spent)
    gate = MotionGate()
    noisy = bench_speed.noisy_frames(still_of(labels[0]).picture, 6)
    assert [gate.moved(frame).moved for frame in noisy] == [True, False, False, False, False, False]


def test_a_clip_moves_for_its_share_of_frames(
    labels: list[Label], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_speed, "CLIP_S", 4)
    write_clip(still_of(labels[0]), tmp_path / "clip.mp4", motion_share=0.25)
    pictures = [decoded.to_picture() for _, decoded in read_file(tmp_path / "clip.mp4")]
    assert len(pictures) == 16
    changed = [cv2.absdiff(a, b).mean() > 4 for a, b in itertools.pairwise(pictures)]
    assert 4 <= sum(changed) <= 5
    assert measure_decoding(tmp_path / "clip.mp4") > 0


def test_every_scenario_is_measured_and_told(report: Report) -> None:
    (result,) = report.packs
    assert result.pack == "own"
    assert result.memory_mb > 0
    assert {(cost.pipeline, cost.scenario) for cost in report.costs} >= {
        ("own", "whole"),
        ("own", "fast"),
        ("own", "accurate"),
        ("own", "area"),
        ("own", "area+band"),
        ("motion gate", "still"),
    }
    assert all(cost.mean_ms > 0 for cost in report.costs)
    assert [camera.trimmed for camera in report.cameras] == [False, True]
    assert all(camera.looks > 0 and camera.cpu_s > 0 for camera in report.cameras)
    assert set(result.curves) == {"width_px", "area"}
    text = "\n".join(lines(report, misses=True))
    assert "cameras a core" in text
    assert "own" in text


def test_the_json_holds_every_figure(report: Report) -> None:
    told = json.loads(json.dumps(report.as_json()))
    assert {cost["scenario"] for cost in told["costs"]} >= {"whole", "area+band", "still"}
    assert told["packs"][0]["photos"][0]["plate"] == KNOWN_TEXT
    assert told["cameras"][0]["cameras_per_core"] > 0


def test_the_plots_are_files_a_browser_shows(report: Report, tmp_path: Path) -> None:
    paths = write_plots(report, tmp_path / "plots")
    assert sorted(path.name for path in paths) == ["cameras.svg", "cost-area.svg", "cost-width.svg", "reliability.svg"]
    assert all(path.read_text(encoding="utf-8").lstrip().startswith("<?xml") for path in paths)


def test_ratios_are_those_of_the_times() -> None:
    reference = Cost(pipeline="rapidocr", scenario="whole", cpu_ms=[600.0, 400.0], right=[True, False])
    ours = Cost(pipeline="own", scenario="whole", cpu_ms=[50.0, 50.0], right=[True, True])
    both = Report(costs=[reference, ours])
    assert both.ratio(ours) == pytest.approx(10.0)
    assert Report(costs=[ours]).ratio(ours) is None
    camera = CameraCost(
        pipeline="own", motion_share=0.05, trimmed=False, looks=1, cpu_s=3.0, decode_cpu_s=1.0, seconds=60
    )
    assert camera.cameras_per_core == pytest.approx(20.0)


def test_the_command_names_what_it_lacks_and_knows_what_is_installed(tmp_path: Path) -> None:
    assert {"own", "ppocr"} <= set(installed_packs())
    done = CliRunner().invoke(app, ["bench", "--photos", str(tmp_path), "--pack", "own"])
    assert done.exit_code == 1
    assert "labels.csv" in done.stderr
