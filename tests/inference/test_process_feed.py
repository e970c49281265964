"""Decoding in a process of its own: the same pictures, and a crash that stays there."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from functools import partial
from multiprocessing.context import SpawnProcess
from pathlib import Path

import numpy as np
import pytest

from inference.av_feed import AvFeed
from inference.errors import SourceEnded, SourceRefused, SourceUnreachable
from inference.process_feed import ProcessFeed
from inference.source import SourceStatus, open_source
from tests.fakes.fragile_feed import FragileFeed
from tests.inference.test_rtsp_source import Camera
from tests.inference.test_source import write_video

# A child's start of Python and its imports on a busy machine.
WAIT_S = 60.0
SHARED = Path("/dev/shm")


def shared_memories() -> set[str]:
    return {path.name for path in SHARED.glob("psm_*")} if SHARED.is_dir() else set()


def test_a_file_gives_the_same_pictures_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", count=5)
    before, children = shared_memories(), len(multiprocessing.active_children())
    plain, apart = AvFeed(str(path)), ProcessFeed(partial(AvFeed, str(path)))
    plain.open()
    apart.open()
    try:
        for _ in range(5):
            one, other = plain.read(), apart.read()
            assert one is not None
            assert other is not None
            assert (one.media_s, one.sent_at, one.interlaced) == (other.media_s, other.sent_at, other.interlaced)
            assert np.array_equal(one.to_picture(), other.to_picture())
        with pytest.raises(SourceEnded, match="the file is over"):
            while apart.read() is None:
                pass
    finally:
        plain.close()
        apart.close()
    apart.close()
    assert shared_memories() <= before
    assert len(multiprocessing.active_children()) == children


def opened(how: str, tmp_path: Path) -> ProcessFeed:
    answer_s = 0.5 if how == "hang" else WAIT_S
    feed = ProcessFeed(partial(FragileFeed, how, tmp_path / "gone"), start_s=WAIT_S, answer_s=answer_s)
    feed.open()
    return feed


def test_pictures_may_change_their_size_and_are_the_takers_own(tmp_path: Path) -> None:
    (tmp_path / "gone").touch()
    feed = opened("crash", tmp_path)
    try:
        pictures = []
        for _ in range(4):
            decoded = feed.read()
            assert decoded is not None
            pictures.append(decoded.to_picture())
        assert [picture.shape for picture in pictures] == [(41 + n, 60, 3) for n in range(4)]
        assert [int(picture.max()) for picture in pictures] == [1, 2, 3, 4]
        assert (feed.corrupt, feed.hint) == (7, "shorten the GOP")
        feed.read()
        with pytest.raises(RuntimeError, match="after the next one was read"):
            decoded.to_picture()
    finally:
        feed.close()


def test_what_the_feed_raises_is_raised_here(tmp_path: Path) -> None:
    feed = ProcessFeed(partial(FragileFeed, "refuse", tmp_path / "gone"), start_s=WAIT_S)
    try:
        with pytest.raises(SourceRefused, match="refused the login"):
            feed.open()
    finally:
        feed.close()


def test_a_bug_in_the_child_is_told_without_the_login(tmp_path: Path) -> None:
    feed = opened("break", tmp_path)
    try:
        feed.read()
        feed.read()
        with pytest.raises(RuntimeError, match="ZeroDivisionError") as raised:
            feed.read()
        assert "secret" not in str(raised.value)
    finally:
        feed.close()


def test_a_crash_is_named_and_leaves_no_memory(tmp_path: Path) -> None:
    before = shared_memories()
    feed = opened("crash", tmp_path)
    try:
        for _ in range(2):
            decoded = feed.read()
            assert decoded is not None
            decoded.to_picture()
        with pytest.raises(SourceUnreachable, match=r"process ended \(SIGSEGV\) and is started again"):
            feed.read()
    finally:
        feed.close()
    assert shared_memories() <= before


def test_a_decoder_that_hangs_is_given_up(tmp_path: Path) -> None:
    feed = opened("hang", tmp_path)
    try:
        # The first reads answer at once, unless the machine is so busy that they are given up for the same reason.
        with pytest.raises(SourceUnreachable, match=r"no answer within 0\.5 s and is started again"):
            while feed.read() is not None:
                pass
    finally:
        feed.close()


async def test_a_live_camera_is_decoded_apart_and_comes_back_after_its_decoder_was_killed() -> None:
    async with Camera() as camera, open_source(camera.url, apart=True, first_retry_s=0.01) as source:
        frame = await source.next_frame(WAIT_S)
        assert frame is not None
        assert frame.picture.shape == (192, 320, 3)
        (child,) = multiprocessing.active_children()
        assert child.pid not in (None, os.getpid())
        child.kill()
        async with asyncio.timeout(WAIT_S):
            while "process ended (SIGKILL)" not in source.state.error:
                await asyncio.sleep(0.005)
            while source.state.status is not SourceStatus.RUNNING:
                await asyncio.sleep(0.005)
        assert await source.next_frame(WAIT_S) is not None
    assert multiprocessing.active_children() == []


def test_a_feed_that_is_interrupted_before_its_process_runs_says_so_and_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = ProcessFeed(partial(AvFeed, str(tmp_path / "absent.mp4")))
    start = SpawnProcess.start

    def interrupted(process: SpawnProcess) -> None:
        feed.interrupt()
        start(process)

    monkeypatch.setattr(SpawnProcess, "start", interrupted)
    with pytest.raises(SourceUnreachable, match="stopped while it was started"):
        feed.open()
    feed.close()
    assert multiprocessing.active_children() == []
