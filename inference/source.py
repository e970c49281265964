"""Where pictures come from: one decode thread per camera, and a slot that holds its newest frame.

A frame nobody took is replaced by a newer one and counted: at a gate, an old picture is worthless.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from inference.av_feed import OPEN_TIMEOUT_S, READ_TIMEOUT_S, AvFeed, Transport
from inference.clock import CaptureClock
from inference.errors import SourceEnded, SourceError, SourceRefused, SourceUnsupported
from inference.feeds import Decoded, Feed, redact_url, with_login
from inference.folder_feed import FolderFeed
from inference.hardware import OFF
from inference.http_feed import HttpFeed
from inference.images import image_of
from inference.process_feed import ProcessFeed
from inference.types import Frame

# Both transports may have to time out before the thread sees that it should stop.
STOP_WITHIN_S = 2 * OPEN_TIMEOUT_S + 2
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 30.0
# Common firmware locks an account for half an hour after a few bad logins; asking less often never keeps it locked.
REFUSED_RETRY_S = 40 * 60.0
# What answers with no pictures was mistyped or is being changed by a person.
UNSUPPORTED_RETRY_S = 60.0
# A connection that held this long was a good one: the next failure starts with a short wait again.
GOOD_AFTER_S = 10.0
JITTER = 0.25
# A few seconds of any stream; fewer would take one late packet for a slow camera.
RATE_FRAMES = 64
INTERLACED = (
    "the camera sends interlaced pictures, whose moving plates are combed; set the camera to progressive, or switch"
    " deinterlace on"
)

_log = structlog.get_logger(__name__)


class SourceStatus(StrEnum):
    CONNECTING = "connecting"
    RUNNING = "running"
    LOST = "lost"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """How a source is, since when, and the last error in words for a person (empty when it runs)."""

    status: SourceStatus
    since: datetime
    error: str = ""
    refused: bool = False
    """The login was refused: asking again soon may lock the account."""


class Source:
    """The newest frame of one camera. `open` starts the thread, `aclose` returns within `STOP_WITHIN_S`."""

    def __init__(
        self,
        *,
        url: str,
        name: str,
        feed: Callable[[], Feed] | None = None,
        interval_s: float = 0.0,
        rotation: int = 0,
        deinterlace: bool = False,
        paced: bool = True,
        loop: bool = False,
        on_state: Callable[[SourceState], None] | None = None,
        first_retry_s: float = FIRST_RETRY_S,
    ) -> None:
        self.name = name
        self.interval_s = interval_s
        """At least so long between frames; those in between are decoded and skipped. May be changed at any time."""
        self.state = SourceState(status=SourceStatus.CONNECTING, since=datetime.now(UTC))
        self.decoded = 0
        self.skipped = 0
        self.dropped = 0
        """Frames replaced in the slot before anybody took them."""
        self.hint = ""
        """What a person should know or change although pictures come; empty when all is well."""
        self.clock = CaptureClock()
        self._url = redact_url(url)
        self._make_feed = feed or (lambda: AvFeed(url))
        self._rotation = rotation
        self._deinterlace = deinterlace
        self._paced = paced
        self._again = loop
        self._on_state = on_state
        self._first_retry_s = first_retry_s
        self._corrupt = 0
        self._decoded_s: deque[float] = deque(maxlen=RATE_FRAMES)
        self._advised = ""
        self._feed: Feed | None = None
        self._sequence = 0
        self._due_s = 0.0
        self._lock = threading.Lock()
        self._slot: Frame | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived = asyncio.Event()
        self._ended = asyncio.Event()
        """The decode thread has come to its end."""

    @property
    def url(self) -> str:
        """Without its login."""
        return self._url

    @property
    def corrupt(self) -> int:
        """Packets and pictures that could not be decoded."""
        feed = self._feed
        return self._corrupt + (feed.corrupt if feed is not None else 0)

    @property
    def rate(self) -> float | None:
        """Pictures that come per second, over the last few, looked at or not; None before the second."""
        with self._lock:
            times = tuple(self._decoded_s)
        return (len(times) - 1) / max(times[-1] - times[0], 1e-3) if len(times) > 1 else None

    async def open(self) -> None:
        """Start the decode thread; does not wait for the camera. Nothing happens when it runs already."""
        if self._thread is not None:
            return
        self._loop = asyncio.get_running_loop()
        self._arrived, self._ended = asyncio.Event(), asyncio.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(self._stop, self._ended), name=f"decode {self.name}", daemon=True
        )
        self._thread.start()

    async def aclose(self) -> None:
        """Stop the thread and wait for it, at most `STOP_WITHIN_S`."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stop.set()
        self._arrived.set()
        feed = self._feed
        if feed is not None:
            feed.interrupt()
        try:
            # Not in one of the threads that all cameras share: many may end at once.
            async with asyncio.timeout(STOP_WITHIN_S):
                await self._ended.wait()
        except TimeoutError:
            _log.error("decode thread did not stop in time", camera=self.name, seconds=STOP_WITHIN_S)
        else:
            thread.join()  # it has said its last word
        self._slot = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def next_frame(self, timeout_s: float) -> Frame | None:
        """The newest frame nobody has taken yet, or None when none came in time (or the source is closed)."""
        deadline = time.monotonic() + timeout_s
        while True:
            with self._lock:
                frame, self._slot = self._slot, None
                self._arrived.clear()
            left_s = deadline - time.monotonic()
            if frame is not None or left_s <= 0 or self._thread is None or self.state.status is SourceStatus.ENDED:
                return frame
            try:
                async with asyncio.timeout(left_s):
                    await self._arrived.wait()
            except TimeoutError:
                continue

    # The decode thread.

    def _run(self, stop: threading.Event, ended: asyncio.Event) -> None:
        try:
            self._work(stop)
        finally:
            self._tell(ended.set)

    def _work(self, stop: threading.Event) -> None:
        failures = 0
        while not stop.is_set():
            started_s = time.monotonic()
            wait_s = self._first_retry_s
            feed = self._feed = self._make_feed()
            try:
                self._change(SourceStatus.CONNECTING if not failures else self.state.status, self.state.error)
                feed.open()
                self.hint = ""
                self._pump(feed, stop)
            except SourceEnded as end:
                if not self._again:
                    self._change(SourceStatus.ENDED, str(end))
                    return
                failures, wait_s = 0, 0.0
            except SourceError as error:
                if stop.is_set():
                    return
                failures = 1 if time.monotonic() - started_s > GOOD_AFTER_S else failures + 1
                wait_s = self._retry_after_s(error, failures)
                self._lose(str(error), failures, wait_s, refused=isinstance(error, SourceRefused))
            except Exception as error:  # noqa: BLE001  # the thread's own retry loop: here it is a bug, and is shown
                failures += 1
                wait_s = self._retry_after_s(error, failures)
                # As text: a traceback that shows local variables would show the login.
                _log.error("source failed unexpectedly", camera=self.name, trace=redact_url(traceback.format_exc()))
                self._lose(f"unexpected {type(error).__name__}", failures, wait_s)
            finally:
                self._corrupt += feed.corrupt
                self._feed = None
                feed.close()
            stop.wait(wait_s)

    def _retry_after_s(self, error: Exception, failures: int) -> float:
        if isinstance(error, SourceRefused):
            return REFUSED_RETRY_S
        longest = UNSUPPORTED_RETRY_S if isinstance(error, SourceUnsupported) else LONGEST_RETRY_S
        wait_s = min(longest, self._first_retry_s * 2.0 ** min(failures - 1, 10))
        # Twenty cameras behind one switch must not all come back in the same instant.
        return wait_s * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311  # spreads load, protects nothing

    def _pump(self, feed: Feed, stop: threading.Event) -> None:
        """Read until told to stop or the feed fails."""
        started_s = time.monotonic()
        with self._lock:
            self._decoded_s.clear()
        while not stop.is_set():
            decoded = feed.read()
            if decoded is None:
                continue
            if self._paced and decoded.media_s is not None:
                stop.wait(max(0.0, started_s + decoded.media_s - time.monotonic()))
            self.decoded += 1
            now_s = time.monotonic()
            with self._lock:
                self._decoded_s.append(now_s)
            if now_s < self._due_s:
                self.skipped += 1
                continue
            # Keep the rhythm: a frame that came a little late does not shift those after it.
            late_s = now_s - self._due_s
            self._due_s = now_s + self.interval_s - (late_s if late_s < self.interval_s else 0.0)
            self._offer(decoded, now_s)

    def _offer(self, decoded: Decoded, now_s: float) -> None:
        arrived_at = datetime.now(UTC)
        image = image_of(decoded, rotation=self._rotation, deinterlace=self._deinterlace)
        self._sequence += 1
        frame = Frame(
            picture=image,
            captured_at=self.clock.captured_at(decoded.sent_at, arrived_at),
            monotonic_s=now_s,
            sequence=self._sequence,
        )
        with self._lock:
            self.dropped += self._slot is not None
            self._slot = frame
        if self.state.status is not SourceStatus.RUNNING:
            self._change(SourceStatus.RUNNING, "")
        self._tell(self._arrived.set)
        self._advise(decoded)

    def _advise(self, decoded: Decoded) -> None:
        """Say once what could be better; it holds until the next connection."""
        combed = decoded.interlaced and not self._deinterlace
        hint = INTERLACED if combed else self._feed.hint if self._feed is not None else ""
        self.hint = self.hint or hint
        if self.hint and self.hint != self._advised:
            self._advised = self.hint
            _log.warning("source could be better", camera=self.name, url=self._url, hint=self.hint)

    def _lose(self, error: str, failures: int, wait_s: float, *, refused: bool = False) -> None:
        log = _log.warning if failures == 1 else _log.debug
        log("source lost", camera=self.name, url=self._url, error=error, retry_in_s=round(wait_s, 1))
        self._change(SourceStatus.LOST, error, refused=refused)

    def _change(self, status: SourceStatus, error: str, *, refused: bool = False) -> None:
        if (status, error) == (self.state.status, self.state.error):
            return
        if status is SourceStatus.RUNNING and self.state.error:
            _log.info("source is back", camera=self.name, url=self._url)
        since = self.state.since if status is self.state.status else datetime.now(UTC)
        self.state = state = SourceState(status=status, since=since, error=error, refused=refused)
        if self._on_state is not None:
            on_state = self._on_state
            self._tell(lambda: on_state(state))
        if status is SourceStatus.ENDED:
            self._tell(self._arrived.set)

    def _tell(self, call: Callable[[], None]) -> None:
        """Run something in the event loop; nothing when that loop is gone already."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:
            self._stop.set()


def open_source(
    url_or_path: str | Path,
    *,
    name: str | None = None,
    username: str | None = None,
    password: str | None = None,
    poll_s: float = 0.25,
    photo_s: float = 1.0,
    key_frames_only: bool = False,
    hardware: str = OFF,
    apart: bool = False,
    transport: Transport = Transport.AUTO,
    read_timeout_s: float = READ_TIMEOUT_S,
    interval_s: float = 0.0,
    rotation: int = 0,
    deinterlace: bool = False,
    verify_tls: bool = True,
    paced: bool = True,
    loop: bool = False,
    on_state: Callable[[SourceState], None] | None = None,
    first_retry_s: float = FIRST_RETRY_S,
) -> Source:
    """The source for a stream address, an HTTP picture address, a video file or a folder of photos.

    It is not open yet. `apart` decodes in a process of its own. Recordings play at their own pace (`paced`) and once
    (`loop`); photos change every `photo_s`. `verify_tls` is for https:// only: FFmpeg checks no certificate of rtsps://.
    """
    text = str(url_or_path)
    if text.lower().startswith(("http://", "https://")):
        text = with_login(text, username, password)
        feed: Callable[[], Feed] = partial(
            HttpFeed, text, poll_s=poll_s, timeout_s=read_timeout_s, verify_tls=verify_tls
        )
    elif "://" not in text and Path(text).is_dir():
        feed = partial(FolderFeed, Path(text), photo_s=photo_s)
    else:
        text = with_login(text, username, password) if "://" in text else text
        feed = partial(
            AvFeed,
            text,
            transport=transport,
            key_frames_only=key_frames_only,
            hardware=hardware,
            read_timeout_s=read_timeout_s,
        )
    return Source(
        url=text,
        name=name or redact_url(text),
        feed=partial(ProcessFeed, feed) if apart else feed,
        interval_s=interval_s,
        rotation=rotation,
        deinterlace=deinterlace,
        paced=paced,
        loop=loop,
        on_state=on_state,
        first_retry_s=first_retry_s,
    )
