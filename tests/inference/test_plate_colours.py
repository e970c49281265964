"""Colours of drawn plates under lights of many colours, and what they decide between kinds of plates."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inference.decoding import Hypothesis
from inference.kinds import in_doubt, weighed
from inference.modules import installed_modules
from inference.plate_colours import PlateColours, measure_colours
from inference.rank import DEFAULT_WEIGHTS
from inference.reading import PlateReader
from inference.recognition import RecognitionSettings
from inference.regions import quad_of_box
from inference.types import Box, PlateType
from tests.fakes.spoken_reader import SpokenReader, candidate_reader, decoder_of, region, window

# BGR of paints on a plate in plain light.
PAINTS = {
    "white": (235, 235, 235),
    "black": (30, 30, 30),
    "grey": (170, 172, 170),
    "blue": (150, 70, 20),
    "red": (40, 30, 190),
    "green": (70, 130, 20),
    "orange": (30, 130, 240),
    "yellow": (30, 200, 245),
}
PLAIN, LOW_SUN, SHADE, LAMP = (1.0, 1.0, 1.0), (0.75, 0.95, 1.05), (0.65, 0.5, 0.45), (0.45, 0.7, 0.85)
PLATE = Box(x=300, y=300, width=140, height=34)


def scene(ground: str, ink: str, *, light: tuple[float, float, float] = PLAIN, grey: bool = False) -> np.ndarray:
    """A plate before a road with colours in it, under a light (factors of blue, green, red)."""
    picture = np.full((720, 1280, 3), 110, np.uint8)
    picture[:300] = (200, 160, 120)
    picture[500:, :500] = (40, 40, 160)
    cv2.rectangle(picture, (300, 300), (439, 333), PAINTS[ground], -1)
    cv2.putText(picture, "CMD1234", (306, 327), cv2.FONT_HERSHEY_SIMPLEX, 0.9, PAINTS[ink], 3)
    noise = np.random.default_rng(1).normal(0, 4, picture.shape)
    lit = np.clip(picture * np.array(light) + noise, 0, 255).astype(np.uint8)
    return cv2.cvtColor(cv2.cvtColor(lit, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR) if grey else lit


def colours(picture: np.ndarray) -> PlateColours:
    seen = measure_colours(picture, quad_of_box(PLATE))
    assert seen is not None
    return seen


@pytest.mark.parametrize("light", [PLAIN, LOW_SUN, SHADE, LAMP], ids=["plain", "low sun", "shade", "lamp"])
@pytest.mark.parametrize(
    ("code", "text", "ground", "ink", "kind"),
    [
        # Three letters and four digits are a plate of São Paulo; white on blue it is a diplomatic mission's.
        ("BR", "CMD1234", "grey", "black", PlateType.NORMAL),
        ("BR", "CMD1234", "white", "black", PlateType.NORMAL),
        ("BR", "CMD1234", "red", "white", PlateType.NORMAL),
        ("BR", "CMD1234", "blue", "white", PlateType.DIPLOMAT),
        # A department's plate until 2009, or the 12th mission's.
        ("F", "12CMD34", "white", "black", PlateType.NORMAL),
        ("F", "12CMD34", "green", "orange", PlateType.DIPLOMAT),
    ],
)
def test_colours_decide_between_kinds_that_share_a_text(
    code: str, text: str, ground: str, ink: str, kind: PlateType, light: tuple[float, float, float]
) -> None:
    module = installed_modules()[code]
    picture = scene(ground, ink, light=light)
    # In deep shade orange on green is of one lightness: then nothing is told, and the narrower syntax decides.
    assert module.plate_type(text, lambda: measure_colours(picture, quad_of_box(PLATE))) is kind


def test_without_colours_the_narrower_syntax_decides() -> None:
    brazil = installed_modules()["BR"]
    assert brazil.plate_type("CMD1234") is PlateType.DIPLOMAT
    assert brazil.plate_type("CMD1234", lambda: None) is PlateType.DIPLOMAT


def test_characters_alone_overrule_nothing() -> None:
    # A German text of temporary plates, black on white as their short-term ones are, and not red.
    germany = installed_modules()["D"]
    for ink in ("black", "red"):
        assert germany.plate_type("B041234", lambda ink=ink: colours(scene("white", ink))) is PlateType.TEMPORARY


def test_a_kind_that_no_style_describes_is_neither_chosen_nor_given_up() -> None:
    brazil = installed_modules()["BR"]
    black_on_grey, white_on_blue = colours(scene("grey", "black")), colours(scene("blue", "white"))
    for kept in (PlateType.NORMAL, PlateType.DIPLOMAT):
        partly = brazil.model_copy(update={"style": tuple(one for one in brazil.style if one.type is kept)})
        for seen in (black_on_grey, white_on_blue):
            assert partly.plate_type("CMD1234", lambda seen=seen: seen) is PlateType.DIPLOMAT


def test_a_text_of_one_kind_is_not_measured() -> None:
    def never() -> PlateColours:
        raise AssertionError("measured for nothing")

    assert installed_modules()["BR"].plate_type("AYO9034", never) is PlateType.NORMAL


def test_a_grey_picture_has_lightness_and_no_hues() -> None:
    seen = colours(scene("blue", "white", grey=True))
    assert not seen.has_hues
    assert seen.fit(background="blue", characters="white") == seen.fit(background="red", characters="white") == 0
    assert seen.fit(background="white", characters="black") < 0
    assert seen.fit(background="any", characters="black") == 0


def test_a_plate_without_contrast_tells_nothing() -> None:
    flat = np.full((720, 1280, 3), (120, 118, 121), np.uint8)
    assert measure_colours(flat, quad_of_box(PLATE)) is None


@pytest.mark.parametrize(("ground", "ink", "kind"), [("blue", "white", "Diplomat"), ("grey", "black", "Normal")])
def test_a_reading_carries_the_kind_that_its_colours_show(ground: str, ink: str, kind: str) -> None:
    decoder = decoder_of(("BR",))
    candidates = candidate_reader(SpokenReader({(370, 317): "CMD1234"}), decoder)
    reader = PlateReader(candidates=candidates, decoder=decoder, weights=DEFAULT_WEIGHTS, character_share=0.72)
    settings = RecognitionSettings(modules=("BR",), max_seconds_per_frame=None)
    (reading,), _ = reader.read(window(scene(ground, ink)), [region(300, 300)], settings, deadline=None)
    assert (reading.plate.plate_number, reading.plate.plate_type) == ("CMD1234", PlateType(kind))


@pytest.mark.parametrize(
    ("ground", "ink", "text"), [("white", "black", "WO53011"), ("blue", "white", "W053011"), (None, None, "WO53011")]
)
def test_colours_decide_between_texts_of_two_kinds_that_look_alike(
    ground: str | None, ink: str | None, text: str
) -> None:
    # Ostroleka's plates, black on white, are the commoner ones; a diplomat's are white on blue.
    decoder = decoder_of(("PL",))
    candidates = candidate_reader(SpokenReader({(370, 317): "W053011"}), decoder)
    picture = scene(ground, ink) if ground and ink else np.full((720, 1280, 3), (120, 118, 121), np.uint8)
    settings = RecognitionSettings(modules=("PL",), max_seconds_per_frame=None)
    ((found, _),), _ = candidates.read(window(picture), [region(300, 300)], settings, deadline=None)
    assert found.best is not None and found.best.text == text
    # Several pictures together remember what was seen.
    reader = PlateReader(candidates=candidates, decoder=decoder, weights=DEFAULT_WEIGHTS, character_share=0.72)
    (reading,), _ = reader.read(window(picture), [region(300, 300)], settings, deadline=None)
    together = reader.together([reading, reading])
    assert together is not None and together.plate.plate_number == text


def test_colours_say_nothing_between_countries() -> None:
    modules = installed_modules()
    seen = colours(scene("blue", "white"))
    poland, italy = (
        Hypothesis(text="WO53011", module=modules[code], score=-1.0, prior=prior)
        for code, prior in (("PL", 0.0), ("I", -0.5))
    )
    assert not in_doubt([poland, italy])
    assert weighed([poland, italy], seen) == [poland, italy]
    assert weighed([], seen) == []
