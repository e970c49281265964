"""Lists as files: what people really save, in and out, and nothing changed before they agree."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.importing import FileFormat, ImportMode, ImportRefused, export, parse, preview
from rules.types import ListEntry
from tests.rules.examples import ids


def read(content: str | bytes, file_format: FileFormat = FileFormat.CSV):
    raw = content.encode() if isinstance(content, str) else content
    return parse(raw, file_format, new_id=ids())


def plates(content: str | bytes, file_format: FileFormat = FileFormat.CSV) -> list[str]:
    return [entry.pattern for entry in read(content, file_format).entries]


@pytest.mark.requirement("M-267", "M-268", "M-275")
@pytest.mark.parametrize(
    "content",
    [
        "abc 123\nXYZ-9\n",
        "\ufeffplate\nABC123\nXYZ9\n",
        "License Plate,Owner\r\nabc123,me\r\nxyz9,you\r\n",
        "plate;owner\nabc123;me\nxyz9;you\n",
        "owner\tplate\nme\tabc123\nyou\txyz9\n",
        '"abc 123"\n\n"xyz9"\n',
        "plate\nabc123\nxyz9".encode("utf-16"),
    ],
)
def test_files_from_editors_and_spreadsheets_are_read_alike(content):
    assert plates(content) == ["ABC123", "XYZ9"]


@pytest.mark.requirement("M-275")
def test_a_text_file_has_a_plate_a_line_with_or_without_header():
    assert plates("abc 123\r\n\r\n22??33\n", FileFormat.TXT) == ["ABC123", "22??33"]
    assert plates("Plate\nABC123\n", FileFormat.TXT) == ["ABC123"]


def test_columns_besides_plate_and_validity_are_custom_fields():
    parsed = read("plate,valid_from,valid_until,Owner,Flat\nABC123,2026-05-01,2026-05-31,Ann,7\n")
    (entry,) = parsed.entries
    assert parsed.columns == ("Owner", "Flat")
    assert entry.fields == {"Owner": "Ann", "Flat": "7"}
    assert entry.valid_from == datetime(2026, 5, 1, tzinfo=UTC)
    assert entry.valid_until == datetime(2026, 6, 1, tzinfo=UTC)  # the last day counts in full


def test_bad_lines_are_listed_with_line_and_reason_and_the_rest_is_taken():
    parsed = read("plate,valid_until\nABC123,\nA!B,\nABC 123,\nXYZ9,soon\n,\n*,\nGOOD1,\nWÜ AB 1,\nЖ1,\n")
    assert [entry.pattern for entry in parsed.entries] == ["ABC123", "GOOD1", "WUAB1"]
    assert [(one.line, one.reason.split(";")[0]) for one in parsed.rejected] == [
        (3, "'!' cannot be part of a plate"),
        (4, "the plate is in the file more than once"),
        (5, "'soon' is not a date such as 2026-05-31 or 2026-05-31T18:00"),
        (7, "a lone * would match every plate"),
        (10, "'Ж' cannot be part of a plate"),
    ]


@pytest.mark.parametrize("content", [b"\xff\xfeA", b"\x89PNG\x0d\x0a", b"ABC\x00", b"\xfe\xff\xd8\x00\xd8\x00"])
def test_what_is_no_text_file_is_refused_with_the_cure(content):
    with pytest.raises(ImportRefused, match=r"UTF-8|binary"):
        read(content)


@given(content=st.binary(max_size=200), file_format=st.sampled_from(FileFormat))
def test_no_file_whatever_it_holds_does_more_than_be_refused(content, file_format):
    try:
        parsed = read(content, file_format)
    except ImportRefused as refused:
        assert str(refused)
    else:
        assert all(entry.pattern for entry in parsed.entries)


def entry(pattern: str, **fields) -> ListEntry:
    return ListEntry(entry_id=f"old-{pattern}", pattern=pattern, fields=fields)


@pytest.mark.requirement("M-271", "M-276")
def test_adding_keeps_what_is_there_and_counts_what_is_new():
    plan = preview(
        [entry("ABC123", Owner="Ann", Flat="7"), entry("KEEP1")],
        read("plate,Owner\nABC123,Ben\nNEW1,Cy\n"),
        ImportMode.ADD,
    )
    assert [one.pattern for one in plan.added] == ["NEW1"]
    assert [(one.entry_id, one.fields) for one in plan.updated] == [("old-ABC123", {"Owner": "Ben", "Flat": "7"})]
    assert (plan.removed, plan.unchanged) == ((), 0)


@pytest.mark.requirement("M-272")
def test_replacing_removes_what_the_file_does_not_have():
    plan = preview([entry("ABC123"), entry("GONE1")], read("ABC123\nNEW1\n"), ImportMode.REPLACE)
    assert [one.pattern for one in plan.removed] == ["GONE1"]
    assert [one.pattern for one in plan.added] == ["NEW1"]
    assert plan.unchanged == 1


@pytest.mark.requirement("M-274", "M-275")
def test_an_exported_list_reads_back_as_it_was():
    parsed = read('plate,valid_from,valid_until,Owner\nABC123,2026-05-01,,=1+1\n22??33,,2026-05-31,"Ann, B"\n')
    again = read(export(parsed.entries, FileFormat.CSV, parsed.columns))
    assert [(one.pattern, one.valid_from, one.valid_until, one.fields) for one in again.entries] == [
        (one.pattern, one.valid_from, one.valid_until, one.fields) for one in parsed.entries
    ]
    assert plates(export(parsed.entries, FileFormat.TXT), FileFormat.TXT) == ["ABC123", "22??33"]


@pytest.mark.requirement("M-277")
@pytest.mark.parametrize("evil", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_an_exported_cell_is_never_a_formula(evil):
    content = export([ListEntry(entry_id="e", pattern="ABC123", fields={"Owner": evil})], FileFormat.CSV, ["Owner"])
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert rows[1][3].startswith("'")
    assert rows[1][3][1:] == evil


def test_times_are_utc_unless_they_tell_their_offset():
    parsed = read("plate,valid_from,valid_until\nABC123,2026-05-31T18:00,2026-06-01T18:00+02:00\n")
    (entry,) = parsed.entries
    assert entry.valid_from == datetime(2026, 5, 31, 18, tzinfo=UTC)
    assert entry.valid_until == datetime(2026, 6, 1, 16, tzinfo=UTC)
