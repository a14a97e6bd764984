"""What the page shows of an end that is near, of a kiosk that is closed, and of a receipt without paper."""

from __future__ import annotations

import re

import msgspec
import pytest
from playwright.async_api import expect

from edge.contract.envelope import NATSMessage
from edge.contract.subjects import UI_UPDATE
from edge.contract.ui import Countdown
from edge.contract.wire import to_fields

from . import samples
from .conftest import Kiosk, OpenKiosk

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_countdown_counts_by_itself_and_goes_with_the_next_screen(opened: OpenKiosk) -> None:
    page = await opened.show(samples.STILL_THERE)
    count = page.locator(".countdown.idle strong")
    await expect(count).to_have_text(re.compile("^1[45]$"))
    await expect(count).to_have_text("13", timeout=10_000)  # no screen came in between
    await opened.kiosk.show(samples.DISHES)
    await expect(page.locator(".countdown")).to_have_count(0)
    assert opened.kiosk.complaints == []


async def test_a_page_that_comes_late_counts_from_when_the_screen_was_said(kiosk: Kiosk) -> None:
    said = NATSMessage.create("3f8c9a8e-2f5f-4b7e-9d2c-0a4b1c2d3e4f", to_fields(samples.STILL_THERE))
    old = msgspec.json.decode(said.to_json()) | {"timestamp": "2026-01-02T12:34:56.789Z"}
    await kiosk.bus.js.publish(UI_UPDATE.subject, msgspec.json.encode(old))
    page = await kiosk.open()
    await expect(page.locator(".countdown strong")).to_have_text("0")


async def test_a_countdown_that_a_newer_kiosk_knows_is_shown_too(opened: OpenKiosk) -> None:
    page = await opened.show(samples.screen("receipt", Countdown(kind="finished", seconds=600), samples.RECEIPT))
    await expect(page.locator(".countdown.finished")).to_contain_text("This screen closes in 600 seconds")


async def test_a_closed_kiosk_says_so_and_offers_no_way_in(kiosk: Kiosk) -> None:
    await kiosk.show(samples.CLOSED)
    page = await kiosk.open()
    await expect(page.locator("#stage")).to_contain_text("This kiosk is being updated.")
    await expect(page.locator("body")).to_have_attribute("data-mode", "out_of_service")
    await expect(page.locator("button")).to_have_count(0)
    await kiosk.show(samples.ATTRACT)
    await expect(page.locator("button[data-action=start]")).to_be_visible()
    assert kiosk.complaints == []


async def test_a_code_is_drawn_module_by_module_with_its_margin(opened: OpenKiosk) -> None:
    page = await opened.show(samples.screen("receipt", samples.RECEIPT, samples.CODE))
    code = page.locator("figure.code svg")
    await expect(code).to_have_attribute("viewBox", "0 0 10 10")
    await expect(code.locator("path")).to_have_attribute("d", "M4 4h1v1h-1zM5 5h1v1h-1z")
    await expect(page.locator("figure.code")).to_contain_text("scan it with your phone")
    assert opened.kiosk.complaints == []


async def test_a_touch_that_nobody_answers_covers_the_page_until_someone_does(kiosk: Kiosk) -> None:
    await kiosk.show(samples.DISHES)
    page = await kiosk.open()
    await page.clock.install()
    await page.locator("[data-action=cancel]").click()
    await kiosk.heard()
    await expect(page.locator("body")).not_to_have_class("paused")
    await page.clock.fast_forward(9_000)
    await page.clock.fast_forward(1_000)
    await expect(page.locator("body")).to_have_class("paused")
    await expect(page.locator("#pause-text")).to_have_text("One moment…")
    await page.clock.fast_forward(21_000)
    await expect(page.locator("#pause-text")).to_have_text("This kiosk is out of service. Please order at the counter.")
    await kiosk.show(samples.DISHES)
    await expect(page.locator("body")).not_to_have_class("paused")
    await expect(page.locator("#pause-text")).to_have_text("One moment…")
