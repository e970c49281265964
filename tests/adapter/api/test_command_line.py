"""`onvif-lpr camera ...` as a person types it, against a console on a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from adapter.cli import app
from adapter.client import LONG_WORK_S, ServiceClient
from adapter.settings import Settings
from events.types import EVENT_KINDS
from inference.types import Frame
from tests.adapter.api.test_auto_capture import drive_by, passage
from tests.adapter.api.test_snapshots import camera_with
from tests.fakes.snapshot_scenes import HEIGHT, WIDTH, Seen
from tests.rules.examples import NOON

Type = Callable[..., Awaitable[Result]]
TWO = tuple(Seen(f"{number}1BKL{number}", 300 + 20 * number, 450) for number in range(2))


@pytest.fixture
async def typed(console, tmp_path, monkeypatch) -> Type:
    """Runs `onvif-lpr camera`, or what is named, where this console runs, with its token in the data folder."""
    settings = Settings(data_dir=tmp_path / "data")
    settings.data.mkdir()
    header = await console.token()
    settings.local_token_file.write_text(header["Authorization"].removeprefix("Bearer "), encoding="utf-8")
    monkeypatch.setenv("ONVIF_LPR_HTTP_PORT", str(console.server.port))
    monkeypatch.chdir(tmp_path)

    async def run(*arguments: str) -> Result:
        group = () if arguments[0] in {"camera", "list", "output", "status"} else ("camera",)
        everything = ["--data-dir", str(settings.data), *group, *arguments]
        done = await asyncio.to_thread(CliRunner().invoke, app, everything)
        assert "Traceback" not in done.output
        return done

    return run


async def test_snapshots_are_imported_approved_and_rejected(console, typed: Type, tmp_path) -> None:
    await camera_with(console)
    file = tmp_path / "gate.png"
    file.write_bytes(console.service.scenes.picture(0, Seen("12BKL3", 500, 400)))
    shown = await typed("snapshots", "North", "--add", str(file))
    assert shown.exit_code == 0
    assert "approve at least one snapshot" in " ".join(shown.stdout.lower().split())
    ((name,),) = [[row["name"] for row in await snapshots(console)]]
    assert (await typed("snapshots", "North", "--approve", name, "--plate", "12-BKL-8")).exit_code == 0
    (row,) = await snapshots(console)
    assert (row["approval"], row["plates"]) == ("approved", ["12BKL8"])
    await typed("snapshots", "North", "--reject", name)
    assert [row["approval"] for row in await snapshots(console)] == ["rejected"]
    missing = await typed("snapshots", "North", "--add", str(tmp_path / "no.png"))
    assert (missing.exit_code, "does not exist" in " ".join(missing.stderr.split())) == (1, True)


async def test_the_newest_live_picture_is_taken(console, typed: Type) -> None:
    camera_id, _ = await camera_with(console)
    refused = await typed("take", "North")
    assert (refused.exit_code, "no picture yet" in " ".join(refused.stderr.split())) == (1, True)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    console.service.fleet.cameras[camera_id].last_frame = Frame(
        picture=picture, captured_at=NOON, monotonic_s=0.0, sequence=1
    )
    assert (await typed("take", "North")).stdout.startswith("kept ")
    assert [row["origin"] for row in await snapshots(console)] == ["live"]


async def test_passing_vehicles_are_captured_looked_at_and_ended(console, typed: Type) -> None:
    camera_id, _ = await camera_with(console)
    assert "not started; start it with --vehicles N" in (await typed("auto-capture", "North")).stdout
    started = await typed("auto-capture", "North", "--vehicles", "1", "--hours", "3")
    assert "0 of 1 vehicles captured, until 2026-05-04 15:00 UTC" in " ".join(started.stdout.split())
    await drive_by(console, camera_id, passage(7))
    done = " ".join((await typed("auto-capture", "North")).stdout.split())
    assert done.startswith("1 of 1 vehicles captured All 1 vehicles are captured.")
    assert [row["origin"] for row in await snapshots(console)] == ["auto"]
    assert (await typed("auto-capture", "North", "--stop")).exit_code == 0
    assert "not started" in (await typed("auto-capture", "North")).stdout
    both = await typed("auto-capture", "North", "--vehicles", "1", "--stop")
    assert (both.exit_code, "either --vehicles or --stop" in both.stderr) == (1, True)


async def test_the_snapshot_of_the_camera_is_written_to_a_file(console, typed: Type, tmp_path) -> None:
    await camera_with(console)
    done = await typed("snapshot", "North", str(tmp_path / "now.jpg"))
    assert done.exit_code == 0, done.output
    assert (tmp_path / "now.jpg").read_bytes() == b"\xff\xd8\xff\xd9"


async def test_validate_shows_what_was_read_of_the_approved(console, typed: Type) -> None:
    _, names = await camera_with(console, Seen("12BKL3", 500, 400, likelihood=0.62), Seen("AA11AA", 300, 500))
    nothing = await typed("validate", "North")
    assert nothing.exit_code == 1
    for name, plate in zip(names, ("12BKL3", "AA11AB"), strict=True):
        await typed("snapshots", "North", "--approve", name, "--plate", plate)
    done = await typed("validate", "North")
    assert done.exit_code == 0
    assert "License plates: 2 of 2 detected, 1 correct, 1 wrong, 0 extra" in " ".join(done.stdout.split())


async def test_autoconfigure_shows_first_applies_when_told_and_undoes(console, typed: Type) -> None:
    camera_id, names = await camera_with(console, *TWO)
    for name in names:
        await console.call("PATCH", f"/cameras/{camera_id}/snapshots/{name}", json={"approval": "approved"})
    shown = " ".join((await typed("autoconfigure", "North")).stdout.split())
    assert "before: 2 of 2 detected" in shown
    assert "after: 2 of 2 detected" in shown
    assert "Nothing was changed; add --apply to do it." in shown
    assert (await console.call("GET", f"/cameras/{camera_id}"))[1]["recognition"] == {}
    applied = await typed("autoconfigure", "North", "--apply")
    assert "Nothing was changed" not in applied.stdout
    assert len((await console.call("GET", f"/cameras/{camera_id}"))[1]["recognition"]["areas"]) == 1
    assert "the former settings are back" in (await typed("autoconfigure", "North", "--undo")).stdout
    assert (await console.call("GET", f"/cameras/{camera_id}"))[1]["recognition"] == {}
    assert (await typed("autoconfigure", "North", "--undo")).exit_code == 1


async def test_validation_and_autoconfiguration_are_waited_for(console, typed: Type, monkeypatch) -> None:
    camera_id, names = await camera_with(console, *TWO)
    for name in names:
        await console.call("PATCH", f"/cameras/{camera_id}/snapshots/{name}", json={"approval": "approved"})
    waited, call = {}, ServiceClient.call

    def noted(client, method, path, **arguments):
        waited[path.rsplit("/", 1)[1]] = arguments.get("within_s")
        return call(client, method, path, **arguments)

    monkeypatch.setattr(ServiceClient, "call", noted)
    for command in ("validate", "autoconfigure"):
        assert (await typed(command, "North")).exit_code == 0
        assert waited.pop(command) == LONG_WORK_S
    assert set(waited.values()) == {None}


async def test_the_funnel_is_shown_by_the_hour(console, typed: Type) -> None:
    camera_id, _ = await camera_with(console)
    console.service.fleet.cameras[camera_id].funnel.count(NOON, "frames", 7)
    done = await typed("funnel", "North")
    assert done.exit_code == 0
    (row,) = [line for line in done.stdout.splitlines() if NOON.strftime("%Y-%m-%dT%H") in line]
    assert row.split("│")[2].strip() == "7"


async def test_a_camera_that_is_not_there_is_named_with_those_there_are(console, typed: Type) -> None:
    await camera_with(console)
    done = await typed("validate", "South")
    assert done.exit_code == 1
    assert "no camera named 'South'; there is: North" in " ".join(done.stderr.split())


async def test_files_and_names_that_cannot_be_used_are_said_in_one_sentence(console, typed: Type, tmp_path) -> None:
    await camera_with(console)
    await typed("list", "add", "staff")
    nowhere, folder = str(tmp_path / "no" / "file.csv"), str(tmp_path)
    for command, said in (
        (("snapshot", "North", nowhere), "cannot be written: No such file"),
        (("list", "export", "staff", folder), "cannot be written: Is a directory"),
        (("list", "import", "staff", folder), "cannot be read: Is a directory"),
        (("list", "import", "staff", nowhere), "does not exist"),
        (("snapshots", "North", "--add", folder), "cannot be read: Is a directory"),
        (("snapshots", "North", "--reject", "a?b/#c"), "a?b/#c"),
        (("snapshots", "North", "--plate", "12BKL3"), "give --approve with it"),
        (("auto-capture", "North", "--hours", "3"), "give --vehicles with it"),
        (("auto-capture", "North", "--stop", "--hours", "3"), "give --vehicles with it"),
        (("autoconfigure", "North", "--apply", "--undo"), "give either --apply or --undo"),
        (
            ("output", "add", "x", "http://h/", "--kind", "AlarmRaise"),
            "no kind of event 'AlarmRaise'; there are: Plate",
        ),
    ):
        done = await typed(*command)
        assert (done.exit_code, said in " ".join(done.stderr.split())) == (1, True), done.output


async def test_plates_do_not_get_into_a_list_of_another_kind(console, typed: Type) -> None:
    assert (await typed("list", "add", "Residents", "--kind", "allow", "--plate", "AB12CD")).exit_code == 0
    refused = await typed("list", "add", "Residents", "--kind", "deny", "--plate", "ZZ99ZZ")
    assert refused.exit_code == 1
    assert "the list Residents is of the kind allow, not deny" in " ".join(refused.stderr.split())
    for kind, plate in (((), "EF34GH"), (("--kind", "allow"), "GH56IJ")):
        assert (await typed("list", "add", "Residents", *kind, "--plate", plate)).exit_code == 0
    assert (await typed("list", "add", "Others")).exit_code == 0
    lists = {row["name"]: row for row in (await console.call("GET", "/lists"))[1]}
    assert (lists["Residents"]["kind"], lists["Others"]["kind"]) == ("allow", "watch")
    (_, entries) = await console.call("GET", f"/lists/{lists['Residents']['list_id']}/entries")
    assert "ZZ99ZZ" not in str(entries)


async def test_an_output_takes_every_kind_of_event_there_is(console, typed: Type) -> None:
    kinds = [word for kind in EVENT_KINDS for word in ("--kind", kind)]
    assert (await typed("output", "add", "all", "http://vms.example/", *kinds)).exit_code == 0
    (output,) = (await console.call("GET", "/outputs"))[1]
    assert output["event_kinds"] == sorted(EVENT_KINDS)


async def test_a_camera_is_not_added_with_a_speed_that_is_none(console, typed: Type) -> None:
    done = await typed("add", "http://127.0.0.1:1", "--name", "Gate", "--max-speed", "-3")
    assert (done.exit_code, "--max-speed" in done.stderr) == (2, True)
    assert (await console.call("GET", "/cameras"))[1] == []


@pytest.mark.parametrize("name", ["Gate [north]", "[/north]", "[red]Gate[/red]", "Gate :car:"])
async def test_a_name_in_brackets_or_colons_is_shown_as_it_is(
    console, typed: Type, tmp_path, monkeypatch, name
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    camera_id, (snapshot,) = await camera_with(console, Seen("12BKL3", 500, 400))
    await console.call("PATCH", f"/cameras/{camera_id}", json={"name": name})
    file = tmp_path / f"{name.replace('/', '')}.jpg"
    for done in (await typed("camera", "list"), await typed("status"), await typed("validate", name + "!")):
        assert name in done.output
    assert f"saved {file}" in (await typed("snapshot", name, str(file))).output.replace("\n", "")
    assert (await typed("snapshots", name, "--approve", snapshot, "--plate", "12BKL3")).exit_code == 0
    for command in ("settings", "validate", "autoconfigure", "funnel", "suitability", "snapshots"):
        assert (await typed(command, name)).exit_code == 0, command
    assert f"removed {name}" in (await typed("remove", name)).output
    assert f"list {name}: 1 plates added" in (await typed("list", "add", name, "--plate", "AB*")).output
    assert f" {name} " in (await typed("list", "show")).output


async def snapshots(console) -> list[dict]:
    (camera,) = (await console.call("GET", "/cameras"))[1]
    return (await console.call("GET", f"/cameras/{camera['camera_id']}/snapshots"))[1]["snapshots"]
