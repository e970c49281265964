"""Match lists and their entries; the Unlisted list is always there and cannot go (M-258)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from adapter.store.database import Database
from adapter.store.errors import Conflict, NotFound, Refused
from adapter.store.tables import cameras, list_backups, list_entries, match_lists
from events.types import ListKind
from rules.importing import FileFormat, ImportPreview, export
from rules.match_lists import MatchIndex, check_pattern, normalize
from rules.types import UNLISTED_LIST_ID, ListEntry, MatchList, MatchPolicy

# Enough rows that the database is not asked too often, few enough that the event loop is not held up.
BATCH = 2_000

# Undo of the last imports; older ones only fill the disk.
KEPT_BACKUPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRecord:
    """A list with what the console shows beside it. `columns` are the custom fields in their order (M-290)."""

    match_list: MatchList
    columns: tuple[str, ...]
    entry_count: int


class Lists:
    """Lists, entries, imports; and the index that the rules ask."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

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
            async with self._database.write() as connection:
                done = await connection.execute(
                    update(match_lists).where(match_lists.c.list_id == match_list.list_id).values(values)
                )
                if renamed:
                    await _rename_fields(connection, match_list.list_id, renamed)
        except IntegrityError as error:
            raise Conflict(f"There is a match list named {match_list.name!r} already; choose another name.") from error
        if done.rowcount == 0:
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
        condition = list_entries.c.list_id == list_id
        if search:
            condition &= list_entries.c.normal.like(like_pattern(search), escape="\\")
        async with self._database.read() as connection:
            await _require_list(connection, list_id)
            total = await connection.scalar(select(func.count()).select_from(list_entries).where(condition))
            rows = await connection.execute(
                select(list_entries).where(condition).order_by(list_entries.c.normal).limit(limit).offset(offset)
            )
            return [_entry(row) for row in rows], int(total or 0)

    async def every_entry(self, list_id: str) -> Sequence[ListEntry]:
        """All entries of one list in the order of their plates, for export and import preview."""
        async with self._database.read() as connection:
            await _require_list(connection, list_id)
            return await _all_entries(connection, list_id)

    async def save_entry(self, list_id: str, entry: ListEntry) -> None:
        """Add an entry or replace the one with its id. PatternInvalid, Conflict, NotFound, Refused."""
        values = {**_entry_row(list_id, entry), "normal": check_pattern(entry.pattern)}
        _require_entries_allowed(list_id)
        same = (list_entries.c.entry_id == entry.entry_id) & (list_entries.c.list_id == list_id)
        try:
            async with self._database.write() as connection:
                await _require_list(connection, list_id)
                done = await connection.execute(update(list_entries).where(same).values(values))
                if done.rowcount == 0:
                    await connection.execute(insert(list_entries).values(values))
        except IntegrityError as error:
            raise Conflict(f"{entry.pattern!r} is in the list already.") from error

    async def change_entries(
        self, list_id: str, entry_ids: Sequence[str], *, fields: Mapping[str, str], dates: Mapping[str, Any]
    ) -> int:
        """Change several entries alike (M-283), all or none; how many. NotFound, Refused."""
        changed = 0
        async with self._database.write() as connection:
            await _require_list(connection, list_id)
            for start in range(0, len(entry_ids), 500):  # databases bound the number of parameters
                ids = list_entries.c.entry_id.in_(entry_ids[start : start + 500])
                rows = await connection.execute(select(list_entries).where(list_entries.c.list_id == list_id, ids))
                for entry in map(_entry, rows.all()):
                    after = replace(entry, fields={**entry.fields, **fields}, **dates)
                    if after.valid_from and after.valid_until and after.valid_until <= after.valid_from:
                        raise Refused(f"{entry.pattern!r} would end before it begins; nothing was changed.")
                    await connection.execute(
                        update(list_entries)
                        .where(list_entries.c.entry_id == entry.entry_id)
                        .values(fields=dict(after.fields), valid_from=after.valid_from, valid_until=after.valid_until)
                    )
                    changed += 1
        return changed

    async def remove_entries(self, list_id: str, entry_ids: Iterable[str]) -> int:
        """Delete entries; how many there were (M-284)."""
        async with self._database.write() as connection:
            await _require_list(connection, list_id)
            return await _delete_entries(connection, list_id, list(entry_ids))

    async def apply(self, list_id: str, preview: ImportPreview, *, now: datetime, columns: Sequence[str] = ()) -> None:
        """Store a confirmed import at once or not at all; the list as it was is kept as a backup (M-272)."""
        _require_entries_allowed(list_id)
        async with self._database.write() as connection:
            known = await _require_list(connection, list_id)
            await _back_up(connection, list_id, known, now)
            gone = [entry.entry_id for entry in (*preview.removed, *preview.updated)]
            await _delete_entries(connection, list_id, gone)
            kept = [*preview.added, *preview.updated]
            for start in range(0, len(kept), BATCH):
                rows = [_entry_row(list_id, entry) for entry in kept[start : start + BATCH]]
                try:
                    await connection.execute(insert(list_entries), rows)
                except IntegrityError as error:
                    raise Conflict("The list was changed since the preview; make a new preview.") from error
            merged = [*known, *(name for name in columns if name not in known)]
            await connection.execute(update(match_lists).where(match_lists.c.list_id == list_id).values(columns=merged))

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
            async for row in _stream(connection):
                index.add(row.list_id, _entry(row))
        return index

    async def _records(self, condition: ColumnElement[bool] | None = None) -> Sequence[ListRecord]:
        count = (
            select(func.count())
            .select_from(list_entries)
            .where(list_entries.c.list_id == match_lists.c.list_id)
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


async def _stream(connection: AsyncConnection, condition: ColumnElement[bool] | None = None) -> AsyncIterator[Row[Any]]:
    """Rows of entries in order, in batches: every batch is a query, so the loop breathes in between."""
    last = ""
    while True:
        query = select(list_entries).where(list_entries.c.entry_id > last).order_by(list_entries.c.entry_id)
        if condition is not None:
            query = query.where(condition)
        rows = (await connection.execute(query.limit(BATCH))).all()
        for row in rows:
            yield row
        if len(rows) < BATCH:
            return
        last = rows[-1].entry_id


async def _all_entries(connection: AsyncConnection, list_id: str) -> Sequence[ListEntry]:
    entries = [_entry(row) async for row in _stream(connection, list_entries.c.list_id == list_id)]
    return sorted(entries, key=lambda entry: normalize(entry.pattern))


async def _rename_fields(connection: AsyncConnection, list_id: str, renamed: Mapping[str, str]) -> None:
    async for row in _stream(connection, list_entries.c.list_id == list_id):
        fields = {renamed.get(name, name): value for name, value in row.fields.items()}
        if fields != row.fields:
            same = list_entries.c.entry_id == row.entry_id
            await connection.execute(update(list_entries).where(same).values(fields=fields))


async def _require_list(connection: AsyncConnection, list_id: str) -> tuple[str, ...]:
    """The list's custom columns; NotFound when there is no such list."""
    columns = await connection.scalar(select(match_lists.c.columns).where(match_lists.c.list_id == list_id))
    if columns is None:
        raise NotFound(f"There is no match list {list_id!r}.")
    return tuple(columns)


def _require_entries_allowed(list_id: str) -> None:
    if list_id == UNLISTED_LIST_ID:
        raise Refused("The Unlisted list has no entries: it stands for plates that are on no list.")


async def _delete_entries(connection: AsyncConnection, list_id: str, entry_ids: Sequence[str]) -> int:
    removed = 0
    for start in range(0, len(entry_ids), 500):  # databases bound the number of parameters
        done = await connection.execute(
            delete(list_entries).where(
                list_entries.c.list_id == list_id, list_entries.c.entry_id.in_(entry_ids[start : start + 500])
            )
        )
        removed += done.rowcount
    return removed


async def _back_up(connection: AsyncConnection, list_id: str, columns: Sequence[str], now: datetime) -> None:
    content = export(await _all_entries(connection, list_id), FileFormat.CSV, columns)
    await connection.execute(insert(list_backups).values(list_id=list_id, saved_at=now, content=content))
    kept = select(list_backups.c.backup_id).where(list_backups.c.list_id == list_id)
    kept = kept.order_by(list_backups.c.backup_id.desc()).limit(KEPT_BACKUPS)
    await connection.execute(
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


def _entry_row(list_id: str, entry: ListEntry) -> dict[str, Any]:
    return {
        "entry_id": entry.entry_id,
        "list_id": list_id,
        "pattern": entry.pattern,
        "normal": normalize(entry.pattern),
        "valid_from": entry.valid_from,
        "valid_until": entry.valid_until,
        "fields": dict(entry.fields),
    }


def _entry(row: Row[Any]) -> ListEntry:
    return ListEntry(
        entry_id=row.entry_id,
        pattern=row.pattern,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        fields=row.fields,
    )
