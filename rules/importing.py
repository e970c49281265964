"""Match lists as files: .txt (a plate a line) and .csv (plate, validity, custom fields), in and out (M-271 to M-277).

Nothing is changed here: reading a file gives lines, comparing them with a list gives a preview, and only who confirms
the preview stores its entries.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from rules.match_lists import PatternInvalid, check_pattern, normalize
from rules.types import ListEntry

# A million plates of ten characters with a few fields is well under this; more is a mistake or an attack.
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_FIELDS = 32
MAX_FIELD_LENGTH = 500

_PLATE_HEADERS = frozenset(
    {"plate", "plates", "pattern", "licenseplate", "licenceplate", "platenumber", "licenseplatenumber", "registration"}
)
_FROM_HEADERS = frozenset({"validfrom", "from"})
_UNTIL_HEADERS = frozenset({"validuntil", "until", "validto", "expires"})

# A spreadsheet runs a cell that starts with one of these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class FileFormat(StrEnum):
    TXT = "txt"
    CSV = "csv"


class ImportMode(StrEnum):
    ADD = "add"
    REPLACE = "replace"


class ImportRefused(ValueError):
    """The file cannot be read at all; the message names the cause and the cure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A line that was not taken, and why."""

    line: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFile:
    """The usable lines of a file, in normal form, and the others. Columns are the custom fields, in order."""

    entries: tuple[ListEntry, ...]
    rejected: tuple[Rejected, ...]
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPreview:
    """What an import would do (M-276). `added` and `updated` are to be stored, `removed` to be deleted."""

    mode: ImportMode
    added: tuple[ListEntry, ...]
    updated: tuple[ListEntry, ...]
    unchanged: int
    removed: tuple[ListEntry, ...]
    rejected: tuple[Rejected, ...]


def parse(content: bytes, file_format: FileFormat, *, new_id: Callable[[], str]) -> ParsedFile:
    """Read a file; the header is optional, bad lines are listed, the first of two equal plates wins."""
    text = _decode(content)
    rows = _csv_rows(text) if file_format is FileFormat.CSV else _txt_rows(text)
    return _read_rows(rows, new_id)


def preview(current: Iterable[ListEntry], parsed: ParsedFile, mode: ImportMode) -> ImportPreview:
    """Compare a file with what is in the list. Equal plates keep their entry id."""
    known = {normalize(entry.pattern): entry for entry in current}
    added: list[ListEntry] = []
    updated: list[ListEntry] = []
    unchanged = 0
    for entry in parsed.entries:
        old = known.pop(entry.pattern, None)
        if old is None:
            added.append(entry)
            continue
        new = replace(entry, entry_id=old.entry_id, pattern=old.pattern)
        if mode is ImportMode.ADD:
            new = _keep_what_the_file_leaves_out(new, old)
        if new == old:
            unchanged += 1
        else:
            updated.append(new)
    return ImportPreview(
        mode=mode,
        added=tuple(added),
        updated=tuple(updated),
        unchanged=unchanged,
        removed=tuple(known.values()) if mode is ImportMode.REPLACE else (),
        rejected=parsed.rejected,
    )


def export(entries: Iterable[ListEntry], file_format: FileFormat, columns: Sequence[str] = ()) -> bytes:
    """The complete list as a file that `parse` reads back. CSV opens cleanly in a spreadsheet and runs no formula."""
    if file_format is FileFormat.TXT:
        return "".join(f"{entry.pattern}\r\n" for entry in entries).encode()
    kept = list(entries)
    names = list(columns) or sorted({name for entry in kept for name in entry.fields})
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow(["plate", "valid_from", "valid_until", *map(_harmless, names)])
    for entry in kept:
        fields = (_harmless(entry.fields.get(name, "")) for name in names)
        writer.writerow([_harmless(entry.pattern), _moment(entry.valid_from), _moment(entry.valid_until), *fields])
    # The byte order mark is how a spreadsheet knows that the file is UTF-8.
    return b"\xef\xbb\xbf" + target.getvalue().encode()


def _decode(content: bytes) -> str:
    if len(content) > MAX_FILE_BYTES:
        raise ImportRefused(f"The file is larger than {MAX_FILE_BYTES // 2**20} MB; split it.")
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ImportRefused("The file is not UTF-8 text. Save it as 'CSV UTF-8' or as plain text, UTF-8.") from error
    if "\x00" in text:
        raise ImportRefused("The file holds binary data; a .txt or .csv file is needed.")
    return text


def _txt_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        yield number, [line]


def _csv_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)  # spreadsheets of half of Europe separate with semicolons
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise ImportRefused(f"Line {reader.line_num} is not valid CSV ({error}); check its quotation marks.") from error


def _read_rows(rows: Iterator[tuple[int, list[str]]], new_id: Callable[[], str]) -> ParsedFile:
    header: list[str] | None = None
    entries: dict[str, ListEntry] = {}
    rejected: list[Rejected] = []
    for number, row in rows:
        cells = [_restored(cell.strip()) for cell in row]
        if not any(cells):
            continue
        if header is None:
            header = _header(cells)
            if header is not None:
                _check_header(header)
                continue
            header = ["plate", "valid_from", "valid_until"]
        try:
            entry = _entry(header, cells, new_id)
            if entry.pattern in entries:
                raise PatternInvalid("the plate is in the file more than once; the first line counts")
        except PatternInvalid as error:
            rejected.append(Rejected(line=number, text=",".join(row)[:100], reason=str(error)))
            continue
        entries[entry.pattern] = entry
    columns = tuple(name for name in header or () if _role(name) == "field")
    return ParsedFile(entries=tuple(entries.values()), rejected=tuple(rejected), columns=columns)


def _header(cells: list[str]) -> list[str] | None:
    """The first row when it names a plate column, else None: the file has no header."""
    return cells if any(_role(cell) == "plate" for cell in cells) else None


def _check_header(header: list[str]) -> None:
    named = [name for name in header if name]
    if len({name.casefold() for name in named}) != len(named):
        raise ImportRefused("Two columns of the header have the same name; rename one.")
    if len(header) > MAX_FIELDS:
        raise ImportRefused(f"The header has {len(header)} columns, more than {MAX_FIELDS}.")


def _role(name: str) -> str:
    squeezed = "".join(character for character in name.casefold() if character.isalnum())
    if squeezed in _PLATE_HEADERS:
        return "plate"
    if squeezed in _FROM_HEADERS:
        return "from"
    if squeezed in _UNTIL_HEADERS:
        return "until"
    return "field" if squeezed else "none"


def _entry(header: list[str], cells: list[str], new_id: Callable[[], str]) -> ListEntry:
    if len(cells) > len(header) and any(cells[len(header) :]):
        raise PatternInvalid(f"the line has {len(cells)} columns, the file {len(header)}")
    values = dict(zip(header, cells, strict=False))
    by_role = {_role(name): value for name, value in values.items()}
    fields = {name: value for name, value in values.items() if _role(name) == "field" and value}
    too_long = next((name for name, value in fields.items() if len(value) > MAX_FIELD_LENGTH), None)
    if too_long:
        raise PatternInvalid(f"{too_long!r} is longer than {MAX_FIELD_LENGTH} characters")
    valid_from = _parse_moment(by_role.get("from", ""), end_of_day=False)
    valid_until = _parse_moment(by_role.get("until", ""), end_of_day=True)
    if valid_from and valid_until and valid_until <= valid_from:
        raise PatternInvalid("the entry ends before it begins")
    return ListEntry(
        entry_id=new_id(),
        pattern=check_pattern(by_role.get("plate", "")),
        valid_from=valid_from,
        valid_until=valid_until,
        fields=fields,
    )


def _parse_moment(text: str, *, end_of_day: bool) -> datetime | None:
    """ISO date or date and time; UTC when no offset is given. `until 2026-05-31` includes that day."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if len(text) <= len("2026-05-31") and end_of_day:
            moment += timedelta(days=1)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise PatternInvalid(f"{text[:30]!r} is not a date such as 2026-05-31 or 2026-05-31T18:00") from error


def _keep_what_the_file_leaves_out(new: ListEntry, old: ListEntry) -> ListEntry:
    return replace(
        new,
        valid_from=new.valid_from or old.valid_from,
        valid_until=new.valid_until or old.valid_until,
        fields={**old.fields, **new.fields},
    )


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def _restored(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA_STARTS) else cell


def _moment(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
