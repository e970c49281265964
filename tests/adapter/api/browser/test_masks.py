"""Motion masks, drawn beside the recognition area in a real browser: one does not disturb the other."""

from __future__ import annotations

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from adapter.camera_recognition import MOST_POINTS, MOST_POLYGONS
from tests.adapter.api.browser.conftest import IN_A_BROWSER
from tests.adapter.api.browser.test_area import CORNERS, Canvas, near, picture_page
from tests.adapter.api.browser.test_settings import save, stored
from tests.adapter.api.conftest import Console

pytestmark = IN_A_BROWSER

# A tree that reaches into the area of the other tests, over one of its corners.
TREE = ((0.6, 0.15), (0.9, 0.15), (0.9, 0.6), (0.6, 0.6))
CLOCK = ((0.02, 0.02), (0.2, 0.02), (0.2, 0.08), (0.02, 0.08))


@pytest_asyncio.fixture(loop_scope="session")
async def camera_id(console: Console, page: Page) -> str:
    return await picture_page(console, page)


@pytest.fixture
def canvas(camera_id: str, page: Page) -> Canvas:
    return Canvas(page)


async def choose(page: Page, kind: str) -> None:
    await page.check(f"#workbench [name=kind][value={kind}]")


async def violet_share(page: Page, left: float, top: float, right: float, bottom: float) -> float:
    """How much of a part of the picture has the colour of masks; of a black snapshot nothing has."""
    return float(
        await page.evaluate(
            """([left, top, right, bottom]) => {
                const canvas = document.getElementById("canvas");
                const [x, y] = [Math.round(left * canvas.width), Math.round(top * canvas.height)];
                const [width, height] = [(right - left) * canvas.width, (bottom - top) * canvas.height];
                const { data } = canvas.getContext("2d").getImageData(x, y, Math.round(width), Math.round(height));
                let violet = 0;
                for (let at = 0; at < data.length; at += 4)
                    violet += data[at] > 100 && data[at + 2] > data[at] && data[at + 1] < data[at];
                return violet / (data.length / 4);
            }""",
            [left, top, right, bottom],
        )
    )


async def test_a_mask_is_drawn_saved_there_again_after_a_reload_and_removed(
    console: Console, page: Page, camera_id: str, canvas: Canvas
) -> None:
    await choose(page, "masks")
    await expect(page.locator("#polygon-help")).to_contain_text("Draw a mask over what moves")
    await canvas.draw(*TREE)
    assert await stored(console, camera_id) == {}
    assert await page.inner_text("#draft-what") == "1 unsaved: masks."
    await save(page)
    masks = await stored(console, camera_id)
    assert list(masks) == ["masks"]
    near(masks["masks"], TREE)

    await page.reload()
    await page.wait_for_selector("[data-setting=masks].changed")
    # It is seen while the area is in work: lines with gaps between them, and nothing beside it.
    await expect(page.locator("[name=kind][value=areas]")).to_be_checked()
    assert 0.05 < await violet_share(page, 0.7, 0.2, 0.85, 0.5) < 0.5
    assert await violet_share(page, 0.1, 0.1, 0.5, 0.5) == 0

    await page.click("[data-setting=masks] [data-draw]")
    await expect(page.locator("[name=kind][value=masks]")).to_be_checked()
    await canvas.drag(TREE[1], (0.95, 0.1))
    await save(page)
    near((await stored(console, camera_id))["masks"], (TREE[0], (0.95, 0.1), *TREE[2:]))
    await canvas.click(0.8, 0.3)
    await page.click("button:has-text('Remove mask')")
    assert await violet_share(page, 0.7, 0.2, 0.85, 0.5) == 0
    await save(page)
    assert await stored(console, camera_id) == {}


async def test_area_and_masks_do_not_disturb_each_other(
    console: Console, page: Page, camera_id: str, canvas: Canvas
) -> None:
    await canvas.draw(*CORNERS)
    await choose(page, "masks")
    await canvas.draw(*TREE)
    await canvas.draw(*CLOCK)
    assert await page.inner_text("#draft-what") == "2 unsaved: areas, masks."
    await save(page)
    both = await stored(console, camera_id)
    near(both["areas"], CORNERS)
    near(both["masks"], TREE, CLOCK)

    # A corner of the area under the mask is not in the hand while masks are in work; Undo and Clear are theirs alone.
    await choose(page, "areas")
    await canvas.drag(CORNERS[0], (0.2, 0.3))
    await choose(page, "masks")
    await canvas.drag(CORNERS[1], (0.5, 0.5))
    await canvas.drag(TREE[0], (0.55, 0.1))
    await page.click("[data-do=undo]")
    await expect(page.locator("#draft-what")).to_have_text("1 unsaved: areas.")
    await page.click("[data-do=clear]")
    await save(page)
    left = await stored(console, camera_id)
    assert list(left) == ["areas"]
    near(left["areas"], ((0.2, 0.3), *CORNERS[1:]))

    # And the other way round.
    await canvas.draw(*TREE)
    await choose(page, "areas")
    await page.click("[data-do=clear]")
    await save(page)
    left = await stored(console, camera_id)
    assert list(left) == ["masks"]
    near(left["masks"], TREE)


async def test_a_mask_is_drawn_and_removed_with_the_keyboard_alone(
    console: Console, page: Page, camera_id: str
) -> None:
    async def press(*keys: str) -> None:
        for key in keys:
            await page.keyboard.press(key)

    await page.focus("#canvas")
    await press("m", "d", " ", *["Shift+ArrowRight"] * 4, " ", *["Shift+ArrowDown"] * 4, " ", "Enter")
    await save(page)
    near((await stored(console, camera_id))["masks"], ((0.5, 0.5), (0.6, 0.5), (0.6, 0.6)))
    await page.focus("#canvas")
    # No corner is the area's, so none is chosen; back among the masks the first one is.
    await press("m", "n", "Delete", "m", "n", "ArrowUp")
    await save(page)
    near((await stored(console, camera_id))["masks"], ((0.5, 0.495), (0.6, 0.5), (0.6, 0.6)))
    await page.focus("#canvas")
    await press("Delete")
    await save(page)
    assert await stored(console, camera_id) == {}


async def test_what_the_api_refuses_of_masks_is_said_beside_the_picture_until_it_is_mended(
    console: Console, page: Page, camera_id: str, canvas: Canvas, refusals: list[str]
) -> None:
    refusals.append("422")
    said = page.locator("#wrong-masks")
    await page.fill("#s-masks", "[[[0, 0], [2, 0], [1, 1]]]")
    await expect(said).to_contain_text("Motion masks: Input should be less than or equal to 1")
    await page.click("[data-do=save]")
    await expect(said).to_be_visible()
    await expect(page.locator("#wrong-areas")).to_be_hidden()
    await choose(page, "masks")
    await page.click("[data-do=clear]")
    await expect(said).to_be_hidden()
    await canvas.draw(*TREE)
    await save(page)
    near((await stored(console, camera_id))["masks"], TREE)


async def test_no_more_masks_and_corners_are_drawn_than_the_api_takes(
    console: Console, page: Page, camera_id: str, canvas: Canvas
) -> None:
    helped = page.locator("#polygon-help")
    # One with as many corners as it may have, most of them along its upper edge; the others fill the list.
    round_shape = [[0.3 + at / 200, 0.5] for at in range(MOST_POINTS - 2)] + [[0.61, 0.9], [0.3, 0.9]]
    small = [[[0.9, at / 40], [0.95, at / 40], [0.95, (at + 0.8) / 40]] for at in range(MOST_POLYGONS - 1)]
    body = {"recognition": {"masks": [round_shape, *small]}}
    assert (await console.call("PATCH", f"/cameras/{camera_id}", json=body))[0] == 200
    await page.reload()
    await page.wait_for_selector("[data-setting=masks].changed")
    await page.uncheck("#show-heights")
    await choose(page, "masks")
    await expect(page.locator("[data-do=draw]")).to_be_disabled()
    await expect(helped).to_contain_text(f"{MOST_POLYGONS} masks are the most that a camera takes")
    await page.focus("#canvas")
    await page.keyboard.press("d")
    await canvas.drag((0.45, 0.9), (0.45, 0.97))
    await expect(helped).to_contain_text(f"has {MOST_POINTS} corners, the most that one takes")
    assert await page.is_hidden("#draft")
    await choose(page, "areas")
    await expect(page.locator("[data-do=draw]")).to_be_enabled()
    await choose(page, "masks")
    await canvas.click(0.45, 0.7)
    await page.click("button:has-text('Remove mask')")
    await expect(page.locator("[data-do=draw]")).to_be_enabled()
    await save(page)
    near((await stored(console, camera_id))["masks"], *small)
