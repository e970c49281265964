"""`onvif-lpr worker`, as a person types it: what it refuses to begin with, and why."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapter.cli import app
from adapter.workers.names import host_name, is_name

run = CliRunner()
SAFE = "https://lpr.example.org"


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "worker.token"
    path.write_text("olpr_made-up", encoding="utf-8")
    return path


def refused(*arguments: str) -> str:
    done = run.invoke(app, ["worker", *arguments])
    assert done.exit_code == 1
    return re.sub(r"\s+", " ", done.stderr)


def test_passwords_do_not_travel_readable_to_another_host_unless_somebody_says_so(token: Path) -> None:
    for address in ("http://192.0.2.7:8080", "http://lpr.example.org", "http://localhost.example.org"):
        assert "say --plain-http" in refused("--controller", address, "--token-file", str(token))


@pytest.mark.parametrize(
    "address", ["lpr.example.org", "ftp://x", "https://", "https://a:b@x", "http://[::1", "https://x:y"]
)
def test_an_address_that_is_none_is_refused(token: Path, address: str) -> None:
    assert "--controller" in refused("--controller", address, "--token-file", str(token))


def test_a_token_file_that_is_missing_or_empty_is_refused(token: Path) -> None:
    assert "No such file" in refused("--controller", SAFE, "--token-file", str(token) + ".not")
    token.write_text(" \n", encoding="utf-8")
    assert "under Accounts" in refused("--controller", SAFE, "--token-file", str(token))


@pytest.mark.parametrize("name", ["", "-north", "north south", "n" * 64])
def test_a_name_that_no_server_can_have_is_refused(token: Path, name: str) -> None:
    assert "--name" in refused("--controller", SAFE, "--token-file", str(token), "--name", name)


def test_a_worker_is_called_as_its_host_unless_told_otherwise() -> None:
    assert is_name(host_name())
