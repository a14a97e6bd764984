"""A customer before the kiosk, as far as the bus goes: touches in, what is said and shown out."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from bench import PATIENCE_S
from bench.watch import Heard, Watch
from edge.bus import Client
from edge.bus.client import current
from edge.contract import ui
from edge.contract.errors import AskError
from edge.contract.input import CartAction, Touch
from edge.contract.subjects import AGENTS, CART_ACTION, TOUCH, UI_UPDATE, Command, Event
from edge.contract.wire import Payload, from_fields

P = TypeVar("P", bound=Payload)
Q = TypeVar("Q", bound=Payload)
A = TypeVar("A", bound=Payload)

_LOOK_AGAIN_S: Final = 0.2


class Customer:
    """Touches the page and watches the bus. What should come of a deed is looked for from that deed on."""

    def __init__(self, client: Client, watch: Watch) -> None:
        self._client = client
        self._watch = watch
        self._mark = len(watch.heard)
        self._last_deed = self._mark

    @property
    def bus(self) -> Client:
        """The customer's own connection."""
        return self._client

    @property
    def patience_s(self) -> float:
        """How long to wait for what should happen."""
        return PATIENCE_S

    def clock_s(self) -> float:
        """Now, by the clock that moments are told in."""
        return time.monotonic()

    def note(self, deed: str) -> None:
        """Remember what was done; here, nobody does."""

    # -- the bus -------------------------------------------------------------------------------------------------

    async def until(
        self, event: Event[P], good: Callable[[P], bool] = lambda _: True, timeout_s: float | None = None
    ) -> P:
        """The first such event since the last deed.

        Raises:
            AssertionError: none in time.
        """
        payload, _ = await self.moment(event, good, timeout_s)
        return payload

    async def moment(
        self, event: Event[P], good: Callable[[P], bool] = lambda _: True, timeout_s: float | None = None
    ) -> tuple[P, Heard]:
        """The same, with when and in which envelope it came."""
        return await self._watch.until(event, good, since=self._last_deed, timeout_s=timeout_s or self.patience_s)

    def all(self, event: Event[P]) -> list[P]:
        """Each such event since the test began."""
        return self._watch.all_since(self._mark, event)

    def everything_said(self) -> str:
        """All that was on the bus since the test began, as text."""
        return "\n".join(str(each.message.payload) for each in self._watch.heard[self._mark :])

    async def ask(self, command: Command[Q, A], ask: Q, timeout_s: float | None = None) -> A:
        """Ask an agent, durably.

        Raises:
            AskError: refused, or nobody there.
        """
        return await self._client.request(command, ask, timeout_s)

    async def until_up(self, agents: Sequence[str] = AGENTS, timeout_s: float = 60.0) -> None:
        """Return once all of `agents` answer."""
        missing = list(agents)
        async with asyncio.timeout(timeout_s):
            while missing:
                missing = [agent for agent in missing if not await self._is_up(agent)]
                if missing:
                    await self.look_again()

    async def look_again(self) -> None:
        """Return in a moment, for what nobody tells of."""
        await self._client.wait_for_reconnect(_LOOK_AGAIN_S)

    async def _is_up(self, agent: str) -> bool:
        with contextlib.suppress(AskError):
            return await self._client.is_up(agent)
        return False

    # -- the screen ----------------------------------------------------------------------------------------------

    async def touch(self, action: str) -> None:
        """Touch the page."""
        self.note(f"Touches {action}")
        await self._say(TOUCH, Touch(action=action, component="Action"))

    async def add(self, item_id: int, quantity: int = 1) -> None:
        """Put a dish into the cart."""
        self.note(f"Adds {quantity} x dish {item_id}")
        await self._say(CART_ACTION, CartAction(action="add", item_id=item_id, quantity=quantity))

    async def _say(self, event: Event[P], payload: P) -> None:
        self._last_deed = len(self._watch.heard)
        screens = [each for each in self._watch.heard if each.subject == UI_UPDATE.subject]
        token = current.set(screens[-1].message if screens else None)  # as the page does
        try:
            await self._client.publish(event, payload)
        finally:
            current.reset(token)

    async def screen(
        self, does: str, good: Callable[[ui.UiUpdate], bool], timeout_s: float | None = None
    ) -> ui.UiUpdate:
        """The screen that is `good`: the one that shows now, or the next.

        Raises:
            AssertionError: none in time; the text says what shows instead.
        """
        shows = self._watch.screen()
        if shows is not None and good(shows):
            return shows
        try:
            return await self.until(UI_UPDATE, good, timeout_s)
        except AssertionError as error:
            last = self._watch.screen()
            layout = last.layout_mode if last else "nothing yet"
            raise AssertionError(f"no screen that {does}; it shows {layout} ({error})") from None

    async def part(self, kind: type[P], good: Callable[[P], bool] = lambda _: True) -> P:
        """A part of the screen that is `good`, such as the cart."""

        def find(screen: ui.UiUpdate) -> P | None:
            for each in screen.components:
                if each.type == kind.__name__:
                    found = from_fields(each.data, kind)
                    if good(found):
                        return found
            return None

        found = find(
            await self.screen(f"shows the {kind.__name__} as expected", lambda screen: find(screen) is not None)
        )
        assert found is not None
        return found

    async def start(self) -> None:
        """Touch Start: a session runs when this returns."""
        await self.touch("start")
        await self.screen("greets", lambda screen: screen.layout_mode not in ("attract", "goodbye"))

    async def order(self, item_id: int = 101, quantity: int = 1) -> ui.Cart:
        """Put something into the cart; returns the cart."""
        await self.add(item_id, quantity)
        return await self.part(ui.Cart, lambda cart: any(line.item_id == item_id for line in cart.lines))

    async def go_to_pay(self) -> ui.PaymentPrompt:
        """Touch Checkout and Pay, as soon as they are on the screen; the kiosk waits for the card when this returns."""
        await self.screen("offers Checkout", lambda screen: "Checkout" in screen.suggested_actions)
        await self.touch("checkout")
        await self.screen("offers Pay", lambda screen: "Pay" in screen.suggested_actions)
        await self.touch("pay")
        return await self.part(ui.PaymentPrompt, lambda prompt: prompt.state == "waiting")
