"""Auto-configuration: the recognition settings that the approved snapshots themselves ask for (M-165, M-246 to M-249).

    survey (whole picture, all heights) -> area and height band -> bounded search over them and the presets
        -> thresholds -> validation before and after, side by side

Nothing is saved here: the caller gets old and new values, keeps the old ones for undo, and decides. The new settings
never read fewer approved plates than the old ones, nor as many with more wrong texts: then the old ones stay.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from inference.errors import InferenceError
from inference.recognition import Polygon, Preset, RecognitionSettings
from inference.snapshots import RECOMMENDED, Snapshot
from inference.types import Box
from inference.validate import Loaded, SnapshotResult, Validation, validate
from inference.watch import Reads

# A vehicle is read in several frames before and after the one somebody kept: the area reaches this far beyond the
# plates seen, in shares of the picture; twice as far while few snapshots say where plates are.
AREA_MARGIN = 0.08
# An area this large saves next to nothing and can only lose plates.
WHOLE = 0.85
# The measured character heights, and this much more either way, on top of the quarter that recognition itself allows:
# the next vehicle is first seen a little farther away.
BAND_MARGIN = 1.1
# Characters take about this share of a found region's height, between the kinds of detectors (0.6 to 0.72).
CHARACTER_SHARE = 0.66
# Of two settings that read the same plates, one is faster only when it saves more than measuring varies by.
CLEARLY_FASTER = 0.9
JITTER_MS = 3.0
# The search looks at this many snapshots at most, spread over the set, and ends after this time.
MOST_SEARCHED = 10
SEARCH_S = 30.0
SURVEY_DISCARD = 0.3


class NothingRecognized(InferenceError):
    """No approved plate is read even with the widest settings; the message says why, per snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """The settings that auto-configuration chooses."""

    areas: tuple[Polygon, ...] = ()
    character_height_min: float | None = None
    character_height_max: float | None = None
    preset: Preset = Preset.BALANCED
    stop_above: float = 0.95
    discard_below: float = 0.5

    def applied(self, settings: RecognitionSettings) -> RecognitionSettings:
        """These values in the settings of recognition, which keeps its own, lower floor for single frames."""
        return replace(
            settings,
            areas=self.areas,
            character_height_min=self.character_height_min,
            character_height_max=self.character_height_max,
            preset=self.preset,
            stop_above=self.stop_above,
            discard_below=min(self.discard_below, SURVEY_DISCARD),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One point of the search and what it read of the searched snapshots."""

    values: Tuned
    correct: int
    plates: int
    mistakes: int
    """Texts that are no approved plate."""
    average_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoConfiguration:
    """Old and new values, what each reads, and how the new ones were found."""

    old: Tuned
    new: Tuned
    before: Validation
    after: Validation
    trials: tuple[Trial, ...]
    notes: tuple[str, ...]

    @property
    def changed(self) -> bool:
        return self.old != self.new


def autoconfigure(
    snapshots: Sequence[Snapshot],
    load: Loaded,
    recognizer: Reads,
    settings: RecognitionSettings,
    *,
    old: Tuned,
    character_share: float = CHARACTER_SHARE,
    clock: Callable[[], float] = time.perf_counter,
    stopped: Callable[[], bool] = lambda: False,
) -> AutoConfiguration:
    """Find settings for these snapshots; `settings` gives what is not tuned (modules, limits). Blocks.

    Raises NothingRecognized.
    """

    def run(chosen: Sequence[Snapshot], values: Tuned) -> Validation:
        return validate(
            chosen,
            load,
            recognizer,
            values.applied(settings),
            discard_below=values.discard_below,
            clock=clock,
            stopped=stopped,
        )

    valid = [one for one in snapshots if one.valid]
    widest = Tuned(preset=Preset.ACCURATE, discard_below=SURVEY_DISCARD)
    survey = run(valid, widest)
    if not survey.correct:
        raise NothingRecognized(_why_nothing(survey))
    before = run(valid, old)
    notes: list[str] = []
    area = suggest_area(survey.results, notes)
    band = suggest_band(survey.results, character_share=character_share)
    searched = _spread(valid, MOST_SEARCHED)
    deadline_s = clock() + SEARCH_S
    trials: list[Trial] = []
    for values in _choices(area, band, SURVEY_DISCARD):
        if trials and (clock() > deadline_s or stopped()):
            notes.append(f"The search ended after {len(trials)} settings to keep its time.")
            break
        trials.append(_trial(values, run(searched, values)))
    best = _best(trials)
    found = run(valid, best.values)
    new = best.values
    # The old ones at least suited somebody: without a distribution they stay.
    chosen = found.thresholds
    discard, stop = (chosen.discard_below, chosen.stop_above) if chosen else (old.discard_below, old.stop_above)
    new = replace(new, discard_below=discard, stop_above=stop)
    after = run(valid, new)
    if (after.correct, -_mistakes(after)) < (before.correct, -_mistakes(before)):
        notes.append("Nothing better than the present settings was found, so they stay.")
        new, after = old, before
    if len(valid) < RECOMMENDED:
        notes.append(f"Only {len(valid)} snapshots are approved: with {RECOMMENDED} to 10 the result is surer.")
    return AutoConfiguration(old=old, new=new, before=before, after=after, trials=tuple(trials), notes=tuple(notes))


def suggest_area(results: Sequence[SnapshotResult], notes: list[str] | None = None) -> tuple[Polygon, ...]:
    """The rectangle around all approved plates (M-172, M-173) with a margin; empty when that is nearly everything."""
    boxes = list(_shares(results))
    if not boxes:
        return ()
    margin = AREA_MARGIN if len(boxes) >= RECOMMENDED else 2 * AREA_MARGIN
    left, right = max(0.0, min(b.x for b in boxes) - margin), min(1.0, max(b.right for b in boxes) + margin)
    top, bottom = max(0.0, min(b.y for b in boxes) - margin), min(1.0, max(b.bottom for b in boxes) + margin)
    if (right - left) * (bottom - top) > WHOLE:
        if notes is not None:
            notes.append("Plates were seen nearly everywhere, so the area is the whole picture.")
        return ()
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return (tuple((round(x, 3), round(y, 3)) for x, y in corners),)


def suggest_band(
    results: Sequence[SnapshotResult], *, character_share: float = CHARACTER_SHARE
) -> tuple[float, float] | None:
    """Character heights from the farthest to the nearest plate (M-174), as shares of the picture's height."""
    heights = [box.height * character_share for box in _shares(results)]
    if not heights:
        return None
    return round(min(heights) / BAND_MARGIN, 4), round(min(1.0, max(heights) * BAND_MARGIN), 4)


def _shares(results: Sequence[SnapshotResult]) -> Iterator[Box]:
    """Boxes of the plates read correctly, in shares of their picture; a misread one may be something else."""
    for result in results:
        for one in result.candidates:
            if one.expected:
                box = one.box
                yield Box(
                    x=box.x / result.width_px,
                    y=box.y / result.height_px,
                    width=box.width / result.width_px,
                    height=box.height / result.height_px,
                )


def _choices(area: tuple[Polygon, ...], band: tuple[float, float] | None, discard_below: float) -> Iterator[Tuned]:
    """The most promising first: the search may run out of time."""
    low, high = band or (None, None)
    bands = [(low, high), (None, None)] if band else [(None, None)]
    areas = [area, ()] if area else [()]
    for minimum, maximum in bands:
        for one in areas:
            for preset in (Preset.BALANCED, Preset.FAST, Preset.ACCURATE):
                yield Tuned(
                    areas=one,
                    character_height_min=minimum,
                    character_height_max=maximum,
                    preset=preset,
                    discard_below=discard_below,
                )


def _trial(values: Tuned, validation: Validation) -> Trial:
    times = [result.elapsed_ms for result in validation.results]
    return Trial(
        values=values,
        correct=validation.correct,
        plates=validation.plates,
        mistakes=_mistakes(validation),
        average_ms=round(sum(times) / max(len(times), 1), 1),
    )


def _best(trials: Sequence[Trial]) -> Trial:
    """Most plates right, then fewest mistakes, then clearly the least time."""
    best = trials[0]
    for trial in trials[1:]:
        better = (trial.correct, -trial.mistakes), (best.correct, -best.mistakes)
        faster = trial.average_ms < CLEARLY_FASTER * best.average_ms - JITTER_MS
        if better[0] > better[1] or (better[0] == better[1] and faster):
            best = trial
    return best


def _mistakes(validation: Validation) -> int:
    return validation.wrong + validation.extra


def _spread(snapshots: Sequence[Snapshot], most: int) -> list[Snapshot]:
    """Evenly over the set, so that day and night, first and last are among them."""
    if len(snapshots) <= most:
        return list(snapshots)
    return [snapshots[index * len(snapshots) // most] for index in range(most)]


def _why_nothing(survey: Validation) -> str:
    if not survey.results:
        return "No snapshot is approved with its plate; approve at least one."
    reasons = ", ".join(
        f"{result.name}: {result.reason or f'read as {result.wrong[0][1]}'}" for result in survey.results[:5]
    )
    return (
        f"No approved plate is read even with the widest settings ({reasons}). Add better snapshots; when they look "
        "alike, check the camera's mounting and its settings (tune)."
    )
