"""Do the figures reach their targets? The targets are data: `bench_targets.toml`, or a file of the same form.

What was not measured (a pack that is not installed, photos that are not there) is said to be so and never passes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from inference.bench import summary
from inference.bench_cameras import USUAL_SHARE
from inference.bench_report import PackResult, Report
from inference.bench_speed import GATE, REFERENCE, SMALL_GAP, Cost
from inference.errors import InferenceError

TARGETS = Path(__file__).parent / "bench_targets.toml"

NO_PACK = "the pack was not measured"
NO_PHOTOS = "no labelled photos of this set"
NO_BOXES = "the labels have no boxes"
NO_CLIPS = "no labelled clips"
NO_SPEED = "times were not measured"
NO_REFERENCE = "rapidocr did not run"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PackTargets(_Strict):
    """What one pack must reach; None is not asked for."""

    match: Mapping[str, float] = {}
    """By set of photos; `all` is over all of them."""
    found: float | None = None
    false_most: float | None = None
    ece_most: float | None = None
    clips_right: float | None = None
    """Share of labelled vehicles with their plate."""
    clips_one_each: float | None = None
    """Share of labelled vehicles in clips with exactly one passage."""
    clips_extra_most: int | None = None
    """Passages in clips that are no vehicle's plate. Labels may be incomplete, so only a person can say of some."""
    cameras_per_core: float | None = None
    """At 720p, 4 frames a second, 5 % of them with motion, as many together as were tried."""
    whole_times_rapidocr: float | None = None
    trimmed_times_rapidocr: float | None = None
    """With a quarter of the frame and the height band."""
    small_gap_time_most: float | None = None
    """Time for a whole frame with hardly a gap between `stop_above` and `discard_below`, as a share of the usual."""
    match_of_rapidocr: float | None = None
    """Of rapidocr's matches on the same frames."""
    plain_time_most: Mapping[str, float] = {}
    """Time for a whole frame, as a share of that pack's plain use."""
    reader_time_most: Mapping[str, float] = {}
    """The reader's time for one crop, as a share of that pack's reader's."""


class Targets(_Strict):
    """Everything the bench can be held to."""

    still_times_rapidocr: float | None = None
    packs: Mapping[str, PackTargets] = {}


class State(StrEnum):
    PASSED = "pass"
    MISSED = "MISS"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One target beside what was measured; `value` is None when nothing was, for the reason `why`."""

    name: str
    target: float
    value: float | None
    most: bool = False
    why: str = ""

    @property
    def state(self) -> State:
        if self.value is None:
            return State.NOT_MEASURED
        return State.PASSED if (self.value <= self.target if self.most else self.value >= self.target) else State.MISSED

    def as_json(self) -> dict[str, str | float | bool | None]:
        return {
            "name": self.name,
            "target": self.target,
            "most": self.most,
            "value": self.value,
            "state": self.state.value.lower(),
            "why": self.why if self.value is None else "",
        }

    def line(self) -> str:
        """For people."""
        value = self.why if self.value is None else f"{self.value:.3f}"
        return f"{self.state:<12}  {self.name:<46} {'<=' if self.most else '>='} {self.target:<6g}  {value}"


def read_targets(path: Path = TARGETS) -> Targets:
    """The targets of a file; raises InferenceError naming what is wrong in it."""
    try:
        return Targets.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InferenceError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InferenceError(f"{path} holds no valid targets: {wrong}") from error


def check(report: Report, targets: Targets) -> list[Check]:
    """Every target and what was measured for it."""
    results = {result.pack: result for result in report.packs}
    checks: list[Check] = []
    for pack, wanted in targets.packs.items():
        result = results.get(pack)
        checks += _accuracy(pack, wanted, result)
        checks += _clips(pack, wanted, result)
        checks += _speed(pack, wanted, report)
    if targets.still_times_rapidocr is not None:
        times = _times_rapidocr(report, report.cost(GATE, "still"))
        why = NO_SPEED if not report.costs else NO_REFERENCE
        name = "frames without motion, times faster than rapidocr"
        checks.append(Check(name=name, target=targets.still_times_rapidocr, value=times, why=why))
    return checks


def lines(checks: list[Check]) -> list[str]:
    """A line per target and one that sums up."""
    count = {state: sum(one.state is state for one in checks) for state in State}
    return [one.line() for one in checks] + [
        f"{count[State.PASSED]} targets reached, {count[State.MISSED]} missed, {count[State.NOT_MEASURED]} not measured"
    ]


def failed(checks: list[Check]) -> bool:
    """Something was missed, or nothing at all was measured."""
    states = {one.state for one in checks}
    return State.MISSED in states or State.PASSED not in states


def _accuracy(pack: str, wanted: PackTargets, result: PackResult | None) -> Iterator[Check]:
    sets = summary(result.outcomes) if result is not None and result.outcomes else {}
    for group, least in wanted.match.items():
        why = NO_PACK if result is None else NO_PHOTOS
        value = sets.get(group, {}).get("match")
        yield Check(name=f"{pack}: match, {group}", target=least, value=value, why=why)
    over_all = sets.get("all", {})
    why = NO_PACK if result is None else NO_BOXES if sets else NO_PHOTOS
    if wanted.found is not None:
        yield Check(name=f"{pack}: plates found", target=wanted.found, value=over_all.get("found"), why=why)
    if wanted.false_most is not None:
        value = over_all.get("false")
        yield Check(name=f"{pack}: false readings per photo", target=wanted.false_most, value=value, most=True, why=why)
    if wanted.ece_most is not None:
        value = over_all.get("ece")
        yield Check(name=f"{pack}: calibration error", target=wanted.ece_most, value=value, most=True, why=why)


def _clips(pack: str, wanted: PackTargets, result: PackResult | None) -> Iterator[Check]:
    clips = result.clips if result is not None else []
    vehicles = sum(len(clip.expected) for clip in clips)
    right = sum(clip.right for clip in clips)
    once = sum(clip.told_once for clip in clips)
    why = NO_PACK if result is None else NO_CLIPS
    for name, least, count in (
        ("plate of each vehicle in clips", wanted.clips_right, right),
        ("one passage for each vehicle in clips", wanted.clips_one_each, once),
    ):
        if least is not None:
            yield Check(name=f"{pack}: {name}", target=least, value=count / vehicles if vehicles else None, why=why)
    if wanted.clips_extra_most is not None:
        extra = sum(len(clip.extra) for clip in clips)
        judged = vehicles > 0 and extra <= wanted.clips_extra_most
        why = f"{extra} passages of unlabelled vehicles or of none: a person must look" if extra else why
        name = f"{pack}: passages of no vehicle in clips"
        target = float(wanted.clips_extra_most)
        yield Check(name=name, target=target, value=float(extra) if judged else None, most=True, why=why)


def _speed(pack: str, wanted: PackTargets, report: Report) -> Iterator[Check]:
    whole, trimmed = report.cost(pack, "whole"), report.cost(pack, "area+band")
    missing = NO_SPEED if not report.costs else NO_PACK
    no_peer = missing if whole is None else NO_REFERENCE
    if wanted.whole_times_rapidocr is not None:
        value = _times_rapidocr(report, whole)
        name = f"{pack}: whole frame, times faster than rapidocr"
        yield Check(name=name, target=wanted.whole_times_rapidocr, value=value, why=no_peer)
    if wanted.trimmed_times_rapidocr is not None:
        value = _times_rapidocr(report, trimmed)
        why = NO_BOXES if whole is not None and trimmed is None else no_peer
        name = f"{pack}: area and height band, times faster"
        yield Check(name=name, target=wanted.trimmed_times_rapidocr, value=value, why=why)
    if wanted.small_gap_time_most is not None:
        narrow = report.cost(pack, SMALL_GAP)
        value = narrow.mean_ms / whole.mean_ms if narrow and whole else None
        name = f"{pack}: time with a small gap of thresholds"
        yield Check(name=name, target=wanted.small_gap_time_most, value=value, most=True, why=missing)
    if wanted.match_of_rapidocr is not None:
        peer = report.cost(REFERENCE, "whole")
        value = whole.match / peer.match if whole and peer and whole.match is not None and peer.match else None
        name = f"{pack}: matches, as a share of rapidocr's"
        yield Check(name=name, target=wanted.match_of_rapidocr, value=value, why=no_peer)
    for peers, scenario, of, words in (
        (wanted.plain_time_most, "whole", "plain", "time of {}'s plain use"),
        (wanted.reader_time_most, "reader", "reader", "reader's time of {}'s"),
    ):
        for peer_name, most in peers.items():
            own, other = report.cost(pack, scenario), report.cost(peer_name, of)
            value = own.mean_ms / other.mean_ms if own and other else None
            why = missing if own is None else f"{peer_name} was not measured"
            yield Check(name=f"{pack}: {words.format(peer_name)}", target=most, value=value, most=True, why=why)
    if wanted.cameras_per_core is not None:
        yield Check(
            name=f"{pack}: cameras per core at {USUAL_SHARE:.0%} motion",
            target=wanted.cameras_per_core,
            value=_cameras_per_core(pack, report),
            why=missing,
        )


def _cameras_per_core(pack: str, report: Report) -> float | None:
    """Of the largest number of cameras that ran together."""
    fleets = [fleet for fleet in report.fleets if fleet.pipeline == pack]
    return max(fleets, key=lambda fleet: fleet.cameras).cameras_per_core if fleets else None


def _times_rapidocr(report: Report, cost: Cost | None) -> float | None:
    return report.ratio(cost) if cost is not None else None
