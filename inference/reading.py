"""From regions to readings: each is read, ranked, accepted or refused with a reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from inference import kinds
from inference.areas import BAND_TOLERANCE, Window
from inference.candidates import CandidateReader, Closer, as_found
from inference.decoding import Decoder, Hypothesis
from inference.plate_colours import PlateColours, measure_colours
from inference.rank import Candidate, is_static_text, likelihood, subordinate
from inference.reader import CharacterSlots
from inference.recognition import RecognitionSettings
from inference.regions import Region
from inference.types import Box, LicensePlate, PlateType, Reading, Rejection, RejectionReason

# A line must hold two characters and cannot be longer than a banner: no plate's number is narrower or wider.
MIN_ASPECT, MAX_ASPECT = 1.2, 14.0
# Under this no reader tells characters apart.
MIN_HEIGHT_PX = 6.0
# A text is only a line beside a plate's number when that number is at least this likely, compared with the text.
RIVAL_SHARE = 0.05
# A shape this near the border of the picture may go on outside.
EDGE_PX = 2.0
# Above this, which of two plates in one picture is the likelier is mostly chance, and the larger one is nearer.
BEYOND_DOUBT = 0.8
# One plate in several pictures: so many of the surest are read together, and one that fits a text makes up so much for
# those that do not (`Decoder.decode`). Measured on drive-bys: 4 or 12 pictures, or 1 or 4, read fewer plates rightly.
PICTURES, PICTURES_TEMPER = 8, 2.0
# So many are laid on each other.
STACKED = 12
# How much of a detected region's height is characters, by kind of detector (a text line is grown, a plate has margins).
CHARACTER_SHARE = {"text-lines": 0.72, "plates": 0.6, "plate-map": 0.72}


class PlateReader:
    """Reads the regions of one picture. Immutable, safe from any thread."""

    def __init__(
        self,
        *,
        candidates: CandidateReader,
        decoder: Decoder,
        weights: Mapping[str, float],
        character_share: float,
        smallest_character_px: float = 0.0,
    ) -> None:
        self.candidates = candidates
        self._decoder = decoder
        self._weights = weights
        self._character_share = character_share
        self._smallest_character_px = smallest_character_px

    def read(
        self,
        window: Window,
        regions: Sequence[Region],
        settings: RecognitionSettings,
        *,
        deadline: float | None,
        closer: Closer = as_found,
    ) -> tuple[tuple[Reading, ...], tuple[Rejection, ...]]:
        """Readings best first, and what was refused. `closer` gives better corners of a region in doubt."""
        rejections: list[Rejection] = []
        usable = []
        for region in regions:
            if not window.contains(region.quad) or not self._plausible(region):
                continue
            reason = self._out_of_band(region, window, settings)
            if reason is None:
                usable.append(region)
            else:
                rejections.append(Rejection(reason=reason, box=_in_whole(region, window)))
        judged, unread = self.candidates.read(window, usable, settings, deadline=deadline, closer=closer)
        rejections += [
            Rejection(reason=RejectionReason.OUT_OF_TIME, box=_in_whole(region, window)) for region in unread
        ]
        readings = []
        for candidate, sure in judged:
            # What is hardly a plate itself says nothing about the lines beside it.
            rivals = [other for other, theirs in judged if theirs >= sure * RIVAL_SHARE]
            answer = self._answer(candidate, sure, rivals, window, settings)
            if isinstance(answer, Reading):
                readings.append(answer)
            else:
                rejections.append(answer)
        readings.sort(key=best_first, reverse=True)
        kept = without_overlaps(readings)
        return tuple(kept[: settings.max_plates]), tuple(rejections)

    def together(self, looks: Sequence[Reading | Rejection]) -> Reading | None:
        """What several pictures of one plate say together, where no single one may be right.

        None when fewer than two of them were read by a reader of this kind, or when no plate explains them.
        """
        shown = [(one, one.seen) for one in looks if isinstance(one.seen, Candidate) and one.seen.crops]
        shown = sorted(shown, key=lambda pair: pair[0].likelihood, reverse=True)[:STACKED]
        if len(shown) < 2:
            return None
        lead, surest = shown[0]
        laid = self.candidates.read_stacked([candidate for _, candidate in shown])
        crops = tuple(candidate.crops[0] for _, candidate in shown[:PICTURES])
        colours = next((candidate.colours for _, candidate in shown if candidate.colours), None)
        joint = self._of_crops(surest, (*laid, *crops), colours)
        best = joint.best
        if best is None:
            return None
        # What the pictures laid on each other say, and what single ones say, bears the text out where it is the same.
        heard = [joint, *(self._of_crops(surest, part, colours) for part in (laid, crops) if laid)]
        sure = max(
            likelihood(one, self._weights) for one in heard if one.best is not None and one.best.text == best.text
        )
        # Colours were measured where a single picture said the same.
        said = (one.plate for one, _ in shown if isinstance(one, Reading) and one.plate.plate_number == best.text)
        plate = next((known for known in said if known.country_code == _iso(best)), None) or _plate(best)
        cut = all(isinstance(one, Rejection) or one.cut for one, _ in shown)
        return self._reading(joint, best, plate, lead.box, sure, cut=cut, seen=None)

    def _of_crops(
        self, candidate: Candidate, crops: tuple[CharacterSlots, ...], colours: PlateColours | None
    ) -> Candidate:
        """The candidate as these crops of several pictures show it."""
        hypotheses = self._decoder.decode(crops, temper=PICTURES_TEMPER)
        told = kinds.weighed(hypotheses, colours) if colours else hypotheses
        return replace(candidate, crops=crops, hypotheses=tuple(told))

    def _answer(
        self,
        candidate: Candidate,
        sure: float,
        rivals: Sequence[Candidate],
        window: Window,
        settings: RecognitionSettings,
    ) -> Reading | Rejection:
        box = _in_whole(candidate.region, window)
        raw, best = candidate.raw_text, candidate.best
        if is_static_text(raw) or subordinate(candidate, rivals):
            return Rejection(reason=RejectionReason.STATIC_TEXT, box=box, text=raw, likelihood=sure)
        if best is not None and sure >= settings.discard_below:
            seen = candidate.colours
            plate = _plate(best, lambda: seen or measure_colours(window.picture, candidate.region.quad))
            cut = not window.holds(candidate.region.quad, margin=EDGE_PX)
            return self._reading(candidate, best, plate, box, sure, cut=cut, seen=_seen(candidate, window))
        if window.touches_edge(candidate.region.quad, margin=EDGE_PX):
            reason = RejectionReason.CUT
        else:
            reason = candidate.quality.complaint() or (
                RejectionReason.NO_SYNTAX if best is None else RejectionReason.BELOW_THRESHOLD
            )
        return Rejection(reason=reason, box=box, text=raw, likelihood=sure, seen=_seen(candidate, window))

    def _reading(
        self,
        candidate: Candidate,
        best: Hypothesis,
        plate: LicensePlate,
        box: Box,
        sure: float,
        *,
        cut: bool,
        seen: Candidate | None,
    ) -> Reading:
        module = best.module
        return Reading(
            plate=plate,
            raw_text=candidate.raw_text,
            spelling=module.spelling(best.text) if module else best.text,
            likelihood=sure,
            characters=self._decoder.characters(best.text, candidate.crops, module),
            box=box,
            country_likelihood=_country_likelihood(candidate.hypotheses, best),
            module_code=module.code if module else None,
            sharpness=candidate.quality.sharpness,
            contrast=candidate.quality.contrast,
            cut=cut,
            seen=seen,
        )

    def _plausible(self, region: Region) -> bool:
        height = region.height_px
        return height >= MIN_HEIGHT_PX and MIN_ASPECT <= region.width_px / height <= MAX_ASPECT

    def _out_of_band(self, region: Region, window: Window, settings: RecognitionSettings) -> RejectionReason | None:
        character_px = region.height_px * self._character_share
        if character_px < self._smallest_character_px:
            return RejectionReason.TOO_SMALL
        share = character_px / window.whole_height
        low, high = settings.character_height_min, settings.character_height_max
        if low is not None and share < low / BAND_TOLERANCE:
            return RejectionReason.TOO_SMALL
        if high is not None and share > high * BAND_TOLERANCE:
            return RejectionReason.TOO_LARGE
        return None


def _seen(candidate: Candidate, window: Window) -> Candidate:
    """What the picture showed, in its own pixels. What was made of it is decided anew with more pictures."""
    corner = np.array([window.x, window.y], dtype=np.float32)
    region = replace(candidate.region, quad=candidate.region.quad + corner)
    return replace(candidate, hypotheses=(), region=region)


def _plate(best: Hypothesis, colours: Callable[[], PlateColours | None] = lambda: None) -> LicensePlate:
    module = best.module
    return LicensePlate(
        plate_number=best.text,
        country_code=_iso(best),
        issuing_entity=module.issuing_entity if module else None,
        plate_type=module.plate_type(best.text, colours) if module else PlateType.NORMAL,
    )


def _iso(best: Hypothesis) -> str | None:
    return best.module.iso if best.module else None


def _country_likelihood(hypotheses: Sequence[Hypothesis], best: Hypothesis) -> float:
    """The share of the best text's module among all modules that explain that text."""
    same = {h.module.code: h.prior for h in hypotheses if h.text == best.text and h.module is not None}
    if best.module is None or best.module.code not in same:
        return 0.0
    top = max(same.values())
    weights = {code: math.exp(prior - top) for code, prior in same.items()}
    return weights[best.module.code] / sum(weights.values())


def best_first(reading: Reading) -> tuple[float, float]:
    """The order of readings: the likelier first, and of those beyond doubt the largest: the nearest car."""
    return min(reading.likelihood, BEYOND_DOUBT), reading.box.area


def without_overlaps(readings: Sequence[Reading]) -> list[Reading]:
    """One reading per place: the best of those whose boxes share half of the smaller."""
    kept: list[Reading] = []
    for reading in readings:
        if all(reading.box.overlap(other.box) < 0.5 * min(reading.box.area, other.box.area) for other in kept):
            kept.append(reading)
    return kept


def _in_whole(region: Region, window: Window) -> Box:
    box = region.box
    return Box(x=box.x + window.x, y=box.y + window.y, width=box.width, height=box.height)
