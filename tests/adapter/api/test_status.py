"""The status strings are the manual's, to the letter."""

from __future__ import annotations

import re

import pytest

from adapter.api.ports import CameraHealth, CameraState
from adapter.api.status import status_text
from tests.adapter.api.test_funnel import camera_at_rest, shown


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


@pytest.mark.requirement("M-064")
async def test_frames_that_this_computer_was_too_slow_for_are_shown_beside_their_camera(console):
    await camera_at_rest(console)
    assert [one["frames_missed"] for one in (await console.call("GET", "/status"))[1]["cameras"]] == [37]
    table = re.search(r"<table>.*?</table>", await shown(console, "/status"), re.DOTALL)
    headings = re.findall(r"<th[^>]*>([^<]*)</th>", table[0])
    cells = re.findall(r"<td[^>]*>(.*?)</td>", table[0], re.DOTALL)
    assert dict(zip(headings, cells, strict=True))["Missed"] == "37"
