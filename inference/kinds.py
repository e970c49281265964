"""Which of two texts, where a country's kinds of plates differ? The plate's colours know.

A Polish `WO 53011` is black on white, a diplomat's `W 053011` white on blue; a zero and an O look the same on both.
Only the kinds of one country are weighed against each other: between countries, colours say less than the characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inference.decoding import Hypothesis
from inference.plate_colours import PlateColours

# Log likelihood; more than this, colours cannot make up for.
NEAR = 6.0


def in_doubt(hypotheses: Sequence[Hypothesis]) -> bool:
    """Whether the likeliest texts of the likeliest country (best first) are of kinds that look different."""
    return len({hypothesis.kind for hypothesis in _contested(hypotheses)}) > 1


def weighed(hypotheses: Sequence[Hypothesis], seen: PlateColours) -> list[Hypothesis]:
    """The same hypotheses, best first, each of the contested ones less likely the less its kind has these colours.

    A kind of which no style says how it looks keeps what it has.
    """
    contested = _contested(hypotheses)
    if not contested or contested[0].module is None:
        return list(hypotheses)
    fits = contested[0].module.colour_fits(seen)
    best = max((fits[one.kind] for one in contested if one.kind in fits), default=0.0)
    doubts = {id(one): fits.get(one.kind, best) - best for one in contested}
    told = [replace(one, prior=one.prior + doubts.get(id(one), 0.0)) for one in hypotheses]
    return sorted(told, key=lambda one: one.weight, reverse=True)


def _contested(hypotheses: Sequence[Hypothesis]) -> list[Hypothesis]:
    """The likeliest explanation that is a country's, and those of the same country that come near it."""
    lead = next((one for one in hypotheses if one.module is not None and not one.module.generic), None)
    if lead is None:
        return []
    return [one for one in hypotheses if one.module is lead.module and lead.weight - one.weight <= NEAR]
