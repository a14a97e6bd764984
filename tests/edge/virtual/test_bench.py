"""A customer served through the page alone: a real browser on the virtual kiosk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, FrameLocator, Page, expect

from edge.config import Config
from edge.models import Store
from edge.virtual.kiosk import VirtualKiosk

WAIT_MS = 20_000
# Playwright and the browser fixture live on the session's event loop, so all of this does.
pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def kiosk(model_store: Store, tmp_path: Path) -> AsyncIterator[VirtualKiosk]:
    async with VirtualKiosk(Config(), model_store, tmp_path / "data") as kiosk:
        yield kiosk


@pytest_asyncio.fixture(loop_scope="session")
async def page(kiosk: VirtualKiosk, browser: Browser) -> AsyncIterator[Page]:
    """The bench, in a browser; an error in its scripts fails the test."""
    expect.set_options(timeout=WAIT_MS)
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    page = await context.new_page()
    page.set_default_timeout(WAIT_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    await page.goto(kiosk.page_url)
    await expect(page.locator("#scenes button")).to_have_count(3)
    yield page
    await context.close()
    assert faults == []


def screen_of(page: Page) -> FrameLocator:
    return page.frame_locator("iframe")


async def order_a_burger(page: Page) -> FrameLocator:
    """Someone walks up and orders by typed voice, up to the question for the card."""
    screen = screen_of(page)
    await page.get_by_role("button", name="Customer").click()
    await expect(screen.locator("[data-item='101']").first).to_be_visible()
    await page.get_by_placeholder("Type what the customer says").fill("a volcano burger with extra cheese")
    await page.keyboard.press("Enter")
    await expect(screen.get_by_text("Extra Cheese").first).to_be_visible()
    await screen.get_by_role("button", name="Checkout").click()
    await screen.get_by_role("button", name="Pay", exact=True).click()
    await expect(screen.locator("body")).to_have_attribute("data-mode", "payment")
    return screen


async def test_a_customer_is_served_through_the_page(page: Page, kiosk: VirtualKiosk) -> None:
    screen = await order_a_burger(page)
    await expect(page.locator("#leds")).to_have_attribute("data-lit", "true")
    await page.get_by_role("button", name="Payment card").click()
    await expect(screen.locator("body")).to_have_attribute("data-mode", "receipt")
    await expect(page.locator("#receipts img")).to_have_count(1)
    await page.locator("#receipts button").click()
    await expect(page.locator("dialog img")).to_be_visible()
    await page.keyboard.press("Escape")
    rows = page.locator("#messages li")
    await expect(rows.filter(has_text="kiosk.session.started")).to_have_count(1)
    await page.locator("#filter").fill("card_tap")
    await expect(page.locator("#messages li:not([hidden])")).to_have_count(1)
    await page.locator("#messages li:not([hidden]) summary").click()
    await expect(page.locator("#messages li:not([hidden]) pre")).to_contain_text('"event": "card_tap"')
    typed = [message async for message in kiosk.bus.stored("kiosk.voice.transcript")]
    assert typed[-1].payload["source"] == "typed"


async def test_a_declined_card_may_be_followed_by_a_good_one(page: Page) -> None:
    screen = await order_a_burger(page)
    await page.get_by_role("button", name="Declined card").click()
    await screen.get_by_role("button", name="Try again").click()
    await page.get_by_role("button", name="Payment card").click()
    await expect(screen.locator("body")).to_have_attribute("data-mode", "receipt")


async def test_without_paper_the_receipt_is_a_link(page: Page, kiosk: VirtualKiosk) -> None:
    screen = await order_a_burger(page)
    await page.get_by_role("button", name="Empty the roll").click()
    await expect(page.locator("#paper")).to_have_text("paper out")
    await page.get_by_role("button", name="Payment card").click()
    await expect(screen.locator("body")).to_have_attribute("data-mode", "receipt")
    await expect(screen.get_by_text("paper").first).to_be_visible()
    paid = [message async for message in kiosk.bus.stored("kiosk.ui.update")]
    (info,) = [part["data"] for part in paid[-1].payload["components"] if part["type"] == "ReceiptInfo"]
    assert info["printed"] is False
    async with aiohttp.ClientSession() as web, web.get(f"{kiosk.page_url.rstrip('/')}{info['link']}") as answer:
        assert answer.status == 200
        assert (await answer.read()).startswith(b"%PDF")
    await page.get_by_role("button", name="Load a roll").click()
    await expect(page.locator("#paper")).to_contain_text("paper ok")


async def test_what_the_bench_refuses_is_shown(page: Page) -> None:
    await page.locator("#picture").set_input_files({"name": "x.png", "mimeType": "image/png", "buffer": b"junk"})
    await expect(page.locator("#toast")).to_contain_text("not a picture")


async def test_a_foreign_page_can_not_direct_the_stage(kiosk: VirtualKiosk) -> None:
    url = kiosk.page_url
    async with aiohttp.ClientSession() as web:
        async with web.get(f"{url}healthz") as answer:
            assert answer.status == 200
            assert all((await answer.json())["checks"].values())
        async with web.post(f"{url}bench/api/tap", json={"id": "good"}) as answer:
            assert answer.status == 403
        async with web.post(f"{url}bench/api/tap", data=b"{", headers={"X-Kiosk-Bench": "1"}) as answer:
            assert answer.status == 400
        async with web.get(f"{url}bench/api/state", headers={"Host": "evil.example"}) as answer:
            assert answer.status == 403
        async with web.get(f"{url}bench/api/receipts/9.png") as answer:
            assert answer.status == 404


async def test_health_tells_what_is_missing(kiosk: VirtualKiosk) -> None:
    await kiosk.server.kill()
    async with aiohttp.ClientSession() as web:
        status = 200
        while status == 200:  # until the clients have noticed
            async with web.get(f"{kiosk.page_url}healthz") as answer:
                status, said = answer.status, await answer.json()
    assert status == 503
    assert "bus" in said["missing"] or "menu" in said["missing"]
