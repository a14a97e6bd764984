"""Whatever happens in whatever order: sessions stay whole, and nobody pays twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import get_args

import pytest

from edge.agents.orchestrator import Timing
from edge.agents.orchestrator.screens import CANCEL, action_of, render
from edge.agents.orchestrator.states import State
from edge.contract.errors import AskError, ErrorCode
from edge.contract.payment import PaymentResult
from edge.contract.subjects import SESSION_ENDED, SESSION_STARTED
from edge.contract.voice import IntentType, SpokenItem
from tests.edge.agents.orchestrator.conftest import Kiosk
from tests.edge.agents.orchestrator.stand_ins import paid, unpaid

EVENTS = 250
ACTIONS = (
    "start", "select_item", "add_to_cart", "show_everything", "back", "checkout", "checkout", "pay", "pay",
    "confirm", "try_again", "cancel", "done", "help", "dance",
)  # fmt: skip
INTENTS = get_args(IntentType)
ITEMS = (101, 102, 201, 301, 401, 999)


@pytest.fixture
def timing() -> Timing:
    return Timing(left_grace_s=0.05, goodbye_s=0.01, receipt_s=0.05)


Deed = Callable[[], Awaitable[None]]


def happening(kiosk: Kiosk, dice: random.Random) -> Deed:
    """Something that a customer may do, the camera may see or a passer-by may say; often what is offered."""
    item = dice.choice(ITEMS)

    def press() -> Awaitable[None]:
        """What leads on."""
        session = kiosk.orchestrator.session
        if session.state in (State.GREETING, State.BROWSING) and not session.cart:
            return kiosk.cart("add", 101, 2)
        labels = render(session, "USD").suggested_actions or ["Start"]
        return kiosk.touch("help" if labels[0] == CANCEL else action_of(labels[0]))

    def change() -> Awaitable[None]:
        action = dice.choice(["add", "add", "remove", "update_qty"])
        how: tuple[str, ...] = dice.choice([(), ("Extra Cheese",), ("Truffles",)])
        return kiosk.cart(action, item, dice.choice([0, 1, 2, 99]), *how)

    def speak() -> Awaitable[None]:
        return kiosk.say(
            dice.choice(INTENTS),
            confidence=dice.random(),
            item=dice.choice([None, "burger", "iced cola", "sushi"]),
            item_id=dice.choice([None, item]),
            quantity=dice.choice([None, 1, 60]),
            modifiers=dice.choice([[], ["no onions"], ["no nuts"]]),
            also=dice.choice([[], [SpokenItem(item="fries")]]),
        )

    deeds: list[tuple[int, Deed]] = [
        (12, press),
        (4, change),
        (3, speak),
        (3, lambda: kiosk.touch(dice.choice(ACTIONS), dice.choice([None, item]))),
        (1, lambda: kiosk.come(dice.randint(0, 5))),
        (1, kiosk.go),
        (1, lambda: kiosk.tap(dice.choice([None, "LOYALTY123"]))),
        (1, lambda: kiosk.hear("anything")),
    ]
    return dice.choices([deed for _, deed in deeds], [weight for weight, _ in deeds])[0]


@pytest.mark.parametrize("seed", range(4))
async def test_any_storm_of_events(kiosk: Kiosk, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    charged: list[str] = []

    async def take_payments() -> None:
        while True:
            waiting = await kiosk.terminal.waiting.get()
            ask = kiosk.terminal.asked[-1]
            outcomes: list[PaymentResult | AskError] = [
                paid(ask.total),
                paid(ask.total),
                unpaid("cancelled"),
                unpaid(code=ErrorCode.PAYMENT_DECLINED),
                AskError(ErrorCode.TIMEOUT, "no answer"),
            ]
            outcome = dice.choice(outcomes)
            if not isinstance(outcome, AskError) and outcome.status == "success":
                charged.append(ask.order_id)
            waiting.set_result(outcome)

    terminal = asyncio.create_task(take_payments())
    happened = 0
    while happened < EVENTS or not charged:  # a storm in which nobody pays shows little
        happened += 1
        await happening(kiosk, dice)()
        if dice.random() < 0.5:  # now and then the customer looks before they leap
            await kiosk.now()
    await kiosk.now()
    async with asyncio.timeout(10):
        while kiosk.orchestrator.session.state is State.PAYING:
            await kiosk.bus.settle()
    await kiosk.orchestrator.close()
    terminal.cancel()

    assert "a fault" not in caplog.text
    started = [(await kiosk.event(SESSION_STARTED)).session_id for _ in range(kiosk.unread(SESSION_STARTED))]
    ended = [await kiosk.event(SESSION_ENDED) for _ in range(kiosk.unread(SESSION_ENDED))]
    assert started
    assert [each.session_id for each in ended] == started
    assert len(set(charged)) == len(charged)
    assert sum(each.payload["reason"] == "completed" for each in ended) == len(charged)
