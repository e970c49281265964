"""Thousands of forms searched at once: those that begin alike share the search of their beginning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inference.evidence import Evidence, Floats


class FormTree:
    """Forms, each a row of character sets, as one tree from their first positions. Immutable, safe from any thread."""

    def __init__(self, forms: Sequence[Sequence[int]]) -> None:
        inner: dict[tuple[int, int], int] = {}
        whole: dict[tuple[int, int], int] = {}
        ends = []
        for form in forms:
            node = 0
            for position in form[:-1]:
                node = inner.setdefault((node, position), len(inner) + 1)
            ends.append(whole.setdefault((node, form[-1]), len(whole)))
        self._inner = _columns(inner)
        self._whole = _columns(whole)
        self._ends = np.array(ends, dtype=np.int64)

    def totals(self, evidence: Evidence, best: Floats) -> Floats:
        """The best path's log-likelihood for every form; `best` is what each slot gives under each character set."""
        parents, sets = self._inner
        last_parents, last_sets = self._whole
        # The root is before the first character, the others are inside a form.
        paths = np.full(len(parents) + 1, -np.inf)
        paths[0] = 0.0
        wholes = np.full(len(last_parents), -np.inf)
        for slot, value in enumerate(best):
            taken, finished = paths[parents] + value[sets], paths[last_parents] + value[last_sets]
            # Before the first and after the last character a slot is skipped at the price of an end.
            wholes += evidence.skip_end[slot]
            np.maximum(wholes, finished, out=wholes)
            paths[0] += evidence.skip_end[slot]
            paths[1:] += evidence.skip_inside[slot]
            np.maximum(paths[1:], taken, out=paths[1:])
        return wholes[self._ends]


def _columns(steps: dict[tuple[int, int], int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each step comes from and what it takes, in the order of the steps."""
    pairs = np.array(list(steps), dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()
