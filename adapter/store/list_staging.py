"""A confirmed import, laid ready beside the lists in short steps and then put into its list in one.

While one writes no plate can be stored and no gate opens. So what takes long is done in many short transactions, and
the one that changes the list moves rows inside the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection, delete, insert, literal, select

from adapter.store.database import Database
from adapter.store.tables import list_entries, list_staging
from rules.importing import ImportPreview
from rules.match_lists import normalize
from rules.types import ListEntry

# A vehicle that comes meanwhile waits for one such step: some ten milliseconds.
STEP = 1_000

_COLUMNS = tuple(column.name for column in list_staging.c)


async def stage(database: Database, preview: ImportPreview) -> None:
    """Lay ready what the import takes away and brings; no list is changed yet."""
    await unstage(database)
    for entries, stays in ((preview.removed, False), (preview.updated, True), (preview.added, True)):
        for start in range(0, len(entries), STEP):
            await database.transact(partial(_lay, entries[start : start + STEP], stays))


def put(connection: Connection, list_id: str) -> None:
    """What is laid ready takes the place of the entries with its ids. IntegrityError when a plate is there already."""
    # Given the bare column, SQLite walks through the whole list instead of looking the ids up.
    of_list = list_entries.c.list_id.concat("") == list_id
    staged = select(list_staging.c.entry_id)
    connection.execute(delete(list_entries).where(of_list, list_entries.c.entry_id.in_(staged)))
    coming = select(*list_staging.c, literal(list_id)).where(list_staging.c.normal.is_not(None))
    connection.execute(insert(list_entries).from_select([*_COLUMNS, "list_id"], coming))


async def unstage(database: Database) -> None:
    """Clear away what this import, or one that a sudden end interrupted, laid ready."""
    await database.transact(lambda connection: connection.execute(delete(list_staging)))


def _lay(entries: Sequence[ListEntry], stays: bool, connection: Connection) -> None:
    rows = [
        {
            "entry_id": entry.entry_id,
            "pattern": entry.pattern,
            "normal": normalize(entry.pattern) if stays else None,
            "valid_from": entry.valid_from,
            "valid_until": entry.valid_until,
            "fields": dict(entry.fields),
        }
        for entry in entries
    ]
    connection.execute(insert(list_staging), rows)
