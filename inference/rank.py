"""Is this text a plate, and is it read right? Evidence in, one calibrated likelihood out.

A street is full of text: shop signs, telephone numbers, badges, the camera's own clock. What sets a plate apart is
measured as a few features; a logistic model weighs them. Its weights belong to a model pack (readers differ in how sure
they are) and are fitted on labelled street scenes, never on the pictures accuracy is measured with.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from inference.decoding import Hypothesis
from inference.plate_colours import PlateColours
from inference.quality import Quality
from inference.reader import CharacterSlots
from inference.regions import Region
from inference.stacking import Patch, patch_of
from inference.types import Picture

# What the camera or a shop writes and no registration office does: dates, clock times, addresses, telephone numbers.
_OVERLAY = re.compile(
    r"(?:19|20)\d\d[-/.]\d|(?<![A-Z0-9])[0-2]?\d:[0-5]\d|\d[-/.]\d\d?[-/.](?:19|20)\d\d|\d\d/\d\d|[©@%$€£#!?]|www|\.com|\.net|\.org",
    re.IGNORECASE,
)
_TELEPHONE = re.compile(r"^\W*(?:1[-. ]?)?(?:\(?\d{3}\)?[-. ])?\d{3}[-.]\d{4}\W*$|^1?[-. ]?8\d\d[-.]|\d{9,}")
NO_PLATE = -30.0
# For a pack that brings no weights of its own: those of the text reader, which are the most careful.
DEFAULT_WEIGHTS = {
    **{"bias": -1.7, "margin": 0.8, "fit": 0.7, "fit_per_character": 1.4, "syntax": 1.0, "worst": 0.9},
    **{"only_letters": -3.0, "only_digits": -1.2, "short": -0.5, "small": -0.8, "found": 0.4, "sharpness": 1.3},
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """One region with what was read in it, in one or several crops."""

    region: Region
    crops: tuple[CharacterSlots, ...]
    hypotheses: tuple[Hypothesis, ...]
    quality: Quality
    picture_height_px: int
    max_bend: float
    """How far a syntax may overrule the reader (log likelihood)."""
    lines: tuple[Region, ...] = ()
    """The lines it is joined from, the upper first; empty for a region that was read as it is."""
    patch: Patch | None = None
    """How it looked, for laying on other pictures of it."""
    colours: PlateColours | None = None
    """Of the plate, where they were needed to tell its kind and could be seen."""

    @property
    def best(self) -> Hypothesis | None:
        """The likeliest plate, None when every enabled module would have to bend what was read too far.

        A generic module fits nearly anything, so it is heard only where no regular module explains what was read.
        """
        plain = max((h.score for h in self.hypotheses if h.module is None), default=-math.inf)
        generic = None
        for hypothesis in self.hypotheses:
            if hypothesis.module is None or plain - hypothesis.score > self.max_bend:
                continue
            if not hypothesis.module.generic:
                return hypothesis
            generic = generic or hypothesis
        return generic

    @property
    def raw_text(self) -> str:
        return self.crops[0].raw_text if self.crops else ""

    def kept(self, picture: Picture) -> Candidate:
        """With its patch, so that the picture can be let go; its region's corners count from the picture's."""
        # Lines are read one by one, and pictures are laid on each other whole.
        return self if self.lines else replace(self, patch=patch_of(picture, self.region.quad))


def features(candidate: Candidate) -> dict[str, float]:
    """The evidence about a candidate that has a best hypothesis, each figure roughly between -3 and 3."""
    best = candidate.best
    assert best is not None
    text = best.text
    rival = max((h.weight for h in candidate.hypotheses if h.text != text and h.module is not None), default=-math.inf)
    free = max((h.weight for h in candidate.hypotheses if h.module is None), default=best.weight - 10)
    shown = [sum(float(p) for p in slots.presence) for slots in candidate.crops]
    region = candidate.region
    lines = candidate.lines or (region,)
    line_height = sum(line.height_px for line in lines) / len(lines)
    per_character = sum(line.width_px for line in lines) / max(1.0, line_height) / len(text)
    return {
        "bias": 1.0,
        "margin": min(8.0, best.weight - rival) / 3,
        "fit": max(-12.0, best.score) / 4,
        "fit_per_character": max(-2.0, best.score / len(text)) * 2,
        "syntax": max(-6.0, min(8.0, best.weight - free)) / 3,
        "worst": max(-6.0, math.log(max(1e-6, _weakest(candidate)))) / 2,
        "extra": min(3.0, max(0.0, sum(shown) / len(shown) - len(text))),
        "only_letters": float(not any(c.isdigit() for c in candidate.raw_text)),
        "only_digits": float(not any(c.isalpha() for c in candidate.raw_text)),
        "short": float(len(text) <= 4),
        "wide": max(0.0, per_character - 0.62) * 3,
        "narrow": max(0.0, 0.45 - per_character) * 5,
        "small": max(0.0, math.log(20 / max(4.0, line_height))),
        "large": max(0.0, math.log(line_height / (0.08 * candidate.picture_height_px))),
        "found": region.likelihood,
        "contrast": min(3.0, candidate.quality.contrast / 60),
        "sharpness": min(1.5, candidate.quality.sharpness * 2),
        "dark_on_light": candidate.quality.dark_on_light,
        "tilt": min(2.0, _tilt(region) * 4),
    }


def likelihood(candidate: Candidate, weights: Mapping[str, float]) -> float:
    """How sure it is that the region shows a plate and that the best text is what stands on it, 0 to 1."""
    if candidate.best is None:
        return 0.0
    evidence = features(candidate)
    total = sum(weights.get(name, 0.0) * value for name, value in evidence.items())
    return 1 / (1 + math.exp(-max(NO_PLATE, min(-NO_PLATE, total))))


def is_static_text(raw_text: str) -> bool:
    """Whether a text is what cameras and shops write, not registration offices."""
    return bool(_OVERLAY.search(raw_text) or _TELEPHONE.search(raw_text))


def subordinate(candidate: Candidate, others: Sequence[Candidate]) -> bool:
    """Whether the text is a line beside a plate's number: a state's name, a dealer's frame, a slogan.

    Such a line is lower than the number, wholly above or below it and not wider by much.
    """
    box = candidate.region.box
    for other in others:
        if other is candidate or other.best is None or not any(c.isdigit() for c in other.best.text):
            continue
        main = other.region.box
        near = abs(box.center[1] - main.center[1]) < 1.6 * main.height
        beside = abs(box.center[0] - main.center[0]) < 0.6 * main.width
        if near and beside and box.height < 0.8 * main.height and box.width < 1.3 * main.width:
            return True
    return False


def _weakest(candidate: Candidate) -> float:
    """The lowest peak among the characters of the best crop."""
    return max(
        (
            float((slots.shares.max(axis=1) * slots.presence)[slots.presence > 0.5].min())
            for slots in candidate.crops
            if (slots.presence > 0.5).any()
        ),
        default=0.0,
    )


def _tilt(region: Region) -> float:
    x, y = (region.quad[1] - region.quad[0]).tolist()
    return abs(math.atan2(y, max(abs(x), 1e-6)))
