"""What the page tells the kiosk when a customer touches it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from edge.contract.envelope import envelope_faults
from edge.contract.subjects import CART_ACTION, TOUCH, event_on
from edge.contract.wire import from_fields

from . import samples
from .conftest import Kiosk, OpenKiosk

pytestmark = pytest.mark.asyncio(loop_scope="session")

SESSION = "8d4f1a52-5f2e-4c57-9c0b-2f7f4f0a9d11"


async def told(opened: OpenKiosk) -> tuple[str, dict[str, Any]]:
    """What the page said next: by the contract, in a whole envelope, in the session that it shows."""
    subject, message = await opened.kiosk.heard()
    assert envelope_faults(message) == []
    event = event_on(subject)
    assert event is not None
    from_fields(message.payload, event.payload)
    assert message.session_id == SESSION
    return subject, message.payload


def add(item_id: int, quantity: int = 1, **more: object) -> tuple[str, dict[str, Any]]:
    """An `add` of the contract."""
    fields = {"event": "cart_action", "action": "add", "item_id": item_id, "quantity": quantity, **more}
    return CART_ACTION.subject, fields


def touch(action: str, **more: object) -> tuple[str, dict[str, Any]]:
    """A touch of the contract."""
    return TOUCH.subject, {"event": "touch", "action": action, **more}


async def test_a_dish_is_chosen_and_its_plus_adds_it(opened: OpenKiosk) -> None:
    page = await opened.show(samples.DISHES, session_id=SESSION)
    await page.locator("[data-item='101']").click()
    assert await told(opened) == touch("select_item", item_id=101, component="HeroItem")
    await page.get_by_role("button", name="Add Volcano Burger to your order").click()
    assert await told(opened) == add(101)


async def test_what_is_sold_out_can_be_neither_chosen_nor_added(opened: OpenKiosk) -> None:
    page = await opened.show(samples.DISHES, session_id=SESSION)
    await expect(page.locator("[data-item='103']")).to_be_disabled()
    await expect(page.locator("[data-add='103']")).to_have_count(0)


async def test_a_suggestion_goes_into_the_cart(opened: OpenKiosk) -> None:
    page = await opened.show(samples.DISHES, session_id=SESSION)
    await page.locator("[data-suggestion='201']").click()
    assert await told(opened) == add(201)


@pytest.mark.parametrize("label", ["Checkout", "Cancel"])
async def test_a_button_tells_its_label(opened: OpenKiosk, label: str) -> None:
    page = await opened.show(samples.DISHES, session_id=SESSION)
    await page.get_by_role("button", name=label).click()
    assert await told(opened) == touch(label.lower())


async def test_a_label_of_words_is_joined(opened: OpenKiosk) -> None:
    page = await opened.show(samples.screen("payment", samples.PROMPT, actions=(" Try  again! ",)), session_id=SESSION)
    await page.get_by_role("button", name="Try again!").click()
    assert await told(opened) == touch("try_again")


async def test_a_touch_anywhere_on_the_attract_screen_begins(opened: OpenKiosk) -> None:
    page = await opened.show(samples.ATTRACT, session_id=SESSION)
    await page.mouse.click(200, 1700)
    assert await told(opened) == touch("start")


async def test_a_dish_goes_into_the_cart_as_it_was_customized(opened: OpenKiosk) -> None:
    page = await opened.show(samples.ITEM, session_id=SESSION)
    cheese = page.get_by_role("button", name="Extra Cheese")
    await cheese.click()
    await expect(cheese).to_have_attribute("aria-pressed", "true")
    await page.get_by_role("button", name="No Onions").click()
    await page.get_by_role("button", name="No Onions").click()  # a change of mind
    await page.get_by_role("button", name="One more", exact=True).click()
    await expect(page.locator(".how-much")).to_have_text("€28.98")  # twice 12.99 and 1.50
    await page.get_by_role("button", name="Add to cart").click()
    assert await told(opened) == add(101, 2, customizations=["Extra Cheese"])
    await page.get_by_role("button", name="Back").click()
    assert await told(opened) == touch("back", item_id=101)


async def test_choices_are_forgotten_with_the_dish(opened: OpenKiosk) -> None:
    page = await opened.show(samples.ITEM, session_id=SESSION)
    await page.get_by_role("button", name="Extra Cheese").click()
    page = await opened.show(samples.ITEM, session_id=SESSION)
    await expect(page.get_by_role("button", name="Extra Cheese")).to_have_attribute("aria-pressed", "false")


async def test_add_to_cart_means_the_only_dish_shown(opened: OpenKiosk) -> None:
    """The specification's own example: one HeroItem and the action "Add to cart"."""
    page = await opened.show(samples.screen("hero_grid", samples.VOLCANO, actions=("Add to cart",)), session_id=SESSION)
    await page.get_by_role("button", name="Add to cart").click()
    assert await told(opened) == add(101, customizations=[])


async def test_lines_of_the_cart_change(opened: OpenKiosk) -> None:
    page = await opened.show(samples.DISHES, session_id=SESSION)

    def change(action: str, item_id: int, quantity: int, *names: str) -> tuple[str, dict[str, Any]]:
        subject, fields = add(item_id, quantity, customizations=list(names))
        return subject, fields | {"action": action}

    await page.get_by_role("button", name="One Volcano Burger less").click()
    assert await told(opened) == change("update_qty", 101, 1, "Extra Cheese")
    await page.get_by_role("button", name="One Iced Cola less").click()
    assert await told(opened) == change("update_qty", 201, 0)
    await page.get_by_role("button", name="Remove Volcano Burger").click()
    assert await told(opened) == change("remove", 101, 2, "Extra Cheese")


async def test_a_fast_second_press_counts_on(opened: OpenKiosk) -> None:
    page = await opened.show(samples.CONFIRM, session_id=SESSION)
    more = page.get_by_role("button", name="One Iced Cola more")
    await more.dblclick()
    assert [(await told(opened))[1]["quantity"] for _ in range(2)] == [2, 3]


async def test_a_bounce_of_the_finger_is_one_touch(opened: OpenKiosk) -> None:
    page = await opened.show(samples.CONFIRM, session_id=SESSION)
    await page.get_by_role("button", name="Confirm").dblclick()
    await page.get_by_role("button", name="Back").click()
    assert [(await told(opened))[1]["action"] for _ in range(2)] == ["confirm", "back"]


async def test_a_paid_order_can_no_longer_be_changed(opened: OpenKiosk) -> None:
    page = await opened.show(samples.screen("receipt", samples.RECEIPT, samples.CART, actions=("Done",)))
    await expect(page.locator(".cart")).to_contain_text("Volcano Burger")
    await expect(page.locator(".cart button")).to_have_count(0)


async def test_the_keyboard_does_what_fingers_do(opened: OpenKiosk) -> None:
    page = await opened.show(samples.CONFIRM, session_id=SESSION)
    await page.get_by_role("button", name="Back").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("button", name="Confirm")).to_be_focused()
    await page.keyboard.press("Enter")
    assert await told(opened) == touch("confirm")
    ring = await page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid", "whoever works by keyboard sees where they are"


async def test_the_focus_moves_on_with_the_screen(opened: OpenKiosk) -> None:
    page = await opened.show(samples.CONFIRM, session_id=SESSION)
    await page.get_by_role("button", name="Confirm").press("Enter")
    await opened.kiosk.show(samples.PAID)
    await expect(page.locator("body[data-mode=receipt] main")).to_be_focused()


async def test_a_receipt_opens_over_the_page_and_closes(opened: OpenKiosk) -> None:
    page = await opened.show(samples.PAID)
    await page.get_by_role("button", name="Show receipt").click()
    frame = page.locator("dialog iframe")
    await expect(frame).to_have_attribute("src", "/receipts/txn-1.pdf#toolbar=0&navpanes=0&view=FitH")
    await page.get_by_role("button", name="Close").click()
    await expect(page.locator("dialog")).to_have_count(0)
    await page.get_by_role("button", name="Show receipt").click()
    await opened.kiosk.show(samples.ATTRACT)  # the next customer must not see it
    await expect(page.locator("dialog")).to_have_count(0)


async def test_a_touch_that_nobody_keeps_is_said_to_the_customer(kiosk: Kiosk) -> None:
    await kiosk.show(samples.CONFIRM)
    page = await kiosk.open()
    await kiosk.bus.js.delete_stream("KIOSK_EVENTS")
    await page.get_by_role("button", name="Confirm").click()
    await expect(page.locator("#hint")).to_have_text("That didn't get through. Please touch again.")
    await expect(page.locator("#hint")).to_be_visible()
