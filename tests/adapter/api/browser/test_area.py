"""The recognition area and the character heights, drawn and dragged in a real browser, and seen through the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from tests.adapter.api.browser.conftest import IN_A_BROWSER, until
from tests.adapter.api.browser.test_settings import save, settings_page, stored
from tests.adapter.api.conftest import Console
from tests.fakes.snapshot_scenes import Seen

pytestmark = IN_A_BROWSER

# In the middle of the picture's lower half; its box is 160 x 40 of 1280 x 720 pixels.
PLATE = Seen("12BKL3", 560, 400)
CORNERS = ((0.3, 0.4), (0.7, 0.35), (0.75, 0.8), (0.25, 0.85))
# A pixel of the screen is about a seventh of a percent of the picture.
NEAR = 0.004


class Canvas:
    """The picture on the page, pressed and dragged in shares of its size."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def at(self, x: float, y: float) -> tuple[float, float]:
        canvas = self.page.locator("#canvas")
        await canvas.scroll_into_view_if_needed()
        box = await canvas.bounding_box()
        assert box is not None
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    async def click(self, x: float, y: float) -> None:
        await self.page.mouse.click(*await self.at(x, y))

    async def drag(self, start: tuple[float, float], end: tuple[float, float], *, dy_px: float = 0) -> None:
        """`dy_px` moves both ends on the screen: a handle lies beside what it holds."""
        for number, (x, y) in enumerate((await self.at(*start), await self.at(*end))):
            await self.page.mouse.move(x, y + dy_px, steps=4)
            await (self.page.mouse.up() if number else self.page.mouse.down())

    async def draw(self, *corners: tuple[float, float]) -> None:
        await self.page.click("[data-do=draw]")
        for corner in corners:
            await self.click(*corner)
        await self.page.keyboard.press("Enter")

    async def colour(self, x: float, y: float) -> list[int]:
        """Red, green and blue of the picture as it is drawn."""
        return list(
            await self.page.evaluate(
                """([x, y]) => {
                    const canvas = document.getElementById("canvas");
                    const place = [Math.round(x * canvas.width), Math.round(y * canvas.height)];
                    return [...canvas.getContext("2d").getImageData(...place, 1, 1).data].slice(0, 3);
                }""",
                [x, y],
            )
        )


async def picture_page(console: Console, page: Page) -> str:
    """The settings of a camera whose one snapshot is shown."""
    camera_id = await settings_page(console, page, PLATE, approved=True)
    # The snapshot is drawn: it is black, the ground before it is not.
    await until(
        page, "document.getElementById('canvas').getContext('2d').getImageData(3, 3, 1, 1).data.join() === '0,0,0,255'"
    )
    return camera_id


@pytest_asyncio.fixture(loop_scope="session")
async def camera_id(console: Console, page: Page) -> str:
    return await picture_page(console, page)


@pytest.fixture
def canvas(camera_id: str, page: Page) -> Canvas:
    return Canvas(page)


async def about(page: Page, field: Locator, percent: float) -> None:
    """The field shows this, as nearly as pixels can say it."""
    await expect(field).not_to_have_value("")
    handle = await field.element_handle()
    await until(page, "([field, percent]) => Math.abs(Number(field.value) - percent) <= 0.4", [handle, percent])


def near(areas: Any, *expected: Sequence[tuple[float, float]]) -> bool:
    assert [len(area) for area in areas] == [len(area) for area in expected], areas
    pairs = [
        (got, wanted)
        for area, other in zip(areas, expected, strict=True)
        for point, place in zip(area, other, strict=True)
        for got, wanted in zip(point, place, strict=True)
    ]
    assert all(abs(got - wanted) <= NEAR for got, wanted in pairs), areas
    return True


@pytest.mark.requirement("M-191")
async def test_an_area_is_drawn_saved_and_there_again_after_a_reload(
    console: Console, page: Page, camera_id: str, canvas: Canvas
) -> None:
    await canvas.draw(*CORNERS)
    outside, inside = await canvas.colour(0.1, 0.1), await canvas.colour(0.5, 0.7)
    assert (outside[0] > 60, inside[0]) == (True, 0)
    assert await stored(console, camera_id) == {}
    await save(page)
    near((await stored(console, camera_id))["areas"], CORNERS)
    await page.reload()
    await page.wait_for_selector("[data-setting=areas].changed")
    await expect(page.locator("#polygon-help")).to_contain_text("red part are not recognized")
    near((await stored(console, camera_id))["areas"], CORNERS)
    assert (await canvas.colour(0.1, 0.1))[0] > 60


@pytest.mark.requirement("M-166", "M-191")
async def test_a_plate_outside_the_area_is_said_to_be_lost_before_it_is_saved(
    console: Console, page: Page, camera_id: str, canvas: Canvas
) -> None:
    await canvas.draw((0.6, 0.1), (0.9, 0.1), (0.9, 0.4))
    await page.wait_for_selector("#reads tr.differs:has-text('not read')")
    assert "With the changes: 0 of 1" in await page.inner_text("#draft-reads")
    await page.click("[data-do=undo]")
    await page.wait_for_selector("#reads tr:not(.differs):has-text('✓ 12BKL3')")
    assert await stored(console, camera_id) == {}


async def test_corners_are_dragged_added_and_removed(
    console: Console, page: Page, camera_id: str, canvas: Canvas
) -> None:
    await canvas.draw(*CORNERS)
    await canvas.drag(CORNERS[0], (0.2, 0.2))
    await save(page)
    moved = ((0.2, 0.2), *CORNERS[1:])
    near((await stored(console, camera_id))["areas"], moved)
    edge = ((0.7 + 0.75) / 2, (0.35 + 0.8) / 2)
    await canvas.drag(edge, (0.9, 0.6))
    await save(page)
    near((await stored(console, camera_id))["areas"], (*moved[:2], (0.9, 0.6), *moved[2:]))
    await canvas.click(0.9, 0.6)
    await page.click("[data-do=remove-corner]")
    await save(page)
    near((await stored(console, camera_id))["areas"], moved)


async def test_an_area_is_drawn_and_changed_with_the_keyboard_alone(
    console: Console, page: Page, camera_id: str
) -> None:
    await page.focus("#canvas")

    async def press(*keys: str) -> None:
        for key in keys:
            await page.keyboard.press(key)

    # The cross begins in the middle and goes five hundredths with four fast steps of two and a half.
    await press("d", " ", *["Shift+ArrowRight"] * 4, " ", *["Shift+ArrowDown"] * 4, " ", "ArrowLeft", " ")
    await press("Backspace", "Enter")
    triangle = ((0.5, 0.5), (0.6, 0.5), (0.6, 0.6))
    await page.wait_for_selector("[data-setting=areas].unsaved")
    await save(page)
    near((await stored(console, camera_id))["areas"], triangle)
    await page.focus("#canvas")
    await press("n", "p", "ArrowUp")
    await save(page)
    near((await stored(console, camera_id))["areas"], (*triangle[:2], (0.6, 0.595)))
    await page.focus("#canvas")
    await press("d", " ", "Escape")
    await expect(page.locator("[data-do=draw]")).to_have_text("Draw area")
    await press("n", "Escape")
    await expect(page.locator("[data-do=remove-corner]")).to_be_disabled()
    # A triangle that loses a corner is gone.
    await press("n", "Delete")
    await save(page)
    assert await stored(console, camera_id) == {}


@pytest.mark.requirement("M-192")
async def test_clear_takes_all_areas_away(console: Console, page: Page, camera_id: str, canvas: Canvas) -> None:
    await canvas.draw(*CORNERS)
    await canvas.draw((0.05, 0.05), (0.2, 0.05), (0.2, 0.2))
    await save(page)
    assert len((await stored(console, camera_id))["areas"]) == 2
    await page.click("[data-do=clear]")
    assert await canvas.colour(0.1, 0.9) == [0, 0, 0]
    await save(page)
    assert await stored(console, camera_id) == {}


@pytest.mark.requirement("M-193")
async def test_undo_goes_back_to_the_area_that_was_saved_last(
    console: Console, page: Page, camera_id: str, canvas: Canvas
) -> None:
    await canvas.draw(*CORNERS)
    await save(page)
    saved = await stored(console, camera_id)
    await canvas.drag(CORNERS[1], (0.95, 0.05))
    await canvas.draw((0.02, 0.02), (0.15, 0.02), (0.15, 0.15))
    await page.click("[data-do=clear]")
    await page.wait_for_selector("[data-setting=areas].unsaved")
    await page.click("[data-do=undo]")
    await page.wait_for_selector("#draft", state="hidden")
    await expect(page.locator("[data-do=undo]")).to_be_disabled()
    assert (await canvas.colour(0.1, 0.1))[0] > 60
    # It is the saved area that can be dragged again.
    await canvas.drag(CORNERS[0], (0.2, 0.2))
    await save(page)
    near((await stored(console, camera_id))["areas"], ((0.2, 0.2), *saved["areas"][0][1:]))


@pytest.mark.requirement("M-195", "M-197")
async def test_the_height_boxes_follow_the_fields_and_the_fields_the_boxes(
    console: Console, page: Page, camera_id: str, canvas: Canvas
) -> None:
    field = page.locator("#s-character_height_max_percent")
    await field.fill("10")
    # The box stands around 0.62 of the height, a twentieth either way, with its handles outside.
    await canvas.drag((0.68, 0.67), (0.68, 0.72), dy_px=4)
    await about(page, field, 15)
    # Laid on the plate by hand (its middle is now at 0.645), it is dragged there by its upper edge.
    await canvas.drag((0.72, 0.645), (0.54, 0.645))
    await canvas.drag((0.5, 0.57), (0.5, 0.62), dy_px=-4)
    await about(page, field, 10)
    await field.fill("10")
    await page.fill("#s-character_height_min_percent", "4")
    # The minimum is pulled far above the maximum and stops below it.
    await canvas.drag((0.3, 0.64), (0.3, 0.95), dy_px=4)
    await expect(page.locator("#s-character_height_min_percent")).to_have_value("9.9")
    assert await stored(console, camera_id) == {}
    await save(page)
    heights = await stored(console, camera_id)
    assert heights == {"character_height_min_percent": 9.9, "character_height_max_percent": 10.0}


@pytest.mark.requirement("M-198")
async def test_the_mouse_wheel_zooms_around_the_pointer(
    console: Console, page: Page, camera_id: str, canvas: Canvas
) -> None:
    await page.uncheck("#show-heights")
    await page.mouse.move(*await canvas.at(0.25, 0.5))
    top = await page.evaluate("scrollY")
    await page.mouse.wheel(0, -500)
    zoom = 2.2255  # e to the power of 500 x 0.0016
    assert await page.evaluate("scrollY") == top
    await canvas.draw((0.25, 0.5), (0.75, 0.5), (0.75, 0.9))
    await save(page)
    # What was under the pointer stayed there; everything else is farther away from it.
    right, low = 0.25 + 0.5 / zoom, 0.5 + 0.4 / zoom
    near((await stored(console, camera_id))["areas"], ((0.25, 0.5), (right, 0.5), (right, low)))
    # A drag beside the area moves the picture; what was at the corner comes along.
    await canvas.drag((0.25, 0.8), (0.35, 0.8))
    await canvas.drag((0.35, 0.5), (0.35, 0.4))
    await save(page)
    near((await stored(console, camera_id))["areas"], ((0.25, 0.5 - 0.1 / zoom), (right, 0.5), (right, low)))


async def test_an_area_that_the_api_refuses_is_said_and_stays_to_be_mended(
    console: Console, page: Page, canvas: Canvas, camera_id: str, refusals: list[str]
) -> None:
    refusals.append("422")
    await canvas.draw(*CORNERS)
    detail = {"detail": "areas: too many", "fields": {"recognition.areas": "too many"}}
    await page.route("**/api/v1/cameras/*", lambda route: route.fulfill(status=422, json=detail))
    await page.click("[data-do=save]")
    await page.wait_for_selector("#draft-problem:has-text('areas: too many')")
    await page.wait_for_selector("[data-setting=areas] .wrong:has-text('too many')")
    await page.unroute("**/api/v1/cameras/*")
    await save(page)
    near((await stored(console, camera_id))["areas"], CORNERS)
