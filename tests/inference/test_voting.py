"""Many readings, one text."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.types import CharacterLikelihood, LicensePlate, PlateType
from inference.voting import Verdict, elect, similarity, weigh
from tests.fakes.vehicles import box, reading


def verdict_of(*said: tuple[str, float] | str, cut: frozenset[int] = frozenset()) -> Verdict:
    pairs = [(one, 0.9) if isinstance(one, str) else one for one in said]
    votes = [
        weigh(reading(text, box(0, 0), likelihood=likelihood), cut=number in cut, best_sharpness=50.0, widest_px=120.0)
        for number, (text, likelihood) in enumerate(pairs)
    ]
    verdict = elect(votes)
    assert verdict is not None
    return verdict


def test_the_kind_of_a_plate_is_what_most_of_its_readings_say() -> None:
    kinds = (PlateType.NORMAL, PlateType.DIPLOMAT, PlateType.NORMAL)
    votes = []
    for kind, likelihood in zip(kinds, (0.8, 0.95, 0.8), strict=True):
        said = reading("CMD1234", box(0, 0), likelihood=likelihood)
        said = replace(said, plate=replace(said.plate, plate_type=kind))
        votes.append(weigh(said, cut=False, best_sharpness=50.0, widest_px=120.0))
    verdict = elect(votes)
    assert verdict is not None
    assert verdict.plate.plate_type is PlateType.NORMAL


def test_no_readings_give_no_verdict() -> None:
    assert elect([]) is None


def test_one_reading_is_taken_as_it_is() -> None:
    verdict = verdict_of(("43HNN2", 0.8))
    assert verdict.text == "43HNN2"
    assert verdict.likelihood == pytest.approx(0.8)
    assert verdict.support == 1
    assert [one.character for one in verdict.characters] == list("43HNN2")


def test_the_majority_wins_and_agreement_makes_surer() -> None:
    verdict = verdict_of("43HNN2", "43HNN2", "43HNH2")
    assert verdict.text == "43HNN2"
    assert verdict.support == 2
    assert verdict_of("43HNN2", "43HNN2").likelihood > 0.9
    assert verdict.likelihood < verdict_of("43HNN2", "43HNN2", "43HNN2").likelihood


def test_readings_that_differ_in_a_character_are_witnesses_of_one_plate() -> None:
    verdict = verdict_of(("RK019AF", 0.9), ("RK1019AE", 0.6), ("7B55", 0.4))
    assert (verdict.text, verdict.support, verdict.witnesses) == ("RK019AF", 1, 2)


def test_a_sure_reading_outweighs_two_that_are_very_unsure() -> None:
    assert verdict_of(("43HNN2", 0.99), ("13XKN2", 0.3), ("13XKN2", 0.3)).text == "43HNN2"


def test_a_sharp_reading_outweighs_a_blurred_one() -> None:
    sharp, blurred = reading("43HNN2", box(0, 0), sharpness=90), reading("48HNN2", box(0, 0), sharpness=9)
    votes = [weigh(one, cut=False, best_sharpness=90, widest_px=120) for one in (blurred, sharp)]
    verdict = elect(votes)
    assert verdict is not None
    assert verdict.text == "43HNN2"


@pytest.mark.parametrize("part", ["3HNN2", "43HNN", "HNN2", "43HN"])
def test_a_part_does_not_outvote_the_whole_plate(part: str) -> None:
    assert verdict_of(part, part, "43HNN2", "43HNN2").text == "43HNN2"
    assert verdict_of(part, part, part, "43HNN2", "43HNN2", cut=frozenset({0, 1, 2})).text == "43HNN2"


def test_one_invented_character_does_not_outvote_many_readings_without_it() -> None:
    assert verdict_of(*["43HNN2"] * 6, "143HNN2").text == "43HNN2"


def test_rivals_named_by_the_reader_count() -> None:
    def unsure(text: str, place: int, rival: str, likelihood: float):
        one = reading(text, box(0, 0), likelihood=0.6)
        characters = list(one.characters)
        characters[place] = CharacterLikelihood(
            character=text[place], likelihood=likelihood, alternatives=((rival, 1 - likelihood),)
        )
        return replace(one, characters=tuple(characters))

    said = [unsure("48HNN2", 1, "3", 0.52), unsure("48HNN2", 1, "3", 0.52), reading("43HNN2", box(0, 0))]
    votes = [weigh(one, cut=False, best_sharpness=50, widest_px=120) for one in said]
    verdict = elect(votes)
    assert verdict is not None
    assert verdict.text == "43HNN2"


def test_a_consensus_keeps_the_form_of_a_reading_that_a_module_accepted() -> None:
    verdict = verdict_of("X3HNN2", "4XHNN2", "43XNN2", "43HXN2", "43HNX2")
    assert verdict.text == "43HNN2"
    assert verdict.support >= 2
    assert verdict.strongest == 0.0


def test_country_and_module_follow_the_weight_of_the_winning_readings() -> None:
    dutch = [reading("43HNN2", box(0, 0), country="NL") for _ in range(3)]
    other = replace(
        reading("43HNN2", box(0, 0), likelihood=0.95),
        plate=LicensePlate(plate_number="43HNN2", country_code="FR"),
        module_code="F",
    )
    verdict = elect([weigh(one, cut=False, best_sharpness=50, widest_px=120) for one in [*dutch, other]])
    assert verdict is not None
    assert (verdict.plate.country_code, verdict.module_code) == ("NL", "NL")


def test_a_reading_without_character_likelihoods_still_votes() -> None:
    bare = replace(reading("43HNN2", box(0, 0)), characters=())
    verdict = elect([weigh(bare, cut=False, best_sharpness=0, widest_px=0)] * 2)
    assert verdict is not None
    assert verdict.text == "43HNN2"


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("43HNN2", "43HNN2", 1.0, 1.0),
        ("43HNN2", "43HNNZ", 0.9, 0.99),
        ("43HNN2", "43HNN", 0.8, 0.95),
        ("43HNN", "HNN2", 0.7, 0.8),
        ("43HNN2", "85GJ45", 0.0, 0.3),
        ("", "43HNN2", 0.0, 0.0),
    ],
)
def test_similarity_knows_look_alikes_and_parts(one: str, other: str, least: float, most: float) -> None:
    assert least <= similarity(one, other) <= most
    assert similarity(other, one) == similarity(one, other)


texts = st.text("AB0128X", min_size=1, max_size=9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(texts, st.floats(0, 1), st.booleans(), st.floats(0, 200)), min_size=1, max_size=30))
def test_any_votes_give_a_verdict_within_bounds(said: list[tuple[str, float, bool, float]]) -> None:
    votes = [
        weigh(
            reading(text, box(0, 0), likelihood=likelihood, sharpness=sharp), cut=cut, best_sharpness=200, widest_px=120
        )
        for text, likelihood, cut, sharp in said
    ]
    verdict = elect(votes)
    assert verdict is not None
    assert verdict.text
    assert 0 <= verdict.likelihood <= 1
    assert len(verdict.characters) == len(verdict.text)
    assert all(0 <= one.likelihood <= 1.0001 for one in verdict.characters)


def test_an_election_costs_little_however_much_was_read() -> None:
    votes = [
        weigh(
            reading(f"{number % 7}3H{'NMXK'[number % 4]}N{number % 3}", box(0, 0)),
            cut=False,
            best_sharpness=50,
            widest_px=120,
        )
        for number in range(300)
    ]
    started_s = time.thread_time()
    elect(votes)
    # A tripwire, not a budget: without its bounds this would take seconds.
    assert time.thread_time() - started_s < 0.5
