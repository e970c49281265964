"""A feed that goes wrong in ways that only a process of its own survives."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.errors import SourceRefused
from inference.feeds import Decoded


@dataclass(slots=True)
class FragileFeed:
    """Two pictures, then it crashes, hangs, or breaks: but for `crash`, only while `marker` is not there."""

    how: str
    marker: Path
    corrupt: int = 7
    hint: str = "shorten the GOP"
    reads: int = 0

    def open(self) -> None:
        if self.how == "refuse":
            raise SourceRefused("the camera refused the login")

    def read(self) -> Decoded | None:
        self.reads += 1
        if self.reads == 3 and not self.marker.exists():
            self.marker.touch()
            self._go_wrong()
        size = (40 + self.reads, 60)
        return Decoded(to_picture=lambda: np.full((*size, 3), self.reads, np.uint8), media_s=self.reads / 100)

    def interrupt(self) -> None: ...

    def close(self) -> None: ...

    def _go_wrong(self) -> None:
        if self.how == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        elif self.how == "hang":
            time.sleep(600)
        raise ZeroDivisionError("rtsp://admin:secret@camera/live")
