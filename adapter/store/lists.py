"""Match lists and their entries; the Unlisted list is always there and cannot go (M-258)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from adapter.store.database import Database
from adapter.store.errors import Conflict, NotFound, Refused
from adapter.store.list_editions import among, clear_away, entry_row, lay, shown
from adapter.store.tables import cameras, list_backups, list_entries, match_lists
from events.types import ListKind
from rules.importing import FileFormat, ImportPreview, export
from rules.match_lists import MatchIndex, check_pattern, normalize
from rules.types import UNLISTED_LIST_ID, ListEntry, MatchList, MatchPolicy

# Enough rows that the database is not asked too often, few enough that the event loop is not held up.
BATCH = 2_000

CHANGED_SINCE = "The list was changed since the preview; make a new preview."

# One row to change, among many at once.
_ONE = (list_entries.c.entry_id == bindparam("id")) & (list_entries.c.until == bindparam("to"))

# Undo of the last imports; older ones only fill the disk.
KEPT_BACKUPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRecord:
    """A list with what the console shows beside it. `columns` are the custom fields in their order (M-290)."""

    match_list: MatchList
    columns: tuple[str, ...]
    entry_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What a transaction needs to know of the list it is about."""

    list_id: str
    columns: tuple[str, ...]
    edition: int


class Lists:
    """Lists, entries, imports; and the index that the rules ask."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._importing = asyncio.Lock()

    async def all(self) -> Sequence[ListRecord]:
        """Every list by name, the Unlisted list first."""
        return await self._records()

    async def get(self, list_id: str) -> ListRecord:
        """One list; NotFound when there is none."""
        records = await self._records(match_lists.c.list_id == list_id)
        if not records:
            raise NotFound(f"There is no match list {list_id!r}.")
        return records[0]

    async def add(self, match_list: MatchList, *, now: datetime, columns: Sequence[str] = ()) -> None:
        """Keep a new list; Conflict when the name is taken (M-261)."""
        try:
            async with self._database.write() as connection:
                await connection.execute(
                    insert(match_lists).values({**_list_row(match_list, columns), "created_at": now})
                )
        except IntegrityError as error:
            raise Conflict(f"There is a match list named {match_list.name!r} already; choose another name.") from error

    async def save(
        self, match_list: MatchList, *, columns: Sequence[str] = (), renamed: Mapping[str, str] | None = None
    ) -> None:
        """Change a list's properties; references stay (M-278). The Unlisted list keeps its name, kind and policy.

        `renamed` columns take what stands in them along (M-289).
        """
        if match_list.list_id == UNLISTED_LIST_ID:
            current = (await self.get(UNLISTED_LIST_ID)).match_list
            if (match_list.name, match_list.kind, match_list.policy) != (current.name, current.kind, current.policy):
                raise Refused("The Unlisted list is built in; only its cameras can be chosen.")
        values = _list_row(match_list, columns)
        try:
            found = await self._database.transact(
                lambda connection: _save_list(connection, match_list.list_id, values, renamed or {})
            )
        except IntegrityError as error:
            raise Conflict(f"There is a match list named {match_list.name!r} already; choose another name.") from error
        if not found:
            raise NotFound(f"There is no match list {match_list.list_id!r}.")

    async def remove(self, list_id: str) -> None:
        """Delete a list with its entries, alarm definitions and relay actions."""
        if list_id == UNLISTED_LIST_ID:
            raise Refused("The Unlisted list is built in and cannot be deleted.")
        async with self._database.write() as connection:
            done = await connection.execute(delete(match_lists).where(match_lists.c.list_id == list_id))
        if done.rowcount == 0:
            raise NotFound(f"There is no match list {list_id!r}.")

    async def entries(
        self, list_id: str, *, search: str = "", limit: int = 50, offset: int = 0
    ) -> tuple[Sequence[ListEntry], int]:
        """One page of entries and how many there are. `?` in the search is one character, `*` any number (M-279)."""
        async with self._database.read() as connection:
            known = await connection.run_sync(_require_list, list_id)
            condition = (list_entries.c.list_id == list_id) & shown(known.edition)
            if search:
                condition &= list_entries.c.normal.like(like_pattern(search), escape="\\")
            total = await connection.scalar(select(func.count()).select_from(list_entries).where(condition))
            rows = await connection.execute(
                select(list_entries).where(condition).order_by(list_entries.c.normal).limit(limit).offset(offset)
            )
            return [_entry(row) for row in rows], int(total or 0)

    async def every_entry(self, list_id: str) -> Sequence[ListEntry]:
        """All entries of one list in the order of their plates, for export and import preview."""
        async with self._database.read() as connection:
            return await _all_entries(connection, await connection.run_sync(_require_list, list_id))

    async def save_entry(self, list_id: str, entry: ListEntry) -> None:
        """Add an entry or replace the one with its id. PatternInvalid, Conflict, NotFound, Refused."""
        check_pattern(entry.pattern)
        _require_entries_allowed(list_id)
        try:
            await self._database.transact(lambda connection: _save_entry(connection, list_id, entry))
        except IntegrityError as error:
            raise Conflict(f"{entry.pattern!r} is in the list already.") from error

    async def change_entries(
        self, list_id: str, entry_ids: Sequence[str], *, fields: Mapping[str, str], dates: Mapping[str, Any]
    ) -> int:
        """Change several entries alike (M-283), all or none; how many. NotFound, Refused."""
        return await self._database.transact(
            lambda connection: _change_entries(connection, list_id, entry_ids, fields, dates)
        )

    async def remove_entries(self, list_id: str, entry_ids: Iterable[str]) -> int:
        """Delete entries; how many there were (M-284)."""
        ids = list(entry_ids)

        def work(connection: Connection) -> int:
            return _delete_entries(connection, _require_list(connection, list_id), ids)

        return await self._database.transact(work)

    async def apply(self, list_id: str, preview: ImportPreview, *, now: datetime, columns: Sequence[str] = ()) -> None:
        """Store a confirmed import at once or not at all; the list as it was is kept as a backup (M-272)."""
        _require_entries_allowed(list_id)
        async with self._importing:
            before, backup = await self._backup(list_id)
            await clear_away(self._database)
            try:
                await lay(self._database, list_id, preview, before.edition + 1)
                turned = await self._database.transact(
                    lambda connection: _turn(connection, before, columns, backup, now)
                )
            except IntegrityError as error:
                raise Conflict(CHANGED_SINCE) from error
            finally:
                await clear_away(self._database)
            if not turned:
                raise Conflict(CHANGED_SINCE)

    async def clear_away(self) -> None:
        """At the start: what an import that a sudden end interrupted laid ready."""
        async with self._importing:
            await clear_away(self._database)

    async def _backup(self, list_id: str) -> tuple[_Known, bytes]:
        """A list as it is, and its entries as CSV."""
        async with self._database.read() as connection:
            known = await connection.run_sync(_require_list, list_id)
            entries = await _all_entries(connection, known)
        return known, await asyncio.to_thread(export, entries, FileFormat.CSV, known.columns)

    async def latest_backup(self, list_id: str) -> bytes:
        """The list as it was before the last import, as CSV; NotFound when it was never imported into."""
        async with self._database.read() as connection:
            content: bytes | None = await connection.scalar(
                select(list_backups.c.content)
                .where(list_backups.c.list_id == list_id)
                .order_by(list_backups.c.backup_id.desc())
                .limit(1)
            )
        if content is None:
            raise NotFound("This list has no backup: nothing was imported into it.")
        return content

    async def index(self) -> MatchIndex:
        """A fresh index over everything, built in steps so that the service goes on meanwhile."""
        async with self._database.read() as connection:
            lists = [_match_list(row) for row in await connection.execute(select(match_lists))]
            chosen = await connection.execute(select(cameras.c.camera_id, cameras.c.selected_lists))
            selected = {camera_id: frozenset(ids) for camera_id, ids in chosen if ids is not None}
            index = MatchIndex(lists=lists, selected_lists=selected)
            query = select(list_entries).join(match_lists).where(shown(match_lists.c.edition))
            async for row in _stream(connection, query, list_entries.c.entry_id):
                index.add(row.list_id, _entry(row))
        return index

    async def _records(self, condition: ColumnElement[bool] | None = None) -> Sequence[ListRecord]:
        count = (
            select(func.count())
            .select_from(list_entries)
            .where(list_entries.c.list_id == match_lists.c.list_id, shown(match_lists.c.edition))
            .scalar_subquery()
        )
        query = select(match_lists, count.label("entry_count")).order_by(
            match_lists.c.list_id != UNLISTED_LIST_ID, match_lists.c.name
        )
        if condition is not None:
            query = query.where(condition)
        async with self._database.read() as connection:
            return [
                ListRecord(match_list=_match_list(row), columns=tuple(row.columns), entry_count=row.entry_count)
                for row in await connection.execute(query)
            ]


def like_pattern(search: str) -> str:
    """A search with `?` and `*` as an SQL LIKE pattern, escaped by a backslash."""
    escaped = normalize(search).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("?", "_").replace("*", "%")


async def _stream(connection: AsyncConnection, query: Select[Any], order: Column[str]) -> AsyncIterator[Row[Any]]:
    """Rows of entries in order, in batches: every batch is a query, so the loop breathes in between."""
    last = ""
    while True:
        rows = (await connection.execute(query.where(order > last).order_by(order).limit(BATCH))).all()
        for row in rows:
            yield row
        if len(rows) < BATCH:
            return
        last = getattr(rows[-1], order.key)


async def _all_entries(connection: AsyncConnection, known: _Known) -> Sequence[ListEntry]:
    query = select(list_entries).where(list_entries.c.list_id == known.list_id, shown(known.edition))
    return [_entry(row) async for row in _stream(connection, query, list_entries.c.normal)]


def _turn(connection: Connection, before: _Known, columns: Sequence[str], backup: bytes, now: datetime) -> bool:
    """To what was laid ready; False when the list has another edition meanwhile."""
    known = _require_list(connection, before.list_id)
    if known.edition != before.edition:
        return False
    _keep_backup(connection, known.list_id, backup, now)
    merged = [*known.columns, *(name for name in columns if name not in known.columns)]
    turned = update(match_lists).where(match_lists.c.list_id == known.list_id)
    connection.execute(turned.values(columns=merged, edition=known.edition + 1))
    return True


def _save_entry(connection: Connection, list_id: str, entry: ListEntry) -> None:
    edition = _require_list(connection, list_id).edition
    values = entry_row(list_id, entry, edition)
    of_list = (list_entries.c.list_id == list_id) & shown(edition)
    other = of_list & (list_entries.c.normal == values["normal"]) & (list_entries.c.entry_id != entry.entry_id)
    # One that an import is about to take away is there all the same.
    if connection.scalar(select(list_entries.c.entry_id).where(other).limit(1)) is not None:
        raise Conflict(f"{entry.pattern!r} is in the list already.")
    content = {name: value for name, value in values.items() if name not in ("since", "until")}
    same = of_list & (list_entries.c.entry_id == entry.entry_id)
    if connection.execute(update(list_entries).where(same).values(content)).rowcount == 0:
        connection.execute(insert(list_entries).values(values))


def _save_list(connection: Connection, list_id: str, values: Mapping[str, Any], renamed: Mapping[str, str]) -> bool:
    done = connection.execute(update(match_lists).where(match_lists.c.list_id == list_id).values(values))
    if renamed:
        _rename_fields(connection, list_id, renamed)
    return done.rowcount > 0


def _rename_fields(connection: Connection, list_id: str, renamed: Mapping[str, str]) -> None:
    # Those that an import has laid ready too: their file may have had the old names.
    columns = (list_entries.c.entry_id, list_entries.c.until, list_entries.c.fields)
    query = select(*columns).where(list_entries.c.list_id == list_id)
    changed = [
        {
            "id": row.entry_id,
            "to": row.until,
            "fields": {renamed.get(name, name): value for name, value in row.fields.items()},
        }
        for row in connection.execute(query)
        if not renamed.keys().isdisjoint(row.fields)
    ]
    if changed:
        connection.execute(update(list_entries).where(_ONE), changed)


def _change_entries(
    connection: Connection, list_id: str, entry_ids: Sequence[str], fields: Mapping[str, str], dates: Mapping[str, Any]
) -> int:
    known = _require_list(connection, list_id)
    changed: list[dict[str, Any]] = []
    for ids in _batches(entry_ids):
        mine = among(list_id, ids) & shown(known.edition)
        for row in connection.execute(select(list_entries).where(mine)):
            entry = _entry(row)
            after = replace(entry, fields={**entry.fields, **fields}, **dates)
            if after.valid_from and after.valid_until and after.valid_until <= after.valid_from:
                raise Refused(f"{entry.pattern!r} would end before it begins; nothing was changed.")
            times = {"valid_from": after.valid_from, "valid_until": after.valid_until}
            changed.append({"id": row.entry_id, "to": row.until, "fields": after.fields, **times})
    if changed:
        connection.execute(update(list_entries).where(_ONE), changed)
    return len(changed)


def _require_list(connection: Connection, list_id: str) -> _Known:
    """NotFound when there is no such list."""
    query = select(match_lists.c.columns, match_lists.c.edition).where(match_lists.c.list_id == list_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no match list {list_id!r}.")
    return _Known(list_id=list_id, columns=tuple(row.columns), edition=row.edition)


def _require_entries_allowed(list_id: str) -> None:
    if list_id == UNLISTED_LIST_ID:
        raise Refused("The Unlisted list has no entries: it stands for plates that are on no list.")


def _delete_entries(connection: Connection, known: _Known, entry_ids: Sequence[str]) -> int:
    deletes = (
        delete(list_entries).where(among(known.list_id, ids), shown(known.edition)) for ids in _batches(entry_ids)
    )
    return sum(connection.execute(one).rowcount for one in deletes)


def _batches(entry_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(entry_ids), 500):  # databases bound the number of parameters
        yield entry_ids[start : start + 500]


def _keep_backup(connection: Connection, list_id: str, content: bytes, now: datetime) -> None:
    connection.execute(insert(list_backups).values(list_id=list_id, saved_at=now, content=content))
    kept = select(list_backups.c.backup_id).where(list_backups.c.list_id == list_id)
    kept = kept.order_by(list_backups.c.backup_id.desc()).limit(KEPT_BACKUPS)
    connection.execute(
        delete(list_backups).where(list_backups.c.list_id == list_id, list_backups.c.backup_id.not_in(kept))
    )


def _list_row(match_list: MatchList, columns: Sequence[str]) -> Mapping[str, Any]:
    return {
        "list_id": match_list.list_id,
        "name": match_list.name,
        "kind": match_list.kind.value,
        "policy": match_list.policy.value,
        "camera_ids": sorted(match_list.camera_ids),
        "columns": list(columns),
    }


def _match_list(row: Row[Any]) -> MatchList:
    return MatchList(
        list_id=row.list_id,
        name=row.name,
        kind=ListKind(row.kind),
        policy=MatchPolicy(row.policy),
        camera_ids=frozenset(row.camera_ids),
    )


def _entry(row: Row[Any]) -> ListEntry:
    return ListEntry(
        entry_id=row.entry_id,
        pattern=row.pattern,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        fields=row.fields,
    )
