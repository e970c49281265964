"""The rate on the server page is that of the last seconds, and 0 when nothing comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from adapter.lpr_camera import LprCamera
from adapter.store.cameras import CameraRecord
from adapter.workers.hub import Hub
from inference.types import Frame

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def test_the_rate_follows_the_frames_and_ends_with_them() -> None:
    now = [NOON]
    record = CameraRecord(camera_id="north", name="North", address="rtsp://192.0.2.7/live", created_at=NOON)
    camera = LprCamera(
        hub=Hub(),
        record=record,
        recognizer=None,
        executor=None,
        pipeline=None,
        lost_after=timedelta(seconds=10),
        clock=lambda: now[0],
    )
    assert camera.health.frames_per_second == 0.0
    frame = Frame(picture=np.zeros((4, 4, 3), np.uint8), captured_at=NOON, monotonic_s=0.0, sequence=1)
    for _ in range(100):
        now[0] += timedelta(milliseconds=250)
        camera._frame(frame, None)
    assert camera.health.frames_per_second == 4.0
    now[0] += timedelta(seconds=6)
    assert camera.health.frames_per_second == 0.0
