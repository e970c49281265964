"""Match lists over the API: lists, entries, import with preview, export."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from uuid import uuid4

from aiohttp import web

from adapter import garbage
from adapter.api import schemas, views
from adapter.api.bodies import read_body
from adapter.api.endpoint import Call, Endpoint
from adapter.api.errors import ApiError
from adapter.store.lists import ListRecord
from adapter.store.users import Role
from rules.importing import MAX_FILE_BYTES, FileFormat, ImportMode, export, parse, preview
from rules.match_lists import check_pattern
from rules.types import ListEntry, MatchList

# A preview names the first of the bad lines; a file of a million bad lines must not come back as one answer.
SHOWN_REJECTED = 100

_CONTENT_TYPES = {FileFormat.CSV: "text/csv", FileFormat.TXT: "text/plain"}


def endpoints() -> Sequence[Endpoint]:
    operator, admin = Role.OPERATOR, Role.ADMINISTRATOR
    one = "/lists/{list_id}"
    entries = one + "/entries"
    ok, view, entry = views.Ok, views.ListView, views.EntryView
    body, change, entry_body = schemas.ListBody, schemas.ListChange, schemas.EntryBody
    return (
        Endpoint(method="GET", path="/lists", summary="All match lists", run=_all, answer=list[views.ListView]),
        Endpoint(
            method="POST", path="/lists", summary="Add a list", run=_add, role=admin, body=body, answer=view, status=201
        ),
        Endpoint(method="GET", path=one, summary="One list", run=_one, answer=view),
        Endpoint(method="PUT", path=one, summary="Change a list", run=_change, role=admin, body=change, answer=view),
        Endpoint(method="DELETE", path=one, summary="Delete a list", run=_remove, role=admin, answer=ok),
        Endpoint(
            method="GET",
            path=entries,
            summary="Entries; `?` and `*` in the search",
            run=_entries,
            query=schemas.EntryQuery,
            answer=views.EntryPage,
        ),
        Endpoint(
            method="POST",
            path=entries,
            summary="Add an entry",
            run=_add_entry,
            role=operator,
            body=entry_body,
            answer=entry,
            status=201,
        ),
        Endpoint(
            method="PUT",
            path=entries + "/{entry_id}",
            summary="Change an entry",
            run=_change_entry,
            role=operator,
            body=entry_body,
            answer=entry,
        ),
        Endpoint(
            method="POST",
            path=entries + "/change",
            summary="Change several entries alike",
            run=_change_entries,
            role=operator,
            body=schemas.EntriesChange,
            answer=views.EntriesChanged,
        ),
        Endpoint(
            method="POST",
            path=entries + "/delete",
            summary="Delete entries",
            run=_remove_entries,
            role=operator,
            body=schemas.EntryIds,
            answer=ok,
        ),
        Endpoint(
            method="POST",
            path=one + "/import",
            summary="Preview an import, or carry it out with confirm=true; times without an offset are UTC",
            run=_import,
            role=operator,
            query=schemas.ImportQuery,
            raw_body=True,
            media_type="text/csv",
            answer=views.ImportResult,
        ),
        Endpoint(
            method="GET",
            path=one + "/export",
            summary="The complete list as a file",
            run=_export,
            role=operator,
            query=schemas.ExportQuery,
            media_type="text/csv",
        ),
        Endpoint(
            method="GET",
            path=one + "/backup",
            summary="The list as it was before the last import",
            run=_backup,
            role=operator,
            media_type="text/csv",
        ),
    )


async def _all(call: Call) -> list[views.ListView]:
    return [view(record) for record in await call.services.store.lists.all()]


async def _one(call: Call) -> views.ListView:
    return view(await call.services.store.lists.get(call.path["list_id"]))


async def _add(call: Call) -> views.ListView:
    match_list = _match_list(uuid4().hex[:12], call.body)
    await call.services.store.lists.add(match_list, now=call.now, columns=call.body.columns)
    changed = await _changed(call, match_list.list_id)
    await call.audit("list.add", match_list.name)
    return changed


async def _change(call: Call) -> views.ListView:
    match_list = _match_list(call.path["list_id"], call.body)
    if renamed := call.body.renamed_columns:
        _known_columns(renamed, (await call.services.store.lists.get(match_list.list_id)).columns, "renamed_columns")
    await call.services.store.lists.save(match_list, columns=call.body.columns, renamed=renamed)
    changed = await _changed(call, match_list.list_id)
    await call.audit("list.change", match_list.name)
    return changed


async def _remove(call: Call) -> views.Ok:
    record = await call.services.store.lists.get(call.path["list_id"])
    await call.services.store.lists.remove(record.match_list.list_id)
    await call.services.server.rules_changed()
    await call.audit("list.remove", record.match_list.name, f"{record.entry_count} entries")
    return views.Ok()


async def _entries(call: Call) -> views.EntryPage:
    found, total = await call.services.store.lists.entries(
        call.path["list_id"], search=call.query.search, limit=call.query.limit, offset=call.query.offset
    )
    return views.EntryPage(total=total, entries=[views.EntryView.model_validate(entry) for entry in found])


async def _add_entry(call: Call) -> ListEntry:
    return await _save_entry(call, uuid4().hex, "list.entry.add")


async def _change_entry(call: Call) -> ListEntry:
    return await _save_entry(call, call.path["entry_id"], "list.entry.change")


async def _save_entry(call: Call, entry_id: str, action: str) -> ListEntry:
    list_id = call.path["list_id"]
    columns = (await call.services.store.lists.get(list_id)).columns
    _known_columns(call.body.fields, columns, "fields")
    entry = ListEntry(
        entry_id=entry_id,
        pattern=check_pattern(call.body.pattern),
        valid_from=call.body.valid_from,
        valid_until=call.body.valid_until,
        fields=call.body.fields,
    )
    await call.services.store.lists.save_entry(list_id, entry)
    await call.services.server.rules_changed()
    await call.audit(action, list_id, entry_id)
    return entry


async def _change_entries(call: Call) -> views.EntriesChanged:
    """Several at once; all of them or none."""
    list_id, body = call.path["list_id"], call.body
    _known_columns(body.fields, (await call.services.store.lists.get(list_id)).columns, "fields")
    dates = {name: getattr(body, name) for name in ("valid_from", "valid_until") if name in body.model_fields_set}
    changed = await call.services.store.lists.change_entries(list_id, body.entry_ids, fields=body.fields, dates=dates)
    await call.services.server.rules_changed()
    await call.audit("list.entry.change", list_id, f"{changed} entries")
    return views.EntriesChanged(changed=changed)


def _known_columns(names: Iterable[str], columns: Sequence[str], where: str) -> None:
    if unknown := sorted(set(names) - set(columns)):
        known = ", ".join(columns) or "none"
        raise ApiError(422, "invalid", f"{where}: the list has no column {unknown[0]!r}. Its columns: {known}.")


async def _remove_entries(call: Call) -> views.Ok:
    list_id = call.path["list_id"]
    removed = await call.services.store.lists.remove_entries(list_id, call.body.entry_ids)
    await call.services.server.rules_changed()
    await call.audit("list.entry.remove", list_id, f"{removed} entries")
    return views.Ok()


async def _import(call: Call) -> views.ImportResult:
    columns = (await call.services.store.lists.get(call.path["list_id"])).columns
    content = await read_body(call.request, MAX_FILE_BYTES)
    with garbage.search.put_off():
        return await _import_file(call, content, columns)


async def _import_file(call: Call, content: bytes, columns: Sequence[str]) -> views.ImportResult:
    list_id = call.path["list_id"]
    lists = call.services.store.lists
    # A large file takes seconds of processor time; plates must go on being read meanwhile.
    parsed = await asyncio.to_thread(parse, content, call.query.format, new_id=lambda: uuid4().hex)
    added = sorted(set(parsed.columns) - set(columns))
    if added and not call.identity.role.covers(Role.ADMINISTRATOR):
        # M-288: who fills a list may not change its columns.
        raise ApiError(403, "forbidden", f"The file has the new column {added[0]!r}; an administrator may add columns.")
    plan = await asyncio.to_thread(preview, await lists.every_entry(list_id), parsed, call.query.mode)
    if call.query.confirm:
        await lists.apply(list_id, plan, now=call.now, columns=parsed.columns)
        detail = f"{len(plan.added)} added, {len(plan.updated)} updated, {len(plan.removed)} removed"
        await call.services.server.rules_changed()
        await call.audit("list.import", list_id, detail)
    return views.ImportResult(
        applied=call.query.confirm,
        added=len(plan.added),
        updated=len(plan.updated),
        unchanged=plan.unchanged,
        removed=len(plan.removed) if plan.mode is ImportMode.REPLACE else 0,
        rejected_count=len(plan.rejected),
        rejected=[views.RejectedView.model_validate(one) for one in plan.rejected[:SHOWN_REJECTED]],
    )


async def _export(call: Call) -> web.Response:
    record = await call.services.store.lists.get(call.path["list_id"])
    entries = await call.services.store.lists.every_entry(record.match_list.list_id)
    content = await asyncio.to_thread(export, entries, call.query.format, record.columns)
    await call.audit("list.export", record.match_list.name)
    return _file(content, call.query.format, record.match_list.list_id)


async def _backup(call: Call) -> web.Response:
    list_id = call.path["list_id"]
    return _file(await call.services.store.lists.latest_backup(list_id), FileFormat.CSV, f"{list_id}-backup")


async def _changed(call: Call, list_id: str) -> views.ListView:
    """Before it is audited: what is stored is in force, even when the store then takes no more."""
    await call.services.server.rules_changed()
    return view(await call.services.store.lists.get(list_id))


def _file(content: bytes, file_format: FileFormat, name: str) -> web.Response:
    safe = "".join(
        character for character in name if character.isascii() and (character.isalnum() or character in "-_")
    )
    return web.Response(
        body=content,
        headers={
            "Content-Type": f"{_CONTENT_TYPES[file_format]}; charset=utf-8",
            "Content-Disposition": f'attachment; filename="{safe or "list"}.{file_format}"',
        },
    )


def _match_list(list_id: str, body: schemas.ListBody) -> MatchList:
    return MatchList(
        list_id=list_id,
        name=body.name,
        kind=body.kind,
        policy=body.policy,
        camera_ids=frozenset(body.camera_ids),
    )


def view(record: ListRecord) -> views.ListView:
    """A list as the API and the pages show it."""
    one = record.match_list
    return views.ListView(
        list_id=one.list_id,
        name=one.name,
        kind=one.kind,
        policy=one.policy,
        camera_ids=sorted(one.camera_ids),
        columns=list(record.columns),
        entry_count=record.entry_count,
    )
