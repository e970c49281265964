"""Real traffic clips through the ppocr pack: each vehicle once, with its plate."""

from __future__ import annotations

from pathlib import Path

import pytest

from inference.bench_video import Cached, read_clip_labels, run_clips
from inference.recognition import RecognitionSettings
from inference.recognizer import open_recognizer
from inference.watch import watch_settings

# Tilted, with lettering above the plate.
CLIPS = ("nl/Video40_2.mp4",)


@pytest.mark.video
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_vehicle_of_the_clips_is_told_once_and_rightly(clips: Path) -> None:
    labels = {file: plates for file, plates in read_clip_labels(clips).items() if file in CLIPS}
    assert len(labels) == len(CLIPS)
    reads = Cached(open_recognizer("ppocr", threads=1), None, "ppocr")
    settings = watch_settings(RecognitionSettings(max_seconds_per_frame=None), moving_fps=None)
    for score in run_clips(clips, labels, reads, settings):
        assert score.texts == score.expected, score.file
