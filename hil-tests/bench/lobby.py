"""What a test does and sees: the bench's stimuli and observers with a memory, and a customer's usual ways."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import pytest

from bench import Bench, Paper
from bench.deeds import MENDS, Deed, Sight, in_words
from bench.record import Record
from bench.watch import Heard, Watch
from edge.bus import Client
from edge.bus.client import current
from edge.contract import ui
from edge.contract.errors import AskError
from edge.contract.input import CartAction, Touch
from edge.contract.subjects import (
    AGENTS,
    CART_ACTION,
    PERSON_DETECTED,
    PERSON_LEFT,
    TOUCH,
    UI_UPDATE,
    Command,
    Event,
)
from edge.contract.wire import Payload, from_fields

P = TypeVar("P", bound=Payload)
Q = TypeVar("Q", bound=Payload)
A = TypeVar("A", bound=Payload)

PATIENCE_S: Final = 20.0  # for what takes well under 5 s on a machine with nothing else to do
_TAP_AGAIN_S: Final = 3.0
_SHOWN_EVENTS: Final = 400


class Lobby:
    """The place where a test happens. Every deed is one that the test said it needs."""

    def __init__(self, bench: Bench, client: Client, watch: Watch, record: Record, needed: Sequence[Deed | Sight]):
        self._bench = bench
        self._client = client
        self._watch = watch
        self._record = record
        self._needed = frozenset(needed)
        self._to_mend: dict[Deed, None] = {}
        self._mark = len(watch.heard)
        self._last_deed = self._mark
        watch.on_heard = self._note_message

    @property
    def bus(self) -> Client:
        """The bench's own connection."""
        return self._client

    def clock_s(self) -> float:
        """Now, by the clock that moments are told in."""
        return time.monotonic()

    @property
    def patience_s(self) -> float:
        """How long to wait for what should happen."""
        return PATIENCE_S

    def figure(self, name: str, value: str) -> None:
        """Put a measurement into the report."""
        self._record.figures[name] = value

    # -- deeds ---------------------------------------------------------------------------------------------------

    async def do(self, deed: Deed, what: str = "") -> None:
        """Do something; what should come of it is looked for from here on."""
        assert deed in self._needed or deed in MENDS.values(), f"the test does not say that it needs {deed}"
        self._last_deed = len(self._watch.heard)
        self._record.note("person", in_words(deed, what))
        if deed in MENDS:
            self._to_mend[MENDS[deed]] = None
        await self._bench.do(deed, what)
        self._to_mend.pop(deed, None)

    async def mend(self) -> None:
        """Bring back what a test that failed left broken."""
        for deed in reversed(list(self._to_mend)):
            await self.do(deed)

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

    async def _is_up(self, agent: str) -> bool:
        with contextlib.suppress(AskError, Exception):
            return await self._client.is_up(agent)
        return False

    # -- the screen ----------------------------------------------------------------------------------------------

    async def touch(self, action: str) -> None:
        """Touch the page."""
        self._record.note("person", f"Touches {action}")
        await self._say(TOUCH, Touch(action=action, component="Action"))

    async def add(self, item_id: int, quantity: int = 1) -> None:
        """Put a dish into the cart."""
        self._record.note("person", f"Adds {quantity} x dish {item_id}")
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

    # -- a customer ----------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Touch Start: a session runs when this returns."""
        await self.touch("start")
        await self.screen("greets", lambda screen: screen.layout_mode not in ("attract", "goodbye"))

    async def order(self, item_id: int = 101, quantity: int = 1) -> ui.Cart:
        """Put something into the cart; returns the cart."""
        await self.add(item_id, quantity)
        return await self.part(ui.Cart, lambda cart: any(line.item_id == item_id for line in cart.lines))

    async def go_to_pay(self) -> ui.PaymentPrompt:
        """Touch Checkout and Pay; the kiosk waits for the card when this returns."""
        await self.touch("checkout")
        await self.screen("asks for confirmation", lambda screen: screen.layout_mode == "confirm")
        await self.touch("pay")
        return await self.part(ui.PaymentPrompt, lambda prompt: prompt.state == "waiting")

    async def pay(self, card: str = "good") -> ui.UiUpdate:
        """Hold the card to the reader, as often as a person does until something happens; returns that screen."""

        def over(screen: ui.UiUpdate) -> bool:
            states = [each.data.get("state") for each in screen.components if each.type == "PaymentPrompt"]
            return screen.layout_mode == "receipt" or (bool(states) and states != ["waiting"])

        deadline_s = time.monotonic() + 2 * self.patience_s
        while True:
            await self.do(Deed.TAP, card)
            with contextlib.suppress(AssertionError):
                return await self.screen("tells how the payment went", over, _TAP_AGAIN_S)
            assert time.monotonic() < deadline_s, "nothing comes of tapping the card"

    async def buy(self, item_id: int = 101) -> ui.ReceiptInfo:
        """All of it, up to the receipt on the screen, printed or not."""
        await self.start()
        await self.order(item_id)
        await self.go_to_pay()
        await self.pay()
        return await self.part(ui.ReceiptInfo, lambda receipt: receipt.printed is not None)

    async def rest(self) -> None:
        """Bring the kiosk back to where nobody is there."""
        with contextlib.suppress(AssertionError):
            seen, left = self.all(PERSON_DETECTED), self.all(PERSON_LEFT)
            if len(seen) > len(left) and Deed.SHOW in self._needed:
                await self.do(Deed.SHOW, "nobody")
                await self.until(PERSON_LEFT)
            shows = self._watch.screen()
            if shows is not None and shows.layout_mode == "receipt":  # its paper is nobody else's
                await self.part(ui.ReceiptInfo, lambda receipt: receipt.printed is not None)
            if shows is not None and shows.layout_mode not in ("attract", "goodbye"):
                await self.touch("cancel")
                await self.screen("says goodbye", lambda screen: screen.layout_mode in ("attract", "goodbye"))

    # -- what can be seen ----------------------------------------------------------------------------------------

    async def receipt(self, *words: str) -> Paper:
        """The next receipt, which shows `words`."""
        self._must_see(Sight.RECEIPTS)
        return await self._bench.receipts.next(words, self.patience_s)

    async def receipts(self) -> int:
        """How many whole receipts came out since the test began."""
        self._must_see(Sight.RECEIPTS)
        return await self._bench.receipts.count()

    def papers(self) -> str:
        """What came out since the test began, for whoever must find out why."""
        return "\n--8<--\n".join(each.text for each in self._record.papers)

    async def lit(self) -> None:
        """Return once the LED strip shines."""
        self._must_see(Sight.LIGHTS)
        await self._bench.lights.until(True, self.patience_s)

    async def dark(self, timeout_s: float | None = None) -> None:
        """Return once the LED strip is dark."""
        self._must_see(Sight.LIGHTS)
        await self._bench.lights.until(False, timeout_s or self.patience_s)

    async def press_felt(self) -> float:
        """The next press of the button that the driver felt."""
        self._must_see(Sight.BUTTON)
        return await self._bench.button.next_press(self.patience_s)

    async def presses(self) -> int:
        """How many presses it felt since the test began."""
        self._must_see(Sight.BUTTON)
        return await self._bench.button.presses()

    def _must_see(self, sight: Sight) -> None:
        assert sight in self._needed, f"the test does not say that it needs {sight}"

    # -- memory --------------------------------------------------------------------------------------------------

    def _note_message(self, heard: Heard) -> None:
        if len(self._record.moments) < _SHOWN_EVENTS:
            self._record.note("bus", heard.subject, heard.about, heard.at_s)

    def begin(self) -> None:
        """The test begins: what was before is nobody's."""
        self._bench.receipts.begin()
        self._bench.lights.begin()
        if self._bench.missing(Sight.BUTTON) is None:
            self._bench.button.begin()

    def end(self) -> None:
        """The test is over: keep what the lights showed."""
        self._watch.on_heard = _ignore
        self._record.frames = list(self._bench.lights.frames())

    @property
    def malformed(self) -> Sequence[str]:
        """What broke the contract so far."""
        return self._watch.malformed


def _ignore(_: Any) -> None:
    """The test is over."""


def needs(*what: Deed | Sight) -> pytest.MarkDecorator:
    """Say what a test does to the kiosk and sees of it: where the bench can't, it is skipped with the reason."""
    return pytest.mark.needs(*what)
