"""Plates of a dozen countries: how their numbers are built, and how they look."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from mock_vms.camera.glyphs import can_write, write
from mock_vms.camera.physics import Plane
from mock_vms.camera.sources import UnknownVehicleError

# Two pixels a millimetre: sharper than any camera sees a plate.
PIXELS_PER_MM = 2.0
LONGEST_PLATE = 12

Colour = tuple[int, int, int]
WHITE, BLACK, YELLOW = (240, 240, 240), (22, 22, 22), (32, 196, 250)
EU_BLUE, RED, GREEN = (160, 62, 10), (36, 30, 170), (60, 110, 30)
# What authorities avoid because it looks like a digit; each country's own list is longer.
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_VOWELLESS = "BCDFGHJKLMNPRSTVWXYZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateStyle:
    """One country's plate, sizes in millimetres. In a syntax `A` is a letter, `9` a digit, the rest stands as it is."""

    country: str
    syntaxes: tuple[str, ...]
    width_mm: float = 520
    height_mm: float = 110
    character_mm: float = 76
    stroke: float = 0.135
    ground: Colour = WHITE
    ink: Colour = BLACK
    band: str = ""
    right_band: bool = False
    header: str = ""
    header_ground: Colour | None = None
    letters: str = _LETTERS


STYLES: dict[str, PlateStyle] = {
    style.country: style
    for style in (
        PlateStyle(country="DE", syntaxes=("AA AA 999", "A AA 9999", "AAA AA 99"), band="D"),
        PlateStyle(
            country="NL",
            syntaxes=("99-AAA-9", "A-999-AA", "AA-999-A"),
            ground=YELLOW,
            band="NL",
            letters="BDFGHJKLNPRSTVXZ",
        ),
        PlateStyle(country="GB", syntaxes=("AA99 AAA",), ground=WHITE, band="UK"),
        PlateStyle(country="FR", syntaxes=("AA-999-AA",), band="F", right_band=True),
        PlateStyle(country="IT", syntaxes=("AA 999AA",), band="I", right_band=True),
        PlateStyle(country="ES", syntaxes=("9999 AAA",), band="E", letters=_VOWELLESS),
        PlateStyle(country="PL", syntaxes=("AA 99999", "AAA 9A99"), band="PL"),
        PlateStyle(country="BE", syntaxes=("1-AAA-999", "2-AAA-999"), ink=RED, band="B"),
        PlateStyle(country="CZ", syntaxes=("9A9 9999",), band="CZ"),
        PlateStyle(
            country="US",
            syntaxes=("9AAA999",),
            width_mm=305,
            height_mm=152,
            character_mm=70,
            stroke=0.12,
            ink=(110, 50, 20),
            header="CALIFORNIA",
        ),
        PlateStyle(
            country="BR",
            syntaxes=("AAA9A99",),
            width_mm=400,
            height_mm=130,
            character_mm=68,
            header="BRASIL",
            header_ground=EU_BLUE,
        ),
    )
}


def style_of(country: str) -> PlateStyle:
    """The style by ISO 3166-1 alpha-2 code; UnknownVehicleError lists the codes there are."""
    style = STYLES.get(country.strip().upper())
    if style is None:
        raise UnknownVehicleError(f"no plate style for country {country[:8]!r}; there are {', '.join(sorted(STYLES))}")
    return style


def random_plate(style: PlateStyle, chance: random.Random) -> str:
    """A number that could have been issued, with its separators."""
    syntax = chance.choice(style.syntaxes)
    drawn = {"A": lambda: chance.choice(style.letters), "9": lambda: chance.choice("0123456789")}
    return "".join(drawn[sign]() if sign in drawn else sign for sign in syntax)


def written(plate: str, style: PlateStyle) -> str:
    """The number as it stands on the plate: the country's separators are put in when none were given."""
    text = " ".join(plate.upper().split())
    if not text.strip(" -") or len(text) > LONGEST_PLATE or not can_write(text):
        raise UnknownVehicleError(
            f"{plate[:20]!r} cannot be a plate: up to {LONGEST_PLATE} of A-Z, 0-9, space and hyphen"
        )
    syntax = _syntax_of(text, style)
    if not text.isalnum() or syntax is None:
        return text
    characters = iter(text)
    return "".join(sign if sign in " -" else next(characters) for sign in syntax)


def could_be(plate: str, style: PlateStyle) -> bool:
    """Whether this country issues numbers of this form."""
    return _syntax_of(plate, style) is not None


def _syntax_of(plate: str, style: PlateStyle) -> str | None:
    text = normalized(plate)
    for syntax in style.syntaxes:
        plain = normalized(syntax)
        if len(plain) == len(text) and all(map(_fits, plain, text)):
            return syntax
    return None


def normalized(plate: str) -> str:
    """Letters and digits only, as truth is compared."""
    return "".join(character for character in plate.upper() if character.isalnum())


def _fits(sign: str, character: str) -> bool:
    return {"A": character.isalpha(), "9": character.isdigit()}.get(sign, sign == character)


def draw_plate(text: str, style: PlateStyle) -> Plane:
    """The plate as it leaves the press: BGR, two pixels a millimetre."""
    width, height = round(style.width_mm * PIXELS_PER_MM), round(style.height_mm * PIXELS_PER_MM)
    plate: Plane = np.full((height, width, 3), style.ground, dtype=np.uint8)
    left, right, top = 8.0, style.width_mm - 8.0, 0.0
    if style.band:
        _draw_band(plate, 0, style.band)
        left = 52.0
    if style.right_band:
        _draw_band(plate, width - _px(42), "")
        right = style.width_mm - 50.0
    if style.header:
        top = 34.0 if style.height_mm < 140 else 42.0
        _draw_header(plate, style, top)
    room = (style.height_mm - top - style.character_mm) / 2
    box = (_px(left), _px(top + room), _px(right - left - 6), _px(style.character_mm))
    write(plate, text, box=box, stroke=style.stroke, colour=style.ink)
    rim = _px(3)
    cv2.rectangle(plate, (rim, rim), (width - 1 - rim, height - 1 - rim), style.ink, _px(2), cv2.LINE_AA)
    return plate


def plate_mips(plate: Plane) -> list[Plane]:
    """The plate at full size, a half, a quarter ...: warping from the nearest one neither blurs nor flickers."""
    mips = [plate]
    while min(mips[-1].shape[:2]) > 12:
        half = (mips[-1].shape[1] // 2, mips[-1].shape[0] // 2)
        mips.append(np.asarray(cv2.resize(mips[-1], half, interpolation=cv2.INTER_AREA), dtype=np.uint8))
    assert all(larger.size > smaller.size for larger, smaller in pairwise(mips))
    return mips


def _draw_band(plate: Plane, x: int, code: str) -> None:
    """The blue euro band with its ring of stars and the country's sign."""
    height = plate.shape[0]
    plate[:, x : x + _px(42)] = EU_BLUE
    centre = (x + _px(22), round(height * 0.33))
    for star in range(12):
        angle = np.pi / 6 * star
        spot = (round(centre[0] + _px(11) * np.cos(angle)), round(centre[1] + _px(11) * np.sin(angle)))
        cv2.circle(plate, spot, _px(1.1), (90, 190, 205), -1, cv2.LINE_AA)
    if code:
        box = (x + _px(9), height * 0.63, _px(27), height * 0.2)
        write(plate, code, box=box, stroke=0.15, colour=WHITE)


def _draw_header(plate: Plane, style: PlateStyle, height_mm: float) -> None:
    ink = style.ink
    if style.header_ground is not None:
        plate[: _px(height_mm - 4)] = style.header_ground
        ink = WHITE
    high = height_mm * 0.42
    box = (_px(60), _px((height_mm - high) / 2), _px(style.width_mm - 120), _px(high))
    write(plate, style.header, box=box, stroke=0.13, colour=ink)


def _px(millimetres: float) -> int:
    return round(millimetres * PIXELS_PER_MM)
