"""The newest finds of one camera that did not become readings, each with its picture: why not, to look at."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import cv2

from inference.funnel import CURES
from inference.types import Box, Frame, Picture, Rejection, RejectionReason

# Kept per reason, so that a shop sign read in every frame does not push out the one plate that was cut.
MOST_PER_REASON = 12
# The same reason again within this time is most likely the same find.
SPACING_S = 2.0
# Room around the find, as a share of its size: a person wants to see what it is.
ROOM = 0.35
MAX_WIDTH_PX = 320
QUALITY = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """One find with its picture (JPEG, at most 320 px wide) and what can be done about it."""

    reject_id: int
    at: datetime
    reason: RejectionReason
    cure: str
    text: str
    likelihood: float
    box: Box
    jpeg: bytes


class Rejects:
    """Bounded: `MOST_PER_REASON` pictures per reason, a few kilobytes each. Not safe from several threads."""

    def __init__(self) -> None:
        self._kept: dict[RejectionReason, deque[Rejected]] = {}
        self._last_s: dict[RejectionReason, float] = {}
        self._next = 1

    def all(self) -> tuple[Rejected, ...]:
        """Newest first."""
        kept = [one for reason in self._kept.values() for one in reason]
        return tuple(sorted(kept, key=lambda one: -one.reject_id))

    def find(self, reject_id: int) -> Rejected | None:
        return next((one for one in self.all() if one.reject_id == reject_id), None)

    def forget(self, before: datetime) -> None:
        """Pictures of plates are not kept longer than events."""
        for reason, kept in self._kept.items():
            self._kept[reason] = deque((one for one in kept if one.at >= before), maxlen=MOST_PER_REASON)

    def note(self, frame: Frame, rejections: Sequence[Rejection]) -> None:
        """Keep what one frame refused: of each reason the likeliest find, and none that follows too soon."""
        for reason, rejection in _likeliest(rejections).items():
            now_s = frame.monotonic_s
            # A clock that went back (another stream) must not silence a reason.
            if 0 <= now_s - self._last_s.get(reason, float("-inf")) < SPACING_S:
                continue
            jpeg = _crop(frame.picture, rejection.box)
            if jpeg is None:
                continue
            self._last_s[reason] = now_s
            self.keep(
                Rejected(
                    reject_id=0,
                    at=frame.captured_at,
                    reason=reason,
                    cure=CURES[reason],
                    text=rejection.text[:40],
                    likelihood=rejection.likelihood,
                    box=rejection.box,
                    jpeg=jpeg,
                )
            )

    def keep(self, rejected: Rejected) -> None:
        """One find, under a number of its own here."""
        kept = self._kept.setdefault(rejected.reason, deque(maxlen=MOST_PER_REASON))
        kept.append(replace(rejected, reject_id=self._next))
        self._next += 1


def _likeliest(rejections: Sequence[Rejection]) -> dict[RejectionReason, Rejection]:
    best: dict[RejectionReason, Rejection] = {}
    for one in rejections:
        if one.reason not in best or one.likelihood > best[one.reason].likelihood:
            best[one.reason] = one
    return best


def _crop(picture: Picture, box: Box) -> bytes | None:
    """The find and a little around it as JPEG; None when it lies outside the picture."""
    height, width = picture.shape[:2]
    left, top = max(0, int(box.x - ROOM * box.width)), max(0, int(box.y - ROOM * box.height))
    right, bottom = min(width, int(box.right + ROOM * box.width)), min(height, int(box.bottom + ROOM * box.height))
    if right - left < 2 or bottom - top < 2:
        return None
    crop = picture[top:bottom, left:right]
    if crop.shape[1] > MAX_WIDTH_PX:
        scale = MAX_WIDTH_PX / crop.shape[1]
        crop = cv2.resize(crop, (MAX_WIDTH_PX, max(1, round(crop.shape[0] * scale))), interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes() if done else None
