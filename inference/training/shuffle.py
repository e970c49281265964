"""New real plates from real plates: their own characters in another order.

A few thousand labelled plates are soon known by heart; permuted ones have the same light, blur and glyphs but a text
that was never seen (after Goncalves et al., "Real-time automatic license plate recognition through deep multi-task
networks", SIBGRAPI 2018). Where the characters stand is asked of the reader in training, so nobody labels it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from inference.training.reader_data import RealCrop, real_view
from inference.training.reader_model import ALPHABET, COLUMNS, LONGEST, NOTHING, ReaderNet

# Places are believed where the reader gives the known text at least this much likelihood for each character.
LEAST_SURE = 0.3
PLAIN_MARGIN = 0.05  # of the box's width, as `real_view` cuts it
STEEPEST = 0.2  # rise over run
IN_CLASS = 0.7  # share of permutations that keep letters and digits where they were
# Many countries draw these alike, and only where they stand tells them apart: there letters stay among letters.
ALIKE = frozenset("O0QI1")
REPEATED = 0.3  # share whose characters are drawn with replacement, so that equal ones stand side by side
OTHER_LENGTH = 0.15

# Share of a plate's showings that are in another order, where its characters were found.
OFTEN = 0.65
# Above this share of found plates nothing is gained by asking a better reader again.
ENOUGH = 0.9

Cuts = tuple[int, ...]
"""Columns of pixels before, between and after a plate's characters: one more than there are characters."""


class Shuffle:
    """Other orders of the real plates given, as soon as a reader told where their characters stand."""

    def __init__(self, crops: Sequence[RealCrop]) -> None:
        self._crops = crops
        self._cuts: dict[int, tuple[RealCrop, Cuts]] = {}

    @property
    def enough(self) -> bool:
        """Whether nearly all plates can be cut."""
        return len(self._cuts) >= ENOUGH * len(self._crops)

    def ask(self, net: ReaderNet) -> None:
        """Let the reader say where the characters stand; plates found before are not lost."""
        self._cuts |= find_cuts(net, self._crops)

    def __call__(self, index: int, rng: random.Random) -> RealCrop | None:
        """The plate of that index in another order; None where it is to be shown as it is."""
        if index not in self._cuts or rng.random() >= OFTEN:
            return None
        return shuffled(*self._cuts[index], rng)


@torch.no_grad()
def find_cuts(net: ReaderNet, crops: Sequence[RealCrop]) -> dict[int, tuple[RealCrop, Cuts]]:
    """By index: levelled crops and where to cut them, of all plates whose characters the reader finds in one line."""
    net.eval()
    rng = random.Random(0)
    found: dict[int, tuple[RealCrop, Cuts]] = {}
    for start in range(0, len(crops), 64):
        part = [level(crop) for crop in crops[start : start + 64]]
        views = np.stack([real_view(crop, rng, plain=True) for crop in part])
        logits = net(torch.from_numpy(views).unsqueeze(1).float() / 255)
        shares = torch.log_softmax(logits, -1).numpy()
        for index, (crop, (upper, lower)) in enumerate(zip(part, shares, strict=True), start):
            if np.any(lower.argmax(-1) != NOTHING):
                continue  # two lines
            middles = align(upper, crop.text)
            cuts = _cuts(crop, middles) if middles is not None else None
            if cuts is not None:
                found[index] = (crop, cuts)
    return found


def align(shares: NDArray[np.float32], text: str) -> list[float] | None:
    """Where each character of a known text stands, in columns: the best CTC path through (36, 37) log shares.

    None where the reader does not see that text there.
    """
    states = [NOTHING]
    for char in text:
        states += [ALPHABET.index(char), NOTHING]
    count = len(states)
    best = np.full(count, -np.inf)
    best[:2] = shares[0, states[0]], shares[0, states[1]]
    came = np.zeros((COLUMNS, count), np.int64)
    skips = [s >= 2 and states[s] != NOTHING and states[s] != states[s - 2] for s in range(count)]
    for column in range(1, COLUMNS):
        options = np.stack(
            [
                best,
                np.concatenate([[-np.inf], best[:-1]]),
                np.where(skips, np.concatenate([[-np.inf, -np.inf], best[:-2]]), -np.inf),
            ]
        )
        came[column] = options.argmax(0)
        best = options.max(0) + shares[column, states]
    state = count - 1 if best[-1] >= best[-2] else count - 2
    if best[state] < len(text) * np.log(LEAST_SURE):
        return None
    weights = np.zeros((len(text), COLUMNS))
    for column in range(COLUMNS - 1, -1, -1):
        if state % 2:
            weights[state // 2, column] = np.exp(shares[column, states[state]])
        state -= came[column, state]
    middles = (weights * (np.arange(COLUMNS) + 0.5)).sum(1) / weights.sum(1)
    return [float(middle) for middle in middles]


def _cuts(crop: RealCrop, middles: Sequence[float]) -> Cuts | None:
    """Cuts between characters, where the picture varies least from top to bottom; None where there is no room."""
    x, y, w, h = crop.box
    if len(middles) < 3:
        return None
    left = x + (crop.mask_left - PLAIN_MARGIN) * w
    width = (1 + 2 * PLAIN_MARGIN - crop.mask_left) * w
    at = [left + middle / COLUMNS * width for middle in middles]
    steps = np.diff(at)
    if steps.min() < max(4.0, 0.35 * float(np.median(steps))):
        return None
    grey = cv2.cvtColor(crop.picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    ink = grey[max(0, round(y + 0.25 * h)) : round(y + 0.75 * h)].std(0)
    cuts = []
    for before, after in pairwise(at):
        low, high = round(before + 0.3 * (after - before)), round(before + 0.7 * (after - before))
        cuts.append(low + int(np.argmin(ink[low : high + 1])))
    # The outermost characters are as wide outward as inward, but a gap between groups is not theirs.
    reach = 0.6 * float(np.median(steps))
    first, last = round(at[0] - min(reach, cuts[0] - at[0])), round(at[-1] + min(reach, at[-1] - cuts[-1]) + 0.5)
    edges = (max(0, first), *cuts, min(crop.picture.shape[1], last))
    return edges if all(a < b for a, b in pairwise(edges)) else None


def level(crop: RealCrop) -> RealCrop:
    """The crop with its line of characters made level, or as it is where that shows no sharper edges."""
    x, y, w, h = crop.box
    grey = cv2.cvtColor(crop.picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    edges = np.abs(np.diff(grey, axis=0, append=grey[-1:]))
    size = (grey.shape[1], grey.shape[0])

    def lean(rise: float) -> NDArray[np.float32]:
        return np.array([[1, 0, 0], [-rise, 1, rise * (x + w / 2)]], np.float32)

    def sharpness(rise: float) -> float:
        rows = cv2.warpAffine(edges, lean(rise), size)[:, max(0, round(x)) : round(x + w)].mean(1)
        return float((rows**2).sum())

    rises = np.linspace(-STEEPEST, STEEPEST, 17)
    rise = float(max(rises, key=sharpness))
    if sharpness(rise) < 1.05 * sharpness(0.0):
        return crop
    picture = cv2.warpAffine(crop.picture, lean(rise), size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    # A tilted plate's box is as much higher as it rises.
    spare = min(abs(rise) * w, 0.5 * h)
    return replace(crop, picture=picture.astype(np.uint8), box=(x, y + spare / 2, w, h - spare))


def shuffled(crop: RealCrop, cuts: Cuts, rng: random.Random) -> RealCrop:
    """The plate with its characters in another order, some of them twice, now and then one more or less."""
    text = crop.text
    order = list(range(len(text)))
    ruled = not ALIKE.isdisjoint(text)
    if ruled or rng.random() < IN_CLASS:
        for kind in (True, False):
            places = [i for i, char in enumerate(text) if char.isdigit() is kind]
            for place, index in zip(places, _drawn(places, rng), strict=True):
                order[place] = index
    else:
        order = _drawn(order, rng)
    if not ruled and rng.random() < OTHER_LENGTH:
        if rng.random() < 0.5 and len(order) > 4:
            order.pop(rng.randrange(len(order)))
        elif len(order) < LONGEST - 1:
            order.insert(rng.randrange(len(order) + 1), rng.randrange(len(text)))
    parts = [crop.picture[:, : cuts[0]], *(crop.picture[:, cuts[i] : cuts[i + 1]] for i in order)]
    parts.append(crop.picture[:, cuts[-1] :])
    picture = np.ascontiguousarray(np.concatenate(parts, axis=1))
    x, y, w, h = crop.box
    wider = picture.shape[1] - crop.picture.shape[1]
    # The masked share of a plate is that of its old width.
    mask = crop.mask_left * w / (w + wider)
    return replace(
        crop, picture=picture, box=(x, y, w + wider, h), text="".join(text[i] for i in order), mask_left=mask
    )


def _drawn(places: list[int], rng: random.Random) -> list[int]:
    if rng.random() < REPEATED:
        return rng.choices(places, k=len(places))
    return rng.sample(places, len(places))
