"""Which lists is a plate on: exact, by pattern, by date, by camera, or on none."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.types import ListKind
from rules.match_lists import MatchIndex, PatternInvalid, check_pattern, normalize
from rules.types import UNLISTED_LIST_ID, UNLISTED_LIST_NAME, MatchPolicy
from rules.wildcards import WildcardIndex, matches
from tests.rules.examples import NOON, entries, match_list


def found(index: MatchIndex, plate: str, camera_id: str = "cam1", at=NOON) -> list[str]:
    return [hit.match_list.list_id for hit in index.match(plate, camera_id=camera_id, at=at)]


def index_of(*patterns: str, kind: ListKind = ListKind.ALLOW, **fields) -> MatchIndex:
    return MatchIndex(lists=[match_list("list", kind, **fields)], entries=entries("list", *patterns))


@pytest.mark.requirement("M-269", "M-270")
@pytest.mark.parametrize(
    ("pattern", "fits", "fails"),
    [
        ("?????A", "12345A", "1234A"),
        ("A?????", "A12345", "B12345"),
        ("???1??", "ABC1DE", "ABC2DE"),
        ("22??33", "22AB33", "22A33"),
        ("A?B?C?", "A1B2C3", "A1C2B3"),
    ],
)
def test_a_question_mark_is_exactly_one_character_at_its_place(pattern, fits, fails):
    index = index_of(pattern)
    assert found(index, fits) == ["list"]
    assert found(index, fails) == [UNLISTED_LIST_ID]
    assert found(index, fits + "X") == [UNLISTED_LIST_ID]


@pytest.mark.parametrize(
    ("pattern", "fits", "fails"),
    [
        ("AB*", ["AB", "AB1", "AB12345"], ["A", "BA1"]),
        ("*99", ["99", "X99"], ["991"]),
        ("*AB*", ["AB", "1AB2", "AB2"], ["A1B"]),
        ("A*9", ["A9", "AB9", "A99"], ["A", "9"]),
        ("A?*9", ["AB9", "ABC9"], ["A9"]),
        ("AB*BA", ["ABBA", "AB1BA"], ["ABA"]),
        ("*1*2*", ["12", "X1Y2Z"], ["21"]),
    ],
)
def test_a_star_is_any_number_of_characters(pattern, fits, fails):
    index = index_of(pattern)
    assert [plate for plate in fits if found(index, plate) != ["list"]] == []
    assert [plate for plate in fails if found(index, plate) != [UNLISTED_LIST_ID]] == []


LETTERS = st.text(alphabet="AB1", max_size=6)
PATTERNS = st.text(alphabet="AB1?*", min_size=1, max_size=7).filter(lambda text: set(text) & {"?", "*"})


@given(patterns=st.lists(PATTERNS, max_size=25), plate=LETTERS)
def test_the_index_finds_what_comparing_with_each_pattern_finds(patterns, plate):
    index: WildcardIndex[int] = WildcardIndex()
    for number, pattern in enumerate(patterns):
        index.add(pattern, number)
    assert sorted(index.find(plate)) == [n for n, pattern in enumerate(patterns) if matches(pattern, plate)]


@given(pattern=st.text(alphabet="AB?*", max_size=8), plate=st.text(alphabet="AB", max_size=8))
def test_patterns_mean_what_a_regular_expression_says(pattern, plate):
    expected = re.fullmatch(pattern.replace("*", ".*").replace("?", "."), plate) is not None
    assert matches(pattern, plate) is expected


@pytest.mark.requirement("M-267", "M-268")
@pytest.mark.parametrize(
    "written", ["abc123", "ABC 123", " abc-123 ", "A.B.C-1 2 3", "ＡＢＣ１２３", "АВС123", "ÄBĆ123"]
)
def test_however_a_plate_is_written_it_is_compared_in_one_form(written):
    assert normalize(written) == "ABC123"
    assert found(index_of(written), "ABC123") == ["list"]


@pytest.mark.requirement("M-281")
def test_an_underscore_separates_character_sets_and_is_kept():
    assert found(index_of("AB_123"), "AB_123") == ["list"]
    assert found(index_of("AB_123"), "AB123") == [UNLISTED_LIST_ID]


@pytest.mark.parametrize("text", ["", "  ", "-", "*", "**", "A" * 21, "AB!2", "AB\n;2", "AB京12", "Я123"])
def test_what_cannot_be_a_plate_is_refused_with_the_reason(text):
    with pytest.raises(PatternInvalid) as refused:
        check_pattern(text)
    assert str(refused.value)


@pytest.mark.requirement("M-258", "M-294")
def test_a_plate_on_no_list_is_on_the_unlisted_list_which_is_always_there():
    (hit,) = MatchIndex().match("ABC123", camera_id="cam1", at=NOON)
    assert (hit.match_list.name, hit.pattern) == (UNLISTED_LIST_NAME, "")


@pytest.mark.requirement("M-260")
def test_unlisted_is_judged_by_the_lists_that_are_active_for_the_camera():
    index = MatchIndex(lists=[match_list("gate", camera_ids=frozenset({"cam1"}))], entries=entries("gate", "ABC123"))
    assert found(index, "ABC123", "cam1") == ["gate"]
    assert found(index, "ABC123", "cam2") == [UNLISTED_LIST_ID]


@pytest.mark.requirement("M-260")
def test_the_unlisted_list_can_be_left_out_for_a_camera():
    unlisted = match_list(UNLISTED_LIST_ID, ListKind.NEUTRAL, camera_ids=frozenset({"cam2"}))
    index = MatchIndex(lists=[unlisted])
    assert found(index, "ABC123", "cam1") == []
    assert found(index, "ABC123", "cam2") == [UNLISTED_LIST_ID]


@pytest.mark.requirement("M-216", "M-217")
def test_a_camera_matches_all_lists_or_only_the_selected_ones():
    lists = [match_list("old"), match_list("new")]
    lines = entries("old", "ABC123") + entries("new", "ABC123")
    index = MatchIndex(lists=lists, entries=lines, selected_lists={"cam2": frozenset({"old"})})
    assert found(index, "ABC123", "cam1") == ["old", "new"]
    assert found(index, "ABC123", "cam2") == ["old"]


@pytest.mark.requirement("M-218")
def test_a_plate_may_be_on_a_hundred_lists():
    lists = [match_list(f"list{number}") for number in range(100)]
    lines = [line for one in lists for line in entries(one.list_id, "ABC123", "A*")]
    assert len(found(MatchIndex(lists=lists, entries=lines), "ABC123")) == 100


def test_an_entry_counts_from_its_first_moment_to_before_its_last():
    hour = timedelta(hours=1)
    index = MatchIndex(
        lists=[match_list("list")], entries=entries("list", "ABC123", "X*", valid_from=NOON, valid_until=NOON + hour)
    )
    for plate in ("ABC123", "XY"):
        assert found(index, plate, at=NOON - hour) == [UNLISTED_LIST_ID]
        assert found(index, plate, at=NOON) == ["list"]
        assert found(index, plate, at=NOON + hour) == [UNLISTED_LIST_ID]


def test_an_exact_entry_is_named_before_a_pattern():
    index = index_of("ABC*", "ABC123")
    (hit,) = index.match("ABC123", camera_id="cam1", at=NOON)
    assert hit.pattern == "ABC123"


def test_the_hit_names_the_entry_as_it_was_written():
    (hit,) = index_of("abc 12?").match("ABC123", camera_id="cam1", at=NOON)
    assert hit.pattern == "abc 12?"


def test_a_tolerant_list_takes_look_alikes_and_a_strict_one_does_not():
    tolerant = index_of("BOI123", "B?8*", kind=ListKind.DENY, policy=MatchPolicy.LOOK_ALIKE)
    assert found(tolerant, "80I123") == ["list"]
    assert found(tolerant, "8XB1") == ["list"]
    assert found(index_of("BOI123", kind=ListKind.DENY), "80I123") == [UNLISTED_LIST_ID]


def test_a_million_plates_and_ten_thousand_patterns_cost_no_scan():
    """Counts comparisons instead of time: no look-up may touch more than a few of many entries."""
    patterns = [f"{number:04d}?{chr(65 + number % 26)}*" for number in range(10_000)]
    index: WildcardIndex[int] = WildcardIndex()
    for number, pattern in enumerate(patterns):
        index.add(pattern, number)
    assert list(index.find("1234XM99")) == [1234]
    assert list(index.find("ZZZZZZZZ")) == []
