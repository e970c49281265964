"""Thresholds from how likelihoods are distributed, of texts known to be right and texts known to be wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Without a single wrong text nothing bounds the threshold from below: stay this far under the least sure right one.
SLACK = 0.1
# Neither may leave these: below, noise becomes plates; above, no vote ever ends early.
LOWEST, HIGHEST = 0.3, 0.98
# Less distance between the two saves nothing more (M-212) and leaves no room for a vote to grow.
LEAST_GAP = 0.05
# A handful of plates says little about the next thousand.
FEW = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """What the distribution suggests, and in words why."""

    discard_below: float
    stop_above: float
    why: str


def suggest_thresholds(right: Sequence[float], wrong: Sequence[float], *, missed: int = 0) -> Thresholds | None:
    """None when nothing was read rightly: then no threshold helps."""
    if not right:
        return None
    discard = _discard(sorted(right), sorted(wrong))
    kept_wrong = [one for one in wrong if one >= discard]
    # Stopping early is safe above every wrong text; among right texts, half should get there.
    stop = max([sorted(right)[len(right) // 2], *(one + 0.01 for one in kept_wrong), discard + LEAST_GAP])
    notes = [f"{len(right)} right texts from {min(right):.0%} to {max(right):.0%}"]
    if wrong:
        notes.append(f"{len(wrong)} wrong ones up to {max(wrong):.0%}, {len(kept_wrong)} of them still above")
    if missed:
        notes.append(f"{missed} plates were not read at all, which no threshold changes")
    if len(right) < FEW:
        notes.append("few plates: approve more snapshots before relying on this")
    return Thresholds(
        discard_below=discard, stop_above=round(min(HIGHEST, max(stop, discard)), 2), why="; ".join(notes) + "."
    )


def _discard(right: Sequence[float], wrong: Sequence[float]) -> float:
    """Between the two groups; where they overlap, where keeping right texts and dropping wrong ones weighs most."""
    if not wrong or wrong[-1] < LOWEST:
        return _bounded(right[0] - SLACK)
    if wrong[-1] < right[0]:
        return _bounded((wrong[-1] + right[0]) / 2)
    # Every right text is a possible threshold; the lowest of equally good ones loses the fewest vehicles.
    gain = {level: sum(one >= level for one in right) + sum(one < level for one in wrong) for level in right}
    return _bounded(min(gain, key=lambda level: (-gain[level], level)))


def _bounded(level: float) -> float:
    # Rounded down: the text that gave the level must pass it.
    return max(LOWEST, min(HIGHEST - LEAST_GAP, int(level * 100 + 1e-6) / 100))
