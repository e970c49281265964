"""From what a reader saw to a plate: a search over all enabled syntaxes at once, over every character's likelihood.

The syntax takes part in the search instead of judging its result: where a country writes a letter, an `O` the reader
took for `0` still wins, and a country whose form fits better than another's wins by as much. The search is Viterbi
over (slot, position) for all variants side by side, so a hundred countries cost little more than one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.evidence import Evidence
from inference.modules import CountryModule, Syntax, has_what_it_needs
from inference.reader import ALPHABET, CharacterSlots
from inference.syntax import MAX_LENGTH, Variant
from inference.types import CharacterLikelihood

Floats = NDArray[np.float64]

# A reading no enabled module explains competes with the modules at this share, so that it wins only when they fail.
FREE_SHARE = 0.02
# How much the size of a syntax's language counts: 1 would be right if the reader's likelihoods were.
SPECIFICITY = 0.6
# Characters that a country draws alike: a reader says either, and which one it says means next to nothing.
DRAWN_ALIKE = 0.5
KEPT_VARIANTS = 8
KEPT_FITS = 3
# A rival character below this share can never win a vote.
RIVAL_SHARE = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One plate the picture may show. `module` is None when no enabled syntax explains it."""

    text: str
    module: CountryModule | None
    score: float
    """Log of the likelihood of what was seen under this text, without the prior."""
    prior: float

    @property
    def weight(self) -> float:
        return self.score + self.prior


@dataclass(frozen=True, slots=True, eq=False)
class _Form:
    module: CountryModule | None
    syntax: Syntax | None
    variant: Variant
    prior: float
    alike: int
    """Which of the decoder's tables of look-alikes holds for the module."""


def confusion(look_alikes: Mapping[str, float]) -> Floats:
    """Row: the true character, column: the one a reader says. A key names both in this order, with the share.

    A character keeps its full share for being read as itself: having a look-alike must not make it lose to others.
    """
    matrix = np.eye(len(ALPHABET))
    for pair, share in look_alikes.items():
        i, j = ALPHABET.index(pair[0]), ALPHABET.index(pair[1])
        matrix[i, j] = share
    return matrix


def _drawn_alike(matrix: Floats, pairs: Sequence[str]) -> Floats:
    """The matrix for a country that draws these pairs alike, whatever the reader can tell apart elsewhere."""
    own = matrix.copy()
    for pair in pairs:
        i, j = ALPHABET.index(pair[0]), ALPHABET.index(pair[1])
        own[i, j], own[j, i] = max(own[i, j], DRAWN_ALIKE), max(own[j, i], DRAWN_ALIKE)
    return own


class Decoder:
    """All enabled modules compiled for the search. Immutable, safe from any thread."""

    def __init__(self, *, modules: Sequence[CountryModule], confusion_matrix: Floats) -> None:
        # Countries that draw the same characters alike share a table; most draw none and share the first.
        tables = dict.fromkeys([(), *(module.look_alikes for module in modules)])
        self._alike = {pairs: index for index, pairs in enumerate(tables)}
        self._confusions = [_drawn_alike(confusion_matrix, pairs) for pairs in self._alike]
        self._forms = [
            form for module in modules for form in _forms_of(module, len(modules), self._alike[module.look_alikes])
        ]
        free = [Variant(positions=(ALPHABET,) * n, gaps=(), breaks=()) for n in range(3, MAX_LENGTH + 1)]
        self._forms += [
            _Form(None, None, variant, math.log(FREE_SHARE) + _language(variant, len(free)), 0) for variant in free
        ]
        sets = {
            allowed: index
            for index, allowed in enumerate(dict.fromkeys(a for f in self._forms for a in f.variant.positions))
        }
        self._columns = [np.array([ALPHABET.index(c) for c in allowed]) for allowed in sets]
        self._lengths = np.array([len(form.variant.positions) for form in self._forms])
        alike = np.array([form.alike for form in self._forms])
        self._rows = [np.flatnonzero(alike == index) for index in range(len(self._confusions))]
        self._priors = np.array([form.prior for form in self._forms])
        self._handicap = np.array([0.0 if form.module else -np.inf for form in self._forms]) + self._priors / 1000
        # Generic forms fit nearly anything; they must not keep the regular ones from being heard.
        generic = [form.module is not None and form.module.generic for form in self._forms]
        self._regular_only = np.where(generic, -np.inf, 0.0) if any(generic) else None
        nothing = len(sets)
        self._sets = np.full((len(self._forms), MAX_LENGTH), nothing)
        for row, form in enumerate(self._forms):
            for column, allowed in enumerate(form.variant.positions):
                self._sets[row, column] = sets[allowed]

    def decode(self, crops: Sequence[CharacterSlots]) -> list[Hypothesis]:
        """The plates these crops of one and the same plate may show, best first, at most a handful."""
        seen = [[Evidence.of(slots, m) for m in self._confusions] for slots in crops if len(slots.presence)]
        if not seen:
            return []
        found: dict[tuple[str, str], _Form] = {}
        for evidences in seen:
            fits = self._totals(evidences)
            totals = fits + self._priors
            # The likeliest with the prior, and those that fit best without it: a loose syntax must not be lost unheard.
            kept = _highest(totals, KEPT_VARIANTS) + _highest(fits + self._handicap, KEPT_FITS)
            if self._regular_only is not None:
                regular = totals + self._regular_only, fits + self._handicap + self._regular_only
                kept += _highest(regular[0], KEPT_VARIANTS) + _highest(regular[1], KEPT_FITS)
            for row in dict.fromkeys(kept):
                if not math.isfinite(totals[row]):
                    continue
                form = self._forms[row]
                text = evidences[form.alike].best_text(form.variant)
                if form.syntax is not None and not has_what_it_needs(text, form.syntax):
                    continue
                key = text, form.module.code if form.module else ""
                if key not in found or found[key].prior < form.prior:
                    found[key] = form
        wanted = {(text, form.alike) for (text, _), form in found.items()}
        scores = {
            (text, alike): _mean_log([evidences[alike].score(text) for evidences in seen]) for text, alike in wanted
        }
        hypotheses = [
            Hypothesis(text=text, module=form.module, score=scores[text, form.alike], prior=form.prior)
            for (text, _), form in found.items()
        ]
        return sorted(hypotheses, key=lambda h: h.weight, reverse=True)

    def aligned(self, text: str, slots: CharacterSlots, module: CountryModule) -> list[int | None]:
        """Which slot shows each character of a decoded text."""
        return Evidence.of(slots, self._table(module)).aligned(text)

    def characters(
        self, text: str, crops: Sequence[CharacterSlots], module: CountryModule | None = None
    ) -> tuple[CharacterLikelihood, ...]:
        """Each character of a decoded text with its likelihood and rivals, averaged over the crops that show it."""
        matrix = self._table(module)
        totals = np.zeros((len(text), len(ALPHABET)))
        for slots in crops:
            if not len(slots.presence):
                continue
            evidence = Evidence.of(slots, matrix)
            for position, slot in enumerate(evidence.aligned(text)):
                if slot is not None:
                    shares = np.exp(evidence.log_shares[slot])
                    totals[position] += shares / shares.sum()
        return tuple(_character(character, row) for character, row in zip(text, totals, strict=True))

    def _table(self, module: CountryModule | None) -> Floats:
        return self._confusions[self._alike.get(module.look_alikes, 0) if module else 0]

    def _totals(self, evidences: Sequence[Evidence]) -> Floats:
        """The best path's log-likelihood for every form."""
        totals = np.empty(len(self._forms))
        for evidence, rows in zip(evidences, self._rows, strict=True):
            totals[rows] = self._paths(evidence, self._sets[rows], self._lengths[rows])
        return totals

    def _paths(self, evidence: Evidence, sets: NDArray[np.int64], lengths: NDArray[np.int64]) -> Floats:
        best = np.stack([evidence.log_shares[:, columns].max(axis=1) for columns in self._columns], axis=1)
        best = np.concatenate([best, np.full((best.shape[0], 1), -np.inf)], axis=1)
        paths = np.full((len(lengths), MAX_LENGTH + 1), -np.inf)
        paths[:, 0] = 0.0
        rows = np.arange(len(lengths))
        for slot in range(best.shape[0]):
            taken = paths[:, :-1] + best[slot][sets]
            # Before the first and after the last character a slot is skipped at the price of an end.
            paths = paths + evidence.skip_inside[slot]
            paths[:, 0] += evidence.skip_end[slot] - evidence.skip_inside[slot]
            paths[rows, lengths] += evidence.skip_end[slot] - evidence.skip_inside[slot]
            paths[:, 1:] = np.maximum(paths[:, 1:], taken)
        return np.asarray(paths[rows, lengths])


def _highest(values: Floats, count: int) -> list[int]:
    """The rows of the highest values, highest first."""
    return [int(row) for row in np.argsort(values)[::-1][:count]]


def _forms_of(module: CountryModule, modules: int, alike: int) -> list[_Form]:
    forms = []
    by_syntax: dict[int, list[Variant]] = {}
    for syntax, variant in module.variants:
        by_syntax.setdefault(id(syntax), []).append(variant)
    total = sum(syntax.share for syntax in module.syntax)
    for syntax in module.syntax:
        variants = by_syntax[id(syntax)]
        share = math.log(module.priority / 50 * syntax.share / total / modules)
        forms += [
            _Form(module, syntax, variant, share + _language(variant, len(variants)), alike) for variant in variants
        ]
    return forms


def _character(character: str, shares: Floats) -> CharacterLikelihood:
    total = float(shares.sum())
    if total <= 0:
        return CharacterLikelihood(character=character, likelihood=0.0)
    order = shares.argsort()[::-1]
    rivals = [(ALPHABET[i], float(shares[i]) / total) for i in order[:4] if ALPHABET[i] != character]
    return CharacterLikelihood(
        character=character,
        likelihood=float(shares[ALPHABET.index(character)]) / total,
        alternatives=tuple((rival, share) for rival, share in rivals if share > RIVAL_SHARE),
    )


def _language(variant: Variant, siblings: int) -> float:
    """How much rarer the form's texts are than any text of this length: what makes a fit convincing."""
    rarity = sum(math.log(len(ALPHABET) / len(allowed)) for allowed in variant.positions)
    return SPECIFICITY * (rarity - math.log(siblings))


def _mean_log(scores: Sequence[float]) -> float:
    """Log of the mean of exponentials: crops are opinions, and one good crop is enough."""
    top = max(scores)
    if not math.isfinite(top):
        return -math.inf
    return top + math.log(sum(math.exp(score - top) for score in scores) / len(scores))
