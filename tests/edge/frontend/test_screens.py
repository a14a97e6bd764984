"""What the page shows for what the orchestrator says."""

from __future__ import annotations

import msgspec
import pytest
from playwright.async_api import Page, expect

from edge.contract.money import Money
from edge.contract.subjects import UI_UPDATE
from edge.contract.ui import Caption, Component, HeroItem, LayoutMode, UiUpdate

from . import samples
from .conftest import Kiosk, OpenKiosk

pytestmark = pytest.mark.asyncio(loop_scope="session")

LEAST_TOUCH_PX = 44


async def shown(page: Page, update: UiUpdate) -> None:
    """Wait until the page shows `update`'s layout."""
    await expect(page.locator("body")).to_have_attribute("data-mode", update.layout_mode)
    await expect(page.locator("body")).not_to_have_class("paused")


async def test_every_layout_shows_its_matter(opened: OpenKiosk) -> None:
    matter = {
        "attract": ("Start", "Hungry?"),
        "greeting": ("Hello!", "Volcano Burger", "€12.99", "Help"),
        "hero_grid": ("Here are our spicy dishes.", "“something spicy”", "Sold out", "Your order", "$31.97"),
        "item": ("850 kcal", "Contains gluten, dairy", "Extra Cheese", "+ €1.50", "free", "Two patties"),
        "confirm": ("No paper receipt today.", "Iced Cola", "$28.98", "Goes well with it", "Confirm"),
        "payment": ("$31.97", "Hold your card to the reader", "3 items"),
        "receipt": ("7A42", "32 points earned", "Printing your receipt…", "Show receipt", "$31.97 paid"),
        "goodbye": ("See you soon!", "New order"),
    }
    page = await opened.show(samples.ALL[0])
    for update in samples.ALL:
        await opened.kiosk.show(update)
        await shown(page, update)
        for words in matter[update.layout_mode]:
            await expect(page.locator("#stage")).to_contain_text(words)
    assert opened.kiosk.complaints == []


@pytest.mark.parametrize("mode", ["attract", "goodbye", "receipt"])
async def test_the_kiosk_has_the_word(opened: OpenKiosk, mode: LayoutMode) -> None:
    """What the page would say itself ("Thank you!") must not stand beside what the kiosk says ("cancelled")."""
    words = "Your order was cancelled."
    things = [samples.RECEIPT] if mode == "receipt" else []
    page = await opened.show(samples.screen(mode, Caption(kind="said", text=words), *things))
    await expect(page.locator(".caption.said")).to_have_text(words)
    for own in ("Hungry?", "See you soon!", "Thank you!"):
        await expect(page.locator("#stage")).not_to_contain_text(own)


async def test_a_page_that_comes_late_gets_the_last_screen(kiosk: Kiosk) -> None:
    for update in (samples.ATTRACT, samples.DISHES, samples.PAYMENT):
        await kiosk.show(update)
    page = await kiosk.open()
    await shown(page, samples.PAYMENT)
    await expect(page.locator(".payment-words")).to_have_text("Hold your card to the reader")


async def test_until_the_first_screen_there_is_a_calm_word(kiosk: Kiosk) -> None:
    page = await kiosk.open(ready=False)
    await expect(page.locator("#pause-text")).to_have_text("One moment…")
    await expect(page.locator("#pause")).to_be_visible()
    await kiosk.show(samples.ATTRACT)
    await expect(page.locator("#pause")).to_be_hidden()


async def test_text_is_text_and_never_markup(opened: OpenKiosk) -> None:
    words = "<img src=x onerror=document.title='broken'>"
    dish = HeroItem(id=1, title=words, price=Money.of(1), image="javascript:alert(1)", tags=[words])
    page = await opened.show(samples.screen("hero_grid", Caption(kind="said", text=words), dish, actions=(words,)))
    await expect(page.locator(".caption.said")).to_have_text(words)
    await expect(page.locator(".hero-title")).to_have_text(words)
    await expect(page.locator("nav.actions button")).to_have_text(words)
    assert await page.locator("#stage img").count() == 1, "the dish's own picture and no other"
    assert await page.title() == "Order here"


async def test_what_the_page_does_not_know_is_left_out(opened: OpenKiosk) -> None:
    known = samples.screen("hero_grid", samples.VOLCANO, actions=("Checkout",))
    hologram = Component(type="Hologram", data={"text": "from the future"})
    page = await opened.show(msgspec.structs.replace(known, components=[hologram, *known.components]))
    await expect(page.locator(".hero")).to_have_count(1)
    await expect(page.locator("#stage")).not_to_contain_text("future")

    # A layout of a newer kiosk: the page shows it in the one that fits most.
    fields = {"event": "ui_update", "layout_mode": "carousel", "components": [], "suggested_actions": ["Next"]}
    await opened.kiosk.bus.nc.publish(
        UI_UPDATE.subject, opened.kiosk.bus.message(fields).to_json().encode()
    )  # past the contract's check
    await expect(page.locator("[data-action=next]")).to_be_visible()
    assert opened.kiosk.complaints == []


async def test_a_component_that_cannot_be_drawn_costs_only_itself(opened: OpenKiosk) -> None:
    broken = Component(type="Cart", data={"lines": [None], "total": 1, "currency": "USD"})
    good = samples.screen("hero_grid", samples.VOLCANO)
    page = await opened.show(msgspec.structs.replace(good, components=[broken, *good.components]))
    await expect(page.locator(".hero-title")).to_have_text("Volcano Burger")
    assert len(opened.kiosk.complaints) == 1
    assert "Cart can't be drawn" in opened.kiosk.complaints[0]


async def test_a_message_that_is_no_screen_changes_nothing(opened: OpenKiosk) -> None:
    page = await opened.show(samples.GREETING)
    for rubbish in (b"not json", b"17", b"null", b'{"payload": "text"}', b"[]"):
        await opened.kiosk.bus.nc.publish(UI_UPDATE.subject, rubbish)
    await opened.kiosk.show(samples.PAYMENT)
    await shown(page, samples.PAYMENT)
    assert opened.kiosk.complaints == ["ignored a screen that is no message"] * 5


async def test_a_screen_that_cannot_be_shown_does_not_end_the_connection(opened: OpenKiosk) -> None:
    page = await opened.show(samples.GREETING)
    fields = {"event": "ui_update", "layout_mode": "item", "components": [17, None], "suggested_actions": 17}
    await opened.kiosk.bus.nc.publish(UI_UPDATE.subject, opened.kiosk.bus.message(fields).to_json().encode())
    await opened.kiosk.show(samples.PAYMENT)
    await shown(page, samples.PAYMENT)
    assert len(opened.kiosk.complaints) == 1
    assert "a screen can't be shown" in opened.kiosk.complaints[0]


async def test_a_missing_picture_leaves_the_initial(opened: OpenKiosk) -> None:
    missing = HeroItem(id=7, title="Mystery Bowl", price=Money.of(5), image="/img/nothing.svg")
    page = await opened.show(samples.screen("hero_grid", missing, samples.VOLCANO))
    await expect(page.locator("[data-item='7'] img")).to_be_hidden()
    initial = "() => getComputedStyle(document.querySelector(`[data-item='${7}'] .picture`), '::before').content"
    assert await page.evaluate(initial) == '"M"'
    await expect(page.locator("[data-item='101'] img")).to_be_visible()


async def test_an_update_keeps_what_stays_as_it_is(opened: OpenKiosk) -> None:
    """A press that began before an update must still land: the same button is there after it."""
    page = await opened.show(samples.DISHES)
    before = await page.query_selector("[data-add='101']")
    picture = await page.query_selector("[data-item='101'] img")
    assert before is not None
    await before.focus()
    heard = Caption(kind="heard", text="with fries")
    await opened.kiosk.show(
        samples.screen("hero_grid", heard, samples.SOLD_OUT, samples.VOLCANO, actions=("Checkout", "Cancel"))
    )
    await expect(page.locator(".caption.heard")).to_contain_text("with fries")
    assert await page.evaluate("old => old === document.querySelector(`[data-add='101']`)", before)
    assert await page.evaluate("old => old === document.querySelector(`[data-item='101'] img`)", picture)


@pytest.mark.parametrize("update", samples.ALL, ids=lambda update: update.layout_mode)
async def test_controls_are_large_enough_for_fingers(opened: OpenKiosk, update: UiUpdate) -> None:
    page = await opened.show(update)
    await shown(page, update)
    for button in await page.locator("#stage button:visible").all():
        box = await button.bounding_box()
        assert box is not None
        name = await button.get_attribute("aria-label") or await button.inner_text()
        assert min(box["width"], box["height"]) >= LEAST_TOUCH_PX, name
        assert name.strip(), "every control has a name for a screen reader"


@pytest.mark.parametrize("size", [(1080, 1920), (720, 860), (470, 835)])
async def test_nothing_sticks_out_to_the_side(opened: OpenKiosk, size: tuple[int, int]) -> None:
    page = await opened.show(samples.DISHES)
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    for update in (samples.DISHES, samples.ITEM, samples.CONFIRM, samples.PAYMENT, samples.PAID):
        await opened.kiosk.show(update)
        await shown(page, update)
        wide = await page.evaluate("() => document.querySelector('main').scrollWidth")
        assert wide <= size[0], update.layout_mode
        last = await page.locator("nav.actions button").first.bounding_box()
        assert last is not None
        assert last["y"] + last["height"] <= size[1], "the buttons stay on the screen"


async def test_captions_are_read_out(opened: OpenKiosk) -> None:
    page = await opened.show(samples.CONFIRM)
    await expect(page.locator("header.captions")).to_have_attribute("aria-live", "polite")
    await expect(page.get_by_role("alert").filter(has_text="No paper receipt")).to_be_visible()


async def test_motion_stops_for_whoever_asked(opened: OpenKiosk) -> None:
    page = await opened.show(samples.PAYMENT)
    duration = "() => getComputedStyle(document.querySelector('.wave')).animationDuration"
    assert await page.evaluate(duration) == "1.8s"
    await page.emulate_media(reduced_motion="reduce")
    assert await page.evaluate(duration) == "0.001s"


async def test_a_payment_says_how_it_went(opened: OpenKiosk) -> None:
    page = await opened.show(samples.PAYMENT)
    await expect(page.locator("svg.reader")).to_be_visible()
    for state in ("declined", "timeout", "cancelled", "approved", "failed"):
        prompt = msgspec.structs.replace(samples.PROMPT, state=state)
        await opened.kiosk.show(samples.screen("payment", prompt, actions=("Try again", "Cancel")))
        await expect(page.locator(f".payment.{state} .sign")).to_be_visible()
        await expect(page.locator("svg.reader")).to_have_count(0)


async def test_a_receipt_says_what_became_of_the_paper(opened: OpenKiosk) -> None:
    for printed, problem, words in (
        (None, None, "Printing your receipt…"),
        (True, None, "Please take your receipt."),
        (False, "Out of paper: show your number.", "Out of paper: show your number."),
    ):
        info = msgspec.structs.replace(samples.RECEIPT, printed=printed, problem=problem)
        page = await opened.show(samples.screen("receipt", info))
        await expect(page.locator(".printing")).to_have_text(words)


@pytest.mark.parametrize("link", ["https://elsewhere.example/r.pdf", "javascript:alert(1)", None])
async def test_a_receipt_link_to_elsewhere_is_no_button(opened: OpenKiosk, link: str | None) -> None:
    page = await opened.show(samples.screen("receipt", msgspec.structs.replace(samples.RECEIPT, link=link)))
    await expect(page.locator(".receipt h1")).to_have_text("Thank you!")
    await expect(page.get_by_text("Show receipt")).to_have_count(0)


async def test_the_theme_can_be_changed(opened: OpenKiosk) -> None:
    page = await opened.show(msgspec.structs.replace(samples.DISHES, theme_override="dark"))
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await opened.kiosk.show(msgspec.structs.replace(samples.DISHES, theme_override="unheard-of"))
    await expect(page.locator("html")).to_have_attribute("data-theme", "light")
