"""From regions to candidates: every region read once, those in doubt in more crops, lines of one plate together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from inference import kinds, two_lines
from inference.areas import Window
from inference.decoding import Decoder, Hypothesis
from inference.plate_colours import measure_colours
from inference.quality import Quality, measure
from inference.rank import Candidate, is_static_text, likelihood
from inference.reader import CharacterSlots, Reader
from inference.recognition import Preset, RecognitionSettings
from inference.regions import Quad, Region, grow
from inference.stacking import plate_in_patch, stacked

# Readings this likely hardly ever change when more crops are read; better corners still mend some.
CROPS_ENOUGH, CORNERS_ENOUGH = 0.7, 0.95
# What is less likely than this after its first crop is no plate: of 160 such finds in 433 pictures not one became a
# reading. A text may be any sign. What looks like a plate may be one in the dark, read at last with other pictures of
# it, and is given up only beside a reading so sure.
HOPELESS, SURE_BESIDE = 1e-4, 0.7
# Half of a plate's text may be a plate too (`AB12` of `AB12 CDE`): both lines must leave clearly less doubt.
DOUBT_LEFT = 0.75
# So many crops are read before the time is looked at again: a text line costs about 20 ms of one core.
BATCH = 4
# Beyond this height a region is not the likelier a plate; signs are larger.
LARGE_PX = 40.0
# Two pictures laid on each other are hardly clearer than the better one.
LEAST_STACK = 3
# Plates, or lines of plates, are this many times as wide as high; signs and windows are not.
PLATE_ASPECTS = 1.8, 8.0

Closer = Callable[[Region], Region | None]
Judged = tuple[Candidate, float]
"""A candidate, and how likely its best text is what stands on a plate."""


def as_found(region: Region) -> Region | None:
    """The closer look of those who have none."""
    return region


class CandidateReader:
    """Reads regions into candidates. Immutable, safe from any thread."""

    def __init__(
        self,
        *,
        reader: Reader,
        decoder: Decoder,
        crops: Sequence[Mapping[str, float]],
        weights: Mapping[str, float],
        max_bend: float,
        finds_lines: bool,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._reader = reader
        self._decoder = decoder
        self._crops = crops
        self._weights = weights
        self._max_bend = max_bend
        self._finds_lines = finds_lines
        self._clock = clock

    def read(
        self,
        window: Window,
        regions: Sequence[Region],
        settings: RecognitionSettings,
        *,
        deadline: float | None,
        closer: Closer = as_found,
    ) -> tuple[list[Judged], list[Region]]:
        """The candidates with their likelihoods, and the regions that the time did not suffice for.

        The first crops are read a few at a time until the deadline, the likeliest plates first; then, while there is
        time, closer looks at those in doubt and other crops of them. What is hopeless gets none; the likeliest of the
        others always gets its own.
        """
        found, unread = self._first_crops(window, regions, deadline)
        ranked = sorted(((self._likelihood(one), one) for one in found), key=lambda pair: pair[0], reverse=True)
        judged: list[Judged] = []
        surest = 0.0
        for number, (likely, candidate) in enumerate(ranked):
            out_of_time = number > 0 and self._late(deadline)
            hopeless = likely < HOPELESS and (self._finds_lines or surest >= SURE_BESIDE)
            better: Candidate | None = candidate
            if settings.preset is not Preset.FAST and not out_of_time and not hopeless:
                better = self._in_doubt(window, candidate, likely, settings, closer)
            if better is not None:
                judged.append((better, likely if better is candidate else self._likelihood(better)))
                surest = max(surest, judged[-1][1])
        return self._with_joined_lines(window, judged, deadline) if self._finds_lines else judged, unread

    def _first_crops(
        self, window: Window, regions: Sequence[Region], deadline: float | None
    ) -> tuple[list[Candidate], list[Region]]:
        # Without a deadline all are read at once, which lets crops of like width share a batch.
        size = len(regions) if deadline is None else BATCH
        waiting = list(regions) if deadline is None else sorted(regions, key=_promise, reverse=True)
        found: list[Candidate] = []
        while waiting and not (found and self._late(deadline)):
            batch, waiting = waiting[:size], waiting[size:]
            answers = self._reader.read(window.picture, [grow(region.quad, **self._crops[0]) for region in batch])
            for region, slots in zip(batch, answers, strict=True):
                found.append(self._candidate(window, region, (slots,)))
        return found, waiting

    def _in_doubt(
        self, window: Window, candidate: Candidate, likely: float, settings: RecognitionSettings, closer: Closer
    ) -> Candidate | None:
        """A candidate that is not sure, looked at closely or read in more crops; None when it is no plate.

        A closer look that shows no plate where one was read has failed; in the dark that happens.
        """
        if likely >= min(settings.stop_above, CORNERS_ENOUGH) or not _can_be_plate(candidate):
            return candidate
        right_already = likely >= CROPS_ENOUGH
        region = closer(candidate.region)
        if region is None:
            return candidate if right_already else None
        if region is candidate.region:
            return candidate if right_already else self._in_crops(window, region, self._crops[1:], before=candidate)
        if not right_already:
            return self._in_crops(window, region, self._crops)
        better = self._in_crops(window, region, self._crops[:1])
        return candidate if self._likelihood(better) < settings.discard_below else better

    def _in_crops(
        self, window: Window, region: Region, crops: Sequence[Mapping[str, float]], *, before: Candidate | None = None
    ) -> Candidate:
        """The plate read in these crops of the region, together with those from before."""
        quads: list[Quad] = [grow(region.quad, **crop) for crop in crops]
        if before is not None and not quads:
            return before
        slots = (*(before.crops if before else ()), *self._reader.read(window.picture, quads))
        return self._candidate(window, region, slots, quality=before.quality if before else None)

    def read_stacked(self, candidates: Sequence[Candidate]) -> tuple[CharacterSlots, ...]:
        """What stands on a plate when the pictures of it, the surest first, are laid on each other."""
        patches = [candidate.patch for candidate in candidates if candidate.patch is not None]
        if len(patches) < LEAST_STACK:
            return ()
        widths = [candidate.region.width_px for candidate in candidates if candidate.patch is not None]
        # A plate twice as wide shows four times as much.
        picture = stacked(patches, [(width / max(widths)) ** 2 for width in widths])
        return tuple(self._reader.read(picture, [grow(plate_in_patch(), **crop) for crop in self._crops]))

    def _with_joined_lines(self, window: Window, judged: list[Judged], deadline: float | None) -> list[Judged]:
        """Two lines that together are likelier a plate than either alone become one candidate in their place."""
        regions = [candidate.region for candidate, _ in judged]
        joined: list[tuple[float, Candidate, tuple[int, int]]] = []
        for pair in two_lines.stacked(regions):
            if self._late(deadline):
                break
            (upper, of_upper), (lower, of_lower) = judged[pair[0]], judged[pair[1]]
            plate = self._joined(window, upper, lower)
            likely = self._likelihood(plate)
            if 1.0 - likely < DOUBT_LEFT * (1.0 - max(of_upper, of_lower)):
                joined.append((likely, plate, pair))
        used: set[int] = set()
        kept: list[Judged] = []
        for likely, plate, pair in sorted(joined, key=lambda one: one[0], reverse=True):
            if used.isdisjoint(pair):
                used |= set(pair)
                kept.append((plate, likely))
        return [*kept, *(one for index, one in enumerate(judged) if index not in used)]

    def _joined(self, window: Window, upper: Candidate, lower: Candidate) -> Candidate:
        crops = tuple(two_lines.read_on(*pair) for pair in zip(upper.crops, lower.crops, strict=False))
        first_line = len(upper.crops[0].presence)
        hypotheses = [
            hypothesis
            for hypothesis in self._decoder.decode(crops)
            if hypothesis.module is None or self._fits_two_lines(hypothesis, crops[0], first_line)
        ]
        return Candidate(
            region=two_lines.both(upper.region, lower.region),
            lines=(upper.region, lower.region),
            crops=crops,
            hypotheses=tuple(hypotheses),
            quality=max(upper, lower, key=lambda part: part.region.width_px).quality,
            picture_height_px=window.whole_height,
            max_bend=self._max_bend,
        )

    def _fits_two_lines(self, hypothesis: Hypothesis, slots: CharacterSlots, first_line: int) -> bool:
        """Whether the module's plates have two lines, and the first ends where a printed group may end."""
        module = hypothesis.module
        if module is None or not module.plate.has_two_lines:
            return False
        aligned = self._decoder.aligned(hypothesis.text, slots, module)
        return sum(slot is not None and slot < first_line for slot in aligned) in module.breaks(hypothesis.text)

    def _candidate(
        self, window: Window, region: Region, crops: tuple[CharacterSlots, ...], *, quality: Quality | None = None
    ) -> Candidate:
        hypotheses = self._decoder.decode(crops)
        colours = measure_colours(window.picture, region.quad) if kinds.in_doubt(hypotheses) else None
        return Candidate(
            region=region,
            crops=crops,
            hypotheses=tuple(kinds.weighed(hypotheses, colours) if colours else hypotheses),
            quality=quality or measure(window.picture, region.quad),
            picture_height_px=window.whole_height,
            max_bend=self._max_bend,
            colours=colours,
        )

    def _likelihood(self, candidate: Candidate) -> float:
        return likelihood(candidate, self._weights)

    def _late(self, deadline: float | None) -> bool:
        return deadline is not None and self._clock() > deadline


def _can_be_plate(candidate: Candidate) -> bool:
    """Whether more crops could change anything: not for a clock or a banner."""
    there = int((candidate.crops[0].presence > 0.5).sum())
    return 2 <= there <= 12 and not is_static_text(candidate.raw_text)


def _promise(region: Region) -> float:
    """How much a region looks like a plate that can be read, before reading it: sure, large, and of a plate's shape."""
    low, high = PLATE_ASPECTS
    shaped = low <= region.width_px / max(1.0, region.height_px) <= high
    return region.likelihood * min(region.height_px, LARGE_PX) * (1.0 if shaped else 0.5)
