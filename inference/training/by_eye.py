"""Texts of labelled plates that nobody had noted, read by eye from their pictures; doubtful ones were left out."""

from __future__ import annotations

import csv
from pathlib import Path

TABLE = Path(__file__).with_name("read_by_eye.csv")


def read_by_eye() -> dict[tuple[str, str], tuple[str, str]]:
    """(file, plate index) of a labelled folder to (text A-Z0-9, how many lines it stands in: "1" or "2")."""
    with TABLE.open(encoding="utf-8") as file:
        return {(row["file"], row["plate_index"]): (row["text"], row["lines"]) for row in csv.DictReader(file)}
