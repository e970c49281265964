"""The command line against one running `onvif-lpr serve` and a camera in the network, the way a person goes."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from typer.testing import CliRunner

from adapter.cli import app
from tests.e2e.chain import Chain, running_chain
from tests.e2e.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Shell:
    """Types commands; each must succeed."""

    def __init__(self, chain: Chain) -> None:
        self._runner = CliRunner(env=chain.environment)

    async def run(self, *arguments: str) -> str:
        done = await asyncio.to_thread(self._runner.invoke, app, list(arguments))
        assert done.exit_code == 0, done.output
        return str(done.stdout)

    async def rows(self, *arguments: str) -> list[list[str]]:
        """The cells of the table it prints."""
        lines = (await self.run(*arguments)).splitlines()
        return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if line.startswith("│")]


@pytest.mark.requirement("M-312", "M-314")
async def test_a_person_sets_everything_up_from_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with running_chain(tmp_path, "--autoplay", "0") as chain:
        await the_first_start_tells_where_and_with_which_password(chain)
        shell = Shell(chain)
        address = await a_camera_is_discovered(shell, chain)
        await it_is_added_tuned_and_listed(shell, address)
        await lists_are_made_imported_and_exported(shell, tmp_path)
        await the_status_says_that_all_is_well(shell)
        the_log_has_iso_times_and_the_newest_line_at_the_bottom(chain)


async def the_first_start_tells_where_and_with_which_password(chain: Chain) -> None:
    ready = chain.service.ready
    assert ready["console"] == f"http://127.0.0.1:{chain.http_port}"
    assert ready["onvif"] == f"http://127.0.0.1:{chain.onvif_port}/onvif/device_service"
    assert ready["rtsp"].startswith("rtsp://127.0.0.1:")
    assert ready["data"] == str(chain.data)
    said = list(chain.service.said)
    (heading,) = [number for number, line in enumerate(said) if "one-time password" in line]
    name, password = said[heading + 1].split()
    assert name == "admin"
    async with aiohttp.ClientSession() as browser:
        for given, status, leads_to in ((password + "x", 401, None), (password, 303, "/password")):
            form = {"name": name, "password": given}
            async with browser.post(f"{ready['console']}/login", data=form, allow_redirects=False) as answer:
                assert (answer.status, answer.headers.get("Location")) == (status, leads_to)


async def a_camera_is_discovered(shell: Shell, chain: Chain) -> str:
    asked = ("discover", "--address", f"127.0.0.1:{chain.probe_port}", "--timeout", "2", "--json")
    found = [row for row in json.loads(await shell.run(*asked)) if row["name"] == "Gate North"]
    assert found[0]["address"] == chain.camera.ready["device"]
    return str(found[0]["address"])


async def it_is_added_tuned_and_listed(shell: Shell, address: str) -> None:
    said = await shell.run(
        *("camera", "add", address, "--name", "North", "--user", "admin"), "--modules", "NL,D", "--max-speed", "50"
    )
    assert "added North" in said
    assert "max_exposure_time_us" in said and "1818" in said
    assert "differs" not in said

    async def listed() -> Any:
        (row,) = await shell.rows("camera", "list")
        return row if row[3] == "running" else None

    assert await until(listed) == ["North", address, "NL,D", "running", ""]
    assert "login: username_token" in await shell.run("camera", "test", "North")


async def lists_are_made_imported_and_exported(shell: Shell, folder: Path) -> None:
    said = await shell.run("list", "add", "Residents", "--kind", "allow", "--plate", "12-BKL-3", "--plate", "AB?12*")
    assert "2 plates added" in said
    file = folder / "more.csv"
    file.write_text("plate,owner\nXY99ZZ,Jansen\n12BKL3,de Vries\n", encoding="utf-8")
    assert "Nothing was changed" in await shell.run("list", "import", "Residents", str(file))
    assert (await residents(shell))[3] == "2"
    assert "done: 1 added" in await shell.run("list", "import", "Residents", str(file), "--yes")
    assert (await residents(shell))[:4] == ["Residents", "allow", "strict", "3"]
    out = folder / "out.csv"
    assert "saved" in await shell.run("list", "export", "Residents", str(out))
    exported = out.read_text(encoding="utf-8-sig")
    for expected in ("XY99ZZ", "Jansen", "AB?12*", "de Vries"):
        assert expected in exported


async def residents(shell: Shell) -> list[str]:
    (row,) = [row for row in await shell.rows("list", "show") if row[0] == "Residents"]
    return row


async def the_status_says_that_all_is_well(shell: Shell) -> None:
    assert "All LPR cameras are running" in await shell.run("status")
    status = json.loads(await shell.run("status", "--json"))
    assert status["status"] == "All LPR cameras are running"
    (camera,) = status["cameras"]
    assert (camera["name"], camera["state"]) == ("North", "running")


def the_log_has_iso_times_and_the_newest_line_at_the_bottom(chain: Chain) -> None:
    lines = [line for line in chain.service.said if re.search(r"\[(info|warning) +\]", line)]
    times = [datetime.fromisoformat(line.split()[0]) for line in lines]
    assert times == sorted(times)
    (started,) = [number for number, line in enumerate(lines) if "service running" in line]
    (connected, *_) = [number for number, line in enumerate(lines) if "camera connected" in line]
    assert started < connected
