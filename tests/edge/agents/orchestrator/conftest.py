"""A kiosk around the orchestrator: stand-in neighbours, a customer's hands and voice, eyes on the screen."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from edge.agents.orchestrator import OrchestratorAgent, Timing
from edge.bus import Client, EmbeddedServer, NATSAgentBase
from edge.bus.client import current
from edge.contract import input as customer
from edge.contract import vision, voice
from edge.contract.envelope import NATSMessage
from edge.contract.subjects import (
    CARD_TAP,
    CART_ACTION,
    INTENT,
    PERSON_DETECTED,
    PERSON_LEFT,
    SESSION_ENDED,
    SESSION_STARTED,
    TOUCH,
    TRANSCRIPT,
    UI_UPDATE,
    Event,
)
from tests.edge.agents.orchestrator.stand_ins import PATIENT_S, Advisor, Kitchen, Peripherals, Terminal

A = TypeVar("A", bound=NATSAgentBase)


class Screen:
    """One kiosk.ui.update."""

    def __init__(self, message: NATSMessage) -> None:
        self.message = message
        self.layout: str = message.payload["layout_mode"]
        self.actions: list[str] = message.payload["suggested_actions"]

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [each["data"] for each in self.message.payload["components"] if each["type"] == kind]

    def one(self, kind: str) -> dict[str, Any]:
        (found,) = self.all(kind)
        return found

    def caption(self, kind: str) -> str | None:
        return next((each["text"] for each in self.all("Caption") if each["kind"] == kind), None)

    @property
    def dishes(self) -> list[str]:
        return [each["title"] for each in self.all("HeroItem")]

    @property
    def cart(self) -> list[tuple[int, int]]:
        return [(line["item_id"], line["quantity"]) for line in self.one("Cart")["lines"]]


class Kiosk:
    """The orchestrator among its neighbours; `event` and `screen` read in order what it says."""

    orchestrator: OrchestratorAgent
    kitchen: Kitchen
    advisor: Advisor
    terminal: Terminal
    peripherals: Peripherals

    def __init__(self, url: str, bus: Client, state_file: Path | None = None) -> None:
        self.url = url
        self.bus = bus
        self.state_file = state_file
        self.timing = Timing()
        self._said: dict[str, asyncio.Queue[NATSMessage]] = {}
        self._open = contextlib.AsyncExitStack()

    async def open(
        self, timing: Timing, neighbours: tuple[str, ...] = ("menu", "recsys", "payment", "hardware")
    ) -> None:
        for event in (UI_UPDATE, SESSION_STARTED, SESSION_ENDED):
            await self._keep(event)
        if "menu" in neighbours:
            self.kitchen = await self.start(Kitchen(self.url))
        if "recsys" in neighbours:
            self.advisor = await self.start(Advisor(self.url))
        if "payment" in neighbours:
            self.terminal = await self.start(Terminal(self.url))
        if "hardware" in neighbours:
            self.peripherals = await self.start(Peripherals(self.url))
        self.timing = timing
        self.orchestrator = await self.start(self.an_orchestrator())

    def an_orchestrator(self) -> OrchestratorAgent:
        """Another run of it."""
        lunch = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
        return OrchestratorAgent(
            self.url,
            kiosk_id="kiosk-001",
            timing=self.timing,
            now=lambda: lunch,
            state_file=self.state_file,
            receipts_url="https://kiosk.example",
        )

    async def die_and_come_back(self) -> None:
        """End the orchestrator without a word, as a kill does, and start it anew."""
        await NATSAgentBase.close(self.orchestrator)
        self.orchestrator.timers.clear()
        await self.orchestrator._keeper.settle()  # a thread of ours writes on; a killed one has written or hasn't
        self.orchestrator = await self.start(self.an_orchestrator())

    async def start(self, agent: A) -> A:
        await agent.connect()
        self._open.push_async_callback(agent.close)
        return agent

    async def close(self) -> None:
        await self._open.aclose()

    async def _keep(self, event: Event[Any]) -> None:
        said = self._said[event.subject] = asyncio.Queue()

        async def keep(_: Any) -> None:
            message = current.get()
            assert message is not None
            await said.put(message)

        await self.bus.hear(event, keep)

    # -- what the orchestrator says -------------------------------------------------------------------------

    async def event(self, event: Event[Any]) -> NATSMessage:
        """The next such event."""
        return await asyncio.wait_for(self._said[event.subject].get(), PATIENT_S)

    def unread(self, event: Event[Any]) -> int:
        """How many such events came that nobody has asked for."""
        return self._said[event.subject].qsize()

    async def screen(self, layout: str, where: Callable[[Screen], bool] = lambda _: True) -> Screen:
        """The next screen with that layout of which `where` holds; those in between are passed over."""
        found = await self._next_screen(lambda each: each.layout == layout and where(each))
        assert found.message.session_id == self.orchestrator.session_id or layout in ("attract", "goodbye")
        return found

    async def now(self) -> Screen:
        """The screen once all that was done so far has been dealt with: the answer to a touch on "help"."""
        await self.touch("help")
        return await self._next_screen(lambda each: "You can say" in (each.caption("said") or ""))

    async def dealt_with(self) -> None:
        """Return once all that was said so far has been dealt with, without a touch that shows someone is there."""
        done = asyncio.Event()

        async def finish() -> None:
            done.set()

        await self.bus.settle()
        await self.orchestrator.client.settle()
        self.orchestrator._enqueue(finish)
        await asyncio.wait_for(done.wait(), PATIENT_S)

    async def _next_screen(self, where: Callable[[Screen], bool]) -> Screen:
        seen: list[str] = []
        try:
            async with asyncio.timeout(PATIENT_S):
                while True:
                    screen = Screen(await self._said[UI_UPDATE.subject].get())
                    if where(screen):
                        return screen
                    seen.append(f"{screen.layout} {[each['text'] for each in screen.all('Caption')]}")
        except TimeoutError:
            pytest.fail(f"no such screen; seen: {seen}")

    # -- what the customer does ---------------------------------------------------------------------------

    async def come(self, party_size: int = 1) -> None:
        await self.bus.publish(PERSON_DETECTED, vision.PersonDetected(estimated_party_size=party_size))

    async def go(self) -> None:
        await self.bus.publish(PERSON_LEFT, vision.PersonLeft(duration_seconds=1))

    async def touch(self, action: str, item_id: int | None = None) -> None:
        await self.bus.publish(TOUCH, customer.Touch(action=action, item_id=item_id))

    async def cart(self, action: Any, item_id: int, quantity: int = 1, *customizations: str) -> None:
        await self.bus.publish(
            CART_ACTION,
            customer.CartAction(action=action, item_id=item_id, quantity=quantity, customizations=list(customizations)),
        )

    async def hear(self, text: str, *, is_final: bool = True) -> None:
        await self.bus.publish(TRANSCRIPT, voice.Transcript(text=text, confidence=0.9, is_final=is_final))

    async def say(self, intent: voice.IntentType, text: str = "", confidence: float = 0.9, **entities: Any) -> None:
        """Say something that means `intent`, as the voice agent would tell of it."""
        await self.bus.publish(
            INTENT,
            voice.Intent(
                intent_type=intent,
                raw_text=text or intent,
                confidence=confidence,
                entities=voice.Entities(**entities),
            ),
        )

    async def tap(self, loyalty_id: str | None) -> None:
        await self.bus.publish(CARD_TAP, customer.CardTap(reader="test", card="0" * 64, loyalty_id=loyalty_id))

    # -- further along ------------------------------------------------------------------------------------

    async def order(self, item_id: int = 101, quantity: int = 1, *customizations: str) -> Screen:
        """Arrive and put something into the cart."""
        await self.come()
        await self.screen("greeting")
        await self.cart("add", item_id, quantity, *customizations)
        return await self.screen("hero_grid", lambda screen: bool(screen.all("Suggestion")))

    async def pay(self) -> Screen:
        """Order something and get as far as the card reader."""
        await self.order(101, 1, "Extra Cheese")
        await self.touch("checkout")
        await self.screen("confirm")
        await self.touch("pay")
        return await self.screen("payment")


@pytest.fixture
def timing() -> Timing:
    """Long enough that nothing ends by itself, but for the goodbye; a module may have its own."""
    return Timing(goodbye_s=0.05, missing_after_s=600)


@pytest.fixture
async def kiosk(nats_server: EmbeddedServer, bus: Client, timing: Timing) -> AsyncIterator[Kiosk]:
    """A kiosk with all its agents, showing dishes on the attract screen."""
    each = Kiosk(nats_server.url, bus)
    try:
        await each.open(timing)
        await each.screen("attract", lambda screen: bool(screen.dishes))
        yield each
    finally:
        await each.close()


@pytest.fixture
async def lasting(nats_server: EmbeddedServer, bus: Client, timing: Timing, tmp_path: Path) -> AsyncIterator[Kiosk]:
    """A kiosk whose orchestrator keeps its session."""
    each = Kiosk(nats_server.url, bus, tmp_path / "orchestrator" / "session.json")
    try:
        await each.open(timing)
        await each.screen("attract", lambda screen: bool(screen.dishes))
        yield each
    finally:
        await each.close()


OpenKiosk = Callable[..., Awaitable[Kiosk]]


@pytest.fixture
async def open_kiosk(nats_server: EmbeddedServer, bus: Client, timing: Timing) -> AsyncIterator[OpenKiosk]:
    """Opens a kiosk with only some of its agents: ``await open_kiosk("menu", "payment")``."""
    opened = Kiosk(nats_server.url, bus)

    async def open_with(*neighbours: str) -> Kiosk:
        await opened.open(timing, neighbours)
        return opened

    yield open_with
    await opened.close()
