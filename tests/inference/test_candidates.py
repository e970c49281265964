"""From regions to candidates: how far a syntax bends a reading, which crops are read, and when the time is over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.candidates import BATCH
from inference.rank import Candidate
from inference.recognition import RecognitionSettings
from inference.regions import Region
from inference.types import Box
from tests.fakes.spoken_reader import SpokenReader, candidate_reader, decoder_of, region, window

SETTINGS = RecognitionSettings(modules=("BR",), max_seconds_per_frame=None)
# How sure a spoken reader is of each character of a plate that is 0.82 likely, and of one that is 0.68.
LIKELY, UNLIKELY = 0.6, 0.5

# Text that is no plate but looks like one: in doubt, so that every other crop would be worth reading.
DOUBTFUL = "AYX90S4"


def read(
    texts: dict[tuple[int, int], str], *regions: Region, codes: tuple[str, ...] = ("BR",), finds_lines: bool = True
) -> list[Candidate]:
    reader = candidate_reader(SpokenReader(texts), decoder_of(codes), finds_lines=finds_lines)
    found, unread = reader.read(window(), regions, SETTINGS, deadline=None)
    assert unread == []
    return [candidate for candidate, _ in found]


def best_texts(candidates: list[Candidate]) -> list[str]:
    return [candidate.best.text for candidate in candidates if candidate.best is not None]


def test_a_syntax_bends_a_sure_reader_less_than_an_unsure_one() -> None:
    for bend, best in ((20.0, True), (1.0, False)):
        spoken = SpokenReader({(370, 317): "AYX90S4"})
        reader = candidate_reader(spoken, decoder_of(("BR",), look_alikes={}), max_bend=bend, crops=[{}])
        ((found, _),), _ = reader.read(window(), [region(300, 300)], SETTINGS, deadline=None)
        assert (found.best is not None) is best


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
    (found,) = read({(370, 317): text}, region(300, 300), codes=codes)
    assert found.best is not None and found.best.module is not None
    assert (found.best.module.code, found.best.text) == (module, plate)


@pytest.mark.requirement("M-210")
def test_a_plate_that_is_sure_enough_is_not_read_again() -> None:
    spoken = SpokenReader({(370, 317): "AYO9034"})
    reader = candidate_reader(spoken, decoder_of(("BR",)))
    reader.read(window(), [region(300, 300)], replace(SETTINGS, stop_above=0.5), deadline=None)
    assert spoken.crops == 1


@pytest.mark.requirement("M-212")
def test_the_smaller_the_gap_between_the_thresholds_the_fewer_crops_are_read() -> None:
    def crops(gap: float) -> int:
        """Of a sure plate, of one in doubt, and of one that can hardly be read."""
        count = 0
        for share in (0.9, 0.5, 0.4):
            spoken = SpokenReader({(370, 317): "AYO9034"}, share=share)
            settings = replace(SETTINGS, stop_above=SETTINGS.discard_below + gap)
            candidate_reader(spoken, decoder_of(("BR",))).read(window(), [region(300, 300)], settings, deadline=None)
            count += spoken.crops
        return count

    assert [crops(gap) for gap in (0.7, 0.4, 0.05)] == [5, 4, 3]


@pytest.mark.parametrize(
    ("share", "stop_above", "closer", "text", "crops"),
    [
        # Likely right: one crop between better corners decides, and a look that shows no plate changes nothing.
        (LIKELY, 0.95, region(400, 300), "BYO9034", 2),
        (LIKELY, 0.95, region(600, 300), "AYO9034", 2),
        (LIKELY, 0.95, None, "AYO9034", 1),
        # As sure as the camera's owner asks: nobody looks.
        (LIKELY, 0.7, region(400, 300), "AYO9034", 1),
        # In doubt: every crop between better corners, and what vanishes was no plate.
        (UNLIKELY, 0.95, region(400, 300), "BYO9034", 3),
        (UNLIKELY, 0.95, None, None, 1),
    ],
)
def test_a_closer_look_decides_where_it_shows_a_plate(
    share: float, stop_above: float, closer: Region | None, text: str | None, crops: int
) -> None:
    spoken = SpokenReader({(370, 317): "AYO9034", (470, 317): "BYO9034", (670, 317): "TURBO"}, share=share)
    reader = candidate_reader(spoken, decoder_of(("BR",)), finds_lines=False)
    settings = replace(SETTINGS, stop_above=stop_above)
    found, _ = reader.read(window(), [region(300, 300)], settings, deadline=None, closer=lambda _: closer)
    assert best_texts([candidate for candidate, _ in found]) == ([text] if text else [])
    assert spoken.crops == crops


@pytest.mark.parametrize(
    ("plate", "finds_lines", "crops"),
    [("AYO9034", False, 2), (DOUBTFUL, False, 4), (DOUBTFUL, True, 3)],
)
def test_what_is_hopeless_is_read_again_only_where_it_looks_like_a_plate_and_nothing_is_sure(
    plate: str, finds_lines: bool, crops: int
) -> None:
    spoken = SpokenReader({(370, 317): plate, (770, 317): "TURBO"})
    reader = candidate_reader(spoken, decoder_of(("BR",)), finds_lines=finds_lines)
    found, _ = reader.read(window(), [region(300, 300), region(700, 300)], SETTINGS, deadline=None)
    assert len(found) == 2
    assert spoken.crops == crops


# -- the time of a frame


def signs(count: int) -> tuple[dict[tuple[int, int], str], list[Region]]:
    """A street of so many lines of text, in a grid."""
    places = [(80 + 120 * (n % 10), 30 + 34 * (n // 10)) for n in range(count)]
    return dict.fromkeys(places, DOUBTFUL), [region(x - 50, y - 12, width=100, height=24) for x, y in places]


@pytest.mark.requirement("M-208")
@pytest.mark.parametrize("limit_s", [0.05, 0.2, 1.0])
def test_a_street_full_of_text_is_read_no_longer_than_the_limit_and_one_batch(limit_s: float) -> None:
    crop_s = 0.021
    texts, regions = signs(200)
    spoken = SpokenReader(texts, crop_s=crop_s)
    reader = candidate_reader(spoken, decoder_of(("BR",)), finds_lines=False)
    found, unread = reader.read(window(), regions, SETTINGS, deadline=limit_s)
    # The batch that is being read when the time is over, and the other crop of the likeliest plate.
    assert limit_s < spoken.now <= limit_s + (BATCH + 1) * crop_s
    assert len(found) + len(unread) == 200
    assert len(found) == spoken.crops - 1


@pytest.mark.requirement("M-208")
def test_without_a_limit_everything_is_read_with_its_other_crops() -> None:
    texts, regions = signs(20)
    spoken = SpokenReader(texts, crop_s=0.021)
    reader = candidate_reader(spoken, decoder_of(("BR",)), finds_lines=False)
    _, unread = reader.read(window(), regions, SETTINGS, deadline=None)
    assert (spoken.crops, unread) == (40, [])


def test_when_time_is_short_the_likeliest_and_largest_of_a_plates_shape_are_read_first() -> None:
    texts = {(270, 217): "AYO9034", (570, 217): "JOG9221", (870, 217): "SALE", (270, 517): "A", (570, 517): "B"}
    plate, surer = region(200, 200, likelihood=0.8), region(500, 200, likelihood=0.95)
    sign = region(820, 167, width=100, height=100, likelihood=0.9)
    small = [region(x - 25, 510, width=50, height=14, likelihood=0.9) for x in (270, 570)]
    spoken = SpokenReader(texts, crop_s=0.1)
    reader = candidate_reader(spoken, decoder_of(("BR",)))
    reader.read(window(), [*small, sign, plate, surer], SETTINGS, deadline=0.01)
    assert spoken.read_places[:2] == [(570, 217), (270, 217)]
    assert len(spoken.read_places) == BATCH


# -- two lines

UPPER, LOWER = (350, 216), (350, 252)


def two(upper: str, lower: str, *, codes: tuple[str, ...] = ("BR",), shift: float = 0, gap: float = 0) -> list[str]:
    texts = {UPPER: upper, (int(LOWER[0] + shift), int(LOWER[1] + gap)): lower}
    lines = region(310, 200, width=80, height=32), region(300 + shift, 236 + gap, width=100, height=32)
    return best_texts(read(texts, *lines, codes=codes))


@pytest.mark.parametrize(
    ("code", "upper", "lower", "plate"),
    [
        ("BR", "AYO", "9034", "AYO9034"),
        ("IND", "MH12", "DE1433", "MH12DE1433"),
        ("GB", "AB12", "CDE", "AB12CDE"),
        ("VN", "51F", "123.45", "51F12345"),
        ("J", "SNG 300", "A12-34", "SNG300A1234"),
        # The syntax takes part over both lines.
        ("BR", "AY0", "9034", "AYO9034"),
    ],
)
def test_two_lines_over_each_other_become_one_plate(code: str, upper: str, lower: str, plate: str) -> None:
    assert two(upper, lower, codes=(code,)) == [plate]


def test_a_plate_of_two_lines_is_one_candidate_around_both() -> None:
    (found,) = read(
        {UPPER: "AYO", LOWER: "9034"}, region(310, 200, width=80, height=32), region(300, 236, width=100, height=32)
    )
    assert found.region.box == Box(x=300, y=200, width=100, height=68)
    assert found.raw_text == "AYO 9034"
    assert [line.box.y for line in found.lines] == [200, 236]


def test_tilted_lines_are_joined_along_their_slant() -> None:
    def turned(box: Region) -> Region:
        angle = np.radians(12)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return Region(quad=((box.quad - [350, 234]) @ turn.T + [350, 234]).astype(np.float32), likelihood=0.9)

    lines = turned(region(310, 200, width=80, height=32)), turned(region(300, 236, width=100, height=32))
    texts = {
        tuple(np.rint(line.quad.mean(axis=0)).astype(int)): t for line, t in zip(lines, ("AYO", "9034"), strict=True)
    }
    (found,) = read(texts, *lines)
    assert found.best is not None and found.best.text == "AYO9034"
    assert found.region.height_px == pytest.approx(68, abs=1)


@pytest.mark.parametrize(
    ("upper", "lower", "codes", "shift", "gap"),
    [
        ("9034", "AYO", ("BR",), 0, 0),  # the wrong way round
        ("AY", "O9034", ("BR",), 0, 0),  # a line does not end within a printed group
        ("AYO", "9034", ("BR",), 90, 0),  # beside, not below
        ("AYO", "9034", ("BR",), 0, 40),  # too far below
        ("AYO", "9034", ("US",), 0, 0),  # a country whose plates have one line
        ("AYO", "9034", ("X_XX",), 0, 0),  # nobody knows where a plate of any country breaks
    ],
)
def test_lines_that_are_no_plate_together_stay_apart(
    upper: str, lower: str, codes: tuple[str, ...], shift: float, gap: float
) -> None:
    assert upper + lower not in two(upper, lower, codes=codes, shift=shift, gap=gap)


def test_a_plate_of_one_line_is_not_joined_with_the_dealers_text_below_it() -> None:
    texts = {UPPER: "AYO9034", LOWER: "4711"}
    assert "AYO9034" in best_texts(read(texts, region(270, 200, width=160, height=32), region(300, 236, width=100)))


def test_where_the_detector_finds_plates_nothing_is_joined() -> None:
    lines = region(310, 200, width=80, height=32), region(300, 236, width=100, height=32)
    assert len(read({UPPER: "AYO", LOWER: "9034"}, *lines, finds_lines=False)) == 2


def test_in_a_wall_of_text_the_search_for_two_lines_is_bounded() -> None:
    texts, regions = signs(40)
    assert len(read(dict.fromkeys(texts, "AYO"), *regions)) == 40
