"""Which lists is this plate on? Built once from lists and entries, asked for every plate.

A million plates and ten thousand patterns must answer in well under 100 microseconds, so nothing is scanned: plates are
a dictionary, and patterns are grouped by where their letters stand, so that each group is one dictionary look-up too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from events.types import ListKind
from inference.types import as_read
from rules.types import UNLISTED_LIST_ID, UNLISTED_LIST_NAME, ListEntry, MatchList, MatchPolicy
from rules.wildcards import WildcardIndex

# The longest plates in use have ten characters; custom fields and mistakes are longer, patterns with `*` shorter.
MAX_PATTERN_LENGTH = 20

WILDCARDS = frozenset("?*")

_LOOK_ALIKES = str.maketrans("OIB", "018")

# Decorations between the groups of a plate. The underscore is not one: it separates two character sets (M-281).
_SEPARATORS = str.maketrans("", "", " \t\r\n\u00a0\u2009\u200b\ufeff-\u2010\u2011\u2012\u2013\u2014\u2212.·•:/")

UNLISTED = MatchList(list_id=UNLISTED_LIST_ID, name=UNLISTED_LIST_NAME, kind=ListKind.NEUTRAL)


class PatternInvalid(ValueError):
    """The text cannot be a plate or a pattern; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListHit:
    """A plate is on `match_list` because of `pattern`, the entry as written (empty for the Unlisted list)."""

    match_list: MatchList
    pattern: str


@dataclass(frozen=True, slots=True)
class _Line:
    """One entry inside the index."""

    position: int
    pattern: str
    valid_from: datetime | None
    valid_until: datetime | None

    def valid_at(self, moment: datetime) -> bool:
        if self.valid_from is not None and moment < self.valid_from:
            return False
        return self.valid_until is None or moment < self.valid_until


def normalize(text: str) -> str:
    """The one form in which plates and patterns are compared: as readings are, without separators."""
    if text.isascii() and text.isalnum() and text.isupper():
        return text
    return as_read(text).translate(_SEPARATORS)


def fold_look_alikes(normal: str) -> str:
    """The form in which a tolerant list compares."""
    return normal.translate(_LOOK_ALIKES)


def check_pattern(text: str) -> str:
    """The normal form of a list entry, or PatternInvalid saying what is wrong with it."""
    normal = normalize(text)
    if not normal:
        raise PatternInvalid("the plate is empty")
    if len(normal) > MAX_PATTERN_LENGTH:
        raise PatternInvalid(f"the plate has {len(normal)} characters, more than {MAX_PATTERN_LENGTH}")
    wrong = sorted({one for one in normal if not (one.isascii() and one.isalnum()) and one not in "?*_"})
    if wrong:
        raise PatternInvalid(f"{' '.join(wrong)!r} cannot be part of a plate; use letters A to Z, digits, ? and *")
    if set(normal) == {"*"}:
        raise PatternInvalid("a lone * would match every plate; use the Unlisted list for plates on no list")
    return normal


class MatchIndex:
    """Answers which lists a plate is on, for one camera at one moment.

    `selected_lists` holds cameras that match against chosen lists only (M-217); a camera that is not in it matches
    against all lists, present and future (M-216). A list may narrow itself to cameras as well. Single event loop; a
    large rebuild may run in a thread and be swapped in.
    """

    def __init__(
        self,
        *,
        lists: Iterable[MatchList] = (),
        entries: Iterable[tuple[str, ListEntry]] = (),
        selected_lists: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        """`entries` are (list_id, entry) pairs and may be a generator; entries of unknown lists are ignored."""
        given = list(lists)
        self._unlisted = next((one for one in given if one.list_id == UNLISTED_LIST_ID), UNLISTED)
        self._lists = [one for one in given if one.list_id != UNLISTED_LIST_ID]
        self._positions = {one.list_id: position for position, one in enumerate(self._lists)}
        self._selected = dict(selected_lists or {})
        self._active: dict[str, frozenset[int]] = {}
        self._plain = [_Line(position, "", None, None) for position in range(len(self._lists))]
        self._exact: dict[str, _Line | list[_Line]] = {}
        self._folded: dict[str, _Line | list[_Line]] = {}
        self._wildcards: WildcardIndex[_Line] = WildcardIndex()
        self._folded_wildcards: WildcardIndex[_Line] = WildcardIndex()
        self._tolerant = any(one.policy is MatchPolicy.LOOK_ALIKE for one in self._lists)
        self.size = 0
        for list_id, entry in entries:
            self.add(list_id, entry)

    @property
    def lists(self) -> tuple[MatchList, ...]:
        """All lists, the Unlisted list last."""
        return (*self._lists, self._unlisted)

    def add(self, list_id: str, entry: ListEntry) -> None:
        """Put one entry in; PatternInvalid when it cannot be one."""
        position = self._positions.get(list_id)
        if position is None:
            return
        normal = normalize(entry.pattern)
        if not normal:
            raise PatternInvalid("the plate is empty")
        line = self._line(position, entry, normal)
        tolerant = self._lists[position].policy is MatchPolicy.LOOK_ALIKE
        key = fold_look_alikes(normal) if tolerant else normal
        if WILDCARDS.isdisjoint(normal):
            _append(self._folded if tolerant else self._exact, key, line)
        else:
            (self._folded_wildcards if tolerant else self._wildcards).add(key, line)
        self.size += 1

    def match(self, plate_number: str, *, camera_id: str, at: datetime) -> tuple[ListHit, ...]:
        """The lists this plate is on, at most once each, an exact entry before a pattern; else the Unlisted list."""
        normal = normalize(plate_number)
        active = self._active_for(camera_id)
        found: dict[int, _Line] = {}
        self._collect(found, active, at, self._exact.get(normal), self._wildcards.find(normal))
        if self._tolerant:
            folded = fold_look_alikes(normal)
            self._collect(found, active, at, self._folded.get(folded), self._folded_wildcards.find(folded))
        if found:
            return tuple(
                ListHit(match_list=self._lists[position], pattern=line.pattern or normal)
                for position, line in sorted(found.items())
            )
        if self._is_active(self._unlisted, camera_id):
            return (ListHit(match_list=self._unlisted, pattern=""),)
        return ()

    def _line(self, position: int, entry: ListEntry, normal: str) -> _Line:
        """Plates written in normal form and valid for ever, the great majority, share one object per list."""
        written = "" if entry.pattern == normal and WILDCARDS.isdisjoint(normal) else entry.pattern
        if self._lists[position].policy is MatchPolicy.LOOK_ALIKE:
            written = entry.pattern
        if not written and entry.valid_from is None and entry.valid_until is None:
            return self._plain[position]
        return _Line(position, written, entry.valid_from, entry.valid_until)

    def _active_for(self, camera_id: str) -> frozenset[int]:
        active = self._active.get(camera_id)
        if active is None:
            active = frozenset(i for i, one in enumerate(self._lists) if self._is_active(one, camera_id))
            self._active[camera_id] = active
        return active

    def _is_active(self, match_list: MatchList, camera_id: str) -> bool:
        if match_list.camera_ids and camera_id not in match_list.camera_ids:
            return False
        selected = self._selected.get(camera_id)
        return selected is None or match_list.list_id in selected

    @staticmethod
    def _collect(
        found: dict[int, _Line],
        active: frozenset[int],
        at: datetime,
        exact: _Line | list[_Line] | None,
        patterns: Iterable[_Line],
    ) -> None:
        if isinstance(exact, _Line):
            exact = [exact]
        for lines in (exact or (), patterns):
            for line in lines:
                if line.position in active and line.position not in found and line.valid_at(at):
                    found[line.position] = line


def _append(index: dict[str, _Line | list[_Line]], key: str, line: _Line) -> None:
    """Most keys have one line, so a list is made only for the second."""
    known = index.get(key)
    if known is None:
        index[key] = line
    elif isinstance(known, list):
        known.append(line)
    else:
        index[key] = [known, line]
