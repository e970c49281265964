"""How well a camera suits plates, and what weakens it: one verdict for each of five factors, and a score.

Any camera can be used; this says what it will be like and what to do about it. Plain code: everything it judges is
given. What nobody measured is unknown, and the report says how to measure it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from adapter.suitability_geometry import field_of_view, positioning, resolution
from adapter.suitability_light import exposure, shutter
from adapter.suitability_types import FEW_PLATES, Check, Factor, Judgement, Known, Suitability
from inference.funnel import CURES
from inference.types import RejectionReason
from onvif_client.advice import Verdict

CHECKS: dict[Factor, Callable[[Known], Iterator[Check]]] = {
    Factor.EXPOSURE: exposure,
    Factor.FIELD_OF_VIEW: field_of_view,
    Factor.SHUTTER: shutter,
    Factor.RESOLUTION: resolution,
    Factor.POSITIONING: positioning,
}

POINTS = {Verdict.OK: 100, Verdict.WARN: 60, Verdict.BAD: 0}
# One bad factor loses plates however good the others are, so it must not look like half a success.
MOST_WITH_BAD = 40

WORST_FIRST = (Verdict.BAD, Verdict.WARN, Verdict.OK, Verdict.UNKNOWN)

# A factor is well only when one of these was measured: good settings alone do not show that plates are seen well.
ESSENTIAL = {
    Factor.EXPOSURE: {"contrast"},
    Factor.FIELD_OF_VIEW: {"width in view"},
    Factor.SHUTTER: {"exposure time", "sharpness"},
    Factor.RESOLUTION: {"plate width"},
    Factor.POSITIONING: {"tilt"},
}

# Where nothing at all is read, why finds are refused is the only measure. It is a weak one, for signs are refused, too.
REFUSALS = {
    Factor.EXPOSURE: (RejectionReason.TOO_DARK, RejectionReason.LOW_CONTRAST),
    Factor.FIELD_OF_VIEW: (RejectionReason.CUT,),
    Factor.SHUTTER: (RejectionReason.BLURRED,),
    Factor.RESOLUTION: (RejectionReason.TOO_SMALL,),
}
MANY_REFUSED, REFUSED_SHARE = 20, 0.3

FEW = f"Few plates were measured ({{count}}); {FEW_PLATES} or more say what the camera is worth."


def suitability(known: Known, *, basis: str = "", notes: Sequence[str] = ()) -> Suitability:
    """The report. `basis` says where the plates come from, `notes` what could not be asked."""
    judgements = tuple(_judgement(factor, known) for factor in Factor)
    verdicts = [one.verdict for one in judgements if one.verdict is not Verdict.UNKNOWN]
    few = [FEW.format(count=len(known.views))] if 0 < len(known.views) < FEW_PLATES else []
    return Suitability(
        score=_score(verdicts),
        verdict=_worst(verdicts),
        judged=len(verdicts),
        basis=basis,
        judgements=judgements,
        notes=(*notes, *few),
    )


def _judgement(factor: Factor, known: Known) -> Judgement:
    checks = [*CHECKS[factor](known)]
    if not known.views:
        checks += _refusals(factor, known)
    verdict = _worst([check.verdict for check in checks])
    essential = [check for check in checks if check.name in ESSENTIAL[factor]]
    if verdict is Verdict.OK and all(check.verdict is Verdict.UNKNOWN for check in essential):
        verdict = Verdict.UNKNOWN
    # What decides is the first of the worst; of an unknown factor, what should be measured for it.
    candidates = essential if verdict is Verdict.UNKNOWN else checks
    decisive = next(check for check in candidates if check.verdict is verdict)
    return Judgement(
        factor=factor,
        verdict=verdict,
        measured=decisive.measured,
        limit=decisive.limit,
        cause=decisive.cause,
        cure=decisive.cure,
        checks=tuple(checks),
    )


def _refusals(factor: Factor, known: Known) -> list[Check]:
    """A warning where most of what was found is refused for a reason of this factor."""
    total = known.refused.total()
    if total < MANY_REFUSED:
        return []
    worst = max(REFUSALS.get(factor, ()), key=lambda reason: known.refused[reason], default=None)
    if worst is None or known.refused[worst] < REFUSED_SHARE * total:
        return []
    return [
        Check(
            name="refused finds",
            verdict=Verdict.WARN,
            measured=f"{known.refused[worst]} of {total} finds {worst.value.replace('_', ' ')}",
            limit=f"less than {REFUSED_SHARE:.0%}",
            cause="No plate is read, and this is what most finds are refused for.",
            cure=CURES[worst],
        )
    ]


def _score(verdicts: Sequence[Verdict]) -> int | None:
    if not verdicts:
        return None
    mean = round(sum(POINTS[verdict] for verdict in verdicts) / len(verdicts))
    return min(mean, MOST_WITH_BAD) if Verdict.BAD in verdicts else mean


def _worst(verdicts: Sequence[Verdict]) -> Verdict:
    return min(verdicts, key=WORST_FIRST.index, default=Verdict.UNKNOWN)
