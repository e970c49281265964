"""The status strings are the manual's, to the letter."""

from __future__ import annotations

import pytest

from adapter.api.ports import CameraHealth, CameraState
from adapter.api.status import status_text


def cameras(*states: CameraState) -> list[CameraHealth]:
    return [CameraHealth(camera_id=str(n), name=str(n), state=state) for n, state in enumerate(states)]


@pytest.mark.requirement("M-143", "M-144", "M-150")
@pytest.mark.parametrize(
    ("states", "text"),
    [
        ([], "No LPR cameras configured"),
        ([CameraState.DISABLED], "No LPR cameras configured"),
        ([CameraState.RUNNING, CameraState.DISABLED], "All LPR cameras are running"),
        ([CameraState.RUNNING, CameraState.LOST], "1 of 2 LPR cameras running"),
        ([CameraState.CONNECTING], "0 of 1 LPR cameras running"),
    ],
)
def test_the_status_counts_enabled_cameras(states, text):
    assert status_text(cameras(*states)) == text
