"""The drive-by benchmark's own judgement: what it counts, and that a miss ends with exit code 1."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from inference.selftest import KNOWN_TEXT, known_picture
from tests.inference.benchmark_drives import DriveScore, VehicleScore, main, table, verdicts

ROOT = Path(__file__).resolve().parents[2]


def vehicle(*told: str, single: str = "AB123C", plate: str = "AB123C") -> VehicleScore:
    return VehicleScore(
        scenario="single",
        light="day",
        group="eu",
        file="a.jpg",
        seed=0,
        plate=plate,
        finals=tuple((text, 0.9) for text in told),
        single=single,
        single_likelihood=0.9,
        read=(single,),
    )


def reached(*vehicles: VehicleScore, extra: tuple[str, ...] = ()) -> list[bool]:
    score = DriveScore(vehicles=list(vehicles), extra=[(text, 0.9) for text in extra])
    return [one.reached for one in verdicts(table([score])["all"])]


GOOD, LUCKY = vehicle("AB123C"), vehicle("AB123C", single="AB123G")


def test_five_points_more_than_the_best_single_frame_are_needed() -> None:
    assert reached(*[GOOD] * 19, LUCKY) == [True, True, True]
    assert reached(*[GOOD] * 20, vehicle("AB123G"), LUCKY) == [False, True, True]
    # All right already: no more can be asked.
    assert reached(*[GOOD] * 20) == [True, True, True]
    assert reached(*[GOOD] * 19, vehicle("AB123G")) == [False, True, True]


def test_a_plate_that_some_frame_showed_is_told_apart_from_one_that_none_did() -> None:
    doubted = replace(LUCKY, read=("AB123G", "AB123C"))
    row = table([DriveScore(vehicles=[doubted, LUCKY], extra=[])])["all"]
    assert (row["single"], row["any"]) == (0.0, 0.5)


def test_where_single_frames_leave_no_room_the_target_says_so() -> None:
    names = [verdicts(table([DriveScore(vehicles=[one], extra=[])])["all"])[0].name for one in (GOOD, LUCKY)]
    assert ["no room" in name for name in names] == [True, False]


@pytest.mark.parametrize(
    "bad", [vehicle("AB123C", "AB123C"), vehicle()], ids=["a vehicle told twice", "a vehicle not told"]
)
def test_each_vehicle_has_exactly_one_passage(bad: VehicleScore) -> None:
    assert reached(*[LUCKY] * 19, bad)[1] is False


def test_a_passage_of_no_vehicle_is_a_miss() -> None:
    assert reached(*[LUCKY] * 20, extra=("SIGN",)) == [True, False, True]


def test_a_part_of_a_plate_is_a_miss() -> None:
    assert reached(*[LUCKY] * 19, vehicle("B123C")) == [True, True, False]


@pytest.mark.slow
def test_the_program_films_judges_and_says_by_its_exit_code_how_that_went(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(tmp_path / "known.png"), known_picture())
    height, width = known_picture().shape[:2]
    box = f"{width * 0.2},{height * 0.3},{width * 0.6},{height * 0.4}"
    right, wrong = f"eu,known.png,{box},{KNOWN_TEXT}", f"eu,known.png,{box},ZZ99ZZZ"
    given = ["--photos", str(tmp_path), "--pack", "own", "--scenario", "single"]
    (tmp_path / "labels.csv").write_text(f"dataset,file,x,y,w,h,plate\n{right}\n", encoding="utf-8")
    assert main(given) == 0
    assert "pass  no partial reads: 0" in capsys.readouterr().out
    (tmp_path / "labels.csv").write_text(f"dataset,file,x,y,w,h,plate\n{wrong}\n", encoding="utf-8")
    assert main(given) == 1
    assert "MISS  exact per vehicle" in capsys.readouterr().out
    assert main([*given[:4], "--scenario", "pair"]) == 1
    assert "no drives" in capsys.readouterr().err


def test_the_program_says_in_one_sentence_what_it_cannot_use(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.inference.benchmark_drives", "--photos", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr == f"error: {tmp_path / 'labels.csv'} cannot be read: No such file or directory\n"
