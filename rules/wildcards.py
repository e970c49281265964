"""Ten thousand patterns with `?` and `*`, asked in microseconds.

Every pattern owns one bit. For each place and character there is an integer whose bits say which patterns want that
character there; and-ing a handful of such integers asks all patterns at once. Patterns without `*` are then decided;
the few candidates left among those with `*` are compared in full.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class _Places:
    """Which patterns want which character at which place (negative places count from the end)."""

    def __init__(self) -> None:
        self._wants: dict[int, dict[str, int]] = {}
        self._accepts: dict[int, tuple[dict[str, int], int]] | None = None

    def want(self, place: int, character: str, bit: int) -> None:
        wants = self._wants.setdefault(place, {})
        wants[character] = wants.get(character, 0) | bit
        self._accepts = None

    def narrow(self, candidates: int, text: str, everybody: int) -> int:
        """The candidates that want nothing else than what the text has."""
        if self._accepts is None:
            self._accepts = self._prepare(everybody)
        for place, (accepts, indifferent) in self._accepts.items():
            if -len(text) <= place < len(text):
                candidates &= accepts.get(text[place], indifferent)
                if not candidates:
                    break
        return candidates

    def _prepare(self, everybody: int) -> dict[int, tuple[dict[str, int], int]]:
        """Per place: who is content with each wanted character, and who with any other."""
        prepared = {}
        for place, wants in self._wants.items():
            choosy = 0
            for bits in wants.values():
                choosy |= bits
            indifferent = everybody ^ choosy
            prepared[place] = {character: bits | indifferent for character, bits in wants.items()}, indifferent
        return prepared


class _Fixed(Generic[T]):
    """Patterns of one length without `*`."""

    def __init__(self) -> None:
        self._places = _Places()
        self._values: list[T] = []

    def add(self, pattern: str, value: T) -> None:
        bit = 1 << len(self._values)
        self._values.append(value)
        self._places.want(0, "", 0)  # the new pattern counts as indifferent where it has a `?`
        for place, character in enumerate(pattern):
            if character != "?":
                self._places.want(place, character, bit)

    def find(self, text: str) -> Iterator[T]:
        everybody = (1 << len(self._values)) - 1
        for number in _numbers(self._places.narrow(everybody, text, everybody)):
            yield self._values[number]


class _Open(Generic[T]):
    """Patterns with `*`: narrowed by their two ends, their least length and the characters they need; then compared."""

    def __init__(self) -> None:
        self._places = _Places()
        self._patterns: list[tuple[str, T]] = []
        self._by_least_length: defaultdict[int, int] = defaultdict(int)
        self._needs: defaultdict[str, int] = defaultdict(int)

    def add(self, pattern: str, value: T) -> None:
        bit = 1 << len(self._patterns)
        self._patterns.append((pattern, value))
        self._places.want(0, "", 0)
        self._by_least_length[len(pattern.replace("*", ""))] |= bit
        head, tail = pattern[: pattern.index("*")], pattern[pattern.rindex("*") + 1 :]
        for place, character in enumerate(head):
            if character != "?":
                self._places.want(place, character, bit)
        for place, character in enumerate(tail, start=-len(tail)):
            if character != "?":
                self._places.want(place, character, bit)
        for character in set(pattern[len(head) : len(pattern) - len(tail)]) - {"?", "*"}:
            self._needs[character] |= bit

    def find(self, text: str) -> Iterator[T]:
        candidates = 0
        for least_length, bits in self._by_least_length.items():
            if least_length <= len(text):
                candidates |= bits
        candidates = self._places.narrow(candidates, text, (1 << len(self._patterns)) - 1)
        if candidates:
            for character, bits in self._needs.items():
                if character not in text:
                    candidates &= ~bits
        for number in _numbers(candidates):
            pattern, value = self._patterns[number]
            if matches(pattern, text):
                yield value


class WildcardIndex(Generic[T]):
    """Patterns in normal form, each with the value it stands for."""

    def __init__(self) -> None:
        self._fixed: defaultdict[int, _Fixed[T]] = defaultdict(_Fixed)
        self._open: _Open[T] = _Open()

    def add(self, pattern: str, value: T) -> None:
        """File a pattern that has at least one `?` or `*`."""
        if "*" in pattern:
            self._open.add(pattern, value)
        else:
            self._fixed[len(pattern)].add(pattern, value)

    def find(self, text: str) -> Iterator[T]:
        """The values of all patterns that match: those without `*` first, each kind in the order of adding."""
        if len(text) in self._fixed:
            yield from self._fixed[len(text)].find(text)
        yield from self._open.find(text)


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text fits: `?` is exactly one character, `*` any number, none included."""
    i = j = 0
    star = -1
    resume = 0
    while j < len(text):
        if i < len(pattern) and pattern[i] == "*":
            star, resume = i, j
            i += 1
        elif i < len(pattern) and pattern[i] in ("?", text[j]):
            i += 1
            j += 1
        elif star >= 0:
            resume += 1
            i, j = star + 1, resume
        else:
            return False
    return all(character == "*" for character in pattern[i:])


def _numbers(bits: int) -> Iterator[int]:
    """The numbers of the bits that are set, lowest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
