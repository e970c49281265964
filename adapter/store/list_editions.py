"""A confirmed import becomes the next edition of its list: laid beside the present one in short steps, then turned to.

While one writes no plate can be stored and no gate opens. So what takes long is done in many short transactions that
change nothing for who reads, and the one that changes the list only writes the number of its edition. Every entry tells
from which edition of its list on it is shown, and until which. What no edition shows any more is cleared away in short
steps as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, or_, select, update

from adapter.store.database import Database
from adapter.store.tables import STAYS, list_entries, match_lists
from rules.importing import ImportPreview
from rules.match_lists import normalize
from rules.types import ListEntry

# A vehicle that comes meanwhile waits for one such step: some ten milliseconds.
STEP = 2_000

_EDITION = select(match_lists.c.edition).where(match_lists.c.list_id == list_entries.c.list_id).scalar_subquery()


def shown(edition: int | ColumnElement[int]) -> ColumnElement[bool]:
    """Which entries a list of this edition has."""
    stays = or_(list_entries.c.until == STAYS, list_entries.c.until > edition)
    return (list_entries.c.since <= edition) & stays


def among(list_id: str, entry_ids: Sequence[str]) -> ColumnElement[bool]:
    """Entries of a list, those of other editions too, by their ids."""
    # Given the bare column, SQLite walks through the whole list for every batch instead of looking the ids up.
    return (list_entries.c.list_id.concat("") == list_id) & list_entries.c.entry_id.in_(entry_ids)


def entry_row(list_id: str, entry: ListEntry, edition: int) -> dict[str, Any]:
    """An entry that is shown from this edition of its list on."""
    return {
        "entry_id": entry.entry_id,
        "list_id": list_id,
        "pattern": entry.pattern,
        "normal": normalize(entry.pattern),
        "valid_from": entry.valid_from,
        "valid_until": entry.valid_until,
        "fields": dict(entry.fields),
        "since": edition,
        "until": STAYS,
    }


async def lay(database: Database, list_id: str, preview: ImportPreview, edition: int) -> None:
    """Let what the import takes away go with this edition, and what it brings come. IntegrityError when a plate that
    comes is there already."""
    removed, updated, added = await asyncio.to_thread(_in_order, preview)
    for entries in (removed, updated):
        for start in range(0, len(entries), STEP):
            await database.transact(partial(_leave, list_id, entries[start : start + STEP], edition))
    for entries in (updated, added):
        for start in range(0, len(entries), STEP):
            await database.transact(partial(_come, list_id, entries[start : start + STEP], edition))


async def clear_away(database: Database) -> None:
    """What no edition shows goes, and what was to go with an edition that did not come stays."""
    last = ""
    while rows := await _astray(database, last):
        last = rows[-1].entry_id
        await database.transact(partial(_clear, [row.entry_id for row in rows]))


async def _astray(database: Database, after: str) -> Sequence[Row[Any]]:
    """Found by a reader, in steps: nobody waits for that."""
    astray = or_(list_entries.c.until != STAYS, list_entries.c.since > match_lists.c.edition)
    query = select(list_entries.c.entry_id).join(match_lists).where(astray, list_entries.c.entry_id > after)
    async with database.read() as connection:
        return (await connection.execute(query.order_by(list_entries.c.entry_id).limit(STEP))).all()


def _in_order(preview: ImportPreview) -> tuple[Sequence[ListEntry], Sequence[ListEntry], Sequence[ListEntry]]:
    """What goes, what changes and what comes, by plate. New ids are dealt in that order too.

    So a step works on neighbours in the table and both of its indexes. In the order of chance it writes a page for each
    entry and index: twenty times as much.
    """
    removed, updated, added = (
        sorted(entries, key=lambda entry: entry.pattern)
        for entries in (preview.removed, preview.updated, preview.added)
    )
    ids = sorted(entry.entry_id for entry in added)
    return removed, updated, [replace(entry, entry_id=new) for entry, new in zip(added, ids, strict=True)]


def _leave(list_id: str, entries: Sequence[ListEntry], edition: int, connection: Connection) -> None:
    mine = among(list_id, [entry.entry_id for entry in entries])
    connection.execute(update(list_entries).where(mine, list_entries.c.until == STAYS).values(until=edition))


def _come(list_id: str, entries: Sequence[ListEntry], edition: int, connection: Connection) -> None:
    connection.execute(insert(list_entries), [entry_row(list_id, entry, edition) for entry in entries])


def _clear(entry_ids: Sequence[str], connection: Connection) -> None:
    mine = list_entries.c.entry_id.in_(entry_ids)
    gone = (list_entries.c.until != STAYS) & (list_entries.c.until <= _EDITION)
    connection.execute(delete(list_entries).where(mine, or_(gone, list_entries.c.since > _EDITION)))
    connection.execute(update(list_entries).where(mine, list_entries.c.until != STAYS).values(until=STAYS))
