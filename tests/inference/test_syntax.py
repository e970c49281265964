"""The pattern language of country modules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.errors import ModuleError
from inference.syntax import expand


def _matches(pattern: str, text: str, **options: str) -> bool:
    return any(variant.matches(text) for variant in expand(pattern, **options))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("LLL DDDD", "ABC1234"),
        ("L{1,3} L{1,2} D{1,4}", "BXY7"),
        ("(BA|KE) DDD LL", "KE123AB"),
        ("[12] LLL DDD", "1ABC234"),
        ("DD L? DDDD", "120034"),
        ("A{4,6}", "A1B2"),
    ],
)
def test_a_text_of_the_pattern_matches(pattern: str, text: str) -> None:
    assert _matches(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("LLL DDDD", "AB12345"), ("LLL DDDD", "ABC123"), ("(BA|KE) DDD LL", "KA123AB"), ("[12] LLL DDD", "3ABC234")],
)
def test_another_text_does_not(pattern: str, text: str) -> None:
    assert not _matches(pattern, text)


def test_letters_never_used_are_left_out_of_classes_but_not_of_sets() -> None:
    assert not _matches("LL DDD", "AQ123", never="Q")
    assert _matches("[Q]L DDD", "QA123", never="Q")


def test_a_syntax_with_letters_of_its_own_uses_all_of_them() -> None:
    assert _matches("LL DDD", "AQ123", never="Q", letters="AQ")
    assert not _matches("LL DDD", "AB123", never="Q", letters="AQ")


def test_spaces_become_gaps_between_groups() -> None:
    (variant,) = expand("LL DD LLL")
    assert variant.gaps == (2, 4)


def test_of_groups_that_may_be_cut_in_two_ways_only_the_common_gaps_are_certain() -> None:
    by_length = {len(variant.positions): variant for variant in expand("L{1,2} L{1,2} DD")}
    assert (by_length[4].gaps, by_length[4].breaks) == ((1, 2), (1, 2))
    assert (by_length[5].gaps, by_length[5].breaks) == ((3,), (1, 2, 3))


@pytest.mark.parametrize("pattern", ["lll", "L{3", "LL-DD", "(ab)", "[]", "L{3,1}", "D"])
def test_a_wrong_pattern_is_refused_by_name(pattern: str) -> None:
    with pytest.raises(ModuleError, match=r"syntax|asks"):
        expand(pattern)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(AA|BB|CC|DD|EE|FF){1,5} D{1,5}", "variants"),
        ("(AB|CD|EF|GH|IJ|KL){10}", "variants"),
        ("L?" * 40, "variants"),
        ("D{1,99999}", "not understood"),
        ("D{" + "9" * 5000 + "}", "not understood"),
    ],
)
def test_an_explosion_of_variants_is_refused_before_it_takes_the_memory(pattern: str, said: str) -> None:
    with pytest.raises(ModuleError, match=said):
        expand(pattern)


@given(st.from_regex(r"[A-Z]{2}[0-9]{2}[A-Z]{3}", fullmatch=True))
def test_every_text_of_a_fixed_form_matches(text: str) -> None:
    assert _matches("LL DD LLL", text)
