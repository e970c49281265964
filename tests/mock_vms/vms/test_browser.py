"""The alarm page in a real browser: a live alarm appears, is acknowledged, and hostile text does nothing."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from mock_vms.vms.service import Running, Settings, running
from tests.mock_vms.vms.calls import alarm, call
from tests.mock_vms.vms.conftest import TOKEN, Client

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)"),
    # The browser and its driver, which take longer to start than the tests do, belong to one event loop.
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def vms(settings: Settings) -> AsyncIterator[Running]:
    async with running(replace(settings, open_to_loopback=True)) as vms:
        yield vms


@pytest_asyncio.fixture(loop_scope="module")
async def client(vms: Running) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        yield Client(session, vms)


@pytest_asyncio.fixture(loop_scope="module")
async def page(vms: Running, browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    await page.goto(vms.url)
    await page.wait_for_selector(".link.live")
    yield page
    await context.close()
    assert problems == []


async def test_a_live_alarm_appears_and_is_acknowledged_and_closed(page: Page, client: Client) -> None:
    assert await page.is_visible("#quiet")
    hostile = '"><img src=x onerror="document.title=1">'
    await call(client.session, client.vms.url, alarm("a/1", object="<b>AB12</b>", name=hostile), "m1")
    row = page.locator("#alarms tr")
    await row.wait_for()
    assert await row.locator(".plate b").inner_text() == "<b>AB12</b>"
    assert await page.title() == "Mock VMS: alarms"
    assert not await page.is_visible("#quiet")
    await row.get_by_text("Acknowledge").click()
    await page.wait_for_selector('#alarms tr[data-state="acknowledged"]')
    await row.get_by_text("Close").click()
    await page.wait_for_selector('#alarms tr[data-state="closed"]')
    assert await row.count() == 1


async def test_a_withdrawn_list_match_leaves_and_a_gate_opens(page: Page, client: Client) -> None:
    match = {"id": "match-1", "type": "ListMatched", "data": {"list_name": "Wanted", "plate": "AB12CDE"}}
    await call(client.session, client.vms.url, match, "m1")
    await page.wait_for_selector('#alarms tr[data-id="match-1"]')
    await call(client.session, client.vms.url, alarm("a1"), "m2")
    await page.wait_for_selector('#alarms tr[data-id="a1"]')
    await page.wait_for_selector('#alarms tr[data-id="match-1"]', state="detached")
    await client.post("/outputs/gate", {"state": "active"})
    await page.wait_for_selector(".output.active .gate")


async def test_everything_fits_on_a_common_screen(page: Page, client: Client) -> None:
    await call(client.session, client.vms.url, alarm("a1", object="WWWW 12345678"), "m1")
    await page.wait_for_selector("#alarms tr")
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert await page.evaluate("(box => box.scrollWidth <= box.clientWidth)(document.querySelector('.scroll'))")
