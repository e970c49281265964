"""`labels.csv`: the table beside pictures or clips that says what they show."""

from __future__ import annotations

import csv
from pathlib import Path

from inference.errors import InferenceError


def read_table(folder: Path, *columns: str) -> list[tuple[int, dict[str, str]]]:
    """Every row of a folder's `labels.csv` with its line, the cells it lacks empty; raises InferenceError.

    `columns` are those that must be there; others may be.
    """
    path = folder / "labels.csv"
    try:
        # Spreadsheets begin a file in UTF-8 with a mark.
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, restkey="", restval="")
            missing = [name for name in columns if name not in (rows.fieldnames or ())]
            if missing:
                lacks = " and no column ".join(missing)
                raise InferenceError(f"{path} has no column {lacks}; it needs {','.join(columns)}")
            return [(rows.line_num, row) for row in rows]
    except OSError as error:
        raise InferenceError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InferenceError(f"{path} is not text in UTF-8; save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise InferenceError(f"{path} is no table of comma separated values: {error}") from error
