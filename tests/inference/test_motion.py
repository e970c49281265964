"""The motion gate: what it wakes for, what it sleeps through."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import cache

import cv2
import numpy as np
import pytest

from inference.motion import MotionGate
from inference.types import Frame

START = datetime(2026, 5, 1, tzinfo=UTC)
WIDTH, HEIGHT = 1280, 720


def street(seed: int = 1, *, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    chance = np.random.default_rng(seed)
    small = chance.integers(60, 180, (height // 16, width // 16, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


@cache
def grain(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(7).normal(0, 1, (height, width, 1)).astype(np.float32)


def noisy(picture: np.ndarray, number: int, sigma: float) -> np.ndarray:
    """Fresh-looking noise for each number: the same grain, moved by a large step."""
    noise = np.roll(grain(*picture.shape[:2]), (131 * number, 977 * number), axis=(0, 1)) * sigma
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def car(picture: np.ndarray, x: int, y: int, width: int = 200, height: int = 150) -> np.ndarray:
    picture = picture.copy()
    cv2.rectangle(picture, (x, y), (x + width, y + height), (30, 30, 200), -1)
    return picture


def frame(picture: np.ndarray, number: int, fps: float = 4.0) -> Frame:
    return Frame(
        picture=picture,
        captured_at=START + timedelta(seconds=number / fps),
        monotonic_s=number / fps,
        sequence=number,
    )


def test_the_first_frame_and_a_new_resolution_count_as_motion_everywhere() -> None:
    gate = MotionGate()
    first = gate.moved(frame(street(), 0))
    assert first.moved and first.whole
    assert not gate.moved(frame(street(), 1))
    again = gate.moved(frame(street(width=640, height=480), 2))
    assert again.moved and again.whole
    assert (again.boxes[0].width, again.boxes[0].height) == (640, 480)


@pytest.mark.parametrize("sigma", [0.0, 4.0, 12.0])
def test_sensor_noise_is_no_motion(sigma: float) -> None:
    gate, scene = MotionGate(), street()
    gate.moved(frame(scene, 0))
    assert not any(gate.moved(frame(noisy(scene, number, sigma), number)) for number in range(1, 12))


def test_a_cloud_that_darkens_the_whole_picture_is_no_motion() -> None:
    gate, scene = MotionGate(), street()
    gate.moved(frame(scene, 0))
    for number in range(1, 8):
        darker = np.clip(scene.astype(int) - 6 * number, 0, 255).astype(np.uint8)
        assert not gate.moved(frame(darker, number))


@pytest.mark.parametrize("sigma", [2.0, 8.0])
def test_a_vehicle_is_seen_where_it_is(sigma: float) -> None:
    gate, scene = MotionGate(), street()
    for number in range(4):
        gate.moved(frame(noisy(scene, number, sigma), number))
    for number in range(4, 10):
        x = 100 + 60 * number
        result = gate.moved(frame(noisy(car(scene, x, 300), number, sigma), number))
        assert result.moved
        assert any(box.x <= x + 100 <= box.right and box.y <= 375 <= box.bottom for box in result.boxes)
        assert all(box.right <= WIDTH and box.bottom <= HEIGHT for box in result.boxes)


def test_a_small_far_vehicle_is_seen() -> None:
    gate, scene = MotionGate(), street()
    gate.moved(frame(scene, 0))
    assert gate.moved(frame(car(scene, 600, 200, 60, 45), 1))


def test_a_vehicle_that_stopped_is_no_motion_soon() -> None:
    gate, scene = MotionGate(), street()
    gate.moved(frame(scene, 0))
    results = [bool(gate.moved(frame(car(scene, 400, 300), number))) for number in range(1, 20)]
    assert results[0]
    assert not any(results[-6:])


@pytest.mark.requirement("M-191")
def test_only_motion_inside_the_area_and_outside_the_masks_counts() -> None:
    left_half = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    corner = ((0.0, 0.0), (0.25, 0.0), (0.25, 0.35), (0.0, 0.35))
    scene = street()

    def moves(x: int, y: int) -> bool:
        gate = MotionGate([left_half], [corner])
        gate.moved(frame(scene, 0))
        return bool(gate.moved(frame(car(scene, x, y), 1)))

    assert moves(350, 400)
    assert not moves(900, 300)
    assert not moves(20, 20)


def test_a_clock_in_the_picture_is_learned_and_then_slept_through() -> None:
    gate, scene = MotionGate(), street()
    moved = []
    for number in range(200):
        picture = scene.copy()
        picture[10:40, 900:1240] = 0
        cv2.putText(picture, f"08:04:{number // 4:02d}", (1100, 34), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (255,) * 3, 2)
        moved.append(bool(gate.moved(frame(picture, number))))
    assert any(moved[:40])
    assert not any(moved[-60:])
    assert gate.moved(frame(car(scene, 950, 5), 200))


def test_the_gate_costs_little() -> None:
    gate, scene = MotionGate(), street()
    frames = [frame(noisy(scene, number, 2.0), number) for number in range(5)]
    gate.moved(frames[0])
    started_s = time.thread_time()
    for _ in range(10):
        for one in frames:
            gate.moved(one)
    # Not a budget, a tripwire: a pass over full-size pictures would cost ten times as much.
    assert (time.thread_time() - started_s) / 50 < 0.02


def test_a_cut_to_another_scene_counts_as_motion_everywhere_however_often_it_comes() -> None:
    gate = MotionGate()
    scenes = [street(seed) for seed in (1, 2, 3)]
    number = 0
    for scene in scenes * 3:
        cut = gate.moved(frame(scene, number))
        assert cut.moved
        assert cut.whole
        still = [gate.moved(frame(scene, number + later)).moved for later in range(1, 4)]
        assert still == [False, False, False]
        number += 4


def at_rest(gate: MotionGate, scene: np.ndarray, frames: int = 60) -> int:
    """The gate knows the scene; answers with the next frame's number."""
    for number in range(frames):
        gate.moved(frame(noisy(scene, number, 3.0), number))
    return frames


@pytest.mark.parametrize("size", [(200, 150), (1200, 700)], ids=["car", "lorry that fills the picture"])
def test_the_scene_that_a_vehicle_leaves_is_at_rest_at_once(size: tuple[int, int]) -> None:
    gate, scene = MotionGate(), street()
    number = at_rest(gate, scene)
    for passing in range(6):
        vehicle = car(scene, 20 + 10 * passing, 5, *size)
        assert gate.moved(frame(noisy(vehicle, number, 3.0), number))
        number += 1
    assert not any(gate.moved(frame(noisy(scene, number + later, 3.0), number + later)) for later in range(8))


@pytest.mark.parametrize("came_at_s", [1, 5, 10, 15, 19])
def test_a_vehicle_that_passed_before_the_scene_was_known_leaves_no_trace_in_it(came_at_s: int) -> None:
    gate, scene = MotionGate(), street()
    number = 0
    for passing_at in (4 * came_at_s, 4 * 40):
        while number < passing_at:
            gate.moved(frame(noisy(scene, number, 3.0), number))
            number += 1
        for step in range(10):
            white = scene.copy()
            white[100:600, 300 + 20 * step : 900 + 20 * step] = 250
            assert gate.moved(frame(noisy(white, number, 3.0), number))
            number += 1
    assert not any(gate.moved(frame(noisy(scene, number + later, 3.0), number + later)) for later in range(8))
    assert gate.empty()


def test_a_vehicle_that_follows_a_lorry_is_seen() -> None:
    gate, scene = MotionGate(), street()
    number = at_rest(gate, scene)
    for step in range(4):
        gate.moved(frame(car(scene, 10 * step, 5, 1200, 700), number + step))
    following = gate.moved(frame(car(scene, 600, 300), number + 4))
    assert any(box.x <= 700 <= box.right and box.y <= 375 <= box.bottom for box in following.boxes)
    assert not following.whole


def test_a_vehicle_that_creeps_is_seen_all_the_way() -> None:
    gate, scene = MotionGate(), street()
    number = at_rest(gate, scene)
    moved = [bool(gate.moved(frame(car(scene, 300 + 8 * step, 300), number + step))) for step in range(20)]
    assert all(moved)


def test_a_vehicle_that_stood_long_is_seen_when_it_leaves() -> None:
    gate, scene = MotionGate(), street()
    number = at_rest(gate, scene)
    for step in range(400):
        gate.moved(frame(car(scene, 400, 300), number + step))
    assert gate.moved(frame(car(scene, 430, 300), number + 400))


def test_where_a_camera_was_turned_vehicles_are_seen_as_before() -> None:
    gate, before, after = MotionGate(), street(1), street(2)
    number = at_rest(gate, before)
    assert gate.moved(frame(after, number)).whole
    assert not gate.moved(frame(after, number + 1))
    for step in range(4):
        assert gate.moved(frame(car(after, 100 + 60 * step, 300), number + 2 + step))


def test_the_gate_knows_when_nothing_but_the_scene_is_there() -> None:
    gate, scene = MotionGate(), street()
    assert not gate.empty()
    number = at_rest(gate, scene, 2)
    assert not gate.empty()  # what belongs to the scene is not known yet
    number = at_rest(gate, scene, 120)
    assert gate.empty()
    for step in range(32):
        standing = gate.moved(frame(noisy(car(scene, 400, 300), number + step, 3.0), number + step))
        assert not gate.empty()
    assert not standing.moved
    assert not gate.moved(frame(noisy(scene, number + 32, 3.0), number + 32))
    assert gate.empty()


def test_after_a_turn_the_new_scene_is_known_in_time() -> None:
    gate, before, after = MotionGate(), street(1), street(2)
    number = at_rest(gate, before, 120)
    empty = []
    for step in range(200):
        gate.moved(frame(noisy(after, number + step, 3.0), number + step))
        empty.append(gate.empty())
    assert not any(empty[:80])
    assert empty[-1]
