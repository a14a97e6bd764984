"""The orchestrator as a process, killed by SIGKILL at every screen of one order: a customer sees a hiccup at most."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from edge.agents.orchestrator.timing import Timing
from edge.bus import Client, EmbeddedServer
from edge.contract.money import Money
from edge.contract.subjects import SESSION_ENDED, SESSION_STARTED
from tests.edge.agents.orchestrator.conftest import Kiosk, Screen
from tests.edge.agents.orchestrator.stand_ins import PATIENT_S, paid

START_S = 30  # a machine with other work


class Process:
    """`kiosk run orchestrator`, in the place of an agent of this process."""

    def __init__(self, url: str, folder: Path) -> None:
        self._words = ("run", "orchestrator", "--url", url, "--data-dir", str(folder))
        self._process: asyncio.subprocess.Process | None = None

    async def connect(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge", *self._words), stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(START_S):
            while b"is up" not in (line := await self._process.stdout.readline()):
                assert line, "it ended"

    async def close(self) -> None:
        """SIGKILL: it has no time for anything."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


class Killable(Kiosk):
    """A kiosk whose orchestrator is a process."""

    def __init__(self, url: str, bus: Client, folder: Path) -> None:
        super().__init__(url, bus, folder / "orchestrator" / "session.json")
        self.process = Process(url, folder)

    def an_orchestrator(self) -> Any:
        """The process: as good as an agent, for what a kiosk does with it."""
        return self.process

    async def screen(self, layout: str, where: Callable[[Screen], bool] = lambda _: True) -> Screen:
        return await self._next_screen(lambda each: each.layout == layout and where(each))

    async def kill(self, state: str) -> None:
        """Kill it once `state` is on disk, which it is a moment after the screen, and start it as systemd does."""
        assert self.state_file is not None
        async with asyncio.timeout(PATIENT_S):
            while json.loads(self.state_file.read_bytes())["session"]["state"] != state:
                await self.bus.settle()
        await self.process.close()
        await self.process.connect()


@pytest.fixture
async def killable(nats_server: EmbeddedServer, bus: Client, timing: Timing, tmp_path: Path) -> AsyncIterator[Killable]:
    each = Killable(nats_server.url, bus, tmp_path)
    try:
        await each.open(timing)
        await each.screen("attract", lambda screen: bool(screen.dishes))
        yield each
    finally:
        await each.close()


def again(screen: Screen) -> bool:
    return screen.caption("said") == "Sorry for the wait. Here is your order again."


@pytest.mark.timeout(300)
async def test_a_customer_pays_though_the_orchestrator_is_killed_at_every_screen(killable: Killable) -> None:
    kiosk = killable
    cart = (await kiosk.order(101, 2)).cart
    started = await kiosk.event(SESSION_STARTED)

    await kiosk.kill("cart")
    screen = await kiosk.screen("hero_grid", again)
    assert (screen.cart, screen.message.session_id) == (cart, started.session_id)
    await kiosk.touch("select_item", 201)
    await kiosk.screen("item")

    await kiosk.kill("item")
    assert (await kiosk.screen("item", again)).one("ItemDetails")["id"] == 201
    await kiosk.touch("checkout")
    await kiosk.screen("confirm")

    await kiosk.kill("confirming")
    assert (await kiosk.screen("confirm", again)).cart == cart
    await kiosk.touch("pay")
    first = await asyncio.wait_for(kiosk.terminal.waiting.get(), PATIENT_S)

    await kiosk.kill("paying")
    screen = await kiosk.screen("payment", lambda screen: screen.one("PaymentPrompt")["state"] == "waiting")
    kiosk.peripherals.hold.clear()
    asked = await kiosk.terminal.answer(paid(Money.of("25.98")))
    assert asked == kiosk.terminal.asked[0]
    receipt = (await kiosk.screen("receipt")).one("ReceiptInfo")
    assert receipt["order_id"] == asked.order_id
    await asyncio.wait_for(kiosk.peripherals.printed.get(), PATIENT_S)

    await kiosk.kill("receipt")
    kiosk.peripherals.hold.set()
    screen = await kiosk.screen("receipt", lambda screen: screen.one("ReceiptInfo")["printed"] is True)
    assert screen.one("ReceiptInfo")["order_id"] == asked.order_id
    await kiosk.touch("done")
    ended = await kiosk.event(SESSION_ENDED)
    assert (ended.session_id, ended.payload["reason"]) == (started.session_id, "completed")
    assert kiosk.unread(SESSION_STARTED) == kiosk.unread(SESSION_ENDED) == 0
    assert len({ask.order_id for ask in kiosk.terminal.asked}) == 1
    first.cancel()
