"""Asks that carry a number, and answers that carry it back where the contract has a field for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge.contract import hardware, menu, payment, recsys, session
from edge.contract.money import Money
from edge.contract.subjects import (
    COMMANDS,
    MENU_DETAILS,
    MENU_SEARCH,
    PAYMENT_CANCEL,
    PAYMENT_PROCESS,
    PRINT_RECEIPT,
    RECSYS_SUGGEST,
    SET_LED,
    SET_SERVICE,
)
from edge.contract.wire import Payload

MOST = 0xFFFFFF  # a colour's 24 bits are the tightest field


@dataclass(frozen=True)
class Numbered:
    """How a command's number is written and read; `number_of_answer` is None where an answer has no field for it."""

    ask: Callable[[int], Payload]
    number_of_ask: Callable[[Any], int]
    answer: Callable[[int], Payload]
    number_of_answer: Callable[[Any], int] | None = None


def _details(number: int) -> menu.DetailsResult:
    return menu.DetailsResult(
        item=menu.ItemDetails(
            id=number, name="", description="", price=Money(0), calories=0, allergens=[], customizations=[]
        )
    )


def _payment(number: int) -> payment.ProcessPayment:
    item = payment.PaidItem(item_id=number, name="", qty=1, price=Money(1))
    return payment.ProcessPayment(order_id=str(number), total=Money(1), items=[item])


def _paid(number: int) -> payment.PaymentResult:
    return payment.PaymentResult(
        status="success",
        transaction_id=str(number),
        amount_charged=Money(1),
        loyalty_points_earned=0,
        receipt_url=None,
        error=None,
    )


def _suggestions(number: int) -> recsys.Suggestions:
    return recsys.Suggestions(suggestions=[recsys.SuggestedItem(item_id=number, name="", pitch="", reason="")])


NUMBERED: dict[str, Numbered] = {
    MENU_SEARCH.subject: Numbered(
        lambda number: menu.Search(query=str(number)),
        lambda ask: int(ask.query),
        lambda number: menu.SearchResult(items=[], total_matches=number),
        lambda answer: int(answer.total_matches),
    ),
    MENU_DETAILS.subject: Numbered(
        lambda number: menu.GetDetails(item_id=number),
        lambda ask: int(ask.item_id),
        _details,
        lambda answer: int(answer.item.id),
    ),
    RECSYS_SUGGEST.subject: Numbered(
        lambda number: recsys.Suggest(cart=[recsys.CartEntry(item_id=number, quantity=1)]),
        lambda ask: int(ask.cart[0].item_id),
        _suggestions,
        lambda answer: int(answer.suggestions[0].item_id),
    ),
    PAYMENT_PROCESS.subject: Numbered(
        _payment,
        lambda ask: int(ask.order_id),
        _paid,
        lambda answer: int(answer.transaction_id),
    ),
    PAYMENT_CANCEL.subject: Numbered(
        lambda number: payment.CancelPayment(order_id=str(number)),
        lambda ask: int(ask.order_id),
        lambda _: payment.CancelResult(cancelled=True),
    ),
    SET_LED.subject: Numbered(
        lambda number: hardware.SetLed(color=f"#{number:06X}"),
        lambda ask: int(ask.color[1:], 16),
        lambda _: hardware.Done(),
    ),
    PRINT_RECEIPT.subject: Numbered(
        lambda number: hardware.PrintReceipt(order_id=str(number), items=[], total=Money(0)),
        lambda ask: int(ask.order_id),
        lambda _: hardware.Done(),
    ),
    SET_SERVICE.subject: Numbered(
        lambda number: session.SetService(reason=str(number)),
        lambda ask: int(ask.reason),
        lambda number: session.Service(in_service=True, serving=False, closing=False, missing=[str(number)]),
        lambda answer: int(answer.missing[0]),
    ),
}

# What the proof asks. A command whose ask has no field for a number can't be told from another of its kind.
ASKED = tuple(command for command in COMMANDS if command.subject in NUMBERED)
