"""Figures of several plates in one, and verdicts from two limits.

A figure is that of the worse quarter: three vehicles of four are seen at least as well, and one dirty plate decides
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from onvif_client.advice import Verdict


def low(values: Iterable[float]) -> float:
    """Where low is bad."""
    return float(np.percentile([*values], 25))


def high(values: Iterable[float]) -> float:
    """Where high is bad."""
    return float(np.percentile([*values], 75))


def share(holds: Iterable[bool]) -> float:
    each: Sequence[bool] = [*holds]
    return sum(each) / len(each)


def below(value: float, good: float, bad: float) -> Verdict:
    if value < bad:
        return Verdict.BAD
    return Verdict.WARN if value < good else Verdict.OK


def above(value: float, much: float, bad: float) -> Verdict:
    if value > bad:
        return Verdict.BAD
    return Verdict.WARN if value > much else Verdict.OK
