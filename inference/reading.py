"""From regions to readings: each is read in several crops, decoded, ranked, accepted or refused with a reason."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from inference.areas import Window
from inference.decoding import Decoder, Hypothesis
from inference.reader import CharacterSlots, Reader
from inference.recognition import RecognitionSettings
from inference.regions import Region, bounding_box, grow
from inference.types import (
    Box,
    CharacterLikelihood,
    LicensePlate,
    Reading,
    Rejection,
    RejectionReason,
)


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    region: Region
    slots: tuple[CharacterSlots, ...]
    hypotheses: tuple[Hypothesis, ...]
    likelihood: float


class PlateReader:
    """Reads the regions of one picture."""

    def __init__(self, *, reader: Reader, decoder: Decoder) -> None:
        self._reader = reader
        self._decoder = decoder

    def read(
        self, window: Window, regions: Sequence[Region], settings: RecognitionSettings, *, deadline: float | None
    ) -> tuple[tuple[Reading, ...], tuple[Rejection, ...]]:
        """Readings best first, and what was refused."""
        regions = [region for region in regions if window.contains(region.quad) and region.height_px >= 6]
        slots = self._reader.read(window.picture, [region.quad for region in regions])
        candidates = [self._judge(region, (one,)) for region, one in zip(regions, slots, strict=True)]
        candidates.sort(key=lambda c: c.likelihood, reverse=True)
        readings, rejections = [], []
        for candidate in candidates:
            box = _in_whole(candidate.region, window)
            raw = candidate.slots[0].raw_text
            if not candidate.hypotheses or candidate.hypotheses[0].module is None:
                rejections.append(Rejection(reason=RejectionReason.NO_SYNTAX, box=box, text=raw))
            elif candidate.likelihood < settings.discard_below:
                rejections.append(
                    Rejection(
                        reason=RejectionReason.BELOW_THRESHOLD, box=box, text=raw, likelihood=candidate.likelihood
                    )
                )
            else:
                readings.append(_reading(candidate, box))
        return tuple(readings[: settings.max_plates]), tuple(rejections)

    def _judge(self, region: Region, slots: tuple[CharacterSlots, ...]) -> _Candidate:
        hypotheses = tuple(self._decoder.decode(slots))
        return _Candidate(region, slots, hypotheses, _likelihood(hypotheses))


def _likelihood(hypotheses: Sequence[Hypothesis]) -> float:
    if not hypotheses:
        return 0.0
    top = hypotheses[0].score + hypotheses[0].prior
    weights = [math.exp(h.score + h.prior - top) for h in hypotheses]
    same = sum(w for h, w in zip(hypotheses, weights, strict=True) if h.text == hypotheses[0].text)
    return same / sum(weights) * math.exp(hypotheses[0].score / 2)


def _reading(candidate: _Candidate, box: Box) -> Reading:
    best = candidate.hypotheses[0]
    module = best.module
    return Reading(
        plate=LicensePlate(plate_number=best.text, country_code=module.iso if module else None),
        raw_text=candidate.slots[0].raw_text,
        likelihood=min(1.0, candidate.likelihood),
        characters=tuple(CharacterLikelihood(character=c, likelihood=candidate.likelihood) for c in best.text),
        box=box,
        module_code=module.code if module else None,
    )


def _in_whole(region: Region, window: Window) -> Box:
    box = bounding_box(grow(region.quad))
    return Box(x=box.x + window.x, y=box.y + window.y, width=box.width, height=box.height)


def now() -> float:
    """The clock deadlines are measured on."""
    return time.perf_counter()
