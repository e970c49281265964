"""What networks, cheap firmware and attackers do to the parts of coded pictures."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.fakes.coded import Coding

Damage = Callable[[random.Random, list[bytes], list[bytes], Coding], list[bytes]]
"""A picture's parts damaged. The second list is the same picture from a stream of another size."""


def flipped(dice: random.Random, parts: list[bytes], other: list[bytes], coding: Coding) -> list[bytes]:
    """Some bytes of each part are others."""
    damaged = []
    for part in parts:
        data = bytearray(part)
        for _ in range(dice.randint(1, 1 + len(data) // 20)):
            data[dice.randrange(len(data) > 1, len(data))] = dice.randrange(256)
        damaged.append(bytes(data))
    return damaged


def cut(dice: random.Random, parts: list[bytes], other: list[bytes], coding: Coding) -> list[bytes]:
    """Each part ends too early."""
    return [part[: dice.randint(1, len(part))] for part in parts]


def noise(dice: random.Random, parts: list[bytes], other: list[bytes], coding: Coding) -> list[bytes]:
    """Parts of every kind with nothing sensible in them."""
    return [bytes([dice.randrange(128)]) + dice.randbytes(dice.randint(1, 3000)) for _ in range(3)]


def mixed_up(dice: random.Random, parts: list[bytes], other: list[bytes], coding: Coding) -> list[bytes]:
    """Parts twice, in another order, and called what they are not."""
    chosen = dice.choices(parts + other, k=len(parts) + 2)
    return [bytes([dice.choice((part[0], dice.randrange(128)))]) + part[1:] for part in chosen]


def resized(dice: random.Random, parts: list[bytes], other: list[bytes], coding: Coding) -> list[bytes]:
    """The resolution changes from one picture to the next, headers or not."""
    return dice.choice((parts, other))


def wrong_headers(dice: random.Random, parts: list[bytes], other: list[bytes], coding: Coding) -> list[bytes]:
    """The headers are those of another stream."""
    foreign = [part for part in other if coding.is_header(part)]
    return foreign + [part for part in parts if not coding.is_header(part)]


def absurd(dice: random.Random, parts: list[bytes], other: list[bytes], coding: Coding) -> list[bytes]:
    """The pictures are said to be far larger than any camera's."""
    claim = coding.absurd()
    claiming = [claim if coding.is_header(part) and part[0] == claim[0] else part for part in parts]
    return claiming if claim in claiming else [claim, *claiming]


ALL: tuple[Damage, ...] = (flipped, cut, noise, mixed_up, resized, wrong_headers, absurd)
