"""Validation and auto-configuration over a made-up street."""

from __future__ import annotations

import functools
import threading
import time
from pathlib import Path

import pytest

from inference.autoconfigure import NothingRecognized, Tuned, autoconfigure, suggest_area, suggest_band
from inference.recognition import Preset, Recognition, RecognitionSettings
from inference.snapshots import SnapshotSet
from inference.thresholds import suggest_thresholds
from inference.turns import Turns
from inference.types import Box, Picture
from inference.validate import Validation, validate
from tests.fakes.snapshot_scenes import HEIGHT, WIDTH, Scenes, Seen, add

WAIT_S = 30.0
SETTINGS = RecognitionSettings(max_seconds_per_frame=None)


def run(snapshots: SnapshotSet, scenes: Scenes, settings: RecognitionSettings = SETTINGS) -> Validation:
    return validate(
        snapshots.all(), functools.cache(snapshots.picture), scenes, settings, discard_below=0.5, clock=scenes.clock
    )


def auto(snapshots: SnapshotSet, scenes: Scenes, old: Tuned | None = None):
    return autoconfigure(
        snapshots.all(), functools.cache(snapshots.picture), scenes, SETTINGS, old=old or Tuned(), clock=scenes.clock
    )


@pytest.mark.requirement("M-201", "M-239", "M-241", "M-242", "M-243", "M-244")
def test_the_result_counts_right_wrong_missed_and_extra_texts(tmp_path: Path) -> None:
    snapshots, scenes = SnapshotSet(tmp_path), Scenes()
    add(snapshots, scenes.picture(1, Seen("12BKL3", 500, 400, likelihood=0.95)), "12-BKL-3")
    add(snapshots, scenes.picture(2, Seen("I2BKL4", 500, 400, likelihood=0.71)), "12BKL4")
    two = [Seen("AA11AA", 100, 300, likelihood=0.861), Seen("POLIZEI", 900, 50, likelihood=0.6)]
    add(snapshots, scenes.picture(3, *two, Seen("77XYZ9", 700, 400, likelihood=0.4)), "AA11AA", "77XYZ9")
    add(snapshots, scenes.picture(4, Seen("NEW0NE", 500, 400)))
    result = run(snapshots, scenes)
    assert (result.summary, result.correct, result.wrong, result.extra) == ("3 of 4", 2, 1, 1)
    assert result.average_likelihood_percent == 84  # of 95, 71 and 86.1
    assert (result.average_ms, result.detect_ms, result.read_ms) == (100, 75, 25)
    assert len(scenes.calls) == 3
    first, second, third = result.results
    assert first.candidates[0].expected
    assert (second.wrong, second.missed) == ((("12BKL4", "I2BKL4"),), ())
    assert (third.correct, third.missed, third.extra) == (("AA11AA",), ("77XYZ9",), ("POLIZEI",))
    assert [one.text for one in third.candidates] == ["AA11AA", "POLIZEI", "77XYZ9"]


def test_the_time_of_a_snapshot_is_its_work_and_not_the_wait_behind_live_cameras(tmp_path: Path) -> None:
    snapshots, scenes = SnapshotSet(tmp_path), Scenes()
    turns = Turns(["request"], clock=scenes.clock)

    class Behind:
        """Reads as the scenes do, when a live camera has given its request back after two seconds."""

        def recognize(
            self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None
        ) -> Recognition:
            live = turns.take(0)

            def two_seconds_later() -> None:
                while not any(turns.waiting()):
                    time.sleep(0.001)
                scenes.now_s += 2
                turns.give_back(live)

            camera = threading.Thread(target=two_seconds_later)
            camera.start()
            turns.give_back(turns.take(WAIT_S))
            camera.join()
            return scenes.recognize(picture, settings, region=region)

    add(snapshots, scenes.picture(1, Seen("12BKL3", 500, 400)), "12BKL3")
    result = validate(snapshots.all(), snapshots.picture, Behind(), SETTINGS, discard_below=0.5, clock=scenes.clock)
    assert (scenes.now_s, result.average_ms) == (2.1, 100)


@pytest.mark.requirement("M-054")
def test_plates_high_in_the_picture_are_told_and_those_in_the_centre_or_below_are_not(tmp_path: Path) -> None:
    snapshots, scenes = SnapshotSet(tmp_path), Scenes()
    for number, (text, y) in enumerate((("CENTRE1", 330), ("BELOW11", 600), ("JUST1IN", 240))):
        add(snapshots, scenes.picture(number, Seen(text, 500, y)), text)
    assert run(snapshots, scenes).advice == ()
    # A sign up there is no plate of a vehicle, and not asked for.
    add(snapshots, scenes.picture(7, Seen("HIGH111", 500, 60), Seen("SIGN1", 100, 20)), "HIGH111")
    (told,) = run(snapshots, scenes).advice
    assert told.startswith("1 of 4 plates lie high in the picture: turn the camera up")


@pytest.mark.requirement("M-199", "M-200", "M-237")
def test_a_missed_plate_says_why(tmp_path: Path) -> None:
    snapshots, scenes = SnapshotSet(tmp_path), Scenes()
    add(snapshots, scenes.picture(1, Seen("SMALL1", 500, 400, height=10)), "SMALL1")
    add(snapshots, scenes.picture(2, Seen("LARGE1", 100, 100, height=200)), "LARGE1")
    add(snapshots, scenes.picture(3, Seen("FLAT11", 100, 100, likelihood=0.1)), "FLAT11")
    add(snapshots, scenes.picture(4), "NONE11")
    band = RecognitionSettings(character_height_min=0.03, character_height_max=0.06)
    result = run(snapshots, scenes, band)
    assert [one.reason for one in result.results] == ["too_small", "too_large", "low_contrast", "no plate"]
    assert (result.summary, result.average_likelihood_percent, result.thresholds) == ("0 of 4", None, None)


def test_a_stopped_run_tells_of_what_it_saw(tmp_path: Path) -> None:
    snapshots, scenes = SnapshotSet(tmp_path), Scenes()
    for number in range(3):
        add(snapshots, scenes.picture(number, Seen("12BKL3", 500, 400)), "12BKL3")
    result = validate(
        snapshots.all(),
        functools.cache(snapshots.picture),
        scenes,
        SETTINGS,
        discard_below=0.5,
        clock=scenes.clock,
        stopped=lambda: len(scenes.calls) == 2,
    )
    assert result.summary == "2 of 2"


@pytest.mark.requirement("M-240")
def test_thresholds_lie_between_right_and_wrong_texts() -> None:
    apart = suggest_thresholds([0.8, 0.9, 0.95, 0.97, 0.99], [0.4, 0.6])
    assert apart is not None
    assert (apart.discard_below, apart.stop_above) == (0.7, 0.95)
    mixed = suggest_thresholds([0.5, 0.9, 0.92, 0.95, 0.96], [0.4, 0.6, 0.7])
    assert mixed is not None
    # Losing the one right text at 50 % drops two wrong ones at 60 and 70 %.
    assert mixed.discard_below == 0.9
    assert "1 of them" not in mixed.why
    clean = suggest_thresholds([0.85], [])
    assert clean is not None
    assert clean.discard_below == 0.75
    assert "few plates" in clean.why
    assert suggest_thresholds([], [0.9]) is None


@pytest.mark.parametrize("right", [[0.01], [0.3], [0.999], [0.35, 0.99]])
@pytest.mark.parametrize("wrong", [[], [0.05], [0.99], [0.6, 0.999]])
def test_thresholds_are_always_settings_that_a_camera_takes(right: list[float], wrong: list[float]) -> None:
    suggested = suggest_thresholds(right, wrong)
    assert suggested is not None
    assert 0.3 <= suggested.discard_below <= suggested.stop_above <= 0.98


def street(tmp_path: Path, *, sign: bool = False) -> tuple[SnapshotSet, Scenes]:
    """A lane in the lower left half: five vehicles, near and far; perhaps a shop sign at the upper right."""
    snapshots, scenes = SnapshotSet(tmp_path), Scenes()
    places = [(100, 420, 30), (260, 450, 34), (200, 560, 50), (140, 620, 60), (300, 500, 40)]
    for number, (x, y, height) in enumerate(places):
        seen = [Seen(f"{number}1BKL{number}", x, y, height=height, likelihood=0.9 + number / 100)]
        if sign:
            seen.append(Seen("H0TEL5", 1100, 40, height=30, likelihood=0.97))
        add(snapshots, scenes.picture(number, *seen), seen[0].text)
    return snapshots, scenes


@pytest.mark.requirement("M-165", "M-172", "M-173", "M-174", "M-189")
def test_area_and_band_come_from_the_plates_of_the_approved_snapshots(tmp_path: Path) -> None:
    snapshots, scenes = street(tmp_path)
    found = auto(snapshots, scenes)
    (left, top), _, (right, bottom), _ = found.new.areas[0]
    margin = 0.08
    # The leftmost plate is at 100, the margin ends at the picture's border.
    assert (left, right) == (0.0, pytest.approx(460 / WIDTH + margin, abs=1e-3))
    assert top == pytest.approx(420 / HEIGHT - margin, abs=1e-3)
    assert bottom == 1.0
    assert found.new.character_height_min == pytest.approx(30 * 0.66 / HEIGHT / 1.1, abs=1e-4)
    assert found.new.character_height_max == pytest.approx(60 * 0.66 / HEIGHT * 1.1, abs=1e-4)
    assert found.after.correct == found.before.correct == 5


@pytest.mark.requirement("M-247", "M-249")
def test_before_and_after_show_what_the_search_gained(tmp_path: Path) -> None:
    snapshots, scenes = street(tmp_path, sign=True)
    found = auto(snapshots, scenes)
    assert (found.before.correct, found.before.extra) == (5, 5)
    assert (found.after.correct, found.after.extra) == (5, 0)
    assert found.new.preset is Preset.FAST
    assert found.after.average_ms is not None and found.before.average_ms is not None
    assert found.after.average_ms < found.before.average_ms / 2
    assert found.old == Tuned()
    assert found.changed
    assert len(found.trials) <= 12


def test_a_plate_that_only_the_accurate_preset_reads_decides_the_preset(tmp_path: Path) -> None:
    snapshots, scenes = street(tmp_path)
    add(snapshots, scenes.picture(9, Seen("HARD99", 250, 500, needs_accurate=True)), "HARD99")
    found = auto(snapshots, scenes)
    assert (found.new.preset, found.before.correct, found.after.correct) == (Preset.ACCURATE, 5, 6)


def test_good_settings_stay_when_nothing_better_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshots, scenes = street(tmp_path)
    add(snapshots, scenes.picture(9, Seen("HARD99", 250, 500, needs_accurate=True)), "HARD99")
    old = Tuned(preset=Preset.ACCURATE, discard_below=0.4)
    monkeypatch.setattr("inference.autoconfigure.SEARCH_S", -1.0)
    found = auto(snapshots, scenes, old)
    assert (found.new, found.after, found.changed) == (old, found.before, False)
    assert len(found.trials) == 1
    assert any("stay" in note for note in found.notes)


@pytest.mark.requirement("M-167", "M-237", "M-238")
def test_without_a_readable_snapshot_the_reasons_are_told(tmp_path: Path) -> None:
    snapshots, scenes = SnapshotSet(tmp_path), Scenes()
    add(snapshots, scenes.picture(8, Seen("12BKL3", 500, 400)))
    with pytest.raises(NothingRecognized, match="approve at least one"):
        auto(snapshots, scenes)
    add(snapshots, scenes.picture(1, Seen("FLAT11", 500, 400, likelihood=0.1)), "FLAT11")
    with pytest.raises(NothingRecognized, match=r"low_contrast.*mounting"):
        auto(snapshots, scenes)


def test_plates_all_over_the_picture_mean_the_whole_picture(tmp_path: Path) -> None:
    snapshots, scenes = SnapshotSet(tmp_path), Scenes()
    for number, (x, y) in enumerate([(5, 5), (1100, 5), (5, 670), (1100, 670), (600, 300)]):
        add(snapshots, scenes.picture(number, Seen("12BKL3", x, y)), "12BKL3")
    result = run(snapshots, scenes)
    notes: list[str] = []
    assert suggest_area(result.results, notes) == ()
    assert "whole picture" in notes[0]
    assert suggest_band([]) is None


def test_the_search_looks_at_a_bounded_part_of_a_large_set(tmp_path: Path) -> None:
    snapshots, scenes = SnapshotSet(tmp_path), Scenes()
    for number in range(25):
        add(snapshots, scenes.picture(number, Seen("12BKL3", 300, 400 + number)), "12BKL3")
    found = auto(snapshots, scenes)
    assert {trial.plates for trial in found.trials} == {10}
    assert (found.before.plates, found.after.plates) == (25, 25)
