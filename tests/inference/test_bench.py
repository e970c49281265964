"""The bench: its figures are those of what it ran, its answer is whole as table, JSON and plots."""

from __future__ import annotations

import itertools
import json
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from adapter.cli import app
from inference import bench_speed
from inference.av_feed import read_file
from inference.bench import Label, read_labels, reliability, same_plate, summary
from inference.bench_cameras import CameraCost, Extent, FleetCost, measure_decoding, measure_fleet, write_clip
from inference.bench_plots import write_plots
from inference.bench_report import Report, installed_packs, run
from inference.bench_speed import Cost, RapidOcr, measure_costs, measure_gate, plain, quarter, still_of
from inference.bench_table import lines
from inference.bench_video import Cached, clip_settings, read_clip_labels, run_clips
from inference.bench_video import main as bench_video
from inference.errors import InferenceError
from inference.motion import MotionGate
from inference.packs import install_pack
from inference.programs import run as program
from inference.recognizer import open_recognizer
from inference.selftest import KNOWN_TEXT, known_picture
from inference.types import Box
from tests.adapter.test_cli_models import passing
from tests.inference.test_watch import PaintedPlates, drive_by, film

SMALL = Extent(clip_s=4, motion_shares=(0.5,), camera_counts=(2,), fleet_clip_s=1, fleet_clips=2, fleet_settle_s=1)


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
    return run(["own"], labels, modules=("X_XX",), extent=SMALL, reference=None)


def test_a_list_of_files_and_plates_is_enough(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "known.png"), known_picture())
    plate = f"{KNOWN_TEXT[:2]}-{KNOWN_TEXT[2:].lower()}"
    (tmp_path / "labels.csv").write_text(f"file,plate\nknown.png,{plate}\n", encoding="utf-8")
    labels = read_labels(tmp_path)
    assert [(label.group, label.plate, label.box) for label in labels] == [("photos", KNOWN_TEXT, None)]
    measured = run(["own"], labels, modules=("X_XX",), speed=False)
    row = summary(measured.packs[0].outcomes)["photos"]
    assert (row["match"], row["found"], row["false"]) == (1.0, None, None)
    assert "found   -  " in lines(measured)[0]
    still = still_of(labels[0])
    assert (still.box, still.center) == (None, (640, 360))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dataset,x\neu,1\n", "no column file and no column plate"),
        ("file,plate\n", "names no photo"),
        ("file,plate\na.jpg,\n", "line 2: a file and its plate are needed"),
        ("file,plate\na.jpg\n", "line 2: a file and its plate are needed"),
        ("file,plate,x,y,w,h\na.jpg,AB12,1,2,3,\n", "line 2: x, y, w and h are four numbers or all empty"),
    ],
)
def test_labels_that_cannot_be_used_are_named_by_line(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InferenceError, match=words):
        read_labels(tmp_path)
    (tmp_path / "labels.csv").write_text("file,plate\na.jpg,AB12\n", encoding="utf-8")
    with pytest.raises(InferenceError, match="boxes"):
        read_labels(tmp_path, need_boxes=True)


def test_a_table_that_is_not_there_or_no_text_is_said_in_one_sentence(tmp_path: Path) -> None:
    for read in (read_labels, read_clip_labels):
        with pytest.raises(InferenceError, match=r"no/labels\.csv cannot be read: No such file or directory$"):
            read(tmp_path / "no")
    # As a spreadsheet saves "Unicode text".
    (tmp_path / "labels.csv").write_bytes("file,plate\na.jpg,AB12\n".encode("utf-16"))
    for read in (read_labels, read_clip_labels):
        with pytest.raises(InferenceError, match="is not text in UTF-8; save it as CSV in UTF-8"):
            read(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file\na.mp4\n", "no column plate"),
        ("file,plate\n", "names no clip"),
        ("file,plate\na.mp4\n", "line 2: a file and its plate are needed"),
    ],
)
def test_labels_of_clips_that_cannot_be_used_are_named_by_line(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InferenceError, match=words):
        read_clip_labels(tmp_path)


def test_a_clip_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cut.mp4").write_bytes(b"")
    unused = Cached(PaintedPlates(), None, "")
    for name, words in (("cut.mp4", "the file is no video that can be read"), ("gone.mp4", "there is no such file")):
        with pytest.raises(InferenceError, match=f"^{re.escape(str(tmp_path / name))}: {words}"):
            list(run_clips(tmp_path, {name: ["AB12CD"]}, unused, clip_settings()))
    (tmp_path / "labels.csv").write_text("file,plate\ncut.mp4,AB12CD\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["bench_video", "--clips", str(tmp_path), "--only", "x"])
    with pytest.raises(SystemExit, match=r"^error: no clip of .* has 'x' in its name$"):
        program(bench_video)


def test_plates_are_labelled_as_a_person_writes_them_and_compared_as_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,plate\na.jpg,WÜ ab 123\nb.jpg,京A12345\n", encoding="utf-8")
    assert [label.plate for label in read_labels(tmp_path)] == ["WUAB123", "京A12345"]
    assert read_clip_labels(tmp_path)["a.jpg"] == ["WUAB123"]


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


def test_a_clip_moves_for_its_share_of_frames(labels: list[Label], tmp_path: Path) -> None:
    write_clip(still_of(labels[0]), tmp_path / "clip.mp4", motion_share=0.25, seconds=4)
    pictures = [decoded.to_picture() for _, decoded in read_file(tmp_path / "clip.mp4")]
    assert len(pictures) == 16
    changed = [cv2.absdiff(a, b).mean() > 4 for a, b in itertools.pairwise(pictures)]
    assert 4 <= sum(changed) <= 5
    cpu_s, frames = measure_decoding(tmp_path / "clip.mp4")
    assert (cpu_s > 0, frames) == (True, 16)


def test_every_scenario_is_measured_and_told(report: Report) -> None:
    (result,) = report.packs
    assert result.pack == "own"
    assert result.memory_mb is not None
    assert result.memory_mb > 0
    assert {(cost.pipeline, cost.scenario) for cost in report.costs} >= {
        ("own", "whole"),
        ("own", "fast"),
        ("own", "accurate"),
        ("own", "small gap"),
        ("own", "area"),
        ("own", "area+band"),
        ("own", "reader"),
        ("motion gate", "still"),
    }
    assert all(cost.mean_ms > 0 for cost in report.costs)
    assert [camera.trimmed for camera in report.cameras] == [False, True]
    assert all(camera.looks > 0 and camera.cpu_s > 0 for camera in report.cameras)
    assert set(result.curves) == {"width_px", "area"}
    assert result.stages is not None
    assert result.stages.detect_ms > result.stages.track_ms > 0
    assert min(result.stages.decode_ms, result.stages.gate_ms, result.stages.read_ms, result.stages.decide_ms) > 0
    whole = report.cost("own", "whole")
    assert whole is not None
    parts = result.stages.detect_ms + result.stages.read_ms + result.stages.decide_ms
    assert 0.3 * whole.mean_ms < parts < 3 * whole.mean_ms
    assert [(fleet.pipeline, fleet.cameras) for fleet in report.fleets] == [("own", 2)]
    assert all(fleet.frames > 0 and fleet.cpu_s > 0 for fleet in report.fleets)
    text = "\n".join(lines(report, misses=True))
    for words in ("cameras a core", "2 cameras together", "decode     gate   detect     read   decide    track"):
        assert words in text


def test_cameras_really_run_together_on_one_recogniser(tmp_path: Path) -> None:
    def seldom(number: int) -> np.ndarray:
        return drive_by(8 + (number - 10) * 6 if 10 <= number < 14 else 0)

    paths = [film(tmp_path / f"{number}.mp4", seldom, 16, fps=4) for number in range(2)]
    reader = PaintedPlates()
    # Once through the clip: a part of it may show nothing but the car.
    fleet = measure_fleet("painted", reader, paths, 3, seconds=4.0, settle_s=4.0)
    assert (fleet.pipeline, fleet.cameras) == ("painted", 3)
    assert fleet.seconds == pytest.approx(4.0, abs=0.5)
    # Each plays at its own pace of 4 frames a second, and none before its turn.
    assert 3 * 8 <= fleet.frames <= 3 * 19
    assert 0 < fleet.looks < min(fleet.frames, reader.calls)
    assert reader.busiest == 1


@pytest.mark.slow
def test_rapidocr_runs_beside_and_is_what_others_are_compared_with(labels: list[Label]) -> None:
    costs = measure_costs({}, labels, modules={}, fold=frozenset(), reference=RapidOcr())
    both = Report(costs=costs)
    peer, gate = both.cost("rapidocr", "whole"), both.cost("motion gate", "still")
    assert peer is not None
    assert gate is not None
    assert (peer.match, len(peer.cpu_ms)) == (1.0, 1)
    assert both.ratio(gate) == pytest.approx(peer.mean_ms / gate.mean_ms)
    assert peer.mean_ms > 10 * gate.mean_ms


@pytest.mark.slow
@pytest.mark.models
def test_a_plate_pack_is_also_used_plainly(labels: list[Label], peer_weights: Path, tmp_path: Path) -> None:
    install_pack("fast-alpr", source_dir=peer_weights, data_dir=tmp_path)
    assert plain(open_recognizer("fast-alpr", data_dir=tmp_path, threads=1), still_of(labels[0]).picture) == KNOWN_TEXT


def test_the_json_holds_every_figure(report: Report) -> None:
    told = json.loads(json.dumps(report.as_json()))
    assert {cost["scenario"] for cost in told["costs"]} >= {"whole", "area+band", "still"}
    assert told["packs"][0]["photos"][0]["plate"] == KNOWN_TEXT
    assert told["cameras"][0]["cameras_per_core"] > 0
    assert [fleet["cameras"] for fleet in told["fleets"]] == [2]
    assert told["packs"][0]["stages"]["gate_ms"] > 0
    assert told["packs"][0]["clips"] == []


def test_the_plots_are_files_a_browser_shows(report: Report, tmp_path: Path) -> None:
    paths = write_plots(report, tmp_path / "plots")
    names = ["reliability", "cost-width", "cost-area", "stages", "cameras", "cameras-together"]
    assert [path.stem for path in paths] == names
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
    fleet = FleetCost(pipeline="own", cameras=4, seconds=10, cpu_s=0.5, frames=80, looks=8, memory_mb=40)
    # Half of the 160 frames were left out, so that half a core did the work of two cameras.
    assert fleet.cameras_per_core == pytest.approx(40.0)
    assert fleet.frames_per_second == pytest.approx(2.0)


def test_clips_are_in_the_table_the_json_and_the_plots_with_the_chosen_modules(tmp_path: Path) -> None:
    film(tmp_path / "known.mp4", passing, 40)
    film(tmp_path / "empty.mp4", lambda _: passing(0), 12)
    rows = f"file,plate\nknown.mp4,{KNOWN_TEXT}\nempty.mp4,AB12CD\n"
    (tmp_path / "labels.csv").write_text(rows, encoding="utf-8")
    plots = tmp_path / "plots"
    given = ["bench", "--clips", str(tmp_path), "--pack", "own", "--plots", str(plots)]
    done = CliRunner().invoke(app, [*given, "--json", "--modules", "X_XX"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    right, missed = told["packs"][0]["clips"]
    assert (right["file"], [text for text, _ in right["told"]], right["right"]) == ("known.mp4", [KNOWN_TEXT], 1)
    assert (missed["told"], missed["right"]) == ([], 0)
    assert [path.name for path in plots.iterdir()] == ["clips.svg"]
    # Brazil writes no such plates, so with its module alone the same clip gives none.
    brazil = CliRunner().invoke(app, [*given[:5], "--modules", "BR"])
    assert "0 right" in brazil.stdout
    assert "own clips" in brazil.stdout


def test_the_command_names_what_it_lacks_and_knows_what_is_installed(tmp_path: Path) -> None:
    assert {"own", "ppocr"} <= set(installed_packs())
    done = CliRunner().invoke(app, ["bench", "--photos", str(tmp_path), "--pack", "own"])
    assert done.exit_code == 1
    assert "labels.csv" in done.stderr


def test_the_command_checks_targets_and_says_by_its_exit_code_how_that_went(
    labels: list[Label], tmp_path: Path
) -> None:
    (tmp_path / "low.toml").write_text("packs.own.match = { all = 0.9 }\npacks.fast-alpr.found = 0.5\n")
    (tmp_path / "high.toml").write_text("packs.own.match = { all = 1.1 }\n")
    given = ["bench", "--photos", str(labels[0].path.parent), "--pack", "own", "--no-speed", "--check", "--targets"]
    reached = CliRunner().invoke(app, [*given, str(tmp_path / "low.toml"), "--modules", "X_XX"])
    assert reached.exit_code == 0, reached.output
    assert "1 targets reached, 0 missed, 1 not measured" in reached.stdout
    missed = CliRunner().invoke(app, [*given, str(tmp_path / "high.toml"), "--modules", "X_XX", "--json"])
    assert missed.exit_code == 1
    (check,) = json.loads(missed.stdout)["checks"]
    assert (check["name"], check["state"], check["value"]) == ("own: match, all", "miss", 1.0)
