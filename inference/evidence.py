"""What one crop says, as logarithms: how well texts and forms fit the characters that were seen, slot by slot.

Positions take slots in order, and a slot that no position takes is skipped at a price (Viterbi). All texts and forms of
a plate are searched side by side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.reader import ALPHABET, CharacterSlots
from inference.syntax import MAX_LENGTH

Floats = NDArray[np.float64]

# A reader that saw something else entirely still leaves this much for the truth (dirt, bolts, shadows).
FLOOR = 5e-4
# How often a slot that looks like a character is none: at the ends emblems, bands and frames, inside bolts and seals.
EXTRA_AT_END, EXTRA_INSIDE = 0.01, 0.002

_COLUMNS = {character: column for column, character in enumerate(ALPHABET)}


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """One crop's slots as logarithms: taking each character, skipping inside and at an end."""

    log_shares: Floats
    skip_inside: Floats
    skip_end: Floats

    @classmethod
    def of(cls, slots: CharacterSlots, matrix: Floats) -> Evidence:
        seen = slots.shares @ matrix.T
        real = slots.presence * slots.shares.sum(axis=1)
        return cls(
            np.log(slots.presence[:, None] * np.clip(seen, FLOOR, 1.0)),
            np.log(np.maximum(1.0 - real, EXTRA_INSIDE)),
            np.log(np.maximum(1.0 - real, EXTRA_AT_END)),
        )

    def of_texts(self, texts: Sequence[str]) -> tuple[Floats, list[int]]:
        """What each slot gives at each position of these texts, for `scores` and `align`, and the texts' lengths."""
        nothing = len(ALPHABET)
        columns = np.full((len(texts), MAX_LENGTH), nothing)
        for row, text in enumerate(texts):
            columns[row, : len(text)] = [_COLUMNS[character] for character in text]
        values = np.concatenate([self.log_shares, np.full((len(self.log_shares), 1), -np.inf)], axis=1)
        return values[:, columns], [len(text) for text in texts]

    def aligned(self, text: str) -> list[int | None]:
        """Which slot shows each character of a text: None when there are too few."""
        return self.align(*self.of_texts([text]))[0]

    def scores(self, values: Floats, lengths: Sequence[int]) -> list[float]:
        """The log-likelihood of each form's best path through slots and positions.

        `values` is what each slot gives at each position, shape (slots, forms, MAX_LENGTH). They may be of several
        tables of look-alikes: what skipping a slot costs does not depend on them.
        """
        return self._search(values, lengths)

    def align(self, values: Floats, lengths: Sequence[int]) -> list[list[int | None]]:
        """The slot of each position on each form's best path; `values` as for `scores`."""
        came = np.zeros((len(values), len(lengths), MAX_LENGTH + 1), dtype=bool)
        self._search(values, lengths, came)
        taken_at = came.transpose(1, 0, 2).tolist()
        return [_slots_of(steps, length) for steps, length in zip(taken_at, lengths, strict=True)]

    def _search(self, values: Floats, lengths: Sequence[int], came: NDArray[np.bool_] | None = None) -> list[float]:
        """The forms' scores; notes in `came` (slots, forms, MAX_LENGTH + 1) where a position took a slot."""
        forms = np.arange(len(lengths))
        ends = np.zeros((len(lengths), MAX_LENGTH + 1), dtype=bool)
        ends[:, 0] = ends[forms, lengths] = True
        # Before the first and after the last character a slot is skipped at the price of an end.
        skips = np.where(ends, self.skip_end[:, None, None], self.skip_inside[:, None, None])
        paths = np.full(ends.shape, -np.inf)
        paths[:, 0] = 0.0
        for slot, value in enumerate(values):
            skipped = paths + skips[slot]
            taken = paths[:, :-1] + value
            if came is not None:
                np.greater(taken, skipped[:, 1:], out=came[slot, :, 1:])
            paths = skipped
            np.maximum(paths[:, 1:], taken, out=paths[:, 1:])
        scores: list[float] = paths[forms, lengths].tolist()
        return scores


def _slots_of(came: Sequence[Sequence[bool]], length: int) -> list[int | None]:
    """The slot of each position, walked back from the last."""
    slots: list[int | None] = [None] * length
    position = length
    for slot in range(len(came) - 1, -1, -1):
        if came[slot][position]:
            position -= 1
            slots[position] = slot
    return slots


class CharacterSets:
    """The characters that some form allows at a position: a few dozen sets for all countries. Immutable."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._not_allowed = np.array([[0.0 if c in one else -math.inf for c in ALPHABET] for one in allowed])

    def best(self, evidence: Evidence) -> tuple[Floats, NDArray[np.int64]]:
        """For each slot and set the likeliest character: its logarithm and its column; shape (slots, sets)."""
        possible = evidence.log_shares[:, None, :] + self._not_allowed
        columns = possible.argmax(axis=2)
        return np.take_along_axis(evidence.log_shares, columns, axis=1), columns
