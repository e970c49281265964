"""From what a reader saw to a plate: a search over all enabled syntaxes at once, over every character's likelihood.

The syntax takes part in the search instead of judging its result: where a country writes a letter, an `O` the reader
took for `0` still wins, and a country whose form fits better than another's wins by as much. The search is Viterbi
over (slot, position) for all variants side by side, so a hundred countries cost little more than one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from inference.evidence import CharacterSets, Evidence
from inference.form_tree import FormTree
from inference.modules import CountryModule, Syntax, has_what_it_needs
from inference.reader import ALPHABET, CharacterSlots
from inference.syntax import MAX_LENGTH, Variant
from inference.types import CharacterLikelihood, PlateType

Floats = NDArray[np.float64]

# A reading no enabled module explains competes with the modules at this share, so that it wins only when they fail.
FREE_SHARE = 0.02
# How much the size of a syntax's language counts: 1 would be right if the reader's likelihoods were.
SPECIFICITY = 0.6
# Characters that a country draws alike: a reader says either, and which one it says means next to nothing.
DRAWN_ALIKE = 0.5
# How much the look of the whole plate counts for the country, and what a part of the world keeps that looks otherwise.
LOOK, LOOK_FLOOR = 0.7, 0.03
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
    kind: PlateType = PlateType.NORMAL
    """What its syntax says the plate is."""

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
        self._character_sets = CharacterSets(list(sets))
        positions = [[sets[allowed] for allowed in form.variant.positions] for form in self._forms]
        nothing = len(sets)
        self._positions = np.full((len(positions), MAX_LENGTH), nothing)
        for row, form_sets in enumerate(positions):
            self._positions[row, : len(form_sets)] = form_sets
        alike = np.array([form.alike for form in self._forms])
        self._rows = [np.flatnonzero(alike == index) for index in range(len(self._confusions))]
        self._trees = [FormTree([positions[row] for row in rows]) for rows in self._rows]
        self._priors = np.array([form.prior for form in self._forms])
        self._handicap = np.array([0.0 if form.module else -np.inf for form in self._forms]) + self._priors / 1000
        # Generic forms fit nearly anything; they must not keep the regular ones from being heard.
        generic = [form.module is not None and form.module.generic for form in self._forms]
        self._regular_only = np.where(generic, -np.inf, 0.0) if any(generic) else None
        worlds = [form.module.world if form.module else None for form in self._forms]
        self._worlds = sorted({world for world in worlds if world})
        # Last comes the share of a country that looks like no part of the world in particular.
        self._world_of = np.array([self._worlds.index(world) if world else len(self._worlds) for world in worlds])

    def decode(self, crops: Sequence[CharacterSlots], *, temper: float = 1.0) -> list[Hypothesis]:
        """The plates these crops of one and the same plate may show, best first, at most a handful.

        `temper`: how much one crop that fits a text makes up for others that do not; 1 for crops of one picture, which
        are opinions on the same pixels, more for crops of several pictures.
        """
        seen = [[Evidence.of(slots, m) for m in self._confusions] for slots in crops if len(slots.presence)]
        if not seen:
            return []
        priors = self._priors + self._look(crops)
        found: dict[tuple[str, str], tuple[_Form, float]] = {}
        for evidences in seen:
            for row, text in self._texts(evidences, priors):
                form = self._forms[row]
                if form.syntax is not None and not has_what_it_needs(text, form.syntax):
                    continue
                key = text, form.module.code if form.module else ""
                if key not in found or found[key][1] < priors[row]:
                    found[key] = form, float(priors[row])
        wanted = list(dict.fromkeys((text, form.alike) for (text, _), (form, _) in found.items()))
        scores = self._scores(seen, wanted, temper) if wanted else {}
        hypotheses = [
            Hypothesis(
                text=text,
                module=form.module,
                score=scores[text, form.alike],
                prior=prior,
                kind=form.syntax.type if form.syntax else PlateType.NORMAL,
            )
            for (text, _), (form, prior) in found.items()
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

    def _look(self, crops: Sequence[CharacterSlots]) -> Floats | float:
        """What the whole plate's look adds to each form's prior; nothing where all enabled countries look alike."""
        seen = [slots.world for slots in crops if slots.world]
        if not seen or len(self._worlds) < 2:
            return 0.0
        # A country that looks like no part of the world in particular is as likely under each of them.
        neutral = 1 / len(seen[0])
        shares = [sum(world.get(part, neutral) for world in seen) / len(seen) for part in self._worlds]
        of_forms = np.array([*shares, neutral])[self._world_of]
        return np.asarray(LOOK * np.log(np.maximum(of_forms, LOOK_FLOOR) / of_forms.max()))

    def _table(self, module: CountryModule | None) -> Floats:
        return self._confusions[self._alike.get(module.look_alikes, 0) if module else 0]

    def _texts(self, evidences: Sequence[Evidence], priors: Floats) -> list[tuple[int, str]]:
        """The forms worth hearing about one crop (their rows), each with its likeliest text."""
        best = [self._character_sets.best(evidence) for evidence in evidences]
        fits = np.empty(len(self._forms))
        for tree, rows, evidence, (values, _) in zip(self._trees, self._rows, evidences, best, strict=True):
            fits[rows] = tree.totals(evidence, values)
        totals = fits + priors
        # The likeliest with the prior, and those that fit best without it: a loose syntax must not be lost unheard.
        kept = _highest(totals, KEPT_VARIANTS) + _highest(fits + self._handicap, KEPT_FITS)
        if self._regular_only is not None:
            regular = totals + self._regular_only, fits + self._handicap + self._regular_only
            kept += _highest(regular[0], KEPT_VARIANTS) + _highest(regular[1], KEPT_FITS)
        kept = [row for row in dict.fromkeys(kept) if math.isfinite(totals[row])]
        if not kept:
            return []
        return list(zip(kept, self._texts_of(kept, evidences[0], best), strict=True))

    def _texts_of(
        self, rows: Sequence[int], evidence: Evidence, best: Sequence[tuple[Floats, NDArray[np.int64]]]
    ) -> list[str]:
        """The likeliest text of each form, from the best character of each slot under each set."""
        forms = [self._forms[row] for row in rows]
        nothing = np.full((len(evidence.log_shares), 1), -np.inf)
        tables = [np.concatenate([values, nothing], axis=1) for values, _ in best]
        values = [tables[form.alike][:, self._positions[row]] for row, form in zip(rows, forms, strict=True)]
        aligned = evidence.align(np.stack(values, axis=1), [len(form.variant.positions) for form in forms])
        texts = []
        for row, form, slots in zip(rows, forms, aligned, strict=True):
            columns = best[form.alike][1]
            taken = zip(slots, self._positions[row].tolist(), strict=False)
            texts.append("".join(ALPHABET[columns[slot, one]] for slot, one in taken if slot is not None))
        return texts

    def _scores(
        self, seen: Sequence[Sequence[Evidence]], wanted: Sequence[tuple[str, int]], temper: float
    ) -> dict[tuple[str, int], float]:
        """How well all crops together fit each text, under its table of look-alikes."""
        ordered = sorted(wanted, key=lambda one: one[1])
        of_tables = {alike: [text for text, _ in group] for alike, group in groupby(ordered, key=lambda one: one[1])}
        of_crops = []
        for evidences in seen:
            parts = [evidences[alike].of_texts(texts) for alike, texts in of_tables.items()]
            values = np.concatenate([values for values, _ in parts], axis=1)
            of_crops.append(evidences[0].scores(values, [n for _, lengths in parts for n in lengths]))
        return {one: _mean_log(fits, temper) for one, *fits in zip(ordered, *of_crops, strict=True)}


def _highest(values: Floats, count: int) -> list[int]:
    """The rows of the highest values, highest first."""
    # Only these few are put in order.
    rows = np.argpartition(values, -count)[-count:] if count < len(values) else np.arange(len(values))
    return [int(row) for row in rows[np.argsort(values[rows])[::-1]]]


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


def _mean_log(scores: Sequence[float], temper: float) -> float:
    """Log of the mean of exponentials: crops are opinions, and one good crop is enough; with a high `temper` less so.

    At 1 it is the mean of the likelihoods; it goes towards the mean of their logarithms.
    """
    top = max(scores)
    if not math.isfinite(top):
        return -math.inf
    return top + temper * math.log(sum(math.exp((score - top) / temper) for score in scores) / len(scores))
