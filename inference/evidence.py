"""What one crop says, as logarithms: how well each text fits the characters that were seen, slot by slot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from inference.reader import ALPHABET, CharacterSlots
from inference.syntax import Variant

Floats = NDArray[np.float64]

# A reader that saw something else entirely still leaves this much for the truth (dirt, bolts, shadows).
FLOOR = 5e-4
# How often a slot that looks like a character is none: at the ends emblems, bands and frames, inside bolts and seals.
EXTRA_AT_END, EXTRA_INSIDE = 0.01, 0.002


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

    def best_text(self, variant: Variant) -> str:
        """The likeliest text of this form."""
        columns = [_columns_of(allowed) for allowed in variant.positions]
        _, slots = self._align(columns)
        return "".join(
            ALPHABET[allowed[self.log_shares[slot, allowed].argmax()]] if slot is not None else ""
            for slot, allowed in zip(slots, columns, strict=True)
        )

    def score(self, text: str) -> float:
        """Log-likelihood of exactly this text."""
        return self._align([_columns_of(c) for c in text])[0]

    def aligned(self, text: str) -> list[int | None]:
        """Which slot shows each character, None when the crop has too few."""
        return self._align([_columns_of(c) for c in text])[1]

    def _align(self, columns: Sequence[NDArray[np.int64]]) -> tuple[float, list[int | None]]:
        """The best path through slots and positions: its log-likelihood and the slot of each position."""
        count, length = len(self.skip_end), len(columns)
        if count == length:
            # Every slot is taken in order: there is no other path.
            score = sum(float(self.log_shares[slot, allowed].max()) for slot, allowed in enumerate(columns))
            return score, list(range(count))
        value = [self.log_shares[:, allowed].max(axis=1).tolist() for allowed in columns]
        inside, end = self.skip_inside.tolist(), self.skip_end.tolist()
        paths = [0.0] + [-math.inf] * length
        came = []
        for slot in range(count):
            step, taken_here = [], []
            for position in range(length + 1):
                skipped = paths[position] + (end[slot] if position in {0, length} else inside[slot])
                taken = paths[position - 1] + value[position - 1][slot] if position else -math.inf
                step.append(max(taken, skipped))
                taken_here.append(taken > skipped)
            paths = step
            came.append(taken_here)
        slots: list[int | None] = [None] * length
        position = length
        for slot in range(count - 1, -1, -1):
            if came[slot][position]:
                position -= 1
                slots[position] = slot
        return paths[length], slots


@cache
def _columns_of(allowed: str) -> NDArray[np.int64]:
    """The alphabet's columns of these characters; modules use a few dozen sets."""
    return np.array([ALPHABET.index(c) for c in allowed], dtype=np.int64)
