"""The rules in memory, as they are read again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapter.rulebook import Rulebook
from adapter.store.store import Store
from events.types import ListKind
from rules.match_lists import MatchIndex
from rules.types import UNLISTED_LIST_ID, ListEntry, MatchList

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


async def test_rules_that_were_read_earlier_never_replace_those_read_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plate that was taken off a list while the list was being read must not go on opening the gate."""
    async with Store.in_folder(tmp_path) as store:
        await store.lists.add(MatchList(list_id="staff", name="Staff", kind=ListKind.ALLOW), now=NOW)
        await store.lists.save_entry("staff", ListEntry(entry_id="e1", pattern="AB12CD"))
        rulebook, slow, read = Rulebook(store=store), asyncio.Event(), store.lists.index
        asked = 0

        async def index() -> MatchIndex:
            nonlocal asked
            asked += 1
            first, found = asked == 1, await read()
            if first:
                await slow.wait()
            return found

        monkeypatch.setattr(store.lists, "index", index)
        earlier = asyncio.create_task(rulebook.reload())
        await asyncio.sleep(0.05)
        await store.lists.remove_entries("staff", ["e1"])
        later = asyncio.create_task(rulebook.reload())
        await asyncio.sleep(0.05)
        slow.set()
        await asyncio.gather(earlier, later)
        hits = rulebook.index.match("AB12CD", camera_id="c1", at=NOW)
        assert [hit.match_list.list_id for hit in hits] == [UNLISTED_LIST_ID]
