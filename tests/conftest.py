"""What all tests share: where real data may be found, and the count of requirements with a passing test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A busy machine is no reason to fail: what takes long is told by the time-out of each test.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# Tables are as wide as this in every order of tests: the console asks once, when it is first imported.
os.environ["COLUMNS"] = "500"

ROOT = Path(__file__).resolve().parent.parent
MANUAL_REQUIREMENTS = [f"M-{number:03d}" for number in range(1, 322)]


def data_dir() -> Path:
    """The folder of real photos, clips and peer weights: ONVIF_LPR_DATA, or a neighbouring `shared`."""
    return Path(os.environ.get("ONVIF_LPR_DATA", ROOT.parent / "shared"))


def require_data(*parts: str) -> Path:
    """A path below the data folder; skips the test, saying why, when it is not there."""
    path = data_dir().joinpath(*parts)
    if not path.exists():
        pytest.skip(f"{path.name} is not beside this checkout; point ONVIF_LPR_DATA at a folder that has it")
    return path


@pytest.fixture(scope="session")
def photos() -> Path:
    return require_data("photos")


@pytest.fixture(scope="session")
def clips() -> Path:
    return require_data("video")


@pytest.fixture(scope="session")
def peer_weights() -> Path:
    return require_data("models", "fast-alpr")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that processes side by side end with short ones, at about the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--requirements", help="write a JSON report of requirements with a passing test to this file")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    report = yield
    report.user_properties.extend(
        ("requirement", requirement) for mark in item.iter_markers("requirement") for requirement in mark.args
    )
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Of a worker that died: how. Its own words, if it had any, are above."""
    if error is None:
        return
    with suppress(AttributeError, subprocess.TimeoutExpired):
        code = node.gateway._io.popen.wait(timeout=10)
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        print(f"\nworker {node.gateway.id} ended {how}", file=sys.stderr, flush=True)


def pytest_terminal_summary(terminalreporter) -> None:  # type: ignore[no-untyped-def]
    passed: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            tests = passed.setdefault(value, []) if name == "requirement" else []
            if report.nodeid not in tests:
                tests.append(report.nodeid)
    known = [requirement for requirement in MANUAL_REQUIREMENTS if requirement in passed]
    if known:
        terminalreporter.write_line(
            f"requirements of the manual with a passing test: {len(known)} of {len(MANUAL_REQUIREMENTS)}"
        )
    target = terminalreporter.config.getoption("--requirements")
    if target:
        Path(target).write_text(json.dumps({key: passed[key] for key in sorted(passed)}, indent=1), encoding="utf-8")
