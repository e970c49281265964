"""The small language in which a country module says what its plates look like, expanded to fixed positions.

    L letter   D digit   A either   [ABC] one of these   (BA|KE) one of these texts
    X{2} twice   X{1,3} one to three times   X? may be missing   a space separates printed groups

`LLL DDDD` is a Brazilian plate before Mercosur. Every variant has its own fixed length, so decoding walks positions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product

from inference.errors import ModuleError

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"

# A syntax that expands to more variants than this is an over-fine list of prefixes: use letters instead.
MAX_VARIANTS = 1200
# ONVIF and every VMS we know show plates of up to 12 characters; nothing on the road is longer.
MIN_LENGTH, MAX_LENGTH = 2, 12

_TOKEN = re.compile(
    r"(?P<space> +)|(?:(?P<kind>[LDA])|\[(?P<set>[A-Z0-9]+)\]|\((?P<texts>[A-Z0-9|]+)\))"
    r"(?P<times>\?|\{\d{1,2}(?:,\d{1,2})?\})?"
)


@dataclass(frozen=True, slots=True)
class Variant:
    """One fixed-length form: the characters allowed at each position, and where printed groups begin.

    Some countries write the same characters in different groups (`B XY 12` and `BX Y 12`): `gaps` are those that are
    there in any case, `breaks` those that may be.
    """

    positions: tuple[str, ...]
    gaps: tuple[int, ...]
    breaks: tuple[int, ...]

    def matches(self, text: str) -> bool:
        """Whether every character of `text` is allowed where it stands."""
        return len(text) == len(self.positions) and all(
            character in allowed for character, allowed in zip(text, self.positions, strict=True)
        )


def expand(pattern: str, *, never: str = "", letters: str = "") -> tuple[Variant, ...]:
    """All fixed-length variants of a pattern; `L` and `A` stand for `letters`, or for all but `never` without them."""
    usable = letters or "".join(letter for letter in LETTERS if letter not in never)
    tokens = _tokens(pattern)
    count = 1
    for token in tokens:
        count *= _count(token)
        # Said before anything is expanded: a slip in a file of the user's must not take the memory.
        if count > MAX_VARIANTS:
            raise ModuleError(f"the syntax {pattern!r} expands to more than {MAX_VARIANTS} variants: use L instead")
    pieces = [_choices(token, usable) for token in tokens]
    variants: dict[tuple[str, ...], Variant] = {}
    for choice in product(*pieces):
        variant = _join(choice)
        if MIN_LENGTH <= len(variant.positions) <= MAX_LENGTH:
            known = variants.get(variant.positions, variant)
            variants[variant.positions] = Variant(
                positions=variant.positions,
                gaps=tuple(gap for gap in known.gaps if gap in variant.gaps),
                breaks=tuple(sorted({*known.breaks, *variant.breaks})),
            )
    if not variants:
        raise ModuleError(f"the syntax {pattern!r} has no form of {MIN_LENGTH} to {MAX_LENGTH} characters")
    return tuple(variants.values())


_GAP = ""
"""A piece that is no character but a space between printed groups."""


def _tokens(pattern: str) -> list[re.Match[str]]:
    tokens, end = [], 0
    while end < len(pattern):
        token = _TOKEN.match(pattern, end)
        if token is None:
            raise ModuleError(f"the syntax {pattern!r} is not understood from {pattern[end:]!r} on")
        tokens.append(token)
        end = token.end()
    return tokens


def _count(token: re.Match[str]) -> int:
    """How many choices the token has."""
    low, high = _times(token["times"])
    unit = len(_texts(token)) if token["texts"] else 1
    return sum(unit**times for times in range(low, high + 1))


def _texts(token: re.Match[str]) -> list[str]:
    return [text for text in token["texts"].split("|") if text]


def _choices(token: re.Match[str], usable: str) -> list[tuple[str, ...]]:
    """What the token may stand for: tuples of allowed-character strings, `_GAP` for a space."""
    if token["space"]:
        return [(_GAP,)]
    if token["kind"]:
        unit: list[tuple[str, ...]] = [({"L": usable, "D": DIGITS, "A": DIGITS + usable}[token["kind"]],)]
    elif token["set"]:
        unit = [("".join(sorted(set(token["set"]))),)]
    else:
        unit = [tuple(text) for text in _texts(token)]
    low, high = _times(token["times"])
    choices: list[tuple[str, ...]] = []
    for times in range(low, high + 1):
        choices += [tuple(part for one in combination for part in one) for combination in product(unit, repeat=times)]
    return choices


def _times(text: str | None) -> tuple[int, int]:
    if text is None:
        return 1, 1
    if text == "?":
        return 0, 1
    low, _, high = text.strip("{}").partition(",")
    if int(low) > int(high or low):
        raise ModuleError(f"{text!r} asks for at least {low} and at most {high}")
    return int(low), int(high or low)


def _join(choice: tuple[tuple[str, ...], ...]) -> Variant:
    positions: list[str] = []
    gaps: list[int] = []
    for piece in choice:
        for allowed in piece:
            if allowed == _GAP:
                if positions and (not gaps or gaps[-1] != len(positions)):
                    gaps.append(len(positions))
            else:
                positions.append(allowed)
    while gaps and gaps[-1] >= len(positions):
        gaps.pop()
    return Variant(positions=tuple(positions), gaps=tuple(gaps), breaks=tuple(gaps))
