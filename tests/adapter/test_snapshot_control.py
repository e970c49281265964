"""Work on snapshots lets live cameras go first at the device."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from adapter.camera_recognition import CameraRecognition
from adapter.snapshot_control import SnapshotControl
from adapter.store.cameras import CameraRecord
from inference.recognition import Recognition, RecognitionSettings
from inference.snapshots import Approval
from inference.turns import can_wait
from inference.types import Box, Picture
from tests.fakes.snapshot_scenes import Scenes, Seen

GATE = CameraRecord(
    camera_id="gate", name="gate", address="rtsp://camera/", created_at=datetime(2026, 5, 1, tzinfo=UTC)
)


@dataclass
class Polite(Scenes):
    """Notes whether who asks can wait."""

    waits: list[bool] = field(default_factory=list)

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        self.waits.append(can_wait())
        return super().recognize(picture, settings, region=region)


async def test_analysing_validating_and_autoconfiguring_wait_for_live_cameras(tmp_path: Path) -> None:
    scenes = Polite()
    control = SnapshotControl(folder=tmp_path, recognizer=scenes)
    added = await control.add("gate", scenes.picture(7, Seen("AB123CD", 300, 300)))
    # Approving reads the plate, too.
    await control.change(GATE, added.name, {"approval": Approval.APPROVED})
    await control.analyse(GATE, added.name)
    looks = len(scenes.waits)
    assert looks == 2
    await control.validate(GATE, None)
    assert len(scenes.waits) > looks
    looks = len(scenes.waits)
    await control.autoconfigure(GATE)
    assert len(scenes.waits) > looks
    assert all(scenes.waits)
    assert not can_wait()


@dataclass
class Slow(Scenes):
    """Takes longer than a live frame may."""

    def recognize(self, picture: Picture, settings: RecognitionSettings, *, region: Box | None = None) -> Recognition:
        time.sleep(0.02)
        return super().recognize(picture, settings, region=region)


async def test_snapshots_are_read_without_the_limit_of_time_and_it_is_said_when_live_frames_meet_it(
    tmp_path: Path,
) -> None:
    scenes = Slow()
    control = SnapshotControl(folder=tmp_path, recognizer=scenes)
    added = await control.add("gate", scenes.picture(7, Seen("AB123CD", 300, 300)))
    await control.change(GATE, added.name, {"approval": Approval.APPROVED})
    hurried = replace(GATE, recognition={"max_seconds_per_frame": 0.01})
    await control.analyse(hurried, added.name)
    validated = await control.validate(hurried, None)
    report, _ = await control.autoconfigure(hurried)
    await control.try_out(hurried, CameraRecognition.from_stored(hurried.recognition))
    assert {settings.max_seconds_per_frame for settings in scenes.calls} == {None}
    assert "live frames are cut short after 0.01 s" in validated["advice"][-1]
    assert "live frames are cut short after 0.01 s" in report["notes"][-1]
    unhurried = replace(GATE, recognition={"max_seconds_per_frame": 10})
    assert list((await control.validate(unhurried, None))["advice"]) == []
