"""A small shop for payment tests: its prices, its cards, and a payment agent to talk to."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.agents.payment import PaymentAgent
from edge.agents.payment.gateway import Charge, Gateway, GatewayError, Remember
from edge.agents.payment.journal import Attempt, Journal
from edge.agents.payment.prices import PricedDish
from edge.agents.payment.sandbox.bank import Bank
from edge.agents.payment.states import State, Why
from edge.bus import Client
from edge.contract.input import CardTap
from edge.contract.money import Money
from edge.contract.payment import PaidItem, ProcessPayment
from edge.contract.subjects import CARD_TAP

GOOD_CARD = "a1" * 32
OTHER_CARD = "b2" * 32
DECLINED_CARD = "dc" * 32

PRICES: Mapping[int, PricedDish] = {
    101: PricedDish(
        101, "Volcano Burger", Money(1299), {"Extra Cheese": Money(150), "No Onions": Money(0)}, available=True
    ),
    201: PricedDish(201, "Iced Cola", Money(599), {"No Ice": Money(0)}, available=True),
    301: PricedDish(301, "Fries", Money(349), {}, available=False),
}


def order(order_id: str = "order-1", *, loyalty_card: str | None = None, colas: int = 2) -> ProcessPayment:
    """A burger with cheese and some colas."""
    return ProcessPayment(
        order_id=order_id,
        total=Money(1449 + 599 * colas),
        items=[
            PaidItem(item_id=101, name="Volcano Burger", qty=1, price=Money(1449), customizations=["Extra Cheese"]),
            PaidItem(item_id=201, name="Iced Cola", qty=colas, price=Money(599)),
        ],
        loyalty_card=loyalty_card,
    )


async def tap(bus: Client, card: str = GOOD_CARD, loyalty_id: str | None = None) -> None:
    """Hold a card to the reader."""
    await bus.publish(CARD_TAP, CardTap(reader="test", card=card, loyalty_id=loyalty_id))


class WatchedJournal(Journal):
    """Tells when an attempt has begun: from then on a tap is this order's. And when it came to a state."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.begun: asyncio.Queue[str] = asyncio.Queue()
        self._reached: dict[State, asyncio.Event] = {state: asyncio.Event() for state in State}

    async def move(self, attempt: Attempt, state: State, why: Why | None = None, **more: Any) -> Attempt:
        moved = await super().move(attempt, state, why, **more)
        self._reached[state].set()
        return moved

    async def reached(self, state: State) -> None:
        """Wait until an attempt has come to `state`."""
        await asyncio.wait_for(self._reached[state].wait(), 10)

    async def begin(self, order_id: str, **more: Any) -> Attempt:
        attempt = await super().begin(order_id, **more)
        self.begun.put_nowait(order_id)
        return attempt

    async def next_begun(self) -> str:
        """The order that waits for a card next."""
        return await asyncio.wait_for(self.begun.get(), 10)


class FaultyGateway:
    """The bank behind a bad line: each switch is a fault that a real line has."""

    reads_cards = False
    name = "faulty"

    def __init__(self, bank: Bank) -> None:
        self.bank = bank
        self.charges_asked = 0
        self.settles_asked = 0
        self.called = asyncio.Event()
        self.charged = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.loses_the_ask = False
        self.loses_the_answer = False
        self.hangs_after_charging = False
        self.settle_fails = False
        self.settling = asyncio.Event()
        self.may_settle = asyncio.Event()
        self.may_settle.set()
        self.refund_fails = False
        self.charges_wrongly = False
        self.comes_late = False
        self.late: list[tuple[str, Money, str | None]] = []

    async def open(self) -> None:
        await self.bank.open()

    async def charge(self, key: str, amount: Money, card: str | None, remember: Remember) -> Charge:
        self.charges_asked += 1
        self.called.set()
        await self.go_on.wait()
        if self.loses_the_ask:
            raise GatewayError("no route to the bank")
        if self.comes_late:
            self.late.append((key, amount, card))
            raise GatewayError("no answer yet")
        charge = await self.bank.charge(key, amount + Money(1) if self.charges_wrongly else amount, card, remember)
        if self.hangs_after_charging:
            self.charged.set()
            await asyncio.Event().wait()
        if self.loses_the_answer:
            raise GatewayError("the line went dead")
        return charge

    async def arrive(self) -> None:
        """What was on its way for long reaches the bank."""
        late, self.late = self.late, []
        for each in late:
            await self.bank.charge(*each)

    async def cancel(self, key: str, reference: str | None) -> None:
        await self.bank.cancel(key, reference)

    async def settle(self, key: str, reference: str | None) -> Charge:
        self.settles_asked += 1
        if self.settle_fails:
            raise GatewayError("no route to the bank")
        self.settling.set()
        await self.may_settle.wait()
        return await self.bank.settle(key, reference)

    async def refund(self, key: str, reference: str) -> None:
        if self.refund_fails:
            raise GatewayError("no route to the bank")
        await self.bank.refund(key, reference)

    async def close(self) -> None:
        await self.bank.close()


class Shop:
    """Where one kiosk's payment files are; agents made here follow each other on the same files."""

    def __init__(self, folder: Path, nats_url: str) -> None:
        self.folder = folder
        self.nats_url = nats_url
        self.receipts_dir = folder / "receipts"
        self.prices = dict(PRICES)
        self.agents: list[PaymentAgent] = []
        self.journal = self.new_journal()

    def new_journal(self) -> WatchedJournal:
        return WatchedJournal(self.folder / "payment" / "journal.db")

    def bank(self) -> Bank:
        return Bank(self.folder / "bank" / "ledger.db", {DECLINED_CARD})

    def agent(self, gateway: Gateway | None = None, tap_timeout_s: float = 28.0, **more: Any) -> PaymentAgent:
        """A payment agent on this shop's files, as after a restart; `journal` becomes its journal."""
        self.journal = self.new_journal()
        agent = PaymentAgent(
            self.nats_url,
            prices=self.prices,
            journal=self.journal,
            gateway=gateway or self.bank(),
            receipts_dir=self.receipts_dir,
            shop="Test Shop",
            currency="USD",
            tap_timeout_s=tap_timeout_s,
            **more,
        )
        self.agents.append(agent)
        return agent

    async def open(self, gateway: Gateway | None = None, tap_timeout_s: float = 28.0, **more: Any) -> PaymentAgent:
        """The same, connected."""
        agent = self.agent(gateway, tap_timeout_s, **more)
        await agent.connect()
        return agent

    def kept(self) -> list[str]:
        """The keys of the charges that the bank approved and didn't give back."""
        query = "SELECT key FROM charges WHERE transaction_id NOTNULL AND refunded_at IS NULL"
        return [key for (key,) in self._rows("bank/ledger.db", query)]

    def approved(self) -> list[tuple[str, int]]:
        """The bank's view: key and amount of every charge it approved."""
        return self._rows("bank/ledger.db", "SELECT key, amount_minor FROM charges WHERE transaction_id NOTNULL")

    def states(self) -> list[str]:
        """The journal's view: the states of all attempts, in order."""
        return [state for (state,) in self._rows("payment/journal.db", "SELECT state FROM attempts ORDER BY rowid")]

    def _rows(self, name: str, query: str) -> list[Any]:
        path = self.folder / name
        if not path.exists():
            return []
        connection = sqlite3.connect(path)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()


def plain(ask: Mapping[str, Any]) -> bytes:
    """An ask as section 10.2's command line would send it."""
    return json.dumps({"payload": ask}).encode()
