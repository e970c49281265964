"""Settings that are only tried: on the camera's snapshots, bounded, and the newest wins."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from adapter.api.errors import as_api_error
from adapter.snapshot_trials import MOST_TRIED, TRY_S, SnapshotTrials
from adapter.store.errors import Conflict
from adapter.store.users import Role
from inference.errors import DeviceStuck
from inference.recognition import RecognitionSettings
from inference.snapshots import SnapshotSet
from tests.adapter.api.conftest import Console
from tests.adapter.api.test_snapshots import camera_with
from tests.fakes.snapshot_scenes import Scenes, Seen, add

WAIT_S = 10


async def tried(console: Console, camera_id: str, **recognition: Any) -> tuple[int, Any]:
    path = f"/cameras/{camera_id}/recognition-settings/try"
    return await console.call("POST", path, json={"recognition": recognition}, role=Role.OPERATOR)


async def test_a_trial_tells_cost_and_reads_and_keeps_nothing(console):
    seen = Seen("12BKL3", 500, 400, likelihood=0.62), Seen("AA11AA", 300, 500), Seen("BB22BB", 300, 500)
    camera_id, names = await camera_with(console, *seen)
    for name, approval in zip(names, ("approved", "new", "rejected"), strict=True):
        await console.call("PATCH", f"/cameras/{camera_id}/snapshots/{name}", json={"approval": approval})
    status, answer = await tried(console, camera_id)
    assert status == 200
    # What a person rejected is not asked; what nobody has approved yet is, without a truth to compare with.
    assert [(one["plates"], one["correct"]) for one in answer["read"]["results"]] == [
        (["12BKL3"], ["12BKL3"]),
        ([], []),
    ]
    answer = (await tried(console, camera_id, discard_below=0.7, max_fps="unlimited", partial_span_s=2))[1]
    assert [one["missed"] for one in answer["read"]["results"]] == [["12BKL3"], []]
    (unsure,) = answer["read"]["results"][0]["candidates"]
    assert (unsure["text"], unsure["accepted"]) == ("12BKL3", False)
    assert "max_fps is unlimited" in answer["cost"]["notes"][0]
    assert answer["cost"]["beside"]["partial_span_s"].startswith("Adds up to 2 s")
    assert (await console.call("GET", f"/cameras/{camera_id}"))[1]["recognition"] == {}
    validation = (await console.call("GET", f"/cameras/{camera_id}/recognition-settings"))[1]["validation"]
    assert validation["at"] is None


async def test_a_trial_starts_from_what_is_stored(console):
    camera_id, _ = await camera_with(console, Seen("12BKL3", 500, 400, needs_accurate=True))
    await console.call("PATCH", f"/cameras/{camera_id}", json={"recognition": {"preset": "accurate"}})
    assert (await tried(console, camera_id, max_fps=3))[1]["read"]["results"][0]["extra"] == ["12BKL3"]
    assert (await tried(console, camera_id, preset=None))[1]["read"]["results"][0]["extra"] == []


async def test_what_cannot_be_used_is_refused_by_name_before_anything_is_read(console):
    camera_id, _ = await camera_with(console, Seen("12BKL3", 500, 400))
    status, answer = await tried(console, camera_id, character_height_min_percent=120)
    assert (status, list(answer["fields"])) == (422, ["recognition.character_height_min_percent"])
    path = f"/cameras/{camera_id}/recognition-settings/try"
    assert (await console.call("POST", path, json={}, role=Role.VIEWER))[0] == 403
    assert (await console.call("POST", "/cameras/none/recognition-settings/try", json={}))[0] == 404
    assert console.service.scenes.calls == []


async def test_a_device_that_hangs_is_told_to_whoever_asks(tmp_path):
    class Stuck(Scenes):
        def recognize(self, picture, settings, *, region=None):
            raise DeviceStuck("own reader on GPU: the device gave no answer")

    snapshots = full_set(Scenes(), tmp_path, 1)
    with pytest.raises(DeviceStuck) as stuck:
        await SnapshotTrials(recognizer=Stuck()).run("north", snapshots, RecognitionSettings(), discard_below=0.5)
    told = as_api_error(stuck.value)
    assert (told.status, told.code, told.detail) == (503, "recognition_unavailable", str(stuck.value))


class Slow(Scenes):
    """Holds the first picture until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = threading.Event(), threading.Event()

    def recognize(self, picture, settings, *, region=None):
        self.reached.set()
        assert self.go_on.wait(WAIT_S)
        return super().recognize(picture, settings, region=region)


def full_set(scenes: Scenes, folder, number: int) -> SnapshotSet:
    snapshots = SnapshotSet(folder)
    for at in range(number):
        add(snapshots, scenes.picture(at, Seen(f"AA{at:02}BB", 500, 400)), *([f"AA{at:02}BB"] if at < 3 else []))
    return snapshots


async def test_a_newer_trial_ends_the_one_before_and_one_that_waits_reads_nothing(tmp_path):
    slow = Slow()
    snapshots, trials = full_set(slow, tmp_path, 5), SnapshotTrials(recognizer=slow)
    settings = RecognitionSettings()
    runs = []
    for number in range(3):
        runs.append(asyncio.create_task(trials.run("cam", snapshots, settings, discard_below=0.5)))
        if number == 0:
            assert await asyncio.to_thread(slow.reached.wait, WAIT_S)
        else:
            await asyncio.sleep(0)
    slow.go_on.set()
    first, second, newest = await asyncio.gather(*runs, return_exceptions=True)
    assert isinstance(first, Conflict)
    assert isinstance(second, Conflict)
    assert len(newest.validation.results) == 5
    # The first had read one picture when it was ended, the second none.
    assert len(slow.calls) == 1 + 5


async def test_a_trial_whose_asker_is_gone_ends_with_its_picture(tmp_path):
    slow = Slow()
    snapshots, trials = full_set(slow, tmp_path, 5), SnapshotTrials(recognizer=slow)
    gone = asyncio.create_task(trials.run("cam", snapshots, RecognitionSettings(), discard_below=0.5))
    assert await asyncio.to_thread(slow.reached.wait, WAIT_S)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    slow.go_on.set()
    await trials.run("other", snapshots, RecognitionSettings(), discard_below=0.5)
    assert len(slow.calls) <= 1 + 5


async def test_a_trial_reads_so_many_snapshots_and_so_long_at_most(tmp_path):
    scenes = Scenes()
    snapshots = full_set(scenes, tmp_path, MOST_TRIED + 4)
    trial = await SnapshotTrials(recognizer=scenes).run("cam", snapshots, RecognitionSettings(), discard_below=0.5)
    assert (len(trial.validation.results), trial.left_out) == (MOST_TRIED, 4)
    assert [len(one.plates) for one in trial.validation.results[:4]] == [1, 1, 1, 0]
    # Each picture takes a third of the time that a trial has.
    ticks = iter(range(100))
    late = SnapshotTrials(recognizer=scenes, clock=lambda: next(ticks) * TRY_S / 9)
    trial = await late.run("cam", snapshots, RecognitionSettings(), discard_below=0.5)
    assert 1 < len(trial.validation.results) < MOST_TRIED
    assert trial.left_out == MOST_TRIED + 4 - len(trial.validation.results)
