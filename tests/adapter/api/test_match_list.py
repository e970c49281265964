"""A match list as one object: what it is, what is on it, and what it sets off."""

from __future__ import annotations

import pytest

from rules.match_lists import MatchIndex
from rules.rules import evaluate
from tests.adapter.api.test_resources import add_list
from tests.rules.examples import NOON, recognized


@pytest.mark.requirement("M-021", "M-254")
async def test_a_list_has_id_name_kind_entries_and_fields_and_sets_off_alarms_and_relays(console):
    list_id = await add_list(console, name="Residents", kind="allow", columns=["Flat"])
    path = f"/lists/{list_id}"
    await console.call("POST", path + "/entries", json={"pattern": "AB12CD", "fields": {"Flat": "7"}})
    made = await console.call("POST", "/alarm-definitions", json={"name": "Resident seen", "list_id": list_id})
    assert made[0] == 201
    await console.call("POST", "/relay-actions", json={"list_id": list_id, "relay_token": "gate", "pulse_s": 1.5})
    shown = (await console.call("GET", path))[1]
    assert {key: shown[key] for key in ("list_id", "name", "kind", "columns", "entry_count")} == {
        "list_id": list_id,
        "name": "Residents",
        "kind": "allow",
        "columns": ["Flat"],
        "entry_count": 1,
    }
    (entry,) = (await console.call("GET", path + "/entries"))[1]["entries"]
    assert (entry["pattern"], entry["fields"]) == ("AB12CD", {"Flat": "7"})
    index: MatchIndex = await console.store.lists.index()
    numbers = iter(range(9))
    outcome = evaluate(
        recognized("AB12CD"),
        index=index,
        alarm_definitions=await console.store.alarm_definitions.all(),
        relay_actions=await console.store.relay_actions.all(),
        last_pulses={},
        now=NOON,
        new_id=lambda: f"id{next(numbers)}",
    )
    assert [match.list_id for match in outcome.matches] == [list_id]
    assert [alarm.name for alarm in outcome.alarms] == ["Resident seen"]
    assert [(pulse.relay_token, pulse.pulse.total_seconds()) for pulse in outcome.relays] == [("gate", 1.5)]
