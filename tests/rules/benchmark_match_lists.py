"""How long one plate takes against 1,000,000 plates and 10,000 patterns: `python -m tests.rules.benchmark_match_lists`.

The best of five repetitions per plate is what the code costs; the rest is what else the machine was doing.
"""

from __future__ import annotations

import random
import string
import time

from events.types import ListKind
from rules.match_lists import MatchIndex
from rules.types import ListEntry, MatchPolicy
from tests.rules.examples import NOON, match_list

PLATES, PATTERNS, ASKED = 1_000_000, 10_000, 4_000
DICE = random.Random(1)


def plate() -> str:
    return "".join(DICE.choices(string.ascii_uppercase + string.digits, k=DICE.randint(5, 8)))


def pattern() -> str:
    """`?` anywhere, in three of ten a `*` too; at least three letters."""
    while True:
        text = "".join("?" if DICE.random() < 0.3 else character for character in plate())
        if DICE.random() < 0.3:
            place = DICE.randrange(len(text))
            text = f"{DICE.choice(['', '*'])}{text[:place]}*{text[place + DICE.randint(0, 3) :]}"
        letters = sum(character not in "?*" for character in text)
        if 3 <= letters < len(text):
            return text


def main() -> None:
    plates = [plate() for _ in range(PLATES)]
    lists = [match_list("strict"), match_list("tolerant", ListKind.WATCH, policy=MatchPolicy.LOOK_ALIKE)]
    lines = [("strict", ListEntry(entry_id="", pattern=one)) for one in plates]
    lines += [(DICE.choice(["strict", "tolerant"]), ListEntry(entry_id="", pattern=pattern())) for _ in range(PATTERNS)]
    began = time.perf_counter()
    index = MatchIndex(lists=lists, entries=lines)
    print(f"built from {index.size} entries in {time.perf_counter() - began:.1f} s")
    times = []
    for number in range(ASKED):
        asked = DICE.choice(plates) if number % 2 else plate()
        best = min(_seconds(index, asked) for _ in range(5))
        times.append(best * 1e6)
    times.sort()
    print(f"p50 {times[ASKED // 2]:.0f} us, p99 {times[ASKED * 99 // 100]:.0f} us, max {times[-1]:.0f} us (budget 100)")


def _seconds(index: MatchIndex, asked: str) -> float:
    began = time.perf_counter()
    index.match(asked, camera_id="cam1", at=NOON)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
