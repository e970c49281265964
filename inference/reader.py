"""Which characters stand in this crop? Networks answer in their own ways; `CharacterSlots` is what decoding sees."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.models import Runs
from inference.regions import Quad, cut
from inference.types import Picture

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""The order of the character axis everywhere in this room."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CharacterSlots:
    """What a reader saw from left to right: at each slot a share per character, and how surely there is one at all.

    `shares` has a row per slot over `ALPHABET`; a row sums to at most 1, the rest are characters no plate carries.
    `positions` are centres along the crop's width, 0 to 1 (evenly spread when the reader cannot tell).
    """

    shares: Floats
    presence: Floats
    positions: Floats
    raw_text: str
    world: Mapping[str, float] = field(default_factory=dict)
    """How likely the whole plate's look is that of each part of the world; empty when the reader cannot tell."""
    two_lines: float | None = None
    """How likely the plate has two lines; None when the reader cannot tell."""


class Reader(Protocol):
    """What the recogniser asks of a reader."""

    def read(self, picture: Picture, quads: Sequence[Quad]) -> list[CharacterSlots]:
        """One answer per shape, in order."""


class LineReader:
    """A CTC recogniser of text lines (PP-OCR): 48 pixels high, as wide as the line, a large alphabet folded to ours."""

    height_px = 48
    # Below two characters' width the network has nothing to compare; above, a line is a banner and not a plate.
    min_width_px, max_width_px = 64, 480
    # Widths are rounded up so that crops of nearly equal width share a batch and shapes repeat.
    width_step_px = 32
    max_batch = 8

    def __init__(self, *, network: Runs, characters: Sequence[str]) -> None:
        self._network = network
        # Class 0 is the CTC blank; a space follows the dictionary.
        self._classes = ["", *characters, " "]
        self._members, self._fold = _folding(self._classes)
        self._keys = [_look_alike_key(text) for text in self._classes]
        self._blanks = np.array([i for i, text in enumerate(self._classes) if not text or not text[0].isalnum()])

    def read(self, picture: Picture, quads: Sequence[Quad]) -> list[CharacterSlots]:
        widths = [self._width_of(quad) for quad in quads]
        answers: dict[int, CharacterSlots] = {}
        # Crops of like width share a batch, so padding stays small.
        order = sorted(range(len(quads)), key=lambda index: widths[index])
        for start in range(0, len(order), self.max_batch):
            chunk = order[start : start + self.max_batch]
            step = self.width_step_px
            padded = math.ceil(max(widths[index] for index in chunk) / step) * step
            # The network was trained with crops padded by middle grey on the right.
            batch = np.zeros((len(chunk), 3, self.height_px, padded), dtype=np.float32)
            for row, index in enumerate(chunk):
                crop = cut(picture, quads[index], width=widths[index], height=self.height_px)
                batch[row, :, :, : widths[index]] = crop.astype(np.float32).transpose(2, 0, 1) * (2 / 255) - 1
            for row, probabilities in enumerate(self._network.run(batch)[0]):
                index = chunk[row]
                answers[index] = self._slots(probabilities, widths[index] / padded)
        return [answers[index] for index in range(len(quads))]

    def _width_of(self, quad: Quad) -> int:
        width = (np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2
        height = max(1.0, float(np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])) / 2)
        return int(np.clip(math.ceil(self.height_px * width / height), self.min_width_px, self.max_width_px))

    def _slots(self, probabilities: NDArray[Any], used_width: float) -> CharacterSlots:
        """Runs of frames that are not blank become slots; look-alikes that flicker inside a run stay one slot."""
        frames = probabilities.shape[0]
        # Hyphens, dots and spaces between printed groups are as good as blank; a character of another script is not:
        # it is a plate character misread, or a reason to doubt.
        filled = 1.0 - probabilities[:, self._blanks].sum(axis=1, dtype=np.float64)
        strongest = probabilities.argmax(axis=1)
        shares = probabilities[:, self._members].astype(np.float64) @ self._fold
        spans = _spans(filled.tolist(), [self._keys[index] for index in strongest])
        rows, presence, positions = _of_spans(shares, filled.tolist(), spans)
        raw = [self._classes[c] for i, c in enumerate(strongest) if c and (i == 0 or strongest[i - 1] != c)]
        return CharacterSlots(
            shares=rows,
            presence=presence,
            positions=positions / (frames * used_width),
            raw_text="".join(raw).strip(),
        )


class SlotReader:
    """A reader with a fixed number of slots (CCT): a softmax over the alphabet and a padding sign at each."""

    def __init__(self, *, network: Runs, alphabet: str, pad: str, width_px: int, height_px: int) -> None:
        self._network = network
        self._width, self._height = width_px, height_px
        self._columns = [alphabet.index(character) for character in ALPHABET]
        self._pad = alphabet.index(pad)

    def read(self, picture: Picture, quads: Sequence[Quad]) -> list[CharacterSlots]:
        if not quads:
            return []
        crops = [cut(picture, quad, width=self._width, height=self._height)[:, :, ::-1] for quad in quads]
        probabilities = self._network.run(np.ascontiguousarray(np.stack(crops)))[0]
        return [self._slots(np.asarray(row, dtype=np.float64)) for row in probabilities]

    def _slots(self, probabilities: Floats) -> CharacterSlots:
        presence = 1.0 - probabilities[:, self._pad]
        kept = presence > FAINT
        letters = probabilities[kept][:, self._columns]
        shares = letters / np.maximum(presence[kept], 1e-9)[:, None]
        slots = probabilities.shape[0]
        return CharacterSlots(
            shares=shares,
            presence=presence[kept],
            positions=(np.arange(slots)[kept] + 0.5) / slots,
            raw_text="".join(
                ALPHABET[i] for i, there in zip(letters.argmax(axis=1), presence[kept], strict=True) if there > 0.5
            ),
        )


class RowsReader:
    """Our own reader: columns along the upper (or only) and the lower line, each a share per character and "nothing".

    The network takes (batch, height, width, 1) grey bytes and gives (batch, 2, columns, classes); the last class is
    "nothing". It may also give (batch, parts of the world + 1): a share for each part that `world` names in this order,
    then how likely the plate has two lines.
    """

    max_batch = 8

    def __init__(
        self, *, network: Runs, alphabet: str, width_px: int, height_px: int, world: Sequence[str] = ()
    ) -> None:
        self._network = network
        self._world = tuple(world)
        self._width, self._height = width_px, height_px
        self._columns = [alphabet.index(character) for character in ALPHABET]
        self._keys = [_look_alike_key(character) for character in alphabet]

    def read(self, picture: Picture, quads: Sequence[Quad]) -> list[CharacterSlots]:
        answers: list[CharacterSlots] = []
        for start in range(0, len(quads), self.max_batch):
            chunk = quads[start : start + self.max_batch]
            crops = [cut(picture, quad, width=self._width, height=self._height) for quad in chunk]
            batch = np.stack([cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY) for crop in crops])[..., None]
            rows, *facts = self._network.run(batch)
            slots = [self._slots(one) for one in rows]
            if facts and self._world:
                slots = [self._with_facts(one, fact) for one, fact in zip(slots, facts[0], strict=True)]
            answers += slots
        return answers

    def _with_facts(self, slots: CharacterSlots, facts: NDArray[Any]) -> CharacterSlots:
        *world, two_lines = facts.tolist()
        return replace(slots, world=dict(zip(self._world, world, strict=True)), two_lines=two_lines)

    def _slots(self, rows: NDArray[Any]) -> CharacterSlots:
        # Both lines behind each other, as one is read after the other.
        columns = rows.shape[1]
        filled = 1.0 - rows[:, :, -1].astype(np.float64)
        spans: list[tuple[int, int]] = []
        for line, line_filled in enumerate(filled.tolist()):
            if max(line_filled) < FAINT:
                continue  # most plates have one line
            keys = [self._keys[index] for index in rows[line, :, :-1].argmax(axis=1).tolist()]
            spans += [(start + line * columns, stop + line * columns) for start, stop in _spans(line_filled, keys)]
        shares, presence, positions = _of_spans(rows.reshape(-1, rows.shape[2]), filled.ravel().tolist(), spans)
        shares = shares[:, self._columns]
        strongest_of = shares.argmax(axis=1).tolist() if spans else []
        return CharacterSlots(
            shares=shares,
            presence=presence,
            positions=positions % columns / columns,
            raw_text="".join(
                ALPHABET[i] for i, there in zip(strongest_of, presence.tolist(), strict=True) if there > 0.5
            ),
        )


# A slot that is there with less than this share changes no decision and costs time.
FAINT = 0.05
# Filled less than this between two frames that show one character: there are two, close to each other.
GAP = 0.3


def _spans(filled: Sequence[float], keys: Sequence[str]) -> list[tuple[int, int]]:
    """Neighbouring frames that show the same character (look-alikes count as the same), each as (first, past the last).

    Faint frames join their left. A clear gap between two frames of one character makes two of it.
    """
    spans: list[tuple[int, int]] = []
    key: str | None = None
    faintest = 1.0
    for frame, share in enumerate(filled):
        if share < FAINT:
            continue
        strong = share >= 0.5
        same = key is None or (keys[frame] == key and faintest >= GAP)
        if spans and spans[-1][1] == frame and (not strong or same):
            spans[-1] = (spans[-1][0], frame + 1)
        else:
            spans.append((frame, frame + 1))
            key = None
        faintest = 1.0 if strong else min(faintest, share)
        if strong:
            key = keys[frame]
    return spans


def _of_spans(
    shares: NDArray[Any], filled: Sequence[float], spans: Sequence[tuple[int, int]]
) -> tuple[Floats, Floats, Floats]:
    """Of each span: its shares as its frames are filled, how surely there is something, and its middle in frames."""
    if not spans:
        return np.empty((0, shares.shape[1])), np.empty(0), np.empty(0)
    # A few numbers each: lists are faster than arrays.
    weights = [sum(filled[start:stop]) for start, stop in spans]
    centres = [
        sum((frame + 0.5) * filled[frame] for frame in range(start, stop)) / weight
        for (start, stop), weight in zip(spans, weights, strict=True)
    ]
    sums = np.array([shares[start:stop].sum(axis=0, dtype=np.float64) for start, stop in spans])
    presence = np.array([max(filled[start:stop]) for start, stop in spans])
    return sums / np.array(weights)[:, None], presence, np.array(centres)


def _look_alike_key(character: str) -> str:
    return character.upper().translate(_LOOK_ALIKES)


_LOOK_ALIKES = str.maketrans("OQDILBSZG", "000118526")


def _folding(classes: Sequence[str]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The classes that are plate characters in some script's clothing, and which of ours each is: a row of one 1."""
    members, targets = [], []
    for index, text in enumerate(classes):
        plain = unicodedata.normalize("NFKD", text)[:1].upper() if text else ""
        if plain and plain in ALPHABET:
            members.append(index)
            targets.append(ALPHABET.index(plain))
    return np.array(members), np.eye(len(ALPHABET))[targets]
