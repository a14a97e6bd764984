"""A payment whose agent dies, or whose answer goes with the bus, is asked for again long before its time is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.agents.orchestrator.timing import Timing
from edge.bus import Client, EmbeddedServer, NATSAgentBase
from edge.contract.money import Money
from tests.edge.agents.orchestrator.conftest import Kiosk, Screen
from tests.edge.agents.orchestrator.stand_ins import PATIENT_S, Terminal, paid

PRICE = Money.of("14.49")  # of what `Kiosk.pay` orders


def waiting(screen: Screen) -> bool:
    return bool(screen.one("PaymentPrompt")["state"] == "waiting")


async def die(terminal: Terminal) -> asyncio.Future[object]:
    """End without an answer, as a kill does; what was at work."""
    at_work = await asyncio.wait_for(terminal.waiting.get(), PATIENT_S)
    await NATSAgentBase.close(terminal)
    return at_work  # type: ignore[return-value]  # whoever ends it knows what with


async def test_an_agent_that_died_is_asked_again_when_it_is_back(kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    await kiosk.pay()
    missed = asyncio.Event()
    client = kiosk.orchestrator.client
    look = client.is_up

    async def is_up(agent: str) -> bool:
        up = await look(agent)
        if agent == "payment" and not up:
            missed.set()
        return up

    monkeypatch.setattr(client, "is_up", is_up)
    first = await die(kiosk.terminal)
    asked = kiosk.terminal.asked
    await asyncio.wait_for(missed.wait(), PATIENT_S)
    kiosk.terminal = await kiosk.start(Terminal(kiosk.url))
    again = await kiosk.terminal.answer(paid(PRICE))
    assert again == asked[0]
    screen = await kiosk.screen("receipt")
    assert screen.one("ReceiptInfo")["order_id"] == again.order_id
    first.cancel()


async def test_an_agent_that_stays_away_is_not_waited_for(kiosk: Kiosk) -> None:
    kiosk.orchestrator.timing = replace(kiosk.orchestrator.timing, missing_after_s=0.05)
    await kiosk.pay()
    first = await die(kiosk.terminal)
    screen = await kiosk.screen("payment", lambda screen: not waiting(screen))
    assert screen.one("PaymentPrompt")["state"] == "failed"
    assert "you pay only once" in screen.one("PaymentPrompt")["message"]
    first.cancel()


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    async with EmbeddedServer(tmp_path / "nats") as server:
        yield server


async def test_an_answer_that_went_with_the_bus_is_asked_for_again(own_server: EmbeddedServer, timing: Timing) -> None:
    bus = Client(own_server.url, name="test")
    await bus.connect(wait_s=PATIENT_S, setup=True)
    kiosk = Kiosk(own_server.url, bus)
    try:
        await kiosk.open(timing)
        await kiosk.screen("attract", lambda screen: bool(screen.dishes))
        await kiosk.pay()
        lost = await asyncio.wait_for(kiosk.terminal.waiting.get(), PATIENT_S)
        await own_server.kill()  # from here on nobody knows whether an answer would come through
        await own_server.start()
        again = await kiosk.terminal.answer(paid(PRICE))
        assert kiosk.terminal.asked[0] == again
        await kiosk.screen("receipt")
        lost.cancel()
    finally:
        await kiosk.close()
        await bus.close()
