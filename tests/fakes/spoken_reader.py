"""A reader that says what a test wants, on a clock that a test owns, and a street without a picture of anything."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from inference.areas import Window, search_window
from inference.candidates import CandidateReader
from inference.decoding import Decoder, confusion
from inference.modules import installed_modules, select_modules
from inference.rank import DEFAULT_WEIGHTS
from inference.reader import ALPHABET, CharacterSlots
from inference.recognizer import LOOK_ALIKES
from inference.regions import Quad, Region, quad_of_box
from inference.types import Box


class SpokenReader:
    """Says the text written for the place a crop's centre lies nearest to, counts the crops, and takes its time."""

    def __init__(
        self, texts: dict[tuple[int, int], str], *, crop_s: float = 0.0, now: float = 0.0, share: float = 0.98
    ) -> None:
        self._texts = texts
        self._crop_s = crop_s
        self._share = share
        self.now = now
        self.crops = 0
        self.read_places: list[tuple[int, int]] = []

    def clock(self) -> float:
        return self.now

    def read(self, picture: np.ndarray, quads: Sequence[Quad]) -> list[CharacterSlots]:
        self.crops += len(quads)
        self.now += self._crop_s * len(quads)
        return [self._slots(self._nearest(quad)) for quad in quads]

    def _nearest(self, quad: Quad) -> str:
        x, y = quad.mean(axis=0)
        place = min(self._texts, key=lambda place: abs(place[0] - x) + abs(place[1] - y))
        self.read_places.append(place)
        return self._texts[place]

    def _slots(self, text: str) -> CharacterSlots:
        kept = [c for c in text.upper() if c in ALPHABET]
        shares = np.full((len(kept), len(ALPHABET)), 0.0005)
        for row, character in enumerate(kept):
            shares[row, ALPHABET.index(character)] = self._share
        positions = (np.arange(len(kept)) + 0.5) / max(1, len(kept))
        return CharacterSlots(shares=shares, presence=np.full(len(kept), 0.999), positions=positions, raw_text=text)


def street(*, level: int = 230) -> np.ndarray:
    """Stripes of plate-like contrast everywhere."""
    picture = np.full((720, 1280, 3), level, dtype=np.uint8)
    for x in range(0, 1280, 12):
        cv2.rectangle(picture, (x, 0), (x + 4, 719), (level // 8,) * 3, -1)
    return picture


def window(picture: np.ndarray | None = None) -> Window:
    found = search_window(street() if picture is None else picture, (), None)
    assert found is not None
    return found


def region(x: float, y: float, *, width: float = 140, height: float = 34, likelihood: float = 0.9) -> Region:
    return Region(quad=quad_of_box(Box(x=x, y=y, width=width, height=height)), likelihood=likelihood)


def decoder_of(codes: Sequence[str], look_alikes: dict[str, float] = LOOK_ALIKES) -> Decoder:
    modules = select_modules(codes, installed_modules())
    return Decoder(modules=modules, confusion_matrix=confusion(look_alikes))


def candidate_reader(
    reader: SpokenReader,
    decoder: Decoder,
    *,
    max_bend: float = 4.5,
    crops: Sequence[dict[str, float]] = ({}, {"top": -0.15}),
    finds_lines: bool = True,
) -> CandidateReader:
    return CandidateReader(
        reader=reader,
        decoder=decoder,
        crops=crops,
        weights=DEFAULT_WEIGHTS,
        max_bend=max_bend,
        finds_lines=finds_lines,
        clock=reader.clock,
    )
