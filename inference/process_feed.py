"""Another feed in a process of its own: a stream that brings the decoder down ends that process, not the service.

One request, one answer over a pipe, so nothing queues. A picture is handed over in shared memory, and only when
somebody wants it. The memory is the parent's, so a child that dies leaves none behind.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np
import structlog

from inference.errors import SourceError, SourceUnreachable, SourceUnsupported
from inference.feeds import Decoded, Feed, redact_url
from inference.image_size import MOST_PIXELS
from inference.types import Picture

# Python starts slowly on a busy machine, and then both transports of a camera may have to time out.
START_S = 40.0
# More than any feed takes to read one packet or to give up on it.
ANSWER_S = 20.0
# Long enough to hang up at the camera, which may allow few sessions.
GOODBYE_S = 2.0
GONE = (EOFError, OSError)

_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What the child says about a picture it holds."""

    is_picture: bool
    sent_at: datetime | None = None
    media_s: float | None = None
    interlaced: bool = False
    corrupt: int = 0
    hint: str = ""


class ProcessFeed:
    """Passes every call on to the feed that `make` makes in the child. `make` must be picklable."""

    def __init__(self, make: Callable[[], Feed], *, start_s: float = START_S, answer_s: float = ANSWER_S) -> None:
        self._make = make
        self._start_s, self._answer_s = start_s, answer_s
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._memory: SharedMemory | None = None
        self._reads = 0
        self._interrupted = False
        self.corrupt = 0
        self.hint = ""

    def open(self) -> None:
        """Start the child and let it connect."""
        self._pipe, theirs = _spawn.Pipe()
        with theirs:
            # What goes to the child, the login included, goes through a pipe: no command line shows it.
            self._process = _spawn.Process(target=_serve, args=(theirs, self._make), name="decode", daemon=True)
            self._process.start()
        if self._interrupted:
            raise SourceUnreachable("the decoder was stopped while it was started")
        self._ask("open", self._start_s)

    def read(self) -> Decoded | None:
        """The next picture. It must be taken before the next read: the child keeps no other."""
        answer = self._ask("read", self._answer_s)
        assert isinstance(answer, _Read)
        self.corrupt, self.hint = answer.corrupt, answer.hint
        self._reads += 1
        if not answer.is_picture:
            return None
        number = self._reads
        return Decoded(
            to_picture=lambda: self._take(number),
            sent_at=answer.sent_at,
            media_s=answer.media_s,
            interlaced=answer.interlaced,
        )

    def interrupt(self) -> None:
        self._interrupted = True
        process = self._process
        if process is not None:
            # The decode thread puts it away at this moment, or has not quite started it.
            with suppress(ValueError, AttributeError):
                process.kill()

    def close(self) -> None:
        process, self._process = self._process, None
        pipe, self._pipe = self._pipe, None
        memory, self._memory = self._memory, None
        if pipe is not None:
            pipe.close()  # the child reads this as a goodbye
        if process is not None:
            process.join(GOODBYE_S)
            process.kill()
            process.join()
            process.close()
        if memory is not None:
            memory.close()
            memory.unlink()

    def _take(self, number: int) -> Picture:
        if number != self._reads:
            raise RuntimeError("a picture was asked for after the next one was read")
        answer = self._ask(self._memory.name if self._memory else "", self._answer_s)
        if isinstance(answer, int):
            answer = self._ask(self._grow(answer), self._answer_s)
        shape: tuple[int, ...] = answer
        assert self._memory is not None
        return np.ndarray(shape, np.uint8, self._memory.buf).copy()

    def _grow(self, size: int) -> str:
        if not 0 < size <= 3 * MOST_PIXELS:
            raise SourceUnsupported(f"a picture of {size} bytes is larger than any camera's; choose another profile")
        if self._memory is not None:
            self._memory.close()
            self._memory.unlink()
        self._memory = SharedMemory(create=True, size=size)
        return self._memory.name

    def _ask(self, request: str, within_s: float) -> Any:
        """One request and its answer; raises what the feed raised."""
        if self._pipe is None or self._process is None:
            raise SourceUnreachable("the stream is not open")
        try:
            self._pipe.send(request)
            if not self._pipe.poll(within_s):
                self._process.kill()
                raise SourceUnreachable(f"the decoder gave no answer within {within_s:g} s and is started again")
            answer = self._pipe.recv()
        except GONE as error:
            self._process.join(GOODBYE_S)
            reason = _reason(self._process.exitcode)
            raise SourceUnreachable(
                f"the decoder's process ended ({reason}) and is started again; if that goes on, choose another codec or"
                " profile in the camera"
            ) from error
        if isinstance(answer, Exception):
            raise answer
        return answer


def _reason(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _serve(pipe: Connection, make: Callable[[], Feed]) -> None:
    """The child: answers until the parent hangs up."""
    # Ctrl-C goes to the whole group; the parent says when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    child = _Child(make())
    try:
        while True:
            pipe.send(child.answer(pipe.recv()))
    except GONE:
        return
    finally:
        child.close()


class _Child:
    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._decoded: Decoded | None = None
        self._picture: Picture | None = None
        self._memory: SharedMemory | None = None

    def answer(self, request: str) -> Any:
        """To `open`, to `read`, or to the name of the memory that the picture shall go into."""
        try:
            if request == "open":
                self._feed.open()
                return None
            return self._read() if request == "read" else self._hand_over(request)
        except SourceError as error:
            return type(error)(*error.args)  # without its cause, which may not be picklable
        except Exception:  # noqa: BLE001  # a bug is told by the parent, whose log everybody reads
            return RuntimeError(redact_url(traceback.format_exc()))

    def close(self) -> None:
        self._feed.close()
        if self._memory is not None:
            self._memory.close()

    def _read(self) -> _Read:
        self._picture = None
        self._decoded = decoded = self._feed.read()
        return _Read(
            is_picture=decoded is not None,
            sent_at=decoded.sent_at if decoded else None,
            media_s=decoded.media_s if decoded else None,
            interlaced=decoded.interlaced if decoded else False,
            corrupt=self._feed.corrupt,
            hint=self._feed.hint,
        )

    def _hand_over(self, name: str) -> tuple[int, ...] | int:
        """The shape of the picture that the memory now holds, or how many bytes it needs."""
        assert self._decoded is not None
        if self._picture is None:
            self._picture = self._decoded.to_picture()
        if self._memory is None or self._memory.name != name:
            if self._memory is not None:
                self._memory.close()
            self._memory = SharedMemory(name) if name else None
        if self._memory is None or self._memory.size < self._picture.nbytes:
            return int(self._picture.nbytes)
        np.copyto(np.ndarray(self._picture.shape, np.uint8, self._memory.buf), self._picture)
        return self._picture.shape
