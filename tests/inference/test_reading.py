"""From regions to readings and reasons, with a reader that says what the test wants."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference.areas import search_window
from inference.rank import DEFAULT_WEIGHTS, is_static_text
from inference.reading import PlateReader
from inference.recognition import RecognitionSettings
from inference.regions import Region
from inference.types import Box, RejectionReason
from tests.fakes.spoken_reader import SpokenReader, candidate_reader, decoder_of, region, street, window

SETTINGS = RecognitionSettings(modules=("BR",), max_seconds_per_frame=None)


def plate_reader(texts: dict[tuple[int, int], str]) -> tuple[PlateReader, SpokenReader]:
    spoken, decoder = SpokenReader(texts), decoder_of(("BR",))
    candidates = candidate_reader(spoken, decoder)
    found = PlateReader(candidates=candidates, decoder=decoder, weights=DEFAULT_WEIGHTS, character_share=0.72)
    return found, spoken


def reasons(reader: PlateReader, *regions: Region, settings: RecognitionSettings = SETTINGS) -> list[RejectionReason]:
    readings, rejections = reader.read(window(), regions, settings, deadline=None)
    assert readings == ()
    return [rejection.reason for rejection in rejections]


def test_a_plate_is_read_with_country_box_and_characters() -> None:
    reader, _ = plate_reader({(370, 317): "AYO·9034"})
    (reading,), rejections = reader.read(window(), [region(300, 300)], SETTINGS, deadline=None)
    assert (reading.plate.plate_number, reading.plate.country_code, reading.module_code) == ("AYO9034", "BR", "BR")
    assert reading.raw_text == "AYO·9034"
    assert reading.box == Box(x=300, y=300, width=140, height=34)
    assert len(reading.characters) == 7
    assert reading.likelihood > 0.8
    assert reading.spelling == "AYO 9034"
    assert rejections == ()


def test_text_no_module_explains_is_refused_as_no_syntax() -> None:
    reader, _ = plate_reader({(370, 317): "HOTEL12345"})
    assert reasons(reader, region(300, 300)) == [RejectionReason.NO_SYNTAX]


@pytest.mark.parametrize("text", ["2014-06-17 14:20:16", "314-845-5900", "www.dealer.com", "1-800-GO", "07:08:50"])
def test_clocks_and_telephone_numbers_are_static_text(text: str) -> None:
    assert is_static_text(text)


@pytest.mark.parametrize("text", ["AYO-9034", "12-AB-34", "4B3:9376", "1B7 0440", "104 1257", "RK·708AI"])
def test_plates_as_readers_write_them_are_not_static_text(text: str) -> None:
    assert not is_static_text(text)


def test_a_low_line_beside_the_number_is_not_a_plate_of_its_own() -> None:
    reader, _ = plate_reader({(370, 317): "AYO9034", (370, 345): "MGO1234"})
    number, state = region(300, 300), region(320, 338, width=100, height=14)
    readings, rejections = reader.read(window(), [number, state], SETTINGS, deadline=None)
    assert [r.plate.plate_number for r in readings] == ["AYO9034"]
    assert [r.reason for r in rejections] == [RejectionReason.STATIC_TEXT]


@pytest.mark.requirement("M-199")
def test_a_plate_below_the_height_band_is_too_small_and_is_not_read() -> None:
    reader, spoken = plate_reader({(370, 317): "AYO9034"})
    settings = replace(SETTINGS, character_height_min=0.08)
    assert reasons(reader, region(300, 300), settings=settings) == [RejectionReason.TOO_SMALL]
    assert spoken.crops == 0


@pytest.mark.requirement("M-200")
def test_a_plate_above_the_height_band_is_too_large() -> None:
    reader, _ = plate_reader({(370, 317): "AYO9034"})
    settings = replace(SETTINGS, character_height_max=0.01)
    assert reasons(reader, region(300, 300), settings=settings) == [RejectionReason.TOO_LARGE]


@pytest.mark.requirement("M-211")
def test_a_reading_below_the_threshold_is_discarded_with_its_text() -> None:
    reader, _ = plate_reader({(370, 317): "AYO9034"})
    settings = replace(SETTINGS, discard_below=0.9999)
    _, (rejection,) = reader.read(window(), [region(300, 300)], settings, deadline=None)
    assert (rejection.reason, rejection.text) == (RejectionReason.BELOW_THRESHOLD, "AYO9034")


def test_a_dark_plate_that_is_not_read_is_refused_as_too_dark() -> None:
    reader, _ = plate_reader({(370, 317): "HOTEL12345"})
    _, (rejection,) = reader.read(window(street(level=16)), [region(300, 300)], SETTINGS, deadline=None)
    assert rejection.reason is RejectionReason.TOO_DARK


def test_a_plate_at_the_edge_that_is_not_read_is_refused_as_cut() -> None:
    reader, _ = plate_reader({(70, 317): "YO903"})
    assert reasons(reader, region(0, 300)) == [RejectionReason.CUT]


@pytest.mark.requirement("M-050")
def test_a_plate_read_at_the_edge_of_the_picture_or_the_area_is_known_to_be_cut() -> None:
    reader, _ = plate_reader({(70, 317): "AYO9034", (370, 317): "AYO9034"})

    def cut(x: int, area_from: float) -> bool:
        area = ((area_from, 0.0), (1.0, 0.0), (1.0, 1.0), (area_from, 1.0))
        settings = replace(SETTINGS, areas=(area,))
        found = search_window(street(), settings.areas, None)
        assert found is not None
        place = replace(region(x, 300), quad=region(x - found.x, 300).quad)
        (reading,), _ = reader.read(found, [place], settings, deadline=None)
        return reading.cut

    assert [cut(0, 0.0), cut(300, 0.0)] == [True, False]
    # The area begins at 301 pixels: a part of its first plate may be outside.
    assert [cut(301, 301 / 1280), cut(310, 301 / 1280)] == [True, False]


@pytest.mark.requirement("M-213")
def test_no_more_plates_than_asked_for_are_given() -> None:
    places = {(170, 217): "AYO9034", (570, 217): "JOG9221", (970, 217): "MTW5608"}
    reader, _ = plate_reader(places)
    regions = [region(x - 70, y - 17) for x, y in places]
    assert len(reader.read(window(), regions, SETTINGS, deadline=None)[0]) == 3
    assert len(reader.read(window(), regions, replace(SETTINGS, max_plates=2), deadline=None)[0]) == 2


def test_two_finds_of_one_plate_give_one_reading() -> None:
    reader, _ = plate_reader({(370, 317): "AYO9034"})
    readings, _ = reader.read(window(), [region(300, 300), region(304, 302)], SETTINGS, deadline=None)
    assert len(readings) == 1


def test_a_find_that_the_time_did_not_suffice_for_is_told_as_such() -> None:
    reader, spoken = plate_reader({(370, 317): "AYO9034"})
    spoken.now = 10.0
    regions = [region(300, 300 + 4 * number) for number in range(9)]
    _, rejections = reader.read(window(), regions, SETTINGS, deadline=5.0)
    assert [r.reason for r in rejections].count(RejectionReason.OUT_OF_TIME) == 5
