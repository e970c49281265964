"""Thousands of forms searched at once: those that begin alike share the search of their beginning."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from inference.evidence import Evidence, Floats


class FormTree:
    """Forms, each a row of character sets, as one tree from their first positions. Immutable, safe from any thread."""

    def __init__(self, forms: Sequence[Sequence[int]]) -> None:
        # By how many positions they have passed, so that a search after few slots looks only at the first of them.
        inner: list[dict[tuple[int, int], int]] = [{} for _ in range(max(map(len, forms), default=0))]
        whole: list[dict[tuple[int, int], int]] = [{} for _ in inner]
        ends = []
        for form in forms:
            node = 0
            for level, position in zip(inner, form[:-1], strict=False):
                node = level.setdefault((node, position), len(level))
            last = whole[len(form) - 1]
            ends.append((len(form) - 1, last.setdefault((node, form[-1]), len(last))))
        self._inner, self._inner_to = _columns(inner, inner)
        self._whole, self._whole_to = _columns(whole, inner)
        starts = [0, *self._whole_to]
        self._ends = np.array([starts[level] + index for level, index in ends], dtype=np.intp)

    def totals(self, evidence: Evidence, best: Floats) -> Floats:
        """The best path's log-likelihood for every form; `best` is what each slot gives under each character set."""
        parents, sets = self._inner
        last_parents, last_sets = self._whole
        # The root is before the first character, the others are inside a form.
        paths = np.full(len(parents) + 1, -np.inf)
        paths[0] = 0.0
        wholes = np.full(len(last_parents), -np.inf)
        for slot, value in enumerate(best):
            # No more positions than slots can have been passed.
            inner, whole = (to[min(slot, len(to) - 1)] for to in (self._inner_to, self._whole_to))
            taken = paths.take(parents[:inner]) + value.take(sets[:inner])
            finished = paths.take(last_parents[:whole]) + value.take(last_sets[:whole])
            # Before the first and after the last character a slot is skipped at the price of an end.
            reached = wholes[:whole]
            reached += evidence.skip_end[slot]
            np.maximum(reached, finished, out=reached)
            paths[0] += evidence.skip_end[slot]
            begun = paths[1 : inner + 1]
            begun += evidence.skip_inside[slot]
            np.maximum(begun, taken, out=begun)
        return wholes[self._ends]


def _columns(
    levels: Sequence[dict[tuple[int, int], int]], inner: Sequence[dict[tuple[int, int], int]]
) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], list[int]]:
    """Where each step comes from (0 is the root) and what it takes, level by level; how many there are up to each."""
    # A level's parents are the nodes of the one before; the root's children are the first level.
    before = [0, 1, *(1 + count for count in accumulate(map(len, inner)))]
    parents = [before[depth] + node for depth, level in enumerate(levels) for node, _ in level]
    sets = [position for level in levels for _, position in level]
    return (np.array(parents, dtype=np.intp), np.array(sets, dtype=np.intp)), list(accumulate(map(len, levels)))
