"""The page's line to the bus: what it survives, and what it may not do."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Page, Route, expect

from edge.contract.subjects import PAYMENT_PROCESS, TRANSCRIPT

from . import samples
from .conftest import WAIT_S, Kiosk

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_killed_server_is_a_moment_and_no_more(kiosk: Kiosk) -> None:
    await kiosk.show(samples.DISHES)
    page = await kiosk.open()
    await kiosk.server.kill()
    await expect(page.locator("#pause")).to_be_visible()
    await expect(page.locator("#pause-text")).to_have_text("One moment…")
    assert await page.evaluate("() => document.getElementById('stage').inert"), "nothing there can be touched"

    await kiosk.server.start()
    await expect(page.locator("#pause")).to_be_hidden()
    await expect(page.locator(".hero")).to_have_count(2)  # the screen it had, kept by the stream
    await kiosk.show(samples.CONFIRM)
    await page.get_by_role("button", name="Confirm").click()
    assert (await kiosk.heard())[1].payload["action"] == "confirm"


async def test_a_screen_that_was_published_in_the_meantime_is_shown(kiosk: Kiosk) -> None:
    await kiosk.show(samples.DISHES)
    page = await kiosk.open()
    await page.context.set_offline(offline=True)  # new connections fail
    await kiosk.server.kill()
    await expect(page.locator("#pause")).to_be_visible()
    await kiosk.server.start()
    await kiosk.show(samples.PAYMENT)
    await expect(page.locator(".payment")).to_have_count(0)
    await page.context.set_offline(offline=False)
    await expect(page.locator(".payment-words")).to_have_text("Hold your card to the reader")


async def test_a_page_that_is_there_first_waits_for_the_server(kiosk: Kiosk) -> None:
    await kiosk.show(samples.GREETING)
    await kiosk.server.stop()
    page = await kiosk.open(ready=False)
    await expect(page.locator("#pause-text")).to_be_visible()
    await kiosk.server.start()
    await expect(page.locator(".caption.said")).to_have_text("Hello!")


async def test_the_configuration_is_read_again(kiosk: Kiosk) -> None:
    """A kiosk that starts anew may have its server at another address."""
    await kiosk.show(samples.GREETING)
    await kiosk.bus.settle()
    asked = 0

    async def mislead(route: Route) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            await route.abort()
        elif asked == 2:
            answer = await route.fetch()
            wrong = await answer.json() | {"websocket_url": "ws://127.0.0.1:1"}
            await route.fulfill(body=json.dumps(wrong), content_type="application/json")
        else:
            await route.continue_()

    page = await kiosk.browser.new_page()
    kiosk.pages.append(page)
    await page.route("**/config.json", mislead)
    await page.goto(f"{kiosk.web.origin}/kiosk/")
    await expect(page.locator(".caption.said")).to_have_text("Hello!", timeout=WAIT_S * 1000)
    assert asked == 3


_TRY = """
async (subject) => {
  const { connect } = await import("/vendor/nats.js");
  const { websocket_url } = await (await fetch("/config.json")).json();
  const page = await connect({ servers: websocket_url, inboxPrefix: "_INBOX.page" });
  const refused = (async () => {
    for await (const news of page.status()) if (news.type === "error") {
      const { operation, subject } = news.permissionContext;
      return `${operation} ${subject}`;
    }
  })();
  %s
  const said = await refused;
  await page.close();
  return said;
}
"""


async def _refused(page: Page, deed: str, subject: str) -> object:
    """What the server refuses when a page does `deed` with `subject`."""
    return await page.evaluate(_TRY % deed, subject)


async def test_the_page_may_not_command_agents_nor_overhear_customers(kiosk: Kiosk) -> None:
    await kiosk.show(samples.ATTRACT)
    page = await kiosk.open()
    pay = PAYMENT_PROCESS.subject
    assert await _refused(page, "page.publish(subject, '{}');", pay) == f"publish {pay}"
    voice = TRANSCRIPT.subject
    listen = "page.subscribe(subject, { callback() {} });"
    assert await _refused(page, listen, voice) == f"subscription {voice}"
    # Neither may it read back what the stream keeps of others.
    everything = "$JS.API.CONSUMER.CREATE.KIOSK_EVENTS.spy.kiosk.>"
    assert await _refused(page, "page.publish(subject, '{}');", everything) == f"publish {everything}"


async def test_another_web_page_does_not_get_in(kiosk: Kiosk) -> None:
    """nats-server lets in the kiosk page's origin only, whatever else the browser has open."""
    await kiosk.show(samples.ATTRACT)
    page = await kiosk.browser.new_page()
    kiosk.pages.append(page)
    await page.goto("data:text/html,<p>elsewhere</p>")
    opened = """url => new Promise((resolve) => {
      const socket = new WebSocket(url);
      socket.onopen = () => resolve("opened");
      socket.onerror = () => resolve("refused");
    })"""
    assert await page.evaluate(opened, kiosk.server.websocket_url) == "refused"
