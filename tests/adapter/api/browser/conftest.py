"""The console in a real browser. All tests here share one event loop, because the browser and its driver do.

Starting the two takes longer than most of the tests. Each test has a console, cookies and a page of its own.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.adapter.api.conftest import PASSWORD, Console, running_console

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
IN_A_BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)"),
    pytest.mark.asyncio(loop_scope="session"),
]
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
WAIT_S = 30


async def until(page: Page, expression: str, argument: Any = None) -> None:
    """Wait for a JavaScript expression; Playwright's own wait evaluates texts in the page, which its policy forbids."""
    async with asyncio.timeout(WAIT_S):
        while not await page.evaluate(expression, argument):
            await asyncio.sleep(0.05)


@pytest.fixture
def refusals() -> list[str]:
    """Statuses that a test makes the API answer with; the browser logs each as an error, at a time of its own."""
    return []


@pytest_asyncio.fixture(loop_scope="session")
async def console(data_folder: Path) -> AsyncIterator[Console]:
    async with running_console(data_folder) as console:
        yield console


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(console: Console, refusals: list[str], browser: Browser) -> AsyncIterator[Page]:
    """A signed-in page, with cookies of its own, whose script errors and policy violations fail the test."""
    expect.set_options(timeout=WAIT_S * 1000)
    problems: list[str] = []
    context = await browser.new_context(base_url=str(console.server.make_url("/")))
    opened = await context.new_page()
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    await context.request.post("/login", form={"name": "anna", "password": PASSWORD})
    await opened.goto("/", wait_until="load")
    await opened.wait_for_selector("text=Live reads")
    yield opened
    # Seen once on a busy machine: a browser that never says that it has closed. The test is over by then.
    with suppress(TimeoutError):
        async with asyncio.timeout(WAIT_S):
            await context.close()
    assert [text for text in problems if not any(f"status of {status}" in text for status in refusals)] == []
