"""Many readings of one plate become one text.

Readings are aligned character by character, so that one that lost its first letter still votes for the rest. Each vote
weighs what its likelihood, sharpness and size make it worth. Plain code: no clock, no I/O, no model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from inference.types import CharacterLikelihood, LicensePlate, PlateType, Reading

# A character the reader did not name among its rivals may still be the true one, at about this rate.
UNNAMED = 0.01
# Shapes that readers confuse by nature get a higher floor.
LOOK_ALIKE = 0.08
LOOK_ALIKES = ("0ODQ", "1I", "8B", "5S", "2Z", "6G", "4A", "VY", "UV", "MN", "7T")
# A reader loses a character at the end of a plate more often than it invents one: the most complete text wins.
LOST_AT_END = 0.1
LOST_AT_CUT_END = 0.5
LOST_INSIDE = 0.02
INVENTED = 0.015
# Neighbouring frames make the same mistakes, so each further agreeing read counts for less.
AGREEMENT = (1.0, 0.25, 0.2, 0.15, 0.1, 0.1)
# Parts of a plate shorter than this are alike by chance.
LEAST_PART = 3
# Two readings so alike are hardly of two plates, nor of letters that are none.
WITNESS = 0.7
# Votes that never come to rest would make every decision dearer; the weakest are dropped beyond this number.
MOST_VOTES = 16
# What several pictures say together is heard against the vote from this likelihood on.
JOINT_SURE = 0.5
MOST_CANDIDATES = 6

# Moves of an alignment.
MATCH, INVENT, LOST = range(3)

_PAIRS = frozenset((a, b) for group in LOOK_ALIKES for a in group for b in group if a != b)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One reading and what it is worth. `cut` says that the plate touched the edge of the picture."""

    reading: Reading
    weight: float
    cut: bool = False

    @property
    def text(self) -> str:
        return self.reading.plate.plate_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the votes say. `support` counts the readings that said exactly this text (for a consensus: its weakest
    character), `witnesses` those that said it or nearly so: of the same plate, whatever is doubtful about it."""

    plate: LicensePlate
    likelihood: float
    characters: tuple[CharacterLikelihood, ...]
    support: int
    witnesses: int
    strongest: float
    """The likelihood of the best single reading of this very text, 0 when no single reading said it."""
    country_likelihood: float
    module_code: str | None
    joint: bool = False
    """All pictures together say so too."""

    @property
    def text(self) -> str:
        return self.plate.plate_number


def weigh(reading: Reading, *, cut: bool, best_sharpness: float, widest_px: float) -> Vote:
    """A vote for a reading, worth less when unsure, blurred, small or cut off."""
    sharp = 0.4 + 0.6 * min(1.0, reading.sharpness / best_sharpness) if best_sharpness > 0 else 1.0
    size = 0.5 + 0.5 * min(1.0, reading.box.width / widest_px) if widest_px > 0 else 1.0
    weight = (0.1 + reading.likelihood**2) * sharp * size * (0.4 if cut else 1.0)
    return Vote(reading=reading, weight=weight, cut=cut)


def similarity(one: str, other: str) -> float:
    """How alike two texts are, 0 to 1: look-alikes cost a third of a character, a cut-off end next to nothing."""
    if not one or not other:
        return 0.0
    short, long = sorted((one, other), key=len)
    if len(short) >= LEAST_PART and short in long:
        return max(0.8, len(short) / len(long))
    # Two parts of one plate: the end of the one is the start of the other.
    overlap = max(_overlap(one, other), _overlap(other, one))
    if overlap >= LEAST_PART and overlap >= 0.6 * len(short):
        return 0.75
    previous = list(map(float, range(len(long) + 1)))
    for row, a in enumerate(short, 1):
        current = [float(row)]
        for column, b in enumerate(long, 1):
            change = 0.0 if a == b else 0.34 if (a, b) in _PAIRS else 1.0
            current.append(min(previous[column] + 1, current[-1] + 1, previous[column - 1] + change))
        previous = current
    return 1.0 - previous[-1] / len(long)


def _overlap(first: str, second: str) -> int:
    return next((size for size in range(min(len(first), len(second)), 0, -1) if first.endswith(second[:size])), 0)


def elect(votes: Sequence[Vote], joint: Reading | None = None) -> Verdict | None:
    """The text that explains all readings best, or None when there are none.

    `joint` is what the pictures said together: it knows what each reading only summed up, so it overrules the vote, or
    bears it out.
    """
    votes = sorted((vote for vote in votes if vote.text), key=lambda vote: -vote.weight)[:MOST_VOTES]
    if not votes:
        return None
    said: dict[str, float] = {}
    for vote in votes:
        said[vote.text] = said.get(vote.text, 0.0) + vote.weight
    candidates = sorted(said, key=lambda text: -said[text])[:MOST_CANDIDATES]
    consensus = _consensus(votes)
    if consensus and consensus not in candidates:
        candidates.append(consensus)
    scores = {text: sum(vote.weight * _explain(vote, text) for vote in votes) for text in candidates}
    winner = max(candidates, key=scores.__getitem__)
    verdict = _verdict(winner, votes, _share(winner, scores, len(votes)))
    if joint is None or joint.likelihood < JOINT_SURE:
        return verdict
    if joint.plate.plate_number == winner:
        return replace(verdict, likelihood=max(verdict.likelihood, joint.likelihood), joint=True)
    return _overruled(joint, votes)


def _overruled(joint: Reading, votes: Sequence[Vote]) -> Verdict:
    """The verdict when the pictures together say what the vote does not."""
    heard = _verdict(joint.plate.plate_number, votes, 1.0)
    return replace(
        heard,
        plate=joint.plate,
        likelihood=joint.likelihood,
        country_likelihood=joint.country_likelihood,
        module_code=joint.module_code,
        joint=True,
    )


def _verdict(text: str, votes: Sequence[Vote], share: float) -> Verdict:
    voices = [vote for vote in votes if vote.text == text]
    said_by = voices or [max(votes, key=lambda vote: vote.weight * similarity(vote.text, text))]
    lead = max(said_by, key=lambda vote: (vote.weight, vote.reading.likelihood)).reading
    # Country and module follow the weight of all readings of the winning text, not the luck of one frame.
    worth: dict[tuple[str | None, str | None], float] = {}
    for vote in said_by:
        key = (vote.reading.plate.country_code, vote.reading.module_code)
        worth[key] = worth.get(key, 0.0) + vote.weight * max(vote.reading.country_likelihood, 0.05)
    country, module = max(worth, key=worth.__getitem__)
    named = [vote.reading for vote in said_by if vote.reading.plate.country_code == country]
    source = max(named, key=lambda reading: reading.likelihood, default=lead)
    # Light may mislead about the colours of one frame.
    kinds: dict[PlateType | None, float] = {}
    for vote in said_by:
        if vote.reading.plate.country_code == country:
            kind = vote.reading.plate.plate_type
            kinds[kind] = kinds.get(kind, 0.0) + vote.weight
    characters = _characters(text, votes)
    return Verdict(
        plate=LicensePlate(
            plate_number=text,
            country_code=country,
            issuing_entity=source.plate.issuing_entity,
            plate_type=max(kinds, key=kinds.__getitem__, default=source.plate.plate_type),
        ),
        likelihood=_likelihood(voices, votes, share, characters),
        characters=characters,
        support=len(voices) or min((_backers(text, place, votes) for place in range(len(text))), default=0),
        witnesses=sum(similarity(vote.text, text) >= WITNESS for vote in votes),
        strongest=max((vote.reading.likelihood for vote in voices), default=0.0),
        country_likelihood=max((reading.country_likelihood for reading in named), default=0.0),
        module_code=module,
    )


def _likelihood(
    voices: Sequence[Vote], votes: Sequence[Vote], share: float, characters: Sequence[CharacterLikelihood]
) -> float:
    if not voices:
        # Nobody said the whole text: each character stands against its strongest rival, all must hold.
        return share * math.prod(_holds(character) for character in characters)
    doubt = 1.0
    best = sorted((vote.reading.likelihood for vote in voices), reverse=True)
    for likelihood, worth in zip(best, AGREEMENT, strict=False):
        doubt *= (1.0 - min(likelihood, 0.999)) ** worth
    against = sum(vote.weight for vote in votes if similarity(vote.text, voices[0].text) < 0.75)
    agreed = 1.0 - 0.5 * against / sum(vote.weight for vote in votes)
    return max(0.0, min(0.999, (1.0 - doubt) * agreed * (0.5 + 0.5 * share)))


def _holds(character: CharacterLikelihood) -> float:
    rival = max((likelihood for _, likelihood in character.alternatives), default=0.0)
    return character.likelihood**3 / max(character.likelihood**3 + rival**3, 1e-9)


def _share(winner: str, scores: dict[str, float], reads: int) -> float:
    """The winner's part among its rivals, tempered because neighbouring frames are not independent."""
    temper = 1.0 + 0.25 * (reads - 1)
    return 1.0 / sum(math.exp(max(-50.0, (score - scores[winner]) / temper)) for score in scores.values())


def _letters(reading: Reading) -> tuple[CharacterLikelihood, ...]:
    """The characters of the normalised text; evenly likely when the reading names none for it."""
    text = reading.plate.plate_number
    if len(reading.characters) == len(text):
        return reading.characters
    each = max(reading.likelihood, UNNAMED) ** (1 / max(len(text), 1))
    return tuple(CharacterLikelihood(character=character, likelihood=each) for character in text)


def _chance(seen: CharacterLikelihood, character: str) -> float:
    """How likely the true character is `character`, given what was seen."""
    if seen.character == character:
        return max(seen.likelihood, UNNAMED)
    floor = LOOK_ALIKE if (seen.character, character) in _PAIRS else UNNAMED
    named = next((likelihood for rival, likelihood in seen.alternatives if rival == character), 0.0)
    return max(named, floor * (1.0 - 0.5 * seen.likelihood))


def _explain(vote: Vote, text: str) -> float:
    """log P(reading | text) of the best alignment."""
    return _align(_letters(vote.reading), vote.cut, text)[0]


def _places(vote: Vote, text: str) -> tuple[int | None, ...]:
    """For each character of the text its place in the reading, None where the reading lost it."""
    return _align(_letters(vote.reading), vote.cut, text)[1]


@lru_cache(maxsize=4096)
def _align(letters: tuple[CharacterLikelihood, ...], cut: bool, text: str) -> tuple[float, tuple[int | None, ...]]:
    """The best alignment and its log likelihood. The same pairs come back with every new vote, hence the cache."""
    chances = [[math.log(_chance(seen, character)) for character in text] for seen in letters]
    rows, columns = len(letters), len(text)
    if rows == columns and sum(seen.character != character for seen, character in zip(letters, text, strict=True)) <= 1:
        # Losing one character and inventing another is dearer than misreading one.
        return sum(chances[place][place] for place in range(rows)), tuple(range(rows))
    at_end, inside = math.log(LOST_AT_CUT_END if cut else LOST_AT_END), math.log(LOST_INSIDE)
    best, step = _table(chances, at_end, inside)
    places: list[int | None] = [None] * columns
    row, column = rows, columns
    while row or column:
        move = step[row][column]
        if move == MATCH:
            places[column - 1] = row - 1
        row -= move != LOST
        column -= move != INVENT
    return best, tuple(places)


def _table(chances: list[list[float]], at_end: float, inside: float) -> tuple[float, list[list[int]]]:
    """Dynamic programming over (characters seen, characters of the text): the best sum, and the moves to it."""
    rows, columns = len(chances), len(chances[0]) if chances else 0
    invented = math.log(INVENTED)
    above = [at_end * column for column in range(columns + 1)]
    step = [[LOST] * (columns + 1)]
    for row in range(1, rows + 1):
        lost = at_end if row == rows else inside
        left = invented * row
        current, moves = [left], [INVENT]
        for column in range(1, columns + 1):
            match, invent, skip = (
                above[column - 1] + chances[row - 1][column - 1],
                above[column] + invented,
                left + lost,
            )
            left = max(match, invent, skip)
            current.append(left)
            moves.append(MATCH if left == match else INVENT if left == invent else LOST)
        above = current
        step.append(moves)
    return above[columns], step


def _consensus(votes: Sequence[Vote]) -> str | None:
    """The best character at each place, over the readings of the heaviest form (letters and digits by place).

    A form comes from a reading that a country module accepted, so what is put together still fits that module.
    """
    forms: dict[str, float] = {}
    for vote in votes:
        form = _form(vote.text)
        forms[form] = forms.get(form, 0.0) + vote.weight
    form = max(forms, key=forms.__getitem__)
    alike = [vote for vote in votes if len(vote.text) == len(form)]
    if len(alike) < 3:
        return None
    chosen = []
    for place, kind in enumerate(form):
        sums: dict[str, float] = {}
        for vote in alike:
            seen = _letters(vote.reading)[place]
            for character, likelihood in ((seen.character, seen.likelihood), *seen.alternatives):
                if _form(character) == kind:
                    sums[character] = sums.get(character, 0.0) + vote.weight * likelihood
        if not sums:
            return None
        chosen.append(max(sums, key=sums.__getitem__))
    return "".join(chosen)


def _form(text: str) -> str:
    return "".join("9" if character.isdigit() else "A" for character in text)


def _backers(text: str, place: int, votes: Sequence[Vote]) -> int:
    """How many readings saw this very character at this place."""
    count = 0
    for vote in votes:
        at = _places(vote, text)[place]
        count += at is not None and _letters(vote.reading)[at].character == text[place]
    return count


def _characters(text: str, votes: Sequence[Vote]) -> tuple[CharacterLikelihood, ...]:
    """The weighted mean likelihood of each character of the text and of its rivals."""
    sums: list[dict[str, float]] = [{} for _ in text]
    totals = [0.0] * len(text)
    for vote in votes:
        letters = _letters(vote.reading)
        for place, at in enumerate(_places(vote, text)):
            if at is None:
                continue
            totals[place] += vote.weight
            seen = letters[at]
            for character, likelihood in ((seen.character, seen.likelihood), *seen.alternatives):
                sums[place][character] = sums[place].get(character, 0.0) + vote.weight * likelihood
    found = []
    for place, character in enumerate(text):
        total = totals[place] or 1.0
        ranked = sorted(((rival, worth / total) for rival, worth in sums[place].items()), key=lambda pair: -pair[1])
        own = sums[place].get(character, 0.0) / total
        rivals = tuple((rival, worth) for rival, worth in ranked if rival != character)[:3]
        found.append(CharacterLikelihood(character=character, likelihood=own, alternatives=rivals))
    return tuple(found)
