"""Plates that were found and never read: followed until one of them is read after all, or until they have gone.

In no picture by itself they are legible, but all pictures laid on each other may be. Nobody looks more often because of
them, and nothing is told of one that a reading takes the place of. Plain code: times come in with the frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inference.association import associate
from inference.tracks import Track
from inference.types import Box, Frame, Reading, Rejection, RejectionReason

# Grilles, signs and far plates are found again and again; beyond this number one that never moved gives way.
MOST_FOLLOWED = 8
# Its vehicle may be read after all until then: a plate that comes nearer is lost for some frames now and then.
READ_WITHIN_S = 3.0


@dataclass(slots=True, eq=False)
class Unread:
    """One of them, with the frame since it moved that shows it largest, and where: None where none shows it whole.

    What never moves is not told, and frames are large: none is kept of it.
    """

    track: Track
    frame: Frame | None = None
    box: Box | None = None


class UnreadPlates:
    """Those of one camera."""

    def __init__(self) -> None:
        self._followed: list[Unread] = []

    @property
    def tracks(self) -> list[Track]:
        """Those in view, and those that went a moment ago."""
        return [one.track for one in self._followed]

    def forget_read(self, readings: Sequence[Reading], now_s: float) -> None:
        """These begin to be read: which was where one of them is now is no longer unread."""
        read = [track for track, _ in associate(self.tracks, readings, now_s)[0]]
        self._followed = [one for one in self._followed if one.track not in read]

    def follow(
        self, frame: Frame, finds: Sequence[Rejection], *, cut: Callable[[Box], bool], begin: Callable[[], Track]
    ) -> None:
        """What was found in a frame beside the plates that are read. `cut` tells what touches the picture's edge."""
        legible = [one for one in finds if one.seen is not None and one.reason is not RejectionReason.CUT]
        pairs, fresh = associate(self.tracks, legible, frame.monotonic_s)
        for track, find in pairs:
            self._see(track, find, frame, cut=cut(find.box))
        for find in fresh:
            if len(self._followed) < MOST_FOLLOWED or self._drop_one():
                track = begin()
                self._followed.append(Unread(track))
                self._see(track, find, frame, cut=cut(find.box))

    def gone(self, now_s: float) -> list[Unread]:
        """Those that will not be read any more; they are followed no longer."""
        gone = [one for one in self._followed if now_s - one.track.last_s >= READ_WITHIN_S]
        self._followed = [one for one in self._followed if one not in gone]
        return gone

    def _see(self, track: Track, find: Rejection, frame: Frame, *, cut: bool) -> None:
        track.see(find.box, frame, cut=cut)
        track.keep_look(find, frame)
        one = next(one for one in self._followed if one.track is track)
        if track.arrived and not cut and (one.box is None or find.box.width >= one.box.width):
            one.frame, one.box = frame, find.box

    def _drop_one(self) -> bool:
        """Make room, if only for a moment: what stands still is a sign."""
        still = next((one for one in self._followed if not one.track.arrived), None)
        if still is not None:
            self._followed.remove(still)
        return still is not None
