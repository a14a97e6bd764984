"""What the page is told to show."""

from __future__ import annotations

import json

import pytest

from edge.agents.orchestrator.cart import Cart, Line
from edge.agents.orchestrator.screens import action_of, hero_item, render
from edge.agents.orchestrator.session import Prompt, Session
from edge.agents.orchestrator.states import State
from edge.contract import menu, ui
from edge.contract.money import Money
from edge.contract.wire import from_fields, to_fields, to_json
from tests.edge.agents.orchestrator.stand_ins import DISHES

DISH = hero_item(
    menu.FoundItem(id=101, name="Volcano Burger", price=Money(1299), image="/i", tags=["spicy"], available=True)
)


def full(state: State) -> Session:
    """A session that has something for every component."""
    return Session(
        state=state,
        heard="a burger",
        said="Here you are.",
        warning="Careful.",
        dishes=(DISH,),
        dish=DISHES[101],
        cart=Cart((Line(101, "Volcano Burger", 2, Money(1449), ("Extra Cheese",)),)),
        suggestions=(ui.Suggestion(item_id=301, title="Fries", pitch="Crisp", price=Money(349), image=""),),
        loyalty_id="LOYALTY123",
        prompt=Prompt("waiting", "Please hold your card to the reader."),
        receipt=ui.ReceiptInfo(
            order_id="o", transaction_id="t", total=Money(2898), currency="EUR", link="/receipts/t.pdf",
            loyalty_points_earned=28, printed=None,
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "layout", "components", "actions"),
    [
        (State.ATTRACT, "attract", ["HeroItem"], ["Start"]),
        (State.GREETING, "greeting", ["HeroItem", "Cart", "Suggestion"], ["Show everything", "Cancel"]),
        (State.BROWSING, "hero_grid", ["HeroItem", "Cart", "Suggestion"], ["Show everything", "Cancel"]),
        (
            State.CART,
            "hero_grid",
            ["HeroItem", "Cart", "Suggestion"],
            ["Checkout", "Show everything", "Cancel"],
        ),
        (State.ITEM, "item", ["ItemDetails", "Cart"], ["Add to cart", "Back"]),
        (State.CONFIRMING, "confirm", ["Cart"], ["Pay", "Back", "Cancel"]),
        (State.PAYING, "payment", ["Cart", "PaymentPrompt"], ["Cancel"]),
        (State.REFUSED, "payment", ["Cart", "PaymentPrompt"], ["Try again", "Cancel"]),
        (State.RECEIPT, "receipt", ["ReceiptInfo"], ["Done"]),
        (State.GOODBYE, "goodbye", [], []),
        (State.OUT_OF_SERVICE, "attract", ["OutOfService"], []),
    ],
)
def test_each_state_has_its_screen(state: State, layout: str, components: list[str], actions: list[str]) -> None:
    screen = render(full(state), "EUR")
    assert screen.layout_mode == layout
    assert [each.type for each in screen.components] == ["Caption"] * 3 + components
    assert [each.data["kind"] for each in screen.components[:3]] == ["heard", "said", "warning"]
    assert screen.suggested_actions == actions
    read = from_fields(json.loads(to_json(to_fields(screen))), ui.UiUpdate)
    for each in read.components:  # what travels is what ui.py says of each type
        from_fields(each.data, getattr(ui, each.type))


def test_amounts_travel_as_numbers_and_in_the_kiosks_currency() -> None:
    wire = json.loads(to_json(to_fields(render(full(State.CONFIRMING), "EUR"))))
    cart = wire["components"][-1]["data"]
    assert cart["total"] == 28.98
    assert cart["currency"] == "EUR"
    assert cart["lines"] == [
        {
            "item_id": 101,
            "title": "Volcano Burger",
            "quantity": 2,
            "price": 14.49,
            "line_total": 28.98,
            "customizations": ["Extra Cheese"],
        }
    ]
    assert cart["loyalty_id"] == "LOYALTY123"


def test_pointless_buttons_are_left_out() -> None:
    nobody = Session(state=State.BROWSING)
    assert render(nobody, "USD").suggested_actions == ["Show everything", "Cancel"]
    assert [each.type for each in render(nobody, "USD").components] == ["Cart"]
    sold_out = Session(state=State.ITEM, dish=DISHES[401])
    assert render(sold_out, "USD").suggested_actions == ["Back"]


@pytest.mark.parametrize(
    ("label", "action"),
    [("Start", "start"), ("Try again", "try_again"), ("Show everything", "show_everything")],
)
def test_one_rule_makes_an_action_of_a_label(label: str, action: str) -> None:
    assert action_of(label) == action
