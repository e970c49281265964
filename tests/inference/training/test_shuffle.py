"""Real plates in another order: where characters are found, and that the text always follows the picture."""

from __future__ import annotations

import random

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed here (pip install '.[training]')")
cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed here")

from inference.training.reader_data import RealCrop  # noqa: E402 - after the skip
from inference.training.reader_model import ALPHABET, COLUMNS, NOTHING  # noqa: E402
from inference.training.shuffle import Shuffle, align, level, shuffled  # noqa: E402

CELL = 20


def shares(columns: dict[int, str], sure: float = 0.99) -> np.ndarray:
    """Log shares of one row: these characters in these columns, nothing elsewhere."""
    answer = np.full((COLUMNS, NOTHING + 1), (1 - sure) / NOTHING)
    answer[:, NOTHING] = sure
    for column, char in columns.items():
        answer[column, [ALPHABET.index(char), NOTHING]] = sure, (1 - sure) / NOTHING
    return np.log(answer)


def plate(text: str, **more: float) -> RealCrop:
    """A picture whose every character is a cell as bright as its place in the alphabet, with room around it."""
    picture = np.full((40, (len(text) + 4) * CELL, 3), 250, np.uint8)
    for index, char in enumerate(text):
        picture[:, (index + 2) * CELL : (index + 3) * CELL] = 5 * ALPHABET.index(char)
    return RealCrop(picture, (CELL, 5.0, (len(text) + 2) * CELL, 30.0), text, "drawn", **more)


def shown(crop: RealCrop) -> str:
    """What such a picture says."""
    cells = crop.picture[20, CELL // 2 :: CELL, 0]
    return "".join(ALPHABET[level // 5] for level in cells if level < 250)


CUTS = tuple(range(2 * CELL, 9 * CELL + 1, CELL))


def test_characters_are_found_where_the_reader_shows_them() -> None:
    assert align(shares({4: "A", 5: "A", 12: "B", 20: "1"}), "AB1") == pytest.approx([5.0, 12.5, 20.5])


def test_equal_neighbours_are_two_characters() -> None:
    assert align(shares({4: "1", 8: "1", 20: "7"}), "117") == pytest.approx([4.5, 8.5, 20.5])


def test_a_text_that_is_not_shown_has_no_places() -> None:
    assert align(shares({4: "A", 12: "B", 20: "1"}), "AB7") is None
    assert align(shares({4: "A"}), "AB1") is None


@pytest.mark.parametrize("seed", range(60))
def test_the_text_follows_the_picture(seed: int) -> None:
    crop = plate("AB27CDE")
    other = shuffled(crop, CUTS, random.Random(seed))
    assert shown(other) == other.text
    x, y, w, h = other.box
    assert (x, y, h) == (CELL, 5.0, 30.0)
    assert w == (len(other.text) + 2) * CELL
    assert set(other.text) <= set(crop.text)


def test_orders_differ_and_some_repeat_a_character() -> None:
    texts = {shuffled(plate("AB27CDE"), CUTS, random.Random(seed)).text for seed in range(200)}
    assert len(texts) > 100
    assert any(len(set(text)) < len(text) for text in texts)
    assert {len(text) for text in texts} == {6, 7, 8}
    kept = sum([c.isdigit() for c in text] == [c.isdigit() for c in "AB27CDE"] for text in texts if len(text) == 7)
    assert len(texts) / 3 < kept < len(texts)


def test_what_only_its_place_tells_apart_stays_among_its_like() -> None:
    for seed in range(200):
        text = shuffled(plate("AO10CDI"), CUTS, random.Random(seed)).text
        assert [c.isdigit() for c in text] == [c.isdigit() for c in "AO10CDI"]


def test_what_is_masked_keeps_its_width() -> None:
    crop = plate("AB27CDE", mask_left=0.1)
    for seed in range(40):
        other = shuffled(crop, CUTS, random.Random(seed))
        assert other.mask_left * other.box[2] == pytest.approx(crop.mask_left * crop.box[2])


def test_a_plate_nobody_found_is_shown_as_it_is() -> None:
    shuffle = Shuffle([plate("AB27CDE")])
    assert shuffle(0, random.Random(1)) is None
    assert not shuffle.enough


@pytest.mark.parametrize("rise", [-0.1, 0.0, 0.1])
def test_a_tilted_line_is_made_level(rise: float) -> None:
    picture = np.full((120, 240, 3), 200, np.uint8)
    for x in range(30, 210, 24):
        top = round(45 + rise * (x - 120))
        cv2.rectangle(picture, (x, top), (x + 12, top + 30), (20, 20, 20), -1)
    straight = level(RealCrop(picture, (20.0, 30.0, 200.0, 60.0), "ABCDEFGH", "drawn"))
    dark = straight.picture[:, :, 0] < 110
    tops = [int(np.argmax(dark[:, x + 6])) for x in range(30, 210, 24)]
    assert max(tops) - min(tops) <= 4
