"""The tree over all forms finds the same best paths as each form searched alone."""

from __future__ import annotations

import numpy as np
import pytest

from inference.evidence import CharacterSets, Evidence
from inference.form_tree import FormTree
from inference.reader import ALPHABET, CharacterSlots
from inference.syntax import DIGITS, LETTERS, MAX_LENGTH

SETS = (DIGITS, LETTERS, ALPHABET, "AEKMTX")


@pytest.mark.parametrize("slots", [1, 4, 7, 12])
@pytest.mark.parametrize("seed", range(3))
def test_forms_that_share_their_beginning_score_as_if_searched_alone(slots: int, seed: int) -> None:
    chance = np.random.default_rng(seed)
    seen = CharacterSlots(
        shares=chance.dirichlet(np.full(len(ALPHABET), 0.1), slots),
        presence=chance.uniform(0.06, 1.0, slots),
        positions=np.linspace(0, 1, slots),
        raw_text="",
    )
    evidence = Evidence.of(seen, np.eye(len(ALPHABET)))
    forms = [tuple(chance.integers(0, len(SETS), length)) for length in chance.integers(2, MAX_LENGTH + 1, 40)]
    # One form is the beginning of another, and one is there twice.
    forms += [forms[0][:-1] or forms[0], forms[1]]
    best, _ = CharacterSets(SETS).best(evidence)
    totals = FormTree(forms).totals(evidence, best)
    for form, total in zip(forms, totals, strict=True):
        values = np.full((slots, 1, MAX_LENGTH), -np.inf)
        values[:, 0, : len(form)] = best[:, list(form)]
        (alone,) = evidence.scores(values, [len(form)])
        assert total == pytest.approx(alone) or (np.isinf(total) and np.isinf(alone))


def test_the_best_character_of_a_set_is_one_of_the_set() -> None:
    shares = np.full((1, len(ALPHABET)), 0.01)
    shares[0, ALPHABET.index("8")], shares[0, ALPHABET.index("B")] = 0.5, 0.2
    seen = CharacterSlots(shares=shares, presence=np.ones(1), positions=np.zeros(1), raw_text="8")
    values, columns = CharacterSets(SETS).best(Evidence.of(seen, np.eye(len(ALPHABET))))
    assert [ALPHABET[column] for column in columns[0, :3]] == ["8", "B", "8"]
    assert values[0, :2] == pytest.approx(np.log([0.5, 0.2]))
