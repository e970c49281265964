"""Everything it takes to open a camera's pictures, as data: a worker opens them on another host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from inference.av_feed import Transport
from inference.hardware import OFF
from inference.source import Source, SourceState, open_source


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """See `inference.source.open_source` for what each is for."""

    address: str
    name: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    poll_s: float = 0.25
    key_frames_only: bool = False
    transport: Transport = Transport.AUTO
    hardware: str = OFF
    apart: bool = False
    rotation: int = 0
    deinterlace: bool = False
    verify_tls: bool = True

    def open(self, on_state: Callable[[SourceState], None] | None = None) -> Source:
        """A source that is not started yet; `on_state` is called in the event loop that starts it."""
        return open_source(
            self.address,
            name=self.name,
            username=self.username,
            password=self.password,
            poll_s=self.poll_s,
            key_frames_only=self.key_frames_only,
            transport=self.transport,
            hardware=self.hardware,
            apart=self.apart,
            rotation=self.rotation,
            deinterlace=self.deinterlace,
            verify_tls=self.verify_tls,
            on_state=on_state,
        )
