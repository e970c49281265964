"""Runs a driver in its client's environment and collects what it told, step by step."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.missing import missing

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / ".clients"
DRIVE_TIMEOUT_S = 200

Steps = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Client:
    """One third-party client: the command that runs its driver, and whether it corrects for a device's clock."""

    name: str
    command: tuple[str, ...]
    needs: Path
    corrects_clock: bool = True
    renews_s: int = 90
    """For how long its driver asks a subscription to live; the first life is 60 s."""

    def require(self) -> None:
        """Skip when it is not installed; under CI that is a failure."""
        if self.needs.exists() and (self.name != "node" or shutil.which("node")):
            return
        missing(f"the client {self.name} is not installed; run `make clients`")


CLIENTS = (
    Client(
        "onvif-zeep-async",
        (str(FOLDER / "zeep-async/bin/python"), str(HERE / "drive_zeep_async.py")),
        FOLDER / "zeep-async/bin/python",
    ),
    Client(
        "onvif-python",
        (str(FOLDER / "onvif-python/bin/python"), str(HERE / "drive_onvif_python.py")),
        FOLDER / "onvif-python/bin/python",
        corrects_clock=False,
    ),
    # This client always asks for two minutes.
    Client("node", ("node", str(HERE / "drive_node.js")), FOLDER / "node/node_modules/onvif", renews_s=120),
)


def check(client: Client, steps: Steps, *, manufacturer: str, profiles: int, ahead_s: float) -> None:
    """What every drive must have shown, on either device."""
    assert steps["connect"]["manufacturer"] == manufacturer
    assert len(set(steps["profiles"]["tokens"])) == profiles
    if client.corrects_clock:
        # Clocks are told in whole seconds.
        assert abs(steps["connect"]["clock_offset_s"] - ahead_s) <= 2
    elif ahead_s:
        assert_not_authorized(steps["token_of_another_hour"])
    assert abs(steps["renew"]["seconds"] - client.renews_s) <= 1
    assert "unsubscribe" in steps
    assert_not_authorized(steps["wrong_password"])


def assert_not_authorized(step: dict[str, Any]) -> None:
    """Kept out because of the login, not because nobody answered."""
    assert step["refused"] is True
    assert "not authorized" in step["message"].lower(), step["message"]


async def drive(
    client: Client,
    role: str,
    port: int,
    user: str,
    password: str,
    *,
    digest: bool = False,
    on_subscribed: Callable[[], Awaitable[None]] | None = None,
) -> Steps:
    """The steps the driver told, by name. `on_subscribed` runs when its pull point stands. Fails with its output."""
    client.require()
    process = await asyncio.create_subprocess_exec(
        *client.command,
        *(role, "127.0.0.1", str(port), user, password, "wrong " + password),
        *(("digest",) if digest else ()),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "ONVIF_NODE_MODULES": str(FOLDER / "node/node_modules"), "PYTHONWARNINGS": "ignore"},
        limit=1 << 22,
    )
    assert process.stdout is not None and process.stderr is not None
    errors = asyncio.create_task(process.stderr.read())
    steps: Steps = {}
    try:
        async with asyncio.timeout(DRIVE_TIMEOUT_S):
            while line := await process.stdout.readline():
                told = json.loads(line)
                steps[told["step"]] = told
                if told["step"] == "subscribed" and on_subscribed is not None:
                    await on_subscribed()
            code = await process.wait()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    finally:
        output = (await errors).decode(errors="replace")
    assert code == 0, f"{client.name} stopped after {list(steps)}:\n{output[-3000:]}"
    return steps
