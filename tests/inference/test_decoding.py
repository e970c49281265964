"""Decoding: the syntax decides inside the search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.decoding import Decoder, confusion
from inference.modules import CountryModule, installed_modules, select_modules
from inference.reader import ALPHABET, CharacterSlots
from inference.recognizer import LOOK_ALIKES


def slots(text: str, *, sure: float = 0.97, presence: dict[int, float] | None = None) -> CharacterSlots:
    """A reader that is this sure of each character of a text."""
    shares = np.full((len(text), len(ALPHABET)), (1 - sure) / (len(ALPHABET) - 1))
    for row, character in enumerate(text):
        shares[row, ALPHABET.index(character)] = sure
    there = np.array([(presence or {}).get(index, 0.999) for index in range(len(text))])
    positions = (np.arange(len(text)) + 0.5) / max(1, len(text))
    return CharacterSlots(shares=shares, presence=there, positions=positions, raw_text=text)


def decoder(*codes: str) -> Decoder:
    return Decoder(modules=select_modules(codes, installed_modules()), confusion_matrix=confusion(LOOK_ALIKES))


def test_a_zero_becomes_an_o_where_the_country_writes_a_letter() -> None:
    assert decoder("BR").decode([slots("0LB48O9")])[0].text == "OLB4809"


def test_an_i_becomes_a_one_and_a_b_an_eight_where_the_country_writes_digits() -> None:
    assert decoder("BR").decode([slots("OLBI2B9")])[0].text == "OLB1289"


def test_the_country_whose_form_fits_is_chosen() -> None:
    best = decoder("SK", "BR", "D").decode([slots("AYO9034")])[0]
    assert best.module is not None
    assert best.module.code == "BR"


def test_a_letter_of_the_country_band_before_the_plate_is_left_out() -> None:
    assert decoder("SK").decode([slots("CRK708AI")])[0].text == "RK708AI"


def test_what_no_module_explains_has_no_module_first() -> None:
    best = decoder("BR").decode([slots("NAVIGATOR")])[0]
    assert best.module is None


def test_a_faint_slot_between_characters_is_skipped() -> None:
    seen = slots("AYO79034", presence={3: 0.2})
    assert decoder("BR").decode([seen])[0].text == "AYO9034"


def test_one_good_crop_outvotes_two_poor_ones() -> None:
    crops = [slots("AYO9O34", sure=0.5), slots("AYO9034"), slots("AVO9034", sure=0.5)]
    assert decoder("BR").decode(crops)[0].text == "AYO9034"


def test_nothing_seen_gives_nothing() -> None:
    assert decoder("BR").decode([slots("")]) == []


def test_characters_carry_their_likelihood_and_rivals() -> None:
    seen = slots("AYO9034")
    characters = decoder("BR").characters("AYO9034", [seen])
    assert [c.character for c in characters] == list("AYO9034")
    assert characters[0].likelihood > 0.8
    assert "0" in [rival for rival, _ in characters[2].alternatives]


def drawing_alike(*pairs: str) -> CountryModule:
    """Somewhere plates are two letters and three digits or three and two, and these characters look alike."""
    return CountryModule.model_validate(
        {
            "code": "ZZ",
            "iso": "ZZ",
            "name": "Nowhere",
            "look_alikes": pairs,
            "plate": {"sizes_cm": [[52, 11]], "character_height_cm": 7.5, "stroke_cm": 1},
            "syntax": [{"pattern": "LLL DD"}],
        }
    )


def test_a_country_may_draw_characters_alike_that_the_reader_tells_apart_elsewhere() -> None:
    seen = slots("4BC12")
    plain, alike = (
        Decoder(modules=[module, *select_modules(["BR"], installed_modules())], confusion_matrix=confusion(LOOK_ALIKES))
        for module in (drawing_alike(), drawing_alike("A4"))
    )
    assert plain.decode([seen])[0].text != "ABC12"
    best = alike.decode([seen])[0]
    assert (best.text, best.module and best.module.code) == ("ABC12", "ZZ")
    characters = alike.characters("ABC12", [seen], best.module)
    assert characters[0].likelihood > 0.3 > alike.characters("ABC12", [seen])[0].likelihood


def test_what_one_country_draws_alike_stays_different_in_another() -> None:
    modules = [drawing_alike("A4"), *select_modules(["BR"], installed_modules())]
    decoder = Decoder(modules=modules, confusion_matrix=confusion(LOOK_ALIKES))
    found = [h for h in decoder.decode([slots("4YO9034")]) if h.module is not None and h.module.code == "BR"]
    assert all(h.score < -5 for h in found)


def test_the_search_over_all_modules_stays_fast_enough_to_be_the_default() -> None:
    every = Decoder(modules=tuple(installed_modules().values()), confusion_matrix=confusion(LOOK_ALIKES))
    best = every.decode([slots("RK708AI")])[0]
    assert best.text == "RK708AI"
    assert best.module is not None


@pytest.mark.parametrize(
    ("world", "country"),
    [
        ({}, "HON"),
        ({"europe": 0.03, "north america": 0.04, "south america": 0.9, "asia": 0.03}, "BR"),
        ({"europe": 0.25, "north america": 0.25, "south america": 0.25, "asia": 0.25}, "HON"),
        ({"europe": 0.03, "north america": 0.9, "south america": 0.04, "asia": 0.03}, "HON"),
    ],
)
def test_the_look_of_the_plate_decides_between_countries_whose_syntaxes_do_not(world, country) -> None:
    """Brazil, Honduras and Texas all write three letters and four digits; of these, only Texas looks American."""
    found = decoder("BR", "HON", "US-TX", "D").decode([replace(slots("AYO9034"), world=world)])
    regular = [
        h.module.code for h in found if h.module is not None and h.text == "AYO9034" and h.module.code != "US-TX"
    ]
    assert regular[0] == country


def test_the_look_changes_nothing_where_all_enabled_countries_look_alike() -> None:
    world = {"europe": 0.1, "north america": 0.7, "south america": 0.1, "asia": 0.1}
    plain, told = (decoder("NL", "D").decode([replace(slots("12BKL3"), world=w)]) for w in ({}, world))
    assert [(h.text, h.prior) for h in told] == [(h.text, h.prior) for h in plain]
