"""Vehicles that exist only as readings: boxes that move and texts that are misread now and then."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from inference.tracker import Tracker
from inference.types import (
    Box,
    CharacterLikelihood,
    Frame,
    LicensePlate,
    Passage,
    PassageState,
    Picture,
    Reading,
    Rejection,
)

START = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
WIDTH, HEIGHT = 1280, 720
_PICTURES: dict[tuple[int, int], np.ndarray] = {}

Path = Callable[[float], Box | None]


def frame(at_s: float, *, width: int = WIDTH, height: int = HEIGHT) -> Frame:
    picture = _PICTURES.setdefault((width, height), np.zeros((height, width, 3), np.uint8))
    return Frame(
        picture=picture, captured_at=START + timedelta(seconds=at_s), monotonic_s=100 + at_s, sequence=round(at_s * 100)
    )


def box(x: float, y: float, width: float = 120.0) -> Box:
    """A plate of European shape around a centre."""
    height = width / 4.7
    return Box(x=x - width / 2, y=y - height / 2, width=width, height=height)


def reading(text: str, where: Box, *, likelihood: float = 0.9, sharpness: float = 50.0, country: str = "NL") -> Reading:
    each = likelihood ** (1 / max(len(text), 1))
    return Reading(
        plate=LicensePlate(plate_number=text, country_code=country),
        raw_text=text,
        likelihood=likelihood,
        characters=tuple(CharacterLikelihood(character=character, likelihood=each) for character in text),
        box=where,
        country_likelihood=0.8,
        module_code=country,
        sharpness=sharpness,
    )


class Glimpse:
    """What a reader saw of a plate; which reader it was does not matter."""

    def kept(self, picture: Picture) -> Glimpse:
        return self


@dataclass(frozen=True, kw_only=True)
class Car:
    """A plate on a path; `misread` gives what the reader makes of it at a time."""

    text: str
    path: Path
    misread: Callable[[str, float], str] = lambda text, _: text
    likelihood: Callable[[float], float] = lambda _: 0.9

    def read(self, at_s: float) -> Reading | None:
        where = self.path(at_s)
        text = self.misread(self.text, at_s) if where is not None else ""
        if where is None or not text:
            return None
        return reading(text, where, likelihood=self.likelihood(at_s), sharpness=where.width / 2)


def approach(*, from_s: float = 0.0, for_s: float = 3.0, x: float = 640.0, sway: float = 40.0) -> Path:
    """Comes from 36 m away, grows and leaves below the picture, as a camera 3 m above the road sees it."""

    def where(at_s: float) -> Box | None:
        part = (at_s - from_s) / for_s
        if not 0 <= part <= 1:
            return None
        distance = 36 - 25.5 * part
        return box(x + sway * part, 9200 / distance - 200, 1600 / distance)

    return where


def reverse(path: Path, *, total_s: float) -> Path:
    """The same path driven backwards."""
    return lambda at_s: path(total_s - at_s)


def watch(
    tracker: Tracker,
    cars: Sequence[Car],
    *,
    until_s: float,
    fps: float = 4.0,
    seed: int = 1,
    misses: float = 0.0,
    extra: Callable[[float], tuple[list[Reading], list[Rejection]]] = lambda _: ([], []),
    motion: Callable[[float], Sequence[Box] | None] = lambda _: None,
    flush: bool = True,
) -> list[Passage]:
    """Run the tracker over the readings of these cars, some of them missed at random."""
    chance = random.Random(seed)
    told: list[Passage] = []
    count = round(until_s * fps)
    for number in range(count + 1):
        at_s = number / fps
        readings = [one for car in cars if (one := car.read(at_s)) is not None and chance.random() >= misses]
        more, rejections = extra(at_s)
        told += tracker.update(frame(at_s), readings + more, rejections, motion=motion(at_s))
    if flush:
        told += tracker.flush(100 + until_s + 10)
    return told


def finals(passages: Sequence[Passage]) -> list[str]:
    return [passage.plate.plate_number for passage in passages if passage.state is PassageState.FINAL]
