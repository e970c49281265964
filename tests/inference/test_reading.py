"""From regions to readings and reasons, with a reader that says what the test wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest

from inference.areas import Window, search_window
from inference.decoding import Decoder, confusion
from inference.modules import installed_modules, select_modules
from inference.rank import DEFAULT_WEIGHTS, is_static_text
from inference.reader import ALPHABET, CharacterSlots
from inference.reading import PlateReader
from inference.recognition import RecognitionSettings
from inference.recognizer import LOOK_ALIKES
from inference.regions import Quad, Region, quad_of_box
from inference.types import Box, RejectionReason

SETTINGS = RecognitionSettings(modules=("BR",), max_seconds_per_frame=None)


class SpokenReader:
    """Says the text written for the place a crop's centre lies in, and counts the crops."""

    def __init__(self, texts: dict[tuple[int, int], str]) -> None:
        self._texts = texts
        self.crops = 0

    def read(self, picture: np.ndarray, quads: Sequence[Quad]) -> list[CharacterSlots]:
        self.crops += len(quads)
        return [self._slots(self._nearest(quad)) for quad in quads]

    def _nearest(self, quad: Quad) -> str:
        x, y = quad.mean(axis=0)
        return self._texts[min(self._texts, key=lambda place: abs(place[0] - x) + abs(place[1] - y))]

    def _slots(self, text: str) -> CharacterSlots:
        kept = [c for c in text.upper() if c in ALPHABET]
        shares = np.full((len(kept), len(ALPHABET)), 0.0005)
        for row, character in enumerate(kept):
            shares[row, ALPHABET.index(character)] = 0.98
        positions = (np.arange(len(kept)) + 0.5) / max(1, len(kept))
        return CharacterSlots(shares=shares, presence=np.full(len(kept), 0.999), positions=positions, raw_text=text)


def street(*, level: int = 230) -> np.ndarray:
    """Stripes of plate-like contrast everywhere."""
    picture = np.full((720, 1280, 3), level, dtype=np.uint8)
    for x in range(0, 1280, 12):
        cv2.rectangle(picture, (x, 0), (x + 4, 719), (level // 8,) * 3, -1)
    return picture


def region(x: float, y: float, *, width: float = 140, height: float = 34) -> Region:
    return Region(quad=quad_of_box(Box(x=x, y=y, width=width, height=height)), likelihood=0.9)


def plate_reader(
    texts: dict[tuple[int, int], str], *, clock: float = 0.0, codes: Sequence[str] = ("BR",)
) -> tuple[PlateReader, SpokenReader]:
    reader = SpokenReader(texts)
    modules = select_modules(codes, installed_modules())
    return PlateReader(
        reader=reader,
        decoder=Decoder(modules=modules, confusion_matrix=confusion(LOOK_ALIKES)),
        crops=[{}, {"top": -0.15}],
        weights=DEFAULT_WEIGHTS,
        character_share=0.72,
        max_bend=4.5,
        clock=lambda: clock,
    ), reader


def window(picture: np.ndarray | None = None) -> Window:
    found = search_window(street() if picture is None else picture, (), None)
    assert found is not None
    return found


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
    assert rejections == ()


def test_a_syntax_bends_a_sure_reader_less_than_an_unsure_one() -> None:
    for bend, best in ((20.0, True), (1.0, False)):
        found = PlateReader(
            reader=SpokenReader({(370, 317): "AYX90S4"}),
            decoder=Decoder(modules=select_modules(("BR",), installed_modules()), confusion_matrix=confusion({})),
            crops=[{}],
            weights=DEFAULT_WEIGHTS,
            character_share=0.72,
            max_bend=bend,
        ).candidates(window(), [region(300, 300)], SETTINGS, deadline=None)
        assert (found[0].best is not None) is best


@pytest.mark.parametrize(
    ("codes", "text", "module", "plate"),
    [
        # Within the bend: the country's own form wins over the generic one that fits to the letter.
        (("BR", "X_XX", "X_EU"), "MT85608", "BR", "MTB5608"),
        (("NL", "X_XX"), "85G145", "NL", "8SG145"),
        (("BR", "X_XX", "X_EU"), "AYO9034", "BR", "AYO9034"),
        # Beyond it: Texas writes no A where the reader is sure of one, and no German plate begins so.
        (("US-TX", "X_XX"), "BTZ71A8", "X_XX", "BTZ71A8"),
        (("D", "X_EU"), "85GJ45", "X_EU", "85GJ45"),
    ],
)
def test_a_generic_module_is_heard_only_where_no_regular_one_explains_the_reading(
    codes: tuple[str, ...], text: str, module: str, plate: str
) -> None:
    reader, _ = plate_reader({(370, 317): text}, codes=codes)
    best = reader.candidates(window(), [region(300, 300)], SETTINGS, deadline=None)[0].best
    assert best is not None and best.module is not None
    assert (best.module.code, best.text) == (module, plate)


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


@pytest.mark.requirement("M-213")
def test_no_more_plates_than_asked_for_are_given() -> None:
    places = {(170, 217): "AYO9034", (570, 217): "JOG9221", (970, 217): "MTW5608"}
    reader, _ = plate_reader(places)
    regions = [region(x - 70, y - 17) for x, y in places]
    assert len(reader.read(window(), regions, SETTINGS, deadline=None)[0]) == 3
    assert len(reader.read(window(), regions, replace(SETTINGS, max_plates=2), deadline=None)[0]) == 2


@pytest.mark.requirement("M-208")
def test_after_the_time_limit_only_the_likeliest_plate_gets_more_crops() -> None:
    places = {(170, 217): "AYO9034", (570, 217): "JOG9221"}
    settings = replace(SETTINGS, stop_above=1.0)
    late, spoken = plate_reader(places, clock=10.0)
    late.read(window(), [region(x - 70, y - 17) for x, y in places], settings, deadline=5.0)
    assert spoken.crops == 3


@pytest.mark.requirement("M-210")
def test_a_plate_that_is_sure_enough_is_not_read_again() -> None:
    reader, spoken = plate_reader({(370, 317): "AYO9034"})
    reader.read(window(), [region(300, 300)], replace(SETTINGS, stop_above=0.5), deadline=None)
    assert spoken.crops == 1


def test_two_finds_of_one_plate_give_one_reading() -> None:
    reader, _ = plate_reader({(370, 317): "AYO9034"})
    readings, _ = reader.read(window(), [region(300, 300), region(304, 302)], SETTINGS, deadline=None)
    assert len(readings) == 1
